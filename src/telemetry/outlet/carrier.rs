//! Offers a request to a collector until it is taken, refused or too old.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Deadline;
use super::answer::{Answer, Refusal};
use super::parcel::Parcel;
use super::tally::Counts;
use super::wire::Wire;
use crate::lasting::{Lasting, Telling};
use crate::telemetry::Signal;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// A collector may ask for more, and gets so much.
const ASKED_PAUSE_MAX: Duration = Duration::from_mins(5);
/// A collector that has refused nothing for so long takes everything.
const REFUSAL_OVER_AFTER: Duration = Duration::from_mins(1);

/// What became of a request, as far as those behind it have to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// Taken or refused: the collector is there.
    Done,
    /// It was not taken in the time that it had.
    TooOld,
    /// We end, and the collector is not there.
    TooLate,
}

pub(super) struct Carrier {
    wire: Arc<Wire>,
    signal: Signal,
    counts: Arc<Counts>,
    deadline: Deadline,
    away: Lasting,
    refusing: Lasting,
    /// When the collector wants to be asked again.
    not_before: Instant,
}

impl Carrier {
    pub(super) fn new(wire: Arc<Wire>, signal: Signal, counts: Arc<Counts>, deadline: Deadline) -> Self {
        let (away, refusing) = (Lasting::default(), Lasting::over_after(REFUSAL_OVER_AFTER));
        Self { wire, signal, counts, deadline, away, refusing, not_before: Instant::now() }
    }

    pub(super) fn is_ending(&self) -> bool {
        self.deadline.borrow().is_some() || self.deadline.has_changed().is_err()
    }

    /// None if the end comes before.
    pub(super) async fn unless_ending<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        let mut deadline = self.deadline.clone();
        tokio::select! {
            biased;
            _ = deadline.wait_for(Option::is_some) => None,
            done = what => Some(done),
        }
    }

    /// Tries until it is done, for `patience`; once more when that is over, and when we end.
    pub(super) async fn carry(&mut self, parcel: Parcel, patience: Duration) -> Carried {
        // What the last parcel was told holds for this one.
        self.unless_ending(tokio::time::sleep_until(self.not_before)).await;
        let until = Instant::now() + patience;
        let mut pause = FIRST_PAUSE;
        loop {
            let (text, asked) = match self.offer(&parcel).await {
                Ok(answer) => return self.taken(&parcel, &answer),
                Err(Refusal::Refused(text)) => return self.refused(&parcel, &text),
                Err(Refusal::Busy { text, after }) => (text, after),
                Err(Refusal::Unreachable(text)) => (text, None),
            };
            self.away(&text);
            if self.is_ending() {
                self.counts.fail(parcel.items);
                return Carried::TooLate;
            }
            let now = Instant::now();
            self.not_before = now + asked.unwrap_or_default().min(ASKED_PAUSE_MAX);
            if now >= until {
                self.counts.fail(parcel.items);
                return Carried::TooOld;
            }
            // Who asks for no time at all has no less to do for that.
            let next = (now + jittered(pause)).min(until).max(self.not_before);
            pause = (pause * 2).min(PAUSE_MAX);
            self.unless_ending(tokio::time::sleep_until(next)).await;
        }
    }

    pub(super) fn give_up(&self, items: u64) {
        self.counts.fail(items);
    }

    /// One attempt, which the end cuts off.
    async fn offer(&self, parcel: &Parcel) -> Result<Answer, Refusal> {
        let mut deadline = self.deadline.clone();
        let over = async {
            // If whoever could still tell us when is gone, it is over at once.
            if let Ok(Some(at)) = deadline.wait_for(Option::is_some).await.map(|at| *at) {
                tokio::time::sleep_until(at).await;
            }
        };
        tokio::select! {
            answer = self.wire.send(self.signal, parcel.body.clone()) => answer,
            () = over => Err(Refusal::Unreachable("no time was left".to_owned())),
        }
    }

    fn taken(&mut self, parcel: &Parcel, answer: &Answer) -> Carried {
        let refused = answer.refused.min(parcel.items);
        self.counts.refuse(refused);
        self.counts.sent(parcel.items - refused);
        self.answered();
        if refused > 0 {
            return self.note_refusal(refused, &answer.message);
        }
        let (collector, signal) = (self.wire.shown(), self.signal.label());
        if !answer.message.is_empty() {
            tracing::debug!(collector, signal, "{collector} takes {signal}, and remarks: {}", answer.message);
        }
        if let Some(times) = self.refusing.went_well(Instant::now()) {
            tracing::info!(collector, signal, times, "{collector} refuses no {signal} any more");
        }
        Carried::Done
    }

    fn refused(&mut self, parcel: &Parcel, text: &str) -> Carried {
        self.counts.refuse(parcel.items);
        self.answered();
        self.note_refusal(parcel.items, text)
    }

    fn answered(&mut self) {
        if let Some(times) = self.away.worked() {
            let (collector, signal) = (self.wire.shown(), self.signal.label());
            tracing::info!(collector, signal, times, "{collector} answers to {signal} again");
        }
    }

    fn note_refusal(&mut self, items: u64, text: &str) -> Carried {
        if self.refusing.failed(text, Instant::now()) == Telling::News {
            let (collector, signal, what) = (self.wire.shown(), self.signal.label(), self.signal.items());
            tracing::warn!(collector, signal, items, "{collector} refuses {what}, which are lost: {text}");
        }
        Carried::Done
    }

    fn away(&mut self, text: &str) {
        if self.away.failed(text, Instant::now()) == Telling::News {
            let (collector, signal) = (self.wire.shown(), self.signal.label());
            tracing::warn!(collector, signal, "{collector} takes no {signal} at present, they wait: {text}");
        }
    }
}

/// Between half of it and all: many daemons must not come back to their collector at one moment.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + 0.5 * rand::random::<f64>())
}
