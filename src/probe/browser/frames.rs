//! Whose documents the frames of a run show, from what its browser says unasked. No I/O.
//!
//! Rejected: to ask the page when the gate wants to know. A page that is being left does not answer before the next one
//! has come, which waits for the gate.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::{Origin, Url};

use crate::probe::connect::address::Region;

/// Frames of one run that are remembered, and hosts whose documents they showed. Beyond it nobody is trusted.
const FRAMES_MAX: usize = 2048;
const SHOWN_MAX: usize = 512;

/// Where a host lies that was reached; none: it was not.
pub(super) type Reached<'a> = &'a dyn Fn(&str, u16) -> Option<Region>;

/// The frames of one run.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// By the browser's id; a page's main frame has its target's.
    all: HashMap<String, Frame>,
    /// Hosts whose documents were ever shown.
    shown: BTreeSet<(String, u16)>,
    /// There were more than are remembered.
    is_too_much: bool,
    /// A page came back out of the browser's memory, with frames that are not told again.
    is_restored: bool,
}

#[derive(Debug, Default)]
struct Frame {
    parent: Option<String>,
    /// The address of its document.
    url: Option<String>,
    /// The document that it was sent for.
    coming: Option<Coming>,
}

#[derive(Debug)]
struct Coming {
    /// The browser's id of the document.
    loader: String,
    /// Every host on the way to it.
    by: BTreeSet<(String, u16)>,
}

#[derive(Deserialize)]
struct Said<T> {
    params: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attached {
    frame_id: String,
    parent_frame_id: String,
}

#[derive(Deserialize)]
struct Navigated {
    frame: Document,
    #[serde(default)]
    r#type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    id: String,
    parent_id: Option<String>,
    loader_id: String,
    url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    frame_id: Option<String>,
    loader_id: String,
    request: Asked,
}

#[derive(Deserialize)]
struct Asked {
    url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    request_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detached {
    frame_id: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Closed {
    target_id: String,
}

fn read<T: DeserializeOwned>(message: &str) -> Option<T> {
    serde_json::from_str::<Said<T>>(message).ok().map(|said| said.params)
}

impl Frames {
    /// Takes in an event of the browser; most say nothing of frames.
    pub(super) fn hear(&mut self, name: &[u8], message: &str) {
        // What a frame is sent for is told as a request for a document, among all others.
        let of_document = || message.contains(r#""type":"Document""#);
        match name {
            b"Page.frameAttached" => {
                if let Some(Attached { frame_id, parent_frame_id }) = read(message) {
                    self.frame(frame_id).parent = Some(parent_frame_id);
                }
            }
            b"Page.frameNavigated" => self.navigated(read(message)),
            b"Page.frameDetached" => match read::<Detached>(message) {
                // It goes on in another process.
                Some(detached) if detached.reason == "swap" => {}
                Some(detached) => self.forget(&detached.frame_id),
                None => self.is_too_much = true,
            },
            b"Network.requestWillBeSent" if of_document() => self.sent(read(message)),
            b"Network.loadingFailed" if of_document() => {
                if let Some(Failed { request_id }) = read(message) {
                    let waits = |frame: &Frame| frame.coming.as_ref().is_some_and(|it| it.loader == request_id);
                    self.all.values_mut().filter(|frame| waits(frame)).for_each(|frame| frame.coming = None);
                }
            }
            b"Target.targetDestroyed" => {
                if let Some(Closed { target_id }) = read(message) {
                    self.forget(&target_id);
                }
            }
            _ => {}
        }
    }

    /// Whether somebody is there whose document did not come from inside: he may ask for whatever he likes.
    pub(super) fn has_strangers(&self, reached: Reached<'_>) -> bool {
        let is_outside = |(host, port): &(String, u16)| reached(host, *port) != Some(Region::Inside);
        let is_public = |(host, port): &(String, u16)| reached(host, *port) == Some(Region::Public);
        let were_there = self.shown.iter().any(is_outside);
        self.is_too_much
            || (self.is_restored && were_there)
            || self.all.values().any(|frame| {
                let shows = frame.url.as_deref().is_some_and(|url| match host(url) {
                    Some(host) => is_outside(&host),
                    None => were_there && !(frame.parent.is_some() && url.starts_with("about:")),
                });
                // Who was never reached has not said anything.
                shows || frame.coming.as_ref().is_some_and(|coming| coming.by.iter().any(is_public))
            })
    }

    /// The same of something that has no frames, or whose frames are not known: by its own address.
    pub(super) fn is_strange(&self, id: &str, url: &str, reached: Reached<'_>) -> bool {
        // No page comes into the browser's own.
        let is_nobodys = url.is_empty() || url.starts_with("chrome:");
        if is_nobodys || self.all.get(id).is_some_and(|frame| frame.url.is_some()) {
            return false;
        }
        let is_outside = |(host, port): &(String, u16)| reached(host, *port) != Some(Region::Inside);
        host(url).map_or_else(|| self.shown.iter().any(is_outside), |host| is_outside(&host))
    }

    fn navigated(&mut self, navigated: Option<Navigated>) {
        let Some(Navigated { frame: document, r#type }) = navigated else {
            self.is_too_much = true;
            return;
        };
        self.is_restored |= r#type == "BackForwardCacheRestore";
        if let Some(host) = host(&document.url) {
            self.is_too_much |= self.shown.len() >= SHOWN_MAX;
            if !self.is_too_much {
                self.shown.insert(host);
            }
        }
        let before = self.all.get_mut(&document.id).and_then(|frame| frame.coming.take());
        // It may be under way to the next already.
        let coming = before.filter(|coming| coming.loader != document.loader_id);
        // Frames go with the document that held them.
        self.forget(&document.id);
        *self.frame(document.id) = Frame { parent: document.parent_id, url: Some(document.url), coming };
    }

    fn sent(&mut self, sent: Option<Sent>) {
        let Some(Sent { frame_id: Some(id), loader_id: loader, request }) = sent else { return };
        let Some(host) = host(&request.url) else { return };
        let coming =
            self.frame(id).coming.get_or_insert_with(|| Coming { loader: loader.clone(), by: BTreeSet::new() });
        if coming.loader != loader {
            *coming = Coming { loader, by: BTreeSet::new() };
        }
        coming.by.insert(host);
    }

    fn frame(&mut self, id: String) -> &mut Frame {
        if self.all.len() >= FRAMES_MAX {
            self.is_too_much = true;
            self.all.clear();
        }
        self.all.entry(id).or_default()
    }

    fn forget(&mut self, id: &str) {
        self.all.remove(id);
        let children: Vec<String> = self
            .all
            .iter()
            .filter(|(_, frame)| frame.parent.as_deref() == Some(id))
            .map(|(id, _)| id.clone())
            .collect();
        for child in children {
            self.forget(&child);
        }
    }
}

/// Whose an address is; none: nobody's (`about:`, `data:`).
fn host(url: &str) -> Option<(String, u16)> {
    match Url::parse(url).ok()?.origin() {
        Origin::Tuple(_, host, port) => Some((host.to_string(), port)),
        Origin::Opaque(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn tell(frames: &mut Frames, name: &str, params: &Value) {
        frames.hear(name.as_bytes(), &json!({ "method": name, "params": params }).to_string());
    }

    fn sent(frames: &mut Frames, frame: &str, loader: &str, url: &str) {
        let params = json!({ "frameId": frame, "loaderId": loader, "request": { "url": url }, "type": "Document" });
        tell(frames, "Network.requestWillBeSent", &params);
    }

    fn shown(frames: &mut Frames, (frame, parent): (&str, Option<&str>), loader: &str, url: &str) {
        let frame = json!({ "id": frame, "parentId": parent, "loaderId": loader, "url": url });
        tell(frames, "Page.frameNavigated", &json!({ "frame": frame, "type": "Navigation" }));
    }

    fn has_strangers(frames: &Frames) -> bool {
        frames.has_strangers(&|host, _| match host {
            "portal" | "wiki" => Some(Region::Inside),
            "shop.test" => Some(Region::Public),
            _ => None,
        })
    }

    #[test]
    fn who_shows_something_or_is_about_to_is_there() {
        let mut frames = Frames::default();
        sent(&mut frames, "main", "1", "http://portal/");
        shown(&mut frames, ("main", None), "1", "http://portal/");
        assert!(!has_strangers(&frames));
        tell(&mut frames, "Page.frameAttached", &json!({ "frameId": "inner", "parentFrameId": "main" }));
        sent(&mut frames, "inner", "2", "http://unheard.test/");
        assert!(!has_strangers(&frames), "nobody has answered");
        sent(&mut frames, "inner", "3", "http://shop.test/");
        assert!(has_strangers(&frames), "his scripts may run before it is told that he is shown");
        tell(&mut frames, "Network.loadingFailed", &json!({ "requestId": "3", "type": "Document" }));
        assert!(!has_strangers(&frames));
        shown(&mut frames, ("inner", Some("main")), "3", "http://shop.test/");
        assert!(has_strangers(&frames));
        tell(&mut frames, "Page.frameDetached", &json!({ "frameId": "inner", "reason": "swap" }));
        assert!(has_strangers(&frames), "it goes on elsewhere");
        // Another page: the frame is gone with the old one.
        sent(&mut frames, "main", "4", "http://wiki/");
        assert!(has_strangers(&frames));
        shown(&mut frames, ("main", None), "4", "http://wiki/");
        assert!(!has_strangers(&frames));
    }

    #[test]
    fn what_has_no_address_is_a_strangers_if_one_was_there() {
        let mut frames = Frames::default();
        shown(&mut frames, ("main", None), "1", "http://portal/");
        shown(&mut frames, ("data", Some("main")), "2", "data:text/html,x");
        shown(&mut frames, ("blank", Some("main")), "3", "about:srcdoc");
        assert!(!has_strangers(&frames));
        shown(&mut frames, ("inner", Some("main")), "4", "blob:http://shop.test/0815");
        tell(&mut frames, "Page.frameDetached", &json!({ "frameId": "inner", "reason": "remove" }));
        assert!(has_strangers(&frames));
        tell(&mut frames, "Page.frameDetached", &json!({ "frameId": "data", "reason": "remove" }));
        assert!(!has_strangers(&frames));
        shown(&mut frames, ("popup", None), "5", "about:blank");
        assert!(has_strangers(&frames));
        tell(&mut frames, "Target.targetDestroyed", &json!({ "targetId": "popup" }));
        assert!(!has_strangers(&frames));
        let back = json!({ "id": "main", "loaderId": "6", "url": "http://wiki/" });
        tell(&mut frames, "Page.frameNavigated", &json!({ "frame": back, "type": "BackForwardCacheRestore" }));
        assert!(has_strangers(&frames), "its frames are not told again");
    }

    #[test]
    fn what_is_sent_on_by_a_stranger_is_his() {
        let mut frames = Frames::default();
        shown(&mut frames, ("main", None), "1", "http://portal/");
        sent(&mut frames, "main", "2", "http://shop.test/away");
        sent(&mut frames, "main", "2", "http://wiki/");
        assert!(has_strangers(&frames));
        shown(&mut frames, ("main", None), "2", "http://wiki/");
        assert!(!has_strangers(&frames));
        // Under way to the next before this one is told.
        sent(&mut frames, "main", "4", "http://shop.test/");
        shown(&mut frames, ("main", None), "3", "http://wiki/");
        assert!(has_strangers(&frames));
    }

    #[test]
    fn nobody_is_trusted_who_has_too_many() {
        let mut frames = Frames::default();
        for number in 0..=FRAMES_MAX {
            shown(&mut frames, (&number.to_string(), Some("main")), "1", "http://portal/");
        }
        assert!(has_strangers(&frames));
    }

    #[test]
    fn workers_and_new_pages_are_judged_by_their_addresses() {
        let mut frames = Frames::default();
        shown(&mut frames, ("main", None), "1", "http://portal/");
        let reached = |host: &str, _| (host == "portal").then_some(Region::Inside);
        assert!(!frames.is_strange("main", "http://elsewhere.test/", &reached), "its frames are known better");
        assert!(!frames.is_strange("worker", "http://portal/worker.js", &reached));
        assert!(frames.is_strange("worker", "http://elsewhere.test/worker.js", &reached));
        assert!(!frames.is_strange("popup", "", &reached) && !frames.is_strange("own", "chrome://x", &reached));
        assert!(!frames.is_strange("popup", "about:blank", &reached));
        shown(&mut frames, ("main", None), "2", "http://elsewhere.test/");
        assert!(frames.is_strange("popup", "about:blank", &reached));
    }
}
