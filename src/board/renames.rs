//! Touchpoints that are called something else now (`was:`), and what is kept under their names.

use std::collections::HashMap;

use crate::model::{Cause, Consistency, Element, Incident, JourneyMap, ProbeId, Series, Shared, Source, TouchpointId};

/// Former ids and present ones, both ways. A former id that is a touchpoint again went nowhere.
#[derive(Debug, Default)]
pub(super) struct Renames {
    to: HashMap<TouchpointId, TouchpointId>,
    from: HashMap<TouchpointId, TouchpointId>,
}

impl Renames {
    pub(super) fn of(map: &JourneyMap) -> Self {
        let mut renames = Self::default();
        for touchpoint in map.touchpoints.values() {
            let Some(was) = touchpoint.was.clone().filter(|was| !map.touchpoints.contains_key(was)) else { continue };
            if renames.to.insert(was.clone(), touchpoint.id.clone()).is_none() {
                renames.from.insert(touchpoint.id.clone(), was);
            }
        }
        renames
    }

    /// Only those of former ids that are known by now.
    pub(super) fn retain(&mut self, known: impl Fn(&TouchpointId) -> bool) {
        self.to.retain(|was, _| known(was));
        self.from.retain(|_, was| known(was));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.to.is_empty()
    }

    /// (from, to)
    pub(super) fn all(&self) -> impl Iterator<Item = (&TouchpointId, &TouchpointId)> {
        self.to.iter()
    }

    /// What a former id is called now.
    pub(super) fn present(&self) -> Naming<'_> {
        Naming(&self.to)
    }

    /// What a present id was called before.
    pub(super) fn former(&self) -> Naming<'_> {
        Naming(&self.from)
    }
}

/// One way of calling things.
#[derive(Clone, Copy, Debug)]
pub(super) struct Naming<'a>(&'a HashMap<TouchpointId, TouchpointId>);

impl Naming<'_> {
    pub(super) fn touchpoint(self, id: &TouchpointId) -> TouchpointId {
        self.0.get(id).unwrap_or(id).clone()
    }

    pub(super) fn probe(self, id: &ProbeId) -> ProbeId {
        // The name of a credited probe begins with the touchpoint of its errand (see `ProbeId::credited`).
        let name = match id.name.split_once('.') {
            Some((origin, rest)) => format!("{}.{rest}", self.touchpoint(&TouchpointId::new(origin))).into(),
            None => id.name.clone(),
        };
        ProbeId { touchpoint: self.touchpoint(&id.touchpoint), name }
    }

    pub(super) fn series(self, series: &Series) -> Series {
        Series { probe: self.probe(&series.probe), ..series.clone() }
    }

    pub(super) fn element(self, element: &Element) -> Element {
        match element {
            Element::Touchpoint(id) => Element::Touchpoint(self.touchpoint(id)),
            Element::Probe(id) => Element::Probe(self.probe(id)),
        }
    }

    pub(super) fn check(self, check: &Consistency) -> Consistency {
        let source = |source: &Source| Source { probe: self.probe(&source.probe), value: source.value.clone() };
        Consistency { values: check.values.iter().map(source).collect(), ..check.clone() }
    }

    pub(super) fn incident(self, mut incident: Incident) -> Incident {
        if let Cause::Touchpoint(id) = &incident.cause {
            incident.cause = Cause::Touchpoint(self.touchpoint(id));
        }
        incident.touchpoint = incident.touchpoint.as_ref().map(|id| self.touchpoint(id));
        incident.touchpoints = incident.touchpoints.iter().map(|id| self.touchpoint(id)).collect();
        incident.probes = incident.probes.iter().map(|id| self.probe(id)).collect();
        incident.shared = incident.shared.map(|shared| Shared {
            shown_by: shared.shown_by.iter().map(|id| self.touchpoint(id)).collect(),
            ..shared
        });
        incident
    }
}
