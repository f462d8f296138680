//! The whole walk in a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::command::Stop;
use crate::model::{JourneyId, Reading, Snapshot};
use crate::report::walk::{Walk, csv, walk};
use crate::web::{self, Album};
use crate::words::Words;

/// What a file's ending says that it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// To read and to print.
    Html,
    /// For spreadsheets.
    Csv,
    Json,
}

/// A file that a walk is written into.
#[derive(Clone, Debug)]
pub(super) struct Paper {
    path: PathBuf,
    kind: Kind,
}

impl Paper {
    /// Understands a path by its ending.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        let kind = match path.extension().and_then(std::ffi::OsStr::to_str) {
            Some("html" | "htm") => Kind::Html,
            Some("csv") => Kind::Csv,
            Some("json") => Kind::Json,
            _ => return Err("the file's ending says what it should be: .html, .csv or .json".to_owned()),
        };
        Ok(Self { path, kind })
    }

    /// Whether pictures have a place in it.
    pub(super) fn shows(&self) -> bool {
        self.kind == Kind::Html
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes these journeys down, as they were walked; `json` is what the command answers as JSON.
    pub(super) fn write(
        &self,
        words: &Arc<Words>,
        snapshot: &Snapshot,
        (journeys, readings, album): (&[JourneyId], &[Reading], &Album),
        json: impl FnOnce() -> Value,
    ) -> Result<(), Stop> {
        let walks: Vec<Walk> = journeys.iter().filter_map(|id| walk(snapshot, id, readings)).collect();
        let text = match self.kind {
            Kind::Html => web::walk_document(words, (snapshot, album), &walks)
                .map_err(|error| Stop::own("cannot draw the report", &error))?,
            Kind::Csv => csv(&walks, words),
            Kind::Json => format!("{:#}\n", json()),
        };
        std::fs::write(&self.path, text)
            .map_err(|error| Stop::own(&format!("cannot write {}", self.path.display()), &error))
    }
}
