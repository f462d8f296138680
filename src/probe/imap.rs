//! Looks into a mailbox as its owner does (RFC 3501): waits for one mail, or counts what came.
//!
//! The protocol is read by own code: see [`answer`]. Rejected: `async-imap`, whose parser recurses into nested lists
//! and whose buffer grows to half a gigabyte before it gives up.

mod answer;
mod look;
mod session;
mod wanted;

use schemars::JsonSchema;
use serde::Deserialize;

use self::look::{Look, Wait};
use self::session::{Access, Session};
use self::wanted::{AtMost, OfMail};
use super::connect::tls::Options;
use super::endpoint::Endpoint;
use super::mail::{self, Login, OneOrMany, Security, Server};
use super::template::{Place, Template};
use super::{Act, Field, Part, Reply, Run, Stop};
use crate::model::Phase;
use crate::units::Period;

/// What is read of one mail; attachments, which come last, may be cut.
const MAIL_BYTES_MAX: usize = 512 << 10;

/// A look into a mailbox.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
#[schemars(!try_from, with = "Written")]
pub struct Settings {
    mailbox: Mailbox,
    wanted: OfMail,
    bought: Option<OneOrMany>,
    authserv: Option<String>,
    job: Job,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
enum Job {
    /// One mail, that is waited for.
    Wait(Wait),
    /// All that came in a window.
    Count(AtMost),
}

/// Where the mailbox is, and how it is opened.
#[derive(Clone, Debug)]
struct Mailbox {
    connect: Endpoint,
    security: Option<Security>,
    tls: Options,
    login: Login,
    name: Option<Template>,
}

/// A look into a mailbox.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    connect: Endpoint,
    /// `starttls`, `tls` or `none`; by the port if absent: 993 speaks TLS at once, others after STARTTLS.
    security: Option<Security>,
    #[serde(default, deserialize_with = "mail::sound")]
    tls: Options,
    login: Login,
    /// `INBOX`, if absent.
    mailbox: Option<Template>,
    /// What the mail must be: `from to subject text html links headers`, each with a matcher. Others are passed over.
    #[serde(default, rename = "match")]
    wanted: OfMail,
    /// How long to wait for it; until the step's end, if absent.
    within: Option<Period>,
    /// Mails that came earlier than this before now are passed over; before the run (and a minute), if absent.
    newer_than: Option<Period>,
    /// Whether the mail is deleted once it was read; it is, unless this says no.
    delete: Option<bool>,
    /// `3 in 7d`: does not wait, but counts the mails that came in this time, and deletes none.
    at_most: Option<AtMost>,
    /// What the customer has just bought: a mail that names it recommends what is there already.
    bought: Option<OneOrMany>,
    /// The receiving server's name in `Authentication-Results`; the topmost one's, if absent.
    authserv: Option<String>,
}

impl TryFrom<Written> for Settings {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let waits = written.within.is_some() || written.newer_than.is_some() || written.delete.is_some();
        let job = match written.at_most {
            Some(_) if waits => {
                return Err("`at_most` counts and does not wait: `within`, `newer_than` and `delete` have no place \
                            beside it"
                    .to_owned());
            }
            Some(at_most) => Job::Count(at_most),
            None => Job::Wait(Wait {
                within: written.within.map(Period::get),
                newer_than: written.newer_than.map(Period::get),
                after: if written.delete == Some(false) { Access::Read } else { Access::Delete },
            }),
        };
        let Written { connect, security, tls, login, mailbox: name, wanted, bought, authserv, .. } = written;
        Ok(Self { mailbox: Mailbox { connect, security, tls, login, name }, wanted, bought, authserv, job })
    }
}

impl Act for Settings {
    const DOES: &'static str = "waits for a mail in a mailbox, or counts what came";
    const FIELDS: &'static [Field] = &[
        Field::From,
        Field::To,
        Field::Subject,
        Field::Text,
        Field::Html,
        Field::Links,
        Field::Headers,
        Field::Arrival,
        Field::Count,
        Field::Recommends,
        Field::Certificate,
        Field::Latency,
    ];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(self.mailbox.connect.part());
        self.mailbox.login.parts(see);
        self.mailbox.name.iter().for_each(|name| see(Part::Template(name, Place::Line)));
        self.wanted.templates(&mut |template| see(Part::Template(template, Place::Text)));
        let bought = self.bought.iter().flat_map(OneOrMany::all);
        bought.for_each(|bought| see(Part::Template(bought, Place::Text)));
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        let Mailbox { connect, security, tls, login, name } = &self.mailbox;
        let begun = tokio::time::Instant::now();
        let reached = Server { connect, security: *security, tls }.reach(run).await?;
        let mut session = Session::open(run, reached, login).await?;
        run.phases.begin(Phase::Open);
        let access = match &self.job {
            Job::Wait(wait) => wait.after,
            Job::Count(_) => Access::Read,
        };
        let name = name.as_ref().map_or("INBOX".into(), |name| name.render(run.scope));
        session.select(&name, access).await?;
        run.phases.begin(Phase::Arrival);
        let bought = self.bought.iter().flat_map(OneOrMany::all).map(|bought| bought.render(run.scope).into_owned());
        let look = Look {
            wanted: &self.wanted,
            bought: bought.collect(),
            authserv: self.authserv.as_deref(),
            clock: run.tools.clock.clone(),
            scope: run.scope,
        };
        let reply = match &self.job {
            Job::Wait(wait) => look.wait(run, &mut session, wait, begun).await?,
            Job::Count(at_most) => look.count(&mut session, *at_most).await?,
        };
        session.close().await;
        run.phases.end();
        Ok(reply)
    }
}
