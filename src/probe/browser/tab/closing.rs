//! Tabs that close themselves, as windows for signing in do, and where customers are then.

use std::time::Duration;

use chromiumoxide::Page;
use tokio::time::timeout;

use super::Tab;
use crate::model::{Fault, FaultCode};
use crate::probe::Stop;

/// How long the news may take that a tab is gone which does not answer any more.
const NEWS: Duration = Duration::from_millis(500);

/// The tab in which something was done has closed itself.
#[derive(Debug)]
pub(in crate::probe::browser) struct Closed;

impl Tab {
    /// What is done in a page, unless that closes itself meanwhile: who goes leaves questions unanswered.
    pub(in crate::probe::browser) async fn while_open<T>(
        &self,
        page: &Page,
        doing: impl Future<Output = Result<T, Stop>>,
    ) -> Result<Result<T, Stop>, Closed> {
        tokio::select! {
            biased;
            done = doing => match done {
                Err(Stop::Own(..)) if timeout(NEWS, self.closed(page)).await.is_ok() => Err(Closed),
                Err(Stop::Fault(_)) if self.has_closed(page) => Err(Closed),
                done => Ok(done),
            },
            () = self.closed(page) => Err(Closed),
        }
    }

    pub(in crate::probe::browser) fn has_closed(&self, page: &Page) -> bool {
        self.unasked.closed().borrow().contains(page.target_id())
    }

    /// How many have closed themselves.
    pub(in crate::probe::browser) fn closures(&self) -> usize {
        self.unasked.closed().borrow().len()
    }

    /// Where a customer is whose page has closed itself: at the nearest that is open.
    pub(in crate::probe::browser) async fn behind(&self, page: &Page) -> Result<Page, Stop> {
        for id in self.unasked.around(page.target_id()) {
            if id == *self.page.target_id() {
                return Ok(self.page.clone());
            }
            if let Some((browser, _)) = self.context()
                && let Ok(page) = browser.get_page(id).await
            {
                return Ok(page);
            }
        }
        let text = "the page closes itself, and no other is open: customers are left with nothing";
        Err(Fault::new(FaultCode::Expectation, text).into())
    }

    /// Pending until it has closed itself.
    async fn closed(&self, page: &Page) {
        let mut closed = self.unasked.closed();
        // Whoever watches stops with the browser.
        if closed.wait_for(|closed| closed.contains(page.target_id())).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
