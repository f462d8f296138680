//! Sends what the store will not take: about ourselves only, straight from memory.

use std::collections::BTreeMap;

use futures::future;

use crate::alert::send::Sender;
use crate::alert::{Attempt, Settings};
use crate::clock::Clock;
use crate::model::Notification;

/// The way out when the outbox is shut. The same message may go out again once the store works, with the same id.
pub struct Direct {
    settings: Settings,
    clock: Clock,
    sender: Sender,
}

impl Direct {
    /// # Errors
    /// If this machine's trusted certificates cannot be read.
    pub fn new(
        settings: Settings,
        clock: Clock,
        environment: BTreeMap<String, String>,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self { settings, clock, sender: Sender::new(environment)? })
    }

    /// One attempt for each; those that were not taken, to be tried again, and why in one line.
    pub async fn send(&self, notifications: Vec<Notification>) -> Vec<(Notification, String)> {
        let attempts = notifications.into_iter().map(async |notification| {
            let receiver = self.settings.receivers.get(&notification.receiver)?;
            let attempt = Attempt::first(self.clock.now());
            let request = receiver.render(&notification, &attempt);
            match self.sender.send(receiver, request, attempt.at).await {
                Ok(_) => None,
                Err(failure) => Some((notification, failure.text().to_owned())),
            }
        });
        future::join_all(attempts).await.into_iter().flatten().collect()
    }
}
