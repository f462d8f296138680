//! `unbroken schema`: for editors that complete and check while one types.

use super::Exit;
use super::terminal::say;

pub(super) fn run() -> Exit {
    say!("{:#}", crate::config::schema());
    Exit::Well
}
