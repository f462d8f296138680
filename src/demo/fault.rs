//! Where the demo company meets its customers, what can go wrong there, and what goes wrong now.

use std::fmt;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

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

    /// What can be broken here, and what a customer says about it. The first one is meant when none is named.
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub const fn faults(self) -> &'static [(Fault, &'static str)] {
        match self {
            Self::Web => &[
                (Fault::Broken, "Every page says that something went wrong"),
                (Fault::Slow, "Every page keeps me waiting"),
                (Fault::Hangs, "Pages never finish loading"),
                (Fault::Drops, "My browser says the connection was reset"),
                (Fault::WrongPrice, "The ad says one price, the shop another"),
                (Fault::WrongHours, "I rang within the opening hours and nobody was there"),
            ],
            Self::Shop => &[
                (Fault::Broken, "I cannot order: the shop says that something went wrong"),
                (Fault::Slow, "Every step to the checkout keeps me waiting"),
                (Fault::Hangs, "The checkout never finishes loading"),
                (Fault::Drops, "The connection breaks off while I order"),
                (Fault::WrongPrice, "The shop wants 5 € more than the ad promised"),
            ],
            Self::Billing => &[
                (Fault::Broken, "I can neither see nor pay my bill"),
                (Fault::Slow, "My bill takes ages to open"),
                (Fault::Hangs, "The billing portal never finishes loading"),
                (Fault::Drops, "The billing portal breaks off the connection"),
                (Fault::ExpiredCertificate, "My browser warns me not to enter the billing portal"),
                (Fault::WrongPrice, "My bill is 5 € higher than agreed"),
                (Fault::WrongName, "They call me John. I am not John"),
            ],
            Self::App => &[
                (Fault::Broken, "The app opens with an error"),
                (Fault::Slow, "The app takes ages to open"),
                (Fault::Hangs, "The app shows a spinner and nothing else"),
                (Fault::Drops, "The app says that I am offline, and I am not"),
                (Fault::WrongPrice, "The app shows another price than the shop"),
                (Fault::WrongName, "The app greets me as John. I am not John"),
            ],
            Self::Chat => &[
                (Fault::Broken, "The chat window does not open"),
                (Fault::Slow, "The chat takes its time with every answer"),
                (Fault::Hangs, "The chat window stays blank"),
                (Fault::Drops, "The chat loses its connection at once"),
                (Fault::Silent, "The chat opens, but nobody answers"),
                (Fault::LongQueue, "There are forty customers before me"),
            ],
            Self::Reviews => &[
                (Fault::Broken, "The reviews do not open"),
                (Fault::Slow, "The reviews keep me waiting"),
                (Fault::Hangs, "The reviews never finish loading"),
                (Fault::Drops, "The reviews break off the connection"),
                (Fault::BadReviews, "Everybody is angry: 2.1 stars"),
            ],
            Self::Phone => &[
                (Fault::NoAnswer, "It rings and rings, and nobody answers"),
                (Fault::Busy, "The line is always busy"),
                (Fault::Slow, "It takes ages until somebody answers"),
                (Fault::Broken, "A voice says that my call cannot be completed"),
                (Fault::Hangs, "I dial, and the line stays silent"),
                (Fault::Drops, "I dial, and the line is cut"),
                (Fault::RefusesSignIn, "My phone says that it is not registered"),
                (Fault::WrongHours, "The announcement says one thing, the web site another"),
            ],
            Self::Email => &[
                (Fault::Missing, "I have ordered, and no confirmation came"),
                (Fault::Late, "The confirmation came when I had given up"),
                (Fault::WrongName, "They write to John. I am not John"),
                (Fault::WrongAmount, "The mail says 5 € more than the checkout"),
                (Fault::DkimFail, "My mail program warns me: this mail may be forged"),
                (Fault::TooMany, "Five offers with every order"),
                (Fault::Careless, "They recommend the plan that I have just bought"),
            ],
            Self::Ads => ADS,
            Self::Social => SOCIAL,
            Self::Store => STORE,
            Self::Notices => NOTICES,
            Self::Push => PUSH,
        }
    }
}

const ADS: &[(Fault, &str)] = &[
    (Fault::Broken, "I clicked on the ad and got an error"),
    (Fault::Slow, "The ad's page keeps me waiting"),
    (Fault::Hangs, "The ad's page never finishes loading"),
    (Fault::Drops, "The ad leads to a broken connection"),
    (Fault::CampaignLost, "We no longer know which ad people came from"),
    (Fault::WrongPrice, "The ad promises another price than the shop"),
];

const SOCIAL: &[(Fault, &str)] = &[
    (Fault::Broken, "The profile does not open"),
    (Fault::Slow, "The profile keeps me waiting"),
    (Fault::Hangs, "The profile never finishes loading"),
    (Fault::Drops, "The profile breaks off the connection"),
    (Fault::NoPicture, "I shared the link, and there is no picture"),
    (Fault::WrongLogo, "Is that you? The logo is another one"),
];

const STORE: &[(Fault, &str)] = &[
    (Fault::Broken, "The store does not show the app"),
    (Fault::Slow, "The store's page keeps me waiting"),
    (Fault::Hangs, "The store's page never finishes loading"),
    (Fault::Drops, "The store breaks off the connection"),
    (Fault::BadRating, "After the update everybody gives one star: 2.3"),
    (Fault::LinksBroken, "Links open in the browser, not in the app"),
];

const NOTICES: &[(Fault, &str)] = &[
    (Fault::Silent, "My phone is never told what became of my order"),
    (Fault::Late, "The notice came when I had looked it up myself"),
    (Fault::WrongName, "The notice calls me John. I am not John"),
    (Fault::Refuses, "The app says that it may not connect"),
    (Fault::Hangs, "The app tries to connect for ever"),
    (Fault::Drops, "The app loses its connection at once"),
    (Fault::ExpiredCertificate, "The app does not trust its own company any more"),
];

const PUSH: &[(Fault, &str)] = &[
    (Fault::RefusesKey, "My phone stays dark: the gateway no longer knows us"),
    (Fault::Lost, "Messages are taken, and never reach my phone"),
    (Fault::Broken, "No message reaches my phone"),
    (Fault::Slow, "Messages take their time"),
    (Fault::Hangs, "Messages are on their way for ever"),
    (Fault::Drops, "The gateway breaks off the connection"),
    (Fault::ExpiredCertificate, "The gateway's certificate has expired"),
];

impl fmt::Display for Touchpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

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
    /// The card's picture is gone.
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
        }
    }
}

/// A fault that can be switched on, and whether it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    pub touchpoint: String,
    pub fault: String,
    /// What the customer says.
    pub title: String,
    pub on: bool,
}

/// A name that the demo company does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    #[error("Halcyon Mobile has no touchpoint `{0}`; it has {known}", known = touchpoints())]
    Touchpoint(String),
    #[error("`{touchpoint}` has no fault `{fault}`; it has {known}", known = faults(*.place))]
    Fault { touchpoint: &'static str, fault: String, place: Touchpoint },
}

fn touchpoints() -> String {
    Touchpoint::ALL.map(|touchpoint| format!("`{}`", touchpoint.id())).join(", ")
}

fn faults(touchpoint: Touchpoint) -> String {
    let quoted: Vec<String> = touchpoint.faults().iter().map(|(fault, _)| format!("`{}`", fault.id())).collect();
    quoted.join(", ")
}

/// What is broken now: at most one fault per touchpoint, so that mending it is one act.
#[derive(Debug)]
pub(super) struct Switches([watch::Sender<Option<Fault>>; Touchpoint::ALL.len()]);

impl Switches {
    pub(super) fn new() -> Self {
        Self(Touchpoint::ALL.map(|_| watch::Sender::new(None)))
    }

    pub(super) fn now(&self, touchpoint: Touchpoint) -> Option<Fault> {
        *self.0[touchpoint as usize].borrow()
    }

    pub(super) fn is(&self, touchpoint: Touchpoint, fault: Fault) -> bool {
        self.now(touchpoint) == Some(fault)
    }

    pub(super) fn follow(&self, touchpoint: Touchpoint) -> watch::Receiver<Option<Fault>> {
        self.0[touchpoint as usize].subscribe()
    }

    pub(super) fn list(&self) -> Vec<Switch> {
        let of = |touchpoint: Touchpoint| {
            touchpoint.faults().iter().map(move |&(fault, title)| Switch {
                touchpoint: touchpoint.id().to_owned(),
                fault: fault.id().to_owned(),
                title: title.to_owned(),
                on: self.is(touchpoint, fault),
            })
        };
        Touchpoint::ALL.into_iter().flat_map(of).collect()
    }

    /// Switches a fault on, in place of the one that was on there.
    pub(super) fn break_(&self, touchpoint: &str, fault: Option<&str>) -> Result<Switch, Unknown> {
        let place = Touchpoint::parse(touchpoint).ok_or_else(|| Unknown::Touchpoint(touchpoint.to_owned()))?;
        let &(found, title) = match fault {
            None => &place.faults()[0],
            Some(id) => place.faults().iter().find(|(fault, _)| fault.id() == id).ok_or_else(|| Unknown::Fault {
                touchpoint: place.id(),
                fault: id.to_owned(),
                place,
            })?,
        };
        self.0[place as usize].send_replace(Some(found));
        Ok(Switch { touchpoint: place.id().into(), fault: found.id().into(), title: title.into(), on: true })
    }

    /// Switches off what is broken at one touchpoint, or everywhere; tells what that was.
    pub(super) fn mend(&self, touchpoint: Option<&str>) -> Result<Vec<Switch>, Unknown> {
        if let Some(id) = touchpoint.filter(|id| Touchpoint::parse(id).is_none()) {
            return Err(Unknown::Touchpoint(id.to_owned()));
        }
        let mended = |switch: &Switch| switch.on && touchpoint.is_none_or(|id| id == switch.touchpoint);
        let was: Vec<Switch> =
            self.list().into_iter().filter(mended).map(|switch| Switch { on: false, ..switch }).collect();
        for place in Touchpoint::ALL.into_iter().filter(|place| touchpoint.is_none_or(|id| id == place.id())) {
            self.0[place as usize].send_replace(None);
        }
        Ok(was)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_can_be_switched_on_and_off() {
        let switches = Switches::new();
        for switch in switches.list() {
            assert!(!switch.on);
            let on = switches.break_(&switch.touchpoint, Some(&switch.fault)).expect("known");
            assert_eq!(on, Switch { on: true, ..switch.clone() });
            assert_eq!(switches.list().into_iter().filter(|switch| switch.on).collect::<Vec<_>>(), [on]);
            assert_eq!(switches.mend(Some(&switch.touchpoint)).expect("known"), [switch]);
        }
        assert!(switches.mend(None).expect("known").is_empty());
    }

    #[test]
    fn unknown_names_are_told_with_the_known_ones() {
        let switches = Switches::new();
        assert_eq!(switches.break_("billing", None).expect("known").fault, "broken");
        assert_eq!(
            switches.break_("fax", None).expect_err("unknown").to_string(),
            "Halcyon Mobile has no touchpoint `fax`; it has `web`, `shop`, `billing`, `app`, `chat`, `reviews`, `phone`, `email`, `ads`, `social`, `store`, `notices`, `push`"
        );
        assert_eq!(
            switches.break_("reviews", Some("wrong-name")).expect_err("unknown").to_string(),
            "`reviews` has no fault `wrong-name`; it has `broken`, `slow`, `hangs`, `drops`, `bad-reviews`"
        );
        switches.mend(Some("fax")).expect_err("unknown");
    }
}
