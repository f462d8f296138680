//! Where on the screen it is what lies in a frame, and whether the page around the frame lets anybody at it.

use chromiumoxide::cdp::browser_protocol::dom::{GetBoxModelParams, GetFrameOwnerParams, GetNodeForLocationParams};
use chromiumoxide::cdp::browser_protocol::page::{FrameId, GetLayoutMetricsParams, VisualViewport};
use chromiumoxide::error::{CdpError, Result};
use chromiumoxide::layout::Point;
use serde_json::json;

use super::{Spot, State, Window};

impl Window {
    /// Where on the screen a spot lies. None: the frame that it lies in is gone.
    pub(super) async fn point(&self, spot: &Spot) -> Result<Option<Point>> {
        let point = Point::new(spot.answer.x, spot.answer.y);
        let Some(frame) = &spot.frame else { return Ok(Some(point)) };
        match self.corner(frame).await {
            Ok(corner) => Ok(Some(Point::new(point.x + corner.x, point.y + corner.y))),
            Err(CdpError::Chrome(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Where on the whole page it lies, however far that is scrolled.
    pub(in crate::probe::browser) async fn point_on_page(&self, spot: &Spot) -> Result<Option<Point>> {
        let Some(point) = self.point(spot).await? else { return Ok(None) };
        let screen = self.screen().await?;
        Ok(Some(Point::new(point.x + screen.page_x, point.y + screen.page_y)))
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

    async fn screen(&self) -> Result<VisualViewport> {
        Ok(self.page.execute(GetLayoutMetricsParams::default()).await?.result.css_visual_viewport)
    }

    /// What can be pressed by all that its frame knows is covered, if the page around the frame shows something else there.
    pub(super) async fn reached(&self, mut spot: Spot) -> Result<Spot> {
        let (Some(frame), State::Ready) = (&spot.frame, spot.answer.state) else { return Ok(spot) };
        // That its frame is gone is told when it is pressed.
        let Some(point) = self.point(&spot).await? else { return Ok(spot) };
        let screen = self.screen().await?;
        if !(0.0..screen.client_width).contains(&point.x) || !(0.0..screen.client_height).contains(&point.y) {
            spot.answer.state = State::Aside;
            return Ok(spot);
        }
        let (x, y) = (point.x + screen.page_x, point.y + screen.page_y);
        match self.page.execute(GetNodeForLocationParams::new(x as i64, y as i64)).await {
            Ok(hit) if hit.result.frame_id == *frame => return Ok(spot),
            Ok(_) | Err(CdpError::Chrome(_)) => {}
            Err(other) => return Err(other),
        }
        spot.answer.state = State::Covered;
        spot.answer.by = self.lid(&point).await?;
        Ok(spot)
    }

    /// What lies there for whoever looks at the page.
    async fn lid(&self, point: &Point) -> Result<String> {
        let Some(context) = self.page.secondary_execution_context().await? else { return Ok(String::new()) };
        let asked = ["over".into(), "".into(), 0.into()];
        let told = self.find(context, &json!({ "x": point.x, "y": point.y }), asked).await?;
        Ok(told.map(|answer| answer.by).unwrap_or_default())
    }
}
