//! A world of our own beside the page's: the same document, but none of the page's names, and none of ours there.
//!
//! A page may replace `console`, `performance` or `JSON` as it likes; a script in an isolated world never meets them.

use std::time::Duration;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::page::{CreateIsolatedWorldParams, FrameId};
use chromiumoxide::cdp::js_protocol::runtime::{EvaluateParams, ExecutionContextId};
use chromiumoxide::error::CdpError;
use chromiumoxide::handler::frame::UTILITY_WORLD_NAME;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

/// A run's world, by its name.
#[derive(Clone, Debug)]
pub(super) struct World {
    name: String,
}

impl World {
    pub(super) fn new(random: u64) -> Self {
        Self { name: format!("w{random:016x}") }
    }

    /// The one that chromiumoxide keeps in every frame: pages reach none, whatever its name.
    pub(super) fn kept() -> Self {
        Self { name: UTILITY_WORLD_NAME.to_owned() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What `script`, an expression or a promise, comes to in a tab's main frame; `None` if it throws, if it takes
    /// longer than `most`, or if the frame goes away meanwhile.
    pub(super) async fn ask<T: DeserializeOwned>(&self, page: &Page, script: &str, most: Duration) -> Option<T> {
        let frame = page.mainframe().await.ok()??;
        self.ask_frame(page, frame, script, most).await
    }

    /// The same in a frame of it.
    pub(super) async fn ask_frame<T: DeserializeOwned>(
        &self,
        page: &Page,
        frame: FrameId,
        script: &str,
        most: Duration,
    ) -> Option<T> {
        let asked = async {
            let context = self.enter(page, frame).await?;
            let mut asked = EvaluateParams::new(script);
            asked.context_id = Some(context);
            asked.return_by_value = Some(true);
            asked.await_promise = Some(true);
            asked.silent = Some(true);
            Ok::<_, CdpError>(page.execute(asked).await?.result)
        };
        let done = timeout(most, asked).await.ok()?.ok()?;
        if done.exception_details.is_some() {
            return None;
        }
        serde_json::from_value(done.result.value.unwrap_or_default()).ok()
    }

    /// The same world again, as long as the frame shows the same document.
    async fn enter(&self, page: &Page, frame: FrameId) -> Result<ExecutionContextId, CdpError> {
        if self.name == UTILITY_WORLD_NAME
            && let Some(known) = page.frame_secondary_execution_context(frame.clone()).await?
        {
            return Ok(known);
        }
        let mut entered = CreateIsolatedWorldParams::new(frame);
        entered.world_name = Some(self.name.clone());
        Ok(page.execute(entered).await?.result.execution_context_id)
    }
}
