//! Touchpoints that are called something else now (`was:`), and what is kept under their names.

use std::collections::HashMap;

use crate::model::{Consistency, Element, Incident, JourneyMap, ProbeId, Series, Source, TouchpointId};

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
        id.renamed(|id| self.touchpoint(id))
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

    pub(super) fn incident(self, incident: Incident) -> Incident {
        incident.renamed(|id| self.touchpoint(id))
    }
}
