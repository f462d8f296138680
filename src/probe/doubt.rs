//! Faults that say nothing, because we cannot believe ourselves. Pure.

use std::time::Duration;

use tokio::time::Instant;

use super::Stop;
use super::standstill::Loss;
use crate::clock::Clock;
use crate::model::{Fault, FaultCode, SelfFault};

/// Whoever waited for one part in so many of his time had too little of it.
const SPOILS: f64 = 4.0;

/// What of a run went by waiting for something of ours.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waited {
    spent: Duration,
    until: Option<Instant>,
}

impl Waited {
    pub(super) fn add(&mut self, from: Instant, until: Instant) {
        self.spent += until - from;
        self.until = Some(until);
    }

    /// As much of it as was after that moment.
    pub(super) fn since(self, moment: Instant) -> Duration {
        self.until.map_or(Duration::ZERO, |until| self.spent.min(until.saturating_duration_since(moment)))
    }
}

/// With a clock that is wrong, nobody can tell whether a certificate is valid; nor whether somebody was in time, if we
/// were not there to see it. `losses` are those of the step and of the run.
pub(super) fn excuse(stop: Stop, clock: &Clock, losses: [Loss; 2]) -> Stop {
    let Stop::Fault(fault) = &stop else { return stop };
    let spoilt = || losses.into_iter().find(|loss| loss.spoils()).map(Loss::words);
    let (why, doubt) = if hangs_on_the_date(fault) {
        let doubt = clock.doubt().map(|why| format!("our clock cannot be believed: {why}"));
        (SelfFault::Clock, doubt)
    } else if hangs_on_time(fault) {
        (SelfFault::Late, spoilt())
    } else {
        return stop;
    };
    match doubt {
        Some(doubt) => Stop::Own(why, format!("{fault}; but {doubt}")),
        None => stop,
    }
}

/// Nobody had enough time who was let in late: who `waited` for something of ours, of the time that began at `since` and is
/// up at `limit`.
pub(super) fn let_in_late(stop: Stop, (waited, since): (Waited, Instant), limit: Instant) -> Stop {
    let (waited, allowed) = (waited.since(since), limit.saturating_duration_since(since));
    match stop {
        Stop::Fault(fault) if waited.as_secs_f64() * SPOILS >= allowed.as_secs_f64() && hangs_on_time(&fault) => {
            let (waited, allowed) = (waited.as_secs_f64(), allowed.as_secs_f64());
            let why = format!(
                "{fault}; but it waited {waited:.1} s of its {allowed:.1} s for a browser of ours: let there be more \
                 (`browser: {{ at_most: … }}`), or runs be rarer"
            );
            Stop::Own(SelfFault::Late, why)
        }
        stop => stop,
    }
}

/// Whether what is wrong depends on today's date: a certificate's dates, or how long it is still valid.
fn hangs_on_the_date(fault: &Fault) -> bool {
    match fault.code {
        FaultCode::CertExpired | FaultCode::CertNotYetValid => true,
        FaultCode::Expectation => is_of(fault, "certificate"),
        _ => false,
    }
}

/// Whether what is wrong depends on how long something took, by our reckoning or by that of somebody who waited for us.
fn hangs_on_time(fault: &Fault) -> bool {
    match fault.code {
        FaultCode::Timeout
        | FaultCode::DnsTimeout
        | FaultCode::ProxyTimeout
        | FaultCode::SmtpGreetingTimeout
        | FaultCode::SipTimeout
        | FaultCode::SipUnanswered
        | FaultCode::MailMissing
        | FaultCode::Latency
        | FaultCode::ConnectReset
        | FaultCode::Reset
        // Not there in time, on a page that had no time itself.
        | FaultCode::ElementMissing
        | FaultCode::ElementHidden
        | FaultCode::ElementDisabled
        | FaultCode::ElementMoving
        | FaultCode::ElementCovered
        | FaultCode::NoEffect => true,
        FaultCode::Expectation => TIMES.iter().any(|field| is_of(fault, field)),
        _ => false,
    }
}

/// Fields that are measured over a stretch of time.
const TIMES: [&str; 6] = ["latency", "lcp", "cls", "inp", "fcp", "ttfb"];

fn is_of(fault: &Fault, field: &str) -> bool {
    fault.evidence.as_ref().is_some_and(|seen| seen.of.starts_with(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_there_in_time_is_doubted_and_what_was_wrong_is_not() {
        let second = Duration::from_secs(1);
        let stood_still = [Loss { lost: second, of: 2 * second }, Loss { lost: Duration::ZERO, of: 9 * second }];
        let doubted = |code| {
            let stop = Stop::from(Fault::new(code, "it is not there"));
            matches!(excuse(stop, &Clock::system(), stood_still), Stop::Own(SelfFault::Late, _))
        };
        assert!([FaultCode::Timeout, FaultCode::ElementMissing, FaultCode::NoEffect].into_iter().all(doubted));
        assert!(![FaultCode::Status, FaultCode::ScriptError, FaultCode::ConnectRefused].into_iter().any(doubted));
    }
    #[test]
    fn who_was_let_in_late_is_only_excused_if_it_was_by_much() {
        let doubted = |code, waited| {
            let stop = Stop::from(Fault::new(code, "it is not there"));
            let begun = Instant::now();
            let mut late = Waited::default();
            late.add(begun, begun + Duration::from_millis(waited));
            let stop = let_in_late(stop, (late, begun), begun + Duration::from_secs(4));
            matches!(stop, Stop::Own(SelfFault::Late, text) if text.contains("4.0 s for a browser of ours"))
        };
        assert!(doubted(FaultCode::Timeout, 1000) && doubted(FaultCode::ElementMissing, 3000));
        assert!(!doubted(FaultCode::Timeout, 999) && !doubted(FaultCode::Status, 3000));
        // Before a step that has a time of its own nobody has waited in it.
        let (mut late, begun) = (Waited::default(), Instant::now());
        late.add(begun, begun + Duration::from_secs(3));
        assert_eq!(late.since(begun + Duration::from_secs(3)), Duration::ZERO);
        assert_eq!(late.since(begun + Duration::from_secs(1)), Duration::from_secs(2));
    }
}
