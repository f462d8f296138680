//! What tests of probes share: a run that reads like a sentence, and servers that behave as badly as they are told.

pub(crate) mod certificates;
pub(crate) mod dns;
pub(crate) mod net;
pub(crate) mod probe;
pub(crate) mod proxy;
pub(crate) mod raw;
pub(crate) mod screen;
pub(crate) mod sip;
pub(crate) mod web;

/// A task that ends with its owner.
#[derive(Debug)]
pub(crate) struct Task(tokio::task::JoinHandle<()>);

impl Task {
    pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
