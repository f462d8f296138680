//! What pages looked like when they were visited: the pictures of a walk.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Frame;
use crate::model::{FaultCode, Proof, Reading, Sort, TraceId};
use crate::report::walk::Walk;
use crate::store::{Refused, Store};

/// Pictures, by the run that took them.
#[derive(Clone, Debug, Default)]
pub struct Album(BTreeMap<TraceId, Vec<Shot>>);

#[derive(Clone, Debug)]
struct Shot {
    step: String,
    /// None: the step did not fail.
    why: Option<FaultCode>,
    /// Its address, or itself as a `data:` URL.
    source: String,
}

/// A picture with its words.
pub(super) struct Framed {
    pub(super) source: String,
    pub(super) words: String,
}

impl Album {
    /// Keeps the picture itself, if there is one.
    pub fn keep(&mut self, proof: &Proof) {
        let Some(picture) = proof.exhibits().iter().find(|exhibit| exhibit.sort == Sort::Picture) else { return };
        let source = format!("data:{};base64,{}", Sort::Picture.media(), STANDARD.encode(&picture.bytes));
        let shot = Shot { step: proof.step.to_string(), why: proof.why, source };
        self.0.entry(proof.trace).or_default().push(shot);
    }

    /// The kept pictures of what failed in this walk. One of an earlier run that failed likewise shows it, too.
    pub(super) async fn of(walk: &Walk, store: &dyn Store) -> Result<Self, Refused> {
        let mut album = Self::default();
        for visit in walk.stages.iter().flat_map(|stage| &stage.places).flat_map(|place| &place.visits) {
            let Some(fault) = visit.reading.outcome.verdict.fault() else { continue };
            let kept = store.proof(&visit.reading.probe).await?;
            let pictured = kept.filter(|kept| kept.sorts.contains(&Sort::Picture) && kept.why == Some(fault.code));
            if let Some(kept) = pictured {
                let source = format!("/proofs/{}/{}", kept.trace, Sort::Picture.file());
                album.0.insert(visit.reading.trace, vec![Shot { step: kept.step, why: kept.why, source }]);
            }
        }
        Ok(album)
    }

    /// Those of these steps.
    pub(super) fn framed(&self, frame: &Frame, reading: &Reading) -> Vec<Framed> {
        let steps = &reading.outcome.steps;
        let here = |shot: &&Shot| steps.iter().any(|step| step.name == shot.step);
        let words = |shot: &Shot| if shot.why.is_some() { "proof-alt" } else { "walk-shot" };
        let framed = |shot: &Shot| Framed {
            source: shot.source.clone(),
            words: frame.say(words(shot)).with("step", shot.step.as_str()).to_string(),
        };
        self.0.get(&reading.trace).into_iter().flatten().filter(here).map(framed).collect()
    }
}
