//! Canaries: places so sure to answer that, if none does, it is us who cannot see.

use std::time::Duration;

use tokio::net::TcpStream;
use url::Url;

const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// Takes a connection, whatever it speaks; or why not, in one line.
pub(super) async fn answers(canary: &Url) -> Result<(), String> {
    let host = canary.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = canary.port_or_known_default().unwrap_or(0);
    match tokio::time::timeout(ANSWERS_WITHIN, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("{host}:{port}: {error}")),
        Err(_) => Err(format!("{host}:{port}: no answer in {} s", ANSWERS_WITHIN.as_secs())),
    }
}
