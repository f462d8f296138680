//! What the snapshot says, as gauges.

use std::collections::BTreeMap;

use super::catalogue::{
    BURN, CERTIFICATE, FELT, Family, HEALTH, INCIDENTS, LOSS, OBSERVED, SCORE, SEGMENT_SCORE, TROUBLE, UP,
};
use super::sink::{Series, Sink};
use crate::model::{
    JourneyNow, NeedNow, ProbeNow, Score, SelfFault, Severity, Snapshot, State, TouchpointId, VantageId,
};

pub(super) fn write<S: Sink>(series: &mut Series<S>, snapshot: &Snapshot) {
    write_journeys(series, snapshot);
    write_burns(series, snapshot);
    write_losses(series, snapshot);
    write_places(series, snapshot);
    write_certificates(series, snapshot);
    series.family(INCIDENTS);
    for severity in [Severity::Ticket, Severity::Page] {
        let count = snapshot.incidents.iter().filter(|incident| incident.severity == severity).count();
        series.number(&[severity.as_str()], count);
    }
    series.family(TROUBLE);
    for what in SelfFault::ALL {
        series.number(&[what.code()], snapshot.troubles.iter().any(|trouble| trouble.what == *what));
    }
}

fn write_journeys<S: Sink>(series: &mut Series<S>, snapshot: &Snapshot) {
    let mut scores = |family: &'static Family, of: fn(&JourneyNow) -> Option<Score>| {
        series.family(family);
        for journey in &snapshot.journeys {
            // No number is no series: zero would be a lie, and so would the last one.
            if let Some(score) = of(journey) {
                series.number(&[journey.id.as_str()], score.points());
            }
        }
    };
    scores(SCORE, |now| now.score);
    scores(FELT, |now| now.felt);
    // A family of its own: whoever averages or sums the scores of journeys must not count a customer twice.
    series.family(SEGMENT_SCORE);
    for journey in &snapshot.journeys {
        for segment in &journey.segments {
            if let Some(score) = segment.score {
                series.number(&[journey.id.as_str(), &segment.name], score.points());
            }
        }
    }
    series.family(OBSERVED);
    for journey in &snapshot.journeys {
        series.number(&[journey.id.as_str()], journey.observed);
    }
}

fn write_burns<S: Sink>(series: &mut Series<S>, snapshot: &Snapshot) {
    series.family(BURN);
    for journey in &snapshot.journeys {
        let windows: BTreeMap<i64, f64> = journey.burns.iter().flat_map(|burn| [burn.long, burn.short]).collect();
        for (minutes, burn) in windows {
            series.number(&[journey.id.as_str(), &format!("{minutes}m")], burn);
        }
    }
}

fn write_losses<S: Sink>(series: &mut Series<S>, snapshot: &Snapshot) {
    series.family(LOSS);
    for journey in &snapshot.journeys {
        let mut losses: BTreeMap<&TouchpointId, f64> = BTreeMap::new();
        for element in journey.stages.iter().flat_map(|stage| &stage.needs).flat_map(NeedNow::elements) {
            *losses.entry(element.element.touchpoint()).or_default() += element.share;
        }
        for (touchpoint, loss) in losses {
            series.number(&[journey.id.as_str(), touchpoint.as_str()], loss);
        }
    }
}

fn write_places<S: Sink>(series: &mut Series<S>, snapshot: &Snapshot) {
    series.family(HEALTH);
    for (id, touchpoint) in &snapshot.touchpoints {
        if !matches!(touchpoint.health.state, State::Pending | State::Unknown) {
            series.number(&[id.as_str()], touchpoint.health.value);
        }
    }
    series.family(UP);
    let mut write = |probe: &ProbeNow, signal: &str| {
        for (vantage, up) in ups(probe) {
            series.number(&[probe.id.touchpoint.as_str(), &probe.id.name, vantage.as_str(), signal], up);
        }
    };
    for touchpoint in snapshot.touchpoints.values() {
        touchpoint.probes.iter().for_each(|probe| write(probe, ""));
        // Who watches that probes are up wants to hear of these too; who wants the score's own asks for `signal=""`.
        touchpoint.voices.iter().for_each(|probe| write(probe, "voice"));
    }
}

fn ups(probe: &ProbeNow) -> BTreeMap<&VantageId, bool> {
    let mut ups = BTreeMap::new();
    for series in &probe.series {
        let up = match series.health.state {
            State::Up | State::Degraded => true,
            State::Down => false,
            State::Pending | State::Unknown | State::Closed => continue,
        };
        *ups.entry(&series.series.vantage).or_insert(true) &= up;
    }
    ups
}

fn write_certificates<S: Sink>(series: &mut Series<S>, snapshot: &Snapshot) {
    series.family(CERTIFICATE);
    for probe in snapshot.touchpoints.values().flat_map(|touchpoint| &touchpoint.probes) {
        let last = probe.series.iter().filter_map(|series| series.last.as_ref());
        if let Some(earliest) = last.filter_map(|run| run.certified_until).min() {
            let left = earliest.duration_since(snapshot.at).as_secs_f64();
            series.number(&[probe.id.touchpoint.as_str(), &probe.id.name], left);
        }
    }
}
