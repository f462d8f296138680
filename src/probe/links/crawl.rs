//! The crawl: breadth first, a few requests at a time, no faster than it may, within bounds of pages, links and bytes.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::{Method, StatusCode};
use tokio::time::{Instant, sleep_until, timeout};
use url::Url;

use crate::model::{Evidence, Fault, FaultCode, Phase, SelfFault};
use crate::probe::connect::address::Way;
use crate::probe::run::Aside;
use crate::probe::{Field, Reply, Run, Stop, fetch};

use super::found::{self, Leads, Link};
use super::robots::{self, Robots};
use super::{External, Settings};

const AT_ONCE: usize = 4;
/// Of one page that is read for links, decoded.
const PAGE_BYTES_MAX: usize = 512 << 10;
/// Of a page that is only looked at for what it says of itself.
const LOOK_BYTES_MAX: usize = 32 << 10;
/// Of all that is read in a run.
const BYTES_MAX: usize = 4 << 20;
/// Broken links told.
const BROKEN_MAX: usize = 200;
/// What is left of the run when the crawl ends by itself and tells what it has found.
const MARGIN: Duration = Duration::from_millis(100);

/// Crawls from the page on.
pub(super) async fn crawl(settings: &Settings, run: &mut Run<'_>) -> Result<Reply, Stop> {
    let text = settings.open.render(run.scope).into_owned();
    let unfit = |why: &str| Stop::from(Fault::new(FaultCode::Expectation, format!("`{text}` is no address: {why}")));
    let mut open = Url::parse(&text).map_err(|error| unfit(&error.to_string()))?;
    // Never sent, and so never shown.
    let _ = open.set_username("");
    let _ = open.set_password(None);
    run.attribute("url.full", open.as_str());
    let begun = Instant::now();
    let asked = ask(settings, Method::GET, open, run.way, PAGE_BYTES_MAX);
    let first = fetch::fetch(run, asked).await?;
    let latency = begun.elapsed();
    run.attribute("http.response.status_code", first.status.as_u16().to_string());
    if !first.status.is_success() {
        let text = format!("the page to start from answers {}", first.status);
        return Err(Fault::new(FaultCode::Status, text).during(Phase::Receive).into());
    }
    run.phases.begin(Phase::Crawl);
    let way = run.sent();
    let rules = rules(settings, run, &first.url, way).await?;
    let mut crawl = Crawl::new(settings, first.url.clone(), rules, way);
    let body = first.body.map_err(|why| Fault::new(FaultCode::Decode, why).during(Phase::Receive))?;
    crawl.read(body, first.url.clone(), Leads::Page, 0).await?;
    let ended = crawl.walk(run).await?;
    run.phases.end();
    crawl.tell(run, ended);
    let mut reply = crawl.reply();
    reply.set(Field::Url, first.url.as_str());
    reply.latency = Some(latency);
    reply.certificate.clone_from(&run.certificate);
    Ok(reply)
}

/// The site's own rules. A site that cannot tell them does not want to be crawled (RFC 9309, 2.3.1.4).
async fn rules(settings: &Settings, run: &Run<'_>, site: &Url, way: Way) -> Result<Robots, Stop> {
    let Ok(url) = site.join("/robots.txt") else { return Ok(Robots::default()) };
    let mut own = Aside::default();
    let asked = ask(settings, Method::GET, url, way, robots::BYTES_MAX);
    let got = fetch::fetch(&mut run.aside(&mut own), asked).await;
    let got = got.map_err(|stop| fetch::beside(stop, "asking for robots.txt", Phase::Crawl))?;
    if got.status.is_server_error() {
        let text = format!("robots.txt answers {}: no crawler, of search engines either, may look further", got.status);
        return Err(Fault::new(FaultCode::Status, text).during(Phase::Crawl).into());
    }
    match got.body {
        Ok(body) if got.status.is_success() => Ok(Robots::read(&String::from_utf8_lossy(&body))),
        _ => Ok(Robots::default()),
    }
}

fn ask(settings: &Settings, method: Method, url: Url, way: Way, most: usize) -> fetch::Ask<'_> {
    fetch::Ask { method, most, ..fetch::Ask::get(url, way, &settings.tls) }
}

/// How the crawl came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Whole,
    /// Its time was up.
    Early,
}

/// A link to look at.
#[derive(Debug)]
struct Errand {
    link: Link,
    /// The page that it stands on.
    on: Arc<Url>,
    /// Clicks from the start to what it leads to.
    depth: u8,
    place: Place,
    /// Bytes that may be read of it.
    most: usize,
    /// Not before.
    start: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Inside,
    Outside,
}

/// What came of it.
enum Look {
    /// Where it lies, and what is to be read of it.
    Alive(Url, Bytes),
    Broken(String),
    /// Our own trouble with another site says nothing.
    Unknown,
    Own(SelfFault, String),
}

struct Crawl<'a> {
    settings: &'a Settings,
    site: Url,
    rules: Robots,
    way: Way,
    waiting: VecDeque<(Link, Arc<Url>, u8)>,
    seen: HashSet<Url>,
    pages: usize,
    bytes: usize,
    checked: usize,
    remembered: usize,
    disallowed: usize,
    left_out: usize,
    broken: Vec<String>,
    next: Instant,
}

impl<'a> Crawl<'a> {
    fn new(settings: &'a Settings, site: Url, rules: Robots, way: Way) -> Self {
        let mut bare = site.clone();
        bare.set_fragment(None);
        Self {
            settings,
            rules,
            way,
            waiting: VecDeque::new(),
            seen: HashSet::from([bare]),
            site,
            pages: 0,
            bytes: BYTES_MAX,
            checked: 0,
            remembered: 0,
            disallowed: 0,
            left_out: 0,
            broken: Vec::new(),
            next: Instant::now(),
        }
    }

    /// Takes the links of a page, if it is one of those that are read.
    async fn read(&mut self, body: Bytes, url: Url, leads: Leads, depth: u8) -> Result<(), Stop> {
        if leads == Leads::Page {
            self.pages += 1;
        }
        let from = url.clone();
        let links = tokio::task::spawn_blocking(move || {
            let text = String::from_utf8_lossy(&body);
            if leads == Leads::Styles { found::styles(&text, &from) } else { found::page(&text, &from) }
        })
        .await
        .map_err(|_| Stop::Own(SelfFault::Panicked, "reading a page for links panicked".to_owned()))?;
        let on = Arc::new(url);
        for link in links {
            if self.seen.contains(&link.url) || self.settings.skip.iter().any(|it| it.matches(link.url.as_str())) {
                continue;
            }
            if self.seen.len() > self.settings.at_most {
                self.left_out += 1;
                continue;
            }
            self.seen.insert(link.url.clone());
            // What a page needs belongs to it; a page is one click further.
            let depth = if link.leads == Leads::Page { depth + 1 } else { depth };
            self.waiting.push_back((link, Arc::clone(&on), depth));
        }
        Ok(())
    }

    async fn walk(&mut self, run: &Run<'_>) -> Result<Ended, Stop> {
        let end = run.deadline.checked_sub(MARGIN).unwrap_or(run.deadline);
        let mut asking = FuturesUnordered::new();
        loop {
            while asking.len() < AT_ONCE
                && let Some((link, on, depth)) = self.waiting.pop_front()
            {
                if let Some(errand) = self.take_up(run, link, on, depth) {
                    asking.push(look(self.settings, run, self.way, errand));
                }
            }
            tokio::select! {
                done = asking.next() => match done {
                    Some((errand, look)) => self.note(run, errand, look).await?,
                    None if self.waiting.is_empty() => return Ok(Ended::Whole),
                    None => {}
                },
                // What is known to be broken is told; without anything to tell, the runner calls it a timeout.
                () = sleep_until(end), if !self.broken.is_empty() => return Ok(Ended::Early),
            }
        }
    }

    /// What is to be done about a link, unless it needs nothing.
    fn take_up(&mut self, run: &Run<'_>, link: Link, on: Arc<Url>, depth: u8) -> Option<Errand> {
        let place = if self.is_inside(&link.url) { Place::Inside } else { Place::Outside };
        if place == Place::Outside {
            if self.settings.external == External::Never {
                return None;
            }
            if let Some(known) = self.settings.memory.recall(&link.url, run.tools.clock.now()) {
                self.remembered += 1;
                self.count(&link.url, &on, known.broken);
                return None;
            }
        } else if !self.rules.allows(&link.url[url::Position::BeforePath..url::Position::AfterQuery]) {
            self.disallowed += 1;
            return None;
        }
        let reads = match link.leads {
            Leads::Page => depth <= self.settings.depth && self.pages < self.settings.pages,
            Leads::Styles => true,
            Leads::Part => false,
        };
        let wanted = match place {
            Place::Inside if reads => PAGE_BYTES_MAX,
            Place::Inside if link.leads == Leads::Page => LOOK_BYTES_MAX,
            _ => 0,
        };
        let most = wanted.min(self.bytes);
        self.bytes -= most;
        let start = self.next.max(Instant::now());
        self.next = start + Duration::from_secs(1) / u32::from(self.settings.rate);
        Some(Errand { link, on, depth, place, most, start })
    }

    fn is_inside(&self, url: &Url) -> bool {
        let plain = |url: &Url| url.port().is_none();
        url.origin() == self.site.origin() || (url.host() == self.site.host() && plain(url) && plain(&self.site))
    }

    async fn note(&mut self, run: &Run<'_>, errand: Errand, look: Look) -> Result<(), Stop> {
        let Errand { link, on, depth, place, most, .. } = errand;
        let broken = match look {
            Look::Own(why, text) => return Err(Stop::Own(why, text)),
            Look::Unknown => return Ok(()),
            Look::Broken(why) => {
                self.bytes += most;
                Some(why)
            }
            Look::Alive(url, body) => {
                self.bytes += most.saturating_sub(body.len());
                let page = link.leads == Leads::Page;
                let reads = !page || (depth <= self.settings.depth && self.pages < self.settings.pages);
                if most > LOOK_BYTES_MAX && reads && !body.is_empty() && self.is_inside(&url) {
                    self.read(body, url, link.leads, depth).await?;
                }
                None
            }
        };
        if place == Place::Outside {
            self.settings.memory.note(link.url.clone(), broken.clone(), run.tools.clock.now());
        }
        self.count(&link.url, &on, broken);
        Ok(())
    }

    fn count(&mut self, url: &Url, on: &Url, broken: Option<String>) {
        self.checked += 1;
        if let Some(why) = broken
            && self.broken.len() < BROKEN_MAX
        {
            self.broken.push(format!("{url} ({why}) on {on}"));
        }
    }

    fn tell(&self, run: &mut Run<'_>, ended: Ended) {
        let mut put = |name, count: usize| {
            if count > 0 {
                run.attribute(name, count.to_string());
            }
        };
        put("unbroken.links.pages", self.pages);
        put("unbroken.links.remembered", self.remembered);
        put("unbroken.links.disallowed", self.disallowed);
        put("unbroken.links.left_out", self.left_out);
        if ended == Ended::Early {
            run.attribute("unbroken.links.unfinished", "true");
        }
    }

    fn reply(self) -> Reply {
        let mut reply = Reply::new().with(Field::Checked, self.checked);
        if !self.broken.is_empty() {
            let verb = if self.broken.len() == 1 { "leads" } else { "lead" };
            let found = self.broken.join("; ");
            let text = format!("{} of {} links {verb} nowhere: {found}", self.broken.len(), self.checked);
            let evidence = Evidence { of: "broken".to_owned(), expected: "no broken link".to_owned(), found };
            let fault = Fault { evidence: Some(evidence), ..Fault::new(FaultCode::LinkBroken, text) };
            reply.doubt(Field::Broken, fault.during(Phase::Assert));
        }
        reply.with(Field::Broken, self.broken)
    }
}

/// Looks at one link.
async fn look(settings: &Settings, run: &Run<'_>, way: Way, errand: Errand) -> (Errand, Look) {
    sleep_until(errand.start).await;
    let look = match timeout(settings.each.get(), visit(settings, run, way, &errand)).await {
        Ok(look) => look,
        Err(_) => Look::Broken(format!("no answer within {}", settings.each)),
    };
    (errand, look)
}

async fn visit(settings: &Settings, run: &Run<'_>, way: Way, errand: &Errand) -> Look {
    let url = &errand.link.url;
    let mut own = Aside::default();
    let mut side = run.aside(&mut own);
    let mut got = None;
    // The head says enough of what is not read; servers that do not know the method get the usual one.
    if errand.most == 0 {
        let head = fetch::fetch(&mut side, ask(settings, Method::HEAD, url.clone(), way, 0)).await;
        got = head.ok().filter(|got| got.status.is_success());
    }
    let got = match got {
        Some(got) => got,
        None => match fetch::fetch(&mut side, ask(settings, Method::GET, url.clone(), way, errand.most)).await {
            Ok(got) => got,
            Err(Stop::Fault(fault)) => return Look::Broken(format!("{}: {}", fault.code, fault.text)),
            Err(Stop::Own(..)) if errand.place == Place::Outside => return Look::Unknown,
            Err(Stop::Own(why, text)) => return Look::Own(why, text),
        },
    };
    if is_dead(got.status, errand.place) {
        return Look::Broken(got.status.as_u16().to_string());
    }
    let media = got.media();
    let body = got.body.unwrap_or_default();
    if errand.link.leads == Leads::Page && soft_missing(&got.url, got.redirects, &body) {
        return Look::Broken(if got.redirects > 0 {
            format!("soft 404: sent on to {}, which says that there is no such page", got.url)
        } else {
            format!("soft 404: answers {}, and says that there is no such page", got.status.as_u16())
        });
    }
    let readable = match errand.link.leads {
        Leads::Page => matches!(&*media, "text/html" | "application/xhtml+xml"),
        Leads::Styles => media == "text/css",
        Leads::Part => false,
    };
    Look::Alive(got.url, if readable { body } else { Bytes::new() })
}

/// Whether a status means that a customer gets nowhere. Asking for a name is an answer; other sites' refusals of
/// programs (403, 429, 999) say nothing of what people get.
fn is_dead(status: StatusCode, place: Place) -> bool {
    let code = status.as_u16();
    match place {
        Place::Inside => code >= 400 && code != 401,
        Place::Outside => code >= 400 && !matches!(code, 401 | 403 | 405 | 406 | 429 | 451 | 503 | 999),
    }
}

/// Whether what answers well says itself that there is no such page.
fn soft_missing(url: &Url, redirects: usize, body: &Bytes) -> bool {
    let title = found::title(&String::from_utf8_lossy(&body[..body.len().min(LOOK_BYTES_MAX)]));
    found::says_missing(if redirects > 0 { Some(url) } else { None }, &title)
}
