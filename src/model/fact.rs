//! What touchpoints that fail together may have in common.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{FaultCode, TouchpointId};

/// What a run failed at: whoever fails at the same fails for the same reason.
///
/// Only the layer of the fault itself is a fact: a wrong price at an address says nothing about that address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A certificate that is refused, by its fingerprint (hex).
    Certificate { sha256: SmolStr, subject: SmolStr },
    /// A name server that does not answer as it should.
    NameServer(SocketAddr),
    /// A name that leads nowhere.
    Name(SmolStr),
    /// A machine that cannot be reached at any port.
    Machine(IpAddr),
    /// A server that takes no connections.
    Server(SocketAddr),
    /// A host at which runs fail in this manner: shared only with those who are guests there.
    Host { host: SmolStr, code: FaultCode },
}

/// The fact behind an incident of several touchpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    pub fact: Fact,
    /// Every touchpoint that showed it.
    pub shown_by: BTreeSet<TouchpointId>,
}
