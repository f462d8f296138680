//! Looking at a reply: doubts, expectations, captures. Pure but for where it is computed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::errand::{Errand, Step};
use super::excerpt;
use super::expect::Moment;
use super::run::blocks;
use super::view::View;
use super::{Needs, Reply, Scope, Stop};
use crate::model::{Fault, SelfFault};

/// Bodies beyond this are read on a thread of their own: others' starts must not wait for a large page.
pub(super) const INLINE_BYTES_MAX: usize = 64 << 10;

/// A reply, and which step's expectations it is to meet.
pub(super) struct Question {
    pub(super) errand: Arc<Errand>,
    pub(super) index: usize,
    pub(super) reply: Reply,
    pub(super) latency: Duration,
    pub(super) now: Timestamp,
    pub(super) scope: Scope,
}

/// What looking at it came to.
#[derive(Debug, Default)]
pub(super) struct Assessment {
    pub(super) captured: Vec<(Arc<str>, String)>,
    /// What ends the errand.
    pub(super) blocking: Option<Fault>,
    /// What only costs, each what the step says.
    pub(super) findings: Vec<Fault>,
    /// What only costs, and little.
    pub(super) defects: Vec<Fault>,
}

/// Answers by `limit`; what takes longer is our own fault, for the reply is here.
pub(super) async fn assess(question: Question, limit: Instant) -> Result<Assessment, Stop> {
    let prepared = &question.errand.steps[question.index];
    let large = prepared.needs > Needs::Head
        && question.reply.body.as_ref().is_some_and(|body| body.bytes.len() > INLINE_BYTES_MAX);
    if !large && !prepared.step.expect.is_heavy() {
        return Ok(question.answer(limit));
    }
    match timeout_at(limit, tokio::task::spawn_blocking(move || question.answer(limit))).await {
        // What was given up at the deadline must not look like a reply that does not show what it should.
        Ok(Ok(assessment)) if Instant::now() < limit => Ok(assessment),
        Ok(Err(_)) => Err(Stop::Own(SelfFault::Panicked, "checking the reply panicked".to_owned())),
        Ok(Ok(_)) | Err(_) => {
            Err(Stop::Own(SelfFault::Late, "checking the reply took longer than the run may".to_owned()))
        }
    }
}

/// Reads bytes that are here, many of them on a thread of their own.
pub(super) async fn apart<T: Send + 'static>(
    bytes: &Bytes,
    read: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> Result<T, Stop> {
    if bytes.len() <= INLINE_BYTES_MAX {
        return Ok(read(bytes));
    }
    let bytes = bytes.clone();
    let reading = tokio::task::spawn_blocking(move || read(&bytes)).await;
    reading.map_err(|_| Stop::Own(SelfFault::Panicked, "reading the reply panicked".to_owned()))
}

impl Question {
    /// An expression that is not done by `limit` is given up, so that its thread is free again.
    fn answer(self, limit: Instant) -> Assessment {
        let Self { errand, index, reply, latency, now, scope } = self;
        let view = View::new(&reply, latency, now).until(limit);
        let step = &errand.steps[index].step;
        let mut out = judged(step, &view, scope);
        let untold = |fault: &&mut Fault| excerpt::could_tell_why(fault, &view);
        let mut failed = out.blocking.iter_mut().chain(&mut out.findings).filter(untold).peekable();
        if failed.peek().is_some() {
            let masked = step.capture.iter().filter(|(name, _)| errand.masked.contains(&**name));
            let secrets = masked.filter_map(|(name, capture)| capture.take(name, &view).ok()).collect();
            let excerpt = excerpt::excerpt(&view, secrets);
            failed.for_each(|fault| fault.excerpt.clone_from(&excerpt));
        }
        out
    }
}

fn judged(step: &Step, view: &View<'_>, mut scope: Scope) -> Assessment {
    let defects = view.reply().defects().iter().filter(|(field, _)| !step.expect.mentions(*field));
    let mut out = Assessment { defects: defects.map(|(_, fault)| fault.clone()).collect(), ..Assessment::default() };
    let doubts = view.reply().doubts().iter().filter(|(field, _)| !step.expect.mentions(*field));
    let mut failed: Vec<Fault> = doubts.map(|(_, fault)| fault.clone()).collect();
    failed.extend(step.expect.failures(Moment::Before, view, &scope));
    if blocks(step.severity) && !failed.is_empty() {
        out.blocking = failed.into_iter().next();
        return out;
    }
    out.findings = failed;
    for (name, capture) in &step.capture {
        match capture.take(name, view) {
            Ok(value) => {
                scope.capture(name.clone(), value.clone());
                out.captured.push((name.clone(), value));
            }
            Err(fault) => {
                out.blocking = Some(fault);
                return out;
            }
        }
    }
    let failed = step.expect.failures(Moment::After, view, &scope);
    if blocks(step.severity) {
        out.blocking = failed.into_iter().next();
    } else {
        out.findings.extend(failed);
    }
    out
}
