//! What a failed run of a browser shows: the screen with every secret covered, the page in words, its console, its requests.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::page::{CaptureScreenshotFormat, CaptureScreenshotParams};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout};

use super::har::har;
use super::raw::{Node, Outline, Texts};
use super::seen::Seen;
use super::sight::Sight;
use super::tab::Tab;
use super::world::World;
use crate::model::{Exhibit, Sort};
use crate::probe::{Redactor, Witness};

const COVER: &str = include_str!("cover.js");
/// For the picture, and for the page in words: one that answers no more is not waited for.
const PICTURE_WITHIN: Duration = Duration::from_millis(1500);
const OUTLINE_WITHIN: Duration = Duration::from_millis(700);
/// For the covering of one frame.
const COVER_WITHIN: Duration = Duration::from_millis(500);
const FRAMES_MAX: usize = 10;
/// Of the page in words.
const OUTLINE_LINES_MAX: usize = 1000;
const OUTLINE_DEPTH_MAX: usize = 40;
const LINE_CHARS_MAX: usize = 300;
/// Of a picture, in percent; the second if the first comes too large.
const QUALITIES: [i64; 2] = [70, 25];
const PICTURE_BYTES_MAX: usize = 512 << 10;

/// How long before a run's end it must have failed to be shown whole.
pub(super) const RESERVE: Duration = Duration::from_millis(2500);

/// Who sees the page as long as its tab is there.
#[derive(Debug)]
pub(super) struct Onlooker {
    tab: Tab,
    /// Where it was in the end.
    page: Page,
    sight: Sight,
    world: World,
    /// When the watch began, by the wall.
    began: Timestamp,
}

impl Onlooker {
    /// `now` by the wall.
    pub(super) fn new((tab, page): (Tab, Page), sight: Sight, random: u64, now: Timestamp) -> Self {
        let since = SignedDuration::try_from(sight.seen().clock.began.elapsed()).unwrap_or_default();
        Self { tab, page, sight, world: World::new(random), began: now.saturating_sub(since).unwrap_or(now) }
    }
}

#[async_trait]
impl Witness for Onlooker {
    async fn testify(self: Box<Self>, redactor: &Redactor) -> Vec<Exhibit> {
        let behind = async || self.tab.behind(&self.page).await.ok();
        let page = if self.tab.has_closed(&self.page) { behind().await } else { None }.unwrap_or(self.page.clone());
        let mut seen = self.sight.seen();
        seen.explain(&self.tab.refused());
        exhibits(&page, &self.world, &seen, redactor, self.began).await
    }
}

/// Those that can be had.
pub(super) async fn exhibits(
    page: &Page,
    world: &World,
    seen: &Seen,
    redactor: &Redactor,
    began: Timestamp,
) -> Vec<Exhibit> {
    let picture = timeout(PICTURE_WITHIN, picture(page, world, redactor)).await.ok().flatten();
    let outline = timeout(OUTLINE_WITHIN, page.execute(Outline {})).await.ok().and_then(Result::ok);
    let outline = outline.map(|outline| outlined(&outline.result.nodes, redactor).into_bytes());
    let console = console(seen, redactor);
    let requests = (!seen.requests.is_empty()).then(|| har(seen, redactor, began).to_string().into_bytes());
    let all = [
        (Sort::Picture, picture),
        (Sort::Outline, outline),
        (Sort::Console, (!console.is_empty()).then(|| console.into_bytes())),
        (Sort::Requests, requests),
    ];
    all.into_iter().filter_map(|(sort, bytes)| Some(Exhibit { sort, bytes: bytes? })).collect()
}

/// The screen. None rather than one that shows a secret.
async fn picture(page: &Page, world: &World, redactor: &Redactor) -> Option<Vec<u8>> {
    let secrets = serde_json::to_string(redactor.hidden()).ok()?;
    let cover = format!("{COVER}({secrets})");
    for frame in page.frames().await.ok()?.into_iter().take(FRAMES_MAX) {
        // A frame that is gone meanwhile shows nothing; one that could not be covered is found out below.
        let _: Option<bool> = world.ask_frame(page, frame, &cover, COVER_WITHIN).await;
    }
    for quality in QUALITIES {
        let mut asked = CaptureScreenshotParams::builder().format(CaptureScreenshotFormat::Webp).build();
        asked.quality = Some(quality);
        let taken = page.execute(asked).await.ok()?.result.data;
        // Whatever put it back stands there still.
        let shown = page.execute(Texts::ALL).await.ok()?.result;
        if shown.documents().any(|text| shows(&text, redactor)) {
            return None;
        }
        let bytes = STANDARD.decode(AsRef::<[u8]>::as_ref(&taken)).ok()?;
        if bytes.len() <= PICTURE_BYTES_MAX {
            return Some(bytes);
        }
    }
    None
}

/// Whether a text holds a secret, however it is broken into lines and in whatever case.
fn shows(text: &str, redactor: &Redactor) -> bool {
    let tight =
        |text: &str| text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect::<String>();
    let text = tight(text);
    redactor.hidden().iter().map(|secret| tight(secret)).any(|secret| !secret.is_empty() && text.contains(&secret))
}

/// Roles and names, as the page is read out.
fn outlined(nodes: &[Node], redactor: &Redactor) -> String {
    let by_id: HashMap<&str, &Node> = nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let roots = nodes.iter().filter(|node| node.parent_id.is_none());
    let mut waiting: Vec<(&Node, usize)> = roots.map(|root| (root, 0)).collect();
    waiting.reverse();
    let (mut out, mut lines) = (String::new(), 0);
    // Each once: a browser that is taken over may say that a node is its own child.
    let mut left = nodes.len();
    while let Some((node, depth)) = waiting.pop() {
        if left == 0 || lines == OUTLINE_LINES_MAX {
            out.push_str("…\n");
            break;
        }
        left -= 1;
        let word = |of: &Option<super::raw::Worded>| {
            of.as_ref().and_then(|it| it.value.as_str()).unwrap_or_default().to_owned()
        };
        let (role, name) = (word(&node.role), word(&node.name));
        let telling = !node.ignored && !matches!(&*role, "none" | "generic" | "InlineTextBox" | "");
        if telling {
            let line = if name.is_empty() { role } else { format!("{role} “{name}”") };
            let line = redactor.clip(&line, LINE_CHARS_MAX);
            let _ = writeln!(out, "{:indent$}{line}", "", indent = 2 * depth.min(OUTLINE_DEPTH_MAX));
            lines += 1;
        }
        let depth = if telling { depth + 1 } else { depth };
        let children = node.child_ids.iter().rev().filter_map(|id| by_id.get(id.as_str()));
        waiting.extend(children.map(|child| (*child, depth)));
    }
    out
}

fn console(seen: &Seen, redactor: &Redactor) -> String {
    let mut said: Vec<_> = seen.uncaught.iter().chain(&seen.console).collect();
    said.sort_by_key(|said| said.first);
    said.iter().fold(String::new(), |mut out, said| {
        let line = redactor.clip(&said.to_string(), 2 * LINE_CHARS_MAX);
        let _ = writeln!(out, "{:>9.3} s  {:<8} {line}", said.first.as_secs_f64(), said.level.name());
        out
    })
}

/// When a visit must have failed for there to be time to show it.
pub(super) fn in_time(deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    deadline - RESERVE.min(left / 5)
}
