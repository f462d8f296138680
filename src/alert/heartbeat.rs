//! The dead man's switch: as long as it is fetched, we are well.

use std::time::Duration;

use crate::alert::Heartbeat;
use crate::alert::send::{chain, client};

const TIMEOUT: Duration = Duration::from_secs(15);

/// Fetches the heartbeat's address once. The caller decides whether we are well enough to.
///
/// # Errors
/// In one line, without the address: it may hold a secret.
pub async fn beat(heartbeat: &Heartbeat) -> Result<(), String> {
    let client = client(TIMEOUT).map_err(|error| chain(&error))?;
    let reply = client.get(heartbeat.url.url().clone()).send().await.map_err(|error| chain(&error.without_url()))?;
    if reply.status().is_success() { Ok(()) } else { Err(format!("answered {}", reply.status())) }
}
