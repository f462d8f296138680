//! How journeys went over a week, a month or a quarter, and a walk through one stage by stage.
//!
//! [`compose`] works out *what* is told, from what the store has; it reads nothing and knows no language. [`read`] and
//! [`latest`] ask the store. [`sheet`] words it, once; text, mail and page only lay it out.

mod compose;
mod look;
mod mail;
mod order;
mod period;
mod read;
mod text;
pub mod walk;

pub use compose::{
    Budget, Change, Cost, Gist, JourneyMaterial, JourneyReport, Length, Material, Problem, Report, StageReport,
    Standing, compose,
};
pub use look::{Changed, CostRow, Direction, Figure, JourneySheet, Mood, ProblemRow, Sheet, StageSheet, sheet};
pub use mail::html;
pub use order::{Due, Order, due};
pub use period::{Every, Period};
pub use read::{latest, read};
pub use text::{subject, text};
