//! HTTP.

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};

use super::{chain, echo};
use crate::alert::policy::retry_after;
use crate::alert::{Failure, Post};

/// Most that is read of a reply.
const REPLY_MAX_BYTES: usize = 64 * 1024;

pub(super) async fn send(client: &Client, post: Post, now: Timestamp) -> Result<(), Failure> {
    let mut request = client.post(post.url).header(CONTENT_TYPE, "application/json").body(post.body);
    for (name, value) in post.headers {
        request = request.header(name, value);
    }
    // The address may hold a secret: many a chat's webhook is nothing else.
    let unreached = |error: reqwest::Error| Failure::Passing { text: chain(&error.without_url()), retry_after: None };
    let reply = request.send().await.map_err(unreached)?;
    let status = reply.status();
    if status.is_success() {
        return Ok(());
    }
    let retry_after = reply
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| retry_after(value, now));
    let said = head(reply).await;
    let text = if said.is_empty() { format!("answered {status}") } else { format!("answered {status}: {said}") };
    if passing(status) { Err(Failure::Passing { text, retry_after }) } else { Err(Failure::Refused { text }) }
}

/// Worth trying again soon: their trouble, or their wish that we wait.
fn passing(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS)
}

/// The beginning of a reply, as far as it comes.
async fn head(mut reply: Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = reply.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(REPLY_MAX_BYTES - body.len())]);
        if body.len() == REPLY_MAX_BYTES {
            break;
        }
    }
    echo(&body)
}
