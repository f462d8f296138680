//! What outside systems report by themselves: a batch job is done, a queue's length. No news is bad news.

use std::borrow::Cow;
use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Act, Field, Part, Reach, Reply, Run, Stop};
use crate::model::{Fault, FaultCode, ProbeId, Reading, SelfFault, Signal};
use crate::secret::{ONE_OR_MORE, Secret};
use crate::units::Period;

/// More live at once is no rotation.
const TOKENS_MAX: usize = 4;

/// The last push to a probe, by the receiver's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub at: Timestamp,
    /// Decimal or other text, as it was sent.
    pub value: Option<String>,
    /// Why the sender says that it failed, if it does.
    pub failure: Option<String>,
}

/// Where pushes are remembered.
#[async_trait]
pub trait Pushes: Send + Sync {
    /// The last push to `probe`; an error is our own store's trouble, in words.
    async fn last(&self, probe: &ProbeId) -> Result<Option<Heard>, String>;
}

/// Waits for what an outside system posts with a token.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Prove the sender; good for this probe only. Two at once while one replaces the other.
    pub token: Tokens,
    /// How long silence is well.
    pub within: Period,
    /// `voice`: customers' own words, shown beside the score and never in it.
    pub signal: Option<Signal>,
}

/// One secret, or a list of which each opens.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens(Vec<Secret>);

impl Tokens {
    /// Each of them.
    pub fn all(&self) -> &[Secret] {
        &self.0
    }
}

impl From<Secret> for Tokens {
    fn from(token: Secret) -> Self {
        Self(vec![token])
    }
}

struct OneOrMore;

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Tokens;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reference to a secret such as `{ env: NAME }`, or a list of them")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tokens, D::Error> {
        Secret::deserialize(deserializer).map(Tokens::from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tokens, A::Error> {
        let mut tokens = Vec::new();
        while let Some(token) = seq.next_element::<Secret>()? {
            tokens.push(token);
        }
        match tokens.len() {
            0 => Err(A::Error::custom("no token is named: nobody could report")),
            1..=TOKENS_MAX => Ok(Tokens(tokens)),
            more => Err(A::Error::custom(format!("{more} tokens; at most {TOKENS_MAX} live at once"))),
        }
    }
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(ONE_OR_MORE, OneOrMore)
    }
}

impl JsonSchema for Tokens {
    fn schema_name() -> Cow<'static, str> {
        "Tokens".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Secret>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1, "maxItems": TOKENS_MAX }] })
    }
}

impl Act for Settings {
    const DOES: &'static str = "a value that an outside system posts with a token, at least every so often";
    const FIELDS: &'static [Field] = &[Field::Value, Field::Age];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        self.token.all().iter().for_each(|token| see(Part::Secret(token)));
    }

    fn reach(&self) -> Reach {
        Reach::Nowhere
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        let heard = run.tools.pushes.last(run.probe).await.map_err(|text| Stop::Own(SelfFault::StoreRefused, text))?;
        let Some(heard) = heard else {
            return Err(silence(format!("nothing was ever reported; it should be every {}", self.within)));
        };
        let age = run.tools.clock.now().duration_since(heard.at);
        let age = std::time::Duration::try_from(age).unwrap_or_default();
        if age > self.within.get() {
            let seconds = Period::from_secs(age.as_secs());
            return Err(silence(format!("last reported {seconds} ago; it should be every {}", self.within)));
        }
        if let Some(why) = heard.failure {
            return Err(Fault::new(FaultCode::Reported, format!("it reports: {why}")).into());
        }
        let mut reply = Reply::new().with(Field::Age, age.as_secs_f64());
        if let Some(value) = heard.value {
            run.attribute(Reading::REPORTED, value.as_str());
            reply.set(Field::Value, value);
        }
        // How old a report is says nothing of how long a customer waits.
        reply.latency = Some(std::time::Duration::ZERO);
        Ok(reply)
    }
}

fn silence(text: String) -> Stop {
    Fault::new(FaultCode::Silence, text).into()
}
