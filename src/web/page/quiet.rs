//! What nobody is told of at present: planned work, and what somebody silenced.

use super::Frame;
use crate::model::{Maintenance, Scope, Silence, Snapshot};
use crate::words;

/// One reason for the quiet.
pub(super) struct QuietRow {
    /// "Planned work: nightly billing run", "Silenced: The shop"
    pub(super) what: String,
    /// "until 12:00"
    pub(super) until: String,
    /// Who wants it, and why.
    pub(super) why: Option<String>,
    /// The silence that may be ended.
    pub(super) id: Option<String>,
}

/// A form that silences something.
pub(super) struct Hush {
    /// `touchpoint`, `journey`, `incident`
    pub(super) kind: &'static str,
    pub(super) id: String,
}

/// What holds now, of what fits.
pub(super) fn rows(
    frame: &Frame,
    snapshot: &Snapshot,
    covers: impl Fn(&Maintenance) -> bool,
    silences: impl Fn(&Scope) -> bool,
) -> Vec<QuietRow> {
    let windows = snapshot.map.maintenance.iter().filter(|window| window.contains(frame.now) && covers(window));
    let held = snapshot.silences.iter().filter(|silence| silence.holds(frame.now) && silences(&silence.of));
    windows
        .map(|window| QuietRow {
            what: frame.say("quiet-planned").with("name", &window.name).to_string(),
            until: window.ends(frame.now).map_or_else(String::new, |end| until(frame, end)),
            why: None,
            id: None,
        })
        .chain(held.map(|silence| silenced(frame, snapshot, silence)))
        .collect()
}

fn silenced(frame: &Frame, snapshot: &Snapshot, silence: &Silence) -> QuietRow {
    let what = match &silence.of {
        Scope::Touchpoint(id) => words::touchpoint(id, &snapshot.map).to_owned(),
        Scope::Journey(id) => words::title(id, &snapshot.map).to_owned(),
        Scope::Incident(id) => {
            let incident = snapshot.incidents.iter().find(|incident| incident.id == *id);
            incident.map_or_else(
                || frame.text("quiet-an-incident").into_owned(),
                |incident| frame.words.incident(incident, &snapshot.map),
            )
        }
    };
    QuietRow {
        what: frame.say("quiet-silenced").with("what", what).to_string(),
        until: until(frame, silence.until),
        why: Some(frame.say("quiet-why").with("by", &silence.by).with("why", &silence.why).to_string()),
        id: Some(silence.id.to_string()),
    }
}

/// A day that is not today is named.
fn until(frame: &Frame, end: jiff::Timestamp) -> String {
    let end = frame.words.moment_ahead(end, frame.now, &frame.timezone);
    frame.say("quiet-until").with("until", end).to_string()
}
