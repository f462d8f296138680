//! `reports:` as it is written: who gets which report, how often, and by whose mail.

use std::collections::BTreeSet;

use lettre::message::Mailbox;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::alert::Receiver;
use crate::config::build::Read;
use crate::config::decode::{At, Desk, Kept};
use crate::config::names::dangling;
use crate::model::JourneyId;
use crate::report::{Every, Order};

/// How journeys went, by mail: on the first day after each week, month or quarter, at 7 o'clock.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReport {
    /// `week`, `month` or `quarter`.
    every: Kept<Every>,
    /// A receiver of `alerts:` that sends mail: its server and sender are used.
    by: At<String>,
    /// Mail addresses; those of the receiver, if absent.
    to: Option<Vec<At<String>>>,
    /// All, if absent.
    journeys: Option<Vec<At<String>>>,
}

/// The reports of the configuration, with what is wrong of them reported.
pub(super) fn orders(read: &Read<'_>) -> Vec<Order> {
    let Some(stands) = &read.top.reports else { return Vec::new() };
    let mut orders: Vec<Order> = Vec::new();
    for raw in stands.value.iter().flatten().filter_map(|kept| kept.value.as_ref()) {
        check_receiver(read, stands.desk, raw);
        check_addresses(stands.desk, raw);
        check_journeys(read, stands.desk, raw);
        let Some(every) = raw.every.value else { continue };
        let texts =
            |list: &Option<Vec<At<String>>>| list.iter().flatten().map(|at| at.value.clone()).collect::<BTreeSet<_>>();
        let order = Order {
            every,
            by: raw.by.value.clone(),
            to: texts(&raw.to),
            journeys: texts(&raw.journeys).iter().map(|id| JourneyId::new(id)).collect(),
        };
        if orders.contains(&order) {
            let text = format!("the same report goes to the same people already, every {}", every.as_str());
            stands.desk.report(stands.desk.source.problem(raw.by.place, text).hint("remove one"));
        }
        orders.push(order);
    }
    orders
}

fn check_receiver(read: &Read<'_>, desk: Desk<'_>, raw: &RawReport) {
    // Where `alerts:` was not understood, what it names is not known.
    let alerts = read.top.alerts.as_ref();
    if alerts.is_some_and(|alerts| alerts.value.is_none()) {
        return;
    }
    let receivers = alerts.and_then(|alerts| alerts.value.as_ref()).map(|settings| &settings.receivers);
    let known = || receivers.into_iter().flatten();
    let mails =
        || known().filter(|(_, receiver)| matches!(receiver, Receiver::Email(_))).map(|(name, _)| name.as_str());
    match known().find(|(name, _)| **name == raw.by.value) {
        Some((_, Receiver::Email(_))) => {}
        Some((_, other)) => {
            let text = format!("`{}` sends no mail: it is a receiver of `{}`", raw.by.value, other.key());
            let problem = desk.source.problem(raw.by.place, text);
            let names: Vec<String> = mails().map(|name| format!("`{name}`")).collect();
            desk.report(if names.is_empty() {
                problem.hint("add a receiver with `email:`")
            } else {
                problem.hint(format!("mail is sent by {}", names.join(", ")))
            });
        }
        None => {
            dangling(&desk, raw.by.place, format!("no receiver is called `{}`", raw.by.value), &raw.by.value, mails());
        }
    }
}

fn check_addresses(desk: Desk<'_>, raw: &RawReport) {
    if raw.to.as_ref().is_some_and(Vec::is_empty) {
        let problem = desk.source.problem(raw.by.place, "a report to nobody is read by nobody");
        desk.report(problem.hint("name some in `to`, or leave it out: then those whom the receiver names get it"));
    }
    for to in raw.to.iter().flatten().filter(|to| to.value.parse::<Mailbox>().is_err()) {
        desk.report(desk.source.problem(to.place, format!("`{}` is not a mail address", to.value)));
    }
}

fn check_journeys(read: &Read<'_>, desk: Desk<'_>, raw: &RawReport) {
    if raw.journeys.as_ref().is_some_and(Vec::is_empty) {
        let problem = desk.source.problem(raw.by.place, "a report about no journey says nothing");
        desk.report(problem.hint("name some in `journeys`, or leave it out: then it is about all"));
    }
    let Some(journeys) = &read.top.journeys else { return };
    for id in raw.journeys.iter().flatten().filter(|id| journeys.node.get(&id.value).is_none()) {
        let known: Vec<String> = journeys.node.entries().iter().filter_map(|entry| entry.key.text()).collect();
        let wrong = format!("there is no journey `{}`", id.value);
        dangling(&desk, id.place, wrong, &id.value, known.iter().map(String::as_str));
    }
}
