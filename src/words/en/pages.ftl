# What stands on the pages. Markup (<strong>, <code>) only in messages that a template or a page says with `rich`.

## Around every page

language-name = English
base-languages = Language
base-skip = Skip to the content
base-brand = { $company }: all journeys
live-off = as of
live-on = live
live-lost = connecting again, as of
trouble-label = Our own troubles
trouble-heading = We ourselves are in trouble: believe what you see here with care
trouble-since = <strong>{ $what }</strong> since { $since }
trouble-since-why = <strong>{ $what }</strong> since { $since }: { $why }
foot-meaning = Of 100 customers who walk a journey now, about as many as its number says meet no problem. A journey is as good as its weakest part allows.
foot-status = Status as JSON
foot-api = API
foot-feed = Feed
crumb-label = Where you are
crumb-all = All journeys

## Used on several pages

journey-health = Journey health
open-now = Open now
since = since { $since }
since-strong = since <strong>{ $since }</strong>
ring-score = Score { $score } of 100: { $tone }
ring-none = No number: { $tone }
case-owner = { $owner } has it
any-customer = any customer
column-as = As
column-from = From
column-journey = Journey
column-last = Last
column-receiver = Receiver
column-says = Says
column-signal = Signal
column-since = Since
column-state = State
column-took = Took
column-trace = Trace
column-what = What
column-when = When
column-runs = Runs
column-points = Points
column-attempts = Attempts
column-delivery = Delivery

## Home

home-worst = The worst journey
home-only = <strong>{ $title }</strong> is the only journey.
home-no-number =
    <strong>{ $title }</strong> is one of { $count ->
        [one] { $count } journey
       *[other] { $count } journeys
    }; none has a number now.
home-mean =
    <strong>{ $title }</strong> is the worst of { $count ->
        [one] { $count } journey
       *[other] { $count } journeys
    }; their mean is { $mean }.
home-empty = No journey is drawn yet.
home-empty-how = Write what your customers want into <code>config/journeys.yaml</code>; this page follows as soon as you save it.
home-journeys = Journeys
home-day-begins = 24 h ago
home-day-ends = now
home-places = Where customers meet us
home-closed = Lately over
hurts-everyone = Hurts every customer
hurts-like = Hurts customers like { $names }
fact-worse = Worse for <strong>{ $whom }</strong>
fact-felt = Felt <strong>{ $score }</strong>
fact-seen = Seen <strong>{ $share }</strong>
fact-since = { $tone } since <strong>{ $since }</strong>

## Journey

journey-felt = felt <strong>{ $score }</strong>
journey-seen = seen <strong>{ $share }</strong>
journey-range = somewhere from <strong>{ $low } to { $high }</strong>
journey-path = The path
need-any-one = any one of these
need-any = any { $need } of these { $count }
journey-costs = What costs the score
costs-unknown = Too little is seen for a number, so nothing is laid to anybody’s charge.
costs-nothing = Nothing. Every part of this journey is as it should be.
costs-fall = From 100 down
costs-mended = If mended
costs-perfect = A perfect journey
costs-now = This journey now
costs-why = { $why } · since { $since }
costs-note = “If mended” is the score if only that were put right.
cost-probe = { $place }: { $probe }
check-disagrees = is not true any more
check-cannot = cannot be compared
journey-segments = How each kind of customer fares
segment-as = tried as { $whom }
segment-untried = Tried only as other customers, and no part of this number: { $untried }.
segment-errand = “{ $title }” ({ $places })
journey-checks = Do customers find the same everywhere?
check-unread = not seen yet
check-stale = not read since { $since }
tone-agrees = agrees
tone-disagrees = disagrees
tone-incomparable = cannot be compared
graph-planned = Planned work
fact-lost = Lost <strong>{ $minutes }</strong> journey-minutes, counted up to { $until }
goal-heading = The promise: { $target } over { $window }
goal-told = { $lost } of { $budget } minutes used; in the last hour minutes were lost { $burn } times as fast as the promise allows.
goal-page = It is used up too fast: somebody has been called.
goal-ticket = It is used up too fast: somebody should look within days.
goal-within = within its budget
goal-half = budget more than half used
goal-gone = budget used up

## Touchpoint

place-title = { $title } · { $channel }
place-since = since <strong>{ $since }</strong>, for { $lasted }
place-owner = owner <strong>{ $owner }</strong>
place-way = On the way of
place-works = { $place } works as it should.
place-empty = Nothing is probed here.
probe-every = every { $every }
probe-credited = credited by <code>{ $by }</code>
probe-file = written in <code>{ $file }</code>
series-caption = As whom and from where
series-blind = this vantage cannot see: what it says counts for nothing
series-flapping = comes and goes: notifications are held
series-undecided = we look again before we say so
series-last = last run { $when }
windows-caption = Availability and answer times
windows-available = Available
windows-half = Half within
windows-percentile = { $percentile } % within
windows-day = 24 hours
windows-week = 7 days
beats-label = The last runs, as high as they were long
beats-caption = The last runs, oldest first: as high as they were long
beat-told = { $when }: { $tone }, { $took }
run-latest = The latest run
run-latest-full = The latest run seen in full
run-earlier = Earlier runs
proof-title = What the customer saw when it last failed
proof-alt = The page as it looked when “{ $step }” failed; secrets are covered
proof-step = The step “{ $step }” failed.
proof-outline = The page in words
proof-console = Its console
proof-requests = Its requests (HAR)
run-own = { $why }: { $text }
run-skipped = The run did not take place
run-certificate =
    Certificate of { $subject }, valid until { $until } ({ $days ->
        [one] { $days } day
       *[other] { $days } days
    }), issued by { $issuer }
phases-of = Phases of { $step }
trace = trace
tone-unfinished = not seen to its end
tone-unreached = not reached
tone-defect = with a defect

## What was found

finding-looked = Looked at
finding-expected = Expected
finding-found = Found
finding-excerpt = The answer says
finding-advice = What to do

## Incident

incident-over = Incident
incident-owner = Who has it
incident-nobody = Nobody yet. Who takes it stops the reminders; what grows worse is told all the same.
incident-doing = What you are doing
incident-take = I have it
incident-owned =
    { $by } { $tense ->
        [over] had
       *[open] has
    } it since { $since }.
incident-owned-why =
    { $by } { $tense ->
        [over] had
       *[open] has
    } it since { $since }: { $why }.
incident-cause = The cause
incident-hurts = Whom it hurts
incident-lost = Points lost
incident-where = Where
incident-told = Who has been told
incident-line = What happened
incident-since = since { $from }, for { $lasted }
incident-from-to = from { $from } to { $to }, for { $lasted }
incident-recovered = It recovered.
incident-removed = What it was about is no longer watched.
incident-merged = Another incident explains it.
tone-over = over
tone-urgent = urgent
tone-ticket = to look at
delivery-delivered = delivered
delivery-dead = given up
delivery-superseded = replaced by a newer one
delivery-dropped = dropped
delivery-pending = on its way
notice-open = open
notice-update = update
notice-remind = remind
notice-acknowledge = acknowledge
notice-escalate = escalate
notice-resolve = resolve
notice-test = test

## What is held back

quiet-heading = Held back now
quiet-calm = Nobody is told what breaks here meanwhile; what is still broken then is told when it is over. The score counts it all.
quiet-end = End it
quiet-planned = Planned work: { $name }
quiet-silenced = Silenced: { $what }
quiet-an-incident = an incident
quiet-until = until { $until }
quiet-why = { $by }: { $why }
share-heading = Put this journey into a page of yours
share-card = Card, HTML
share-badge = Badge, Markdown
hush-heading = Silence this for a time
hush-for = For
hush-why = Why
hush-do = Silence it
ask-name = Your name

## What customers say

voices-heading = What customers say themselves
voices-note = Beside the score, never in it.
voices-caption = What customers say
voices-nothing = nothing yet

## What is not there

missing-title = Not here
missing-over = Not found
missing-heading = There is no such page here.
missing-back = To all journeys
refused-title = Not done
refused-over = It is over already.
refused-forbidden = This cannot be done from here.
refused-later = Our store does not take it at present. Go back and try again.
refused-wrongly-put = Something in the form is missing or cannot be. Go back and correct it.
