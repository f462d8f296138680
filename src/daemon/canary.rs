//! Canaries: places so sure to answer that, if none does, it is the vantage that cannot see.

use std::collections::BTreeSet;
use std::time::Duration;

use url::{Host, Url};

use crate::probe::Stop;
use crate::probe::connect::Network;

const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// Whether any takes a connection, whatever it speaks; or why none does, in one line.
pub(super) async fn any_answers(network: &Network, canaries: &[Url]) -> Result<(), String> {
    let answers = futures::future::join_all(canaries.iter().map(|canary| answers(network, canary))).await;
    if answers.iter().any(Result::is_ok) {
        return Ok(());
    }
    let why: BTreeSet<String> = answers.into_iter().filter_map(Result::err).collect();
    Err(format!("no canary answers: {}", Vec::from_iter(why).join("; ")))
}

async fn answers(network: &Network, canary: &Url) -> Result<(), String> {
    let text = canary.host_str().unwrap_or_default().trim_matches(['[', ']']);
    // What is no web address has its host as it was written: an address among them is a name to `url`.
    let host = text.parse().map(Host::Ipv4).or_else(|_| text.parse().map(Host::Ipv6)).unwrap_or(Host::Domain(text));
    let port = canary.port_or_known_default().unwrap_or(0);
    match tokio::time::timeout(ANSWERS_WITHIN, network.reaches(&host, port)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(Stop::Fault(fault))) => Err(format!("{text}:{port}: {}", fault.text)),
        Ok(Err(Stop::Own(_, why))) => Err(format!("{text}:{port}: {why}")),
        Err(_) => Err(format!("{text}:{port}: no answer in {} s", ANSWERS_WITHIN.as_secs())),
    }
}
