//! What a kind is lent for one run of one step, and how it may end.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cookie_store::CookieStore;
use smol_str::SmolStr;
use tokio::time::Instant;

use super::browser::pool::Browsers;
use super::connect::Network;
use super::connect::address::{Region, Way};
use super::doubt::Waited;
use super::proofs::Witness;
use super::template::{Place, Template};
use super::{Chronicle, Detail, Fields, Phases, Pushes, Redactor, Told};
use crate::clock::Clock;
use crate::model::{
    CertificateFacts, Fault, FaultCode, FindingSeverity, Persona, Phase, ProbeId, Reading, SelfFault, SpanId, TraceId,
};
use crate::secret::Secret;

/// Attributes kept of one step.
const ATTRIBUTES_MAX: usize = 64;

/// What runs need from outside, given to the prober once.
#[derive(Clone)]
pub struct Tools {
    pub clock: Clock,
    /// Where what outside systems push is remembered.
    pub pushes: Arc<dyn Pushes>,
    /// 64 random bits a call: trace and span ids, WebSocket masks.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Name servers, authorities: how anything is reached.
    pub network: Arc<Network>,
    /// Our own program, which reads PDF files as a child of itself.
    pub program: PathBuf,
    /// Browsers to lend.
    pub browsers: Arc<Browsers>,
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tools").field("program", &self.program).finish_non_exhaustive()
    }
}

/// What a kind is lent for one run of one step. What it writes here survives a timeout and a fault.
pub struct Run<'a> {
    pub tools: &'a Tools,
    pub probe: &'a ProbeId,
    /// What `{{name}}` stands for.
    pub scope: &'a Scope,
    pub phases: Phases,
    /// When the caller drops the run. Kinds need not watch it, but may pass it on.
    pub deadline: Instant,
    /// What of the reply will be looked at.
    pub needs: Needs,
    /// The same, field by field: for what costs something to find out.
    pub asked: Fields,
    pub trace: TraceId,
    /// The span of this step.
    pub span: SpanId,
    /// Whether the target is told both.
    pub told: Told,
    /// Whether anybody asks what happened within the step.
    pub detail: Detail,
    /// The run's cookies, shared by its steps, gone with the run.
    pub cookies: &'a mut Option<Box<CookieStore>>,
    /// Where the run's last peer lies: what a reply of its may lead to.
    pub came_from: &'a mut Option<Region>,
    /// How the run came to the hosts that it connects to now; whoever follows a reply says so here.
    pub way: Way,
    /// When the time began that is up at `deadline`, and how much of it went by waiting for something of ours.
    pub since: Instant,
    pub waited: &'a mut Waited,
    /// The peer that was connected to, or tried in vain.
    pub peer: Option<SocketAddr>,
    pub certificate: Option<CertificateFacts>,
    /// What a dialogue captured, known to later steps and to expectations.
    pub captured: Vec<(Arc<str>, String)>,
    pub(crate) attributes: Vec<(&'static str, SmolStr)>,
    /// Who saw it, if there is something to be seen.
    pub witness: Option<Box<dyn Witness>>,
    /// Who remembers what happened, if there is more than phases tell.
    pub chronicle: Option<Arc<dyn Chronicle>>,
    pub(crate) redactor: &'a mut Redactor,
}

/// What a target is told of the trace that it is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    pub trace: TraceId,
    /// The caller's.
    pub span: SpanId,
}

impl Context {
    /// As headers (W3C Trace Context, 3.2 and 3.3), sampled.
    pub fn headers<'a>(self) -> [(&'a str, String); 2] {
        let parent = format!("00-{}-{}-01", self.trace, self.span);
        [("traceparent", parent), ("tracestate", Reading::TRACESTATE.to_owned())]
    }
}

/// What a run beside a run has of its own.
#[derive(Debug, Default)]
pub(in crate::probe) struct Aside {
    cookies: Option<Box<CookieStore>>,
    came_from: Option<Region>,
    waited: Waited,
    redactor: Redactor,
}

impl Run<'_> {
    /// A run beside this one, for what is asked on the way: its phases, its peer and its cookies do not count.
    pub(in crate::probe) fn aside<'b>(&'b self, own: &'b mut Aside) -> Run<'b> {
        Run {
            tools: self.tools,
            probe: self.probe,
            scope: self.scope,
            phases: Phases::new(Instant::now()),
            deadline: self.deadline,
            needs: Needs::Body,
            asked: Fields::default(),
            trace: self.trace,
            span: self.span,
            told: self.told,
            detail: Detail::Brief,
            cookies: &mut own.cookies,
            came_from: &mut own.came_from,
            way: self.way,
            since: self.since,
            waited: &mut own.waited,
            peer: None,
            certificate: None,
            captured: Vec::new(),
            attributes: Vec::new(),
            witness: None,
            chronicle: None,
            redactor: &mut own.redactor,
        }
    }

    /// Writes down a protocol fact under its OpenTelemetry name; redacted and clipped by the runner.
    pub fn attribute(&mut self, name: &'static str, value: impl Into<SmolStr>) {
        if self.attributes.len() < ATTRIBUTES_MAX {
            self.attributes.push((name, value.into()));
        }
    }

    /// Keeps `value` out of every text that leaves this run: a computed credential, a code.
    pub fn hide(&mut self, value: &str) {
        self.redactor.hide(value);
    }

    /// The same with a cookie that scripts may not read, unless it keeps an ordinary word.
    pub fn hide_session(&mut self, value: &str) {
        self.redactor.hide_session(value);
    }

    /// Notes whom it talks to, and where that lies.
    pub(crate) fn reached(&mut self, peer: SocketAddr) {
        self.peer = Some(peer);
        *self.came_from = Some(Region::of(peer.ip()));
    }

    /// The headers that tell the target its trace; none where the probe says `trace: false`.
    pub fn trace_headers<'a>(&self) -> impl Iterator<Item = (&'a str, String)> + use<'a> {
        self.context().map(Context::headers).into_iter().flatten()
    }

    /// The same before it is written; none where the probe says `trace: false`.
    pub fn context(&self) -> Option<Context> {
        (self.told == Told::Yes).then_some(Context { trace: self.trace, span: self.span })
    }

    /// Writes down which name server was asked.
    pub(super) fn note_name_server(&mut self) {
        let servers = self.tools.network.resolver.servers().unwrap_or_default();
        if let Some(asked) = servers.first() {
            self.attribute(Reading::NAME_SERVER, asked.to_string());
        }
    }

    /// The way to where a reply of the last peer leads.
    pub fn sent(&self) -> Way {
        Way::Sent(self.came_from.unwrap_or(Region::Public))
    }

    /// The time until the deadline.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// What of a reply will be looked at, so that the rest need not be kept or decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// Nothing of the body.
    #[default]
    Head,
    /// The decoded body.
    Body,
    /// The card of the page that the body is, with its picture.
    Card,
    /// The text of the PDF file that the body is.
    Pdf,
}

/// How a kind ends without a reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// The touchpoint's fault.
    Fault(Fault),
    /// Our own: the run is inconclusive.
    Own(SelfFault, String),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The fault of a step that ran out of time.
pub(super) fn timed_out(phase: Option<Phase>, limit: Duration) -> Stop {
    let code = match phase {
        Some(Phase::Dns) => FaultCode::DnsTimeout,
        Some(Phase::Proxy) => FaultCode::ProxyTimeout,
        _ => FaultCode::Timeout,
    };
    let doing = phase.map_or("waiting", Phase::words);
    // Of a limit of two seconds 1999.6 ms may be left when its step begins.
    let limit = Duration::from_millis((limit.as_millis() as u64).next_multiple_of(10));
    let mut fault = Fault::new(code, format!("not done within {limit:?}: still {doing}"));
    fault.phase = phase;
    fault.into()
}

/// Names the phase of a fault that names none.
pub(super) fn during(stop: Stop, phase: Phase) -> Stop {
    match stop {
        Stop::Fault(fault) if fault.phase.is_none() => Stop::Fault(fault.during(phase)),
        other => other,
    }
}

/// Whether findings end the run.
pub(super) fn blocks(severity: FindingSeverity) -> bool {
    severity == FindingSeverity::Blocking
}

/// A template or a secret among a kind's settings.
#[derive(Debug)]
pub enum Part<'a> {
    Template(&'a Template, Place),
    Secret(&'a Secret),
}

/// What `{{name}}` stands for in one run.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    variables: Arc<BTreeMap<String, String>>,
    persona: Option<Arc<Persona>>,
    captured: Vec<(Arc<str>, String)>,
}

impl Scope {
    pub fn new(variables: Arc<BTreeMap<String, String>>, persona: Option<Arc<Persona>>) -> Self {
        Self { variables, persona, captured: Vec::new() }
    }

    /// A captured value, a persona's field or a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        if let Some(field) = name.strip_prefix("persona.") {
            return self.persona.as_ref()?.fields.get(field).map(String::as_str);
        }
        self.captured(name).or_else(|| self.variables.get(name).map(String::as_str))
    }

    /// The newest value captured under `name`.
    pub fn captured(&self, name: &str) -> Option<&str> {
        self.captured.iter().rev().find(|(known, _)| **known == *name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn capture(&mut self, name: Arc<str>, value: String) {
        self.captured.push((name, value));
    }
}
