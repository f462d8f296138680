//! What is planned: work to come, campaigns, releases and launches to come or under way.

use jiff::{SignedDuration, Timestamp};

use super::Frame;
use super::look_back::{when, word};
use crate::model::{Snapshot, Subject};
use crate::store::Noted;
use crate::web::Audience;
use crate::web::routes::Shared;
use crate::words;

/// Further ahead nobody looks in the morning.
const AHEAD: SignedDuration = SignedDuration::from_hours(14 * 24);
const SHOWN_MAX: usize = 8;
const READ_MAX: u32 = 50;

pub(super) struct AheadRow {
    /// Campaign, planned work: a message.
    pub(super) kind: &'static str,
    pub(super) title: String,
    /// "6 Dec 22:00 to 7 Dec 04:00"
    pub(super) when: String,
    /// The journey that it is about: id and title.
    pub(super) journey: Option<(String, String)>,
}

/// The next ones first.
pub(super) async fn rows(shared: &Shared, frame: &Frame, snapshot: &Snapshot) -> Vec<AheadRow> {
    if shared.site.audience == Audience::Everybody {
        return Vec::new();
    }
    let now = frame.now;
    let far = now.saturating_add(AHEAD).unwrap_or(now);
    let noted = Noted { from: Some(now), to: Some(far), ..Noted::default() };
    let annotations = shared.site.store.annotations(&noted, READ_MAX).await.unwrap_or_else(|error| {
        shared.unread("What was noted", &crate::words::chain(&error));
        Vec::new()
    });
    let mut rows: Vec<(Timestamp, AheadRow)> = Vec::new();
    for annotation in annotations {
        let journey = match &annotation.of {
            // Its page has gone with it.
            Subject::Journey(id) if snapshot.journey(id).is_none() => continue,
            Subject::Journey(id) => Some((id.to_string(), words::title(id, &snapshot.map).to_owned())),
            Subject::Company | Subject::Incident(_) => None,
        };
        let row = AheadRow {
            kind: word(annotation.kind),
            title: annotation.title.clone(),
            when: when(frame, annotation.from, annotation.until),
            journey,
        };
        rows.push((annotation.from, row));
    }
    for window in &snapshot.map.maintenance {
        let Some((start, end)) = window.next(now).filter(|(start, _)| *start < far) else { continue };
        let row = AheadRow {
            kind: "graph-planned",
            title: window.name.clone(),
            when: when(frame, start, end),
            journey: None,
        };
        rows.push((start, row));
    }
    rows.sort_by_key(|(start, _)| *start);
    rows.into_iter().map(|(_, row)| row).take(SHOWN_MAX).collect()
}
