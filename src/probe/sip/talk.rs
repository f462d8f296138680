//! Requests and their answers: what ties them together (RFC 3261, 17.1.3), when they are sent again (17.1), who proves
//! what to whom (22).

use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::address::{Address, Transport};
use super::flow::{Flow, Heard, Turned, UNAVAILABLE, malformed};
use super::message::{Message, Start, unfinished};
use crate::model::{Fault, FaultCode, Phase, SelfFault};
use crate::probe::dialogue::QUIET;
use crate::probe::digest::{Challenge, Proof, Unmet};
use crate::probe::{Run, Stop};

/// The time that a message and its answer take, estimated; RFC 3261, 17.1.1.1.
pub(super) const T1: Duration = Duration::from_millis(500);
/// The longest time between two tries of what is no INVITE.
pub(super) const T2: Duration = Duration::from_secs(4);
/// Timers B and F: after 64 times T1 nobody is going to answer.
const GIVE_UP: Duration = Duration::from_secs(32);
/// How often an address is asked before the next one is: 3.5 s after the first time. Timers B and F would take 32, longer
/// than any caller's patience and most runs.
const ASKED_MAX: u32 = 3;
/// Provisional answers, strangers' messages and the like in one run.
const MESSAGES_MAX: u32 = 500;
/// Challenges met in one run: of proxy and server, and once more when a nonce was too old.
const CHALLENGES_MAX: u32 = 4;

/// Who we say we are.
#[derive(Clone, Copy)]
pub(super) struct Credentials<'a> {
    pub(super) user: &'a str,
    pub(super) password: &'a str,
}

/// A conversation over one flow, with one Call-ID.
pub(super) struct Talk<'a> {
    pub(super) flow: Flow,
    pub(super) from: String,
    /// The user's part of our own address here.
    pub(super) own_user: String,
    pub(super) call_id: String,
    credentials: Option<Credentials<'a>>,
    /// What was asked for last, with how often its nonce was used.
    challenge: Option<(Challenge, Scheme, u32)>,
    challenges: u32,
    /// The INVITE that was answered, and its ACK: said again whenever the answer comes again.
    pub(super) acknowledged: Option<(Sent, String)>,
    sequence: u32,
    random: &'a (dyn Fn() -> u64 + Send + Sync),
    /// When we must be done.
    pub(super) until: Instant,
    /// What came that was not for us, or could not be read.
    pub(super) strangers: u32,
    garbage: Option<(String, Instant)>,
    messages: u32,
    /// The other side has ended the call itself.
    pub(super) hung_up: bool,
}

/// Who asks for a proof.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Server,
    Proxy,
}

/// A request, as far as it is the same in every try.
#[derive(Clone)]
pub(super) struct Request<'r> {
    pub(super) method: &'static str,
    pub(super) uri: &'r str,
    /// `To`, with its tag if there is a dialog.
    pub(super) to: &'r str,
    /// Further headers, each with its line break.
    pub(super) headers: String,
    pub(super) body: &'r str,
}

/// A request as it was sent, for those that refer to it.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) text: String,
    /// The header that proves who we are, with its line break, if one was asked for.
    pub(super) proof: String,
    pub(super) branch: String,
    pub(super) sequence: u32,
    pub(super) at: Instant,
}

/// When a request is sent again over what may lose it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tries {
    /// Until the first sign of life: timer A.
    UntilHeard,
    /// Until the end, ever more slowly: timer E.
    UntilAnswered,
    Never,
}

/// How a request ended.
pub(super) enum Ended {
    Answered(Message),
    /// Nothing final came while there was time.
    OutOfTime,
}

impl<'a> Talk<'a> {
    pub(super) fn new(run: &Run<'a>, flow: Flow, from: &Address, credentials: Option<Credentials<'a>>) -> Self {
        let random: &'a (dyn Fn() -> u64 + Send + Sync) = &*run.tools.random;
        // A little is kept back, so that what was met can be told, and a call be ended.
        let left = run.left();
        let until = run.deadline - (left / 10).min(Duration::from_millis(100));
        let own_user = from.user.clone().unwrap_or_else(|| "unbroken".to_owned());
        Self {
            from: format!("<{}>;tag={:016x}", from.uri, random()),
            own_user,
            call_id: format!("{:016x}{:016x}", random(), random()),
            flow,
            credentials,
            challenge: None,
            challenges: 0,
            acknowledged: None,
            sequence: 0,
            random,
            until,
            strangers: 0,
            garbage: None,
            messages: 0,
            hung_up: false,
        }
    }

    /// Our own address, as others reach it over this flow.
    pub(super) fn contact(&self) -> String {
        let transport = match self.flow.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
        };
        format!("<sip:{}@{}{transport}>", self.own_user, self.flow.local)
    }

    /// Sends the request with a new branch and number, with a proof if one was asked for.
    pub(super) async fn send(&mut self, request: &Request<'_>) -> Result<Sent, Stop> {
        self.sequence += 1;
        let branch = format!("z9hG4bK{:016x}", (self.random)());
        let proof = self.proof(request);
        let text = self.write(request, request.method, &branch, self.sequence, &proof);
        self.flow.send(text.as_bytes()).await?;
        Ok(Sent { text, proof, branch, sequence: self.sequence, at: Instant::now() })
    }

    /// The text of a request; CANCEL and ACK refer to another by its branch and number.
    pub(super) fn write(
        &self,
        request: &Request<'_>,
        method: &str,
        branch: &str,
        sequence: u32,
        proof: &str,
    ) -> String {
        let Request { uri, to, headers, body, .. } = request;
        let (from, call_id, transport) = (&self.from, &self.call_id, self.flow.transport.name());
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {local};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {sequence} {method}\r\n\
             User-Agent: unbroken/{version}\r\n{headers}{proof}Content-Length: {length}\r\n\r\n{body}",
            local = self.flow.local,
            version = env!("CARGO_PKG_VERSION"),
            length = body.len(),
        )
    }

    fn proof(&mut self, request: &Request<'_>) -> String {
        let nonce = format!("{:016x}", (self.random)());
        let (Some((challenge, scheme, count)), Some(who)) = (&mut self.challenge, self.credentials) else {
            return String::new();
        };
        *count += 1;
        let Request { method, uri, body, .. } = *request;
        let Credentials { user, password } = who;
        let proof = Proof { user, password, method, uri, body: body.as_bytes(), nonce: &nonce, count: *count };
        let name = if *scheme == Scheme::Proxy { "Proxy-Authorization" } else { "Authorization" };
        format!("{name}: {}\r\n", challenge.answer(&proof))
    }

    /// Sends a request that is no INVITE until it is answered, with a proof if one is asked for.
    pub(super) async fn ask(&mut self, run: &mut Run<'_>, request: &Request<'_>) -> Result<(Message, Sent), Stop> {
        loop {
            run.phases.begin(Phase::Send);
            let sent = self.send(request).await?;
            run.phases.begin(Phase::Wait);
            let answer = match self.answer(&sent, request.method, Tries::UntilAnswered, |_| {}).await? {
                Ended::Answered(answer) => answer,
                Ended::OutOfTime => return Err(self.silence(&sent, request.method).into()),
            };
            let unavailable = status_of(&answer) == UNAVAILABLE && self.flow.leave(run).await? == Turned::Elsewhere;
            if !unavailable && !self.take_challenge(&answer)? {
                return Ok((answer, sent));
            }
        }
    }

    /// Waits for the answer to what was sent; `look` sees every provisional one.
    pub(super) async fn answer(
        &mut self,
        sent: &Sent,
        method: &str,
        tries: Tries,
        mut look: impl FnMut(&Message),
    ) -> Result<Ended, Stop> {
        let mut give_up = self.until.min(sent.at + GIVE_UP);
        let mut pause = T1;
        let unsure = !self.flow.is_reliable() && tries != Tries::Never;
        let mut again = unsure.then(|| sent.at + pause);
        let mut asked = 1;
        loop {
            let garbled = self.garbage.as_ref().map(|(_, since)| *since + QUIET);
            let wake = [again, garbled].into_iter().flatten().fold(give_up, Instant::min);
            let heard = tokio::select! {
                heard = self.flow.next() => heard?,
                () = sleep_until(wake) => {
                    let now = Instant::now();
                    if let Some((why, since)) = &self.garbage && now >= *since + QUIET {
                        return Err(malformed(why.clone()).into());
                    }
                    if now >= give_up {
                        return self.at_the_end();
                    }
                    if asked == ASKED_MAX && self.flow.turn().await? == Turned::Elsewhere {
                        (asked, pause) = (0, T1 / 2);
                    }
                    asked += 1;
                    self.flow.send(sent.text.as_bytes()).await?;
                    pause = if tries == Tries::UntilHeard { pause * 2 } else { (pause * 2).min(T2) };
                    again = Some(now + pause);
                    continue;
                }
            };
            let message = match heard {
                Heard::Message(message) => message,
                Heard::Garbage(why) => {
                    self.count()?;
                    self.garbage.get_or_insert_with(|| (why, Instant::now()));
                    continue;
                }
                Heard::Elsewhere => {
                    self.flow.send(sent.text.as_bytes()).await?;
                    continue;
                }
            };
            self.count()?;
            match self.whose(&message, sent, method) {
                Whose::Answer(100..200) => {
                    // Timer A ends with the first sign of life; timer E goes on, slowly (17.1.2.2).
                    again = again.filter(|_| tries == Tries::UntilAnswered).map(|_| Instant::now() + T2);
                    // So does timer B (17.1.1.2): a telephone may ring for minutes.
                    if tries == Tries::UntilHeard {
                        give_up = self.until;
                    }
                    // Somebody is there.
                    asked = u32::MAX / 2;
                    look(&message);
                }
                Whose::Answer(_) => return Ok(Ended::Answered(message)),
                Whose::Request => self.obey(&message).await?,
                Whose::Old => self.acknowledge_again().await?,
                Whose::Nobody => self.strangers += 1,
            }
        }
    }

    /// What is left to say when time is up.
    fn at_the_end(&self) -> Result<Ended, Stop> {
        if let Some((why, _)) = &self.garbage {
            return Err(malformed(why.clone()).into());
        }
        let begun = self.flow.waits_for_rest();
        begun.map_or(Ok(Ended::OutOfTime), |begun| Err(malformed(unfinished(begun)).into()))
    }

    fn count(&mut self) -> Result<(), Stop> {
        self.messages += 1;
        if self.messages > MESSAGES_MAX {
            return Err(malformed(format!("the peer sends more than {MESSAGES_MAX} messages")).into());
        }
        Ok(())
    }

    fn whose(&self, message: &Message, sent: &Sent, method: &str) -> Whose {
        let ours = message.first("call-id") == Some(&self.call_id);
        match &message.start {
            Start::Request { .. } if ours => Whose::Request,
            Start::Reply { status, .. }
                if ours
                    && message.branch() == Some(&sent.branch)
                    && message.sequence() == Some((sent.sequence, method)) =>
            {
                Whose::Answer(*status)
            }
            Start::Reply { .. } if ours && self.is_old(message) => Whose::Old,
            _ => Whose::Nobody,
        }
    }

    fn is_old(&self, message: &Message) -> bool {
        self.acknowledged.as_ref().is_some_and(|(invite, _)| {
            message.branch() == Some(&invite.branch) && message.sequence() == Some((invite.sequence, "INVITE"))
        })
    }

    /// The answer came again, so that its ACK was lost (RFC 3261, 13.2.2.4).
    async fn acknowledge_again(&mut self) -> Result<(), Stop> {
        match &self.acknowledged {
            Some((_, text)) => self.flow.send(text.as_bytes()).await,
            None => Ok(()),
        }
    }

    /// Answers what the other side asks of us in the middle of a call.
    async fn obey(&mut self, request: &Message) -> Result<(), Stop> {
        let Start::Request { method } = &request.start else { return Ok(()) };
        let status = match method.as_str() {
            "ACK" => return Ok(()),
            "BYE" => {
                self.hung_up = true;
                "200 OK"
            }
            "INVITE" => "488 Not Acceptable Here",
            _ => "200 OK",
        };
        let mut text = format!("SIP/2.0 {status}\r\n");
        for (name, value) in request.headers() {
            if ["via", "from", "to", "call-id", "cseq"].contains(&name) {
                // Writing into a text cannot fail.
                _ = write!(text, "{name}: {value}\r\n");
            }
        }
        text.push_str("Content-Length: 0\r\n\r\n");
        self.flow.send(text.as_bytes()).await
    }

    /// Whether the answer asks for a proof that we can give and have not just given.
    pub(super) fn take_challenge(&mut self, answer: &Message) -> Result<bool, Stop> {
        let (scheme, name) = match status_of(answer) {
            401 => (Scheme::Server, "www-authenticate"),
            407 => (Scheme::Proxy, "proxy-authenticate"),
            _ => return Ok(false),
        };
        if self.credentials.is_none() {
            return Ok(false);
        }
        let challenge = Challenge::strongest(answer.all(name)).map_err(|why| match why {
            Unmet::Garbage(_) => Stop::from(malformed(format!("the peer wants to know who we are, but {why}"))),
            Unmet::Unknown(_) => Stop::Own(SelfFault::Unsupported, format!("we cannot prove who we are: {why}")),
        })?;
        // The same question again, and not for the nonce's age: the proof was wrong. A nonce that was used more than
        // once has been accepted before: servers may ask anew for each request.
        let asked = self.challenge.as_ref().filter(|(_, asked, _)| *asked == scheme);
        let wrong = asked.is_some_and(|(_, _, used)| *used < 2) && !challenge.stale;
        if wrong || self.challenges == CHALLENGES_MAX {
            return Ok(false);
        }
        self.challenges += 1;
        self.challenge = Some((challenge, scheme, 0));
        Ok(true)
    }

    /// The fault of a request that nobody answered.
    pub(super) fn silence(&self, sent: &Sent, method: &str) -> Fault {
        let waited = sent.at.elapsed().as_millis();
        let strangers = match self.strangers {
            0 => String::new(),
            some => format!("; {some} messages that answer nothing of ours were passed over"),
        };
        Fault::new(FaultCode::SipTimeout, format!("no answer to {method} within {waited}ms{strangers}"))
    }
}

enum Whose {
    /// To this request, with its status.
    Answer(u16),
    /// Asked of us within this call.
    Request,
    /// To the INVITE, once more.
    Old,
    Nobody,
}

/// The status of a reply; 0 of a request.
pub(super) const fn status_of(message: &Message) -> u16 {
    match &message.start {
        Start::Reply { status, .. } => *status,
        Start::Request { .. } => 0,
    }
}
