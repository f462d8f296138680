//! `vantages:` as it is written, and what it means: the places from which probes run.

use std::collections::BTreeSet;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::config::build::Read;
use crate::config::decode::{Desk, Kept, Keyed};
use crate::config::names::check_id;
use crate::config::problem::Place;
use crate::config::unbroken::{Canary, Link, Source};
use crate::model::VantageId;
use crate::probe::connect::egress::Egress;
use crate::probe::connect::proxy::Proxy;
use crate::probe::template::TemplateOrSecret;
use crate::probe::{Reach, Step};

/// More would look at each touchpoint once an hour.
const VANTAGES_MAX: usize = 16;

/// A place from which probes run, by the way it leaves this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vantage {
    pub id: VantageId,
    pub egress: Egress,
    /// `tcp://host:port` or web addresses: if none answers, it is blind.
    pub canaries: Vec<Url>,
}

/// `{ source: 10.0.0.5 }`, `{ interface: wg0 }`, `{ proxy: "http://10.0.0.9:3128" }`, or `{}`: as this machine is set up.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Vantage")]
pub(super) struct RawVantage {
    /// The address of this machine that it probes from.
    source: Option<Kept<Source>>,
    /// The network interface of this machine that it probes through.
    interface: Option<Kept<Link>>,
    /// The HTTP proxy that it probes through.
    proxy: Option<Kept<TemplateOrSecret>>,
    /// If none of them answers, it is blind; those of the whole daemon, if absent.
    canaries: Option<Vec<Kept<Canary>>>,
}

/// The vantages; the one and only, if none is written.
pub(super) fn vantages(read: &Read<'_>) -> Vec<Vantage> {
    let shared: Vec<Url> = canaries(read.top.canaries.as_ref().and_then(|stands| stands.value.as_deref()));
    let alone = || vec![Vantage { id: VantageId::default(), egress: Egress::Machine, canaries: shared.clone() }];
    let Some(stands) = &read.top.vantages else { return alone() };
    let Some(Keyed(raw)) = &stands.value else { return alone() };
    let desk = &stands.desk;
    if raw.is_empty() {
        let problem = desk.source.problem(stands.node.place, "there is no vantage to probe from");
        desk.report(problem.hint("write `vantages: { office: { source: 10.0.0.5 } }`, or leave the key out"));
    } else if raw.len() > VANTAGES_MAX {
        let text = format!("{} vantages are too many; at most {VANTAGES_MAX} take turns", raw.len());
        desk.report(desk.source.problem(stands.node.place, text));
    }
    let mut found: Vec<Vantage> = Vec::new();
    for (key, kept) in raw {
        check_id(desk, key.place, "a vantage", &key.value);
        let Some(raw) = &kept.value else { continue };
        let Some(egress) = raw.egress(desk) else { continue };
        if let Some(other) = found.iter().find(|other| other.egress == egress) {
            let text = format!("`{}` leaves this machine as `{}` does: that is one vantage", key.value, other.id);
            desk.report(desk.source.problem(key.place, text));
        }
        let own = raw.canaries.as_deref().map(|own| canaries(Some(own)));
        let canaries = own.unwrap_or_else(|| shared.clone());
        found.push(Vantage { id: VantageId::new(&key.value), egress, canaries });
    }
    if found.is_empty() { alone() } else { found }
}

fn canaries(kept: Option<&[Kept<Canary>]>) -> Vec<Url> {
    kept.into_iter().flatten().filter_map(|canary| Some(canary.value.as_ref()?.0.clone())).collect()
}

impl RawVantage {
    /// The one way out; none if what is written is wrong.
    fn egress(&self, desk: &Desk<'_>) -> Option<Egress> {
        let places = [
            self.source.as_ref().map(|at| at.place),
            self.interface.as_ref().map(|at| at.place),
            self.proxy.as_ref().map(|at| at.place),
        ];
        if let [_, second, ..] = places.into_iter().flatten().collect::<Vec<Place>>()[..] {
            let text = "a vantage has one way out: `source`, `interface` or `proxy`";
            desk.report(desk.source.problem(second, text).hint("write two vantages"));
            return None;
        }
        match self {
            Self { source: Some(source), .. } => source.value.as_ref().map(|source| Egress::Source(source.0)),
            Self { interface: Some(link), .. } => link.value.as_ref().map(|link| Egress::Interface(link.0.clone())),
            Self { proxy: Some(proxy), .. } => read_proxy(proxy, desk).map(Egress::Proxy),
            _ => Some(Egress::Machine),
        }
    }
}

fn read_proxy(at: &Kept<TemplateOrSecret>, desk: &Desk<'_>) -> Option<Proxy> {
    let wrong = |text: String, hint: &str| {
        desk.report(desk.source.problem(at.place, text).hint(hint));
        None
    };
    let such = "such as `http://10.0.0.9:3128`";
    match at.value.as_ref()? {
        TemplateOrSecret::Template(template) => match template.constant().map(Proxy::parse) {
            None => wrong("a vantage is the same for every run: no `{{name}}` is filled in here".to_owned(), such),
            Some(Err(text)) => wrong(text, such),
            Some(Ok(proxy)) if proxy.credentials().is_some() => {
                let text = "a password is never written into the configuration";
                let mut problem = desk.source.problem(at.place, text).hint("write `proxy: { env: NAME }`");
                problem.source_line =
                    problem.source_line.chars().take(problem.column - 1).chain("********".chars()).collect();
                desk.report(problem);
                None
            }
            Some(Ok(proxy)) => Some(proxy),
        },
        TemplateOrSecret::Secret(secret) if !secret.is_known() => Proxy::parse("http://localhost").ok(),
        TemplateOrSecret::Secret(secret) => match Proxy::parse(secret.expose()) {
            Err(text) => wrong(text, such),
            Ok(proxy) => Some(proxy),
        },
    }
}

/// The vantages from which these steps cannot run, or need not.
pub(super) fn unseen_from(vantages: &[Vantage], steps: &[Step]) -> Vec<VantageId> {
    let reach: BTreeSet<Reach> = steps.iter().map(|step| step.kind.reach()).collect();
    let unfit: Vec<&Vantage> = match reach.last() {
        // Looked at from two places it is the same thing twice.
        Some(Reach::Nowhere) | None => vantages.iter().skip(1).collect(),
        Some(Reach::Tunnelled) => Vec::new(),
        Some(Reach::Direct) => vantages.iter().filter(|vantage| vantage.egress.proxy().is_some()).collect(),
    };
    unfit.into_iter().map(|vantage| vantage.id.clone()).collect()
}

/// An address as `source:` has it.
pub(super) fn source(text: &str) -> Result<IpAddr, String> {
    let ip: IpAddr = text
        .parse()
        .map_err(|_| format!("`{text}` is not an address of this machine; write one such as `10.0.0.5`"))?;
    let nowhere = ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(std::net::Ipv4Addr::BROADCAST);
    if nowhere { Err(format!("no machine can send from {ip}; write an address such as `10.0.0.5`")) } else { Ok(ip) }
}

/// The name of a network interface (`IFNAMSIZ`, with the zero at its end).
pub(super) fn interface(text: &str) -> Result<String, String> {
    let good = (1..=15).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic() && c != '/');
    if good {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not a network interface; write one such as `wg0`"))
    }
}
