//! Finding mails: the one that is waited for, or all that came in a window.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::Instant;

use super::answer::Fetched;
use super::session::{Access, Session};
use super::wanted::{AtMost, OfMail};
use crate::clock::Clock;
use crate::model::{Evidence, Fault, FaultCode, Phase, SelfFault};
use crate::probe::mail::letter::Letter;
use crate::probe::{Field, Reply, Run, Scope, Stop};

/// Heads looked at in one go, newest first, and what is read of each.
const HEADS_MAX: usize = 100;
const HEAD_BYTES_MAX: usize = 16 << 10;
/// What an answer says beside the mail in it.
const BESIDE_BYTES_MAX: usize = 1 << 10;
/// A mail of more is not read on a thread that serves everybody.
const INLINE_BYTES_MAX: usize = 64 << 10;
/// Mails counted, and of the newest that much looked into: together within a run's bytes.
pub(super) const COUNTED_MAX: usize = 200;
const COUNTED_WHOLE_MAX: usize = 10;
const COUNTED_BYTES_MAX: usize = 64 << 10;
/// What the mail server's clock may differ from ours.
const SKEW: Duration = Duration::from_mins(1);
/// Kept for the last look, the goodbye and the telling.
const RESERVE: Duration = Duration::from_millis(250);
const SUBJECTS_TOLD_MAX: usize = 4;

/// How long, and what then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) within: Option<Duration>,
    pub(super) newer_than: Option<Duration>,
    /// What is done with the mail.
    pub(super) after: Access,
}

/// What is looked for in a mailbox.
pub(super) struct Look<'a> {
    pub(super) wanted: &'a OfMail,
    /// What must not be recommended.
    pub(super) bought: Vec<String>,
    pub(super) authserv: Option<&'a str>,
    pub(super) clock: Clock,
    pub(super) scope: &'a Scope,
}

/// A mail that was found.
struct Hit {
    uid: u32,
    reply: Reply,
}

/// What a mail's head says about it.
enum Head {
    /// It came before the window.
    Old,
    Miss(Fault),
    Candidate,
}

/// What was seen on the way.
#[derive(Default)]
struct Seen {
    uids: BTreeSet<u32>,
    /// Mails in the window.
    came: usize,
    rest: Rest,
    /// Of the newest mail that was not it, what it was instead.
    nearest: Option<Fault>,
}

/// Whether the last look has seen all that there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Rest {
    #[default]
    Nothing,
    Unseen,
}

impl Look<'_> {
    /// Waits for the mail, and reads it.
    pub(super) async fn wait(
        &self,
        run: &mut Run<'_>,
        session: &mut Session<'_>,
        wait: &Wait,
        begun: Instant,
    ) -> Result<Reply, Stop> {
        let reserve = RESERVE.min(run.left() / 4);
        let limit = (run.deadline - reserve).min(begun + wait.within.unwrap_or(Duration::from_hours(24)));
        let since = self.before(wait.newer_than.unwrap_or(run.phases.since_start() + SKEW));
        let mut seen = Seen::default();
        let mut hit = loop {
            // What comes while we look is told in the wait that follows.
            let last = Instant::now() >= limit;
            if let Some(hit) = self.find(session, since, &mut seen).await? {
                break hit;
            }
            if seen.rest == Rest::Unseen {
                continue;
            }
            if last {
                return Err(missing(seen, begun.elapsed()));
            }
            session.wait(limit).await?;
        };
        hit.reply.latency = Some(begun.elapsed());
        if wait.after == Access::Delete {
            run.phases.begin(Phase::Tidy);
            match session.delete(hit.uid).await {
                // The customer has the mail: that it stays is told, and hurts nobody.
                Err(Stop::Fault(fault)) => run.attribute("unbroken.email.not_deleted", fault.text),
                other => other?,
            }
        }
        run.attribute("unbroken.email.uid", hit.uid.to_string());
        hit.reply.set(Field::Count, 1);
        let recommended = self.recommended(&hit.reply);
        tell_recommended(&mut hit.reply, recommended);
        Ok(hit.reply)
    }

    /// Looks once through what has not been seen: the newest that is the one.
    async fn find(&self, session: &mut Session<'_>, since: Timestamp, seen: &mut Seen) -> Result<Option<Hit>, Stop> {
        let mut fresh = session.search(since).await?;
        fresh.retain(|uid| !seen.uids.contains(uid));
        let most = HEADS_MAX.min(session.left() / (HEAD_BYTES_MAX + BESIDE_BYTES_MAX));
        let older = fresh.split_off(fresh.len().min(most));
        if most == 0 && !older.is_empty() {
            return Err(too_much());
        }
        seen.uids.extend(&fresh);
        let (candidates, mut misses) = self.heads(session, &fresh, since).await?;
        let came = candidates.len() + misses.len();
        seen.came += came;
        seen.rest = if older.is_empty() || came == 0 { Rest::Nothing } else { Rest::Unseen };
        if came == 0 {
            // Where all are older than the window, those before them are too.
            seen.uids.extend(&older);
        }
        for uid in candidates {
            if session.left() < super::MAIL_BYTES_MAX + BESIDE_BYTES_MAX {
                return Err(too_much());
            }
            let Some(hit) = self.whole(session, uid, super::MAIL_BYTES_MAX).await? else { continue };
            match self.wanted.miss(&hit.reply, self.scope, self.clock.now()) {
                None => return Ok(Some(hit)),
                Some(miss) => misses.push((uid, miss)),
            }
        }
        if let Some((_, miss)) = misses.into_iter().max_by_key(|(uid, _)| *uid) {
            seen.nearest = Some(miss);
        }
        Ok(None)
    }

    /// Of these mails those whose heads fit, newest first, and why the others do not.
    async fn heads(
        &self,
        session: &mut Session<'_>,
        uids: &[u32],
        since: Timestamp,
    ) -> Result<(Vec<u32>, Vec<(u32, Fault)>), Stop> {
        let (mut candidates, mut misses) = (Vec::new(), Vec::new());
        let mut see = |head: Fetched| {
            match self.head(&head, since) {
                Head::Old => {}
                Head::Miss(miss) => misses.push((head.uid, miss)),
                Head::Candidate => candidates.push(head.uid),
            }
            Ok(())
        };
        session.fetch(uids, &format!("[HEADER]<0.{HEAD_BYTES_MAX}>"), &mut see).await?;
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        Ok((candidates, misses))
    }

    fn head(&self, head: &Fetched, since: Timestamp) -> Head {
        if head.received.is_some_and(|received| received < since) {
            return Head::Old;
        }
        match Letter::read(head.bytes.as_deref().unwrap_or_default(), self.authserv) {
            Err(unreadable) => Head::Miss(unreadable),
            Ok(letter) => {
                let miss = self.wanted.miss_of_head(&letter.into_reply(head.received), self.scope, self.clock.now());
                miss.map_or(Head::Candidate, Head::Miss)
            }
        }
    }

    /// The mail itself; none if it has gone, or cannot be read.
    async fn whole(&self, session: &mut Session<'_>, uid: u32, most: usize) -> Result<Option<Hit>, Stop> {
        let mut whole = None;
        let mut see = |fetched: Fetched| {
            whole = Some(fetched);
            Ok(())
        };
        session.fetch(&[uid], &format!("[]<0.{most}>"), &mut see).await?;
        let Some(Fetched { received, bytes: Some(bytes), .. }) = whole else { return Ok(None) };
        let letter = if bytes.len() > INLINE_BYTES_MAX {
            let authserv = self.authserv.map(str::to_owned);
            let reading = tokio::task::spawn_blocking(move || Letter::read(&bytes, authserv.as_deref()).ok());
            reading.await.map_err(|_| Stop::Own(SelfFault::Panicked, "reading a mail panicked".to_owned()))?
        } else {
            Letter::read(&bytes, self.authserv).ok()
        };
        Ok(letter.map(|letter| Hit { uid, reply: letter.into_reply(received) }))
    }

    /// What was just bought and is named in it all the same.
    fn recommended(&self, reply: &Reply) -> Vec<String> {
        let texts = [Field::Subject, Field::Text].map(|field| reply.value(field).and_then(Value::as_str).unwrap_or(""));
        let texts = texts.map(str::to_lowercase);
        let named = |bought: &&String| {
            let bought = bought.trim().to_lowercase();
            !bought.is_empty() && texts.iter().any(|text| text.contains(&bought))
        };
        self.bought.iter().filter(named).cloned().collect()
    }

    fn before(&self, age: Duration) -> Timestamp {
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        self.clock.now().checked_sub(age).unwrap_or(Timestamp::MIN)
    }

    /// Counts what came, and looks into the newest of it.
    pub(super) async fn count(&self, session: &mut Session<'_>, at_most: AtMost) -> Result<Reply, Stop> {
        let since = self.before(at_most.within.get());
        let mut uids = session.search(since).await?;
        uids.truncate(COUNTED_MAX.min(session.left() / (HEAD_BYTES_MAX + BESIDE_BYTES_MAX)));
        let (candidates, _) = self.heads(session, &uids, since).await?;
        let mut count = candidates.len();
        let (mut subjects, mut recommended) = (Vec::new(), Vec::new());
        for uid in candidates.into_iter().take(COUNTED_WHOLE_MAX) {
            if session.left() < COUNTED_BYTES_MAX + BESIDE_BYTES_MAX {
                break;
            }
            let Some(hit) = self.whole(session, uid, COUNTED_BYTES_MAX).await? else { continue };
            if self.wanted.miss(&hit.reply, self.scope, self.clock.now()).is_some() {
                count -= 1;
                continue;
            }
            subjects.push(hit.reply.value(Field::Subject).and_then(Value::as_str).unwrap_or_default().to_owned());
            recommended.extend(self.recommended(&hit.reply));
        }
        let mut reply = Reply::new().with(Field::Count, count);
        if count > at_most.mails as usize {
            reply.doubt(Field::Count, too_many(count, at_most, &subjects));
        }
        recommended.dedup();
        tell_recommended(&mut reply, recommended);
        Ok(reply)
    }
}

fn too_many(count: usize, at_most: AtMost, subjects: &[String]) -> Fault {
    let shown: Vec<String> = subjects.iter().take(SUBJECTS_TOLD_MAX).map(|subject| format!("“{subject}”")).collect();
    let (mails, within) = (at_most.mails, at_most.within);
    let text = format!(
        "{count} mails in {within}, at most {mails} are welcome: {}; look which campaigns reach the same customer",
        shown.join(", ")
    );
    let evidence = Evidence {
        of: format!("mails in {within}"),
        expected: format!("at most {mails}"),
        found: format!("{count}: {}", shown.join(", ")),
    };
    Fault { evidence: Some(evidence), ..Fault::new(FaultCode::MailTooMany, text) }
}

/// The limit is ours, and so is the blame.
fn too_much() -> Stop {
    let text = "more mails could be the one than a run may read; narrow `match` by `from` or `subject`, or give the \
                probe a mailbox of its own";
    Stop::Own(SelfFault::Unsupported, text.to_owned())
}

fn missing(seen: Seen, waited: Duration) -> Stop {
    let others = match seen.came {
        0 => "nothing came at all".to_owned(),
        several => format!("{several} mails came, none of them it"),
    };
    let nearest = seen.nearest.and_then(|miss| miss.evidence);
    let why = nearest.as_ref().map_or_else(String::new, |miss| {
        // Last and whole: the runner redacts it before it cuts it.
        format!("; the newest: {} is `{}`", miss.of, miss.found)
    });
    let text = format!(
        "no such mail within {}ms: {others}; look at the sender's queue and bounces, the filters and the spam folder{why}",
        waited.as_millis()
    );
    Fault { evidence: nearest, ..Fault::new(FaultCode::MailMissing, text) }.during(Phase::Arrival).into()
}

fn tell_recommended(reply: &mut Reply, recommended: Vec<String>) {
    if let Some(first) = recommended.first() {
        let text = format!(
            "a mail recommends `{first}`, which the customer has just bought; keep what is bought out of the \
             recommendations"
        );
        reply.doubt(Field::Recommends, Fault::new(FaultCode::MailCareless, text));
    }
    reply.set(Field::Recommends, Value::from(recommended));
}
