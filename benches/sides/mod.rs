//! The sides of the comparison, and what is measured of each.

pub(crate) mod bare;
pub(crate) mod blackbox;
pub(crate) mod child;
mod cpu;
pub(crate) mod gauge;
mod load;
pub(crate) mod median;
pub(crate) mod ours;
pub(crate) mod server;

pub(crate) use cpu::cpu_of;
pub(crate) use gauge::peak_rss_of;
pub(crate) use load::{Load, Usage};
