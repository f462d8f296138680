//! The demo company's post: a mailbox for each customer, a server that takes mail and one that shows it.

pub(super) mod imap;
pub(super) mod letters;
pub(super) mod smtp;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, BufReader};
use tokio::sync::watch;

use super::books::CUSTOMERS;

/// Mails kept in one mailbox; the oldest is forgotten first.
const MAILS_KEPT_MAX: usize = 200;
const LINE_BYTES_MAX: u64 = 8 << 10;

/// A mail in a mailbox.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub(super) uid: u32,
    pub(super) received: Timestamp,
    pub(super) bytes: Arc<[u8]>,
    pub(super) deleted: bool,
}

#[derive(Debug, Default)]
struct Mailbox {
    last: u32,
    mails: VecDeque<Mail>,
}

/// The mailboxes of all customers, by address.
#[derive(Debug)]
pub(super) struct Mailboxes {
    boxes: Mutex<BTreeMap<&'static str, Mailbox>>,
    /// How many mails ever came: whoever waits for one watches this.
    arrived: watch::Sender<u64>,
}

impl Mailboxes {
    pub(super) fn new() -> Self {
        let boxes = CUSTOMERS.iter().map(|customer| (customer.email, Mailbox::default())).collect();
        Self { boxes: Mutex::new(boxes), arrived: watch::Sender::new(0) }
    }

    fn boxes(&self) -> MutexGuard<'_, BTreeMap<&'static str, Mailbox>> {
        // Nothing panics while it holds the lock; if it did, the demo had better go on.
        self.boxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, address: &str) -> bool {
        self.boxes().contains_key(address)
    }

    fn put(&self, address: &str, received: Timestamp, bytes: Arc<[u8]>) {
        if let Some(mailbox) = self.boxes().get_mut(address) {
            if mailbox.mails.len() >= MAILS_KEPT_MAX {
                mailbox.mails.pop_front();
            }
            mailbox.last += 1;
            mailbox.mails.push_back(Mail { uid: mailbox.last, received, bytes, deleted: false });
        }
        self.arrived.send_modify(|count| *count += 1);
    }

    fn mails(&self, address: &str) -> Vec<Mail> {
        self.boxes().get(address).map(|mailbox| mailbox.mails.iter().cloned().collect()).unwrap_or_default()
    }

    fn mark_deleted(&self, address: &str, uids: &[u32]) {
        if let Some(mailbox) = self.boxes().get_mut(address) {
            mailbox.mails.iter_mut().filter(|mail| uids.contains(&mail.uid)).for_each(|mail| mail.deleted = true);
        }
    }

    /// Removes what is marked as deleted; of these alone, if they are named.
    fn expunge(&self, address: &str, uids: Option<&[u32]>) {
        if let Some(mailbox) = self.boxes().get_mut(address) {
            mailbox.mails.retain(|mail| !mail.deleted || uids.is_some_and(|uids| !uids.contains(&mail.uid)));
        }
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.arrived.subscribe()
    }
}

/// The next line without its end; none at the end of the connection.
async fn line<S: AsyncRead + Unpin>(stream: &mut BufReader<S>, into: &mut Vec<u8>) -> io::Result<Option<String>> {
    stream.take(LINE_BYTES_MAX).read_until(b'\n', into).await?;
    if !into.ends_with(b"\n") {
        return Ok(None);
    }
    let line = String::from_utf8_lossy(into).trim_end().to_owned();
    into.clear();
    Ok(Some(line))
}

/// What a session is spoken over, in the clear or not.
trait Talk: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Talk for T {}
