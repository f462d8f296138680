//! Reports by mail. What is due follows from what has gone out, so that none is sent twice and none is forgotten,
//! whatever is killed meanwhile; from the outbox on it is a letter like any other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::outposts::Outposts;
use crate::lasting::{Lasting, Telling};
use crate::model::{Circular, JourneyMap, Snapshot};
use crate::report::{self, Every, Order, Period};
use crate::store::Refused;
use crate::words::Words;

const LOOKED_AT_EVERY: Duration = Duration::from_secs(15);

/// What they are made from, beside the store.
pub(super) struct Desk {
    pub(super) orders: Vec<Order>,
    pub(super) map: Arc<JourneyMap>,
    pub(super) snapshot: watch::Receiver<Arc<Snapshot>>,
}

impl Outposts {
    /// Puts reports into the outbox when they are due.
    pub(super) async fn report(self, desk: Desk, stop: CancellationToken) {
        let mut schedules: BTreeMap<String, Vec<&Order>> = BTreeMap::new();
        for order in &desk.orders {
            schedules.entry(order.schedule()).or_default().push(order);
        }
        let words = Words::new(desk.map.language);
        let mut failing: BTreeMap<&String, Lasting> = BTreeMap::new();
        while !schedules.is_empty() {
            // By a clock that is far ahead, reports of a time to come would go out, and those of that time never.
            if self.clock.doubt().is_none() {
                for (schedule, orders) in &schedules {
                    if let Some(Err(refused)) =
                        stop.run_until_cancelled(self.send_due(&desk, &words, (schedule, orders))).await
                    {
                        let error = super::chain(&refused);
                        if failing.entry(schedule).or_default().failed(&error, Instant::now()) == Telling::News {
                            tracing::warn!(%schedule, error, "A report cannot be made yet, it is tried again: {error}");
                        }
                    }
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(LOOKED_AT_EVERY)).await.is_none() {
                return;
            }
        }
    }

    async fn send_due(&self, desk: &Desk, words: &Words, (schedule, orders): (&str, &[&Order])) -> Result<(), Refused> {
        let upto = self.store.circulated(schedule).await?;
        let Some(every) = orders.first().map(|order| order.every) else { return Ok(()) };
        let Some(due) = report::due(every, upto, self.clock.now(), &desk.map.timezone) else { return Ok(()) };
        let mut circulars = Vec::new();
        for period in &due.periods {
            for order in orders {
                circulars.push(self.write(desk, words, (order, *period)).await?);
            }
        }
        let number = circulars.len();
        self.store.circulate(schedule, due.upto, circulars).await?;
        if number > 0 {
            let reports = if number == 1 { "1 report".to_owned() } else { format!("{number} reports") };
            tracing::info!(%schedule, number, "Wrote {reports}");
            self.bell.ring();
        }
        Ok(())
    }

    async fn write(&self, desk: &Desk, words: &Words, (order, period): (&Order, Period)) -> Result<Circular, Refused> {
        let now = self.clock.now();
        let report = report::read(&*self.store, &desk.map, words, period, &order.journeys, now).await?;
        let page = |path: String| self.base.as_ref().and_then(|base| base.join(&path).ok()).map(String::from);
        let link = page(format!("/reports/{}/{period}", period.every().as_str()));
        let mut walks = Vec::new();
        // The whole customer journey is walked once a quarter.
        if period.every() == Every::Quarter {
            let snapshot = Arc::clone(&desk.snapshot.borrow());
            for journey in &report.journeys {
                let readings = report::latest(&*self.store, &desk.map, &journey.id).await?;
                let link = page(format!("/reports/walk/{}", journey.id));
                walks.extend(report::walk::walk(&snapshot, &journey.id, &readings).map(|walk| (walk, link)));
            }
        }
        Ok(Circular {
            id: order.letter(period),
            receiver: order.by.clone(),
            at: now,
            headline: report::subject(&report, words),
            to: order.to.iter().cloned().collect(),
            text: report::text(&report, words, link.as_deref()) + &report::walk::text(&walks, words),
            html: report::html(&report, words, link.as_deref(), &walks),
        })
    }
}
