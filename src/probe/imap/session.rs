//! A session with an IMAP server (RFC 3501): commands with tags, and what is said between them.

use jiff::Timestamp;
use tokio::time::{Duration, Instant, timeout_at};

use super::answer::{Answer, Fetched, Said, Status};
use crate::model::{Evidence, Fault, FaultCode, Phase};
use crate::probe::mail::wire::garbage;
use crate::probe::mail::{self, Login, Reached, Security};
use crate::probe::{Run, Stop};

/// A server that does not tell by itself is asked this often; one that can (IDLE), in case it forgets, this often.
const POLL: Duration = Duration::from_secs(1);
const REMINDER: Duration = Duration::from_secs(5);
/// Answers to one command; a mailbox of thousands fits, a flood does not.
const ANSWERS_MAX: usize = 20_000;
/// Mails of which a search is remembered, the newest.
const UIDS_MAX: usize = 40_000;

/// Whether the mailbox may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Delete,
}

pub(super) struct Session<'a> {
    reached: Reached<'a>,
    tag: u32,
    capabilities: Vec<String>,
    /// Mails were told of since the last search: a server tells once, at whatever command comes next.
    news: bool,
}

/// Sees each answer that belongs to a command.
type See<'s> = &'s mut (dyn FnMut(Said) -> Result<(), Stop> + Send);

impl<'a> Session<'a> {
    /// Waits for the greeting, encrypts and signs in.
    pub(super) async fn open(run: &mut Run<'_>, reached: Reached<'a>, login: &Login) -> Result<Self, Stop> {
        let mut session = Self { reached, tag: 0, capabilities: Vec::new(), news: false };
        run.phases.begin(Phase::Greeting);
        session.greeting().await?;
        if session.reached.security == Security::Starttls {
            run.phases.begin(Phase::Starttls);
            session.starttls(run).await?;
        }
        run.phases.begin(Phase::Login);
        session.sign_in(run, login).await?;
        Ok(session)
    }

    async fn greeting(&mut self) -> Result<(), Stop> {
        let answer = Answer::next(&mut self.reached.wire).await?;
        let line = answer.line();
        match answer.read("") {
            Said::Capabilities(capabilities) => self.capabilities = capabilities,
            Said::Bye(why) => return Err(bye(&why)),
            _ if line.to_ascii_uppercase().starts_with("* OK") => {}
            _ => {
                return Err(garbage(format!("no greeting of IMAP, but `{line}`")));
            }
        }
        Ok(())
    }

    async fn starttls(&mut self, run: &mut Run<'_>) -> Result<(), Stop> {
        if !self.can("STARTTLS").await? {
            return Err(mail::no_starttls("the server"));
        }
        self.command("STARTTLS", &mut |_| Ok(())).await?.must("STARTTLS", "look at its certificate and key files")?;
        // What was said in the clear proves nothing.
        self.capabilities.clear();
        self.reached.secure(run).await
    }

    async fn can(&mut self, capability: &str) -> Result<bool, Stop> {
        if self.capabilities.is_empty() {
            let mut listed = Vec::new();
            let mut see = |said| {
                if let Said::Capabilities(capabilities) = said {
                    listed = capabilities;
                }
                Ok(())
            };
            self.command("CAPABILITY", &mut see).await?.must("CAPABILITY", "look what listens there")?;
            self.capabilities = listed;
        }
        Ok(self.capabilities.iter().any(|known| known == capability))
    }

    async fn sign_in(&mut self, run: &mut Run<'_>, login: &Login) -> Result<(), Stop> {
        let by_message = self.can("AUTH=PLAIN").await?;
        let (user, password) = login.render(run, &self.reached.wire)?;
        let done = if by_message {
            let message = mail::plain(run, &user, &password);
            self.go_on("AUTHENTICATE PLAIN", &message).await?
        } else if self.can("LOGINDISABLED").await? {
            let text = "the server forbids to sign in over this connection; switch TLS on here (`security`), or AUTH=PLAIN on there";
            return Err(Fault::new(FaultCode::MailLogin, text).into());
        } else {
            self.command(&format!("LOGIN {} {}", quoted(&user), quoted(&password)), &mut |_| Ok(())).await?
        };
        // What one may do is another question once it is known who asks.
        self.capabilities.clear();
        let advice = "look whether the mailbox exists, is locked, or its password has changed";
        done.must("the sign-in", advice).map_err(|stop| match stop {
            Stop::Fault(fault) => Fault { code: FaultCode::MailLogin, ..fault }.into(),
            own @ Stop::Own(..) => own,
        })
    }

    /// A command with one message after the server's go-ahead.
    async fn go_on(&mut self, command: &str, message: &str) -> Result<Done, Stop> {
        let tag = self.say(command).await?;
        loop {
            match Answer::next(&mut self.reached.wire).await?.read(&tag) {
                Said::GoOn => break,
                Said::Done { status, text } => return Ok(Done { status, text }),
                Said::Bye(why) => return Err(bye(&why)),
                _ => {}
            }
        }
        self.reached.wire.say(format!("{message}\r\n")).await?;
        self.until(&tag, &mut |_| Ok(())).await
    }

    pub(super) async fn select(&mut self, mailbox: &str, access: Access) -> Result<(), Stop> {
        let verb = if access == Access::Delete { "SELECT" } else { "EXAMINE" };
        let done = self.command(&format!("{verb} {}", quoted(mailbox)), &mut |_| Ok(())).await?;
        done.must(&format!("the mailbox `{mailbox}`"), "look whether it exists and may be opened")
    }

    /// The mails that came since `since`, to the day, newest first.
    pub(super) async fn search(&mut self, since: Timestamp) -> Result<Vec<u32>, Stop> {
        // Days are counted in the server's own time zone: one more covers them all.
        let day = since.to_zoned(jiff::tz::TimeZone::UTC).date().yesterday();
        let day = day.map_or_else(|_| "1-Jan-1970".to_owned(), |day| day.strftime("%-d-%b-%Y").to_string());
        self.news = false;
        let mut found = Vec::new();
        let mut see = |said| {
            if let Said::Search(uids) = said {
                found.extend(uids);
                // Now and then only: a server may name each in a line of its own.
                if found.len() > 2 * UIDS_MAX {
                    newest(&mut found);
                }
            }
            Ok(())
        };
        let done = self.command(&format!("UID SEARCH UNDELETED SINCE {day}"), &mut see).await?;
        done.must("SEARCH", "look at its log")?;
        newest(&mut found);
        Ok(found)
    }

    /// Shows each of these mails, as it comes: its head, or all of it up to so many bytes.
    pub(super) async fn fetch(
        &mut self,
        uids: &[u32],
        part: &str,
        see: &mut (dyn FnMut(Fetched) -> Result<(), Stop> + Send),
    ) -> Result<(), Stop> {
        if uids.is_empty() {
            return Ok(());
        }
        let set = uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let mut each = |said| match said {
            // What we did not ask for (a flag that somebody else has set) comes in the same form.
            Said::Mail(fetched) if uids.contains(&fetched.uid) && fetched.bytes.is_some() => see(fetched),
            _ => Ok(()),
        };
        let done = self.command(&format!("UID FETCH {set} (UID INTERNALDATE BODY.PEEK{part})"), &mut each).await?;
        done.must("FETCH", "look at its log")
    }

    /// Bytes that this run may still read.
    pub(super) const fn left(&self) -> usize {
        self.reached.wire.left()
    }

    /// Removes one mail.
    pub(super) async fn delete(&mut self, uid: u32) -> Result<(), Stop> {
        let done = self.command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"), &mut |_| Ok(())).await?;
        done.must("deleting", "look at the mailbox's rights")?;
        // Without UIDPLUS (RFC 4315) all go that are marked as deleted, as they would in any mail program.
        let expunge = if self.can("UIDPLUS").await? { format!("UID EXPUNGE {uid}") } else { "EXPUNGE".to_owned() };
        self.command(&expunge, &mut |_| Ok(())).await?.must("deleting", "look at the mailbox's rights")
    }

    /// Waits until something may have come, at most until `limit`.
    pub(super) async fn wait(&mut self, limit: Instant) -> Result<(), Stop> {
        if std::mem::take(&mut self.news) {
            return Ok(());
        }
        let now = Instant::now();
        if !self.can("IDLE").await? {
            tokio::time::sleep_until(limit.min(now + POLL)).await;
            return self.command("NOOP", &mut |_| Ok(())).await?.must("NOOP", "look at its log");
        }
        let tag = self.say("IDLE").await?;
        let limit = limit.min(now + REMINDER);
        loop {
            // Only the wait is ever given up, never an answer in its middle.
            match timeout_at(limit, Answer::wait(&mut self.reached.wire)).await {
                Err(_) => break,
                Ok(heard) => heard?,
            }
            match Answer::next(&mut self.reached.wire).await?.read(&tag) {
                Said::Exists => break,
                Said::Done { status, text } => return Done { status, text }.must("IDLE", "look at its log"),
                Said::Bye(why) => return Err(bye(&why)),
                _ => {}
            }
        }
        self.reached.wire.say("DONE\r\n").await?;
        self.until(&tag, &mut |_| Ok(())).await?.must("IDLE", "look at its log")
    }

    /// Polite, but not worth waiting for.
    pub(super) async fn close(mut self) {
        let _ = self.say("LOGOUT").await;
    }

    async fn command(&mut self, command: &str, see: See<'_>) -> Result<Done, Stop> {
        let tag = self.say(command).await?;
        self.until(&tag, see).await
    }

    async fn say(&mut self, command: &str) -> Result<String, Stop> {
        self.tag += 1;
        let tag = format!("u{}", self.tag);
        self.reached.wire.say(format!("{tag} {command}\r\n")).await?;
        Ok(tag)
    }

    async fn until(&mut self, tag: &str, see: See<'_>) -> Result<Done, Stop> {
        for _ in 0..ANSWERS_MAX {
            match Answer::next(&mut self.reached.wire).await?.read(tag) {
                Said::Done { status, text } => return Ok(Done { status, text }),
                Said::Bye(why) => return Err(bye(&why)),
                Said::Exists => self.news = true,
                said => see(said)?,
            }
        }
        Err(garbage(format!("more than {ANSWERS_MAX} lines to one command")))
    }
}

/// How a command ended.
struct Done {
    status: Status,
    text: String,
}

impl Done {
    fn must(&self, of: &str, advice: &str) -> Result<(), Stop> {
        let (verb, word) = match self.status {
            Status::Ok => return Ok(()),
            Status::No => ("refuses", "NO"),
            Status::Bad => ("does not understand", "BAD"),
        };
        let found = format!("{word} {}", self.text);
        // What is quoted comes last and whole: cut before it is redacted, a secret at the cut would not be known.
        let text = format!("the server {verb} {of}; {advice}: `{found}`");
        let evidence = Evidence { of: format!("the answer to {of}"), expected: "OK".to_owned(), found };
        Err(Fault { evidence: Some(evidence), ..Fault::new(FaultCode::MailRefused, text) }.into())
    }
}

/// The newest first, each once, and no more than are remembered.
fn newest(uids: &mut Vec<u32>) {
    uids.sort_unstable_by(|a, b| b.cmp(a));
    uids.dedup();
    uids.truncate(UIDS_MAX);
}

fn bye(why: &str) -> Stop {
    let text =
        format!("the server ends the session; look whether it is overloaded, shut down or limits connections: `{why}`");
    Fault::new(FaultCode::MailDeferred, text).into()
}

/// One text as a command holds it. A line break would begin another command: it becomes a blank.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_its_quotes() {
        assert_eq!(quoted("a\"b\\c\r\nu9 DELETE x"), "\"a\\\"b\\\\c  u9 DELETE x\"");
    }
}
