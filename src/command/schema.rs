//! `unbroken schema`: for editors that complete and check while one types.

use anstream::println;

use super::{Exit, Stop};

pub(super) fn run() -> Result<Exit, Stop> {
    println!("{:#}", crate::config::schema());
    Ok(Exit::Well)
}
