//! Why a name was not resolved: the name's fault, its server's, or our own.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;

use crate::model::{Fault, FaultCode, Phase, SelfFault};
use crate::probe::Stop;
use crate::probe::connect::dial;
use crate::probe::connect::egress::Egress;

use super::Family;
use super::servers::Servers;

impl Servers {
    pub(super) async fn stop(&self, name: &str, family: Family, error: &NetError) -> Stop {
        let fault = |code, text: String| Stop::from(Fault::new(code, text).during(Phase::Dns));
        let unreachable = |text: String| Stop::Own(SelfFault::ResolverUnreachable, text);
        match error {
            NetError::Dns(DnsError::ResponseCode(code)) => answered(name, family, *code),
            NetError::Dns(DnsError::NoRecordsFound(none)) => answered(name, family, none.response_code),
            NetError::Dns(error @ DnsError::DnssecBogus) => fault(FaultCode::DnsBogus, format!("`{name}`: {error}")),
            NetError::Truncated => fault(FaultCode::DnsTruncated, format!("the answer for `{name}` is cut short")),
            NetError::Timeout => match self.refusal().await {
                Some(why) => unreachable(why),
                None => fault(FaultCode::DnsTimeout, format!("no name server answered for `{name}` in time")),
            },
            NetError::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                fault(FaultCode::DnsTimeout, format!("no name server answered for `{name}` in time"))
            }
            NetError::Io(error) => dial::own(error).map_or_else(
                || unreachable(format!("asking for `{name}`: {error}")),
                |own| match own {
                    SelfFault::NetworkUnreachable | SelfFault::NoRoute => {
                        unreachable(format!("asking for `{name}`: {error}"))
                    }
                    own => Stop::Own(own, format!("asking for `{name}`: {error}")),
                },
            ),
            NetError::NoConnections => unreachable(format!("asking for `{name}`: {error}")),
            error => fault(FaultCode::DnsMalformed, format!("the answer for `{name}` makes no sense: {error}")),
        }
    }

    /// Why no name server can be reached at all, if that is so.
    ///
    /// The resolver's sockets are not connected, so a refusal by ICMP reaches it as silence. Asked again on a connected
    /// socket the kernel tells the difference between a silent name server and none.
    async fn refusal(&self) -> Option<String> {
        let mut last = None;
        for address in self.addresses() {
            last = Some(refused(&self.egress, address).await?);
        }
        last
    }
}

async fn refused(egress: &Egress, server: SocketAddr) -> Option<String> {
    const ECHO: Duration = Duration::from_millis(100);
    let text = |error: std::io::Error| format!("name server {server}: {error}");
    let egress = if server.ip().is_loopback() { &Egress::Machine } else { egress };
    let socket = match egress.datagrams(server.ip()).and_then(tokio::net::UdpSocket::from_std) {
        Ok(socket) => socket,
        Err(error) => return Some(text(error)),
    };
    if let Err(error) = socket.connect(server).await {
        return Some(text(error));
    }
    // A query for the root's name servers: the shortest question there is.
    let question = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];
    if let Err(error) = socket.send(&question).await {
        return Some(text(error));
    }
    match tokio::time::timeout(ECHO, socket.recv(&mut [0; 512])).await {
        Ok(Err(error)) => Some(text(error)),
        _ => None,
    }
}

fn answered(name: &str, family: Family, code: ResponseCode) -> Stop {
    let (code, text) = match code {
        ResponseCode::NoError => return empty(name, family),
        ResponseCode::NXDomain => (FaultCode::DnsNxdomain, format!("`{name}` does not exist (NXDOMAIN)")),
        ResponseCode::Refused => (FaultCode::DnsRefused, format!("the name server refuses to answer for `{name}`")),
        ResponseCode::FormErr => (FaultCode::DnsFormerr, format!("the name server answers FORMERR for `{name}`")),
        other => (FaultCode::DnsServfail, format!("the name server answers {other} for `{name}`")),
    };
    Fault::new(code, text).during(Phase::Dns).into()
}

pub(super) fn empty(name: &str, family: Family) -> Stop {
    Fault::new(FaultCode::DnsEmpty, format!("`{name}` has no {}address", family.word())).during(Phase::Dns).into()
}
