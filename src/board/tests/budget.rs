//! A journey that loses minutes faster than its objective allows.

use super::*;
use crate::model::{Objective, Severity};

/// 99 over 30d for the journey `buy`, whose history is read.
fn world() -> World {
    let mut map = company();
    map.journeys[0].objective = Some(Objective { target: 99.0, window: SECOND * 86_400 * 30 });
    let mut world = World::new(map);
    world.rounds(4, &[]);
    world.board.recall_spending(&"buy".into(), &[]);
    world
}

impl World {
    fn minute(&self) -> i64 {
        self.now.as_second() / 60
    }

    /// So many minutes, each of which lost so much of the journey `buy`; all the time everything answers like this.
    fn minutes(&mut self, count: i64, lost: f64, qualities: &[(&str, f64)]) -> Vec<Change> {
        let mut all = Vec::new();
        for _ in 0..count {
            let minute = self.minute();
            all.extend(self.rounds(6, qualities));
            let spent = Spent { journey: "buy".into(), minute, lost };
            let changes = self.board.spend(&[spent], self.minute(), self.now);
            self.said.extend(changes.iter().cloned());
            all.extend(changes);
        }
        all
    }

    fn restart(&mut self) -> Vec<Change> {
        let memory = self.board.memory().into_iter().filter_map(|(key, text)| Some((key, text?))).collect();
        let open = self.snapshot().incidents;
        let (board, changes) = Board::restore(Arc::clone(&self.board.map), ids(), memory, open, self.now);
        self.board = board;
        changes
    }
}

#[test]
fn what_nothing_explains_is_an_incident_of_its_own() {
    let mut world = world();
    assert_eq!(incidents(&world.minutes(8, 1.0, &[])), [""; 0]);
    assert_eq!(incidents(&world.minutes(1, 1.0, &[])), ["open objective buy page v1"]);
    let incident = world.snapshot().incidents.remove(0);
    assert_eq!(incident.severity, Severity::Page);
    assert!(incident.timeline[0].what.starts_with("BUY loses minutes 15.0 times as fast over an hour"), "{incident:?}");
    assert_eq!(world.snapshot().journeys[0].burning, Some(Severity::Page));
    assert_eq!(incidents(&world.minutes(4, 0.0, &[])), [""; 0], "the last five minutes are bad still");
    let calm = incidents(&world.minutes(40, 0.0, &[]));
    assert_eq!(calm, ["close objective buy page v2 Some(Recovered)"]);
    assert_eq!(world.snapshot().journeys[0].burning, None);
}

#[test]
fn an_open_incident_that_explains_the_loss_is_joined() {
    let mut world = world();
    let down = [("web", 0.0)];
    let changes = world.minutes(12, 1.0, &down);
    assert_eq!(incidents(&changes), ["open web page v1"], "one cause, one alert");
    let incident = world.snapshot().incidents.remove(0);
    let lines: Vec<_> = incident.timeline.iter().filter(|it| it.what.contains("as its objective allows")).collect();
    assert_eq!(lines.len(), 1, "{incident:?}");
    // Many small problems at the edge of what is allowed raise a ticket, once it burns like a page.
    let mut world = self::world();
    let changes = world.minutes(40, 0.5, &[("ads", 0.0)]);
    let lines = incidents(&changes);
    assert_eq!(lines, ["open ads ticket v1", "update ads page v2"]);
}

#[test]
fn a_restart_neither_repeats_nor_resolves_it() {
    let mut world = world();
    world.minutes(10, 1.0, &[]);
    assert_eq!(incidents(&world.restart()), [""; 0]);
    assert_eq!(incidents(&world.minutes(10, 0.0, &[])), [""; 0], "nothing is concluded before the history is read");
    // The store knows what was lost before.
    let minute = world.minute();
    let spent: Vec<Spent> =
        (20..30).map(|ago| Spent { journey: "buy".into(), minute: minute - ago, lost: 1.0 }).collect();
    world.board.recall_spending(&"buy".into(), &spent);
    let lines = incidents(&world.minutes(40, 0.0, &[]));
    assert_eq!(lines, ["close objective buy page v2 Some(Recovered)"]);
}

#[test]
fn without_its_objective_the_incident_is_over() {
    let mut world = world();
    world.minutes(10, 1.0, &[]);
    let changes = world.board.reload(Arc::new(company()), world.now);
    assert_eq!(incidents(&changes), ["close objective buy page v2 Some(Removed)"]);
}

/// The outage is over, and the journey goes on losing: nothing that is open says so.
#[test]
fn what_goes_on_burning_when_its_incident_is_over_is_told_anew() {
    let mut world = world();
    world.minutes(12, 1.0, &[("web", 0.0)]);
    assert_eq!(incidents(&world.minutes(4, 1.0, &[])), ["close web page v2 Some(Recovered)"]);
    world.restart();
    let minute = world.minute();
    let spent: Vec<Spent> =
        (1..17).map(|ago| Spent { journey: "buy".into(), minute: minute - ago, lost: 1.0 }).collect();
    world.board.recall_spending(&"buy".into(), &spent);
    assert_eq!(incidents(&world.minutes(1, 1.0, &[])), ["open objective buy page v1"], "five minutes after it");
    assert_eq!(incidents(&world.minutes(10, 1.0, &[])), [""; 0], "once");
    assert_eq!(incidents(&world.minutes(600, 0.0, &[])), ["close objective buy page v2 Some(Recovered)"]);
    // What was lost in the outage itself is told by then.
    let mut world = self::world();
    world.minutes(12, 1.0, &[("web", 0.0)]);
    assert_eq!(incidents(&world.minutes(600, 0.0, &[])), ["close web page v2 Some(Recovered)"]);
}
