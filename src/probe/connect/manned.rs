//! An HTTP connection, and the tasks that it would spawn: everything of a run is polled, and dropped, with the run.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

use crate::probe::Stop;

/// Drives a connection and `future` together; `look` at every turn may end both.
pub async fn along<L, F>(
    line: &mut Option<L>,
    future: F,
    mut look: impl FnMut() -> Result<(), Stop>,
) -> Result<F::Output, Stop>
where
    L: Future + Unpin,
    F: Future,
{
    let mut future = pin!(future);
    poll_fn(|cx| {
        // An error of the connection reaches `future` through its own channel.
        if line.as_mut().is_some_and(|line| Pin::new(line).poll(cx).is_ready()) {
            *line = None;
        }
        match look() {
            Ok(()) => future.as_mut().poll(cx).map(Ok),
            Err(stop) => Poll::Ready(Err(stop)),
        }
    })
    .await
}

/// The tasks that HTTP/2 would spawn, kept to be polled beside it.
#[derive(Clone, Default)]
pub struct Crew(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Crew {
    fn execute(&self, work: F) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(work));
    }
}

/// A connection with its crew.
pub struct Manned<L> {
    line: Option<Pin<Box<L>>>,
    crew: Crew,
    working: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl<L> Manned<L> {
    pub fn new(line: L, crew: Crew) -> Self {
        Self { line: Some(Box::pin(line)), crew, working: FuturesUnordered::new() }
    }
}

impl<L: Future> Future for Manned<L> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let me = self.get_mut();
        if me.line.as_mut().is_some_and(|line| line.as_mut().poll(cx).is_ready()) {
            me.line = None;
        }
        loop {
            me.working.extend(me.crew.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..));
            match me.working.poll_next_unpin(cx) {
                Poll::Ready(Some(())) => {}
                Poll::Ready(None) if me.line.is_none() => return Poll::Ready(()),
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}
