//! Tabs that come and go under a customer: he goes over to one that opens, and where one closes itself, as windows for
//! signing in do, he goes on where it was opened.

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::target::GetTargetInfoParams;
use chromiumoxide::error::Result as Told;

use super::{Stage, Walk, stop};
use crate::model::Fault;
use crate::probe::browser::deed::Deed;
use crate::probe::browser::tab::Closed;
use crate::probe::{Run, Stop};

/// What the address bar says of a tab that nothing was loaded into: scripts may write into it all the same.
pub(in crate::probe::browser) const BLANK: &str = "about:blank";

impl Walk<'_> {
    pub(in crate::probe::browser) async fn deed(&mut self, deed: &Deed, run: &mut Run<'_>) -> Result<(), Stop> {
        let (tab, closures) = (self.tab, self.tab.closures());
        let limit = self.limit(deed.within());
        self.stage = Stage::Begun;
        loop {
            let page = self.window.page.clone();
            match tab.while_open(&page, self.go_on(deed, limit, run)).await {
                Ok(Ok(())) => {
                    self.closures = closures;
                    return Ok(());
                }
                Ok(Err(Stop::Fault(fault))) if tab.closures() > self.closures => return Err(bereft(fault).into()),
                Ok(Err(stop)) => return Err(stop),
                Err(Closed) => self.turn_back(&page).await?,
            }
        }
    }

    async fn turn_back(&mut self, closed: &Page) -> Result<(), Stop> {
        self.window.turn_to(self.tab.behind(closed).await?);
        // It went with the page.
        self.typed = None;
        Ok(())
    }

    /// Goes over to a tab that the page opened.
    pub(super) async fn new_tab(&mut self, part: &str) -> Result<bool, Stop> {
        for page in self.tab.others_since(self.since.tabs).await {
            let found = async {
                let is_meant = is_at(&page, part).await.map_err(stop)?;
                if is_meant {
                    self.sight.also(&page).await.map_err(stop)?;
                }
                Ok(is_meant)
            };
            if let Ok(found) = self.tab.while_open(&page, found).await
                && found?
            {
                self.window.turn_to(page);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether its address has this in it. A tab that a script writes has two: its opener's, as scripts see it, and none yet in
/// the address bar.
async fn is_at(page: &Page, part: &str) -> Told<bool> {
    if page.url().await?.is_some_and(|url| url.contains(part)) {
        return Ok(true);
    }
    if !BLANK.contains(part) {
        return Ok(false);
    }
    let asked = GetTargetInfoParams::builder().target_id(page.target_id().clone()).build();
    Ok(matches!(&*page.execute(asked).await?.result.target_info.url, "" | BLANK))
}

/// What cannot be done any more may have been meant for a tab that is no more.
fn bereft(fault: Fault) -> Fault {
    let text = format!("{}; a tab that had been opened closed itself before", fault.text);
    Fault { text, ..fault }
}
