//! The smallest map that there is, and what is found there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{JourneyMap, Probe, Touchpoint};
use crate::model::{
    Channel, DetectRule, Language, Outcome, PersonaId, ProbeId, Reading, Series, SpanId, TraceId, Trigger, VantageId,
    Verdict, Weight,
};

const EVERY: Duration = Duration::from_secs(10);

impl JourneyMap {
    /// `shop/home`, every ten seconds, as these personas, from `here`.
    pub(crate) fn of_one_probe(personas: &[&str]) -> Self {
        let probe = Probe {
            id: ProbeId::new("shop", "home"),
            title: String::new(),
            weight: Weight::Blocking,
            every: EVERY,
            timeout: EVERY,
            recheck: EVERY,
            rule: DetectRule::Sequential,
            personas: personas.iter().map(|persona| PersonaId::new(persona)).collect(),
            signal: None,
            origin: None,
            unseen_from: Vec::new(),
            file: Arc::from(""),
        };
        let shop = Touchpoint {
            id: "shop".into(),
            title: String::new(),
            channel: Channel::Other,
            owner: None,
            depends_on: Vec::new(),
            was: None,
            hours: None,
            page_after: Duration::ZERO,
            probes: vec![probe],
        };
        Self {
            company: String::new(),
            timezone: TimeZone::UTC,
            language: Language::En,
            touchpoints: BTreeMap::from([("shop".into(), shop)]),
            journeys: Vec::new(),
            personas: BTreeMap::new(),
            vantages: vec!["here".into()],
            maintenance: Vec::new(),
            trace_link: None,
        }
    }
}

impl Reading {
    /// What its only probe found, as nobody in particular.
    pub(crate) fn of_one_probe(verdict: Verdict) -> Self {
        Self {
            probe: ProbeId::new("shop", "home"),
            persona: None,
            vantage: "here".into(),
            trigger: Trigger::Schedule,
            asked_by: None,
            scheduled: Timestamp::UNIX_EPOCH,
            started: Timestamp::UNIX_EPOCH,
            trace: TraceId(1),
            span: SpanId(1),
            outcome: Outcome { verdict, samples: Vec::new(), took: Duration::ZERO, steps: Vec::new() },
        }
    }
}

#[test]
fn what_is_looked_at_is_known() {
    let series = |name: &str, persona: Option<&str>, vantage: &str| Series {
        probe: ProbeId::new("shop", name),
        persona: persona.map(PersonaId::new),
        vantage: VantageId::new(vantage),
    };
    let (anonymous, named) = (JourneyMap::of_one_probe(&[]), JourneyMap::of_one_probe(&["ben"]));
    assert!(anonymous.has(&series("home", None, "here")) && named.has(&series("home", Some("ben"), "here")));
    for other in [series("home", Some("ben"), "here"), series("home", None, "there"), series("till", None, "here")] {
        assert!(!anonymous.has(&other), "{other}");
    }
    assert!(!named.has(&series("home", None, "here")) && !named.has(&series("home", Some("eva"), "here")));
}
