//! What a step expects of its reply: typed, the same for every kind, and told in words when it fails.

mod amounts;
mod bounded;
mod decimal;
mod decode;
mod found;
mod matcher;
mod operand;
mod parts;
mod subject;
#[cfg(test)]
mod tests;
mod that;
mod written;

use std::time::Duration;

use jiff::Timestamp;
pub use matcher::{Matcher, TESTS};
pub use operand::Operand;
use subject::Subject;
use that::That;

use super::template::Template;
use super::view::View;
use super::{Field, Needs, Reply, Scope};
use crate::model::{Evidence, Fault, FaultCode};

/// A step's expectations.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// Satisfaction is full up to here.
    pub good: Option<Duration>,
    /// And half here; zero at the timeout.
    pub poor: Option<Duration>,
    checks: Vec<Check>,
    that: Option<That>,
}

#[derive(Clone, Debug)]
struct Check {
    of: Subject,
    matcher: Matcher,
}

/// How a kind says how it went, and how an expectation of it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `200`, `2xx`
    Code,
    /// `SERVING`
    Word,
}

/// When an expectation can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before anything is captured: a wrong status explains why nothing can be.
    Before,
    /// After this step's captures.
    After,
}

impl Expect {
    /// The keys of everything that a reply with these fields cannot answer.
    pub fn unanswerable(&self, fields: &[Field]) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let mut add = |field: Field| {
            // A header's short name.
            let known = fields.contains(&field) || (field == Field::ContentType && fields.contains(&Field::Headers));
            if !known && !out.iter().any(|name| name == field.name()) {
                out.push(field.name().to_owned());
            }
        };
        self.checks.iter().filter_map(|check| check.of.field()).for_each(&mut add);
        self.that.iter().flat_map(That::names).filter_map(Field::parse).for_each(&mut add);
        out
    }

    /// The form in which a status is expected, if one is by its value.
    pub fn status(&self) -> Option<Status> {
        let field = |check: &&Check| check.of.field() == Some(Field::Status);
        self.checks.iter().filter(field).find_map(|check| check.matcher.status())
    }

    /// The captured values that are expected by name: keys that are no field of any reply.
    pub fn captured(&self) -> impl Iterator<Item = &str> {
        self.checks.iter().filter_map(|check| match &check.of {
            Subject::Captured(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The names in `{{ }}` of its matchers.
    pub fn template_names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.templates(&mut |template| names.extend(template.names()));
        names
    }

    /// The names in `that:` that are no fields: variables and captured values.
    pub fn expression_names(&self) -> impl Iterator<Item = &str> {
        self.that.iter().flat_map(That::names).filter(|name| Field::parse(name).is_none())
    }

    pub(super) fn templates<'a>(&'a self, see: &mut dyn FnMut(&'a Template)) {
        self.checks.iter().for_each(|check| check.matcher.templates(see));
    }

    /// Whether it says itself what `field` must be.
    pub(super) fn mentions(&self, field: Field) -> bool {
        self.checks.iter().any(|check| check.of.field() == Some(field))
            || self.that.as_ref().is_some_and(|that| that.names().any(|name| name == field.name()))
    }

    /// Whether looking at it may take long enough to stand in others' way.
    pub(super) fn is_heavy(&self) -> bool {
        self.that.is_some() || self.checks.iter().any(|check| check.of.is_heavy())
    }

    pub(super) fn needs(&self) -> Needs {
        self.fields().map(Field::needs).max().unwrap_or_default()
    }

    /// What is looked at.
    pub(super) fn fields(&self) -> impl Iterator<Item = Field> {
        let checked = self.checks.iter().filter_map(|check| check.of.field());
        checked.chain(self.that.iter().flat_map(That::names).filter_map(Field::parse))
    }

    /// The first thing that a reply of its own, such as one message of a dialogue, fails.
    pub(super) fn first_failure(&self, reply: &Reply, scope: &Scope, now: Timestamp) -> Option<Fault> {
        self.first_failure_in(&View::new(reply, Duration::ZERO, now), scope)
    }

    pub(super) fn first_failure_in(&self, view: &View<'_>, scope: &Scope) -> Option<Fault> {
        let moments = [Moment::Before, Moment::After].into_iter();
        moments.flat_map(|moment| self.failures(moment, view, scope)).next()
    }

    /// The first thing that fails of these fields alone: what can be told before the rest is there.
    pub(super) fn first_failure_of(
        &self,
        fields: &[Field],
        reply: &Reply,
        scope: &Scope,
        now: Timestamp,
    ) -> Option<Fault> {
        let view = View::new(reply, Duration::ZERO, now);
        let among = |check: &&Check| check.of.field().is_some_and(|field| fields.contains(&field));
        self.checks.iter().filter(among).find_map(|check| check.fault(&view, scope))
    }

    /// Everything that fails at this moment, in the order of the file.
    pub(super) fn failures(&self, moment: Moment, view: &View<'_>, scope: &Scope) -> Vec<Fault> {
        let now = |check: &&Check| matches!(check.of, Subject::Captured(_)) == (moment == Moment::After);
        let mut faults: Vec<Fault> =
            self.checks.iter().filter(now).filter_map(|check| check.fault(view, scope)).collect();
        if moment == Moment::After
            && let Some(that) = &self.that
            && let Err(found) = that.holds(view, scope)
        {
            faults.push(failed(FaultCode::Expectation, "that".to_owned(), that.to_string(), found));
        }
        faults
    }
}

impl Check {
    fn fault(&self, view: &View<'_>, scope: &Scope) -> Option<Fault> {
        let found = self.of.look(view, scope);
        if self.matcher.holds(&found, scope) {
            return None;
        }
        let found = found.words().into_owned();
        Some(failed(self.of.code(), self.of.to_string(), self.matcher.words(scope), found))
    }
}

/// The runner redacts and clips; the evidence is whole here.
fn failed(code: FaultCode, of: String, expected: String, found: String) -> Fault {
    Fault { evidence: Some(Evidence { of, expected, found }), ..Fault::new(code, String::new()) }
}

impl Field {
    /// What of a reply must be kept to look at it.
    pub(super) const fn needs(self) -> Needs {
        match self {
            Self::Body | Self::Text | Self::Json | Self::Html | Self::Banner | Self::Picture => Needs::Body,
            Self::Card => Needs::Card,
            Self::Pdf => Needs::Pdf,
            _ => Needs::Head,
        }
    }
}
