//! Watches tabs: all that the browser tells of them goes into the run's book.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::log::{self, EventEntryAdded};
use chromiumoxide::cdp::browser_protocol::network::{
    self, EventLoadingFailed, EventLoadingFinished, EventRequestWillBeSent, EventResponseReceived,
    EventWebSocketCreated, EventWebSocketFrameSent,
};
use chromiumoxide::cdp::browser_protocol::page::EventLoadEventFired;
use chromiumoxide::cdp::js_protocol::runtime::{self, EventConsoleApiCalled, EventExceptionThrown};
use chromiumoxide::error::CdpError;
use chromiumoxide::listeners::EventStream;
use chromiumoxide::{Page, cdp::IntoEventKind};
use futures::{Stream as _, future, try_join};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ledger::Ledger;
use super::seen::Seen;

/// Tabs watched in one run.
const TABS_MAX: usize = 8;
/// Of what a request sends, in what is told of it: nobody looks at it.
const POST_BYTES_MAX: i64 = 1024;

/// What is watched in one run. Dropped, it no longer looks.
#[derive(Debug)]
pub(super) struct Sight {
    ledger: Arc<Mutex<Ledger>>,
    eyes: Vec<Arc<Mutex<Eye>>>,
    /// The tabs, by the browser's id.
    tabs: Vec<String>,
    looking: JoinSet<()>,
}

impl Sight {
    /// What a tab is told before it goes anywhere; all else that is watched it tells by itself, for the crate asks for it.
    pub(super) fn preparation() -> network::EnableParams {
        network::EnableParams { max_post_data_size: Some(POST_BYTES_MAX), ..Default::default() }
    }

    /// Watches a tab that is empty yet.
    pub(super) async fn watch(page: &Page) -> Result<Self, CdpError> {
        let ledger = Arc::new(Mutex::new(Ledger::new(Instant::now())));
        let mut sight = Self { ledger, eyes: Vec::new(), tabs: Vec::new(), looking: JoinSet::new() };
        sight.add(page, Since::Begin).await?;
        Ok(sight)
    }

    /// Watches a tab that a page has opened, too; what it did before is told as far as the browser remembers it.
    pub(super) async fn also(&mut self, page: &Page) -> Result<(), CdpError> {
        let known = self.tabs.iter().any(|tab| tab == page.target_id().inner());
        if known || self.tabs.len() >= TABS_MAX { Ok(()) } else { self.add(page, Since::Late).await }
    }

    async fn add(&mut self, page: &Page, since: Since) -> Result<(), CdpError> {
        let eye = Eye {
            ledger: Arc::clone(&self.ledger),
            main: page.mainframe().await?.map_or_else(|| page.target_id().inner().clone(), |it| it.inner().clone()),
            since,
            waker: None,
            sent: page.event_listener().await?,
            answered: page.event_listener().await?,
            finished: page.event_listener().await?,
            failed: page.event_listener().await?,
            complete: page.event_listener().await?,
            opened: page.event_listener().await?,
            spoke: page.event_listener().await?,
            called: page.event_listener().await?,
            thrown: page.event_listener().await?,
            noted: page.event_listener().await?,
        };
        let eye = Arc::new(Mutex::new(eye));
        let looking = Arc::clone(&eye);
        self.looking.spawn(future::poll_fn(move |cx| lock(&looking).look(cx)));
        self.eyes.push(eye);
        self.tabs.push(page.target_id().inner().clone());
        if since == Since::Begin {
            return Ok(());
        }
        // What is enabled anew tells again what it has kept.
        try_join!(page.execute(log::DisableParams::default()), page.execute(runtime::DisableParams::default()))?;
        let told = try_join!(
            page.execute(Self::preparation()),
            page.execute(runtime::EnableParams::default()),
            page.execute(log::EnableParams::default()),
        );
        told.map(drop)
    }

    /// What was seen until now.
    pub(super) fn seen(&self) -> Seen {
        self.look_now();
        lock(&self.ledger).seen()
    }

    /// How often something was asked of a server until now, by requests and by sockets.
    pub(super) fn asked(&self) -> usize {
        self.look_now();
        lock(&self.ledger).asked()
    }

    /// How long no request has been under way.
    pub(super) fn quiet_for(&self) -> Duration {
        self.look_now();
        lock(&self.ledger).quiet_for(Instant::now())
    }

    /// The run's book, for whoever asks when nobody watches any more.
    pub(super) fn ledger(&self) -> Arc<Mutex<Ledger>> {
        Arc::clone(&self.ledger)
    }

    /// Reads what has come, without waiting for the task that does so.
    pub(super) fn look_now(&self) {
        for eye in &self.eyes {
            let mut eye = lock(eye);
            // The task's own waker stays with the streams: it would not be woken again otherwise.
            let waker = eye.waker.clone().unwrap_or_else(|| Waker::noop().clone());
            let _ = eye.look(&mut Context::from_waker(&waker));
        }
    }
}

/// Whether a tab was empty when the watch began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Begin,
    Late,
}

/// The streams of one tab.
#[derive(Debug)]
struct Eye {
    ledger: Arc<Mutex<Ledger>>,
    /// Its main frame.
    main: String,
    since: Since,
    waker: Option<Waker>,
    sent: EventStream<EventRequestWillBeSent>,
    answered: EventStream<EventResponseReceived>,
    finished: EventStream<EventLoadingFinished>,
    failed: EventStream<EventLoadingFailed>,
    complete: EventStream<EventLoadEventFired>,
    opened: EventStream<EventWebSocketCreated>,
    spoke: EventStream<EventWebSocketFrameSent>,
    called: EventStream<EventConsoleApiCalled>,
    thrown: EventStream<EventExceptionThrown>,
    noted: EventStream<EventEntryAdded>,
}

impl Eye {
    /// Never ready: whoever looks stops when it is dropped.
    fn look(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.waker = Some(cx.waker().clone());
        let ledger = Arc::clone(&self.ledger);
        let mut ledger = lock(&ledger);
        let now = Instant::now();
        drain(&mut self.sent, cx, |event| ledger.sent(event, &self.main, now));
        drain(&mut self.answered, cx, |event| ledger.answered(event, now));
        drain(&mut self.finished, cx, |event| ledger.finished(event, now));
        drain(&mut self.failed, cx, |event| ledger.failed(event, now));
        drain(&mut self.complete, cx, |event| ledger.complete(event));
        drain(&mut self.opened, cx, |_| ledger.spoken += 1);
        drain(&mut self.spoke, cx, |_| ledger.spoken += 1);
        drain(&mut self.called, cx, |event| ledger.called(event, now));
        drain(&mut self.thrown, cx, |event| ledger.thrown(event, now));
        drain(&mut self.noted, cx, |event| match self.since {
            Since::Begin => ledger.noted(event, now),
            Since::Late => ledger.noted_late(event, now),
        });
        Poll::Pending
    }
}

fn drain<T: IntoEventKind + Unpin>(stream: &mut EventStream<T>, cx: &mut Context<'_>, mut each: impl FnMut(&T)) {
    while let Poll::Ready(Some(event)) = Pin::new(&mut *stream).poll_next(cx) {
        each(&event);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
