//! Telephones (SIP, RFC 3261): asks whether the line is there, signs a telephone in, calls and hangs up.
//!
//! A client of our own. The library that was looked at (rsipstack) opens its connections itself, so that there are no
//! phases; takes datagrams from anybody; drops what it cannot read in silence, so that "garbage" looks like "nobody
//! there"; and writes whole messages, proofs of passwords among them, into the log.

mod address;
mod call;
mod flow;
mod incoming;
mod locate;
mod message;
mod talk;
mod way;

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use tokio::time::Instant;

use super::connect::tls::Options;
use super::endpoint::Endpoint;
use super::spot::Pattern;
use super::template::{Place, Template, TemplateOrSecret, proof_if_any};
use super::{Act, Body, Field, Part, Reach, Reply, Run, Stop};
use crate::model::{Evidence, Fault, FaultCode, Phase};

use address::{Address, Transport, Written as WrittenAddress};
use flow::Flow;
use locate::{Located, locate};
use message::Message;
use talk::{Credentials, Request, Talk, status_of};

/// How long the registrar is to know us, if it does not let us go.
const EXPIRES: u32 = 60;

fn one_task() -> serde_json::Value {
    ["options", "register", "invite"].iter().map(|task| serde_json::json!({ "required": [task] })).collect()
}

/// One task: `options`, `register` or `invite`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Sip", extend("oneOf" = one_task()))]
struct Written {
    /// Asks whether this address is there and what it can do.
    options: Option<WrittenAddress>,
    /// Signs in as this address, and out again.
    register: Option<WrittenAddress>,
    /// Calls this address, waits until somebody answers, and hangs up.
    invite: Option<WrittenAddress>,
    /// `udp`, `tcp` or `tls`; what the address says, if absent.
    transport: Option<Transport>,
    /// Where everything is sent to, if not where the address leads.
    via: Option<Endpoint>,
    /// Who calls or asks; nobody in particular, if absent.
    from: Option<WrittenAddress>,
    /// Who proves himself; the user of the address that signs in or calls, if absent.
    user: Option<Template>,
    #[serde(default, deserialize_with = "proof_if_any")]
    password: Option<TemplateOrSecret>,
    #[serde(default)]
    tls: Options,
    /// What an answered call must announce: a regular expression over the session's information or the text.
    announces: Option<Pattern>,
}

/// A task at a telephone line.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Settings {
    task: Task,
    to: WrittenAddress,
    transport: Option<Transport>,
    via: Option<Endpoint>,
    from: Option<WrittenAddress>,
    user: Option<Template>,
    password: Option<TemplateOrSecret>,
    tls: Options,
    announces: Option<Pattern>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Options,
    Register,
    Invite,
}

impl JsonSchema for Settings {
    fn schema_name() -> Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

impl TryFrom<Written> for Settings {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let (task, to) = match (written.options, written.register, written.invite) {
            (Some(to), None, None) => (Task::Options, to),
            (None, Some(to), None) => (Task::Register, to),
            (None, None, Some(to)) => (Task::Invite, to),
            _ => return Err("`sip` has exactly one of `options`, `register` and `invite`".to_owned()),
        };
        if written.announces.is_some() && task != Task::Invite {
            return Err("`announces` goes with `invite`: only a call that is answered announces something".to_owned());
        }
        if written.user.is_some() && written.password.is_none() {
            return Err("`user` proves nothing without a `password`".to_owned());
        }
        if let Some(problem) = written.tls.problem() {
            return Err(problem);
        }
        let Written { transport, via, from, user, password, tls, announces, .. } = written;
        Ok(Self { task, to, transport, via, from, user, password, tls, announces })
    }
}

impl Act for Settings {
    const DOES: &'static str = "asks a telephone line whether it is there, signs in, or calls until somebody answers";
    const FIELDS: &'static [Field] = &[
        Field::Status,
        Field::Reason,
        Field::RingTime,
        Field::AnswerTime,
        Field::Headers,
        Field::Body,
        Field::Text,
        Field::Certificate,
        Field::Latency,
    ];

    fn fields(&self) -> &'static [Field] {
        match self.task {
            Task::Invite => Self::FIELDS,
            // Nothing rings, and nobody answers.
            Task::Options | Task::Register => &[
                Field::Status,
                Field::Reason,
                Field::Headers,
                Field::Body,
                Field::Text,
                Field::Certificate,
                Field::Latency,
            ],
        }
    }

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(self.to.part());
        self.from.iter().for_each(|from| see(from.part()));
        self.via.iter().for_each(|via| see(via.part()));
        self.user.iter().for_each(|user| see(Part::Template(user, Place::Line)));
        self.password.iter().for_each(|password| see(password.part(Place::Credential)));
    }

    fn reach(&self) -> Reach {
        Reach::Direct
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        let begun = Instant::now();
        let to = self.to.resolve(run.scope)?;
        let flow = self.open(run, &to).await?;
        let from = match (&self.from, self.task) {
            (Some(from), _) => from.resolve(run.scope)?,
            (None, Task::Register) => to.clone(),
            (None, _) => Address::parse(&format!("sip:unbroken@{}", flow.local))
                .map_err(|why| Fault::new(FaultCode::Expectation, why))?,
        };
        let user = match (&self.user, &from.user) {
            (Some(user), _) => user.render(run.scope).into_owned(),
            (None, Some(user)) => user.clone(),
            (None, None) => String::new(),
        };
        let password = self.password.as_ref().map(|password| password.render(run.scope));
        let credentials = password.as_deref().map(|password| Credentials { user: &user, password });
        let mut talk = Talk::new(run, flow, &from, credentials);
        let met = match self.task {
            Task::Options => options(run, &mut talk, &to).await?,
            Task::Register => register(run, &mut talk, &to).await?,
            Task::Invite => {
                let call = call::call(run, &mut talk, &to).await?;
                Met { answer: call.answer, rang: call.rang, answered: call.answered, at: call.at }
            }
        };
        run.reached(talk.flow.peer);
        if talk.strangers > 0 {
            run.attribute("unbroken.sip.strangers", talk.strangers.to_string());
        }
        run.attribute("unbroken.sip.response.status_code", status_of(&met.answer).to_string());
        self.reply(met, begun)
    }
}

/// A final answer, and when it came.
struct Met {
    answer: Message,
    rang: Option<Duration>,
    answered: Duration,
    at: Instant,
}

impl Settings {
    async fn open(&self, run: &mut Run<'_>, to: &Address) -> Result<Flow, Stop> {
        let wanted = self.transport.or(to.transport);
        let (place, domain) = match &self.via {
            Some(via) => {
                let (host, port) = via.resolve(run.scope)?;
                let transport = wanted.unwrap_or(Transport::Udp);
                (Located { transport, servers: vec![(host.clone(), port)] }, host)
            }
            None => (locate(run, to, wanted).await?, to.host.clone()),
        };
        if let Some((host, port)) = place.servers.first() {
            run.attribute("server.address", host.to_string());
            run.attribute("server.port", port.to_string());
        }
        run.attribute("network.transport", place.transport.name().to_ascii_lowercase());
        Flow::open(run, &place, domain, &self.tls).await
    }

    fn reply(&self, met: Met, begun: Instant) -> Result<Reply, Stop> {
        let Met { answer, rang, answered, at } = met;
        let (status, reason) = (status_of(&answer), answer.reason());
        if status < 300
            && let Some(wanted) = &self.announces
        {
            let said = call::announcement(&answer).unwrap_or_default();
            if !wanted.matches(&said) {
                return Err(otherwise(wanted, said).into());
            }
        }
        let mut reply = Reply::new()
            .with(Field::Status, status)
            .with(Field::Reason, reason)
            .with(Field::AnswerTime, answered.as_secs_f64());
        if let Some(rang) = rang {
            reply.set(Field::RingTime, rang.as_secs_f64());
        }
        if status >= 300 {
            reply.doubt(Field::Status, refusal(self.task, status, reason));
        }
        reply.headers = Some(headers(&answer));
        reply.body = Some(Body { bytes: answer.body.clone(), charset: None });
        // Hanging up is no part of what a customer waits for.
        reply.latency = Some(at - begun);
        Ok(reply)
    }
}

async fn options(run: &mut Run<'_>, talk: &mut Talk<'_>, to: &Address) -> Result<Met, Stop> {
    let headers = format!("Contact: {}\r\nAccept: application/sdp, text/plain\r\n", talk.contact());
    let request = Request { method: "OPTIONS", uri: &to.uri, to: &format!("<{}>", to.uri), headers, body: "" };
    ask(run, talk, &request).await
}

/// Signs in and out again: a customer's calls must not be sent to a telephone that nobody answers.
async fn register(run: &mut Run<'_>, talk: &mut Talk<'_>, to: &Address) -> Result<Met, Stop> {
    let (domain, own) = (to.domain(), format!("<{}>", to.uri));
    let contact = talk.contact();
    let request = |expires: u32| {
        let headers = format!("Contact: {contact};expires={expires}\r\nExpires: {expires}\r\n");
        Request { method: "REGISTER", uri: &domain, to: &own, headers, body: "" }
    };
    let met = ask(run, talk, &request(EXPIRES)).await?;
    if status_of(&met.answer) < 300 {
        run.phases.begin(Phase::Receive);
        // If that is not heard, the registration ends by itself within a minute.
        let _gone = talk.ask(run, &request(0)).await;
        run.phases.end();
    }
    Ok(met)
}

async fn ask(run: &mut Run<'_>, talk: &mut Talk<'_>, request: &Request<'_>) -> Result<Met, Stop> {
    let asked = Instant::now();
    let (answer, _) = talk.ask(run, request).await?;
    let at = Instant::now();
    run.phases.end_at(at);
    Ok(Met { answer, rang: None, answered: at - asked, at })
}

/// Why a call or a request was not taken, in words for the owner of the line.
fn refusal(task: Task, status: u16, reason: &str) -> Fault {
    let (code, hint) = match (task, status) {
        (Task::Invite, 486 | 600) => (FaultCode::SipBusy, ": every line is taken"),
        (Task::Invite, 408 | 480 | 487) => (FaultCode::SipUnanswered, ": nobody is there to answer"),
        (_, 401 | 407) => (FaultCode::SipRefused, ": user or password is not what it knows"),
        (_, 403) => (FaultCode::SipRefused, ": it knows us, and does not let us"),
        (Task::Invite, 603) => (FaultCode::SipRefused, ": the call was declined"),
        (_, 404 | 604) => (FaultCode::Status, ": it does not know this address"),
        _ => (FaultCode::Status, ""),
    };
    Fault::new(code, format!("answers {status} {reason}{hint}")).during(Phase::Wait)
}

fn otherwise(wanted: &Pattern, said: String) -> Fault {
    let found = if said.is_empty() { "nothing announced".to_owned() } else { said };
    let evidence = Evidence { of: "announcement".to_owned(), expected: format!("matching `{wanted}`"), found };
    let fault = Fault::new(FaultCode::SipAnnouncement, String::new()).during(Phase::Assert);
    Fault { evidence: Some(evidence), ..fault }
}

fn headers(answer: &Message) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers() {
        // Proofs and questions about them are nobody's business.
        if name.contains("auth") {
            continue;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
    headers
}
