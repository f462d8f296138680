//! `unbroken record`: a person uses a page, and what he does becomes a probe.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use rand::RngCore as _;
use url::Url;

use super::terminal::say;
use super::{Exit, Global, Stop, terminal};
use crate::clock::Clock;
use crate::config::Secrets;
use crate::probe::browser::pool::{Browsers, Display};
use crate::probe::browser::record::{Device, Wanted, record};
use crate::probe::connect::Network;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The page to begin with
    url: Url,
    /// What it is looked at with; a desktop, if none is named
    #[arg(long, value_name = "DEVICE", value_parser = PossibleValuesParser::new(Device::WORDS).try_map(device))]
    device: Option<Device>,
    /// Write into this file, which must not be there yet, such as `probes/checkout.yaml`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn device(word: String) -> Result<Device, String> {
    Device::parse(&word).ok_or(word)
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        if !matches!(self.url.scheme(), "http" | "https") || !self.url.has_host() {
            return Err(Stop::usage("write the address of a web page, such as https://shop.example/"));
        }
        if ["{{", "${"].iter().any(|mark| self.url.as_str().contains(mark)) || has_password(&self.url) {
            return Err(Stop::usage("write the address as it is, without `{{`, `${` and passwords"));
        }
        if let Some(path) = self.output.as_deref().filter(|path| path.exists()) {
            return Err(Stop::usage(format!("{} is there already; nothing was recorded", path.display())));
        }
        let display = Display::find(&global.variables()).map_err(Stop::usage)?;
        // It needs none; where there is one, it says which Chromium, and whom it runs as.
        let settings = global.load(Secrets::Without).plan.map(|plan| plan.browser).unwrap_or_default();
        let browsers = Browsers::new(settings, Arc::new(|| rand::rng().next_u64()));
        browsers.show(display);
        let wanted = Wanted { open: self.url, device: self.device, random: rand::rng().next_u64() };
        let network = Arc::new(Network::system(Clock::system()));
        terminal::tell("Close the window or press Ctrl-C when you are done.");
        let (stop, mut tell) = (super::run::until_told(), terminal::tell);
        let recorded = record((&browsers, network), &wanted, stop, &mut tell).await;
        browsers.close().await;
        let sheet = recorded.map_err(Stop::failure)?;
        match &self.output {
            Some(path) => {
                write(path, &sheet).map_err(|error| Stop::own(&format!("cannot write {}", path.display()), &error))?;
                say!("wrote {}", path.display());
            }
            None => say!("{}", sheet.trim_end()),
        }
        Ok(Exit::Well)
    }
}

fn has_password(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
