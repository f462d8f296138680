//! Where customers come in: a port, and behind it what the touchpoint speaks.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::task::TaskTracker;

use super::business::Business;
use super::certificate::Certificates;
use super::service::Service;
use super::stand::Stand;
use super::touchpoint::Touchpoint;
use super::{Closed, Ports, ads, app, billing, chat, mail, notices, phone, push, reviews, shop, social, store, web};

/// The billing portal, where an expired certificate keeps customers out, and the push gateway.
const fn secured(touchpoint: Touchpoint) -> bool {
    matches!(touchpoint, Touchpoint::Billing | Touchpoint::Push)
}

/// A touchpoint, where it listens, and its address.
type Door = (Touchpoint, TcpListener, String);

/// A door for every touchpoint, in their order, and the telephones' second one.
pub(super) async fn build(ports: Ports) -> Result<(Vec<Door>, Option<UdpSocket>), Closed> {
    let (mut doors, mut telephones) = (Vec::new(), None);
    for (touchpoint, offset) in Touchpoint::ALL.into_iter().zip(1..) {
        let (listener, at) = match touchpoint {
            Touchpoint::Phone => {
                let (listener, at, socket) = listen_twice(ports, offset).await?;
                telephones = Some(socket);
                (listener, at)
            }
            _ => listen(ports, offset).await?,
        };
        doors.push((touchpoint, listener, format!("{}{at}", scheme(touchpoint))));
    }
    Ok((doors, telephones))
}

/// Serves every touchpoint at its door; what of it can tell what it does.
pub(super) fn open(
    doors: Vec<Door>,
    mut telephones: Option<UdpSocket>,
    business: &Arc<Business>,
    certificates: &Arc<Certificates>,
    servers: &TaskTracker,
) -> Vec<Service> {
    let mut services = Vec::new();
    for (touchpoint, listener, _) in doors {
        let (business, certificates) = (Arc::clone(business), Arc::clone(certificates));
        let closing = business.closing.clone();
        match (touchpoint, router(touchpoint, &business)) {
            (_, Some(router)) => {
                let service = Service::new(touchpoint, scheme(touchpoint).trim_end_matches("://"));
                services.push(service.clone());
                let mut stand = Stand::new(router, business.switches.follow(touchpoint));
                stand.certificates = secured(touchpoint).then_some(certificates);
                stand.service = Some(service);
                servers.spawn(stand.serve(listener, closing));
            }
            (Touchpoint::Email, None) => {
                servers.spawn(mail::imap::serve(listener, business, certificates, closing));
            }
            (Touchpoint::Notices, None) => {
                servers.spawn(notices::serve(listener, business, certificates));
            }
            (_, None) => {
                if let Some(socket) = telephones.take() {
                    servers.spawn(phone::serve(business, listener, socket));
                }
            }
        }
    }
    services
}

/// What an address begins with.
const fn scheme(touchpoint: Touchpoint) -> &'static str {
    match touchpoint {
        Touchpoint::Phone => "sip:halcyon@",
        Touchpoint::Email => "imaps://",
        Touchpoint::Notices => "mqtts://",
        _ if secured(touchpoint) => "https://",
        _ => "http://",
    }
}

/// The pages of a touchpoint that has any.
fn router(touchpoint: Touchpoint, business: &Arc<Business>) -> Option<Router> {
    let business = Arc::clone(business);
    Some(match touchpoint {
        Touchpoint::Web => web::router(business),
        Touchpoint::Shop => shop::router(business),
        Touchpoint::Billing => billing::router(business),
        Touchpoint::App => app::router(business),
        Touchpoint::Chat => chat::router(business),
        Touchpoint::Reviews => reviews::router(business),
        Touchpoint::Ads => ads::router(business),
        Touchpoint::Social => social::router(business),
        Touchpoint::Store => store::router(business),
        Touchpoint::Push => push::router(business),
        Touchpoint::Phone | Touchpoint::Email | Touchpoint::Notices => return None,
    })
}

/// A port for connections, and that of the same number for datagrams.
async fn listen_twice(ports: Ports, offset: u16) -> Result<(TcpListener, SocketAddr, UdpSocket), Closed> {
    let (listener, at) = listen(ports, offset).await?;
    if let Ok(socket) = UdpSocket::bind(at).await {
        return Ok((listener, at, socket));
    }
    let (listener, at) = listen(Ports::Free, offset).await?;
    let socket = UdpSocket::bind(at).await.map_err(Closed::Listen)?;
    Ok((listener, at, socket))
}

pub(super) async fn listen(ports: Ports, offset: u16) -> Result<(TcpListener, SocketAddr), Closed> {
    let bind = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = match ports {
        Ports::Free => bind(0).await,
        Ports::Usual => match bind(super::CONTROL_PORT + offset).await {
            Ok(listener) => Ok(listener),
            Err(_) => bind(0).await,
        },
    };
    let listener = listener.map_err(Closed::Listen)?;
    let address = listener.local_addr().map_err(Closed::Listen)?;
    Ok((listener, address))
}
