//! The tab that a customer looks at: asked in all its frames, used with a mouse or with a finger.

use std::time::Duration;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::dom::{GetBoxModelParams, GetFrameOwnerParams};
use chromiumoxide::cdp::browser_protocol::input::{
    DispatchTouchEventParams, DispatchTouchEventReturns, DispatchTouchEventType, InsertTextParams, TouchPoint,
};
use chromiumoxide::cdp::browser_protocol::page::FrameId;
use chromiumoxide::cdp::js_protocol::runtime::{CallArgument, CallFunctionOnParams, ExecutionContextId};
use chromiumoxide::error::{CdpError, Result};
use chromiumoxide::layout::Point;
use chromiumoxide::types::MethodId;
use chromiumoxide::{Command, Method};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::sleep;

use super::device::Guise;
use super::key::Keys;

pub(super) const FIND: &str = include_str!("find.js");
/// Frames of one page that are asked.
pub(super) const FRAMES_MAX: usize = 32;
/// A page that still loads something is used when it is so old: customers do not wait for the last picture.
pub(super) const USED_AFTER: Duration = Duration::from_secs(10);
/// And when it is so old, what came until then is all that it is judged by.
pub(super) const JUDGED_AFTER: Duration = Duration::from_secs(20);
/// What is longer than people type at once is pasted.
const TYPED_CHARS_MAX: usize = 200;
/// How long a page that is about to leave gets to do so.
const LEAVES: Duration = Duration::from_millis(30);

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

/// Where a click goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landed {
    There,
    /// The frame that it was meant for is gone.
    Nowhere,
}

/// The tab that is looked at.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) page: Page,
    pub(super) guise: Guise,
}

impl Spot {
    pub(super) fn context(&self) -> ExecutionContextId {
        self.context
    }
}

impl Window {
    /// Asks every frame, the whole page first; the best answer. None: no frame can be asked now.
    pub(super) async fn ask(&self, query: &Value, doing: &str, value: &str) -> Result<Option<Spot>> {
        let main = self.page.mainframe().await?;
        let mut best: Option<Spot> = None;
        let mut frames = self.page.frames().await?;
        frames.sort_by_key(|frame| Some(frame) != main.as_ref());
        for frame in frames.into_iter().take(FRAMES_MAX) {
            let Ok(Some(context)) = self.page.frame_secondary_execution_context(frame.clone()).await else { continue };
            let arguments = vec![query.clone(), doing.into(), value.into()];
            let Some(answer) = self.call::<Answer>(context, FIND, arguments).await? else { continue };
            let frame = (Some(&frame) != main.as_ref()).then_some(frame);
            if best.as_ref().is_none_or(|best| answer.state > best.answer.state) {
                best = Some(Spot { answer, frame, context });
            }
            if best.as_ref().is_some_and(|best| best.answer.state >= State::There) {
                break;
            }
        }
        Ok(best)
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

    /// Where on the screen a spot lies. None: the frame that it lies in is gone.
    async fn point(&self, spot: &Spot) -> Result<Option<Point>> {
        let point = Point::new(spot.answer.x, spot.answer.y);
        let Some(frame) = &spot.frame else { return Ok(Some(point)) };
        match self.corner(frame).await {
            Ok(corner) => Ok(Some(Point::new(point.x + corner.x, point.y + corner.y))),
            Err(CdpError::Chrome(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    async fn corner(&self, frame: &FrameId) -> Result<Point> {
        let owner = self.page.execute(GetFrameOwnerParams::new(frame.clone())).await?;
        let owner = Some(owner.result.backend_node_id);
        let model = GetBoxModelParams { backend_node_id: owner, ..GetBoxModelParams::default() };
        let model = self.page.execute(model).await?;
        let corner = model.result.model.content.inner().clone();
        let side = |index: usize| corner.get(index).copied().unwrap_or_default();
        Ok(Point::new(side(0), side(1)))
    }

    /// Clicks or taps it.
    pub(super) async fn click(&self, spot: &Spot) -> Result<Landed> {
        let Some(point) = self.point(spot).await? else { return Ok(Landed::Nowhere) };
        if self.guise.device.touches() {
            let finger = TouchPoint::new(point.x, point.y);
            self.page.execute(DispatchTouchEventParams::new(DispatchTouchEventType::TouchStart, vec![finger])).await?;
            self.page.execute(Lift::NOW).await?;
        } else {
            self.page.click(point).await?;
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
        for char in typed.chars() {
            match Keys::of(char) {
                Some(key) => key.press(&self.page).await?,
                None => self.insert(&char.to_string()).await?,
            }
        }
        if pasted.is_empty() { Ok(()) } else { self.insert(pasted).await }
    }

    async fn insert(&self, text: &str) -> Result<()> {
        self.page.execute(InsertTextParams::new(text)).await.map(drop)
    }

    pub(super) async fn url(&self) -> Result<String> {
        Ok(self.main("() => location.href", Vec::new()).await?.unwrap_or_default())
    }

    /// Waits until the page that is shown has all its parts, or is so old that customers no longer wait for the last.
    pub(super) async fn loaded(&self, most: Duration) -> Result<()> {
        sleep(LEAVES).await;
        self.until("(most) => document.readyState === 'complete' || performance.now() > most", most).await
    }

    /// The same for the first page, once it has come.
    pub(super) async fn arrived(&self) -> Result<()> {
        const ARRIVED: &str = "(most) => location.protocol.startsWith('http') && \
                               (document.readyState === 'complete' || performance.now() > most)";
        self.until(ARRIVED, USED_AFTER).await
    }

    async fn until(&self, holds: &str, most: Duration) -> Result<()> {
        let most = Value::from(most.as_millis() as u64);
        while self.main::<bool>(holds, vec![most.clone()]).await? != Some(true) {
            sleep(LEAVES).await;
        }
        Ok(())
    }
}
