# Sentences about journeys, touchpoints, incidents and segments; times, lengths and lists.
# $wish says how a journey's title reads: `deed` ("Pay my bill" is something that customers do: $deed is "pay their
# bill") or `name` ("Billing"). Only English needs to know.

## How a journey goes

journey-checking =
    { $wish ->
        [deed] We are checking whether customers can { $deed }: the first visits are on their way.
       *[name] We are checking whether “{ $title }” works: the first visits are on their way.
    }
journey-unseen =
    { $wish ->
        [deed] We cannot see whether customers can { $deed }: too few of our visits got through.
       *[name] We cannot see whether “{ $title }” works: too few of our visits got through.
    }
journey-first-look =
    { $wish ->
        [deed] We are still checking whether customers can { $deed }: { $clause }.
       *[name] We are still checking whether “{ $title }” works: { $clause }.
    }
journey-first-looks =
    { $wish ->
        [deed] We are still checking whether customers can { $deed }: { $count ->
            [one] { $count } first look is
           *[other] { $count } first looks are
        } under way.
       *[name] We are still checking whether “{ $title }” works: { $count ->
            [one] { $count } first look is
           *[other] { $count } first looks are
        } under way.
    }
journey-works =
    { $wish ->
        [deed] Customers can { $deed } as they should.
       *[name] “{ $title }” works as it should.
    }
journey-broken =
    { $wish ->
        [deed] Customers cannot { $deed }: { $causes }.
       *[name] “{ $title }” does not work: { $causes }.
    }
journey-bad =
    { $wish ->
        [deed] Most customers cannot { $deed } without trouble: { $causes }.
       *[name] “{ $title }” troubles most customers: { $causes }.
    }
journey-mixed =
    { $wish ->
        [deed] Many customers can { $deed }, but not all: { $causes }.
       *[name] “{ $title }” works for many customers, but not for all: { $causes }.
    }
journey-marred =
    { $wish ->
        [deed] Customers can { $deed }, but { $causes }.
       *[name] “{ $title }” works, but { $causes }.
    }
journey-unsure =
    { $wish ->
        [deed] As far as we can see customers can { $deed }, but { $causes }.
       *[name] As far as we can see “{ $title }” works, but { $causes }.
    }

## What costs it

clause = { $name } { $what }
sentence = { $text }.
check-broken = “{ $name }” is not true any more
check-first = “{ $name }” is being looked at for the first time
check-unknown = we cannot tell whether “{ $name }” still holds
causes-more =
    { $count ->
        [one] one thing more
       *[other] { $count } things more
    }
causes-since = { $causes }, since { $since }
place-pending = is being checked for the first time
place-unknown = cannot be seen by us
place-closed = is closed at this hour
place-down = is down
place-wavers = does not work as it should at times
unmet-values = { $clause } ({ $found }, not { $expected })
fault-told = { $text }
fault-text = { $text }

## Where our probes and the customers tell different stories

divergence-customers-red = Probes green, customers red: everything we try at { $title } works, and customers are unhappy. They meet something that is not probed.
divergence-probes-red = Probes red, customers green: { $title } fails for us, and customers are content. Does the probe do what they do?

## What is broken for whom

incident-touchpoint =
    { $place } { $tense ->
        [over] was
       *[open] is
    } { $how ->
        [slow] slow
        [down] down
       *[trouble] in trouble
    }
incident-touchpoint-from =
    { $place } { $tense ->
        [over] was
       *[open] is
    } { $how ->
        [slow] slow
        [down] down
       *[trouble] in trouble
    } from { $vantages } only
incident-journey =
    “{ $title }” { $tense ->
        [over] was
       *[open] is
    } broken by many small problems
incident-objective =
    “{ $title }” { $tense ->
        [over] was
       *[open] is
    } losing minutes faster than its objective allows
incident-own =
    Unbroken itself { $tense ->
        [over] was
       *[open] is
    } in trouble: { $what }
incident-hurting =
    { $what }: customers of { $journeys } { $tense ->
        [over] were
       *[open] are
    } hurt
place = { $title }
quoted = “{ $title }”
vantage = `{ $name }`

## What touchpoints have in common

shared-certificate = one certificate, that of { $name }, { $refused }
shared-name-server = one name server, { $name }, that does not answer as it should
shared-name = one name, { $name }, that leads nowhere
shared-machine = one machine, { $name }, that cannot be reached
shared-server = one server, { $name }, that takes no connections
shared-place = one place, { $name }, that { $what }
shared-nobody = nobody
shared-shown =
    { $what }: { $places } { $count ->
        [one] shows
       *[other] show
    } it
refused-expired = expired
refused-early = that is not valid yet
refused-unvouched = that nobody vouches for
refused-untrusted = that comes from an unknown issuer
refused-wrong-host = that is for another name
refused-revoked = that was revoked
refused-incomplete = that is sent with an incomplete chain
refused-wrong = that is not as it should be

## How the customers of a segment fare

segment-first-look = Still being checked: { $clause }.
segment-first-looks = Still being checked: the first visits as these customers are under way.
segment-unseen = We cannot see how they fare: too few of our visits as them got through.
segment-both = For them in particular, { $own }; as all meet it whom we try there, { $all }.
segment-own = For them in particular, { $own }.
segment-all = As all meet it whom we try there: { $all }.
segment-tried = They meet no problem wherever we try it as them.
segment-well = They meet no problem.

## How something is

state-pending = checking
state-up = works
state-degraded = struggles
state-down = down
state-unknown = not seen
state-closed = closed
color-good = Good
color-watch = Watch
color-bad = Bad
color-broken = Broken
color-unknown = Not seen
verdict-good = good
verdict-slow = slow or with a defect
verdict-failed = failed
verdict-inconclusive = our own fault
verdict-skipped = not run

## Lists: "a", "a and b", "a, b and c"; clauses are parts of sentences

list-comma = {", "}
list-and = {" and "}
clauses-comma = {", "}
clauses-and = {" and "}

## Moments: what % letters mean is strftime's

moment-today = %H:%M
moment-yesterday = yesterday %H:%M
moment-year = %-d %b %H:%M
moment-ever = %-d %b %Y %H:%M
moment-date = %-d %b %Y

## Lengths and shares

length-moment = less than a minute
length-minutes =
    { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
length-hours =
    { $count ->
        [one] { $count } hour
       *[other] { $count } hours
    }
length-days =
    { $count ->
        [one] { $count } day
       *[other] { $count } days
    }
lasted-seconds = { $count } s
lasted-minutes = { $count } min
lasted-hours = { $count } h
lasted-hours-minutes = { $hours } h { $minutes } min
lasted-days-hours =
    { $days ->
        [one] { $days } day
       *[other] { $days } days
    } { $hours } h
took-milliseconds = { $number } ms
took-seconds = { $number } s
percent = { $number } %
period-ms = { $count }ms
period-s = { $count }s
period-m = { $count }m
period-h = { $count }h
period-d = { $count }d
period-y = { $count }y
period-and = {""}

## What happened to an incident. Its timeline is kept in English: these say it in other languages.

happened-urgent = Somebody should get up for this
happened-recovered = Everything works again
happened-removed = No longer watched
happened-merged = Explained by another incident
happened-cause = The cause is now { $name }
happened-hurts = It hurts the journey: { $name }
happened-breaks = It breaks the journey: { $name }
happened-planned = Nobody is told: planned work, { $name }
happened-hours = Nobody is told while it is closed
happened-silenced = Nobody is told: { $by } silenced it until { $until }: { $why }
happened-taken = { $by } has it
happened-taken-why = { $by } has it: { $why }
happened-lapsed = It is worse than what { $by } has
happened-many = { $title }: many small problems break it. { $names }
happened-takes = { $name } takes { $loss } points
happened-burning = { $title } loses minutes { $long } times as fast over { $hours } and { $short } times as fast over { $minutes } as its objective allows
happened-renamed = `{ $was }` is called `{ $id }` now
happened-down = { $name } is down
happened-degraded = { $name } is degraded
happened-flapping = { $name } is flapping
happened-up = { $name } is up
happened-unknown = { $name } is unknown
happened-pending = { $name } is pending
happened-closed = { $name } is closed
happened-detail = { $what }: { $detail }
told-delivered = { $receiver } was told of { $what }
told-dead = { $receiver } could not be told of { $what }
told-dropped = { $receiver } is not told of { $what }
told-decided = { $told }, somebody decided: { $why }
told-open = it
told-update = the change
told-acknowledge = who has it
told-escalate = that nobody answers
told-resolve = its end
