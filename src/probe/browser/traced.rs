//! Tells the first party's servers the trace: `traceparent` goes with every request to the host that was opened and its
//! subdomains, and to nobody else. Where requests are told as spans, each names its own as the caller's.

use std::sync::Arc;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::fetch::{EnableParams, RequestPattern};
use chromiumoxide::error::Result;
use url::Url;

use super::chromium::herald::{Herald, Order, Paused};
use super::seen::Key;
use super::story::Story;
use crate::probe::Context;

/// Adds the headers as long as it lives.
#[derive(Debug)]
pub(super) struct Traced {
    herald: Arc<Herald>,
    patterns: Vec<RequestPattern>,
}

impl Traced {
    /// None: nobody is to be told.
    pub(super) async fn install(
        (page, herald): (&Page, &Arc<Herald>),
        first: &Url,
        context: Option<Context>,
        story: Option<Arc<Story>>,
    ) -> Result<Option<Self>> {
        let Some(context) = context else { return Ok(None) };
        let traced = Self { herald: Arc::clone(herald), patterns: patterns(first) };
        herald.add(Some(Box::new(move |paused| of(paused, context, story.as_deref()).headers().into())));
        page.execute(traced.order()).await?;
        Ok(Some(traced))
    }

    /// Makes a page's requests wait for them.
    pub(super) fn order(&self) -> Order {
        Order::new(&EnableParams { patterns: Some(self.patterns.clone()), handle_auth_requests: None })
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        self.herald.add(None);
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
fn of(paused: &Paused, visit: Context, story: Option<&Story>) -> Context {
    match (story, &paused.network_id) {
        (Some(story), Some(id)) => Context { span: story.tell(Key::of(id, &paused.request.url)), ..visit },
        // Some have no name by which they could be found again.
        _ => visit,
    }
}
