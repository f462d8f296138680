//! A run on its way to a collector.

use std::collections::HashMap;
use std::sync::Arc;

use super::attributes::Place;
use super::spans::{self, Span};
use crate::model::{JourneyMap, Reading, TouchpointId};

/// What a trace is made of, when its turn comes: what is dropped before was never made.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) reading: Arc<Reading>,
    pub(super) map: Arc<JourneyMap>,
}

impl Run {
    /// How many spans it will be.
    pub(super) fn weight(&self) -> usize {
        spans::count(&self.reading)
    }
}

/// Makes traces. The map is looked through once for each touchpoint, not once a run.
#[derive(Debug, Default)]
pub(super) struct Tracer {
    map: Option<Arc<JourneyMap>>,
    places: HashMap<TouchpointId, Place>,
}

impl Tracer {
    pub(super) fn spans<'a>(&mut self, run: &'a Run) -> Vec<Span<'a>> {
        if !self.map.as_ref().is_some_and(|map| Arc::ptr_eq(map, &run.map)) {
            self.places.clear();
            self.map = Some(Arc::clone(&run.map));
        }
        let touchpoint = &run.reading.probe.touchpoint;
        let place = self.places.entry(touchpoint.clone()).or_insert_with(|| Place::of(touchpoint, &run.map));
        spans::spans_at(&run.reading, place)
    }
}
