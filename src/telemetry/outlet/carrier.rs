//! Offers a request to a collector until it is taken, refused or too old.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Deadline;
use super::answer::{Answer, Refusal};
use super::parcel::Parcel;
use super::tally::Counts;
use super::wire::Wire;
use crate::telemetry::Signal;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// A collector may ask for more, and gets so much.
const ASKED_PAUSE_MAX: Duration = Duration::from_mins(5);

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

/// What a collector was like when it was last asked; so that a change is said once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Well,
    Refusing,
    Away,
}

pub(super) struct Carrier {
    wire: Arc<Wire>,
    signal: Signal,
    counts: Arc<Counts>,
    deadline: Deadline,
    standing: Standing,
}

impl Carrier {
    pub(super) fn new(wire: Arc<Wire>, signal: Signal, counts: Arc<Counts>, deadline: Deadline) -> Self {
        Self { wire, signal, counts, deadline, standing: Standing::Well }
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

    /// Tries until it is done, for at most `patience`; once more when we end.
    pub(super) async fn carry(&mut self, parcel: Parcel, patience: Duration) -> Carried {
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
            let wait = asked.map_or_else(|| jittered(pause), |asked| asked.min(ASKED_PAUSE_MAX));
            pause = (pause * 2).min(PAUSE_MAX);
            if Instant::now() + wait > until {
                self.unless_ending(tokio::time::sleep_until(until)).await;
                if !self.is_ending() {
                    self.counts.fail(parcel.items);
                    return Carried::TooOld;
                }
            } else {
                self.unless_ending(tokio::time::sleep(wait)).await;
            }
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
        if refused > 0 {
            return self.note_refusal(refused, &answer.message);
        }
        if self.standing == Standing::Away {
            let (collector, signal) = (self.wire.shown(), self.signal.label());
            tracing::info!(collector, signal, "{collector} takes {signal} again");
        }
        self.standing = Standing::Well;
        Carried::Done
    }

    fn refused(&mut self, parcel: &Parcel, text: &str) -> Carried {
        self.counts.refuse(parcel.items);
        self.note_refusal(parcel.items, text)
    }

    fn note_refusal(&mut self, items: u64, text: &str) -> Carried {
        if self.standing != Standing::Refusing {
            let (collector, signal, what) = (self.wire.shown(), self.signal.label(), self.signal.items());
            tracing::warn!(collector, signal, items, "{collector} refuses {what}, which are lost: {text}");
        }
        self.standing = Standing::Refusing;
        Carried::Done
    }

    fn away(&mut self, text: &str) {
        if self.standing != Standing::Away {
            let (collector, signal) = (self.wire.shown(), self.signal.label());
            tracing::warn!(collector, signal, "{collector} takes no {signal} at present, they wait: {text}");
        }
        self.standing = Standing::Away;
    }
}

/// Between half of it and all: many daemons must not come back to their collector at one moment.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + 0.5 * rand::random::<f64>())
}
