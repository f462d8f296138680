//! Shakes hands and looks at the certificate, without asking for anything.

use schemars::JsonSchema;
use serde::Deserialize;

use super::connect::stream::Stream;
use super::connect::tls::{Offer, Options};
use super::connect::{Secure, Target, connect};
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
}

/// A secured connection, and nothing else.
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
        match options.problem() {
            Some(problem) => Err(problem),
            None => Ok(Self { connect: written.connect, options }),
        }
    }
}

impl Act for Settings {
    const DOES: &'static str = "shakes hands and looks at the certificate";
    const FIELDS: &'static [Field] = &[Field::Certificate, Field::Version, Field::Latency];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(self.connect.part());
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        let (host, port) = self.connect.resolve(run.scope)?;
        run.attribute("server.address", host.to_string());
        run.attribute("server.port", port.to_string());
        let secure = Secure { options: &self.options, offer: Offer::Nothing };
        let target = Target { secure: Some(secure), ..Target::written(borrowed(&host), port) };
        let stream = connect(run, &target).await?;
        let mut reply = Reply::new();
        if let Stream::Secure(stream) = &stream
            && let Some(version) =
                stream.get_ref().1.protocol_version().and_then(|version| version.as_str().map(str::to_owned))
        {
            // `TLSv1_3` is how the library spells it.
            reply.set(Field::Version, version.trim_start_matches("TLSv").replace('_', "."));
        }
        Ok(reply)
    }
}
