//! Where the demo company meets its customers, and what they say when something is broken there.

use std::fmt;

use super::fault::Fault;

/// What can be broken, and what a customer says about it.
pub type Complaint = (Fault, &'static str);

/// A place where Halcyon Mobile meets its customers; each is a server with a port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touchpoint {
    Web,
    Shop,
    Billing,
    App,
    Chat,
    Reviews,
    Phone,
    Email,
    Ads,
    Social,
    Store,
    Notices,
    Push,
}

impl Touchpoint {
    pub const ALL: [Self; 13] = [
        Self::Web,
        Self::Shop,
        Self::Billing,
        Self::App,
        Self::Chat,
        Self::Reviews,
        Self::Phone,
        Self::Email,
        Self::Ads,
        Self::Social,
        Self::Store,
        Self::Notices,
        Self::Push,
    ];

    /// The stem of its file in `probes/`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Shop => "shop",
            Self::Billing => "billing",
            Self::App => "app",
            Self::Chat => "chat",
            Self::Reviews => "reviews",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Ads => "ads",
            Self::Social => "social",
            Self::Store => "store",
            Self::Notices => "notices",
            Self::Push => "push",
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Web => "Web site",
            Self::Shop => "Shop",
            Self::Billing => "Bills and payments",
            Self::App => "App",
            Self::Chat => "Chat",
            Self::Reviews => "Reviews",
            Self::Phone => "Call centre",
            Self::Email => "Mail",
            Self::Ads => "Ads",
            Self::Social => "Social profile",
            Self::Store => "App store",
            Self::Notices => "Live notices",
            Self::Push => "Push messages",
        }
    }

    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|touchpoint| touchpoint.id() == id)
    }

    /// What can be broken here. The first one is meant when none is named.
    pub const fn faults(self) -> &'static [Complaint] {
        match self {
            Self::Web => WEB,
            Self::Shop => SHOP,
            Self::Billing => BILLING,
            Self::App => APP,
            Self::Chat => CHAT,
            Self::Reviews => REVIEWS,
            Self::Phone => PHONE,
            Self::Email => EMAIL,
            Self::Ads => ADS,
            Self::Social => SOCIAL,
            Self::Store => STORE,
            Self::Notices => NOTICES,
            Self::Push => PUSH,
        }
    }
}

impl fmt::Display for Touchpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

const WEB: &[Complaint] = &[
    (Fault::Broken, "Every page says that something went wrong"),
    (Fault::Slow, "Every page keeps me waiting"),
    (Fault::Hangs, "Pages never finish loading"),
    (Fault::Drops, "My browser says the connection was reset"),
    (Fault::WrongPrice, "The ad says one price, the shop another"),
    (Fault::WrongHours, "I rang within the opening hours and nobody was there"),
];

const SHOP: &[Complaint] = &[
    (Fault::Broken, "I cannot order: the shop says that something went wrong"),
    (Fault::Slow, "Every step to the checkout keeps me waiting"),
    (Fault::Hangs, "The checkout never finishes loading"),
    (Fault::Drops, "The connection breaks off while I order"),
    (Fault::WrongPrice, "The shop wants 5 € more than the ad promised"),
    (Fault::ScriptError, "I press the order button, and nothing happens"),
    (Fault::LateHydration, "The order button is dead at first. I gave up"),
    (Fault::CoveredButton, "On my phone the cookies lie over the button"),
    (Fault::PhoneLayout, "On my phone I cannot find the order button"),
    (Fault::LayoutShift, "The page jumped, and I pressed something else"),
    (Fault::NoPicture, "Where the picture should be is a grey box"),
    (Fault::DeadLink, "The terms lead to a page that is not there"),
    (Fault::SlowThirdParty, "The page stays white for seconds"),
];

const BILLING: &[Complaint] = &[
    (Fault::Broken, "I can neither see nor pay my bill"),
    (Fault::Slow, "My bill takes ages to open"),
    (Fault::Hangs, "The billing portal never finishes loading"),
    (Fault::Drops, "The billing portal breaks off the connection"),
    (Fault::ExpiredCertificate, "My browser warns me not to enter the billing portal"),
    (Fault::WrongPrice, "My bill is 5 € higher than agreed"),
    (Fault::WrongName, "They call me John. I am not John"),
    (Fault::GarbledName, "I am 李伟, and my bill says: Dear ??"),
    (Fault::ScriptError, "I press sign in, and nothing happens"),
];

const APP: &[Complaint] = &[
    (Fault::Broken, "The app opens with an error"),
    (Fault::Slow, "The app takes ages to open"),
    (Fault::Hangs, "The app shows a spinner and nothing else"),
    (Fault::Drops, "The app says that I am offline, and I am not"),
    (Fault::WrongPrice, "The app shows another price than the shop"),
    (Fault::WrongName, "The app greets me as John. I am not John"),
];

const CHAT: &[Complaint] = &[
    (Fault::Broken, "The chat window does not open"),
    (Fault::Slow, "The chat takes its time with every answer"),
    (Fault::Hangs, "The chat window stays blank"),
    (Fault::Drops, "The chat loses its connection at once"),
    (Fault::Silent, "The chat opens, but nobody answers"),
    (Fault::LongQueue, "There are forty customers before me"),
    (Fault::ScriptError, "I type my question, and it goes nowhere"),
];

const REVIEWS: &[Complaint] = &[
    (Fault::Broken, "The reviews do not open"),
    (Fault::Slow, "The reviews keep me waiting"),
    (Fault::Hangs, "The reviews never finish loading"),
    (Fault::Drops, "The reviews break off the connection"),
    (Fault::BadReviews, "Everybody is angry: 2.1 stars"),
];

const PHONE: &[Complaint] = &[
    (Fault::NoAnswer, "It rings and rings, and nobody answers"),
    (Fault::Busy, "The line is always busy"),
    (Fault::Slow, "It takes ages until somebody answers"),
    (Fault::Broken, "A voice says that my call cannot be completed"),
    (Fault::Hangs, "I dial, and the line stays silent"),
    (Fault::Drops, "I dial, and the line is cut"),
    (Fault::RefusesSignIn, "My phone says that it is not registered"),
    (Fault::WrongHours, "The announcement says one thing, the web site another"),
];

const EMAIL: &[Complaint] = &[
    (Fault::Missing, "I have ordered, and no confirmation came"),
    (Fault::Late, "The confirmation came when I had given up"),
    (Fault::WrongName, "They write to John. I am not John"),
    (Fault::WrongAmount, "The mail says 5 € more than the checkout"),
    (Fault::DkimFail, "My mail program warns me: this mail may be forged"),
    (Fault::TooMany, "Five offers with every order"),
    (Fault::Careless, "They recommend the plan that I have just bought"),
];

const ADS: &[Complaint] = &[
    (Fault::Broken, "I clicked on the ad and got an error"),
    (Fault::Slow, "The ad's page keeps me waiting"),
    (Fault::Hangs, "The ad's page never finishes loading"),
    (Fault::Drops, "The ad leads to a broken connection"),
    (Fault::CampaignLost, "We no longer know which ad people came from"),
    (Fault::WrongPrice, "The ad promises another price than the shop"),
];

const SOCIAL: &[Complaint] = &[
    (Fault::Broken, "The profile does not open"),
    (Fault::Slow, "The profile keeps me waiting"),
    (Fault::Hangs, "The profile never finishes loading"),
    (Fault::Drops, "The profile breaks off the connection"),
    (Fault::NoPicture, "I shared the link, and there is no picture"),
    (Fault::WrongLogo, "Is that you? The logo is another one"),
];

const STORE: &[Complaint] = &[
    (Fault::Broken, "The store does not show the app"),
    (Fault::Slow, "The store's page keeps me waiting"),
    (Fault::Hangs, "The store's page never finishes loading"),
    (Fault::Drops, "The store breaks off the connection"),
    (Fault::BadRating, "After the update everybody gives one star: 2.3"),
    (Fault::LinksBroken, "Links open in the browser, not in the app"),
];

const NOTICES: &[Complaint] = &[
    (Fault::Silent, "My phone is never told what became of my order"),
    (Fault::Late, "The notice came when I had looked it up myself"),
    (Fault::WrongName, "The notice calls me John. I am not John"),
    (Fault::Refuses, "The app says that it may not connect"),
    (Fault::Hangs, "The app tries to connect for ever"),
    (Fault::Drops, "The app loses its connection at once"),
    (Fault::ExpiredCertificate, "The app does not trust its own company any more"),
];

const PUSH: &[Complaint] = &[
    (Fault::RefusesKey, "My phone stays dark: the gateway no longer knows us"),
    (Fault::Lost, "Messages are taken, and never reach my phone"),
    (Fault::Broken, "No message reaches my phone"),
    (Fault::Slow, "Messages take their time"),
    (Fault::Hangs, "Messages are on their way for ever"),
    (Fault::Drops, "The gateway breaks off the connection"),
    (Fault::ExpiredCertificate, "The gateway's certificate has expired"),
];
