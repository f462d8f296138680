//! Shakes hands, looks at the certificate, and talks in lines if there is anything to say.

use schemars::JsonSchema;
use serde::Deserialize;

use super::connect::tls::{Offer, Options};
use super::connect::{Secure, Target, connect};
use super::dialogue::lines::Lines;
use super::endpoint::{Endpoint, borrowed};
use super::{Act, Field, Part, Reply, Run, Stop};
use crate::units::FilePath;

/// A secured connection.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
#[schemars(!try_from, with = "Written")]
pub struct Settings {
    connect: Endpoint,
    options: Options,
    dialogue: Lines,
}

/// A secured connection, and a dialogue over it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    connect: Endpoint,
    /// The name to ask for and to expect, instead of the host's.
    server_name: Option<String>,
    /// A PEM file of the authorities to trust, instead of the machine's.
    ca: Option<FilePath>,
    /// A PEM file of our own certificate and its chain.
    cert: Option<FilePath>,
    /// A PEM file of the key to it.
    key: Option<FilePath>,
    /// Goes on in spite of a bad certificate.
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    dialogue: Lines,
}

impl TryFrom<Written> for Settings {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let mut options = Options::default();
        options.server_name = written.server_name;
        options.ca = written.ca;
        options.cert = written.cert;
        options.key = written.key;
        options.insecure = written.insecure;
        if written.dialogue.secures() {
            return Err("the connection is encrypted from its beginning: leave out `starttls`".to_owned());
        }
        match options.problem() {
            Some(problem) => Err(problem),
            None => Ok(Self { connect: written.connect, options, dialogue: written.dialogue }),
        }
    }
}

impl Act for Settings {
    const DOES: &'static str = "shakes hands, looks at the certificate, and talks in turns of `send` and `expect`";
    const FIELDS: &'static [Field] =
        &[Field::Certificate, Field::Version, Field::Banner, Field::Phases, Field::Latency];

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
        let secure = Secure { options: &self.options, offer: Offer::Nothing };
        let host = borrowed(&host);
        let target = Target { secure: Some(secure), ..Target::written(host.clone(), port) };
        let stream = connect(run, &target).await?;
        self.dialogue.walk(run, stream, &host).await
    }
}
