//! Touchpoints that fail for the same reason, and those that only look like it.

use super::*;
use crate::model::{CertificateFacts, Fact, Phase};

/// How a touchpoint fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum Manner {
    /// An answer that is wrong, from this port of one machine.
    Answer(u16),
    /// This port of one machine refuses.
    Refused(u16),
    Certificate,
    NameServer,
    /// Its errand ends at somebody else's host.
    Abroad,
    /// It is that host.
    AtHome,
}

/// A run of a touchpoint that fails like this.
pub(super) fn failing(probe: &str, manner: Manner, now: Timestamp) -> Reading {
    let mut reading = capturing(probe, "x", "x", now);
    let (code, phase, port) = match manner {
        Manner::Answer(port) => (FaultCode::Expectation, Phase::Assert, port),
        Manner::Refused(port) => (FaultCode::ConnectRefused, Phase::Connect, port),
        Manner::Certificate => (FaultCode::CertExpired, Phase::Tls, 443),
        Manner::NameServer => (FaultCode::DnsTimeout, Phase::Dns, 0),
        Manner::Abroad | Manner::AtHome => (FaultCode::Status, Phase::Assert, 443),
    };
    let fault = Fault::new(code, "does not work").during(phase);
    let step = &mut reading.outcome.steps[0];
    let mut home = step.clone();
    home.attributes = vec![("server.address".into(), format!("{probe}.example.com").into())];
    let host = match manner {
        Manner::Abroad | Manner::AtHome => "pay.example.net".to_owned(),
        _ => format!("{probe}.example.com"),
    };
    step.attributes = vec![("server.address".into(), host.into())];
    step.captured.clear();
    step.fault = Some(fault.clone());
    step.peer = (port > 0).then(|| std::net::SocketAddr::from(([192, 0, 2, 7], port)));
    match manner {
        Manner::Certificate => step.certificate = Some(certificate(now)),
        Manner::NameServer => step.attributes.push((Reading::NAME_SERVER.into(), "192.0.2.53:53".into())),
        Manner::Abroad => reading.outcome.steps.insert(0, home),
        _ => {}
    }
    reading.outcome.samples[0] =
        Sample { quality: Quality::NONE, fault: Some(fault.clone()), ..reading.outcome.samples[0].clone() };
    reading.outcome.verdict = Verdict::Failed(fault);
    reading
}

fn certificate(now: Timestamp) -> CertificateFacts {
    CertificateFacts {
        subject: "CN=*.example.com".into(),
        issuer: "CN=An authority".into(),
        not_before: now - SECOND * 1000,
        not_after: now - SECOND * 10,
        sha256: "ab".repeat(32),
    }
}

const ALL: [&str; 5] = ["login", "shop", "app", "web", "ads"];

impl World {
    /// Rounds in which these touchpoints fail in these manners, and all others work.
    fn fail(&mut self, rounds: usize, how: &[(&str, Manner)]) -> Vec<Change> {
        let mut all = Vec::new();
        for _ in 0..rounds {
            let readings = ALL.map(|name| {
                let manner = how.iter().find(|(known, _)| *known == name).map(|(_, manner)| *manner);
                Arc::new(manner.map_or_else(|| reading(name, 1.0, self.now), |how| failing(name, how, self.now)))
            });
            all.extend(self.board.apply(&readings, self.now));
            all.extend(self.wait(10));
        }
        all
    }
}

/// Nothing depends on anything.
fn strangers() -> World {
    let touchpoints = ALL.map(|name| touchpoint(name, &[])).to_vec();
    let mut world = World::new(map(touchpoints, company().journeys));
    world.rounds(4, &[]);
    world
}

#[test]
fn one_certificate_is_one_incident_and_is_named() {
    let mut world = strangers();
    let how = [("shop", Manner::Certificate), ("web", Manner::Certificate), ("app", Manner::Certificate)];
    assert_eq!(incidents(&world.fail(3, &how)), ["open app page v1"], "told in one go");
    let incident = world.snapshot().incidents.remove(0);
    assert_eq!(incident.touchpoints.len(), 3);
    assert_eq!(incident.impacts.len(), 2, "what all of them hurt");
    let words = crate::words::Words::new(crate::model::Language::En).shared(&incident, &world.snapshot().map);
    assert_eq!(words.as_deref(), Some("one certificate, that of *.example.com, expired: APP, SHOP and WEB show it"));
    // A fourth one later joins without a word.
    let how = [how[0], how[1], how[2], ("ads", Manner::Certificate)];
    assert_eq!(incidents(&world.fail(4, &how)), [""; 0]);
    assert_eq!(world.snapshot().incidents[0].touchpoints.len(), 4);
    // The root recovers and others do not.
    assert_eq!(incidents(&world.fail(3, &how[..2])), ["update shop page v2"]);
    assert_eq!(incidents(&world.fail(3, &[])), ["close shop page v3 Some(Recovered)"]);
}

#[test]
fn one_address_is_no_cause_of_faults_in_the_answer() {
    let mut world = strangers();
    let how = [("shop", Manner::Answer(443)), ("web", Manner::Answer(443)), ("app", Manner::Refused(443))];
    assert_eq!(incidents(&world.fail(3, &how)), ["open app page v1", "open shop page v1", "open web page v1"]);
    assert!(world.snapshot().incidents.iter().all(|incident| incident.shared.is_none()));
}

#[test]
fn one_server_that_refuses_is_one_cause_and_two_ports_are_two() {
    let mut world = strangers();
    let how = [("shop", Manner::Refused(443)), ("web", Manner::Refused(443)), ("app", Manner::Refused(25))];
    assert_eq!(incidents(&world.fail(3, &how)), ["open app page v1", "open shop page v1"]);
    let shared = world.snapshot().incidents.iter().find_map(|incident| incident.shared.clone()).expect("of two");
    assert_eq!(shared.fact, Fact::Server("192.0.2.7:443".parse().expect("an address")));
}

#[test]
fn one_name_server_is_one_cause() {
    let mut world = strangers();
    let how = ALL.map(|name| (name, Manner::NameServer));
    assert_eq!(incidents(&world.fail(3, &how)), ["open ads page v1"], "the severest counts");
    assert_eq!(world.snapshot().incidents[0].touchpoints.len(), 5);
}

#[test]
fn somebody_elses_host_explains_its_guests() {
    let mut world = strangers();
    let guests = [("shop", Manner::Abroad), ("app", Manner::Abroad)];
    assert_eq!(incidents(&world.fail(3, &guests)), ["open app page v1"]);
    let mut how = guests.to_vec();
    // Whoever lives there is the root from then on.
    how.push(("web", Manner::AtHome));
    assert_eq!(incidents(&world.fail(3, &how)), ["update web page v2"]);
    assert_eq!(world.snapshot().incidents[0].touchpoints.len(), 3);
}

#[test]
fn two_at_home_on_one_host_are_strangers() {
    let mut world = strangers();
    let how = [("shop", Manner::AtHome), ("web", Manner::AtHome)];
    assert_eq!(incidents(&world.fail(3, &how)), ["open shop page v1", "open web page v1"]);
}

#[test]
fn what_they_shared_is_forgotten_once_nobody_shows_it() {
    let mut world = strangers();
    world.fail(3, &[("shop", Manner::Certificate), ("web", Manner::Certificate)]);
    world.fail(3, &[("shop", Manner::Answer(443)), ("web", Manner::Certificate)]);
    assert!(world.snapshot().incidents[0].shared.is_some(), "one of them still shows it");
    world.fail(3, &[("shop", Manner::Answer(443)), ("web", Manner::Answer(443))]);
    let snapshot = world.snapshot();
    assert_eq!((snapshot.incidents.len(), &snapshot.incidents[0].shared), (1, &None));
}

/// Two thousand fail together for one reason: one incident, and little to write.
#[test]
fn a_storm_of_one_cause_is_one_incident() {
    let names: Vec<String> = (0..2000).map(|n| format!("t{n:04}")).collect();
    let touchpoints = names.iter().map(|name| touchpoint(name, &[])).collect();
    let needs = names.iter().take(50).map(|name| one(name, Weight::Blocking)).collect();
    let mut world = World::new(map(touchpoints, vec![journey("buy", needs)]));
    let mut told = Vec::new();
    for round in 0..7 {
        let run = |name: &String| match round {
            0..3 => Arc::new(reading(name, 1.0, world.now)),
            _ => Arc::new(failing(name, Manner::NameServer, world.now)),
        };
        let readings: Vec<_> = names.iter().map(run).collect();
        told.extend(world.board.apply(&readings, world.now));
        world.wait_in(10, 10);
    }
    assert_eq!(incidents(&told).len(), 1);
    assert_eq!(world.snapshot().incidents[0].touchpoints.len(), 2000);
    let noted = told.iter().filter(|change| matches!(change, Change::IncidentNoted(_))).count();
    assert!(noted <= 4, "written once for all of them: {noted}");
}

#[test]
fn what_was_slow_each_for_itself_is_one_once_it_fails_for_one_reason() {
    let mut world = strangers();
    let tickets = incidents(&world.rounds(45, &[("shop", 0.8), ("web", 0.8)]));
    assert_eq!(tickets, ["open shop ticket v1", "open web ticket v1"]);
    let how = [("shop", Manner::Certificate), ("web", Manner::Certificate)];
    assert_eq!(incidents(&world.fail(4, &how)), ["close web ticket v2 Some(Merged)", "update shop page v2"]);
    let incident = world.snapshot().incidents.remove(0);
    assert_eq!((incident.touchpoints.len(), incident.shared.is_some()), (2, true), "{incident:?}");
    assert_eq!(incidents(&world.fail(3, &[])), ["close shop page v3 Some(Recovered)"]);
}

#[test]
fn what_was_slow_and_fails_for_a_reason_of_its_own_stays_by_itself() {
    let mut world = strangers();
    world.rounds(45, &[("shop", 0.8), ("web", 0.8)]);
    let how = [("shop", Manner::Certificate), ("web", Manner::Answer(443))];
    assert_eq!(incidents(&world.fail(4, &how)), ["update shop page v2", "update web page v2"]);
}

/// The login is in an incident that is about something else by now, and fails again.
#[test]
fn a_root_that_fails_again_takes_in_what_depends_on_it() {
    let mut world = World::new(company());
    world.rounds(4, &[]);
    let both = [("web", Manner::Certificate), ("login", Manner::Certificate)];
    assert_eq!(incidents(&world.fail(3, &both)), ["open login page v1"]);
    assert_eq!(incidents(&world.fail(3, &both[..1])), ["update web page v2"]);
    let with_shop = [both[0], ("shop", Manner::Answer(443))];
    assert_eq!(incidents(&world.fail(3, &with_shop)), ["open shop page v1"]);
    let all = [with_shop[0], with_shop[1], ("login", Manner::Refused(25))];
    assert_eq!(incidents(&world.fail(3, &all)), ["close shop page v2 Some(Merged)"]);
    assert_eq!(world.snapshot().incidents.len(), 1);
    let lines = incidents(&world.rounds(4, &[]));
    assert_eq!(lines.iter().filter(|line| line.starts_with("close")).count(), 1, "{lines:?}");
    assert!(world.snapshot().incidents.is_empty());
}
