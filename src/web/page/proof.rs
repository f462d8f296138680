//! What the newest failed run of a probe left to be looked at.

use super::Frame;
use crate::model::{ProbeId, Sort};
use crate::web::Audience;
use crate::web::routes::Shared;

pub(super) struct Proof {
    pub(super) when: String,
    pub(super) step: String,
    pub(super) picture: Option<String>,
    /// Address, file name, and the message that says what it is.
    pub(super) files: Vec<(String, &'static str, &'static str)>,
}

pub(super) async fn proof(shared: &Shared, frame: &Frame, probe: &ProbeId) -> Option<Proof> {
    // Pages show what customers of public journeys need not see.
    if shared.site.audience == Audience::Everybody {
        return None;
    }
    let kept = shared.site.store.proof(probe).await.ok().flatten()?;
    let address = |sort: Sort| format!("/proofs/{}/{}", kept.trace, sort.file());
    let files = kept.sorts.iter().filter_map(|&sort| Some((address(sort), sort.file(), words(sort)?)));
    Some(Proof {
        when: frame.since(kept.at),
        picture: kept.sorts.contains(&Sort::Picture).then(|| address(Sort::Picture)),
        files: files.collect(),
        step: kept.step,
    })
}

const fn words(sort: Sort) -> Option<&'static str> {
    match sort {
        Sort::Picture => None,
        Sort::Outline => Some("proof-outline"),
        Sort::Console => Some("proof-console"),
        Sort::Requests => Some("proof-requests"),
    }
}
