# Reports over a week, a month or a quarter: as a page, as a mail and as text; and the walk through a journey.

## Their time

report-week = Week { $number } of { $year }
report-quarter = Quarter { $number } of { $year }
report-month-format = %B %Y
report-day-format = %-d %b %Y
report-days = { $from } to { $to }
report-moment-format = %a %-d %b %Y %H:%M

## What is said first

report-subject = { $company }, { $title }: { $gist }
report-gist-unwatched = We watched nothing in this time, and can say nothing of it.
report-gist-calm = Nothing was wrong.
report-gist-lost = “{ $title }” lost most: { $lost }.
report-gist-lost-only = “{ $title }” lost { $lost }.
report-so-far = This is not over: it is told up to { $until }.
report-seen = We watched { $share } of the time; what happened in the rest is not known.
report-compared = Changes are against { $before }.
report-compared-so-far = Changes are against the same part of { $before }.
report-not-compared = Of { $before } too little was seen to compare with.

## Figures

report-score = Mean score
report-felt = Felt
report-lost = Lost
report-unobserved = Not watched
report-planned = Planned work
report-minutes = { $minutes } min
report-points = { $points } points
report-unchanged = unchanged
report-change = Change
report-objective = Objective { $target } over { $window }: { $lost } of { $budget } used, { $rest } left.
report-objective-missed = Objective { $target } over { $window }: missed. { $lost } lost, { $rest } more than the { $budget } it allows.

## What it was lost to

report-by-stage = Lost by stage
report-by-owner = Lost by owner
report-nobody = Nobody’s
report-journey-calm = Nothing was wrong.
report-journey-unseen = Nobody watched this journey then.
report-unaccounted = Of { $lost } it is not known any more what they were lost to.
report-longest = Longest problems
report-no-problems = There was no problem.
report-problems-more =
    { $count ->
        [one] and { $count } more
       *[other] and { $count } more
    }
report-not-over = { $lasted }, not over

## The mail and the page

report-open = Open this report
report-footer = Lost minutes count how much of the journey was broken, and for how long: an hour at a score of 50 loses 30 minutes.
reports-title = Reports
reports-lead = How the journeys went, week by week and month by month
reports-walks = Walks
reports-walks-lead = Stage by stage through every touchpoint: what was tried, what was found, what it costs
reports-so-far = so far
reports-weeks = Weeks
reports-months = Months
reports-quarters = Quarters
reports-mailed = Who gets them by mail stands under <code>reports:</code> in the configuration.
reports-problem = Problem
reports-began = Began
reports-lasted = Lasted
reports-cost = At worst
reports-owner = Owner
reports-part = Part
reports-earlier = { $title }, the one before
reports-later = { $title }, the one after

## The walk

walk-link = Walk through it, stage by stage
walk-open = Open the whole walk
walk-document = Walk through the customer journeys
walk-title = Walk: { $title }
walk-heading = Walk through “{ $title }”: { $score }
walk-over = A walk through the whole journey, as of { $at }
walk-pains = Pain points
walk-no-pains = Nothing costs this journey any points.
walk-pain = { $title }: −{ $points } points
walk-gain = mended: +{ $points }
walk-choice =
    { $need ->
        [one] one of { $of } is enough
       *[other] { $need } of { $of } are needed
    }
walk-above = Told in an earlier stage.
walk-no-visits = Nothing has been tried here yet.
walk-costs = costs { $points } points
walk-costs-nothing = costs nothing
walk-errand = part of the errand { $probe }
walk-checks = The same everywhere?
walk-download-csv = Download as a table
walk-download-json = As JSON
walk-owner = owner { $owner }
walk-shot = The page as it looked after “{ $step }”; secrets are covered
