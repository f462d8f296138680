# A journey's past: the chart, what people noted on it, what is planned; the wallboard, the feed and the document.

## How far back

range-day = 24 hours
range-week = 7 days
range-month = 30 days
range-quarter = 90 days
range-year = 1 year
past-day = The last 24 hours
past-week = The last 7 days
past-month = The last 30 days
past-quarter = The last 90 days
past-year = The last year
past-ranges = How far back

## The chart

told-day = Last 24 hours
told-week = Last 7 days
told-month = Last 30 days
told-quarter = Last 90 days
told-year = Last year
told-unseen = { $length }: not watched yet
told-past = { $length }: on average { $mean }, at worst { $worst }
told-incidents =
    { $count ->
        [one] , { $count } incident
       *[other] , { $count } incidents
    }
told-gaps = , { $length } not watched
told-planned = , some of it planned work
mark = { $kind }: { $title }
past-lost-most = Lost, at most { $most }
past-incidents = Incidents
past-unseen = hatched: <strong>{ $length }</strong> that nobody watched; it counts neither as good nor as bad
past-all-seen = hatched is what nobody watched; there is none
past-planned = planned work
past-numbers = The same in numbers
column-mean = Score on average
column-lost = Minutes lost
column-unseen = Not watched

## The axis: what % letters mean is strftime's

axis-week = { $day } %-d
axis-month = %-d %b
axis-january = %Y
axis-year = %b
spell-week = { $day } %-d %b
spell-month = from %-d %b
spell-year = from %-d %b %Y
weekday-monday = Monday
weekday-tuesday = Tuesday
weekday-wednesday = Wednesday
weekday-thursday = Thursday
weekday-friday = Friday
weekday-saturday = Saturday
weekday-sunday = Sunday

## What hurt, and what people noted

past-worst = What hurt most
past-noted = What people noted
noted-everywhere = every journey
noted-by = Noted by { $by }, { $when }
noted-remove = Take it off
noted-remove-this = Take it off: “{ $title }”
occasion-campaign = Campaign
occasion-release = Release
occasion-launch = Launch
occasion-note = Note
when-from-to = { $from } to { $to }
compared-refused = The store cannot tell how it went.
compared-ahead = Begins in { $length }.
compared-too-soon = It is too soon to say how it goes.
compared-unseen = Too little was seen to compare { $length } before and since.
compared-known = { $before } on average before and { $after } since, over { $length } each; felt { $felt-before } and { $felt-after }; { $lost-before } and { $lost-after } minutes lost.

## The form

note-title = Note a campaign, a release, a launch
note-kind = What kind
note-what = What it is
note-from = From
note-until = To, if it lasts
note-text = What else there is to say
note-everywhere = It concerns every journey
note-do = Note it
note-zone = Times are those of { $zone }.

## Elsewhere

ahead-title = What is planned
trend-yesterday = against yesterday
trend-last-week = against a week ago
trend-then = it was { $score } at this time
wall-title = Wallboard
feed-title = { $company }: journey health
written-title = How it is defined: <code>{ $file }</code>
written-note = As the daemon has read it. Secrets are references: none stands in a file.
happened-noted = { $by } noted: { $title }
happened-noted-more = { $by } noted: { $title } ({ $text })
incident-document = The incident as a document
incident-document-note = (Markdown), to write on

## The document of an incident

document-open = From { $from }, still open: { $length }
document-over = From { $from } until { $to }: { $length }
document-removed = From { $from } until { $to }, when what it was about was no longer watched: { $length }
document-merged = From { $from } until { $to }, when another incident explained it: { $length }
document-incident = Incident `{ $id }`, severity { $severity }
document-zone = Times are those of { $zone }
document-taken = Taken by { $by } at { $at }
document-taken-why = Taken by { $by } at { $at }: { $why }
document-impact = Impact
document-unhurt = No journey was hurt.
document-costs = | journey | points, at worst | journey-minutes lost meanwhile | not watched meanwhile |
document-unknown = unknown
document-minutes = { $count } min
document-whatever = Lost minutes count whatever hurt the journey while this incident was open.
document-cause = Cause
document-no-fault = No single failing step is known.
document-shared = What they have in common: { $shared }.
document-trace = Trace: { $trace }
document-places = | touchpoint | owner |
document-seen = { $what }: { $value }
document-advice = What to do: { $advice }.
document-timeline = Timeline
document-told = Who was told
document-letters = | receiver | what | became of it | attempts | when |
