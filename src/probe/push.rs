//! What outside systems report by themselves: a batch job is done, a queue's length. No news is bad news.

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Act, Field, Part, Reply, Run, Stop};
use crate::model::{Fault, FaultCode, ProbeId, SelfFault};
use crate::secret::Secret;
use crate::units::Period;

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
    /// Proves the sender; good for this probe only.
    pub token: Secret,
    /// How long silence is well.
    pub within: Period,
    /// Keeps the value beside the score under this name, such as `voice`.
    pub signal: Option<String>,
}

impl Act for Settings {
    const DOES: &'static str = "a value that an outside system posts with a token, at least every so often";
    const FIELDS: &'static [Field] = &[Field::Value, Field::Age];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(Part::Secret(&self.token));
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
