//! What people ask for: it goes through the board and the commit like everything else.

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::keeper::Tell;
use crate::model::{Incident, IncidentId, Silence};
use crate::web::{self, Answer};

/// Hands on what the pages and the API are asked for.
pub(super) struct Desk(pub(super) mpsc::UnboundedSender<Tell>);

#[async_trait]
impl web::Desk for Desk {
    async fn acknowledge(&self, incident: IncidentId, by: String, why: Option<String>) -> Answer {
        let (answer, heard) = oneshot::channel();
        self.0.send(Tell::Acknowledge(Acknowledge { incident, by, why, answer })).ok();
        heard.await.unwrap_or_else(|_| Answer::Refused("the daemon is stopping".to_owned()))
    }

    fn silenced(&self, silence: Silence) {
        self.0.send(Tell::Silence(silence)).ok();
    }
}

/// Somebody has an incident.
#[derive(Debug)]
pub(super) struct Acknowledge {
    pub(super) incident: IncidentId,
    pub(super) by: String,
    pub(super) why: Option<String>,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// Those who wait until what they asked for is on disk.
#[derive(Default)]
pub(super) struct Waiting(Vec<(IncidentId, Timestamp, oneshot::Sender<Answer>)>);

impl Waiting {
    /// `changed` is the incident as it is now, if there is one to change.
    pub(super) fn await_commit(&mut self, changed: Option<&Incident>, answer: oneshot::Sender<Answer>) {
        match changed.and_then(|incident| Some((incident.id, incident.acknowledged.as_ref()?.at))) {
            Some((incident, at)) => self.0.push((incident, at, answer)),
            None => _ = answer.send(Answer::Over),
        }
    }

    /// These are on disk.
    pub(super) fn durable(&mut self, incidents: &[Incident]) {
        let holds = |id: IncidentId, at: Timestamp| {
            let known = incidents.iter().find(|incident| incident.id == id);
            known.and_then(|incident| incident.acknowledged.as_ref()).is_some_and(|said| said.at >= at)
        };
        for (incident, at, answer) in std::mem::take(&mut self.0) {
            if holds(incident, at) {
                answer.send(Answer::Done).ok();
            } else {
                self.0.push((incident, at, answer));
            }
        }
    }

    pub(super) fn refused(&mut self, text: &str) {
        self.0.drain(..).for_each(|(.., answer)| _ = answer.send(Answer::Refused(text.to_owned())));
    }
}
