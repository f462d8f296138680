//! What the two protocols of mail share: how a server is reached, secured and signed in to.

pub(super) mod letter;
pub(super) mod wire;

use std::sync::Arc;

use rustls::ClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Host;

use self::wire::Wire;
use super::connect::stream::Stream;
pub(super) use super::connect::tls::sound;
use super::connect::tls::{Offer, Options};
use super::connect::{Secure, Target, connect, upgrade};
use super::endpoint::{Endpoint, borrowed};
use super::template::{Place, Template, TemplateOrSecret, proof};
use super::{Part, Run, Stop};
use crate::model::{Fault, FaultCode, Phase, SelfFault};

/// When the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// After a greeting in the clear; a server that does not offer it fails.
    Starttls,
    /// From the first byte.
    Tls,
    /// Never. A password goes to this machine only.
    None,
}

impl Security {
    /// What is usual at a port: 465 and 993 speak TLS at once.
    pub(super) const fn usual(port: u16) -> Self {
        if matches!(port, 465 | 993) { Self::Tls } else { Self::Starttls }
    }
}

/// Who signs in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    pub user: TemplateOrSecret,
    #[serde(deserialize_with = "proof")]
    pub password: TemplateOrSecret,
}

impl Login {
    pub(super) fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(self.user.part(Place::Line));
        see(self.password.part(Place::Credential));
    }

    /// User and password, once it is certain that nobody else can read them; hidden from every text that leaves the run.
    pub(super) fn render(&self, run: &mut Run<'_>, wire: &Wire) -> Result<(String, String), Stop> {
        let peer_is_here = run.peer.is_some_and(|peer| peer.ip().is_loopback());
        if !wire.is_secure() && !peer_is_here {
            let why = "a password is not sent in the clear to another machine; use `security: starttls` or `tls`";
            return Err(Stop::Own(SelfFault::Unsafe, why.to_owned()));
        }
        let (user, password) = (self.user.render(run.scope).into_owned(), self.password.render(run.scope).into_owned());
        run.hide(&password);
        Ok((user, password))
    }
}

/// `AUTH PLAIN`'s one message (RFC 4616), hidden like the password in it.
pub(super) fn plain(run: &mut Run<'_>, user: &str, password: &str) -> String {
    let message = encode(&format!("\0{user}\0{password}"));
    run.hide(message.trim_end_matches('='));
    message
}

pub(super) fn encode(text: &str) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(text)
}

/// A server to be reached.
pub(super) struct Server<'a> {
    pub(super) connect: &'a Endpoint,
    pub(super) security: Option<Security>,
    pub(super) tls: &'a Options,
}

/// A server that has been reached, and how to go on with it.
pub(super) struct Reached<'a> {
    pub(super) wire: Wire,
    pub(super) security: Security,
    host: Host<String>,
    options: &'a Options,
    config: Option<Arc<ClientConfig>>,
}

impl<'a> Server<'a> {
    /// Connects, with TLS if it comes first.
    pub(super) async fn reach(&self, run: &mut Run<'_>) -> Result<Reached<'a>, Stop> {
        let (host, port) = self.connect.resolve(run.scope)?;
        run.attribute("server.address", host.to_string());
        run.attribute("server.port", port.to_string());
        let security = self.security.unwrap_or(Security::usual(port));
        // Before anything is timed: reading the authorities is no part of a handshake.
        let config = match security {
            Security::Starttls => Some(run.tools.network.tls.config(self.tls, Offer::Nothing)?),
            Security::Tls | Security::None => None,
        };
        let secure = (security == Security::Tls).then_some(Secure { options: self.tls, offer: Offer::Nothing });
        let stream = connect(run, &Target { secure, ..Target::written(borrowed(&host), port) }).await?;
        Ok(Reached { wire: Wire::new(stream), security, host, options: self.tls, config })
    }
}

impl Reached<'_> {
    /// Shakes hands after the server's go-ahead.
    pub(super) async fn secure(&mut self, run: &mut Run<'_>) -> Result<(), Stop> {
        // What came before the handshake anybody on the way could have written (RFC 3207, 6; CVE-2011-0411).
        if let Some(early) = self.wire.early() {
            let text = format!(
                "bytes in the clear follow the go-ahead for encryption: `{early}`; somebody on the way, or a proxy that does \
                 not clear its buffer, can put words into the mouth of this server"
            );
            return Err(Fault::new(FaultCode::StarttlsInjection, text).during(Phase::Starttls).into());
        }
        let (Some(config), Some(Stream::Plain(tcp))) = (self.config.take(), self.wire.take()) else {
            return Ok(());
        };
        let stream = upgrade(run, (config, self.options), &borrowed(&self.host), tcp).await?;
        self.wire.put(stream);
        Ok(())
    }
}

/// The fault of a server that offers no encryption.
pub(super) fn no_starttls(what: &str) -> Stop {
    let text = format!(
        "{what} offers no STARTTLS: mail and passwords would travel in the clear; switch TLS on there, or look who strips it on \
         the way"
    );
    Fault::new(FaultCode::StarttlsMissing, text).during(Phase::Starttls).into()
}

/// One text, or several.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    One(Template),
    Many(Vec<Template>),
}

impl OneOrMany {
    pub(super) fn all(&self) -> &[Template] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}
