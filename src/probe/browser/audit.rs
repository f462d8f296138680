//! What is looked for on a page itself: pictures that are none, links that lead nowhere, what keeps people out.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use chromiumoxide::Page;
use futures::StreamExt as _;
use http::{Method, StatusCode};
use serde::Deserialize;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::seen::{End, Request, Seen, shown};
use super::world::World;
use crate::model::SelfFault;
use crate::probe::connect::tls::Options;
use crate::probe::fetch::{self, Ask};
use crate::probe::run::Aside;
use crate::probe::{Run, Stop};

const PICTURES: &str = include_str!("pictures.js");
const LINKS: &str = include_str!("links.js");
const AXE: &str = include_str!("assets/axe.js");
const AXE_RUN: &str = include_str!("axe-run.js");
/// For one question to one frame.
const ASKED_WITHIN: Duration = Duration::from_secs(2);
/// For the whole audit of accessibility of one frame: it looks at every element.
const AXE_WITHIN: Duration = Duration::from_secs(10);
/// Frames of a page that are looked into.
const FRAMES_MAX: usize = 10;
const BROKEN_MAX: usize = 50;
/// Links of a page that are followed, how many at once, and how long each may take.
const LINKS_MAX: usize = 200;
const LINKS_AT_ONCE: usize = 4;
const LINK_WITHIN: Duration = Duration::from_secs(5);
/// What is left of the run when the links are told as far as they were followed.
const MARGIN: Duration = Duration::from_millis(500);
const VIOLATIONS_MAX: usize = 50;

/// Broken pictures of the page and its frames, in words: those that did not come, and those that cannot be drawn.
pub(super) async fn pictures(page: &Page, world: &World, seen: &Seen) -> Vec<String> {
    let mut told = seen.pictures();
    // What did not come is told as that, and what was kept away not at all.
    let kept_away = |request: &&Request| matches!(request.end, Some(End::Withheld(_)));
    let failed = seen.failed().map(|(request, _)| request).chain(seen.requests.iter().filter(kept_away));
    let failed: BTreeSet<&str> = failed.map(|request| request.url.as_str()).collect();
    let frames = page.frames().await.unwrap_or_default();
    for frame in frames.into_iter().take(FRAMES_MAX) {
        let found: Vec<String> = world.ask_frame(page, frame, PICTURES, ASKED_WITHIN).await.unwrap_or_default();
        let found = found.iter().filter(|url| !failed.contains(url.as_str()));
        told.extend(found.map(|url| format!("the picture {} cannot be shown", shown(url))));
    }
    told.dedup();
    told.truncate(BROKEN_MAX);
    told
}

/// What came of following links.
#[derive(Debug, Default)]
pub(super) struct Followed {
    pub(super) checked: usize,
    /// In words.
    pub(super) broken: Vec<String>,
}

/// Follows the links of the page without its cookies: nobody is signed out by it.
pub(super) async fn links(page: &Page, world: &World, run: &Run<'_>, tls: &Options) -> Result<Followed, Stop> {
    let found: Vec<String> = world.ask(page, LINKS, ASKED_WITHIN).await.unwrap_or_default();
    let here = page.url().await.ok().flatten().and_then(|url| Url::parse(&url).ok());
    let urls = found.iter().filter_map(|url| Url::parse(url).ok()).filter(|url| Some(url) != here.as_ref());
    let urls: Vec<Url> = urls.take(LINKS_MAX).collect();
    let end = run.deadline.checked_sub(MARGIN).unwrap_or(run.deadline);
    let home = here.as_ref().and_then(Url::host_str);
    let mut following = Vec::new();
    for url in urls {
        following.push(follow(run, tls, home, url));
    }
    let mut looking = futures::stream::iter(following).buffer_unordered(LINKS_AT_ONCE);
    let mut followed = Followed::default();
    while let Ok(Some(look)) = timeout_at(end, looking.next()).await {
        followed.checked += 1;
        followed.broken.extend(look?);
    }
    followed.broken.sort();
    Ok(followed)
}

/// What is wrong with a link, in words.
async fn follow(run: &Run<'_>, tls: &Options, home: Option<&str>, url: Url) -> Result<Option<String>, Stop> {
    let ours = url.host_str() == home;
    let told = |why: &str| Some(format!("the link {} {why}", shown(url.as_str())));
    let Ok(got) = timeout(LINK_WITHIN, answer(run, tls, url.clone())).await else {
        return Ok(told(&format!("does not answer within {} s", LINK_WITHIN.as_secs())));
    };
    match got {
        Ok(status) if is_dead(status, ours) => Ok(told(&format!("answers {}", status.as_u16()))),
        Err(Stop::Fault(fault)) => Ok(told(&format!("leads nowhere: {}", fault.text))),
        // An address that we must not reach says nothing of those that may.
        Ok(_) | Err(Stop::Own(SelfFault::Unsafe, _)) => Ok(None),
        Err(Stop::Own(..)) if !ours => Ok(None),
        Err(stop) => Err(stop),
    }
}

/// The head says enough; servers that do not know the method get the usual one.
async fn answer(run: &Run<'_>, tls: &Options, url: Url) -> Result<StatusCode, Stop> {
    let mut own = Aside::default();
    let mut side = run.aside(&mut own);
    let way = run.sent();
    let head = Ask { method: Method::HEAD, ..Ask::get(url.clone(), way, tls) };
    match fetch::fetch(&mut side, head).await {
        Ok(got) if got.status.is_success() => Ok(got.status),
        _ => Ok(fetch::fetch(&mut side, Ask::get(url, way, tls)).await?.status),
    }
}

/// Other sites' refusals of programs say nothing of what people get.
fn is_dead(status: StatusCode, ours: bool) -> bool {
    let code = status.as_u16();
    let closed = if ours { &[401][..] } else { &[401, 403, 405, 406, 429, 451, 503, 999][..] };
    code >= 400 && !closed.contains(&code)
}

/// A rule of accessibility that the page breaks.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Violation {
    /// Axe's name of the rule.
    pub(super) id: String,
    /// `minor`, `moderate`, `serious`, `critical`.
    pub(super) impact: String,
    pub(super) help: String,
    pub(super) elements: usize,
    /// Where the first one stands, as a CSS selector.
    pub(super) first: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, impact, help, elements, first } = self;
        let plural = if *elements == 1 { "" } else { "s" };
        write!(f, "{impact}: {help} ({id}, {elements} element{plural}, the first `{first}`)")
    }
}

/// What keeps people out of the page and its frames (WCAG 2.2, A and AA); `None` if the page could not be looked at.
pub(super) async fn accessibility(page: &Page, world: &World) -> Option<Vec<Violation>> {
    let end = Instant::now() + AXE_WITHIN;
    let frames = page.frames().await.ok()?;
    let main = page.mainframe().await.ok()??;
    let script = format!("{AXE};\n{AXE_RUN}");
    let mut violations: Vec<Violation> = world.ask_frame(page, main.clone(), &script, end - Instant::now()).await?;
    for frame in frames.into_iter().filter(|frame| *frame != main).take(FRAMES_MAX) {
        let left = end.saturating_duration_since(Instant::now());
        let inside: Option<Vec<Violation>> = world.ask_frame(page, frame, &script, left).await;
        violations.extend(inside.into_iter().flatten());
    }
    violations.truncate(VIOLATIONS_MAX);
    Some(violations)
}
