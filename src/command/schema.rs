//! `unbroken schema`: for editors that complete and check while one types.

use super::terminal::say;
use super::{Exit, Stop};

pub(super) fn run() -> Result<Exit, Stop> {
    say!("{:#}", crate::config::schema());
    Ok(Exit::Well)
}
