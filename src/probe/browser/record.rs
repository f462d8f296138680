//! Writes down what a person does on a page, as the lines of `do` that do it again.
//!
//! Elements get the names that [`find.js`](super::window::FIND) finds them by, asked there and then. What a page reacts
//! with is looked for afterwards, from here: its effect is what was not to be seen before.

mod ear;
mod effect;
mod line;
mod pending;
mod sheet;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::emulation::{
    ClearDeviceMetricsOverrideParams, SetEmitTouchEventsForMouseConfiguration, SetEmitTouchEventsForMouseParams,
};
use chromiumoxide::cdp::browser_protocol::page::{NavigateParams, TransitionType};
use chromiumoxide::error::{CdpError, Result as Told};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::chromium::herald::Order;
pub use super::device::Device;
use super::device::Guise;
use super::pool::Browsers;
use super::tab::Tab;
use super::visit::version;
use super::visit::way::unreachable;
use super::world::World;
use super::{DEEDS_MAX, walk};
use crate::probe::Stop;
use crate::probe::connect::Network;
use crate::probe::connect::address::Way;
use ear::{Heard, Kept, place};
use effect::{Sights, effect, is_steady, part};
use line::{Done, Line, Then, Typed, clip};
use pending::Pending;

/// How often the pages are looked at.
const LOOK: Duration = Duration::from_millis(150);
/// How long after its effect a click may be heard.
const HEARD_WITHIN: Duration = Duration::from_secs(2);
/// What is heard and not yet written down.
const HEARD_MAX: usize = 64;

/// What is recorded.
#[derive(Debug)]
pub struct Wanted {
    pub open: Url,
    /// A desktop, if none is named.
    pub device: Option<Device>,
    /// Names what pages must not find.
    pub random: u64,
}

/// Opens the page and writes down what is done there until `stop`, or until its windows are closed: a touchpoint's file.
/// Each line is told as it is known. Fails with words for whoever asked.
pub async fn record(
    (browsers, network): (&Browsers, Arc<Network>),
    wanted: &Wanted,
    stop: CancellationToken,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<String, String> {
    let tab = browsers.tab(network, Way::Written, &wanted.open).await.map_err(words)?;
    follow(&tab, wanted, &stop, tell).await
}

async fn follow(
    tab: &Tab,
    wanted: &Wanted,
    stop: &CancellationToken,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<String, String> {
    let (sink, mut heard) = mpsc::channel(HEARD_MAX);
    let mut recorder = Recorder {
        tab,
        guise: Guise::plain(wanted.device.unwrap_or_default()),
        world: World::new(wanted.random),
        sink,
        listening: JoinSet::new(),
        pages: Vec::new(),
        current: 0,
        title: String::new(),
        shown: [None, None],
        lines: Vec::new(),
        typing: None,
        pending: None,
        seen: (0, 0),
        unclaimed: None,
        stray: None,
        tell,
    };
    recorder.open(&wanted.open).await?;
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            // Whoever ends the browser ends all its windows.
            _ = tab.gone() => break,
            Some((page, heard)) = heard.recv() => recorder.hear(page, heard).await,
            _ = looks.tick() => if !recorder.look().await { break },
        }
        if recorder.lines.len() >= DEEDS_MAX {
            (recorder.tell)("That is as much as one step does; what follows is not recorded.");
            break;
        }
    }
    recorder.conclude();
    Ok(sheet::write(wanted, &recorder.title, &recorder.lines))
}

struct Recorder<'r> {
    tab: &'r Tab,
    guise: Guise,
    world: World,
    sink: ear::Sink,
    listening: JoinSet<()>,
    /// The first is the one that was opened.
    pages: Vec<Known>,
    /// The page that the last line was done on.
    current: usize,
    title: String,
    /// What it showed, whole and without its frames, when it was looked at last and before that: a deed that is heard of
    /// now may have had its effect at the last look.
    shown: [Option<Sights>; 2],
    lines: Vec<Line>,
    /// The field that the last line fills, until it is left.
    typing: Option<(usize, String)>,
    pending: Option<Pending>,
    /// Dialogs and downloads that are told, or nobody's,
    seen: (usize, usize),
    /// and since when there are more: a click is heard only when the dialog is gone that it brought.
    unclaimed: Option<Instant>,
    /// The tab that came last and that no deed is known to have opened yet, and when it came.
    stray: Option<(usize, Instant)>,
    tell: &'r mut (dyn FnMut(&str) + Send),
}

/// A page that is listened to.
struct Known {
    page: Page,
    /// Where it stands in its history.
    place: i64,
}

impl Recorder<'_> {
    async fn open(&mut self, url: &Url) -> Result<(), String> {
        let page = self.tab.page.clone();
        let mut guise = self.guise.orders(&version(&self.tab.agent));
        if !self.guise.device.touches() {
            guise.push(Order::new(&ClearDeviceMetricsOverrideParams::default()));
        }
        self.tab.herald.greet(guise);
        self.attend(&page).await.map_err(told)?;
        let gone = page.execute(NavigateParams::new(url.as_str())).await.map_err(told)?.result;
        if let Some(error) = gone.error_text {
            return Err(words(unreachable(&error, url, self.tab)));
        }
        self.pages[0].place = place(&page).await.map(|(place, _)| place).unwrap_or_default();
        Ok(())
    }

    /// Listens to a page, and shows it as the customer has it.
    async fn attend(&mut self, page: &Page) -> Told<()> {
        self.guise.wear(page, &version(&self.tab.agent)).await?;
        if self.guise.device.touches() {
            let mut fingers = SetEmitTouchEventsForMouseParams::new(true);
            fingers.configuration = Some(SetEmitTouchEventsForMouseConfiguration::Mobile);
            page.execute(fingers).await?;
            // Around what such a device shows; a window that is larger does as well.
            let _ = self.guise.fit(page).await;
        } else {
            // As large as the window is: a person must see all of it.
            page.execute(ClearDeviceMetricsOverrideParams::default()).await?;
        }
        let number = self.pages.len();
        ear::listen(page, number, (&self.world, self.sink.clone()), &mut self.listening).await?;
        let place = place(page).await.map(|(place, _)| place).unwrap_or_default();
        self.pages.push(Known { page: page.clone(), place });
        Ok(())
    }

    async fn hear(&mut self, page: usize, heard: Heard) {
        if let Heard::Fill { key, value, kept, done, element } = &heard
            && self.typing.as_ref().is_some_and(|(on, typed)| *on == page && typed == key)
        {
            if let (Some(Line { done: Done::Fill(_, typed), .. }), Kept::None) = (self.lines.last_mut(), kept) {
                *typed = Typed::text(value.clone(), element);
            }
            if *done {
                self.typed();
            }
            return;
        }
        // What is told of a field that was left before was told already.
        if matches!(heard, Heard::Fill { done: true, .. }) {
            return;
        }
        self.conclude();
        self.turn_to(page);
        let (done, before) = match heard {
            Heard::Click { element, before } => (Done::Click(element), Some(before)),
            Heard::Press { keys, before } => (Done::Press(keys), Some(before)),
            Heard::Fill { key, element, value, kept, .. } => {
                self.typing = Some((page, key));
                let typed = match kept {
                    Kept::None => Typed::text(value, &element),
                    Kept::Secret => Typed::Secret(element.variable("")),
                    Kept::Code => Typed::Code(element.variable("_SECRET")),
                };
                self.lines.push(Line::new(Done::Fill(element, typed)));
                return;
            }
            Heard::Tick { element, ticked: true } => (Done::Tick(element), None),
            Heard::Tick { element, ticked: false } => (Done::Untick(element), None),
            Heard::Select { element, option } => (Done::Select(element, option), None),
            Heard::Upload { element, file } => (Done::Upload(element, file), None),
        };
        self.add(done);
        let Some(before) = before else { return };
        let before = if before.framed { self.around(before).await } else { Some(before) };
        self.pending = before.map(Pending::new);
        self.claim().await;
    }

    /// What was done in a frame may show outside it.
    async fn around(&self, framed: Sights) -> Option<Sights> {
        let outside = match self.shown[1].as_ref().or(self.shown[0].as_ref()) {
            Some(shown) => Some(shown.clone()),
            None => ear::sights(&self.pages.get(self.current)?.page, &self.world).await,
        };
        outside.map(|outside| outside.and(framed))
    }

    fn add(&mut self, done: Done) {
        self.lines.push(Line::new(done));
        self.tell_last();
    }

    fn tell_last(&mut self) {
        let Some(line) = self.lines.last() else { return };
        let yaml = line.yaml();
        let hint = line.hint().map(|hint| format!("\n    # {hint}")).unwrap_or_default();
        (self.tell)(&format!("  - {}{hint}", yaml.replace('\n', "\n    ")));
    }

    /// The field is left: what stands in it is known.
    fn typed(&mut self) {
        if self.typing.take().is_some() {
            self.tell_last();
        }
    }

    /// Nothing more becomes of the last line.
    fn conclude(&mut self) {
        self.typed();
        if let (Some(pending), Some(line)) = (self.pending.take(), self.lines.last_mut())
            && let Some(then) = pending.then()
        {
            match then {
                Then::Dialog(_) => self.seen.0 += 1,
                Then::Download(_) => self.seen.1 += 1,
                Then::Text(_) | Then::Url(_) | Then::NewTab(_) => {}
            }
            line.then = Some(then);
            if let Some((_, then)) = line.yaml().rsplit_once('\n') {
                (self.tell)(&format!("    {then}"));
            }
        }
    }

    /// A probe goes on in a tab when it opens, and leaves it by going back.
    fn turn_to(&mut self, page: usize) {
        if page == self.current {
            return;
        }
        if page == 0 {
            self.add(Done::Back);
        } else {
            (self.tell)("  # the next line is done in a tab that was left before: a probe does not find back there");
        }
        self.current = page;
    }

    /// Whether there is still something to look at.
    async fn look(&mut self) -> bool {
        self.tabs().await;
        self.history().await;
        self.effects().await;
        self.tab.is_open().await
    }

    async fn tabs(&mut self) {
        for page in self.tab.others().await {
            let is_known = self.pages.iter().any(|known| known.page.target_id() == page.target_id());
            if is_known || self.attend(&page).await.is_err() {
                continue;
            }
            self.stray = Some((self.pages.len() - 1, Instant::now()));
            self.claim().await;
        }
    }

    /// A new tab is what came of the last deed, also of one that is heard of after it.
    async fn claim(&mut self) {
        let fresh = self.stray.filter(|(tab, since)| *tab != self.current && since.elapsed() <= HEARD_WITHIN);
        let (Some((tab, _)), Some(pending)) = (fresh, &mut self.pending) else { return };
        let Some(known) = self.pages.get(tab) else { return };
        let url = known.page.url().await.ok().flatten().unwrap_or_default();
        let named = part(&pending.before.url, &url).or_else(|| Some(Url::parse(&url).ok()?.host_str()?.to_owned()));
        pending.settle(named.map(Then::NewTab));
        self.conclude();
        (self.current, self.stray) = (tab, None);
    }

    /// Whoever goes back without a page's doing has pressed the browser's button.
    async fn history(&mut self) {
        let Some(known) = self.pages.get(self.current) else { return };
        let Some((now, how)) = place(&known.page).await else { return };
        let before = std::mem::replace(&mut self.pages[self.current].place, now);
        if self.pending.as_ref().is_some_and(|pending| !pending.is_known()) || now == before {
            return;
        }
        if now + 1 == before {
            self.conclude();
            self.add(Done::Back);
        } else if now < before || matches!(how, TransitionType::Typed | TransitionType::AddressBar) {
            (self.tell)(
                "  # a page was gone to by its address or far back: that is not recorded; begin a new step there",
            );
        }
    }

    /// What comes without anybody's doing is nobody's.
    fn disclaim(&mut self, now: (usize, usize)) {
        let since = *self.unclaimed.get_or_insert_with(Instant::now);
        if now == self.seen || since.elapsed() > HEARD_WITHIN {
            (self.seen, self.unclaimed) = (now, None);
        }
    }

    async fn effects(&mut self) {
        let Some(page) = self.pages.get(self.current).map(|known| known.page.clone()) else { return };
        let framed = self.pending.as_ref().is_some_and(|pending| pending.before.framed);
        let mut sights = ear::sights(&page, &self.world).await;
        if let Some(shown) = &mut sights {
            // Of another page nothing stands here.
            if self.shown[0].as_ref().is_some_and(|before| before.url != shown.url) {
                self.shown = [None, None];
            }
            if shown.ready && !shown.text.is_empty() {
                self.shown = [Some(shown.clone()), self.shown[0].take()];
            }
            if framed {
                *shown = ear::in_frames(&page, &self.world).await.into_iter().fold(shown.clone(), Sights::and);
            }
        }
        if let Some(sights) = sights.as_ref().filter(|sights| self.title.is_empty() && !sights.title.is_empty()) {
            self.title = clip(&sights.title);
        }
        let (dialogs, downloads) = (self.tab.dialogs(), self.tab.downloads());
        let Some(pending) = &mut self.pending else { return self.disclaim((dialogs.len(), downloads.len())) };
        let dialog = dialogs.get(self.seen.0).and_then(|said| said.split_once(": "));
        let dialog = dialog.map(|(_, said)| said.to_owned()).filter(|said| is_steady(said) && !said.is_empty());
        let download = downloads.get(self.seen.1).map(|file| file.name.clone()).filter(|name| is_steady(name));
        let found = download.map(Then::Download).or_else(|| dialog.map(Then::Dialog));
        let shown = || sights.as_ref().and_then(|sights| effect(&pending.before, sights));
        let found = found.or_else(shown);
        let is_whole = sights.is_some_and(|sights| sights.ready);
        pending.see(found, is_whole);
        if pending.is_over() {
            self.conclude();
        }
    }
}

fn told(error: CdpError) -> String {
    words(walk::stop(error))
}

fn words(stop: Stop) -> String {
    match stop {
        Stop::Fault(fault) => fault.text,
        Stop::Own(_, text) => text,
    }
}
