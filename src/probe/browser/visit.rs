//! One visit: puts on what the customer has, opens the page, does what he does, and tells what was to be seen.

mod content;
pub(super) mod way;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chromiumoxide::cdp::browser_protocol::page::{self, CaptureScreenshotParams, NavigateParams, Viewport};
use chromiumoxide::cdp::browser_protocol::security::SetIgnoreCertificateErrorsParams;
use chromiumoxide::error::CdpError;
use futures::try_join;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use super::chromium::herald::Order;
use super::element::Want;
use super::evidence::in_time;
use super::seen::{Party, Resource, Seen};
use super::sight::Sight;
use super::story::Story;
use super::tab::{Closed, Tab};
use super::traced::Traced;
use super::vitals::{Gauge, Lame, Vital, Vitals};
use super::walk::{BLANK, GLANCE, Walk, stop};
use super::window::{JUDGED_AFTER, State, Window};
use super::{NEWS, Settings, audit, weigh};
use content::Content;
use way::{ABORTED, excuse, passage, short_of, unreachable};

use crate::model::{Fault, FaultCode, Phase, SelfFault};
use crate::probe::{Field, Reply, Run, Stop};

pub(super) async fn visit(
    settings: &Settings,
    url: Url,
    (tab, sight, story): (&Tab, &mut Sight, Option<&Arc<Story>>),
    window: &mut Window,
    run: &mut Run<'_>,
) -> Result<Reply, Stop> {
    let version = version(&tab.agent);
    let page = &tab.page;
    if settings.tls.insecure {
        page.execute(SetIgnoreCertificateErrorsParams::new(true)).await.map_err(stop)?;
    }
    // None waits for another. What slows the network down works from where it is watched on.
    let ((), _, _, gauge, traced) = try_join!(
        window.guise.wear(page, &version),
        page.execute(Sight::preparation()),
        page.execute(Window::preparation()),
        Gauge::install(page, (run.tools.random)()),
        Traced::install((page, &tab.herald), &url, run.context(), story.cloned()),
    )
    .map_err(stop)?;
    tab.herald.greet(greeting(settings, window.guise.orders(&version), traced.as_ref()));
    let limit = in_time(run.deadline);
    run.phases.begin(Phase::Load);
    let opened = tab.while_open(&tab.page, open(window, &url, tab, limit)).await;
    let mut seen = sight.seen();
    seen.explain(&tab.refused());
    arrived(run, &seen);
    if let Some(passage) = passage(tab, &url) {
        run.peer = passage.ended.ok();
        // Behind a proxy it is not the peer's place: what a page may lead to goes by its own.
        *run.came_from = passage.region;
    }
    let opened = match opened {
        Ok(opened) => opened,
        Err(Closed) => tab.behind(&tab.page).await.map(drop),
    };
    opened.map_err(|stop| said(&seen).map(Stop::from).or_else(|| short_of(tab, &seen)).unwrap_or(stop))?;
    run.phases.begin(Phase::Use);
    let told = match used(settings, (tab, sight, story), window, run, limit).await {
        Ok(()) => look_back(settings, window, (tab, sight, &gauge), run, limit).await,
        Err(stop) => Err(stop),
    };
    let seen = sight.seen();
    // What the page's server answers it answers for.
    said(&seen).is_none().then(|| short_of(tab, &seen)).flatten().map_or(told, Err)
}

/// Does what the customer does.
async fn used(
    settings: &Settings,
    (tab, sight, story): (&Tab, &mut Sight, Option<&Arc<Story>>),
    window: &mut Window,
    run: &mut Run<'_>,
    limit: Instant,
) -> Result<(), Stop> {
    let mut walk = Walk::new(window, tab, sight, limit);
    for deed in &settings.deeds {
        let name = deed.words(run.scope);
        let late = || {
            let text = format!("{name}: not done in time; the page does not let anything happen");
            Stop::from(Fault::new(FaultCode::Timeout, text))
        };
        if let Some(story) = story {
            story.doing(deed, &name);
        }
        let done = timeout_at(limit, walk.deed(deed, run)).await.unwrap_or_else(|_| Err(late()));
        if let Err(stop) = done {
            let stop = explained(stop, &sight.seen());
            if let Some(story) = story {
                story.done(Some(&stop));
            }
            return Err(stop);
        }
        if let Some(story) = story {
            story.done(None);
        }
    }
    Ok(())
}

/// Looks at the page when all is done; at the one behind it, if it closes itself.
async fn look_back(
    settings: &Settings,
    window: &mut Window,
    (tab, sight, gauge): (&Tab, &Sight, &Gauge),
    run: &mut Run<'_>,
    limit: Instant,
) -> Result<Reply, Stop> {
    loop {
        let page = window.page.clone();
        match tab.while_open(&page, look(settings, window, (tab, sight, gauge), run, limit)).await {
            Ok(reply) => return reply,
            Err(Closed) => window.turn_to(tab.behind(&page).await?),
        }
    }
}

/// What pages are told that pages open, before they ask for anything.
fn greeting(settings: &Settings, guise: Vec<Order>, traced: Option<&Traced>) -> Vec<Order> {
    let insecure = settings.tls.insecure.then(|| Order::new(&SetIgnoreCertificateErrorsParams::new(true)));
    // Where they lead to is judged from the first request on.
    let told = [
        Order::new(&page::EnableParams::default()),
        Order::new(&Sight::preparation()),
        Order::new(&Window::preparation()),
    ];
    told.into_iter().chain(guise).chain(insecure).chain(traced.map(Traced::order)).collect()
}

/// What cannot be done on a page is most often a script's fault that has stopped.
fn explained(stop: Stop, seen: &Seen) -> Stop {
    match (stop, seen.uncaught.first()) {
        (Stop::Fault(fault), Some(said)) => {
            let text = format!("{}; {said}", fault.text);
            Fault { text, ..fault }.into()
        }
        (stop, _) => stop,
    }
}

/// What is to be seen when all is done.
async fn look(
    settings: &Settings,
    window: &Window,
    (tab, sight, gauge): (&Tab, &Sight, &Gauge),
    run: &mut Run<'_>,
    limit: Instant,
) -> Result<Reply, Stop> {
    timeout_at(limit, window.loaded(JUDGED_AFTER)).await.unwrap_or(Ok(())).map_err(stop)?;
    let vitals = gauge.read().await;
    run.phases.end();
    let mut seen = sight.seen();
    seen.explain(&tab.refused());
    excuse(tab, &mut seen);
    let mut reply = told(&seen, &vitals);
    let content = Content::of(window, run.needs);
    let (content, pictures) = tokio::join!(content, audit::pictures(&window.page, gauge.world(), &seen));
    content.map_err(stop)?.fill(run.needs, &mut reply);
    defect(&mut reply, Field::Pictures, FaultCode::PictureBroken, &pictures);
    reply.set(Field::Pictures, pictures);
    if run.asked.contains(Field::Picture) {
        reply.picture = Some(pictured(settings, window, run).await?);
    }
    if run.asked.contains(Field::Accessibility) {
        let unseen = || Stop::Own(SelfFault::Unsupported, "the page could not be looked at by axe-core".to_owned());
        let violations = audit::accessibility(&window.page, gauge.world()).await.ok_or_else(unseen)?;
        reply.set(Field::Accessibility, violations.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
    if run.asked.contains(Field::Broken) || run.asked.contains(Field::Checked) {
        let followed = audit::links(&window.page, gauge.world(), run, &settings.tls).await?;
        reply.set(Field::Checked, followed.checked);
        reply.set(Field::Broken, followed.broken);
    }
    Ok(reply)
}

/// The picture of an element, or of the screen.
async fn pictured(settings: &Settings, window: &Window, run: &Run<'_>) -> Result<Bytes, Stop> {
    let mut screen = CaptureScreenshotParams::default();
    if let Some(element) = &settings.picture {
        let query = element.query(Want::Control, run.scope);
        let spot = window.ask(&query, "picture", "").await.map_err(stop)?;
        let unseen = || {
            let text = format!("{} is not to be seen", element.words(Want::Control, run.scope));
            Fault::new(FaultCode::ElementMissing, text)
        };
        let spot = spot.filter(|spot| spot.answer.state == State::Ready).ok_or_else(unseen)?;
        let corner = window.point_on_page(&spot).await.map_err(stop)?.ok_or_else(unseen)?;
        let (width, height) = (spot.answer.wide, spot.answer.high);
        screen.clip = Some(Viewport { x: corner.x, y: corner.y, width, height, scale: 1.0 });
    }
    let taken = window.page.execute(screen).await.map_err(stop)?.result.data;
    let broken = || Stop::Own(SelfFault::Unsupported, "our browser took a picture that cannot be read".to_owned());
    STANDARD.decode(AsRef::<[u8]>::as_ref(&taken)).map(Bytes::from).map_err(|_| broken())
}

/// Chromium's, as it names itself.
pub(super) fn version(agent: &str) -> String {
    let version = agent.split_once("Chrome/").map_or("", |(_, rest)| rest);
    version.split(' ').next().unwrap_or_default().to_owned()
}

/// Goes there and waits until it is complete, or nearly.
async fn open(window: &Window, url: &Url, tab: &Tab, limit: Instant) -> Result<(), Stop> {
    let is_complete = AtomicBool::new(false);
    // The answer comes when the page is complete, which may be never, and is awaited for half a minute.
    let failed = async {
        let told = window.page.execute(NavigateParams::new(url.as_str())).await.map(|told| told.result.error_text);
        is_complete.store(matches!(told, Ok(None)), Ordering::Relaxed);
        match told {
            Ok(None) | Err(CdpError::Timeout) => std::future::pending().await,
            Ok(Some(error)) if error == ABORTED => {
                sleep(NEWS).await;
                Ok(Some(error))
            }
            failed => failed,
        }
    };
    let saved = async {
        while tab.downloads().is_empty() || window.url().await.is_ok_and(|url| url != BLANK) {
            sleep(GLANCE).await;
        }
    };
    let going = async {
        tokio::select! {
            biased;
            failed = failed => failed,
            here = window.arrived() => here.map(|()| None),
            // A page may bring a file; a file in its place brings no page.
            () = saved => Ok(Some(ABORTED.to_owned())),
        }
    };
    let slow = || Fault::new(FaultCode::Timeout, format!("{url} does not come in time"));
    let error = match timeout_at(limit, going).await {
        Ok(ended) => ended.map_err(stop)?,
        // It is there, and answers nothing: what is to be done there says so.
        Err(_) if is_complete.load(Ordering::Relaxed) => None,
        Err(_) => return Err(slow().into()),
    };
    if let Some(error) = error {
        return Err(unreachable(&error, url, tab));
    }
    let afterwards = window.guise.afterwards();
    tab.herald.greet(afterwards.clone());
    for order in afterwards {
        window.page.execute(order).await.map_err(stop)?;
    }
    Ok(())
}

/// The error that the server answers with, if it does.
fn said(seen: &Seen) -> Option<Fault> {
    let status = seen.page()?.answer.as_ref()?.status;
    (status >= 400).then(|| Fault::new(FaultCode::Status, format!("answers {status}")).during(Phase::Load))
}

/// Where the time of the page's own request went.
fn arrived(run: &mut Run<'_>, seen: &Seen) {
    let Some((request, answer)) = seen.page().and_then(|page| Some((page, page.answer.as_ref()?))) else { return };
    run.attribute("http.response.status_code", answer.status.to_string());
    run.attribute("http.request.method", request.method.as_str());
    let Some(timing) = &answer.timing else { return };
    let at = |ms: f64| seen.clock.instant(timing.begun + ms / 1000.0);
    let since = |seconds: f64| (seconds - timing.begun) * 1000.0;
    let spans = [
        (Phase::Connect, timing.connect),
        (Phase::Tls, timing.tls),
        (Phase::Send, timing.send),
        (Phase::Wait, timing.send.and_then(|(_, sent)| Some((sent, timing.head?)))),
        (Phase::Receive, timing.head.and_then(|head| Some((head, since(request.end.as_ref()?.at()))))),
    ];
    for (phase, span) in spans {
        if let Some((from, to)) = span {
            run.phases.record(phase, at(from), at(to));
        }
    }
}

/// What was to be seen, felt and missed.
fn told(seen: &Seen, vitals: &Vitals) -> Reply {
    let mut reply = Reply::new();
    if let Some(answer) = seen.page().and_then(|page| page.answer.as_ref()) {
        reply.set(Field::Status, answer.status);
        if let Some(fault) = said(seen) {
            reply.doubt(Field::Status, fault);
        }
    }
    let (errors, failures, mixed) = (seen.errors(), seen.failures(), seen.mixed());
    let uncaught: Vec<String> = seen.uncaught.iter().map(ToString::to_string).collect();
    defect(&mut reply, Field::Console, FaultCode::ScriptError, &uncaught);
    let ours = seen.failed().filter(|(request, _)| request.party != Party::Third);
    let pictures = |resource| resource == Resource::Picture;
    let ours: Vec<String> = ours
        .filter(|(request, _)| !pictures(request.resource))
        .map(|(request, why)| format!("{request} {why}"))
        .collect();
    defect(&mut reply, Field::Requests, FaultCode::RequestFailed, &ours);
    defect(&mut reply, Field::Mixed, FaultCode::MixedContent, &mixed);
    reply.set(Field::Console, errors);
    reply.set(Field::Requests, failures);
    reply.set(Field::Mixed, mixed);
    let third = weigh::third_parties(seen);
    reply.set(Field::ThirdParties, third.iter().map(ToString::to_string).collect::<Vec<_>>());
    for (field, ms) in
        [(Field::Lcp, vitals.lcp), (Field::Inp, vitals.inp), (Field::Fcp, vitals.fcp), (Field::Ttfb, vitals.ttfb)]
    {
        if let Some(ms) = ms {
            reply.set(field, ms / 1000.0);
        }
    }
    if let Some(cls) = vitals.cls {
        reply.set(Field::Cls, cls);
    }
    reply.latency = vitals.lcp.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok());
    reply.judged = vitals.worst().map(|lame| {
        let mut fault = lame_words(&lame);
        // The host that kept it waiting, if it is somebody else's.
        if let (Vital::Lcp | Vital::Fcp, Some(slowest)) = (lame.vital, third.first())
            && slowest.took.as_secs_f64() * 1000.0 > lame.good / 2.0
        {
            fault.text = format!("{}; meanwhile it waits for {slowest}", fault.text);
        }
        (lame.quality, fault)
    });
    reply
}

/// A defect that customers notice and that does not stop them; one of each sort.
fn defect(reply: &mut Reply, field: Field, code: FaultCode, what: &[String]) {
    if let Some(first) = what.first() {
        let more = what.len() - 1;
        let more = if more == 0 { String::new() } else { format!(", and {more} more") };
        reply.defect(field, Fault::new(code, format!("{first}{more}")).during(Phase::Load));
    }
}

/// A vital that is not good, as customers feel it.
fn lame_words(lame: &Lame) -> Fault {
    let seconds = |ms: f64| format!("{:.1} s", ms / 1000.0);
    let (code, text) = match lame.vital {
        Vital::Lcp => (FaultCode::Latency, format!("its main content is there after {}", seconds(lame.value))),
        Vital::Fcp => (FaultCode::Latency, format!("it shows nothing for {}", seconds(lame.value))),
        Vital::Ttfb => (FaultCode::Latency, format!("its first byte comes after {}", seconds(lame.value))),
        Vital::Inp => (FaultCode::Unresponsive, format!("it reacts {:.0} ms after it is used", lame.value)),
        Vital::Cls => {
            (FaultCode::LayoutShift, format!("it jumps about while it is used: a layout shift of {:.2}", lame.value))
        }
    };
    let good = match lame.vital {
        Vital::Cls => format!("{:.1}", lame.good),
        Vital::Inp => format!("{:.0} ms", lame.good),
        Vital::Lcp | Vital::Fcp | Vital::Ttfb => seconds(lame.good),
    };
    Fault::new(code, format!("{text}; good is up to {good} ({})", lame.vital.name())).during(Phase::Load)
}
