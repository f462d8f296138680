//! Faults that say nothing, because we cannot believe ourselves. Pure.

use super::Stop;
use super::standstill::Loss;
use crate::clock::Clock;
use crate::model::{Fault, FaultCode, SelfFault};

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
        | FaultCode::Reset => true,
        FaultCode::Expectation => is_of(fault, "latency"),
        _ => false,
    }
}

fn is_of(fault: &Fault, field: &str) -> bool {
    fault.evidence.as_ref().is_some_and(|seen| seen.of.starts_with(field))
}
