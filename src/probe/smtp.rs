//! Hands a mail to a server as a mail program does (RFC 5321, 6409), or only says hello.
//!
//! An own dialogue, because every part of it is timed; the mail itself is written by `lettre`.

mod dialogue;
mod draft;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Duration, timeout_at};

use self::dialogue::{Dialogue, Extensions};
use self::draft::Draft;
use super::connect::tls::Options;
use super::endpoint::Endpoint;
use super::mail::{self, Login, Security, Server};
use super::template::{Place, Template};
use super::{Act, Field, Part, Reply, Run, Stop};
use crate::model::{Fault, FaultCode, Phase};

/// Our own timer comes just before the run's: a greeting that is missing has a code of its own.
const RESERVE: Duration = Duration::from_millis(20);

/// A mail handed over, or a greeting.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub connect: Endpoint,
    /// `starttls`, `tls` or `none`; by the port if absent: 465 speaks TLS at once, others after STARTTLS.
    pub security: Option<Security>,
    #[serde(default, deserialize_with = "mail::sound")]
    pub tls: Options,
    /// The name that we say hello with (EHLO); this machine's, if absent.
    pub hello: Option<Template>,
    pub login: Option<Login>,
    /// The mail. Absent: the server is greeted, and nothing is handed over.
    pub send: Option<Draft>,
}

impl Act for Settings {
    const DOES: &'static str = "hands a mail to a server, or only greets it";
    const FIELDS: &'static [Field] =
        &[Field::Banner, Field::MessageId, Field::Subject, Field::From, Field::To, Field::Certificate, Field::Latency];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(self.connect.part());
        self.hello.iter().for_each(|hello| see(Part::Template(hello, Place::Line)));
        self.login.iter().for_each(|login| login.parts(see));
        self.send.iter().for_each(|draft| draft.parts(see));
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        // Written before anything is timed; what cannot be a mail never leaves.
        let letter = self.send.as_ref().map(|draft| draft.write(run)).transpose()?;
        let server = Server { connect: &self.connect, security: self.security, tls: &self.tls };
        let mut talk = Dialogue::new(server.reach(run).await?);
        let banner = greeting(run, &mut talk).await?;
        let extensions = self.settle(run, &mut talk).await?;
        if let Some(login) = &self.login {
            run.phases.begin(Phase::Login);
            talk.sign_in(run, login, &extensions).await?;
        }
        let mut reply = Reply::new().with(Field::Banner, banner);
        if let Some(letter) = letter {
            run.phases.begin(Phase::Envelope);
            talk.envelope(&letter, &extensions).await?;
            run.phases.begin(Phase::Letter);
            talk.hand_over(&letter.bytes).await?;
            run.attribute("unbroken.email.message_id", letter.message_id.clone());
            reply.set(Field::MessageId, letter.message_id);
            reply.set(Field::Subject, letter.subject);
            reply.set(Field::From, letter.from);
            reply.set(Field::To, letter.to);
        }
        // Polite, but not worth waiting for.
        let _ = talk.say("QUIT").await;
        run.phases.end();
        Ok(reply)
    }
}

impl Settings {
    /// Says hello, and again once the connection is encrypted: what was offered before proves nothing.
    async fn settle(&self, run: &mut Run<'_>, talk: &mut Dialogue<'_>) -> Result<Extensions, Stop> {
        let name = match &self.hello {
            Some(hello) => hello.render(run.scope).into_owned(),
            None => lettre::transport::smtp::extension::ClientId::default().to_string(),
        };
        let extensions = talk.hello(&name).await?;
        if talk.security() != Security::Starttls {
            return Ok(extensions);
        }
        run.phases.begin(Phase::Starttls);
        if !extensions.offers("STARTTLS") {
            return Err(mail::no_starttls("the server"));
        }
        talk.starttls(run).await?;
        run.phases.begin(Phase::Greeting);
        talk.hello(&name).await
    }
}

async fn greeting(run: &mut Run<'_>, talk: &mut Dialogue<'_>) -> Result<String, Stop> {
    run.phases.begin(Phase::Greeting);
    let left = run.left();
    let greeted = timeout_at(run.deadline - RESERVE.min(left), talk.greeting()).await;
    greeted.unwrap_or_else(|_| {
        let text = format!(
            "connected, and not greeted within {}ms; look whether the server is overloaded, waits for DNS or block lists, \
             or makes this address wait on purpose",
            left.as_millis()
        );
        Err(Fault::new(FaultCode::SmtpGreetingTimeout, text).during(Phase::Greeting).into())
    })
}
