//! The call centre: a small telephone exchange (SIP, RFC 3261) over UDP and TCP that rings, answers and hangs up.
//!
//! It is spoken to in text, as a real one is, and written apart from the probe that calls it: what one of them gets
//! wrong the other does not forgive.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::business::Business;
use super::fault::Fault;
use super::stand::SLOW;
use super::touchpoint::Touchpoint::Phone;
use crate::probe::digest::{self, Challenge, Proof};

/// How long it takes until a telephone rings, and until somebody takes it.
const RINGS_AFTER: Duration = Duration::from_millis(20);
const ANSWERED_AFTER: Duration = Duration::from_millis(60);
const MESSAGE_BYTES_MAX: usize = 16 << 10;
const LINES_MAX: usize = 128;
const CALLS_MAX: usize = 256;
/// Nobody's telephone rings longer.
const RINGS_MAX: Duration = Duration::from_mins(1);
const REALM: &str = "halcyon";

/// The exchange; it lives as long as its company.
pub(super) struct Exchange {
    business: Arc<Business>,
    /// Calls that ring, by their Call-ID: what ends the ringing.
    ringing: Mutex<HashMap<String, CancellationToken>>,
    calls: TaskTracker,
    /// What a proof of a password must cover; new at every start.
    nonce: String,
}

/// The way back to a caller.
#[derive(Clone)]
enum Line {
    Datagrams(Arc<UdpSocket>, SocketAddr),
    Stream(Arc<tokio::sync::Mutex<OwnedWriteHalf>>),
}

impl Line {
    async fn say(&self, text: &str) {
        // A caller who is gone hears nothing.
        let _said = match self {
            Self::Datagrams(socket, caller) => socket.send_to(text.as_bytes(), caller).await.map(drop),
            Self::Stream(stream) => stream.lock().await.write_all(text.as_bytes()).await,
        };
    }
}

/// Opens the exchange; it closes with the company.
pub(super) async fn serve(business: Arc<Business>, listener: TcpListener, socket: UdpSocket) {
    let closing = business.closing.clone();
    let exchange = Arc::new(Exchange {
        business,
        ringing: Mutex::default(),
        calls: TaskTracker::new(),
        nonce: Uuid::new_v4().simple().to_string(),
    });
    let both = async { tokio::join!(exchange.datagrams(Arc::new(socket)), exchange.streams(listener)) };
    closing.run_until_cancelled(both).await;
    exchange.calls.close();
    exchange.calls.wait().await;
}

impl Exchange {
    async fn datagrams(self: &Arc<Self>, socket: Arc<UdpSocket>) {
        let mut buffer = vec![0; MESSAGE_BYTES_MAX];
        loop {
            // An error is that of an earlier answer to somebody who is gone.
            let Ok((length, caller)) = socket.recv_from(&mut buffer).await else { continue };
            if matches!(self.fault(), Some(Fault::Drops | Fault::Hangs)) {
                continue;
            }
            if self.calls.len() < CALLS_MAX
                && let Ok(text) = std::str::from_utf8(&buffer[..length])
            {
                let (exchange, text) = (Arc::clone(self), text.to_owned());
                let line = Line::Datagrams(Arc::clone(&socket), caller);
                self.calls.spawn(async move { exchange.hear(&text, line).await });
            }
        }
    }

    async fn streams(self: &Arc<Self>, listener: TcpListener) {
        let room = Arc::new(Semaphore::new(LINES_MAX));
        loop {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let exchange = Arc::clone(self);
            self.calls.spawn(async move {
                let _permit = permit;
                let closing = exchange.business.closing.clone();
                let _over = closing.run_until_cancelled(exchange.converse(stream)).await;
            });
        }
    }

    async fn converse(self: &Arc<Self>, stream: TcpStream) -> io::Result<()> {
        if self.fault() == Some(Fault::Drops) {
            return stream.set_zero_linger();
        }
        let (mut reader, writer) = stream.into_split();
        let line = Line::Stream(Arc::new(tokio::sync::Mutex::new(writer)));
        let mut heard = Vec::new();
        while heard.len() < MESSAGE_BYTES_MAX && reader.read_buf(&mut heard).await? > 0 {
            while let Some(text) = first_message(&mut heard) {
                if self.fault() != Some(Fault::Hangs) {
                    self.hear(&text, line.clone()).await;
                }
            }
        }
        Ok(())
    }

    fn fault(&self) -> Option<Fault> {
        self.business.switches.now(Phone)
    }

    fn ringing(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.ringing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn hear(self: &Arc<Self>, request: &str, line: Line) {
        let method = request.split(' ').next().unwrap_or_default();
        if method == "ACK" || header(request, "Call-ID").is_none() {
            return;
        }
        let fault = self.fault();
        if fault == Some(Fault::Slow) {
            tokio::time::sleep(SLOW).await;
        }
        let answer = match (method, fault) {
            (_, Some(Fault::Broken)) => reply(request, "500 Server Internal Error", "", ""),
            ("INVITE", Some(Fault::Busy)) => reply(request, "486 Busy Here", "", ""),
            ("INVITE", _) => return self.ring(request.to_owned(), line),
            ("CANCEL", _) => self.take_back(request),
            ("REGISTER", Some(Fault::RefusesSignIn)) => reply(request, "403 Forbidden", "", ""),
            ("REGISTER", _) => self.sign_in(request),
            ("OPTIONS", _) => reply(request, "200 OK", "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER\r\n", ""),
            ("BYE", _) => reply(request, "200 OK", "", ""),
            _ => reply(request, "501 Not Implemented", "", ""),
        };
        line.say(&answer).await;
    }

    /// Rings, and is answered unless nobody is there.
    fn ring(self: &Arc<Self>, request: String, line: Line) {
        let call = header(&request, "Call-ID").unwrap_or_default().to_owned();
        let taken_back = CancellationToken::new();
        {
            let mut ringing = self.ringing();
            // The same call again, because our answer was lost or slow: it rings already.
            if ringing.contains_key(&call) || ringing.len() >= CALLS_MAX {
                return;
            }
            ringing.insert(call.clone(), taken_back.clone());
        }
        let exchange = Arc::clone(self);
        self.calls.spawn(async move {
            let closing = exchange.business.closing.clone();
            let rings = async {
                line.say(&reply(&request, "100 Trying", "", "")).await;
                tokio::time::sleep(RINGS_AFTER).await;
                line.say(&reply(&request, "180 Ringing", "", "")).await;
                let nobody = exchange.fault() == Some(Fault::NoAnswer);
                tokio::time::sleep(if nobody { RINGS_MAX } else { ANSWERED_AFTER }).await;
                let answer = if nobody {
                    reply(&request, "480 Temporarily Unavailable", "", "")
                } else {
                    reply(&request, "200 OK", &contact(&request), &exchange.announcement())
                };
                line.say(&answer).await;
            };
            let ended = taken_back.run_until_cancelled(closing.run_until_cancelled(rings)).await;
            if ended.is_none() {
                line.say(&reply(&request, "487 Request Terminated", "", "")).await;
            }
            exchange.ringing().remove(&call);
        });
    }

    fn take_back(&self, request: &str) -> String {
        let call = header(request, "Call-ID").unwrap_or_default();
        match self.ringing().get(call) {
            Some(ringing) => {
                ringing.cancel();
                reply(request, "200 OK", "", "")
            }
            None => reply(request, "481 Call Does Not Exist", "", ""),
        }
    }

    /// Lets a customer's telephone in that proves to know the password.
    fn sign_in(&self, request: &str) -> String {
        let question = format!("Digest realm=\"{REALM}\", nonce=\"{}\", qop=\"auth\", algorithm=SHA-256", self.nonce);
        match header(request, "Authorization") {
            Some(proof) if self.is_proven(&question, proof) => {
                let contact = header(request, "Contact").unwrap_or_default();
                reply(request, "200 OK", &format!("Contact: {contact}\r\n"), "")
            }
            _ => reply(request, "401 Unauthorized", &format!("WWW-Authenticate: {question}\r\n"), ""),
        }
    }

    fn is_proven(&self, question: &str, proof: &str) -> bool {
        let Some(told) = proof.strip_prefix("Digest ").and_then(digest::parameters) else { return false };
        let find = |name: &str| told.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
        let count = u32::from_str_radix(find("nc"), 16).unwrap_or_default();
        let password = self.business.books.password();
        let (user, uri, nonce) = (find("username"), find("uri"), find("cnonce"));
        let right = Proof { user, password, method: "REGISTER", uri, body: b"", nonce, count };
        let known = super::books::CUSTOMERS.iter().any(|customer| customer.email.split('@').next() == Some(user));
        known
            && find("nonce") == self.nonce
            && Challenge::parse(question).is_ok_and(|challenge| challenge.response(&right) == find("response"))
    }

    /// What a caller is told: the session's information (RFC 8866, 5.4) says when people answer.
    fn announcement(&self) -> String {
        let hours = self.business.hours(Phone);
        format!(
            "v=0\r\no=halcyon 1 1 IN IP4 127.0.0.1\r\ns=Halcyon Mobile\r\ni=You reach us {hours}.\r\n\
             c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=inactive\r\n"
        )
    }
}

fn contact(request: &str) -> String {
    let uri = request.split(' ').nth(1).unwrap_or_default();
    format!("Contact: <{uri}>\r\nContent-Type: application/sdp\r\n")
}

/// A header's value, if it is there.
fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.lines().take_while(|line| !line.is_empty()).find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A reply: the request's own marks, and a tag where the dialog begins.
fn reply(request: &str, status: &str, headers: &str, body: &str) -> String {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for line in request.lines().take_while(|line| !line.is_empty()) {
        let Some((name, _)) = line.split_once(':') else { continue };
        let marks = ["Via", "From", "To", "Call-ID", "CSeq"];
        if marks.iter().any(|mark| name.trim().eq_ignore_ascii_case(mark)) {
            text.push_str(line);
            if name.trim().eq_ignore_ascii_case("To") && !line.contains(";tag=") && !status.starts_with("100") {
                text.push_str(";tag=halcyon");
            }
            text.push_str("\r\n");
        }
    }
    text + headers + &format!("Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Takes the first whole message off what was heard.
fn first_message(heard: &mut Vec<u8>) -> Option<String> {
    let end = heard.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&heard[..end]).into_owned();
    let length: usize = header(&text, "Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let whole = end.checked_add(length)?;
    if heard.len() < whole {
        return None;
    }
    let text = String::from_utf8_lossy(&heard[..whole]).into_owned();
    heard.drain(..whole);
    Some(text)
}
