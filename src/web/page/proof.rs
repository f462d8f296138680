//! What the newest failed run of a probe left to be looked at.

use jiff::SignedDuration;

use super::Frame;
use crate::model::{Incident, ProbeId, Sort};
use crate::store::Kept;
use crate::web::Audience;
use crate::web::routes::Shared;

/// The first failure is that much older than the incident, at most.
const BEFORE: SignedDuration = SignedDuration::from_mins(10);
/// Of an incident, looked through for something to be seen.
const PROBES_MAX: usize = 8;

pub(super) struct Proof {
    pub(super) when: String,
    pub(super) step: String,
    pub(super) picture: Option<String>,
    /// Address, file name, and the message that says what it is.
    pub(super) files: Vec<(String, &'static str, &'static str)>,
}

pub(super) async fn proof(shared: &Shared, frame: &Frame, probe: &ProbeId) -> Option<Proof> {
    Some(shown(frame, kept(shared, probe).await?))
}

/// What an incident's probes left while it lasted, or just before it was one.
pub(super) async fn of_incident(shared: &Shared, frame: &Frame, incident: &Incident) -> Option<Proof> {
    let from = incident.opened.saturating_sub(BEFORE).unwrap_or(incident.opened);
    for probe in incident.probes.iter().take(PROBES_MAX) {
        let kept = kept(shared, probe).await;
        let during = |kept: &Kept| kept.at >= from && incident.closed.is_none_or(|closed| kept.at <= closed);
        if let Some(kept) = kept.filter(during) {
            return Some(shown(frame, kept));
        }
    }
    None
}

async fn kept(shared: &Shared, probe: &ProbeId) -> Option<Kept> {
    // Pages show what customers of public journeys need not see.
    if shared.site.audience == Audience::Everybody {
        return None;
    }
    shared.site.store.proof(probe).await.ok().flatten()
}

fn shown(frame: &Frame, kept: Kept) -> Proof {
    let address = |sort: Sort| format!("/proofs/{}/{}", kept.trace, sort.file());
    let files = kept.sorts.iter().filter_map(|&sort| Some((address(sort), sort.file(), words(sort)?)));
    Proof {
        when: frame.since(kept.at),
        picture: kept.sorts.contains(&Sort::Picture).then(|| address(Sort::Picture)),
        files: files.collect(),
        step: kept.step,
    }
}

const fn words(sort: Sort) -> Option<&'static str> {
    match sort {
        Sort::Picture => None,
        Sort::Outline => Some("proof-outline"),
        Sort::Console => Some("proof-console"),
        Sort::Requests => Some("proof-requests"),
    }
}
