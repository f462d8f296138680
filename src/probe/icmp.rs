//! Pings a host (RFC 792, RFC 4443): how many echoes come back, and how fast.

mod echo;
mod socket;

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use tokio::time::{Instant, sleep_until};
use url::Host;

use echo::{Echo, Identity};
use socket::Socket;

use super::connect::addresses;
use super::connect::egress::Egress;
use super::connect::resolve::Family;
use super::endpoint::borrowed;
use super::template::{Place, Template};
use super::{Act, Field, Part, Reach, Reply, Run, Scope, Stop};
use crate::model::{Fault, FaultCode, Phase};
use crate::units::Period;

const COUNT: u8 = 5;
const COUNT_MOST: u8 = 100;
const GAP: Period = Period::from_millis(200);
/// More often is a flood.
const GAP_LEAST: Period = Period::from_millis(10);
/// An echo that is not back so long after the last request is lost.
const PATIENCE: Duration = Duration::from_secs(2);

/// Echo requests to a host.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Icmp")]
pub struct Settings {
    /// The host.
    #[serde(deserialize_with = "host")]
    pub ping: Template,
    /// How many echo requests; 5 by default.
    #[serde(default)]
    pub count: Count,
    /// The time between two of them; 200ms by default.
    #[serde(default)]
    pub gap: Gap,
    /// `any`, `4` or `6`.
    #[serde(default)]
    pub ip: Ip,
}

/// 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count(u8);

/// At least 10 ms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap(Period);

/// Which addresses are pinged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ip(Family);

impl Act for Settings {
    const DOES: &'static str = "pings a host, and tells what was lost and how long the way there and back takes";
    const FIELDS: &'static [Field] = &[Field::Loss, Field::Rtt, Field::RttMin, Field::RttMax, Field::Latency];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(Part::Template(&self.ping, Place::Line));
    }

    fn reach(&self) -> Reach {
        Reach::Direct
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        let host = self.host(run.scope)?;
        run.attribute("server.address", host.to_string());
        let ips = addresses(run, &borrowed(&host), self.ip.0).await?;
        run.phases.begin(Phase::Wait);
        let Some((ip, socket)) = first(&run.tools.network.egress, &ips).await? else {
            return Err(Fault::new(FaultCode::DnsEmpty, format!("`{host}` has no address")).into());
        };
        run.attribute("network.peer.address", ip.to_string());
        let random = (run.tools.random)();
        let pings = Pings::new(socket, Identity::new(ip, random), self.count.0);
        let met = pings.exchange(self.gap.0.get(), run.deadline).await?;
        run.phases.end();
        Ok(met.reply(ip))
    }
}

impl Settings {
    fn host(&self, scope: &Scope) -> Result<Host<String>, Stop> {
        read(&self.ping.render(scope)).map_err(|why| Fault::new(FaultCode::Expectation, why).into())
    }
}

/// A host alone; a ping knows neither ports nor pages.
fn read(text: &str) -> Result<Host<String>, String> {
    let bare = if text.parse::<std::net::Ipv6Addr>().is_ok() { Cow::Owned(format!("[{text}]")) } else { text.into() };
    Host::parse(&bare).map_err(|error| {
        let place = text.split_once("://").map_or(text, |(_, rest)| rest);
        let place = place.split(['/', '?', '#']).next().unwrap_or_default();
        let place = place.rsplit_once(':').map_or(place, |(host, _)| host);
        let meant = if place != text && Host::parse(place).is_ok() { Some(place) } else { None };
        match meant {
            Some(meant) => format!("`{text}` is not a host: it is pinged alone; did you mean `{meant}`?"),
            None => format!("`{text}` is not a host: {error}"),
        }
    })
}

fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Template, D::Error> {
    let template = Template::deserialize(deserializer)?;
    template.constant().map_or(Ok(()), |text| read(text).map(drop).map_err(D::Error::custom))?;
    Ok(template)
}

/// A socket to the first address that this machine can send to: a family that it does not speak says nothing of the host.
async fn first(egress: &Egress, ips: &[IpAddr]) -> Result<Option<(IpAddr, Socket)>, Stop> {
    let mut worst = Ok(None);
    for &ip in ips {
        match Socket::open(egress, ip).await {
            Ok(socket) => return Ok(Some((ip, socket))),
            Err(stop) => worst = Err(stop),
        }
    }
    worst
}

/// Requests under way.
struct Pings {
    socket: Socket,
    identity: Identity,
    /// When each was sent.
    sent: Vec<Instant>,
    /// How long each took, by number.
    took: Vec<Option<Duration>>,
    /// What the network said instead.
    error: Option<String>,
}

impl Pings {
    fn new(socket: Socket, identity: Identity, count: u8) -> Self {
        Self { socket, identity, sent: Vec::new(), took: vec![None; count.into()], error: None }
    }

    /// Sends at a steady pace and listens all the while; what is not back at the end is lost.
    async fn exchange(mut self, gap: Duration, deadline: Instant) -> Result<Self, Stop> {
        let begun = Instant::now();
        let mut buffer = [0; 2048];
        loop {
            let next = u32::try_from(self.sent.len()).unwrap_or(u32::MAX);
            let more = self.sent.len() < self.took.len();
            let until = if more { begun + gap * next } else { self.sent.last().map_or(begun, |last| *last + PATIENCE) };
            if !more && self.took.iter().all(Option::is_some) {
                return Ok(self);
            }
            tokio::select! {
                // In this order: an echo that has arrived counts before another is sent.
                biased;
                heard = self.socket.receive(&mut buffer) => match heard {
                    Ok(length) => self.note(&buffer[..length]),
                    Err(error) => self.fail(&error)?,
                },
                () = sleep_until(deadline) => return Ok(self),
                () = sleep_until(until) => {
                    if !more {
                        return Ok(self);
                    }
                    self.send().await?;
                }
            }
        }
    }

    async fn send(&mut self) -> Result<(), Stop> {
        let request = self.identity.request(self.sent.len() as u16);
        self.sent.push(Instant::now());
        match self.socket.send(&request).await {
            Ok(()) => Ok(()),
            Err(error) => self.fail(&error),
        }
    }

    fn note(&mut self, packet: &[u8]) {
        let Some(Echo { number }) = self.identity.echo(packet) else { return };
        let number = usize::from(number);
        // A second copy of an echo is no second echo.
        if let (Some(sent), Some(took @ None)) = (self.sent.get(number), self.took.get_mut(number)) {
            *took = Some(sent.elapsed());
        }
    }

    /// Our own trouble ends the run; what the network says of the way there is only kept.
    fn fail(&mut self, error: &std::io::Error) -> Result<(), Stop> {
        if let Some(own) = super::connect::dial::own(error) {
            return Err(Stop::Own(own, format!("pinging {}: {error}", self.identity.ip())));
        }
        self.error = Some(error.to_string());
        Ok(())
    }

    fn reply(&self, ip: IpAddr) -> Reply {
        let back: Vec<Duration> = self.took.iter().flatten().copied().collect();
        let sent = self.sent.len().max(1);
        let loss = 100.0 * (sent - back.len()) as f64 / sent as f64;
        let mut reply = Reply::new().with(Field::Loss, tenths(loss));
        let (Some(least), Some(most)) = (back.iter().min(), back.iter().max()) else {
            let (code, why) = match &self.error {
                Some(error) => (FaultCode::ConnectUnreachable, format!(": {error}")),
                None => (FaultCode::Timeout, ": is the host up, and does no firewall drop pings to it?".to_owned()),
            };
            let text = format!("none of {sent} pings to {ip} came back{why}");
            reply.doubt(Field::Loss, Fault::new(code, text).during(Phase::Wait));
            return reply;
        };
        let mean = back.iter().sum::<Duration>() / u32::try_from(back.len()).unwrap_or(1);
        reply.latency = Some(mean);
        for (field, time) in [(Field::Rtt, mean), (Field::RttMin, *least), (Field::RttMax, *most)] {
            reply.set(field, time.as_secs_f64());
        }
        reply
    }
}

/// Percent to one decimal, whole where it is whole.
fn tenths(percent: f64) -> serde_json::Value {
    let tenths = (percent * 10.0).round() as u64;
    if tenths.is_multiple_of(10) { (tenths / 10).into() } else { (tenths as f64 / 10.0).into() }
}

impl Default for Count {
    fn default() -> Self {
        Self(COUNT)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let count = u8::deserialize(deserializer)?;
        if count == 0 || count > COUNT_MOST {
            return Err(D::Error::custom(format!("{count} is out of range; a run sends 1 to {COUNT_MOST} pings")));
        }
        Ok(Self(count))
    }
}

impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        "PingCount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": COUNT_MOST, "default": COUNT })
    }
}

impl Default for Gap {
    fn default() -> Self {
        Self(GAP)
    }
}

impl<'de> Deserialize<'de> for Gap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let gap = Period::deserialize(deserializer)?;
        if gap < GAP_LEAST {
            return Err(D::Error::custom(format!("{gap} is a flood; leave at least {GAP_LEAST} between pings")));
        }
        Ok(Self(gap))
    }
}

impl JsonSchema for Gap {
    fn schema_name() -> Cow<'static, str> {
        "PingGap".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Period>()
    }
}

impl<'de> Deserialize<'de> for Ip {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A template is a scalar's text as it was written: `4` is no number here.
        match &*Template::deserialize(deserializer)?.to_string() {
            "any" => Ok(Self(Family::Any)),
            "4" => Ok(Self(Family::V4)),
            "6" => Ok(Self(Family::V6)),
            other => Err(D::Error::custom(format!("`{other}` is none of `any`, `4`, `6`"))),
        }
    }
}

impl JsonSchema for Ip {
    fn schema_name() -> Cow<'static, str> {
        "PingFamily".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": ["any", "4", 4, "6", 6] })
    }
}
