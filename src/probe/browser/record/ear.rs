//! Hears what a person does on a page: in a world of our own, through a bell that only that world can ring.

use std::time::Duration;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::dom::GetFileInfoParams;
use chromiumoxide::cdp::browser_protocol::page::{
    AddScriptToEvaluateOnNewDocumentParams, GetNavigationHistoryParams, TransitionType,
};
use chromiumoxide::cdp::js_protocol::runtime::{AddBindingParams, EvaluateParams, EventBindingCalled};
use chromiumoxide::error::Result;
use futures::StreamExt as _;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::effect::Sights;
use super::line::Named;
use crate::probe::browser::window::{FIND, FRAMES_MAX};
use crate::probe::browser::world::World;

const EAR: &str = include_str!("ear.js");
/// Of what is heard at a time: the text of a page is in it.
const HEARD_BYTES_MAX: usize = 768 << 10;

/// How long a page may take to say what it shows.
const SAYS: Duration = Duration::from_secs(1);

/// What a person did. Nothing of it is trusted: whoever breaks out of a page's scripts could say it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", tag = "act")]
pub(super) enum Heard {
    Click {
        element: Named,
        before: Sights,
    },
    Fill {
        /// The field, for as long as its page is there.
        key: String,
        element: Named,
        value: String,
        kept: Kept,
        /// It is left.
        done: bool,
    },
    Tick {
        element: Named,
        ticked: bool,
    },
    Select {
        element: Named,
        option: String,
    },
    Upload {
        element: Named,
        /// Its name; a page knows no more.
        file: String,
    },
    Press {
        keys: String,
        before: Sights,
    },
}

/// Whether what was typed may be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kept {
    None,
    Secret,
    Code,
}

/// Where what is heard goes, with the number of its page.
pub(super) type Sink = mpsc::Sender<(usize, Heard)>;

/// Listens to a page, now and after every navigation, until `listening` is dropped.
pub(super) async fn listen(
    page: &Page,
    number: usize,
    (world, sink): (&World, Sink),
    listening: &mut JoinSet<()>,
) -> Result<()> {
    let bell = format!("bell_{}", world.name());
    let mut rung = page.event_listener::<EventBindingCalled>().await?;
    let (ours, own) = (bell.clone(), page.clone());
    listening.spawn(async move {
        while let Some(event) = rung.next().await {
            if event.name != ours || event.payload.len() > HEARD_BYTES_MAX {
                continue;
            }
            let Ok(mut heard) = serde_json::from_str::<Heard>(&event.payload) else { continue };
            if let Heard::Upload { file, .. } = &mut heard
                && let Some(path) = handed(&own, &event).await
            {
                *file = path;
            }
            if sink.send((number, heard)).await.is_err() {
                return;
            }
        }
    });
    let mut bound = AddBindingParams::new(&bell);
    bound.execution_context_name = Some(world.name().to_owned());
    page.execute(bound).await?;
    let mut script = AddScriptToEvaluateOnNewDocumentParams::new(format!("({EAR})({FIND}, {bell})"));
    script.world_name = Some(world.name().to_owned());
    // A tab that a page opened may be there already.
    script.run_immediately = Some(true);
    page.execute(script).await.map(drop)
}

/// What a page shows, without its frames.
pub(super) async fn sights(page: &Page, world: &World) -> Option<Sights> {
    world.ask(page, "sights()", SAYS).await
}

/// What its frames show.
pub(super) async fn in_frames(page: &Page, world: &World) -> Vec<Sights> {
    let (main, all) = (page.mainframe().await.ok().flatten(), page.frames().await.unwrap_or_default());
    let mut shown = Vec::new();
    for frame in all.into_iter().filter(|frame| Some(frame) != main.as_ref()).take(FRAMES_MAX) {
        shown.extend(world.ask_frame(page, frame, "sights()", SAYS).await);
    }
    shown
}

/// Where the file lies that was handed to a page just now.
async fn handed(page: &Page, event: &EventBindingCalled) -> Option<String> {
    let mut handed = EvaluateParams::new("handed");
    handed.context_id = Some(event.execution_context_id);
    let handed = page.execute(handed).await.ok()?.result.result.object_id?;
    let path = page.execute(GetFileInfoParams::new(handed)).await.ok()?.result.path;
    path.starts_with('/').then_some(path)
}

/// Where a page stands in its history, and how it came there.
pub(super) async fn place(page: &Page) -> Option<(i64, TransitionType)> {
    let history = page.execute(GetNavigationHistoryParams::default()).await.ok()?.result;
    let entry = history.entries.get(usize::try_from(history.current_index).ok()?)?;
    Some((history.current_index, entry.transition_type.clone()))
}
