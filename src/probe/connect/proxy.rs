//! Through an HTTP proxy: a tunnel by CONNECT (RFC 9110, 9.3.6).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::{Host, Url};

use crate::model::{Fault, FaultCode, Phase};
use crate::probe::Stop;

/// Longer heads are no answer to CONNECT.
const HEAD_MAX: usize = 8 << 10;

const DEMANDS: &str = "the proxy demands other credentials (407)";

/// An HTTP proxy, and who we are to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    url: Url,
    /// The value of `proxy-authorization`.
    credentials: Option<String>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proxy({})", self.url)
    }
}

impl Proxy {
    /// Reads `http://user:password@host:port`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut url = Url::parse(text).map_err(|error| format!("the proxy's address cannot be read: {error}"))?;
        if url.scheme() != "http" || url.host().is_none() {
            return Err("a proxy's address begins with `http://` and names a host".to_owned());
        }
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let credentials = (!url.username().is_empty()).then(|| {
            let pair = format!("{}:{}", plain(url.username()), plain(url.password().unwrap_or_default()));
            format!("Basic {}", BASE64_STANDARD.encode(pair))
        });
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(Self { url, credentials })
    }

    pub fn host(&self) -> Host<&str> {
        self.url.host().unwrap_or(Host::Domain(""))
    }

    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(80)
    }

    pub fn credentials(&self) -> Option<&str> {
        self.credentials.as_deref()
    }

    /// Asks for a tunnel on a connection to the proxy.
    pub async fn tunnel(&self, tcp: &mut TcpStream, host: &Host<&str>, port: u16) -> Result<(), Stop> {
        let mut ask = format!("CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\n");
        if let Some(credentials) = &self.credentials {
            ask.push_str("proxy-authorization: ");
            ask.push_str(credentials);
            ask.push_str("\r\n");
        }
        ask.push_str("\r\n");
        tcp.write_all(ask.as_bytes()).await.map_err(|error| refused(format!("the proxy broke off: {error}")))?;
        let head = read_head(tcp).await?;
        let line = String::from_utf8_lossy(head.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
        // Whole: the runner redacts it before it cuts it.
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some(version), Some(status)) if version.starts_with("HTTP/1.") && status.starts_with('2') => Ok(()),
            (Some(version), Some("407")) if version.starts_with("HTTP/1.") => {
                Err(fault(FaultCode::ProxyAuth, DEMANDS.to_owned()).into())
            }
            (Some(version), Some("502" | "503" | "504")) if version.starts_with("HTTP/1.") => {
                let text = format!("the proxy does not get through to {host}:{port}: it answers `{line}`");
                Err(fault(FaultCode::ProxyGateway, text).into())
            }
            _ => Err(refused(format!("the proxy answers `{line}`"))),
        }
    }
}

async fn read_head<S: AsyncRead + Unpin>(tcp: &mut S) -> Result<Vec<u8>, Stop> {
    let mut head = Vec::with_capacity(512);
    while !head.ends_with(b"\r\n\r\n") {
        // Byte by byte at the end only: what follows the head belongs to the tunnel.
        let missing = 4 - (1..4).rev().find(|n| head.ends_with(&b"\r\n\r\n"[..*n])).unwrap_or(0);
        let mut part = [0; 4];
        let read =
            tcp.read(&mut part[..missing]).await.map_err(|error| refused(format!("the proxy broke off: {error}")))?;
        if read == 0 {
            return Err(refused("the proxy hung up".to_owned()));
        }
        head.extend_from_slice(&part[..read]);
        if head.len() > HEAD_MAX {
            return Err(refused("the proxy answers without end".to_owned()));
        }
    }
    Ok(head)
}

/// The fault of not getting through.
pub fn refused(text: String) -> Stop {
    fault(FaultCode::ProxyRefused, text).into()
}

fn fault(code: FaultCode, text: String) -> Fault {
    Fault::new(code, text).during(Phase::Proxy)
}

/// What the proxy, not the site behind it, says is wrong with a request that it forwards.
pub fn objection(status: StatusCode, headers: &HeaderMap) -> Option<Fault> {
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        return Some(fault(FaultCode::ProxyAuth, DEMANDS.to_owned()));
    }
    // RFC 9209, 2.1.1; squid says it in its own way.
    let said = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let why = said("proxy-status").filter(|text| text.contains("error=")).or_else(|| said("x-squid-error"));
    let why: String = why?.chars().filter(|c| !c.is_control()).collect();
    let code = if status.is_server_error() { FaultCode::ProxyGateway } else { FaultCode::ProxyRefused };
    Some(fault(code, format!("the proxy answers {status} itself: {why}")))
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;
    use crate::probe::pieces::Pieces;

    #[tokio::test]
    async fn what_follows_the_head_belongs_to_the_tunnel() {
        let corpus: &[&[u8]] = &[
            b"HTTP/1.1 200 Connection established\r\n\r\n220 the tunnel\r\n",
            b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 2\r\n\r\nno",
            b"HTTP/1.1 200 \r\r\n\r\r\n\r\n\r\n",
        ];
        let mut bent = Bent::of(3000, corpus);
        while let Some(input) = bent.next() {
            for pieces in [vec![input.clone()], bent.pieces(&input)] {
                let mut tcp = Pieces::new(pieces);
                let end = input.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
                match (read_head(&mut tcp).await, end) {
                    (Ok(head), Some(end)) => assert_eq!((&head[..], &tcp.rest()[..]), input.split_at(end)),
                    (Err(_), end) => assert!(end.is_none_or(|end| end > HEAD_MAX)),
                    (Ok(head), None) => panic!("a head without an end: {head:?}"),
                }
            }
        }
    }
}
