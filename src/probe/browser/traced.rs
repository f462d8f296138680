//! Tells the first party's servers the trace: `traceparent` goes to the host that was opened and its subdomains, and to
//! nobody else. Where requests are told as spans, it goes with every request, and each names its own as the caller's; else
//! with pages and calls: what only hands out files has nothing to tell of it, and every request that is stopped for this
//! costs the browser milliseconds.

use std::sync::Arc;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::fetch::{EnableParams, RequestPattern};
use chromiumoxide::cdp::browser_protocol::network::ResourceType;
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
        let told = if story.is_some() { &[None][..] } else { CALLS };
        let traced = Self { herald: Arc::clone(herald), patterns: patterns(first, told) };
        let site = site(first).to_owned();
        herald.add(Some(Box::new(move |paused| {
            // The browser's patterns match anywhere in an address: somebody else's may hold ours.
            let ours = is_of(&site, &paused.request.url);
            if ours { of(paused, context, story.as_deref()).headers().into() } else { Vec::new() }
        })));
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

/// What a program answers, and no store of files.
const CALLS: &[Option<ResourceType>] = &[
    Some(ResourceType::Document),
    Some(ResourceType::Xhr),
    Some(ResourceType::Fetch),
    Some(ResourceType::EventSource),
    Some(ResourceType::Ping),
];

fn site(first: &Url) -> &str {
    let host = first.host_str().unwrap_or_default();
    host.strip_prefix("www.").unwrap_or(host)
}

fn is_of(site: &str, url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let below = url.host_str().and_then(|host| host.strip_suffix(site));
    below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
}

/// The host and what lies below it, on any port, asked for such resources.
fn patterns(first: &Url, resources: &[Option<ResourceType>]) -> Vec<RequestPattern> {
    let site = site(first);
    let begins =
        ["://", "://*."].iter().flat_map(|lead| ["http", "https"].map(|scheme| format!("{scheme}{lead}{site}")));
    let urls = begins.flat_map(|begin| [format!("{begin}/*"), format!("{begin}:*")]);
    let pattern = |url: &String, resource: &Option<ResourceType>| RequestPattern {
        url_pattern: Some(url.clone()),
        resource_type: resource.clone(),
        ..RequestPattern::default()
    };
    urls.flat_map(|url| resources.iter().map(move |resource| pattern(&url, resource))).collect()
}

/// What the server of this request is told.
fn of(paused: &Paused, visit: Context, story: Option<&Story>) -> Context {
    match (story, &paused.network_id) {
        (Some(story), Some(id)) => Context { span: story.tell(Key::of(id, &paused.request.url)), ..visit },
        // Some have no name by which they could be found again.
        _ => visit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_is_told_whatever_his_address_holds() {
        let site = site(&Url::parse("https://www.shop.example/").expect("an address")).to_owned();
        for (url, told) in [
            ("https://shop.example/", true),
            ("http://shop.example:8080/a", true),
            ("https://api.shop.example/a", true),
            ("https://evil.example/?u=https://shop.example/", false),
            ("https://x@evil.example/https://shop.example:1/", false),
            ("https://shop.example@evil.example/", false),
            ("https://workshop.example/", false),
            ("https://shop.example.evil.example/", false),
        ] {
            assert_eq!(is_of(&site, url), told, "{url}");
        }
    }
}
