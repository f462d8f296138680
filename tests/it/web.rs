//! The site over real sockets: every route, every mood, and what hostile bytes become.

mod eyes;
pub(crate) mod halcyon;
mod languages;
mod reports;
mod retold;
mod routes;
mod shelf;
mod site;
mod slow;
mod views;
