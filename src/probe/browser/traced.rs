//! Tells the first party's servers the trace: `traceparent` goes with every request to the host that was opened and its
//! subdomains, and to nobody else. Where requests are told as spans, each names its own as the caller's.

use std::sync::Arc;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::fetch::{
    ContinueRequestParams, EnableParams, EventRequestPaused, HeaderEntry, RequestPattern,
};
use chromiumoxide::error::Result;
use futures::StreamExt as _;
use tokio::task::JoinSet;
use url::Url;

use super::seen::Key;
use super::story::Story;
use crate::probe::Context;

/// Headers of one request that are passed on.
const HEADERS_MAX: usize = 200;

/// Adds the headers as long as it lives.
#[derive(Debug)]
pub(super) struct Traced {
    _adding: JoinSet<()>,
}

impl Traced {
    pub(super) async fn install(
        page: &Page,
        first: &Url,
        context: Option<Context>,
        story: Option<Arc<Story>>,
    ) -> Result<Self> {
        let mut adding = JoinSet::new();
        let Some(context) = context else { return Ok(Self { _adding: adding }) };
        let mut paused = page.event_listener::<EventRequestPaused>().await?;
        let own = page.clone();
        adding.spawn(async move {
            while let Some(event) = paused.next().await {
                let context = of(&event, context, story.as_deref());
                let _ = own.execute(with(&event, &context.headers())).await;
            }
        });
        page.execute(EnableParams { patterns: Some(patterns(first)), handle_auth_requests: None }).await?;
        Ok(Self { _adding: adding })
    }
}

/// The host and what lies below it, on any port.
fn patterns(first: &Url) -> Vec<RequestPattern> {
    let host = first.host_str().unwrap_or_default();
    let site = host.strip_prefix("www.").unwrap_or(host);
    let pattern = |pattern: String| RequestPattern { url_pattern: Some(pattern), ..RequestPattern::default() };
    ["://", "://*."]
        .iter()
        .flat_map(|lead| ["http", "https"].map(|scheme| format!("{scheme}{lead}{site}")))
        .flat_map(|begin| [format!("{begin}/*"), format!("{begin}:*")])
        .map(pattern)
        .collect()
}

/// What the server of this request is told.
fn of(event: &EventRequestPaused, visit: Context, story: Option<&Story>) -> Context {
    match (story, &event.network_id) {
        (Some(story), Some(id)) => {
            let key = Key::of(id.as_ref(), &event.request.url);
            Context { span: story.tell(key), ..visit }
        }
        // Some have no name by which they could be found again.
        _ => visit,
    }
}

/// The request as it was, with these headers.
fn with(event: &EventRequestPaused, own: &[(&'static str, String)]) -> ContinueRequestParams {
    let mut on = ContinueRequestParams::new(event.request_id.clone());
    let Some(sent) = event.request.headers.inner().as_object() else { return on };
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let sent = sent.iter().filter_map(|(name, value)| Some(HeaderEntry::new(name, text(value)?)));
    let own = own.iter().map(|(name, value)| HeaderEntry::new(*name, value));
    on.headers = Some(sent.take(HEADERS_MAX).chain(own).collect());
    on
}
