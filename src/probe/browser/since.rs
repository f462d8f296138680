//! What comes of a deed, told from what had come about before it.

use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::browser::DownloadProgressState;
use tokio::time::Instant;

use super::sight::Sight;
use super::tab::Tab;
use crate::model::{Fault, FaultCode, SelfFault};
use crate::probe::Stop;

/// What had come about when the customer did what he did last: it was not his doing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    at: Instant,
    pub(super) asked: usize,
    pub(super) dialogs: usize,
    pub(super) tabs: usize,
    downloads: usize,
}

impl Since {
    pub(super) fn now(tab: &Tab, sight: &Sight) -> Self {
        Self {
            at: Instant::now(),
            asked: sight.asked(),
            dialogs: tab.dialogs().len(),
            tabs: tab.opened(),
            downloads: tab.downloads().len(),
        }
    }

    /// How long the network has been quiet.
    pub(super) fn quiet(&self, sight: &Sight) -> Duration {
        sight.quiet_for().min(self.at.elapsed())
    }

    /// Whether a file of this name is here, and whole.
    pub(super) fn came_down(&self, tab: &Tab, name: &str) -> Result<bool, Stop> {
        let all = tab.downloads();
        let Some(file) = all.iter().skip(self.downloads).rfind(|file| file.name.contains(name)) else {
            return Ok(false);
        };
        match file.state {
            DownloadProgressState::Completed => Ok(true),
            DownloadProgressState::InProgress => Ok(false),
            DownloadProgressState::Canceled if file.is_too_large() => {
                let text = format!("`{}` is too large to be looked at: a run takes 64 MiB at most", file.name);
                Err(Stop::Own(SelfFault::Unsupported, text))
            }
            DownloadProgressState::Canceled => {
                let text = format!("`{}` breaks off after {} bytes", file.name, file.size.get());
                Err(Fault::new(FaultCode::Truncated, text).into())
            }
        }
    }
}
