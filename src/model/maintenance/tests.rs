use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a time zone")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn window(timetable: Timetable, timezone: &str) -> Maintenance {
    Maintenance { name: "w".into(), touchpoints: BTreeSet::new(), timetable, timezone: zone(timezone) }
}

/// Every day from so many minutes to so many after midnight.
fn daily(from: u16, to: u16) -> Timetable {
    let spans = (0..7).map(|day| (day * 1440 + from, day * 1440 + to));
    Timetable::Weekly(spans.collect())
}

fn once(from: &str, to: &str) -> Timetable {
    Timetable::Once { from: from.parse().expect("a time"), to: to.parse().expect("a time") }
}

/// Every day by a rule.
fn by_rule(from: &str, minutes: i64) -> Timetable {
    let start: DateTime = from.parse().expect("a time");
    let rule = Rule::daily(start.date());
    Timetable::Rule { rule, from: start.time(), length: SignedDuration::from_mins(minutes) }
}

/// Minutes during which it is open between two times, in whole spans.
fn open(window: &Maintenance, from: &str, to: &str) -> Vec<String> {
    let (mut now, to) = (at(from), at(to));
    let (mut spans, mut began) = (Vec::new(), None);
    while now <= to {
        match (window.contains(now), began) {
            (true, None) => began = Some(now),
            (false, Some(start)) => {
                spans.push(format!("{start:.0} {now:.0}"));
                began = None;
            }
            _ => {}
        }
        now += SignedDuration::from_mins(1);
    }
    spans
}

/// Berlin skips 02:00-03:00 on 29 March and doubles it on 25 October 2026.
#[test]
fn a_window_follows_the_clock_on_the_wall_through_both_changes() {
    for timetable in [daily(270, 300), by_rule("2026-01-01T04:30", 30)] {
        let window = window(timetable, "Europe/Berlin");
        for (from, to, expected) in [
            ("2026-03-28T00:00:00Z", "2026-03-28T12:00:00Z", "2026-03-28T03:30:00Z 2026-03-28T04:00:00Z"),
            ("2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z", "2026-03-29T02:30:00Z 2026-03-29T03:00:00Z"),
            ("2026-10-25T00:00:00Z", "2026-10-25T12:00:00Z", "2026-10-25T03:30:00Z 2026-10-25T04:00:00Z"),
        ] {
            assert_eq!(open(&window, from, to), [expected]);
        }
    }
}

#[test]
fn a_window_in_the_skipped_hour_does_not_come_and_in_the_doubled_one_comes_twice() {
    for timetable in [daily(120, 150), by_rule("2026-01-01T02:00", 30)] {
        let window = window(timetable, "Europe/Berlin");
        assert_eq!(open(&window, "2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z"), [""; 0]);
        assert_eq!(
            open(&window, "2026-10-24T20:00:00Z", "2026-10-25T12:00:00Z"),
            ["2026-10-25T00:00:00Z 2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z 2026-10-25T01:30:00Z"]
        );
    }
}

#[test]
fn a_window_around_a_change_is_as_long_as_the_night_makes_it() {
    for timetable in [
        // Past midnight, and past the end of the week.
        Timetable::Weekly(
            [(0, 240)]
                .into_iter()
                .chain((0..6).map(|day| (day * 1440 + 1380, (day + 1) * 1440 + 240)))
                .chain([(6 * 1440 + 1380, 7 * 1440)])
                .collect(),
        ),
        by_rule("2026-01-01T23:00", 300),
        once("2026-03-28T23:00", "2026-03-29T04:00"),
    ] {
        let window = window(timetable, "Europe/Berlin");
        // Four hours in spring: 23:00 in winter time to 04:00 in summer time.
        assert_eq!(
            open(&window, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"),
            ["2026-03-28T22:00:00Z 2026-03-29T02:00:00Z"]
        );
        assert_eq!(window.ends(at("2026-03-28T22:30:00Z")), Some(at("2026-03-29T02:00:00Z")));
    }
    let autumn = window(once("2026-10-24T23:00", "2026-10-25T04:00"), "Europe/Berlin");
    assert_eq!(
        open(&autumn, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"),
        ["2026-10-24T21:00:00Z 2026-10-25T03:00:00Z"]
    );
}

/// Lord Howe's clocks go forward by half an hour at 02:00 on 4 October and back at 02:00 on 5 April 2026.
#[test]
fn half_an_hour_is_a_change_too() {
    let howe = |timetable| window(timetable, "Australia/Lord_Howe");
    // 10:30 ahead of UTC in winter, 11:00 in summer.
    let later = howe(daily(180, 210));
    assert_eq!(
        open(&later, "2026-10-02T12:00:00Z", "2026-10-04T12:00:00Z"),
        ["2026-10-02T16:30:00Z 2026-10-02T17:00:00Z", "2026-10-03T16:00:00Z 2026-10-03T16:30:00Z"]
    );
    // 02:00 to 02:30 does not come in spring; 01:30 to 02:00 comes twice in autumn.
    let skipped = howe(daily(120, 150));
    assert_eq!(open(&skipped, "2026-10-03T12:00:00Z", "2026-10-03T20:00:00Z"), [""; 0]);
    let doubled = howe(by_rule("2026-01-01T01:30", 20));
    assert_eq!(
        open(&doubled, "2026-04-04T12:00:00Z", "2026-04-04T20:00:00Z"),
        ["2026-04-04T14:30:00Z 2026-04-04T14:50:00Z", "2026-04-04T15:00:00Z 2026-04-04T15:20:00Z"]
    );
}

#[test]
fn the_end_that_is_shown_is_the_end() {
    for (timetable, zone) in [
        (daily(90, 150), "Europe/Berlin"),
        (daily(120, 150), "Australia/Lord_Howe"),
        (by_rule("2026-01-01T01:15", 90), "Europe/Berlin"),
        (once("2026-03-29T01:30", "2026-03-29T02:30"), "Europe/Berlin"),
        (once("2026-10-25T01:30", "2026-10-25T02:30"), "Europe/Berlin"),
    ] {
        let window = window(timetable, zone);
        for night in ["2026-03-28T22:00:00Z", "2026-10-24T22:00:00Z", "2026-04-04T12:00:00Z", "2026-10-03T12:00:00Z"] {
            for minute in 0..600 {
                let now = at(night) + SignedDuration::from_mins(minute);
                let Some(end) = window.ends(now) else {
                    assert!(!window.contains(now));
                    continue;
                };
                assert!(window.contains(now) && !window.contains(end), "{zone} {now}: {end}");
                let all = (0..).map(|more| now + SignedDuration::from_mins(more)).take_while(|at| *at < end);
                assert!(all.clone().all(|at| window.contains(at)), "{zone} {now}: {end}");
            }
        }
    }
}

#[test]
fn the_next_window_is_found() {
    let window = window(once("2026-12-05T22:00", "2026-12-06T04:00"), "Europe/Berlin");
    let found = Some((at("2026-12-05T21:00:00Z"), Some(at("2026-12-06T03:00:00Z"))));
    assert_eq!(window.next(at("2026-11-22T00:00:00Z")), found);
    assert_eq!(window.next(at("2026-12-05T21:00:00Z")), None, "it has begun");
    let nightly = super::tests::window(daily(120, 150), "Europe/Berlin");
    // The one of 29 March does not come.
    assert_eq!(nightly.next(at("2026-03-28T12:00:00Z")).map(|(start, _)| start), Some(at("2026-03-30T00:00:00Z")));
    let always = super::tests::window(Timetable::Weekly(vec![(0, 10_080)]), "UTC");
    assert_eq!((always.contains(at("2026-03-28T12:00:00Z")), always.ends(at("2026-03-28T12:00:00Z"))), (true, None));
}
