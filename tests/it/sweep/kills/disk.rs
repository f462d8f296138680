//! What is on disk, looked at without touching what the next daemon will find.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::{Connection, Row, SqliteConnection};

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Posted {
    pub(super) id: String,
    pub(super) incident: String,
    pub(super) kind: String,
    pub(super) state: String,
}

#[derive(Debug)]
pub(super) struct Disk {
    sound: String,
    pub(super) incidents: BTreeSet<String>,
    pub(super) outbox: BTreeSet<Posted>,
}

impl Disk {
    /// A copy is looked at: whoever opens a store after a kill mends it.
    pub(super) async fn of(folder: &Path) -> Self {
        let copy = tempfile::tempdir().unwrap();
        super::copy_store(folder, copy.path());
        let path = copy.path().join("unbroken.db");
        let mut store = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
        let row = sqlx::query("PRAGMA integrity_check").fetch_one(&mut store).await.unwrap();
        let sound = row.get(0);
        // A store that was killed while it was made has no tables yet.
        let incidents = sqlx::query("SELECT id FROM incident").fetch_all(&mut store).await.unwrap_or_default();
        let outbox = sqlx::query("SELECT id, incident, kind, state FROM outbox ORDER BY number");
        let outbox = outbox.fetch_all(&mut store).await.unwrap_or_default();
        store.close().await.unwrap();
        let posted = |row: &sqlx::sqlite::SqliteRow| Posted {
            id: row.get(0),
            incident: row.get(1),
            kind: row.get(2),
            state: row.get(3),
        };
        Self {
            sound,
            incidents: incidents.iter().map(|row| row.get(0)).collect(),
            outbox: outbox.iter().map(posted).collect(),
        }
    }

    pub(super) fn is_sound(&self) {
        assert_eq!(self.sound, "ok");
    }
}
