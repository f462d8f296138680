//! What can go wrong at the demo company.

/// What goes wrong at a touchpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every answer is a 500.
    Broken,
    /// Every answer comes later, see [`super::stand::SLOW`].
    Slow,
    /// Connections are accepted, and nothing follows.
    Hangs,
    /// Connections are reset.
    Drops,
    ExpiredCertificate,
    WrongPrice,
    WrongName,
    /// Names outside Latin-1 are question marks; all others are right.
    GarbledName,
    WrongHours,
    /// The chat opens, and its bot does not answer; telephones are not told anything.
    Silent,
    LongQueue,
    BadReviews,
    /// The telephone rings, and nobody takes it.
    NoAnswer,
    Busy,
    RefusesSignIn,
    /// Mails are not sent.
    Missing,
    /// Mails and notices are sent later.
    Late,
    WrongAmount,
    DkimFail,
    TooMany,
    /// An offer of what was just bought.
    Careless,
    /// The click's campaign does not reach the landing page.
    CampaignLost,
    /// A picture is gone: the card's, the article's.
    NoPicture,
    WrongLogo,
    BadRating,
    /// The file by which iOS knows the app is a page.
    LinksBroken,
    /// Whoever connects is sent away.
    Refuses,
    /// The push gateway does not take the company's key.
    RefusesKey,
    /// What was taken is not delivered.
    Lost,
    /// A page's script stops with an error when its button is pressed.
    ScriptError,
    /// The button is there long before the script without which it does nothing.
    LateHydration,
    /// A picture for which no room was kept pushes the page down.
    LayoutShift,
    /// A link at the foot of every page leads nowhere.
    DeadLink,
    /// On a phone, the question about cookies lies over the button and cannot be answered.
    CoveredButton,
    /// Somebody else's script keeps the page blank.
    SlowThirdParty,
    /// On a phone, half of the page is beyond the edge of the screen.
    PhoneLayout,
}

impl Fault {
    pub const fn id(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Slow => "slow",
            Self::Hangs => "hangs",
            Self::Drops => "drops",
            Self::ExpiredCertificate => "expired-certificate",
            Self::WrongPrice => "wrong-price",
            Self::WrongName => "wrong-name",
            Self::GarbledName => "garbled-name",
            Self::WrongHours => "wrong-hours",
            Self::Silent => "silent",
            Self::LongQueue => "long-queue",
            Self::BadReviews => "bad-reviews",
            Self::NoAnswer => "no-answer",
            Self::Busy => "busy",
            Self::RefusesSignIn => "refuses-sign-in",
            Self::Missing => "missing",
            Self::Late => "late",
            Self::WrongAmount => "wrong-amount",
            Self::DkimFail => "dkim-fail",
            Self::TooMany => "too-many",
            Self::Careless => "careless",
            Self::CampaignLost => "campaign-lost",
            Self::NoPicture => "no-picture",
            Self::WrongLogo => "wrong-logo",
            Self::BadRating => "bad-rating",
            Self::LinksBroken => "links-broken",
            Self::Refuses => "refuses",
            Self::RefusesKey => "refuses-key",
            Self::Lost => "lost",
            Self::ScriptError => "script-error",
            Self::LateHydration => "late-hydration",
            Self::LayoutShift => "layout-shift",
            Self::DeadLink => "dead-link",
            Self::CoveredButton => "covered-button",
            Self::SlowThirdParty => "slow-third-party",
            Self::PhoneLayout => "phone-layout",
        }
    }
}
