//! The runner: one errand, once, as one customer. Exactly one [`Reading`] comes of it, whatever happens.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use cookie_store::CookieStore;
use futures::FutureExt as _;
use jiff::Timestamp;
use smol_str::SmolStr;
use tokio::time::{Instant, timeout_at};

use super::assess::{self, Assessment};
use super::connect::Network;
use super::connect::address::{Region, Way};
use super::connect::egress::Egress;
use super::doubt::{self, Waited, let_in_late};
use super::errand::{Errand, When, keys_in, sounds_secret};
use super::outcome::{self, Felt};
use super::proofs::{Proofs, Witness};
use super::run::{during, timed_out};
use super::standstill::{Loss, Standstill};
use super::{Account, Detail, Order, Phases, Redactor, Reply, Run, Scope, Stop, Tools};
use crate::model::{
    Captured, Fault, FaultCode, Finding, FindingSeverity, Outcome, Persona, Phase, Proof, Reading, SelfFault, SpanId,
    StepOutcome, TraceId, VantageId, Verdict,
};

/// Characters of a captured value or an attribute in a reading.
const VALUE_CHARS_MAX: usize = 1024;

/// Runs errands.
#[derive(Clone, Debug)]
pub struct Prober {
    tools: Tools,
    /// The same with another network, for runs from other vantages.
    elsewhere: BTreeMap<VantageId, Tools>,
    standstill: Arc<Standstill>,
    /// Who keeps what failed runs leave to be looked at.
    proofs: Option<Arc<dyn Proofs>>,
    detail: Detail,
}

impl Prober {
    pub fn new(tools: Tools) -> Self {
        Self { tools, elsewhere: BTreeMap::new(), standstill: Arc::default(), proofs: None, detail: Detail::Brief }
    }

    /// The same; what failed runs leave to be looked at is handed on.
    #[must_use]
    pub fn showing(self, proofs: Arc<dyn Proofs>) -> Self {
        Self { proofs: Some(proofs), ..self }
    }

    /// The same; its readings tell so much.
    #[must_use]
    pub fn telling(self, detail: Detail) -> Self {
        Self { detail, ..self }
    }

    /// The same, with its vantages: each leaves the machine by its own way.
    #[must_use]
    pub fn from(&self, vantages: impl IntoIterator<Item = (VantageId, Egress)>) -> Self {
        let elsewhere = vantages.into_iter().filter(|(_, egress)| *egress != Egress::Machine);
        let tools = |egress| Tools { network: Arc::new(self.tools.network.by(egress)), ..self.tools.clone() };
        Self {
            tools: self.tools.clone(),
            elsewhere: elsewhere.map(|(vantage, egress)| (vantage, tools(egress))).collect(),
            standstill: Arc::clone(&self.standstill),
            proofs: self.proofs.clone(),
            detail: self.detail,
        }
    }

    /// Whoever lets it run shows here when it can: what is measured while it cannot blames nobody.
    pub fn standstill(&self) -> &Standstill {
        &self.standstill
    }

    /// The network as a vantage sees it.
    pub fn network(&self, vantage: &VantageId) -> &Arc<Network> {
        &self.tools_at(vantage).network
    }

    fn tools_at(&self, vantage: &VantageId) -> &Tools {
        self.elsewhere.get(vantage).unwrap_or(&self.tools)
    }

    /// Runs `errand` once. Ends by the errand's timeout.
    pub async fn run(&self, errand: &Arc<Errand>, order: Order) -> Reading {
        let started = self.tools.clock.now();
        let trace = TraceId((u128::from(self.id()) << 64) | u128::from(self.id()));
        let span = SpanId(self.id());
        let tools = self.tools_at(&order.vantage);
        let mut walk = Walk::new(self, tools, errand, (order.persona.clone(), trace, started));
        for index in 0..errand.steps.len() {
            walk.step(index).await;
        }
        Reading {
            probe: errand.id.clone(),
            persona: order.persona.map(|persona| persona.id.clone()),
            vantage: order.vantage,
            trigger: order.trigger,
            asked_by: order.asked_by,
            scheduled: order.scheduled,
            started,
            trace,
            span,
            outcome: walk.finish(),
        }
    }

    /// A random id; all zeros is no id (W3C Trace Context, 3.2.2.3).
    fn id(&self) -> u64 {
        (self.tools.random)().max(1)
    }
}

/// One run under way.
struct Walk<'a> {
    prober: &'a Prober,
    tools: &'a Tools,
    errand: &'a Arc<Errand>,
    scope: Scope,
    redactor: Redactor,
    cookies: Option<Box<CookieStore>>,
    /// Where the newest connection led to.
    came_from: Option<Region>,
    trace: TraceId,
    began: Timestamp,
    /// Of the step that was done last.
    witness: Option<Box<dyn Witness>>,
    /// Spent on showing what failed; no part of the run.
    shown: Duration,
    start: Instant,
    /// What was lost before it.
    lost: Duration,
    deadline: Instant,
    /// Spent on waiting for something of ours.
    waited: Waited,
    /// Why slowness says nothing.
    held_up: Option<String>,
    /// What ended the errand; only what must always be done is done after it.
    stopped: Option<Stop>,
    steps: Vec<StepOutcome>,
    /// What each step that was reached says of quality, 0..=1, by its place in `steps`.
    felt: Vec<Option<Felt>>,
}

impl<'a> Walk<'a> {
    fn new(
        prober: &'a Prober,
        tools: &'a Tools,
        errand: &'a Arc<Errand>,
        (persona, trace, began): (Option<Arc<Persona>>, TraceId, Timestamp),
    ) -> Self {
        let start = Instant::now();
        let mut redactor = errand.redactor.clone();
        for (name, value) in persona.iter().flat_map(|persona| &persona.fields) {
            if sounds_secret(name) {
                redactor.hide(value);
            }
        }
        Self {
            prober,
            tools,
            errand,
            scope: Scope::new(errand.variables.clone(), persona),
            redactor,
            cookies: None,
            came_from: None,
            trace,
            began,
            witness: None,
            shown: Duration::ZERO,
            start,
            lost: prober.standstill.lost(start),
            deadline: start + errand.timeout,
            waited: Waited::default(),
            held_up: None,
            stopped: None,
            steps: Vec::with_capacity(errand.steps.len()),
            felt: Vec::with_capacity(errand.steps.len()),
        }
    }

    async fn step(&mut self, index: usize) {
        let prepared = &self.errand.steps[index];
        let missing = prepared.names.iter().find(|name| self.scope.get(name).is_none());
        let out_of_time = Instant::now() >= self.deadline;
        let skip = match (&self.stopped, prepared.step.when) {
            (Some(_), When::Well) => true,
            (Some(_), When::Always) => missing.is_some() || out_of_time,
            // What was never captured cannot be undone: that is no fault of its own.
            (None, When::Always) => missing.is_some(),
            (None, When::Well) => false,
        };
        let mut outcome = outcome::blank(prepared, self.start.elapsed(), SpanId(self.prober.id()));
        if skip {
            self.steps.push(outcome);
            self.felt.push(None);
            return;
        }
        outcome.reached = true;
        let begun = Instant::now();
        let before = self.prober.standstill.lost(begun);
        let (felt, ended) = match missing {
            Some(name) => (None, Err(Fault::new(FaultCode::Expectation, format!("`{name}` is not known")).into())),
            None => self.act(index, begun, &mut outcome).await,
        };
        outcome.took = begun.elapsed();
        if let Err(stop) = ended {
            let losses = [self.loss((begun, before)), self.loss((self.start, self.lost))];
            let stop = doubt::excuse(self.redactor.stop(stop, &outcome.name), &self.prober.tools.clock, losses);
            if let Stop::Fault(fault) = &stop {
                outcome.fault = Some(fault.clone());
            }
            // The first one is why; what fails while tidying up is only noted.
            if self.stopped.is_some() {
                self.witness = None;
            }
            self.stopped.get_or_insert(stop);
        } else if let Some(felt) = &felt {
            let loss = self.loss((begun, before));
            let explained = felt.is_explained(loss, prepared.step.expect.good);
            self.held_up = self.held_up.take().or_else(|| explained.then(|| loss.words()));
        }
        self.prove(&outcome).await;
        self.steps.push(outcome);
        self.felt.push(felt);
    }

    /// Lets whoever saw the step show it, if anybody wants that, as long as the run has time.
    async fn prove(&mut self, seen: &StepOutcome) {
        let proofs = self.prober.proofs.as_ref().filter(|proofs| proofs.want(seen.fault.as_ref()));
        let (Some(witness), Some(proofs)) = (self.witness.take(), proofs) else { return };
        let asked = Instant::now();
        let exhibits = timeout_at(self.deadline, witness.testify(&self.redactor)).await.unwrap_or_default();
        self.shown += asked.elapsed();
        if !exhibits.is_empty() {
            let (of, why) = ((self.errand.id.clone(), self.trace), seen.fault.as_ref().map(|fault| fault.code));
            proofs.keep(Proof::new(of, (seen.name.clone(), why), self.began, exhibits));
        }
    }

    /// How much was lost from a moment on, before which so much was.
    fn loss(&self, (from, before): (Instant, Duration)) -> Loss {
        let lost = self.prober.standstill.lost(Instant::now()).saturating_sub(before);
        Loss { lost, of: from.elapsed() }
    }

    /// Lets the kind do it, then looks at the reply.
    async fn act(
        &mut self,
        index: usize,
        begun: Instant,
        outcome: &mut StepOutcome,
    ) -> (Option<Felt>, Result<(), Stop>) {
        let prepared = &self.errand.steps[index];
        let limit = prepared.step.timeout.map_or(self.deadline, |timeout| self.deadline.min(begun + timeout));
        let captured = prepared.leading.iter().any(|name| self.scope.captured(name).is_some());
        let mut run = Run {
            tools: self.tools,
            probe: &self.errand.id,
            scope: &self.scope,
            phases: Phases::new(self.start),
            deadline: limit,
            needs: prepared.needs,
            asked: prepared.asked,
            trace: self.trace,
            span: outcome.span,
            told: self.errand.told,
            detail: self.prober.detail,
            cookies: &mut self.cookies,
            came_from: &mut self.came_from,
            way: Way::Written,
            since: if limit == self.deadline { self.start } else { begun },
            waited: &mut self.waited,
            peer: None,
            certificate: None,
            captured: Vec::new(),
            attributes: Vec::new(),
            witness: None,
            chronicle: None,
            redactor: &mut self.redactor,
        };
        run.way = if captured { run.sent() } else { Way::Written };
        let acted = timeout_at(limit, AssertUnwindSafe(prepared.step.kind.act(&mut run)).catch_unwind()).await;
        let elapsed = begun.elapsed();
        let acted = match acted {
            Err(_) => Err(let_in_late(timed_out(run.phases.running(), limit - begun), (*run.waited, run.since), limit)),
            Ok(Err(_)) => Err(Stop::Own(SelfFault::Panicked, format!("`{}` panicked", prepared.step.kind))),
            Ok(Ok(acted)) => acted,
        };
        self.witness = run.witness.take();
        let running = run.phases.end();
        if let (Err(Stop::Fault(_)), Some(Phase::Dns), None) = (&acted, running, run.peer) {
            run.note_name_server();
        }
        let account = run.chronicle.take().map(|happened| happened.account(self.start, Instant::now()));
        let (mut phases, attributes, captured) = (run.phases, run.attributes, run.captured);
        (outcome.peer, outcome.certificate) = (run.peer, run.certificate);
        self.keep(captured, outcome);
        let (felt, ended) = match acted {
            Ok(mut reply) => {
                let felt = self.felt(&mut reply, elapsed, &outcome.name);
                reply.phases = phases.totals();
                phases.begin(Phase::Assert);
                let ended = self.look(index, reply, (felt.latency, limit), outcome).await;
                (Some(felt), ended.map_err(|stop| during(stop, Phase::Assert)))
            }
            Err(stop) => (None, Err(running.map_or(stop.clone(), |phase| during(stop, phase)))),
        };
        outcome.phases = phases.finish();
        self.note(attributes, account, outcome);
        (felt, ended)
    }

    /// What the kind wrote down, as it may be seen.
    fn note(&self, written: Vec<(&'static str, SmolStr)>, account: Option<Account>, outcome: &mut StepOutcome) {
        let Account { episodes, attributes } = account.unwrap_or_default();
        let clip = |(name, value)| (Cow::Borrowed(name), self.redactor.clip_own(value, VALUE_CHARS_MAX));
        outcome.attributes = written.into_iter().chain(attributes).map(clip).collect();
        outcome.episodes = self.redactor.episodes(episodes, &outcome.name);
    }

    /// What the reply says of quality.
    fn felt(&self, reply: &mut Reply, elapsed: Duration, step: &str) -> Felt {
        let judged = reply.judged.take().map(|(quality, fault)| (quality, self.redactor.fault(fault, step)));
        Felt { latency: reply.latency.unwrap_or(elapsed), judged }
    }

    /// Captures and checks.
    async fn look(
        &mut self,
        index: usize,
        mut reply: Reply,
        (latency, limit): (Duration, Instant),
        outcome: &mut StepOutcome,
    ) -> Result<(), Stop> {
        if reply.certificate.is_none() {
            reply.certificate.clone_from(&outcome.certificate);
        }
        let question = assess::Question {
            errand: self.errand.clone(),
            index,
            reply,
            latency,
            now: self.tools.clock.now(),
            scope: self.scope.clone(),
        };
        let Assessment { captured, blocking, findings, defects } = assess::assess(question, limit).await?;
        self.keep(captured, outcome);
        let severity = self.errand.steps[index].step.severity;
        let findings = findings.into_iter().map(|fault| (severity, fault.during(Phase::Assert)));
        let defects = defects.into_iter().map(|fault| (FindingSeverity::Minor, fault));
        for (severity, fault) in findings.chain(defects) {
            let fault = self.redactor.fault(fault, &outcome.name);
            outcome.findings.push(Finding { severity, fault });
        }
        blocking.map_or(Ok(()), |fault| Err(fault.into()))
    }

    /// Remembers what was captured; what must not be seen leaves the run without its value.
    fn keep(&mut self, captured: Vec<(Arc<str>, String)>, outcome: &mut StepOutcome) {
        for (name, value) in captured {
            let masked = self.errand.masked.contains(&*name);
            if masked {
                self.redactor.hide(&value);
            }
            // A link that opens without a sign-in is a key.
            for key in keys_in(&value) {
                self.redactor.hide_found(&key);
            }
            let shown = (!masked).then(|| self.redactor.clip(&value, VALUE_CHARS_MAX));
            outcome.captured.push(Captured { name: name.to_string(), value: shown });
            self.scope.capture(name, value);
        }
    }

    fn finish(self) -> Outcome {
        let took = self.start.elapsed().saturating_sub(self.shown);
        let credits = self.errand.steps.iter();
        let walked: Vec<outcome::Walked<'_>> = credits
            .zip(&self.steps)
            .zip(&self.felt)
            .map(|((prepared, step), felt)| outcome::Walked { prepared, step, felt: felt.as_ref() })
            .collect();
        let (verdict, samples) = match (outcome::judge(&walked, self.stopped, self.errand.timeout), self.held_up) {
            ((Verdict::Slow, _), Some(text)) => (Verdict::Inconclusive { why: SelfFault::Late, text }, Vec::new()),
            (judged, _) => judged,
        };
        Outcome { verdict, samples, took, steps: self.steps }
    }
}
