//! The vocabulary: what every other module talks about. No I/O, no async, no clock.

mod annotation;
mod calendar;
mod circular;
mod episode;
mod fact;
mod fault;
mod health;
mod id;
mod incident;
mod language;
mod loss;
mod maintenance;
mod map;
mod people;
mod proof;
mod quality;
mod reading;
mod rule;
mod snapshot;

pub use annotation::{Annotation, Occasion, Subject};
pub use calendar::Calendar;
pub use circular::Circular;
pub use episode::{Episode, Scalar, Side};
pub use fact::{Fact, Shared};
pub use fault::{Evidence, Fault, FaultCode, Phase, SelfFault};
pub use health::{Color, Health, Score, State};
pub use id::{
    AnnotationId, IncidentId, JourneyId, PersonaId, ProbeId, Series, SilenceId, SpanId, StageId, TouchpointId, TraceId,
    VantageId,
};
pub use incident::{
    Cause, Change, Close, Happening, Impact, Incident, Notification, NotificationKind, Severity, Storm,
};
pub use language::Language;
pub use loss::{Loss, LostTo, round_shares};
pub use maintenance::{Maintenance, Timetable};
pub use map::{
    Channel, Consistency, DetectRule, Element, Journey, JourneyMap, Member, Need, Objective, Persona, Probe, Signal,
    Source, Stage, Touchpoint, Weight,
};
pub use people::{Acknowledgement, Scope, Silence};
pub use proof::{Exhibit, Proof, Sort};
pub use quality::Quality;
pub use reading::{
    Captured, CertificateFacts, Finding, FindingSeverity, Outcome, PhaseTime, Reading, Sample, SpanRef, StepOutcome,
    Trigger, Verdict, Why,
};
pub use rule::{Frequency, Rule};
pub use snapshot::{
    Burn, CheckNow, Costly, Divergence, ElementNow, JourneyNow, LastRun, NeedNow, ProbeNow, Reach, SegmentCost,
    SegmentNow, SeriesNow, Snapshot, StageNow, TouchpointNow, Trouble, ValueNow,
};
