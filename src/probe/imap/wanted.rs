//! Which mail is meant, and how many may come.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::look::COUNTED_MAX;
use crate::model::Fault;
use crate::probe::expect::Expect;
use crate::probe::template::Template;
use crate::probe::{Field, Reply, Scope};
use crate::units::Period;

const OF_HEAD: &[Field] = &[Field::From, Field::To, Field::Subject, Field::Headers];
const OF_BODY: &[Field] = &[Field::Text, Field::Html, Field::Links];

/// What a mail must be to be the one: expectations of what it says.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(transparent)]
pub(super) struct OfMail(Expect);

impl<'de> Deserialize<'de> for OfMail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expect = Expect::deserialize(deserializer)?;
        if expect.good.is_some() || expect.is_heavy() {
            return Err(D::Error::custom("`good`, `poor` and `that` belong under the step's `expect`"));
        }
        let known: Vec<Field> = OF_HEAD.iter().chain(OF_BODY).copied().collect();
        let wrong = expect.unanswerable(&known);
        let wrong = wrong.first().map(String::as_str).or(expect.captured().next());
        if let Some(key) = wrong {
            return Err(D::Error::custom(format!(
                "a mail is not found by `{key}`; write `from`, `to`, `subject`, `text`, `html`, `links` or `headers.NAME`"
            )));
        }
        Ok(Self(expect))
    }
}

impl OfMail {
    pub(super) fn templates<'a>(&'a self, see: &mut dyn FnMut(&'a Template)) {
        self.0.templates(see);
    }

    /// What its head has that the wanted one has not.
    pub(super) fn miss_of_head(&self, reply: &Reply, scope: &Scope, now: Timestamp) -> Option<Fault> {
        self.0.first_failure_of(OF_HEAD, reply, scope, now)
    }

    pub(super) fn miss(&self, reply: &Reply, scope: &Scope, now: Timestamp) -> Option<Fault> {
        self.0.first_failure(reply, scope, now)
    }
}

/// So many mails in so long: `3 in 7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AtMost {
    pub(super) mails: u32,
    pub(super) within: Period,
}

impl AtMost {
    fn parse(text: &str) -> Result<Self, String> {
        let (mails, within) = text.split_once(" in ").ok_or_else(|| wrong(text))?;
        let mails = mails.trim().parse().map_err(|_| wrong(text))?;
        if mails as usize >= COUNTED_MAX {
            return Err(format!("`{text}` could never be exceeded: no more than {COUNTED_MAX} mails are counted"));
        }
        Ok(Self { mails, within: Period::parse(within.trim())? })
    }
}

fn wrong(text: &str) -> String {
    format!("`{text}` is not so many in so long; write it as `3 in 7d`")
}

impl<'de> Deserialize<'de> for AtMost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<str>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for AtMost {
    fn schema_name() -> Cow<'static, str> {
        "AtMost".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "So many in so long", "examples": ["3 in 7d"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_so_long() {
        let week = AtMost { mails: 3, within: Period::parse("7d").expect("a week") };
        assert_eq!(AtMost::parse("3 in 7d"), Ok(week));
        AtMost::parse("199 in 7d").expect("one less than are counted");
        for wrong in ["200 in 7d", "3", "3 per 7d", "x in 7d", "3 in week", "-1 in 7d", ""] {
            AtMost::parse(wrong).expect_err(wrong);
        }
    }
}
