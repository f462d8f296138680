//! Uses a page as a customer does, in Chromium.
#![expect(dead_code, reason = "the kind that opens tabs follows")]

pub mod chromium;
pub mod gate;
pub mod pool;
pub mod tab;

#[cfg(test)]
mod tests;
