//! The collectors that the variables name: one, or one for each signal.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::Variables;
use super::own::pairs;
use crate::telemetry::Signal;
use crate::telemetry::settings::fields::{Name, sound_endpoint};
use crate::telemetry::settings::{Address, Compression, HeaderText, Headers, Otlp, Protocol, Tls};
use crate::units::{FilePath, Period};

/// An hour is longer than any answer takes.
const TIMEOUT_MAX: Duration = Duration::from_hours(1);

impl Variables<'_> {
    pub(super) fn collectors(&mut self) -> Vec<Otlp> {
        let mut all: Vec<Otlp> = Vec::new();
        for signal in Signal::ALL {
            let Some(mut otlp) = self.collector(signal) else { continue };
            let same = all.iter_mut().find(|known| Otlp { signals: Vec::new(), ..(*known).clone() } == otlp);
            // The whole address of one signal is no other's.
            if let Some(known) = same.filter(|_| otlp.address == Address::Base) {
                known.signals.push(signal);
            } else {
                otlp.signals.push(signal);
                all.push(otlp);
            }
        }
        all
    }

    /// Where a signal goes; nowhere unless a variable says so.
    fn collector(&mut self, signal: Signal) -> Option<Otlp> {
        let asked = self.exporter(signal);
        let protocol = self.protocol(signal);
        let plainly = self.of(signal, "INSECURE").is_some_and(|name| self.is_true(&name));
        let endpoint = self.endpoint(signal, protocol, plainly);
        let headers = self.headers(signal);
        let compression =
            self.one_of(signal, "COMPRESSION", &[("gzip", Compression::Gzip), ("none", Compression::None)]);
        let timeout = self.timeout(signal);
        let tls = self.tls(signal);
        let (endpoint, address) = match (asked, endpoint) {
            (Asked::Nowhere, _) | (Asked::Nothing, None) => return None,
            (_, Some(found)) => found,
            (Asked::Otlp, None) => (default_endpoint(protocol)?, Address::Base),
        };
        let tls = tls.filter(|_| endpoint.scheme() == "https");
        let compression = compression.unwrap_or_default();
        Some(Otlp { headers, compression, timeout, tls, address, ..Otlp::at(endpoint, protocol) })
    }

    /// The variable that is set: the signal's own, or the one for all.
    fn of(&mut self, signal: Signal, what: &str) -> Option<String> {
        let own = format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.label().to_uppercase());
        let all = format!("OTEL_EXPORTER_OTLP_{what}");
        let (said, said_of_all) = (self.text(&own).is_some(), self.text(&all).is_some());
        if said { Some(own) } else { said_of_all.then_some(all) }
    }

    fn one_of<T: Copy>(&mut self, signal: Signal, what: &str, known: &[(&str, T)]) -> Option<T> {
        let name = self.of(signal, what)?;
        let wanted: Vec<String> = known.iter().map(|(text, _)| format!("`{text}`")).collect();
        let find = |text: &str| known.iter().find(|(of, _)| *of == text).map(|(_, value)| *value);
        self.word(&name, find, &wanted.join(" or "))
    }

    fn exporter(&mut self, signal: Signal) -> Asked {
        let name = format!("OTEL_{}_EXPORTER", signal.label().to_uppercase());
        let Some(text) = self.text(&name) else { return Asked::Nothing };
        let mut asked = Asked::Nowhere;
        for part in text.split(',').map(str::trim) {
            match part.to_ascii_lowercase().as_str() {
                "otlp" => asked = Asked::Otlp,
                "none" => {}
                // Whoever scrapes needs nothing exported.
                "prometheus" if signal == Signal::Metrics => {}
                _ => self.odd(&name, format!("says `{part}`, which is not followed; it is `otlp` or `none`")),
            }
        }
        asked
    }

    fn protocol(&mut self, signal: Signal) -> Protocol {
        let known = [("grpc", Protocol::Grpc), ("http/protobuf", Protocol::HttpProtobuf)];
        self.one_of(signal, "PROTOCOL", &known).unwrap_or(Protocol::HttpProtobuf)
    }

    fn endpoint(&mut self, signal: Signal, protocol: Protocol, plainly: bool) -> Option<(Url, Address)> {
        let name = self.of(signal, "ENDPOINT")?;
        let own = name != "OTEL_EXPORTER_OTLP_ENDPOINT";
        let address = if own && protocol == Protocol::HttpProtobuf { Address::Whole } else { Address::Base };
        let url = |text: &str| {
            // Over gRPC an address may come without a scheme.
            let bare = protocol == Protocol::Grpc && !text.contains("://");
            let scheme = if plainly { "http" } else { "https" };
            let text = if bare { format!("{scheme}://{text}") } else { text.to_owned() };
            text.parse::<Url>().ok().filter(|url| sound_endpoint(url).is_none())
        };
        // It may hold credentials: it is not shown.
        let text = self.text(&name)?;
        let Some(url) = url(text) else {
            self.odd(&name, "is not followed; it is an address such as `http://127.0.0.1:4318`, without credentials");
            return None;
        };
        Some((url, address))
    }

    fn headers(&mut self, signal: Signal) -> Headers {
        let Some(name) = self.of(signal, "HEADERS") else { return Headers::default() };
        let read = |text: &str| -> Option<Headers> {
            let header = |(name, value): (String, String)| {
                Some((Name::parse(&name).ok()?, HeaderText::Written(value).sound().ok()?))
            };
            pairs(text)?.into_iter().map(header).collect::<Option<_>>().map(Headers)
        };
        let text = self.text(&name).unwrap_or_default();
        read(text).unwrap_or_else(|| {
            self.odd(&name, "is not followed; it is `name=value,name=value`, percent-encoded");
            Headers::default()
        })
    }

    fn timeout(&mut self, signal: Signal) -> Option<Period> {
        let name = self.of(signal, "TIMEOUT")?;
        let timeout = self.millis(&name)?.min(TIMEOUT_MAX);
        Some(Period::from_millis(timeout.as_millis() as u64))
    }

    fn tls(&mut self, signal: Signal) -> Option<Tls> {
        let mut file = |what: &str| {
            let name = self.of(signal, what)?;
            self.text(&name).map(|path| (FilePath::from(PathBuf::from(path)), name))
        };
        let (ca, cert, key) = (file("CERTIFICATE"), file("CLIENT_CERTIFICATE"), file("CLIENT_KEY"));
        let (cert, key) = match (cert, key) {
            (Some((_, name)), None) => {
                self.odd(&name, "is not followed: there is no key to it (OTEL_EXPORTER_OTLP_CLIENT_KEY)");
                (None, None)
            }
            (None, Some((_, name))) => {
                self.odd(
                    &name,
                    "is not followed: there is no certificate to it (OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE)",
                );
                (None, None)
            }
            (cert, key) => (cert.map(|(path, _)| path), key.map(|(path, _)| path)),
        };
        let ca = ca.map(|(path, _)| path);
        (ca.is_some() || cert.is_some()).then_some(Tls { ca, cert, key, server_name: None })
    }
}

/// What `OTEL_*_EXPORTER` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    Otlp,
    Nowhere,
}

fn default_endpoint(protocol: Protocol) -> Option<Url> {
    let text = match protocol {
        Protocol::Grpc => "http://localhost:4317",
        Protocol::HttpProtobuf => "http://localhost:4318",
    };
    text.parse().ok()
}
