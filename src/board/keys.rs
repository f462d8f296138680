//! Under which names the board's memory is kept. They last longer than a version of the program.

use super::net::Net;
use super::renames::Naming;
use crate::model::{Consistency, Element, PersonaId, ProbeId, Series, TouchpointId};

impl Net {
    pub(super) fn check_key(&self, check: usize) -> String {
        let at = &self.checks[check];
        self.key_of_check(at.journey, &at.check)
    }

    /// The key under which it was kept when its sources were called otherwise.
    pub(super) fn check_key_as(&self, check: usize, naming: Naming<'_>) -> String {
        let at = &self.checks[check];
        self.key_of_check(at.journey, &naming.check(&at.check))
    }

    fn key_of_check(&self, journey: usize, check: &Consistency) -> String {
        let sources: Vec<String> = check.values.iter().map(ToString::to_string).collect();
        format!("check:{}/{}/{}", self.journeys[journey].id, check.name, sources.join(","))
    }

    pub(super) fn joint_key(&self, joint: usize) -> String {
        let at = &self.joints[joint];
        joint_key(&at.probe, at.persona.as_ref())
    }
}

pub(super) fn joint_key(probe: &ProbeId, persona: Option<&PersonaId>) -> String {
    match persona {
        Some(persona) => format!("joint:{probe}[{persona}]"),
        None => format!("joint:{probe}"),
    }
}

pub(super) fn series_key(series: &Series) -> String {
    format!("series:{series}")
}

/// Whose series is kept under this key, if one is.
pub(super) fn touchpoint_of(series_key: &str) -> Option<TouchpointId> {
    let (touchpoint, _) = series_key.strip_prefix("series:")?.split_once('/')?;
    Some(touchpoint.into())
}

pub(super) fn touchpoint_key(id: &TouchpointId) -> String {
    format!("touchpoint:{id}")
}

pub(super) fn journey_key(id: &str) -> String {
    format!("journey:{id}")
}

pub(super) fn felt_key(element: &Element) -> String {
    match element {
        Element::Touchpoint(id) => format!("felt:{id}"),
        Element::Probe(id) => format!("felt:{id}"),
    }
}
