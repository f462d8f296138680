# What alerts say to people. Commands in them are the same in every language.

## Before the headline

prefix-update = {"Changed: "}
prefix-remind = {"Still: "}
prefix-taken = { $by } has it:{" "}
prefix-taken-by-somebody = {"Somebody has it: "}
prefix-escalate = {"Nobody answers: "}
prefix-removed = {"No longer watched: "}
prefix-merged = {"Part of another incident: "}
prefix-mended = {"Mended: "}

## Lines

letter-since = Since { $from }, { $lasted }.
letter-from-to = From { $from } to { $to }, { $lasted }.
letter-found = {" "}(expected { $of } to be { $expected }, found { $found })
letter-cause = Cause: { $text }{ $found } [{ $code }].
letter-excerpt = The answer says: { $excerpt }
letter-shared = In common: { $shared }.
letter-loses =
    { $journey } { $tense ->
        [over] lost
       *[open] loses
    } { $points } points of 100 to it.
letter-advice = What to do: { $advice }.
letter-trace = Trace { $trace }.
letter-trace-link = Trace: { $link }
letter-unanswered = Nobody has acknowledged it; { $names } knows of it since { $since }.
letter-own = Cause: { $why }.
letter-changed = Changed: { $what }.
next-own = Next: look at Unbroken's own page and log.
next-explain = Next: see what costs most: unbroken explain { $id }
next-probe = Next: try it: { $command }
next-probe-owner = Next: { $owner } owns it; try it: { $command }

## Of many at once

storm-things =
    { $how ->
        [broken] { $count ->
            [one] { $count } more thing is broken
           *[other] { $count } more things are broken
        }
        [still] { $count ->
            [one] { $count } thing is still broken
           *[other] { $count } things are still broken
        }
       *[over] { $count ->
            [one] { $count } thing is mended
           *[other] { $count } things are mended
        }
    }
storm-more =
    { $how ->
        [still] { $count ->
            [one] { $count } is still broken
           *[other] { $count } are still broken
        }
       *[over] { $count ->
            [one] { $count } is mended
           *[other] { $count } are mended
        }
    }
storm-journeys =
    { $count ->
        [one] { $count } more journey
       *[other] { $count } more journeys
    }
storm-begins = More than { $after } messages within { $within } seconds: the rest come as one.
storm-can-wait = (can wait) { $what }
storm-rest = … and { $count } more.
