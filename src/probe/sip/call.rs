//! A call: INVITE, ringing, answer, goodbye (RFC 3261, 13 to 15). No call is left open behind us.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::address::Address;
use super::flow::{Turned, UNAVAILABLE};
use super::message::{Message, bracketed, parameter};
use super::talk::{Ended, Request, Sent, T1, Talk, Tries, status_of};
use crate::model::{Fault, FaultCode, Phase};
use crate::probe::{Run, Stop};

/// Kept back to take back a call that nobody answers.
const TAKE_BACK: Duration = Duration::from_secs(1);

/// How a call went.
pub(super) struct Call {
    pub(super) answer: Message,
    pub(super) rang: Option<Duration>,
    /// From the INVITE to the final answer.
    pub(super) answered: Duration,
    /// From the same moment on, for whoever waits.
    pub(super) at: Instant,
}

/// What was heard before the answer.
#[derive(Default)]
struct Progress {
    /// The last provisional status.
    last: Option<(u16, String)>,
    rang: Option<Instant>,
}

/// What is to be tidied up if the caller goes away.
enum Open {
    /// Asked, and not answered: the text that takes it back, once somebody has said anything.
    Asked(Option<String>),
    /// Answered: the text that ends it.
    Up(String),
    Over,
}

/// A talk that takes its call back when it is dropped in the middle.
struct Guard<'t, 'a> {
    talk: &'t mut Talk<'a>,
    open: Open,
}

impl Drop for Guard<'_, '_> {
    fn drop(&mut self) {
        if let Open::Asked(Some(text)) | Open::Up(text) = &self.open {
            self.talk.flow.send_at_once(text.as_bytes());
        }
    }
}

/// Calls, waits for somebody to answer, and hangs up.
pub(super) async fn call(run: &mut Run<'_>, talk: &mut Talk<'_>, callee: &Address) -> Result<Call, Stop> {
    let ear = Ear::open(talk.flow.local).await?;
    let to = format!("<{}>", callee.uri);
    let begun = Instant::now();
    let mut guard = Guard { talk, open: Open::Over };
    loop {
        // Anew for each server that is asked: over another connection we are somewhere else.
        let offer = offer(guard.talk.flow.local, ear.port);
        let headers = format!(
            "Contact: {}\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\nAccept: application/sdp\r\n\
             Content-Type: application/sdp\r\n",
            guard.talk.contact()
        );
        let request = Request { method: "INVITE", uri: &callee.uri, to: &to, headers, body: &offer };
        run.phases.begin(Phase::Send);
        let sent = guard.talk.send(&request).await?;
        run.phases.begin(Phase::Wait);
        let mut progress = Progress::default();
        let answer = guard.wait(run, &request, &sent, &mut progress).await?;
        let at = Instant::now();
        let status = status_of(&answer);
        if status >= 300 {
            guard.acknowledge_refusal(&request, &sent, &answer).await?;
            let unavailable = status == UNAVAILABLE && guard.talk.flow.leave(run).await? == Turned::Elsewhere;
            if unavailable || guard.talk.take_challenge(&answer)? {
                continue;
            }
            guard.open = Open::Over;
        } else {
            run.phases.begin_at(Phase::Receive, at);
            guard.bye(&answer, &sent, callee).await?;
        }
        run.phases.end();
        let rang = progress.rang.map(|rang| rang - begun);
        return Ok(Call { answer, rang, answered: at - begun, at });
    }
}

impl Guard<'_, '_> {
    /// Waits until somebody answers; takes the call back when time runs out.
    async fn wait(
        &mut self,
        run: &mut Run<'_>,
        request: &Request<'_>,
        sent: &Sent,
        progress: &mut Progress,
    ) -> Result<Message, Stop> {
        let until = self.talk.until;
        let left = until.saturating_duration_since(Instant::now());
        self.talk.until = until - (left / 4).min(TAKE_BACK);
        let cancel = cancel(self.talk, request, sent);
        let open = &mut self.open;
        *open = Open::Asked(None);
        let phases = &mut run.phases;
        let look = |message: &Message| {
            let now = Instant::now();
            *open = Open::Asked(Some(cancel.clone()));
            progress.last = Some((status_of(message), message.reason().to_owned()));
            // 180 rings, 183 lets one hear that it does (RFC 3960).
            if matches!(status_of(message), 180 | 183) && progress.rang.is_none() {
                progress.rang = Some(now);
                phases.begin_at(Phase::Ring, now);
            }
        };
        let heard = self.talk.answer(sent, "INVITE", Tries::UntilHeard, look).await;
        self.talk.until = until;
        match heard? {
            Ended::Answered(answer) => Ok(answer),
            Ended::OutOfTime => Err(self.take_back(request, sent, (&cancel, progress)).await),
        }
    }

    /// Nobody answered: CANCEL, if anybody has said anything (RFC 3261, 9.1).
    async fn take_back(&mut self, request: &Request<'_>, sent: &Sent, (cancel, progress): (&str, &Progress)) -> Stop {
        let waited = sent.at.elapsed().as_millis();
        let Some((status, reason)) = &progress.last else {
            self.open = Open::Over;
            return self.talk.silence(sent, "INVITE").into();
        };
        let fault = match progress.rang {
            Some(rang) => {
                let millis = rang.elapsed().as_millis();
                Fault::new(FaultCode::SipUnanswered, format!("rang for {millis}ms, and nobody answered"))
                    .during(Phase::Ring)
            }
            None => Fault::new(
                FaultCode::SipTimeout,
                format!("said only {status} {reason}, and did not ring within {waited}ms"),
            )
            .during(Phase::Wait),
        };
        if self.give_back(request, sent, cancel).await.is_ok() {
            self.open = Open::Over;
        }
        fault.into()
    }

    /// Says CANCEL until the call is over, or answered after all.
    async fn give_back(&mut self, request: &Request<'_>, sent: &Sent, cancel: &str) -> Result<(), Stop> {
        let end = self.talk.until;
        let mut pause = if self.talk.flow.is_reliable() { TAKE_BACK } else { T1 };
        while Instant::now() < end {
            self.talk.flow.send(cancel.as_bytes()).await?;
            let now = Instant::now();
            self.talk.until = end.min(now + pause);
            let once_more = Sent { at: now, ..sent.clone() };
            let heard = self.talk.answer(&once_more, "INVITE", Tries::Never, |_| {}).await;
            self.talk.until = end;
            if let Ended::Answered(answer) = heard? {
                if status_of(&answer) >= 300 {
                    return self.acknowledge_refusal(request, sent, &answer).await;
                }
                let callee = Address::parse(request.uri).map_err(super::flow::malformed)?;
                return self.bye(&answer, sent, &callee).await;
            }
            pause *= 2;
        }
        // Said, and not heard: the other side's own timer ends the call.
        Ok(())
    }

    /// The ACK of a refusal belongs to the INVITE itself (RFC 3261, 17.1.1.3).
    async fn acknowledge_refusal(&mut self, request: &Request<'_>, sent: &Sent, answer: &Message) -> Result<(), Stop> {
        let to = answer.first("to").unwrap_or(request.to);
        let request = Request { method: "ACK", to, headers: String::new(), body: "", ..request.clone() };
        let text = self.talk.write(&request, "ACK", &sent.branch, sent.sequence, "");
        self.talk.flow.send(text.as_bytes()).await
    }

    /// ACK, then BYE: within the dialog that the answer has made (RFC 3261, 12.2.1.1).
    async fn bye(&mut self, answer: &Message, sent: &Sent, callee: &Address) -> Result<(), Stop> {
        let to = answer.first("to").map(str::to_owned).unwrap_or_default();
        if parameter(&to, "tag").is_none() {
            return Err(super::flow::malformed("the call was answered without a tag in `To`").into());
        }
        let contact = answer.first("contact").map(bracketed).map(Address::parse);
        let target = contact.and_then(Result::ok).map_or_else(|| callee.uri.clone(), |it| it.uri);
        let mut routes: Vec<&str> = answer.all("record-route").collect();
        routes.reverse();
        let headers = if routes.is_empty() { String::new() } else { format!("Route: {}\r\n", routes.join(", ")) };
        let ack = Request { method: "ACK", uri: &target, to: &to, headers, body: "" };
        // With the INVITE's own proof (13.2.2.4): an ACK cannot be asked for one.
        let text = self.talk.write(&ack, "ACK", &format!("{}ack", sent.branch), sent.sequence, &sent.proof);
        self.talk.flow.send(text.as_bytes()).await?;
        let bye = Request { method: "BYE", ..ack };
        self.open = Open::Up(self.talk.write(&bye, "BYE", &format!("{}bye", sent.branch), sent.sequence + 1, ""));
        self.talk.acknowledged = Some((sent.clone(), text));
        let refusal = self.hang_up(&bye).await?;
        self.open = Open::Over;
        match refusal {
            Some(mut fault) if !self.talk.hung_up => {
                fault.text.insert_str(0, "the call was answered and cannot be ended: ");
                Err(fault.into())
            }
            _ => Ok(()),
        }
    }

    /// Says BYE, with a proof if one is asked for; what stands against it, unless the call is over.
    async fn hang_up(&mut self, bye: &Request<'_>) -> Result<Option<Fault>, Stop> {
        loop {
            let asked = self.talk.send(bye).await?;
            let answer = match self.talk.answer(&asked, "BYE", Tries::UntilAnswered, |_| {}).await? {
                Ended::Answered(answer) => answer,
                Ended::OutOfTime => return Ok(Some(self.talk.silence(&asked, "BYE"))),
            };
            if self.talk.take_challenge(&answer)? {
                continue;
            }
            // 481: the other side knows of no such call, any more.
            return Ok(match status_of(&answer) {
                200..300 | 481 => None,
                status => {
                    let text = format!(
                        "BYE is answered with {status} {}; look who may end calls there, and whom they are billed to",
                        answer.reason()
                    );
                    Some(Fault::new(FaultCode::SipRefused, text))
                }
            });
        }
    }
}

fn cancel(talk: &Talk<'_>, request: &Request<'_>, sent: &Sent) -> String {
    let request = Request { headers: String::new(), body: "", ..request.clone() };
    talk.write(&request, "CANCEL", &sent.branch, sent.sequence, "")
}

/// Where the other side may send its voice: a port of ours, that nobody listens to.
struct Ear {
    _socket: UdpSocket,
    port: u16,
}

impl Ear {
    async fn open(local: SocketAddr) -> Result<Self, Stop> {
        let trouble = |error: std::io::Error| {
            let own = crate::probe::connect::dial::own(&error).unwrap_or(crate::model::SelfFault::NoPorts);
            Stop::Own(own, format!("no port for the voice: {error}"))
        };
        let socket = UdpSocket::bind((local.ip(), 0)).await.map_err(trouble)?;
        let port = socket.local_addr().map_err(trouble)?.port();
        Ok(Self { _socket: socket, port })
    }
}

/// What we can hear and say: G.711, as every telephone (RFC 3264).
fn offer(local: SocketAddr, port: u16) -> String {
    let family = if matches!(local.ip(), IpAddr::V4(_)) { "IP4" } else { "IP6" };
    let ip = local.ip();
    format!(
        "v=0\r\no=unbroken 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    )
}

/// What an answered call announces: the session's information (RFC 8866, 5.4), or a text.
pub(super) fn announcement(answer: &Message) -> Option<String> {
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let is_text = answer.first("content-type").is_some_and(|media| media.to_ascii_lowercase().starts_with("text/"));
    if is_text {
        return Some(body);
    }
    let said: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix("i=")).collect();
    (!said.is_empty()).then(|| said.join("\n"))
}
