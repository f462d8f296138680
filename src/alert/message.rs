//! What people read, of one notification or of a storm: chats render nothing else.

use jiff::Timestamp;

use crate::alert::look::Look;
use crate::alert::notification_id;
use crate::model::{Notification, NotificationKind, Storm};

/// One message to people.
#[derive(Clone, Debug)]
pub(super) struct Message<'a> {
    /// Equal for every attempt.
    pub(super) id: &'a str,
    pub(super) at: Timestamp,
    pub(super) look: Look,
    pub(super) weight: Weight,
    pub(super) headline: &'a str,
    pub(super) lines: &'a [String],
    /// Where it leads, and what is said of that place.
    pub(super) link: Option<(&'a str, &'static str)>,
    pub(super) trace_link: Option<&'a str>,
    /// What it is about, for who looks it up.
    pub(super) about: String,
    /// The id of the opening, if this follows one.
    pub(super) follows: Option<String>,
}

/// Whom it should reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Alarm,
    /// What became of an alarm: news to all who heard it.
    News,
    /// Known already; nobody needs to be disturbed.
    Reminder,
}

impl<'a> Message<'a> {
    pub(super) fn of(notification: &'a Notification) -> Self {
        let incident = notification.incident.id;
        // The opening's id is known without having seen it: the same hash over the first version.
        let opening = notification_id(incident, 1, NotificationKind::Open, 0, &notification.receiver);
        Self {
            id: &notification.id,
            at: notification.at,
            look: Look::of(notification),
            weight: match notification.kind {
                NotificationKind::Open | NotificationKind::Test => Weight::Alarm,
                NotificationKind::Update | NotificationKind::Escalate | NotificationKind::Resolve => Weight::News,
                NotificationKind::Remind | NotificationKind::Acknowledge => Weight::Reminder,
            },
            headline: &notification.headline,
            lines: &notification.lines,
            link: notification.link.as_deref().map(|link| (link, "Open the incident")),
            trace_link: notification.trace_link.as_deref(),
            about: format!("Incident {incident}"),
            follows: (notification.id != opening).then_some(opening),
        }
    }

    pub(super) fn of_storm(storm: &'a Storm) -> Self {
        Self {
            id: &storm.id,
            at: storm.at,
            look: Look::of_storm(storm),
            weight: Weight::Alarm,
            headline: &storm.headline,
            lines: &storm.lines,
            link: storm.link.as_deref().map(|link| (link, "Open the page")),
            trace_link: None,
            about: format!("{} incidents", storm.incidents),
            follows: None,
        }
    }
}
