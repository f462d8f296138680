//! The tab that a customer looks at: asked in all its frames, used with a mouse or with a finger.

mod place;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::accessibility;
use chromiumoxide::cdp::browser_protocol::input::{
    DispatchMouseEventParams, DispatchMouseEventType, DispatchTouchEventParams, DispatchTouchEventReturns,
    DispatchTouchEventType, InsertTextParams, MouseButton, TouchPoint,
};
use chromiumoxide::cdp::browser_protocol::page::{
    AddScriptToEvaluateOnNewDocumentParams, FrameId, GetNavigationHistoryParams, NavigateToHistoryEntryParams,
};
use chromiumoxide::cdp::js_protocol::runtime::{CallArgument, CallFunctionOnParams, ExecutionContextId};
use chromiumoxide::error::{CdpError, Result};
use chromiumoxide::handler::frame::UTILITY_WORLD_NAME;
use chromiumoxide::types::MethodId;
use chromiumoxide::{Command, Method};
use futures::future::try_join_all;
use futures::{TryFutureExt as _, try_join};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::sleep;

use super::device::Guise;
use super::key::Keys;

pub(super) const FIND: &str = include_str!("find.js");
const TEACH: &str = concat!("(...all) => (globalThis.looks = ", include_str!("find.js"), ")(...all)");
const TAUGHT: &str = "(...all) => globalThis.looks?.(...all) ?? { state: 'untaught' }";
const LEAVES: &str = include_str!("leaves.js");
const SETTLED: &str = include_str!("settled.js");
/// Frames of one page that are asked.
pub(super) const FRAMES_MAX: usize = 32;
/// A page that still loads something is used when it is so old: customers do not wait for the last picture.
pub(super) const USED_AFTER: Duration = Duration::from_secs(10);
/// And when it is so old, what came until then is all that it is judged by.
pub(super) const JUDGED_AFTER: Duration = Duration::from_secs(20);
/// What is longer than people type at once is pasted.
const TYPED_CHARS_MAX: usize = 200;
/// Keys that the page has yet to hear of.
const STRUCK_MAX: usize = 16;
/// How long a page that is left for the one before gets to go.
const LEFT: Duration = Duration::from_millis(30);
/// How long a page that goes away under a question gets to be followed by the next.
const FOLLOWED: Duration = Duration::from_millis(10);

/// What the page says of what was looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    pub(super) state: State,
    /// Of its middle, in the frame.
    #[serde(default)]
    pub(super) x: f64,
    #[serde(default)]
    pub(super) y: f64,
    /// Its size, where its picture is to be taken: `x` and `y` are its corner then.
    #[serde(default)]
    pub(super) wide: f64,
    #[serde(default)]
    pub(super) high: f64,
    /// What it is, as people would call it.
    #[serde(default)]
    pub(super) words: String,
    #[serde(default)]
    pub(super) value: String,
    #[serde(default)]
    pub(super) checked: bool,
    /// Its tag and its text: what changes when it reacts.
    #[serde(default)]
    pub(super) face: String,
    /// What there is instead.
    #[serde(default)]
    pub(super) near: Vec<String>,
    /// What lies above it.
    #[serde(default)]
    pub(super) by: String,
}

/// In which state it is, from bad to good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// The document does not know how to look.
    Untaught,
    /// Chromium must be asked, and was not told to be ready for that.
    Unheard,
    /// There is none; to be gone is as good.
    #[default]
    None,
    Gone,
    /// It is there and shows nothing.
    Hidden,
    /// It lies beside the screen, where nobody can scroll to.
    Aside,
    Disabled,
    Moving,
    Covered,
    There,
    /// It does not take what it was given.
    Refused,
    Ready,
    /// It was given what it takes, and took it.
    Done,
}

/// A frame in which something was found.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) answer: Answer,
    frame: Option<FrameId>,
    context: ExecutionContextId,
}

/// A finger that leaves the screen: the crate leaves the empty list out that the browser wants.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Lift {
    r#type: &'static str,
    touch_points: [(); 0],
}

impl Lift {
    const NOW: Self = Self { r#type: "touchEnd", touch_points: [] };
}

impl Method for Lift {
    fn identifier(&self) -> MethodId {
        DispatchTouchEventParams::IDENTIFIER.into()
    }
}

impl Command for Lift {
    type Response = DispatchTouchEventReturns;
}

/// Where a click goes, or a way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landed {
    There,
    /// What it was meant for is gone, or never was.
    Nowhere,
}

/// The tab that is looked at.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) page: Page,
    pub(super) guise: Guise,
    /// Once the browser keeps an outline of the page, of roles and names: from the first that only it can tell.
    outline: Arc<OnceCell<()>>,
    /// Documents that know how to look, by where they are asked.
    taught: Arc<Mutex<HashSet<ExecutionContextId>>>,
}

impl Spot {
    pub(super) fn context(&self) -> ExecutionContextId {
        self.context
    }
}

impl Window {
    pub(super) fn new(page: Page, guise: Guise) -> Self {
        Self { page, guise, outline: Arc::default(), taught: Arc::default() }
    }

    /// From now on another tab is looked at.
    pub(super) fn turn_to(&mut self, page: Page) {
        (self.page, self.outline, self.taught) = (page, Arc::default(), Arc::default());
    }

    /// What a tab is told before its first page.
    pub(super) fn preparation() -> AddScriptToEvaluateOnNewDocumentParams {
        let mut script = AddScriptToEvaluateOnNewDocumentParams::new(LEAVES);
        script.world_name = Some(UTILITY_WORLD_NAME.to_owned());
        script
    }

    /// Asks every frame, the whole page first; the best answer. None: no frame can be asked now.
    pub(super) async fn ask(&self, query: &Value, doing: &str, value: &str) -> Result<Option<Spot>> {
        self.wait(query, doing, value, Duration::ZERO).await
    }

    /// The same as soon as it can be done, or is so; at the latest after `most`, and at once where there are several
    /// frames: none knows of the others.
    pub(super) async fn wait(&self, query: &Value, doing: &str, value: &str, most: Duration) -> Result<Option<Spot>> {
        let mut frames = self.page.frames().await?;
        let alone = frames.len() == 1;
        let main = if alone { frames.first().cloned() } else { self.page.mainframe().await? };
        let most = milliseconds(if alone { most } else { Duration::ZERO });
        let mut best: Option<Spot> = None;
        frames.sort_by_key(|frame| Some(frame) != main.as_ref());
        for frame in frames.into_iter().take(FRAMES_MAX) {
            let Ok(Some(context)) = self.page.frame_secondary_execution_context(frame.clone()).await else { continue };
            let arguments = [doing.into(), value.into(), most.clone()];
            let Some(answer) = self.find(context, query, arguments).await? else { continue };
            let frame = (Some(&frame) != main.as_ref()).then_some(frame);
            let mut spot = Spot { answer, frame, context };
            if matches!(doing, "click" | "fill") {
                spot = self.reached(spot).await?;
            }
            if best.as_ref().is_none_or(|best| spot.answer.state > best.answer.state) {
                best = Some(spot);
            }
            if best.as_ref().is_some_and(|best| best.answer.state >= State::There) {
                break;
            }
        }
        Ok(best)
    }

    async fn find(&self, context: ExecutionContextId, query: &Value, arguments: [Value; 3]) -> Result<Option<Answer>> {
        loop {
            let (mut query, bare) = (query.clone(), !self.outline.initialized());
            query["bare"] = bare.into();
            let arguments = [query].into_iter().chain(arguments.clone()).collect();
            // A document is told once how it is done: that is longer than all the rest together.
            let function = if self.taught().insert(context) { TEACH } else { TAUGHT };
            let answer = self.call::<Answer>(context, function, arguments).await?;
            match answer.as_ref().map(|answer| answer.state) {
                // Another document, whose process counts as the one before did.
                Some(State::Untaught) => drop(self.taught().remove(&context)),
                Some(State::Unheard) if bare => {
                    let keep = || self.page.execute(accessibility::EnableParams::default());
                    self.outline.get_or_try_init(|| keep().map_ok(drop)).await?;
                }
                _ => return Ok(answer),
            }
        }
    }

    fn taught(&self) -> MutexGuard<'_, HashSet<ExecutionContextId>> {
        self.taught.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the whole page in a world of its own. None: it is leaving, or answers what nobody asked for.
    pub(super) async fn main<T: DeserializeOwned>(&self, function: &str, arguments: Vec<Value>) -> Result<Option<T>> {
        match self.page.secondary_execution_context().await? {
            Some(context) => self.call(context, function, arguments).await,
            None => Ok(None),
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        context: ExecutionContextId,
        function: &str,
        arguments: Vec<Value>,
    ) -> Result<Option<T>> {
        let mut call = CallFunctionOnParams::new(function);
        call.execution_context_id = Some(context);
        call.return_by_value = Some(true);
        call.await_promise = Some(true);
        let argument = |value| CallArgument { value: Some(value), ..CallArgument::default() };
        call.arguments = Some(arguments.into_iter().map(argument).collect());
        let returned = match self.page.execute(call).await {
            Ok(returned) => returned.result,
            // The page went away while it was asked.
            Err(CdpError::Chrome(_) | CdpError::NotFound | CdpError::FrameNotFound(_)) => return Ok(None),
            Err(other) => return Err(other),
        };
        if returned.exception_details.is_some() {
            return Ok(None);
        }
        Ok(returned.result.value.and_then(|value| serde_json::from_value(value).ok()))
    }

    /// Clicks or taps it.
    pub(super) async fn click(&self, spot: &Spot) -> Result<Landed> {
        let Some(point) = self.point(spot).await? else { return Ok(Landed::Nowhere) };
        if self.guise.device.touches() {
            let finger = TouchPoint::new(point.x, point.y);
            self.page.execute(DispatchTouchEventParams::new(DispatchTouchEventType::TouchStart, vec![finger])).await?;
            self.page.execute(Lift::NOW).await?;
        } else {
            let mouse = |what| DispatchMouseEventParams::new(what, point.x, point.y);
            let left = |what| {
                let mouse = mouse(what);
                DispatchMouseEventParams { button: Some(MouseButton::Left), click_count: Some(1), ..mouse }
            };
            // One after the other, without a word between them.
            try_join!(
                self.page.execute(mouse(DispatchMouseEventType::MouseMoved)),
                self.page.execute(left(DispatchMouseEventType::MousePressed)),
                self.page.execute(left(DispatchMouseEventType::MouseReleased)),
            )?;
        }
        Ok(Landed::There)
    }

    /// Types into what has the focus, in place of what is selected: key by key, for pages listen to keys; what no key
    /// says comes in as from other keyboards.
    pub(super) async fn type_text(&self, text: &str) -> Result<()> {
        if text.is_empty() {
            return Keys::BACKSPACE.press(&self.page).await;
        }
        let (typed, pasted) = text.char_indices().nth(TYPED_CHARS_MAX).map_or((text, ""), |(at, _)| text.split_at(at));
        let mut keys = Vec::new();
        for char in typed.chars() {
            if let Some(key) = Keys::of(char) {
                keys.push(key);
                continue;
            }
            self.strike(&mut keys).await?;
            self.insert(&char.to_string()).await?;
        }
        self.strike(&mut keys).await?;
        if pasted.is_empty() { Ok(()) } else { self.insert(pasted).await }
    }

    /// One key after the other, faster than the page can answer, as quick fingers are.
    async fn strike(&self, keys: &mut Vec<Keys>) -> Result<()> {
        for few in keys.chunks(STRUCK_MAX) {
            try_join_all(few.iter().map(|key| key.press(&self.page))).await?;
        }
        keys.clear();
        Ok(())
    }

    async fn insert(&self, text: &str) -> Result<()> {
        self.page.execute(InsertTextParams::new(text)).await.map(drop)
    }

    /// To the page before, if there was one in this tab.
    pub(super) async fn back(&self) -> Result<Landed> {
        let history = self.page.execute(GetNavigationHistoryParams::default()).await?.result;
        let before = usize::try_from(history.current_index - 1).ok().and_then(|before| history.entries.get(before));
        let Some(entry) = before.filter(|entry| entry.url != "about:blank") else { return Ok(Landed::Nowhere) };
        self.page.execute(NavigateToHistoryEntryParams::new(entry.id)).await?;
        // Nothing in the page tells when it is left this way.
        sleep(LEFT).await;
        Ok(Landed::There)
    }

    pub(super) async fn url(&self) -> Result<String> {
        Ok(self.main("() => location.href", Vec::new()).await?.unwrap_or_default())
    }

    /// Waits until the page that is shown has all its parts and does not leave, or is so old that customers no longer wait
    /// for the last.
    pub(super) async fn loaded(&self, most: Duration) -> Result<()> {
        self.settled(vec![milliseconds(most), false.into()]).await
    }

    /// The same for the first page, once it has come and is drawn.
    pub(super) async fn arrived(&self) -> Result<()> {
        self.settled(vec![milliseconds(USED_AFTER), true.into()]).await
    }

    async fn settled(&self, arguments: Vec<Value>) -> Result<()> {
        while self.main::<bool>(SETTLED, arguments.clone()).await? != Some(true) {
            sleep(FOLLOWED).await;
        }
        Ok(())
    }
}

fn milliseconds(time: Duration) -> Value {
    (time.as_millis() as u64).into()
}
