//! Core Web Vitals as Google's own program measures them, in a world that the page cannot reach.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::page::AddScriptToEvaluateOnNewDocumentParams;
use chromiumoxide::cdp::js_protocol::runtime::{AddBindingParams, EventBindingCalled};
use chromiumoxide::error::CdpError;
use futures::{StreamExt as _, try_join};
use serde::Deserialize;
use tokio::task::JoinSet;

use super::world::World;
use crate::model::Quality;

const LIBRARY: &str = include_str!("assets/web-vitals.js");
const OBSERVER: &str = include_str!("vitals.js");
/// Documents told apart in one run.
const DOCUMENTS_MAX: usize = 32;
/// Until a frame is painted and what it brings is told: a page that paints nothing any more is not waited for.
const SETTLED_WITHIN: Duration = Duration::from_millis(500);

/// What customers feel of a page. Of several pages in one run: the worst of each.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Vitals {
    /// Largest contentful paint, milliseconds after the navigation began.
    pub(super) lcp: Option<f64>,
    /// Cumulative layout shift, no unit.
    pub(super) cls: Option<f64>,
    /// Interaction to next paint, milliseconds; none where nobody interacted.
    pub(super) inp: Option<f64>,
    /// First contentful paint, milliseconds.
    pub(super) fcp: Option<f64>,
    /// Time to first byte, milliseconds, redirects and connecting included.
    pub(super) ttfb: Option<f64>,
}

/// One of the [`Vitals`].
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Vital {
    Lcp,
    Cls,
    Inp,
    Fcp,
    Ttfb,
}

impl Vital {
    const ALL: [Self; 5] = [Self::Lcp, Self::Cls, Self::Inp, Self::Fcp, Self::Ttfb];

    /// As the field calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Lcp => "LCP",
            Self::Cls => "CLS",
            Self::Inp => "INP",
            Self::Fcp => "FCP",
            Self::Ttfb => "TTFB",
        }
    }

    /// What Google calls good, and from where on it is poor (web.dev/articles/vitals).
    const fn bounds(self) -> (f64, f64) {
        match self {
            Self::Lcp => (2500.0, 4000.0),
            Self::Cls => (0.1, 0.25),
            Self::Inp => (200.0, 500.0),
            Self::Fcp => (1800.0, 3000.0),
            Self::Ttfb => (800.0, 1800.0),
        }
    }
}

/// A vital that is not good: what it is, what it came to, and what would be good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lame {
    pub(super) vital: Vital,
    pub(super) value: f64,
    pub(super) good: f64,
    pub(super) quality: Quality,
}

impl Vitals {
    /// The worst of those that are not good.
    pub(super) fn worst(&self) -> Option<Lame> {
        let lame = Vital::ALL.into_iter().filter_map(|vital| {
            let value = self.get(vital)?;
            let (good, poor) = vital.bounds();
            let quality = Quality::of_measure(value, good, poor);
            (quality < Quality::PERFECT).then_some(Lame { vital, value, good, quality })
        });
        lame.min_by(|a, b| a.quality.get().total_cmp(&b.quality.get()))
    }

    const fn get(&self, vital: Vital) -> Option<f64> {
        match vital {
            Vital::Lcp => self.lcp,
            Vital::Cls => self.cls,
            Vital::Inp => self.inp,
            Vital::Fcp => self.fcp,
            Vital::Ttfb => self.ttfb,
        }
    }

    fn note(&mut self, vital: Vital, value: f64) {
        let kept = match vital {
            Vital::Lcp => &mut self.lcp,
            Vital::Cls => &mut self.cls,
            Vital::Inp => &mut self.inp,
            Vital::Fcp => &mut self.fcp,
            Vital::Ttfb => &mut self.ttfb,
        };
        if value.is_finite() && value >= 0.0 {
            *kept = Some(kept.map_or(value, |known| known.max(value)));
        }
    }

    fn and(mut self, other: &Self) -> Self {
        for vital in Vital::ALL {
            if let Some(value) = other.get(vital) {
                self.note(vital, value);
            }
        }
        self
    }
}

/// Measures one tab. Dropped, it no longer listens.
#[derive(Debug)]
pub(super) struct Gauge {
    page: Page,
    world: World,
    documents: Arc<Mutex<BTreeMap<String, Vitals>>>,
    _listening: JoinSet<()>,
}

/// What the observer tells.
#[derive(Deserialize)]
struct Told {
    document: String,
    #[serde(rename = "name")]
    vital: Vital,
    value: f64,
}

impl Gauge {
    /// Before the first navigation. `random` names what the page must not find.
    pub(super) async fn install(page: &Page, random: u64) -> Result<Self, CdpError> {
        let world = World::kept();
        let binding = format!("b{random:016x}");
        let documents = Arc::new(Mutex::new(BTreeMap::new()));
        let mut heard = page.event_listener::<EventBindingCalled>().await?;
        let mut listening = JoinSet::new();
        let (ours, book) = (binding.clone(), Arc::clone(&documents));
        listening.spawn(async move {
            while let Some(event) = heard.next().await {
                if event.name == ours {
                    note(&book, &event.payload);
                }
            }
        });
        let mut added = AddBindingParams::new(&binding);
        added.execution_context_name = Some(world.name().to_owned());
        let source = format!("{LIBRARY}\n{}", OBSERVER.replace("TELL", &binding));
        let mut script = AddScriptToEvaluateOnNewDocumentParams::new(source);
        script.world_name = Some(world.name().to_owned());
        try_join!(page.execute(added), page.execute(script))?;
        Ok(Self { page: page.clone(), world, documents, _listening: listening })
    }

    /// What was measured until now. A largest paint counts from when it is there and a shift when it happens: nothing
    /// has to be hidden or closed for them to be final, for no customer stays longer than the errand does.
    pub(super) async fn read(&self) -> Vitals {
        // What this document comes to is asked; what those before it came to was told.
        let now: Option<BTreeMap<Vital, f64>> = self.world.ask(&self.page, "vitals()", SETTLED_WITHIN).await;
        let documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = documents.values().fold(Vitals::default(), Vitals::and);
        now.into_iter().flatten().for_each(|(vital, value)| all.note(vital, value));
        all
    }

    /// The world in which it measures: good for other questions, too.
    pub(super) const fn world(&self) -> &World {
        &self.world
    }
}

fn note(book: &Mutex<BTreeMap<String, Vitals>>, payload: &str) {
    let Ok(told) = serde_json::from_str::<Told>(payload) else { return };
    let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
    if book.len() >= DOCUMENTS_MAX && !book.contains_key(&told.document) {
        return;
    }
    book.entry(told.document).or_default().note(told.vital, told.value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_vital_decides_by_googles_bounds() {
        let good = Vitals { lcp: Some(2400.0), cls: Some(0.05), inp: None, fcp: Some(900.0), ttfb: Some(100.0) };
        assert_eq!(good.worst(), None);
        let jumps = Vitals { cls: Some(0.25), ..good };
        let quality = jumps.worst().expect("it jumps").quality.get();
        assert!((quality - 0.5).abs() < 1e-12, "{quality}");
        let both = Vitals { inp: Some(300.0), ..jumps };
        assert_eq!(both.worst().map(|lame| lame.vital), Some(Vital::Cls));
        assert_eq!(Vitals::default().worst(), None);
    }

    #[test]
    fn of_several_pages_the_worst_counts() {
        let a = Vitals { lcp: Some(800.0), cls: Some(0.2), ..Vitals::default() };
        let b = Vitals { lcp: Some(900.0), cls: Some(0.0), inp: Some(40.0), ..Vitals::default() };
        let worst = a.and(&b);
        assert_eq!((worst.lcp, worst.cls, worst.inp, worst.fcp), (Some(900.0), Some(0.2), Some(40.0), None));
    }
}
