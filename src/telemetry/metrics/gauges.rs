//! What the snapshot says, as gauges.

use std::collections::BTreeMap;

use crate::model::{NeedNow, ProbeNow, Score, Severity, Snapshot, State, TouchpointId, VantageId};
use crate::telemetry::exposition::{Page, Type};

pub(super) fn write(page: &mut Page, snapshot: &Snapshot) {
    write_journeys(page, snapshot);
    write_places(page, snapshot);
    write_certificates(page, snapshot);
    page.family("unbroken_incidents_open", Type::Gauge, "Incidents that are open, by severity.");
    for severity in [Severity::Ticket, Severity::Page] {
        let count = snapshot.incidents.iter().filter(|incident| incident.severity == severity).count();
        page.sample("unbroken_incidents_open", &[("severity", severity.as_str())], count);
    }
}

fn write_journeys(page: &mut Page, snapshot: &Snapshot) {
    let mut scores = |name: &str, help: &str, of: fn(&crate::model::JourneyNow) -> Option<Score>| {
        page.family(name, Type::Gauge, help);
        for journey in &snapshot.journeys {
            // No number is no series: zero would be a lie, and so would the last one.
            if let Some(score) = of(journey) {
                page.sample(name, &[("journey", journey.id.as_str())], score.points());
            }
        }
    };
    scores("unbroken_journey_score", "Of 100 customers, about this many meet no problem now.", |now| now.score);
    scores("unbroken_journey_felt", "The score with what customers still remember.", |now| now.felt);
    // A family of its own: whoever averages or sums the scores of journeys must not count a customer twice.
    let name = "unbroken_journey_segment_score";
    page.family(name, Type::Gauge, "The journey's score as the customers of one segment meet it.");
    for journey in &snapshot.journeys {
        for segment in &journey.segments {
            if let Some(score) = segment.score {
                page.sample(name, &[("journey", journey.id.as_str()), ("segment", &segment.name)], score.points());
            }
        }
    }
    page.family("unbroken_journey_observed_ratio", Type::Gauge, "How much of the journey is freshly observed.");
    for journey in &snapshot.journeys {
        page.sample("unbroken_journey_observed_ratio", &[("journey", journey.id.as_str())], journey.observed);
    }
    write_burns(page, snapshot);
    page.family("unbroken_journey_loss_share", Type::Gauge, "Points of the score that a touchpoint costs.");
    for journey in &snapshot.journeys {
        let mut losses: BTreeMap<&TouchpointId, f64> = BTreeMap::new();
        for element in journey.stages.iter().flat_map(|stage| &stage.needs).flat_map(NeedNow::elements) {
            *losses.entry(element.element.touchpoint()).or_default() += element.share;
        }
        for (touchpoint, loss) in losses {
            let labels = [("journey", journey.id.as_str()), ("touchpoint", touchpoint.as_str())];
            page.sample("unbroken_journey_loss_share", &labels, loss);
        }
    }
}

fn write_burns(page: &mut Page, snapshot: &Snapshot) {
    let name = "unbroken_objective_burn_ratio";
    page.family(name, Type::Gauge, "How many times as fast as its objective allows a journey lost minutes.");
    for journey in &snapshot.journeys {
        let windows: BTreeMap<i64, f64> = journey.burns.iter().flat_map(|burn| [burn.long, burn.short]).collect();
        for (minutes, burn) in windows {
            let window = format!("{minutes}m");
            page.sample(name, &[("journey", journey.id.as_str()), ("window", &window)], burn);
        }
    }
}

fn write_places(page: &mut Page, snapshot: &Snapshot) {
    page.family("unbroken_touchpoint_health", Type::Gauge, "Health of a touchpoint, 0 to 1.");
    for (id, touchpoint) in &snapshot.touchpoints {
        if !matches!(touchpoint.health.state, State::Pending | State::Unknown) {
            page.sample("unbroken_touchpoint_health", &[("touchpoint", id.as_str())], touchpoint.health.value);
        }
    }
    page.family("unbroken_probe_up", Type::Gauge, "1 unless the probe is down for any of its personas.");
    let mut write = |probe: &ProbeNow, signal: &[(&str, &str)]| {
        for (vantage, up) in ups(probe) {
            let mut labels = vec![
                ("touchpoint", probe.id.touchpoint.as_str()),
                ("probe", &*probe.id.name),
                ("vantage", vantage.as_str()),
            ];
            labels.extend(signal);
            page.sample("unbroken_probe_up", &labels, up);
        }
    };
    for touchpoint in snapshot.touchpoints.values() {
        touchpoint.probes.iter().for_each(|probe| write(probe, &[]));
        // Who watches that probes are up wants to hear of these too; who wants the score's own asks for `signal=""`.
        touchpoint.voices.iter().for_each(|probe| write(probe, &[("signal", "voice")]));
    }
}

fn ups(probe: &ProbeNow) -> BTreeMap<&VantageId, u8> {
    let mut ups = BTreeMap::new();
    for series in &probe.series {
        let up = match series.health.state {
            State::Up | State::Degraded => 1,
            State::Down => 0,
            State::Pending | State::Unknown | State::Closed => continue,
        };
        let worst: &mut u8 = ups.entry(&series.series.vantage).or_insert(1);
        *worst = up.min(*worst);
    }
    ups
}

fn write_certificates(page: &mut Page, snapshot: &Snapshot) {
    let name = "unbroken_certificate_expiry_seconds";
    page.family(name, Type::Gauge, "Seconds until the earliest certificate that a probe met expires.");
    for probe in snapshot.touchpoints.values().flat_map(|touchpoint| &touchpoint.probes) {
        let last = probe.series.iter().filter_map(|series| series.last.as_ref());
        if let Some(earliest) = last.filter_map(|run| run.certified_until).min() {
            let left = earliest.duration_since(snapshot.at).as_secs_f64();
            let labels = [("touchpoint", probe.id.touchpoint.as_str()), ("probe", &*probe.id.name)];
            page.sample(name, &labels, left);
        }
    }
}
