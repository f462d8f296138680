//! What SQLite's errors mean for us (<https://sqlite.org/rescode.html>).

use crate::store::Refused;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No room: the connection is sound, and the reserve may help.
    Full,
    /// Somebody else holds the file: later.
    Busy,
    /// The disk failed, or the file is damaged or gone: what the connection believes may be wrong.
    Disk,
    /// The file is no longer, or never was, what it should be.
    Damaged,
    Other,
}

impl Trouble {
    pub(super) fn of(error: &sqlx::Error) -> Self {
        let sqlx::Error::Database(error) = error else {
            return if matches!(error, sqlx::Error::WorkerCrashed | sqlx::Error::Io(_)) {
                Self::Disk
            } else {
                Self::Other
            };
        };
        // The low byte is the primary code, the rest says more.
        let code = error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default() & 0xff;
        match code {
            5 | 6 => Self::Busy,
            8 | 10 | 14 => Self::Disk,
            11 | 26 => Self::Damaged,
            13 => Self::Full,
            _ => Self::Other,
        }
    }
}

pub(super) fn refused(doing: &'static str, error: sqlx::Error) -> Refused {
    Refused::failed(doing, error)
}
