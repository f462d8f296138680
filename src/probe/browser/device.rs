//! What a customer holds in his hands, and how he is connected: viewport, touch, user agent, language, network.

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::browser::{Bounds, GetWindowForTargetParams, SetWindowBoundsParams};
use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams, SetFocusEmulationEnabledParams,
    SetLocaleOverrideParams, SetTimezoneOverrideParams, SetTouchEmulationEnabledParams, SetUserAgentOverrideParams,
    UserAgentBrandVersion, UserAgentMetadata,
};
use chromiumoxide::cdp::browser_protocol::network::{
    BlockPattern, EmulateNetworkConditionsByRuleParams, NetworkConditions, OverrideNetworkStateParams,
    SetBlockedUrLsParams,
};
use chromiumoxide::error::{CdpError, Result};
use futures::FutureExt as _;
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::Deserialize;

use super::chromium::herald::Order;

/// What the page is looked at with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    #[default]
    Desktop,
    Phone,
    Tablet,
}

/// How it is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Connection {
    /// As this machine is.
    #[default]
    AsIs,
    /// What Lighthouse and Chromium's own tools call so.
    #[serde(rename = "slow-4g")]
    Slow4g,
    /// Not, once the page is there: for pages that work on the way, too.
    Offline,
}

/// Which colours it prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scheme {
    #[default]
    Light,
    Dark,
}

/// How pages meet the customer.
#[derive(Clone, Debug)]
pub(super) struct Guise {
    pub(super) device: Device,
    pub(super) connection: Connection,
    pub(super) scheme: Scheme,
    /// `de-DE`
    pub(super) locale: String,
    /// `Europe/Berlin`
    pub(super) timezone: String,
    /// Patterns of addresses that are never asked for.
    pub(super) block: Vec<String>,
}

struct Screen {
    width: i64,
    height: i64,
    scale: f64,
    /// What stands in the parentheses of the user agent.
    system: &'static str,
    platform: &'static str,
}

impl Device {
    const ALL: [Self; 3] = [Self::Desktop, Self::Phone, Self::Tablet];
    /// As they are written.
    pub const WORDS: [&'static str; 3] = [Self::Desktop.word(), Self::Phone.word(), Self::Tablet.word()];

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|device| device.word() == word)
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Phone => "phone",
            Self::Tablet => "tablet",
        }
    }

    /// Fingers, not a mouse.
    pub(super) fn touches(self) -> bool {
        self != Self::Desktop
    }

    /// Width and height of its screen, in pixels of CSS.
    pub(super) fn size(self) -> (i64, i64) {
        let Screen { width, height, .. } = self.screen();
        (width, height)
    }

    fn screen(self) -> Screen {
        match self {
            Self::Desktop => {
                Screen { width: 1440, height: 900, scale: 1.0, system: "X11; Linux x86_64", platform: "Linux" }
            }
            Self::Phone => {
                Screen { width: 412, height: 915, scale: 2.625, system: "Linux; Android 10; K", platform: "Android" }
            }
            Self::Tablet => {
                Screen { width: 800, height: 1280, scale: 2.0, system: "Linux; Android 10; K", platform: "Android" }
            }
        }
    }
}

/// A tab that shares its process with the one that opened it has the language and the time zone of that one already; there
/// are none but this run's in its browser.
fn worn(told: Result<()>) -> Result<()> {
    match told {
        Err(CdpError::Chrome(error)) if error.message.contains("already in effect") => Ok(()),
        told => told,
    }
}

/// Of a slow mobile network: the time there and back, in milliseconds, and bytes a second down and up, as Chromium's own
/// tools slow it down (1.6 Mbit/s and 750 kbit/s less a tenth, 150 ms times 3.75).
const SLOW_4G: (f64, f64, f64) = (562.5, 180_000.0, 84_375.0);

/// What a window has around its page, about, in pixels.
const FRAME: (i64, i64) = (16, 96);

impl Guise {
    /// Nothing but the device.
    pub(super) fn plain(device: Device) -> Self {
        let (locale, timezone) = ("en-US".to_owned(), "UTC".to_owned());
        let (connection, scheme) = (Connection::AsIs, Scheme::Light);
        Self { device, connection, scheme, locale, timezone, block: Vec::new() }
    }

    /// Puts it on. `version` is Chromium's own (`156.0.8078.79`).
    pub(super) async fn wear(&self, page: &Page, version: &str) -> Result<()> {
        // None waits for another.
        let orders = self.orders(version).into_iter();
        try_join_all(orders.map(|order| page.execute(order).map(|told| worn(told.map(drop))))).await.map(drop)
    }

    /// All that makes it up.
    pub(super) fn orders(&self, version: &str) -> Vec<Order> {
        let Screen { width, height, scale, .. } = self.device.screen();
        let touches = self.device.touches();
        let scheme = if self.scheme == Scheme::Dark { "dark" } else { "light" };
        let colours = MediaFeature::new("prefers-color-scheme", scheme);
        let mut orders = vec![
            Order::new(&SetDeviceMetricsOverrideParams::new(width, height, scale, touches)),
            Order::new(&SetTouchEmulationEnabledParams::new(touches)),
            Order::new(&self.user_agent(version)),
            Order::new(&SetLocaleOverrideParams { locale: Some(self.locale.replace('-', "_")) }),
            Order::new(&SetTimezoneOverrideParams::new(self.timezone.clone())),
            Order::new(&SetEmulatedMediaParams { media: None, features: Some(vec![colours]) }),
            // Several pages at once, and each is the one that is looked at.
            Order::new(&SetFocusEmulationEnabledParams::new(true)),
        ];
        if !self.block.is_empty() {
            let patterns = self.block.iter().map(|pattern| BlockPattern::new(pattern, true)).collect();
            orders.push(Order::new(&SetBlockedUrLsParams { url_patterns: Some(patterns) }));
        }
        if self.connection == Connection::Slow4g {
            let (latency, down, up) = SLOW_4G;
            let slow = NetworkConditions::new("", latency, down, up);
            orders.push(Order::new(&EmulateNetworkConditionsByRuleParams::new(false, vec![slow])));
        }
        orders
    }

    /// What is true only once the page is there.
    pub(super) fn afterwards(&self) -> Vec<Order> {
        if self.connection != Connection::Offline {
            return Vec::new();
        }
        let none = NetworkConditions::new("", 0.0, -1.0, -1.0);
        vec![
            Order::new(&EmulateNetworkConditionsByRuleParams::new(true, vec![none])),
            // What scripts are told (`navigator.onLine`) is another matter.
            Order::new(&OverrideNetworkStateParams::new(true, 0.0, -1.0, -1.0)),
        ]
    }

    /// As Chrome says on such a device, with our own name at its end: who reads his logs shall know us.
    fn user_agent(&self, version: &str) -> SetUserAgentOverrideParams {
        let Screen { system, platform, .. } = self.device.screen();
        let major = version.split('.').next().unwrap_or_default();
        let phone = self.device == Device::Phone;
        let mobile = if phone { " Mobile" } else { "" };
        let own = concat!("unbroken/", env!("CARGO_PKG_VERSION"));
        let agent = format!(
            "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0{mobile} Safari/537.36 {own}"
        );
        let brand = |name: &str| UserAgentBrandVersion::new(name, major);
        let metadata = UserAgentMetadata {
            brands: Some(vec![brand("Chromium"), brand("Google Chrome")]),
            full_version_list: None,
            platform: platform.to_owned(),
            platform_version: String::new(),
            architecture: String::new(),
            model: String::new(),
            mobile: phone,
            bitness: None,
            wow64: None,
            form_factors: None,
        };
        let mut params = SetUserAgentOverrideParams::new(agent);
        params.accept_language = Some(self.locale.clone());
        params.platform = Some(system.split(';').next_back().unwrap_or_default().trim().to_owned());
        params.user_agent_metadata = Some(metadata);
        params
    }

    /// Makes the page's window as large as the device's is.
    pub(super) async fn fit(&self, page: &Page) -> Result<()> {
        let window = page.execute(GetWindowForTargetParams::default()).await?.result.window_id;
        let (width, height) = self.device.size();
        let mut bounds = Bounds::default();
        (bounds.width, bounds.height) = (Some(width + FRAME.0), Some(height + FRAME.1));
        page.execute(SetWindowBoundsParams::new(window, bounds)).await.map(drop)
    }
}
