//! What is broken for whom, and what the broken have in common.

use super::{Words, title, touchpoint};
use crate::model::{Cause, Fact, FaultCode, Incident, JourneyMap, Severity};

impl Words {
    /// What is broken for whom: the first line of every alert.
    pub fn incident(&self, incident: &Incident, map: &JourneyMap) -> String {
        let tense = tense(incident);
        let what = match &incident.cause {
            Cause::Touchpoint(id) => {
                let slow = incident.fault.as_ref().is_some_and(|fault| fault.code == FaultCode::Latency);
                let how = match (incident.severity, slow) {
                    (_, true) => "slow",
                    (Severity::Page, false) => "down",
                    (Severity::Ticket, false) => "trouble",
                };
                let from = incident.only_from.iter();
                let from = self.list(from.map(|id| self.say("vantage").with("name", id.as_str()).to_string()));
                let key = if from.is_empty() { "incident-touchpoint" } else { "incident-touchpoint-from" };
                let told = self.say(key).with("place", touchpoint(id, map)).with("how", how).with("tense", tense);
                told.with("vantages", from).to_string()
            }
            Cause::Journey(id) => {
                return self.say("incident-journey").with("title", title(id, map)).with("tense", tense).to_string();
            }
            Cause::Objective(id) => {
                return self.say("incident-objective").with("title", title(id, map)).with("tense", tense).to_string();
            }
            Cause::Own(fault) => {
                return self.say("incident-own").with("what", self.own(*fault)).with("tense", tense).to_string();
            }
        };
        if incident.impacts.is_empty() {
            return what;
        }
        let hurt = self.list(incident.impacts.iter().map(|impact| self.quoted(title(&impact.journey, map))));
        self.say("incident-hurting").with("what", what).with("journeys", hurt).with("tense", tense).to_string()
    }

    /// A title among other words.
    pub fn quoted(&self, title: &str) -> String {
        self.say("quoted").with("title", title).to_string()
    }

    /// What the touchpoints of an incident have in common, and which they are.
    pub fn shared(&self, incident: &Incident, map: &JourneyMap) -> Option<String> {
        let shared = incident.shared.as_ref()?;
        let one = |key: &'static str, name: String| self.say(key).with("name", name).to_string();
        let what = match &shared.fact {
            Fact::Certificate { subject, .. } => {
                let refused = self.text(refused(incident.fault.as_ref().map(|fault| fault.code)));
                let name = common_name(subject).map_or_else(|| self.text("shared-nobody"), Into::into);
                self.say("shared-certificate").with("name", name).with("refused", refused).to_string()
            }
            Fact::NameServer(server) => one("shared-name-server", server.ip().to_string()),
            Fact::Name(name) => one("shared-name", name.to_string()),
            Fact::Machine(ip) => one("shared-machine", ip.to_string()),
            Fact::Server(address) => one("shared-server", address.to_string()),
            Fact::Host { host, code } => {
                self.say("shared-place").with("name", host.to_string()).with("what", self.code(*code)).to_string()
            }
        };
        let places = self
            .list(shared.shown_by.iter().map(|id| self.say("place").with("title", touchpoint(id, map)).to_string()));
        let told = self.say("shared-shown").with("what", what).with("places", places);
        Some(told.with("count", shared.shown_by.len()).to_string())
    }
}

/// Which form a sentence about an incident takes.
pub const fn tense(incident: &Incident) -> &'static str {
    if incident.closed.is_some() { "over" } else { "open" }
}

/// Why a certificate is refused, as a clause that follows it.
const fn refused(code: Option<FaultCode>) -> &'static str {
    match code {
        Some(FaultCode::CertExpired) => "refused-expired",
        Some(FaultCode::CertNotYetValid) => "refused-early",
        Some(FaultCode::CertSelfSigned) => "refused-unvouched",
        Some(FaultCode::CertUntrusted) => "refused-untrusted",
        Some(FaultCode::CertWrongHost) => "refused-wrong-host",
        Some(FaultCode::CertRevoked) => "refused-revoked",
        Some(FaultCode::ChainIncomplete) => "refused-incomplete",
        _ => "refused-wrong",
    }
}

/// Of `CN=*.example.com, O=Example` what people call it.
fn common_name(subject: &str) -> Option<&str> {
    let name = subject.split(',').find_map(|part| part.trim().strip_prefix("CN="));
    name.or((!subject.is_empty()).then_some(subject))
}
