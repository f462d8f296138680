//! The journal's sentences. An event's name begins with `unbroken.`; its fields are called as in traces.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tracing::field::{DisplayValue, display};

use super::{Behind, Origin, Voice};
use crate::board::ScoreNow;
use crate::model::{
    Cause, Color, Incident, LostTo, Reading, Score, Severity, State, TouchpointId, Verdict, round_shares,
};

/// What costs a score most; beyond it nothing is named.
const LOSSES_MAX: usize = 32;

/// Who tells of every run: so many lines are asked for by themselves.
const RUNS: &str = "unbroken::daemon::run";

/// What an incident became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::daemon) enum Turn {
    Opened,
    /// Worth telling anew; how grave it was before.
    Changed(Severity),
    Over,
}

macro_rules! say {
    ($voice:expr, $name:literal, { $($fields:tt)* }, $($text:tt)*) => {
        match $voice {
            Voice::Aloud => tracing::info!(name: $name, { $($fields)* }, $($text)*),
            Voice::Aside => tracing::debug!(name: $name, { $($fields)* }, $($text)*),
        }
    };
}

/// Every run, for whoever looks very closely: traces have it all.
pub(super) fn run(reading: &Reading) {
    if !tracing::enabled!(target: RUNS, tracing::Level::DEBUG) {
        return;
    }
    let verdict = &reading.outcome.verdict;
    let why = match verdict {
        Verdict::Failed(fault) => format!(": {fault}"),
        Verdict::Inconclusive { text, .. } => format!(": {text}"),
        Verdict::Good | Verdict::Slow | Verdict::Skipped(_) => String::new(),
    };
    tracing::debug!(
        target: RUNS,
        touchpoint = %reading.probe.touchpoint,
        probe = %reading.probe.name,
        persona = reading.persona.as_ref().map(display),
        vantage = %reading.vantage,
        verdict = verdict.label(),
        fault.code = verdict.fault().map(|fault| fault.code.code()),
        took_seconds = reading.outcome.took.as_secs_f64(),
        trace_id = %reading.trace,
        span_id = %reading.span,
        "Probed `{}`: {}{why}",
        reading.probe,
        verdict.label(),
    );
}

/// One series of a probe.
pub(super) fn probe(voice: Voice, behind: &Behind<'_>, (from, to): (State, State)) {
    let series = behind.series;
    let whose = series.persona.as_ref().map(|persona| format!(" as `{persona}`")).unwrap_or_default();
    say!(
        voice,
        "unbroken.probe.state_changed",
        {
            touchpoint = %series.probe.touchpoint,
            probe = %series.probe.name,
            persona = series.persona.as_ref().map(display),
            vantage = %series.vantage,
            state.from = from.as_str(),
            state.to = to.as_str(),
            fault.code = code(Some(behind), to),
            trace_id = trace(behind.origin),
            span_id = span(behind.origin),
        },
        "Probe `{}` is {to}{whose} from `{}`, was {from}{}",
        series.probe,
        series.vantage,
        why(Some(behind), to),
    );
}

pub(super) fn touchpoint(voice: Voice, id: &TouchpointId, behind: Option<&Behind<'_>>, (from, to): (State, State)) {
    let series = behind.map(|behind| behind.series);
    let origin = behind.and_then(|behind| behind.origin);
    say!(
        voice,
        "unbroken.touchpoint.state_changed",
        {
            touchpoint = %id,
            probe = series.map(|series| display(&series.probe.name)),
            persona = series.and_then(|series| series.persona.as_ref()).map(display),
            vantage = series.map(|series| display(&series.vantage)),
            state.from = from.as_str(),
            state.to = to.as_str(),
            fault.code = code(behind, to),
            trace_id = trace(origin),
            span_id = span(origin),
        },
        "`{id}` is {to}, was {from}{}",
        why(behind, to),
    );
}

pub(super) fn score(
    voice: Voice,
    now: &ScoreNow,
    (from, to, color): (Option<Score>, Option<Score>, Color),
    cause: Option<Origin>,
) {
    let Losses { touchpoints, checks } = Losses::of(now, to);
    let told = |losses: &[(String, f64)]| {
        let map: Map<String, Value> = losses.iter().map(|(of, share)| (of.clone(), json!(share))).collect();
        (!map.is_empty()).then(|| display(Value::Object(map)))
    };
    let journey = &now.journey;
    let sentence = match (from, to) {
        (Some(from), Some(to)) => format!("`{journey}` scores {to} ({color}), was {from}"),
        (None, Some(to)) => format!("`{journey}` scores {to} ({color}), had no score"),
        (from, None) => {
            let was = from.map_or_else(String::new, |from| format!(", was {from}"));
            format!("`{journey}` has no score{was}: too little of it is observed")
        }
    };
    let costs: Vec<_> =
        touchpoints.iter().chain(&checks).take(3).map(|(of, share)| format!("`{of}` costs {share:.1}")).collect();
    let costs = if costs.is_empty() { String::new() } else { format!("; {}", costs.join(", ")) };
    say!(
        voice,
        "unbroken.journey.score_changed",
        {
            journey = %journey,
            score.from = from.map(Score::points),
            score.to = to.map(Score::points),
            felt = now.felt.map(|felt| Score::of(felt).points()),
            observed = now.observed,
            color = color.as_str(),
            loss_share = told(&touchpoints),
            check_share = told(&checks),
            trace_id = trace(cause),
            span_id = span(cause),
        },
        "{sentence}{costs}",
    );
}

/// Points of the score, the dearest first, so rounded that they sum to what is lost.
struct Losses {
    touchpoints: Vec<(String, f64)>,
    /// By name.
    checks: Vec<(String, f64)>,
}

impl Losses {
    fn of(now: &ScoreNow, shown: Option<Score>) -> Self {
        let mut touchpoints: BTreeMap<String, f64> = BTreeMap::new();
        let mut checks: BTreeMap<String, f64> = BTreeMap::new();
        for (to, share) in &now.losses {
            let (group, name) = match to {
                LostTo::Stage(_, touchpoint) => (&mut touchpoints, touchpoint.to_string()),
                LostTo::Check(name) => (&mut checks, name.clone()),
            };
            *group.entry(name).or_default() += 100.0 * share;
        }
        let exact: Vec<f64> = touchpoints.values().chain(checks.values()).copied().collect();
        let lost = shown.map_or(0, |score| (10.0 * (100.0 - score.points())).round() as i64);
        let mut rounded = round_shares(&exact, lost).into_iter();
        let mut named = |group: BTreeMap<String, f64>| {
            let shares = group.into_keys().map(|name| (name, rounded.next().unwrap_or_default()));
            let mut shares: Vec<_> = shares.filter(|(_, share)| *share > 0.0).collect();
            shares.sort_by(|one, other| other.1.total_cmp(&one.1));
            shares.truncate(LOSSES_MAX);
            shares
        };
        let touchpoints = named(touchpoints);
        Self { touchpoints, checks: named(checks) }
    }
}

/// An incident, as soon as it is on disk.
pub(in crate::daemon) fn incident(incident: &Incident, headline: &str, turn: Turn) {
    macro_rules! tell {
        ($level:ident, $name:literal, $($text:tt)*) => {
            tracing::$level!(
                name: $name,
                {
                    incident.id = %incident.id,
                    incident.version = incident.version,
                    severity = incident.severity.as_str(),
                    cause = cause(&incident.cause),
                    touchpoint = incident.touchpoint.as_ref().map(display),
                    journeys = journeys(incident),
                    fault.code = fault_of(incident),
                    closed.why = incident.close.map(crate::model::Close::as_str),
                    lasted_seconds = incident.closed.map(|closed| closed.duration_since(incident.opened).as_secs_f64()),
                    trace_id = incident.trace.map(display),
                },
                $($text)*
            )
        };
    }
    match turn {
        Turn::Opened => tell!(warn, "unbroken.incident.opened", "{headline}"),
        Turn::Changed(before) if incident.severity > before => {
            tell!(warn, "unbroken.incident.changed", "Graver now: {headline}");
        }
        Turn::Changed(_) => tell!(info, "unbroken.incident.changed", "Still: {headline}"),
        Turn::Over => tell!(info, "unbroken.incident.closed", "Over: {headline}"),
    }
}

const fn cause(cause: &Cause) -> &'static str {
    match cause {
        Cause::Touchpoint(_) => "touchpoint",
        Cause::Journey(_) => "journey",
        Cause::Objective(_) => "objective",
        Cause::Own(_) => "own",
    }
}

fn fault_of(incident: &Incident) -> Option<&'static str> {
    match incident.cause {
        Cause::Own(fault) => Some(fault.code()),
        _ => incident.fault.as_ref().map(|fault| fault.code.code()),
    }
}

fn journeys(incident: &Incident) -> Option<DisplayValue<Value>> {
    let of = match &incident.cause {
        Cause::Journey(id) | Cause::Objective(id) => vec![id.as_str()],
        Cause::Touchpoint(_) | Cause::Own(_) => incident.impacts.iter().map(|it| it.journey.as_str()).collect(),
    };
    (!of.is_empty()).then(|| display(json!(of)))
}

/// A fault explains only what is not well.
fn fails(to: State) -> bool {
    matches!(to, State::Degraded | State::Down)
}

fn code(behind: Option<&Behind<'_>>, to: State) -> Option<&'static str> {
    behind.and_then(|behind| behind.fault).filter(|_| fails(to)).map(|fault| fault.code.code())
}

fn why(behind: Option<&Behind<'_>>, to: State) -> String {
    let fault = behind.and_then(|behind| behind.fault).filter(|_| fails(to));
    fault.map(|fault| format!(": {fault}")).unwrap_or_default()
}

fn trace(origin: Option<Origin>) -> Option<DisplayValue<crate::model::TraceId>> {
    origin.map(|origin| display(origin.trace))
}

fn span(origin: Option<Origin>) -> Option<DisplayValue<crate::model::SpanId>> {
    origin.and_then(|origin| origin.span).map(display)
}
