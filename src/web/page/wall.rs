//! For a screen on the wall: every journey's number and sentence, large, the worst first.

use askama::Template;

use super::Frame;
use super::home;
use super::number::Number;
use super::tone::Tone;
use crate::model::{JourneyNow, Snapshot};
use crate::web::routes::Shared;
use crate::web::visitor::Visitor;
use crate::words;

#[derive(Template)]
#[template(config = "src/web/askama.toml", path = "wall.html")]
pub(super) struct Wall {
    frame: Frame,
    journeys: Vec<Tile>,
}

struct Tile {
    id: String,
    title: String,
    number: Number,
    tone: Tone,
    sentence: String,
    since: String,
}

pub(super) fn page(shared: &Shared, visitor: &Visitor, snapshot: &Snapshot) -> Wall {
    let frame = Frame::new(shared, visitor, snapshot, visitor.words.text("wall-title"));
    let mut journeys: Vec<&JourneyNow> = snapshot.journeys.iter().collect();
    // What is not seen comes after what is known to be bad, and before what is well.
    journeys.sort_by(|a, b| a.value.total_cmp(&b.value));
    let journeys = journeys.into_iter().map(|now| Tile {
        id: now.id.to_string(),
        title: words::title(&now.id, &snapshot.map).to_owned(),
        number: home::number(now),
        tone: home::tone(now),
        sentence: frame.words.journey(now, snapshot),
        since: frame.since(now.since),
    });
    Wall { journeys: journeys.collect(), frame }
}
