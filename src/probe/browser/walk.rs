//! Does what a customer does, one thing after the other: waits as he would until it can be done, does it, and looks
//! whether what it promised happens.

mod closing;
mod vain;

use std::path::Path;
use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::dom::SetFileInputFilesParams;
use chromiumoxide::cdp::js_protocol::runtime::EvaluateParams;
use chromiumoxide::error::{CdpError, Result as Told};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::deed::{Awaited, Deed, Scroll, Ticked, Typed, Verb};
use super::element::{Element, Want};
use super::lack::{brief, shown, unready, vanished};
use super::sight::Sight;
use super::since::Since;
use super::tab::Tab;
use super::window::{Landed, Spot, State, USED_AFTER, Window};
pub(super) use closing::BLANK;
use vain::Pressed;

use crate::model::{Evidence, Fault, FaultCode, SelfFault};
use crate::probe::{Run, Stop};

/// How often a page is asked that is waited for, and cannot wait itself.
pub(super) const GLANCE: Duration = Duration::from_millis(50);
/// How long a page is left to wait by itself: then it is looked whether there is another.
const WAIT: Duration = Duration::from_secs(1);
/// Nothing asked of the network for so long is quiet.
const QUIET: Duration = Duration::from_millis(500);
/// How long what was pressed in vain is given when it is pressed again.
const AGAIN: Duration = Duration::from_secs(2);
/// How long what fits best may take to be shown, before people take what is shown.
const PATIENT: Duration = Duration::from_secs(1);

/// A customer at a page.
pub(super) struct Walk<'w> {
    window: &'w mut Window,
    tab: &'w Tab,
    sight: &'w mut Sight,
    /// What was typed last, to see whether the page keeps it: where, and what people call it.
    typed: Option<(Value, String)>,
    since: Since,
    stage: Stage,
    /// How many tabs had closed themselves when the last deed began that was done.
    closures: usize,
    deadline: Instant,
}

/// How far a deed has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Begun,
    /// What comes of it is awaited: it is not done twice, whatever goes away under it.
    Done,
}

/// What was looked for: the question, and what people call it.
struct Sought {
    query: Value,
    words: String,
}

impl Sought {
    fn new(element: &Element, want: Want, run: &Run<'_>) -> Self {
        Self { query: element.query(want, run.scope), words: element.words(want, run.scope) }
    }
}

impl<'w> Walk<'w> {
    /// `deadline` is the whole run's, or a little before.
    pub(super) fn new(window: &'w mut Window, tab: &'w Tab, sight: &'w mut Sight, deadline: Instant) -> Self {
        let since = Since::now(tab, sight);
        let closures = tab.closures();
        Self { window, tab, sight, typed: None, since, stage: Stage::Begun, closures, deadline }
    }

    /// In the tab that is looked at.
    async fn go_on(&mut self, deed: &Deed, limit: Instant, run: &mut Run<'_>) -> Result<(), Stop> {
        let pressed = match self.stage {
            Stage::Begun => self.act(deed, limit, run).await?,
            Stage::Done => None,
        };
        self.stage = Stage::Done;
        let Some(then) = &deed.then else { return self.settle().await };
        match (self.awaited(then, run, self.limit(deed.within())).await?, pressed) {
            (Err(fault), Some(pressed)) => Err(self.pressed_in_vain(pressed, then, fault, run).await?.into()),
            (Err(fault), None) => Err(fault.into()),
            (Ok(()), _) => {
                // What was typed has done its part: pages clear fields for the next question.
                self.typed = None;
                Ok(())
            }
        }
    }

    /// Does it, and tells what was pressed.
    async fn act(&mut self, deed: &Deed, limit: Instant, run: &mut Run<'_>) -> Result<Option<Pressed>, Stop> {
        if let Some((query, words)) = self.typed.take() {
            self.kept(&query, &words).await?;
        }
        // Who only waits, waits for what came of the deed before.
        if !matches!(deed.verb, Verb::WaitFor(_)) {
            self.since = Since::now(self.tab, self.sight);
        }
        match &deed.verb {
            Verb::Click(element) => {
                let sought = Sought::new(element, Want::Control, run);
                let spot = self.ready(&sought, "click", "", limit).await?;
                self.since = Since::now(self.tab, self.sight);
                self.press(&spot).await?;
                return Ok(Some(Pressed { sought, face: spot.answer.face, within: deed.within() }));
            }
            Verb::Fill(element, typed) => self.fill(Sought::new(element, Want::Field, run), typed, limit, run).await?,
            Verb::Press(keys) => {
                self.stage = Stage::Done;
                keys.press(&self.window.page).await.map_err(stop)?;
            }
            Verb::Select(element, option) => {
                let option = option.render(run.scope).into_owned();
                self.ready(&Sought::new(element, Want::Field, run), "select", &option, limit).await?;
            }
            Verb::Tick(element, ticked) => self.tick(&Sought::new(element, Want::Field, run), *ticked, limit).await?,
            Verb::Upload(element, file) => {
                let spot = self.ready(&Sought::new(element, Want::Field, run), "upload", "", limit).await?;
                self.upload(&spot, file).await?;
            }
            Verb::Scroll(scroll) => self.scroll(scroll, limit, run).await?,
            Verb::WaitFor(awaited) => self.awaited(awaited, run, limit).await??,
            Verb::Back => {
                self.stage = Stage::Done;
                self.back().await.map_err(stop)?;
            }
        }
        Ok(None)
    }

    fn limit(&self, within: Duration) -> Instant {
        self.deadline.min(Instant::now() + within)
    }

    /// Whoever promised nothing may have sent the customer to another page: what comes next is done there.
    async fn settle(&self) -> Result<(), Stop> {
        // A page that is never complete can be used all the same.
        timeout_at(self.limit(AGAIN), self.window.loaded(USED_AFTER)).await.unwrap_or(Ok(())).map_err(stop)
    }

    /// Waits until it can be used, and what it is then.
    async fn ready(&self, sought: &Sought, doing: &str, value: &str, limit: Instant) -> Result<Spot, Stop> {
        let begun = Instant::now();
        let mut query = sought.query.clone();
        let mut last = None;
        loop {
            let patience = PATIENT.saturating_sub(begun.elapsed());
            query["patient"] = (!patience.is_zero()).into();
            let most = alone(limit).min(if patience.is_zero() { WAIT } else { patience });
            let next = Instant::now() + GLANCE;
            let asked = timeout_at(limit, self.window.wait(&query, doing, value, most)).await;
            let late = asked.is_err();
            if let Ok(spot) = asked
                && let Some(spot) = spot.map_err(stop)?
            {
                if spot.answer.state >= State::Ready {
                    return Ok(spot);
                }
                query["covered"] = (spot.answer.state == State::Covered).into();
                last = Some(spot);
            }
            if late || Instant::now() + GLANCE >= limit {
                let waited = begun.elapsed();
                return Err(unready(&sought.words, self.near(sought, last).await, value, waited).into());
            }
            sleep_until(next).await;
        }
    }

    /// Clicks or taps what can be.
    async fn press(&mut self, spot: &Spot) -> Result<(), Stop> {
        self.stage = Stage::Done;
        match self.window.click(spot).await.map_err(stop)? {
            Landed::There => Ok(()),
            Landed::Nowhere => Err(vanished(spot).into()),
        }
    }

    /// What there is instead of what is not there: looked for once, at the end, for it takes the page's time.
    async fn near(&self, sought: &Sought, last: Option<Spot>) -> Option<Spot> {
        if last.as_ref().is_some_and(|spot| spot.answer.state != State::None) {
            return last;
        }
        timeout(QUIET, self.window.ask(&sought.query, "near", "")).await.ok()?.ok()?.or(last)
    }

    async fn fill(&mut self, sought: Sought, typed: &Typed, limit: Instant, run: &mut Run<'_>) -> Result<(), Stop> {
        let text = match typed {
            Typed::Text(text) => text.render(run.scope).into_owned(),
            Typed::Code(totp) => {
                let wrong = || Stop::Own(SelfFault::Misconfigured, "the secret of `totp` is no base32 text".to_owned());
                let code = totp.code(run.tools.clock.now()).ok_or_else(wrong)?;
                run.hide(&code);
                code
            }
        };
        let spot = self.ready(&sought, "fill", &text, limit).await?;
        if spot.answer.state == State::Ready {
            self.stage = Stage::Done;
            self.window.type_text(&text).await.map_err(stop)?;
            self.typed = (!text.is_empty()).then_some((sought.query, sought.words));
        }
        Ok(())
    }

    /// Scripts that take a page over when they are ready at last may throw away what was typed before.
    async fn kept(&self, query: &Value, words: &str) -> Result<(), Stop> {
        match self.window.ask(query, "read", "").await.map_err(stop)? {
            Some(spot) if spot.answer.state == State::Ready && spot.answer.value.is_empty() => {
                let text = format!(
                    "what was typed into {words} is gone again: the page shows the field before it is ready, or clears it"
                );
                Err(Fault::new(FaultCode::NoEffect, text).into())
            }
            _ => Ok(()),
        }
    }

    async fn tick(&mut self, sought: &Sought, ticked: Ticked, limit: Instant) -> Result<(), Stop> {
        let wanted = ticked == Ticked::Yes;
        let spot = self.ready(sought, "click", "", limit).await?;
        if spot.answer.checked == wanted {
            return Ok(());
        }
        self.press(&spot).await?;
        loop {
            match self.window.ask(&sought.query, "read", "").await.map_err(stop)? {
                Some(spot) if spot.answer.checked == wanted => return Ok(()),
                _ if Instant::now() + GLANCE >= limit => {
                    let state = if wanted { "is not ticked" } else { "is still ticked" };
                    let text = format!("{} {state} after it was clicked", sought.words);
                    return Err(Fault::new(FaultCode::NoEffect, text).into());
                }
                _ => sleep(GLANCE).await,
            }
        }
    }

    async fn upload(&mut self, spot: &Spot, file: &Path) -> Result<(), Stop> {
        let mut chosen = EvaluateParams::new("chosen");
        chosen.context_id = Some(spot.context());
        let chosen = match self.window.page.execute(chosen).await {
            Err(CdpError::Chrome(_)) => return Err(vanished(spot).into()),
            chosen => chosen.map_err(stop)?,
        };
        let unread =
            |error| Stop::Own(SelfFault::Misconfigured, format!("`{}` cannot be read: {error}", file.display()));
        let content = tokio::fs::read(file).await.map_err(unread)?;
        let name = file.file_name().map_or(Path::new("file"), Path::new);
        let file = self.tab.file(name, &content).await?;
        let mut files = SetFileInputFilesParams::new(vec![file.to_string_lossy().into_owned()]);
        self.stage = Stage::Done;
        files.object_id = chosen.result.result.object_id;
        self.window.page.execute(files).await.map_err(stop).map(drop)
    }

    async fn scroll(&self, scroll: &Scroll, limit: Instant, run: &Run<'_>) -> Result<(), Stop> {
        match scroll {
            Scroll::To(element) => {
                self.ready(&Sought::new(element, Want::Control, run), "scroll", "", limit).await.map(drop)
            }
            Scroll::Top => {
                let _: Option<Value> = self
                    .window
                    .main("() => scrollTo({ top: 0, behavior: 'instant' })", Vec::new())
                    .await
                    .map_err(stop)?;
                Ok(())
            }
            // Screen by screen, as people do: pages load more on the way.
            Scroll::Bottom => loop {
                let by = "() => { const before = scrollY; scrollBy({ top: innerHeight, behavior: 'instant' }); \
                          return scrollY - before; }";
                let moved: Option<f64> = self.window.main(by, Vec::new()).await.map_err(stop)?;
                if moved.is_none_or(|moved| moved < 1.0) || Instant::now() >= limit {
                    return Ok(());
                }
                sleep(GLANCE).await;
            },
        }
    }

    /// To the page before; out of a tab that has none, to the tab that opened it.
    async fn back(&mut self) -> Told<()> {
        if self.window.back().await? == Landed::Nowhere {
            self.window.turn_to(self.tab.page.clone());
        }
        Ok(())
    }

    /// Whether it happens in time; else why not.
    async fn awaited(&mut self, awaited: &Awaited, run: &Run<'_>, limit: Instant) -> Result<Result<(), Fault>, Stop> {
        let begun = Instant::now();
        loop {
            let next = Instant::now() + GLANCE;
            match timeout_at(limit, self.holds(awaited, run, alone(limit).min(WAIT))).await {
                Ok(Ok(true)) => return Ok(Ok(())),
                Ok(Err(stop)) => return Err(stop),
                Ok(Ok(false)) if Instant::now() < limit => sleep_until(next.min(limit)).await,
                Ok(Ok(false)) | Err(_) => return Ok(Err(self.missed(awaited, run, begun.elapsed()).await)),
            }
        }
    }

    /// Now, or as soon as the page sees it happen; it is given `most` for that.
    async fn holds(&mut self, awaited: &Awaited, run: &Run<'_>, most: Duration) -> Result<bool, Stop> {
        let shown = |spot: Told<Option<Spot>>, state| {
            spot.map(|spot| spot.is_some_and(|spot| spot.answer.state == state)).map_err(stop)
        };
        Ok(match awaited {
            Awaited::Text(text) => {
                let query = json!({ "text": text.render(run.scope) });
                shown(self.window.wait(&query, "look", "", most).await, State::Ready)?
            }
            Awaited::Element(element) => {
                let query = element.query(Want::Control, run.scope);
                shown(self.window.wait(&query, "look", "", most).await, State::Ready)?
            }
            Awaited::Gone(element) => {
                let query = element.query(Want::Control, run.scope);
                shown(self.window.wait(&query, "gone", "", most).await, State::Gone)?
            }
            Awaited::Url(part) => self.window.url().await.map_err(stop)?.contains(&*part.render(run.scope)),
            Awaited::NewTab(part) => self.new_tab(&part.render(run.scope)).await?,
            Awaited::Dialog(text) => {
                let text = text.render(run.scope);
                self.tab.dialogs().iter().skip(self.since.dialogs).any(|said| said.contains(&*text))
            }
            Awaited::Download(name) => self.since.came_down(self.tab, &name.render(run.scope))?,
            Awaited::NetworkQuiet => self.since.quiet(self.sight) >= QUIET,
        })
    }

    /// The fault of what was waited for in vain.
    async fn missed(&self, awaited: &Awaited, run: &Run<'_>, waited: Duration) -> Fault {
        let expected = awaited.words(run.scope);
        let found = shown(self.window).await;
        let text = format!("not within {}: {expected}; the page shows {found}", brief(waited));
        let evidence = Evidence { of: "page".to_owned(), expected, found };
        Fault { evidence: Some(evidence), ..Fault::new(FaultCode::NoEffect, text) }
    }
}

/// How long a page may wait by itself, to be heard of in time.
fn alone(limit: Instant) -> Duration {
    limit.saturating_duration_since(Instant::now()).saturating_sub(2 * GLANCE)
}

/// What the browser says when it cannot be talked to: our own trouble, but for a page that does not let it answer.
pub(super) fn stop(error: CdpError) -> Stop {
    match error {
        CdpError::Timeout => {
            Fault::new(FaultCode::Timeout, "the page does not respond: its scripts let nothing else happen").into()
        }
        other => Stop::Own(SelfFault::Unsupported, format!("our browser cannot be talked to: {other}")),
    }
}
