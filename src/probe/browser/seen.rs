//! What pages did while they were used: plain data, with words for their owners. Every text is the page's own: not trusted.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use crate::probe::errand::without_keys;

/// Of an address that is shown in words.
const SHOWN_URL_CHARS_MAX: usize = 120;

/// What was seen since the watch began.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// In the order in which they were made; redirects are requests of their own.
    pub(super) requests: Vec<Request>,
    /// Requests that were too many to be kept.
    pub(super) left_out: usize,
    /// Errors that no code of the page caught.
    pub(super) uncaught: Vec<Said>,
    /// What the page or the browser wrote to the console as an error or a warning.
    pub(super) console: Vec<Said>,
    pub(super) clock: BrowserClock,
    /// When pages had all their parts, in the browser's seconds.
    pub(super) complete: Vec<f64>,
}

/// How the browser's clock stands to ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct BrowserClock {
    /// When the watch began.
    pub(super) began: Instant,
    /// What to add to the browser's seconds for seconds since the watch began.
    pub(super) skew: f64,
}

impl BrowserClock {
    /// A moment of the browser's, since the watch began.
    pub(super) fn offset(&self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds + self.skew).unwrap_or_default()
    }

    pub(super) fn instant(&self, seconds: f64) -> Instant {
        self.began + self.offset(seconds).min(Duration::from_hours(24))
    }
}

/// What tells requests of one run from each other, to whomever is told of them: a redirect is a request of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(pub(super) u64);

impl Key {
    /// `id`: the browser's own, which a chain of redirects shares.
    pub(super) fn of(id: &str, url: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (id, url).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// One request of a page. Times are seconds of the browser's clock.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    pub(super) key: Key,
    pub(super) url: String,
    pub(super) method: String,
    pub(super) resource: Resource,
    pub(super) party: Party,
    pub(super) crypt: Crypt,
    pub(super) begun: f64,
    pub(super) answer: Option<Answer>,
    pub(super) end: Option<End>,
    /// As they came over the wire: packed, with their heads.
    pub(super) bytes: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) media: String,
    pub(super) protocol: String,
    pub(super) address: Option<String>,
    pub(super) at: f64,
    pub(super) timing: Option<Timing>,
    /// Those that say how it was sent, never what it lets anybody do.
    pub(super) headers: Vec<(String, String)>,
}

/// Milliseconds after `begun`; a phase that was not needed is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Timing {
    /// Seconds of the browser's clock.
    pub(super) begun: f64,
    pub(super) dns: Option<(f64, f64)>,
    pub(super) connect: Option<(f64, f64)>,
    pub(super) tls: Option<(f64, f64)>,
    pub(super) send: Option<(f64, f64)>,
    /// Until the head was here.
    pub(super) head: Option<f64>,
}

/// How a request ended, and when.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum End {
    Done(f64),
    /// It led to another address.
    SentOn(f64),
    /// The page or the browser no longer wanted it.
    Dropped(f64),
    /// It did not come because of us: the step says `block`, or our own way there failed.
    Withheld(f64),
    /// It failed, and why: a clause that follows its name.
    Failed(f64, String),
}

impl End {
    pub(super) const fn at(&self) -> f64 {
        match self {
            Self::Done(at) | Self::SentOn(at) | Self::Dropped(at) | Self::Withheld(at) | Self::Failed(at, _) => *at,
        }
    }
}

/// Whose server a request went to, as the browser judges it: by registrable domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    First,
    Third,
}

/// Whether a secure page asked for it without encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crypt {
    AsThePage,
    Mixed,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    /// The page itself, in the main frame.
    Page,
    Frame,
    Script,
    Style,
    Picture,
    Font,
    Media,
    /// By a script.
    Call,
    /// An event source, a beacon, a report: nobody waits for it.
    Aside,
    Other,
}

impl Resource {
    const fn words(self) -> &'static str {
        match self {
            Self::Page => "the page",
            Self::Frame => "the frame",
            Self::Script => "the script",
            Self::Style => "the style sheet",
            Self::Picture => "the picture",
            Self::Font => "the font",
            Self::Media => "the recording",
            Self::Call => "the call of",
            Self::Aside | Self::Other => "the request for",
        }
    }

    /// As HAR files name it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Page | Self::Frame => "document",
            Self::Script => "script",
            Self::Style => "stylesheet",
            Self::Picture => "image",
            Self::Font => "font",
            Self::Media => "media",
            Self::Call => "fetch",
            Self::Aside => "beacon",
            Self::Other => "other",
        }
    }
}

impl Request {
    /// Why it is of no use to the page; a clause that follows its name.
    pub(super) fn failure(&self) -> Option<String> {
        match (&self.answer, &self.end) {
            (Some(answer), _) if answer.status >= 400 => Some(format!("answers {}", answer.status)),
            (_, Some(End::Failed(_, why))) => Some(why.clone()),
            _ => None,
        }
    }

    pub(super) fn host(&self) -> Option<String> {
        Url::parse(&self.url).ok()?.host_str().map(str::to_owned)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.resource.words(), shown(&self.url))
    }
}

/// What stands in the console, or what nobody caught.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) level: Level,
    pub(super) text: String,
    pub(super) place: Option<Place>,
    /// How often, one after the other or not.
    pub(super) times: u32,
    /// When first, in seconds since the watch began.
    pub(super) first: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Uncaught,
    Error,
    Warning,
}

impl Level {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Uncaught => "uncaught",
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Where in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) url: String,
    /// From 1.
    pub(super) line: u64,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.level == Level::Uncaught { "stops with" } else { "says" };
        match &self.place {
            Some(place) => write!(f, "the script {} {verb}: {}, line {}", shown(&place.url), self.text, place.line)?,
            None if self.level == Level::Uncaught => write!(f, "a script {verb}: {}", self.text)?,
            None => f.write_str(&self.text)?,
        }
        match self.times {
            1 => Ok(()),
            times => write!(f, " ({times} times)"),
        }
    }
}

impl Seen {
    /// Uncaught errors and errors on the console, in words.
    pub(super) fn errors(&self) -> Vec<String> {
        let console = self.console.iter().filter(|said| said.level == Level::Error);
        self.uncaught.iter().chain(console).map(ToString::to_string).collect()
    }

    /// Requests that came to nothing, with why; never the page itself, nor what nobody waits for.
    pub(super) fn failed(&self) -> impl Iterator<Item = (&Request, String)> {
        let counts = |request: &&Request| !matches!(request.resource, Resource::Page | Resource::Aside);
        self.requests.iter().filter(counts).filter_map(|request| Some((request, request.failure()?)))
    }

    /// The same in words.
    pub(super) fn failures(&self) -> Vec<String> {
        self.failed().map(|(request, why)| format!("{request} {why}")).collect()
    }

    /// What a secure page asked for without encryption, in words.
    pub(super) fn mixed(&self) -> Vec<String> {
        let mixed = self.requests.iter().filter(|request| request.crypt == Crypt::Mixed);
        mixed.map(|request| format!("{request} is asked for without encryption by a secure page")).collect()
    }

    /// The newest answer to the main frame's navigation, or the try of it.
    pub(super) fn page(&self) -> Option<&Request> {
        self.requests.iter().rev().find(|request| request.resource == Resource::Page)
    }

    /// Pictures that did not come, in words.
    pub(super) fn pictures(&self) -> Vec<String> {
        let pictures = self.failed().filter(|(request, _)| request.resource == Resource::Picture);
        pictures.map(|(request, why)| format!("{request} {why}")).collect()
    }

    /// Says why hosts were refused by our own gate, which the browser cannot know.
    pub(super) fn explain(&mut self, refused: &[(String, String)]) {
        for request in &mut self.requests {
            let Some(host) = request.host() else { continue };
            let why = refused.iter().find(|(name, _)| *name == host);
            if let (Some(End::Failed(_, text)), Some((_, why))) = (&mut request.end, why) {
                *text = format!("is not let out: {why}");
            }
        }
    }
}

/// An address without what it may carry: user and password, keys, a long query.
pub(super) fn shown(url: &str) -> String {
    let text = match Url::parse(url) {
        Ok(mut url) => {
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.to_string()
        }
        Err(_) => url.to_owned(),
    };
    clipped(&without_keys(&text), SHOWN_URL_CHARS_MAX)
}

/// At most `most` characters, with a sign that more was there.
pub(super) fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
