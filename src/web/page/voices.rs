//! The rows of what customers say themselves.

use super::Frame;
use super::rich::Marked;
use super::tone::Tone;
use crate::model::{Snapshot, TouchpointNow};
use crate::web::voice;

pub(super) struct VoiceRow {
    pub(super) touchpoint: String,
    pub(super) title: String,
    pub(super) value: Option<String>,
    pub(super) why: Option<Marked>,
    pub(super) tone: Tone,
    pub(super) since: String,
}

pub(super) fn rows(frame: &Frame, touchpoint: &TouchpointNow, snapshot: &Snapshot) -> Vec<VoiceRow> {
    let row = |voice: voice::Voice| VoiceRow {
        touchpoint: voice.id.touchpoint.to_string(),
        title: voice.title,
        value: voice.value,
        why: voice.fault.map(|fault| frame.told(&fault, &fault.to_string())),
        tone: voice.state.into(),
        since: frame.since(voice.since),
    };
    voice::of_touchpoint(touchpoint, snapshot).into_iter().map(row).collect()
}
