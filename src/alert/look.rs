//! How grave a notification looks: one scale for all receivers.

use crate::model::{Notification, NotificationKind, Severity, Storm};

/// How grave a notification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Somebody should get up.
    Grave,
    /// Somebody should look within days.
    Uneasy,
    Mended,
    /// Somebody has it.
    Answered,
    /// Nothing is so; we only try the way.
    Test,
}

impl Look {
    pub(super) const fn of(notification: &Notification) -> Self {
        match (notification.kind, notification.incident.severity) {
            (NotificationKind::Test, _) => Self::Test,
            (NotificationKind::Resolve, _) => Self::Mended,
            (NotificationKind::Acknowledge, _) => Self::Answered,
            (_, Severity::Page) => Self::Grave,
            (_, Severity::Ticket) => Self::Uneasy,
        }
    }

    pub(super) const fn of_storm(storm: &Storm) -> Self {
        match storm.severity {
            Some(Severity::Page) => Self::Grave,
            Some(Severity::Ticket) => Self::Uneasy,
            None => Self::Mended,
        }
    }

    /// Stands before a headline: a colour that does not need colour.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Grave => "🔴",
            Self::Uneasy => "🟠",
            Self::Mended => "✅",
            Self::Answered => "🙋",
            Self::Test => "🧪",
        }
    }

    /// `0xRRGGBB`
    pub(super) const fn color(self) -> u32 {
        match self {
            Self::Grave => 0x00b3_261e,
            Self::Uneasy => 0x00b2_6a00,
            Self::Mended => 0x001b_7f3b,
            Self::Answered => 0x0024_5fa8,
            Self::Test => 0x0045_5a8c,
        }
    }
}
