//! The links of a site, followed as a patient customer would: every page, picture, script and style sheet that they lead to.

mod crawl;
mod found;
mod memory;
mod robots;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::connect::tls::Options;
use super::endpoint::page;
use super::spot::Pattern;
use super::template::{Place, Template};
use super::{Act, Field, Part, Reply, Run, Stop};
use crate::units::Period;

use memory::Memory;

const DEPTH: u8 = 1;
const DEPTH_MOST: u8 = 5;
const PAGES: u16 = 20;
const PAGES_MOST: u16 = 200;
const AT_MOST: u16 = 200;
const AT_MOST_MOST: u16 = 2000;
const RATE: u16 = 10;
const RATE_MOST: u16 = 100;
const EACH: Period = Period::from_secs(5);

/// As it stands in the file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Links")]
struct Written {
    /// The page to start from.
    open: Template,
    /// How many clicks from there pages are read for more links: 0 is that page only; 1 by default.
    depth: Option<u8>,
    /// How many pages are read in a run; 20 by default.
    pages: Option<u16>,
    /// How many links are checked in a run; 200 by default.
    at_most: Option<u16>,
    /// Requests a second; 10 by default.
    rate: Option<u16>,
    /// How long each may take; 5s by default.
    each: Option<Period>,
    /// Whether links to other sites are checked: once a day each, or never.
    #[serde(default)]
    external: External,
    /// Regular expressions for addresses that are left alone.
    #[serde(default)]
    skip: Vec<Pattern>,
    #[serde(default)]
    tls: Options,
}

/// Whether links to other sites are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum External {
    /// Each once a day; one that is broken once an hour, so that mending shows.
    #[default]
    Daily,
    Never,
}

/// A site to crawl.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Settings {
    open: Template,
    depth: u8,
    pages: usize,
    at_most: usize,
    rate: u16,
    each: Period,
    external: External,
    skip: Vec<Pattern>,
    tls: Options,
    /// What is known of other sites' pages, as long as this configuration lives.
    memory: Memory,
}

impl TryFrom<Written> for Settings {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        written.open.constant().map_or(Ok(()), page)?;
        if let Some(problem) = written.tls.problem() {
            return Err(problem);
        }
        let depth = written.depth.unwrap_or(DEPTH);
        if depth > DEPTH_MOST {
            return Err(format!("`depth` is out of range; it lies between 0 and {DEPTH_MOST}"));
        }
        Ok(Self {
            open: written.open,
            depth,
            pages: within("pages", written.pages.unwrap_or(PAGES), PAGES_MOST)?.into(),
            at_most: within("at_most", written.at_most.unwrap_or(AT_MOST), AT_MOST_MOST)?.into(),
            rate: within("rate", written.rate.unwrap_or(RATE), RATE_MOST)?,
            each: written.each.unwrap_or(EACH),
            external: written.external,
            skip: written.skip,
            tls: written.tls,
            memory: Memory::default(),
        })
    }
}

fn within(name: &str, value: u16, most: u16) -> Result<u16, String> {
    if (1..=most).contains(&value) {
        return Ok(value);
    }
    Err(format!("`{name}` is out of range; it lies between 1 and {most}"))
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
    const DOES: &'static str = "crawls from a page, and names every dead link, picture, script and style sheet";
    const FIELDS: &'static [Field] = &[Field::Broken, Field::Checked, Field::Url, Field::Certificate, Field::Latency];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(Part::Template(&self.open, Place::Url));
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        Box::pin(crawl::crawl(self, run)).await
    }
}
