//! Uses a page as a customer does, in Chromium.
#![expect(dead_code, reason = "the kind that opens tabs follows")]

mod audit;
pub mod chromium;
pub mod gate;
mod ledger;
pub mod pool;
mod refused;
mod seen;
mod sight;
pub mod tab;
mod vitals;
mod weigh;
mod world;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod watched;
