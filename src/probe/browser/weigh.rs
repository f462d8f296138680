//! What other companies' servers cost a page: bytes, requests, time. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::seen::{Party, Request, Seen};

/// Third parties told of one run.
const TOLD_MAX: usize = 20;

/// A host of somebody else's that pages asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ThirdParty {
    pub(super) host: String,
    pub(super) requests: usize,
    /// As they came over the wire.
    pub(super) bytes: u64,
    /// While at least one request to it was under way.
    pub(super) took: Duration,
}

impl fmt::Display for ThirdParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, requests, bytes, took } = self;
        let plural = if *requests == 1 { "" } else { "s" };
        write!(f, "{host}: {bytes} bytes in {requests} request{plural}, {} ms", took.as_millis())
    }
}

/// Those that took longest first.
pub(super) fn third_parties(seen: &Seen) -> Vec<ThirdParty> {
    let mut hosts: BTreeMap<String, Vec<&Request>> = BTreeMap::new();
    for request in seen.requests.iter().filter(|request| request.party == Party::Third) {
        if let Some(host) = request.host() {
            hosts.entry(host).or_default().push(request);
        }
    }
    let mut told: Vec<ThirdParty> = hosts.into_iter().map(|(host, requests)| weighed(host, &requests)).collect();
    told.sort_by_key(|party| std::cmp::Reverse((party.took, party.bytes)));
    told.truncate(TOLD_MAX);
    told
}

fn weighed(host: String, requests: &[&Request]) -> ThirdParty {
    let bytes = requests.iter().map(|request| request.bytes).fold(0, u64::saturating_add);
    let spans = requests.iter().map(|it| (it.begun, it.end.as_ref().map_or(it.begun, super::seen::End::at)));
    ThirdParty { host, requests: requests.len(), bytes, took: covered(spans.collect()) }
}

/// The time that spans cover together.
fn covered(mut spans: Vec<(f64, f64)>) -> Duration {
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut until = f64::NEG_INFINITY;
    let mut covered = 0.0;
    for (from, to) in spans {
        covered += (to - from.max(until)).max(0.0);
        until = until.max(to);
    }
    Duration::try_from_secs_f64(covered).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_at_the_same_time_counts_once() {
        let ms = |spans: &[(f64, f64)]| covered(spans.to_vec()).as_millis();
        assert_eq!(ms(&[(1.0, 2.0), (1.5, 2.5), (4.0, 4.25)]), 1750);
        assert_eq!(ms(&[(4.0, 5.0), (1.0, 9.0), (2.0, 3.0)]), 8000);
        assert_eq!(ms(&[]), 0);
    }
}
