//! Connects and talks in lines: SMTP's greeting, Redis's PONG, an XMPP login, anything that answers in plain text.

use schemars::JsonSchema;
use serde::Deserialize;

use super::connect::{Target, connect};
use super::dialogue::lines::Lines;
use super::endpoint::{Endpoint, borrowed};
use super::{Act, Field, Part, Reply, Run, Stop};

/// A connection, and a dialogue over it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub connect: Endpoint,
    #[serde(default)]
    pub dialogue: Lines,
}

impl Act for Settings {
    const DOES: &'static str = "connects, and talks in turns of `send`, `expect` and `starttls`";
    const FIELDS: &'static [Field] =
        &[Field::Banner, Field::Certificate, Field::Version, Field::Phases, Field::Latency];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(self.connect.part());
        self.dialogue.parts(&mut |part| see(part));
    }

    fn captures<'a>(&'a self, see: &mut dyn FnMut(&'a str)) {
        self.dialogue.captures(see);
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        let (host, port) = self.connect.resolve(run.scope)?;
        run.attribute("server.address", host.to_string());
        run.attribute("server.port", port.to_string());
        let host = borrowed(&host);
        let stream = connect(run, &Target::written(host.clone(), port)).await?;
        self.dialogue.walk(run, stream, &host).await
    }
}
