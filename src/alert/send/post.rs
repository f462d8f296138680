//! HTTP.

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response};

use super::veil::veil;
use super::{chain, echo};
use crate::alert::policy::retry_after;
use crate::alert::{Answer, Failure, Post, Receiver, Taken, Verdict};

/// Most that is read of a reply.
const REPLY_MAX_BYTES: usize = 64 * 1024;

pub(super) async fn send(client: &Client, receiver: &Receiver, post: Post, now: Timestamp) -> Result<Taken, Failure> {
    let mut request = client.post(post.url).header(CONTENT_TYPE, "application/json").body(post.body);
    for (name, value) in post.headers {
        request = request.header(name, value);
    }
    // The address may hold a secret: many a chat's webhook is nothing else.
    let unreached = |error: reqwest::Error| Failure::Passing {
        text: veil(&chain(&error.without_url()), &post.hidden),
        retry_after: None,
    };
    let reply = request.send().await.map_err(unreached)?;
    let answer = read(reply, now).await;
    let said = echo(veil(&answer.body, &post.hidden).as_bytes());
    let status = answer.status;
    let text = if said.is_empty() { format!("answered {status}") } else { format!("answered {status}: {said}") };
    match receiver.judge(&answer) {
        Verdict::Taken => Ok(Taken { said: text, receipt: receiver.receipt(&answer) }),
        Verdict::Later(retry_after) => Err(Failure::Passing { text, retry_after }),
        Verdict::Refused => Err(Failure::Refused { text }),
        Verdict::Unfit => Err(Failure::Unfit { text }),
    }
}

/// The answer with the beginning of its body, as far as it comes.
async fn read(mut reply: Response, now: Timestamp) -> Answer {
    let status = reply.status();
    let retry_after = reply
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| retry_after(value, now));
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = reply.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(REPLY_MAX_BYTES - body.len())]);
        if body.len() == REPLY_MAX_BYTES {
            break;
        }
    }
    Answer { status, retry_after, body: String::from_utf8_lossy(&body).into_owned() }
}
