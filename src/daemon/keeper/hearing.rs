//! What the rest of the daemon tells the board.

use std::sync::Arc;

use super::{Keeper, Tell};
use crate::daemon::desk::Acknowledge;

impl Keeper {
    pub(super) async fn hear(&mut self, tell: Tell) {
        let now = self.clock.now();
        let mut known = Vec::new();
        let changes = match tell {
            Tell::Reload { map, alerts } => {
                self.map = Arc::clone(&map);
                self.alerts = alerts;
                self.out.metrics.keep(&map);
                self.out.exporter.keep(&map);
                self.journal.keep(&map);
                known = self.doubt.clear();
                self.board.reload(map, now)
            }
            Tell::Trouble(what, text) => self.board.trouble(what, &text, now),
            Tell::Well(what) => self.board.well(what, now),
            Tell::Spent(journey, spent) => {
                self.board.recall_spending(&journey, &spent);
                Vec::new()
            }
            Tell::Canaries(vantage, bell) => {
                self.doubt.hang(vantage, bell);
                Vec::new()
            }
            Tell::Blind { vantage, why, asked } => {
                known = self.doubt.asked(asked);
                self.board.blind(&vantage, &why, now)
            }
            Tell::Sees { vantage, asked } => {
                known = self.doubt.asked(asked);
                self.board.sees(&vantage, now)
            }
            Tell::Acknowledge(Acknowledge { incident, by, why, answer }) => {
                let changes = self.board.acknowledge(incident, &by, why.as_deref(), now);
                self.waiting.await_commit(self.board.incidents().find(|open| open.id == incident), answer);
                changes
            }
            Tell::Silence(silence) => {
                self.silences.retain(|known| known.id != silence.id);
                self.silences.push(silence);
                Vec::new()
            }
        };
        self.conclude(changes).await;
        self.take(&mut known).await;
        self.publish();
    }
}
