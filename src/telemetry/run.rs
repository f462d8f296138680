//! A run on its way to a collector.

use std::sync::Arc;

use super::spans::{self, Span};
use crate::model::{JourneyMap, Reading};

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

    pub(super) fn spans(&self) -> Vec<Span> {
        spans::spans(&self.reading, &self.map)
    }
}
