//! What happened in a visit, for its trace: what was done, the pages that were gone to, their requests. It is remembered
//! while it happens, and told however the visit ends.

mod told;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::deed::Deed;
use super::ledger::Ledger;
use super::seen::Key;
use super::sight::Sight;
use crate::model::SpanId;
use crate::probe::{Account, Chronicle, Detail, Run, Stop};

/// Requests that are told a span of their own; those after them are told the visit's. Fewer than are shown: whoever is
/// told a span finds it.
const OWN_MAX: usize = 64;

/// One visit's.
#[derive(Debug)]
pub(super) struct Story {
    /// The visit's.
    span: SpanId,
    ledger: Arc<Mutex<Ledger>>,
    deeds: Mutex<Vec<Done>>,
    own: Mutex<HashSet<Key>>,
    /// Hosts that our gate did not let it reach, with why.
    refused: Mutex<Vec<(String, String)>>,
}

/// Something that was done.
#[derive(Clone, Debug)]
struct Done {
    name: String,
    verb: &'static str,
    from: Instant,
    /// None: it is under way.
    end: Option<(Instant, Option<Stop>)>,
}

impl Story {
    /// Begins one, if anybody asks for it, and gives it to the run.
    pub(super) fn begin(run: &mut Run<'_>, sight: &Sight) -> Option<Arc<Self>> {
        if run.detail == Detail::Brief {
            return None;
        }
        let story = Arc::new(Self {
            span: run.span,
            ledger: sight.ledger(),
            deeds: Mutex::default(),
            own: Mutex::default(),
            refused: Mutex::default(),
        });
        run.chronicle = Some(Arc::clone(&story) as Arc<dyn Chronicle>);
        Some(story)
    }

    /// Something is done now.
    pub(super) fn doing(&self, deed: &Deed, name: &str) {
        let done = Done { name: name.to_owned(), verb: deed.verb(), from: Instant::now(), end: None };
        lock(&self.deeds).push(done);
    }

    /// It is done, or cannot be.
    pub(super) fn done(&self, why_not: Option<&Stop>) {
        if let Some(last) = lock(&self.deeds).last_mut() {
            last.end = Some((Instant::now(), why_not.cloned()));
        }
    }

    pub(super) fn refused(&self, refused: Vec<(String, String)>) {
        *lock(&self.refused) = refused;
    }

    /// The span that the server of this request is told.
    pub(super) fn tell(&self, key: Key) -> SpanId {
        let mut own = lock(&self.own);
        if own.len() < OWN_MAX {
            own.insert(key);
        }
        if own.contains(&key) { self.span.below(key.0) } else { self.span }
    }
}

impl Chronicle for Story {
    fn account(&self, start: Instant, until: Instant) -> Account {
        let mut seen = lock(&self.ledger).seen();
        seen.explain(&lock(&self.refused));
        let told = told::Told { story: self, seen, start, until };
        told.account(&lock(&self.deeds), &lock(&self.own))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
