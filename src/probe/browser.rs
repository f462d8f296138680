//! Uses a page as a customer does, in a real Chromium: opens it on his device, presses, fills in, waits, and tells what he
//! would see, feel and miss.
//!
//! Steps are declarative: nothing that a user writes runs as a program, neither here nor in the page. Every run has a
//! context of its own behind a gate of its own ([`gate`]), and nothing of it is left.

mod audit;
mod chromium;
mod deed;
mod device;
mod element;
mod evidence;
mod frames;
mod gate;
mod har;
mod jar;
mod key;
mod lack;
mod ledger;
pub mod pool;
mod raw;
pub mod record;
mod refused;
mod seen;
mod sight;
mod since;
mod story;
mod tab;
mod totp;
mod traced;
mod visit;
mod vitals;
mod walk;
mod weigh;
mod window;
mod world;

#[cfg(test)]
mod proven;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod watched;

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use tokio::time::{Instant, timeout};
use url::Url;

use super::connect::tls::Options;
use super::doubt::let_in_late;
use super::endpoint::page;
use super::template::{Place, Template};
use super::{Act, Field, Part, Reply, Run, Scope, Stop};
use crate::model::{Fault, FaultCode};
use deed::Deed;
use device::{Connection, Device, Guise, Scheme};
use element::Element;
use evidence::{Onlooker, in_time};
use sight::Sight;
use story::Story;
use window::Window;

/// Deeds of one step.
const DEEDS_MAX: usize = 100;
/// How long the news of something that has happened already may take: that a browser is gone, that a file comes.
const NEWS: Duration = Duration::from_millis(500);
/// Patterns of what is not loaded.
const BLOCK_MAX: usize = 100;

/// As it stands in the file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Browser")]
struct Written {
    /// The page to begin with.
    open: Template,
    /// What it is looked at with; the persona's `device`, or a desktop, by default.
    device: Option<Device>,
    /// How it is connected; as this machine is, by default.
    #[serde(default)]
    network: Connection,
    /// Language and region, as in `de-DE`; the persona's `language`, or `en-US`, by default.
    locale: Option<String>,
    /// `Europe/Berlin`; UTC by default.
    timezone: Option<String>,
    #[serde(default)]
    scheme: Scheme,
    /// Addresses that are never asked for; `*` stands for anything.
    #[serde(default)]
    block: Vec<String>,
    /// `{ insecure: true }` goes on in spite of a bad certificate.
    #[serde(default)]
    tls: Options,
    /// An element whose picture is taken for `expect: { picture: … }`; the whole screen by default.
    picture: Option<Element>,
    /// What is done there, one thing after the other.
    #[serde(default, rename = "do")]
    deeds: Vec<Deed>,
}

/// A page, and what is done there.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Settings {
    open: Template,
    device: Option<Device>,
    connection: Connection,
    locale: Option<String>,
    timezone: Option<String>,
    scheme: Scheme,
    block: Vec<String>,
    tls: Options,
    picture: Option<Element>,
    deeds: Vec<Deed>,
}

impl TryFrom<Written> for Settings {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        written.open.constant().map_or(Ok(()), page)?;
        let Options { ca, cert, key, server_name, .. } = &written.tls;
        if ca.is_some() || cert.is_some() || key.is_some() || server_name.is_some() {
            let why =
                "a browser trusts whom this machine trusts: install the authority there, or write `insecure: true`";
            return Err(format!("`tls` knows only `insecure` here: {why}"));
        }
        if written.deeds.len() > DEEDS_MAX {
            return Err(format!("`do` has more than {DEEDS_MAX} lines; make several steps of them"));
        }
        if written.block.len() > BLOCK_MAX {
            return Err(format!("`block` has more than {BLOCK_MAX} patterns"));
        }
        if let Some(zone) = &written.timezone
            && jiff::tz::TimeZone::get(zone).is_err()
        {
            return Err(format!("`{zone}` is no time zone; write one such as `Europe/Berlin`"));
        }
        Ok(Self {
            open: written.open,
            device: written.device,
            connection: written.network,
            locale: written.locale,
            timezone: written.timezone,
            scheme: written.scheme,
            block: written.block,
            tls: written.tls,
            picture: written.picture,
            deeds: written.deeds,
        })
    }
}

impl JsonSchema for Settings {
    fn schema_name() -> Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

impl Act for Settings {
    const DOES: &'static str = "uses a page as a customer does, in a real Chromium";
    const FIELDS: &'static [Field] = &[
        Field::Status,
        Field::Title,
        Field::Url,
        Field::Text,
        Field::Html,
        Field::Console,
        Field::Requests,
        Field::Pictures,
        Field::Mixed,
        Field::ThirdParties,
        Field::Broken,
        Field::Checked,
        Field::Accessibility,
        Field::Lcp,
        Field::Cls,
        Field::Inp,
        Field::Fcp,
        Field::Ttfb,
        Field::Picture,
        Field::Phases,
        Field::Latency,
    ];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(Part::Template(&self.open, Place::Url));
        self.picture.iter().for_each(|element| element.parts(&mut |part| see(part)));
        self.deeds.iter().for_each(|deed| deed.parts(&mut |part| see(part)));
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        let url = self.url(run.scope)?;
        run.attribute("url.full", url.as_str());
        let asked = Instant::now();
        let tab = run.tools.browsers.open(run, &url).await?;
        run.waited.add(asked, Instant::now());
        let limit = in_time(run.deadline);
        let mut sight = Sight::watch(&tab.page).await.map_err(walk::stop)?;
        let story = Story::begin(run, &sight);
        jar::bring(&tab, run.cookies.as_deref()).await.map_err(walk::stop)?;
        let mut window = Window::new(tab.page.clone(), self.guise(run.scope));
        let reply = tokio::select! {
            reply = Box::pin(visit::visit(self, url, (&tab, &mut sight, story.as_ref()), &mut window, run)) => reply,
            gone = tab.gone() => Err(gone),
        };
        // A fault that was found with time left is the page's, however late we came.
        let is_up = Instant::now() >= limit;
        if let Some(story) = story {
            sight.look_now();
            story.refused(tab.refused());
        }
        // Whoever dies does not answer, and the news of it may come later, if there is time for it.
        let news = NEWS.min(run.deadline.saturating_duration_since(Instant::now()) / 2);
        if matches!(reply, Err(Stop::Own(..)))
            && let Ok(gone) = timeout(news, tab.gone()).await
        {
            return Err(gone);
        }
        // What is told now hides them, and what tidies up behind the run has them.
        jar::take(&tab, run).await;
        if let Err(own @ Stop::Own(..)) = reply {
            return Err(own);
        }
        let (random, now) = ((run.tools.random)(), run.tools.clock.now());
        run.witness = Some(Box::new(Onlooker::new((tab, window.page), sight, random, now)));
        reply.map_err(|stop| if is_up { let_in_late(stop, (*run.waited, run.since), run.deadline) } else { stop })
    }
}

impl Settings {
    fn url(&self, scope: &Scope) -> Result<Url, Stop> {
        let text = self.open.render(scope);
        let wrong = |why: &str| Fault::new(FaultCode::Expectation, format!("`{text}` is no page's address: {why}"));
        let mut url = Url::parse(&text).map_err(|error| wrong(&error.to_string()))?;
        // They would be shown, and are not sent.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(wrong("it begins with `http://` or `https://` and a host").into());
        }
        Ok(url)
    }

    /// How the pages meet this customer.
    fn guise(&self, scope: &Scope) -> Guise {
        let own = || scope.get("persona.device").and_then(Device::parse);
        let locale = self.locale.as_deref().or_else(|| scope.get("persona.language"));
        Guise {
            device: self.device.or_else(own).unwrap_or_default(),
            connection: self.connection,
            scheme: self.scheme,
            locale: locale.unwrap_or("en-US").to_owned(),
            timezone: self.timezone.clone().unwrap_or_else(|| "UTC".to_owned()),
            block: self.block.clone(),
        }
    }
}
