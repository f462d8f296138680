//! The pages in a real browser: what it draws, runs, says to a screen reader and takes from a keyboard.

use std::path::PathBuf;

use unbroken::model::{Change, State};
use unbroken::web::Event;

use super::halcyon::{self, Mood, snapshot};
use super::site::{Running, start};
use crate::browser::{Browser, Look};
use crate::support::raw::{Raw, say};

/// Two widths, two themes; the words of the second language are judged by their own tests.
const LOOKS: [Look; 4] = [Look::DESKTOP, Look::DESKTOP.dark(), Look::PHONE.chinese(), Look::PHONE.dark()];
/// The same for pictures, in every language.
const PICTURES: [Look; 8] = [
    Look::DESKTOP,
    Look::DESKTOP.dark(),
    Look::PHONE,
    Look::PHONE.dark(),
    Look::DESKTOP.chinese(),
    Look::DESKTOP.chinese().dark(),
    Look::PHONE.chinese(),
    Look::PHONE.chinese().dark(),
];

/// One of each kind, by the name of its pictures.
fn pages() -> Vec<(&'static str, String)> {
    [
        ("home", "/".to_owned()),
        ("journey", "/journeys/pay-my-bill".to_owned()),
        ("year", "/journeys/become-a-customer?range=1y".to_owned()),
        ("touchpoint", "/touchpoints/billing".to_owned()),
        ("incident", format!("/incidents/{}", halcyon::incident_id().0)),
        ("reports", "/reports".to_owned()),
        ("report", "/reports/week/2026-W47".to_owned()),
        ("walk", "/reports/walk/pay-my-bill".to_owned()),
        ("wall", "/wall".to_owned()),
        ("card", "/card/pay-my-bill".to_owned()),
        ("missing", "/journeys/nobody-knows".to_owned()),
    ]
    .into()
}

async fn no_violations(mood: Mood) {
    let (site, mut browser) = (start(mood).await, Browser::start().await);
    let mut problems = Vec::new();
    for (name, path) in pages() {
        for look in LOOKS {
            browser.open(&site.url(&path), look).await;
            let found = browser.violations().await.into_iter();
            problems.extend(found.map(|found| format!("{name} {} {}: {found}", look.width, look.theme)));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[tokio::test]
async fn no_page_that_is_well_has_an_accessibility_violation() {
    no_violations(Mood::Well).await;
}

#[tokio::test]
async fn no_page_of_something_broken_has_an_accessibility_violation() {
    no_violations(Mood::BillingDown).await;
}

#[tokio::test]
async fn no_page_that_sees_nothing_has_an_accessibility_violation() {
    no_violations(Mood::Blind).await;
}

#[tokio::test]
async fn a_screen_reader_is_told_the_sentence_and_every_score() {
    let (site, mut browser) = (start(Mood::BillingDown).await, Browser::start().await);
    browser.open(&site.url("/"), Look::DESKTOP).await;
    let told = browser.accessibility().await;
    let says = |role: &str, part: &str| told.iter().any(|(is, name)| is == role && name.contains(part));
    assert!(says("heading", "Bills and payments answers with an error"), "{told:#?}");
    for journey in ["Become a customer", "Pay my bill", "Get help"] {
        assert!(says("link", journey), "{journey}: {told:#?}");
    }
    // Colour alone tells nobody: each has its word.
    assert!(says("StaticText", "Broken"), "{told:#?}");
}

#[tokio::test]
async fn a_keyboard_alone_leads_from_home_to_the_failing_step() {
    let (site, mut browser) = (start(Mood::BillingDown).await, Browser::start().await);
    browser.open(&site.url("/"), Look::DESKTOP).await;
    browser.press("Tab").await;
    assert_eq!(browser.evaluate("document.activeElement.className").await, "skip", "first of all, past the head");
    // A journey, then the touchpoint that costs it most: two clicks.
    for (to, arrived) in [("/journeys/pay-my-bill", "Pay my bill"), ("/touchpoints/billing", "Bills and payments")] {
        walk_to(&mut browser, to).await;
        browser.press("Enter").await;
        browser.wait(&format!("location.pathname === '{to}' && document.readyState === 'complete'")).await;
        let title = browser.evaluate("document.title").await;
        assert!(title.as_str().unwrap().contains(arrived), "{title}");
    }
    let text = browser.evaluate("document.body.innerText").await;
    assert!(text.as_str().unwrap().contains("status 500 instead of 200"), "{text}");
}

/// Presses Tab until a link to there has the focus; whatever has it on the way shows that it does.
async fn walk_to(browser: &mut Browser, path: &str) {
    const SHOWN: &str = "(() => { const at = document.activeElement, style = getComputedStyle(at); \
        return at !== document.body && (style.outlineStyle !== 'none' || style.boxShadow !== 'none') })()";
    for _ in 0..100 {
        browser.press("Tab").await;
        assert_eq!(
            browser.evaluate(SHOWN).await,
            true,
            "{}",
            browser.evaluate("document.activeElement.outerHTML").await
        );
        if browser.evaluate("document.activeElement.getAttribute('href')").await == path {
            return;
        }
    }
    panic!("the keyboard never comes to {path}");
}

/// What people read of it.
async fn text(browser: &mut Browser) -> String {
    let text = browser.evaluate("document.querySelector('main').innerText").await;
    // A card tells whether it hears of what changes: soon after it was opened, or not yet.
    text.as_str().unwrap().replace("live 1", "as of 1")
}

#[tokio::test]
async fn every_page_is_whole_without_its_script() {
    let (site, mut browser) = (start(Mood::BillingDown).await, Browser::start().await);
    for (name, path) in pages() {
        browser.open(&site.url(&path), Look::DESKTOP).await;
        let with = text(&mut browser).await;
        browser.open(&site.url(&path), Look::DESKTOP.without_scripts()).await;
        assert_eq!(text(&mut browser).await, with, "{name}");
    }
}

#[tokio::test]
async fn with_its_script_a_page_follows_without_being_loaded_again() {
    let (site, mut browser) = (start(Mood::Well).await, Browser::start().await);
    let live = ["home", "journey", "touchpoint", "wall", "card"];
    for (name, path) in pages().into_iter().filter(|(name, _)| live.contains(name)) {
        site.publish(snapshot(Mood::Well));
        browser.open(&site.url(&path), Look::DESKTOP).await;
        browser.wait("document.querySelector('[data-live]').dataset.live === 'on'").await;
        browser.evaluate("window.stayed = true; document.querySelector('main').focus(); true").await;
        assert!(!text(&mut browser).await.contains("answers with an error"), "{name}");
        site.publish(snapshot(Mood::BillingDown));
        site.happens();
        browser.wait("document.querySelector('main').innerText.includes('answers with an error')").await;
        assert_eq!(browser.evaluate("window.stayed").await, true, "{name} was loaded again");
        assert_eq!(browser.evaluate("document.activeElement.id").await, "main", "{name} lost its focus");
        assert_eq!(browser.complaints(), [""; 0], "{name}");
    }
}

#[tokio::test]
async fn u01_nothing_hostile_runs_in_a_browser() {
    let (site, mut browser) = (start(Mood::Hostile).await, Browser::start().await);
    for (name, path) in pages() {
        for look in [Look::DESKTOP, Look::PHONE] {
            browser.open(&site.url(&path), look).await;
            if !matches!(name, "missing" | "reports") {
                assert!(text(&mut browser).await.contains("onerror=alert(2)"), "{name} does not show it at all");
            }
            // What is over, and what is not there, does not change.
            if !matches!(name, "missing" | "reports" | "report" | "walk") {
                browser.wait("document.querySelector('[data-live]').dataset.live === 'on'").await;
            }
            assert_eq!(browser.evaluate("document.querySelectorAll('main script, main img[onerror]').length").await, 0);
            let complaints = browser.complaints();
            let honest = |told: &String| name == "missing" && told.contains("404");
            assert!(complaints.iter().all(honest), "{name}: {complaints:?}");
        }
    }
}

/// Every page in every look, wide as its screen and no wider.
async fn fits(mood: Mood) {
    let (site, mut browser) = (start(mood).await, Browser::start().await);
    let pictures = std::env::var_os("UNBROKEN_PICTURES").map(PathBuf::from);
    for (name, path) in pages() {
        for look in PICTURES {
            browser.open(&site.url(&path), look).await;
            let wider = browser.evaluate("document.documentElement.scrollWidth - innerWidth").await;
            if let Some(folder) = &pictures {
                let file = format!("{name}-{mood:?}-{}-{}-{}.png", look.language, look.width, look.theme);
                browser.picture(&folder.join(file.to_lowercase())).await;
            }
            assert!(wider.as_i64().unwrap() <= 0, "{name} ({mood:?}) is {wider} px wider than {} px", look.width);
        }
    }
}

#[tokio::test]
async fn pictures_of_all_well() {
    fits(Mood::Well).await;
}

#[tokio::test]
async fn pictures_of_something_broken() {
    fits(Mood::BillingDown).await;
}

#[tokio::test]
async fn pictures_of_nothing_seen() {
    fits(Mood::Blind).await;
}

#[tokio::test]
async fn pictures_of_hostile_texts() {
    fits(Mood::Hostile).await;
}

#[tokio::test]
async fn a_card_is_shown_in_a_frame_of_another_site_and_a_page_is_not() {
    let (site, mut browser) = (start(Mood::BillingDown).await, Browser::start().await);
    let other = |path: &str| {
        let html = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<iframe src={}>",
            site.url(path)
        );
        Raw::serve([say(html)])
    };
    for (path, framed) in [("/card/pay-my-bill", true), ("/journeys/pay-my-bill", false)] {
        let page = other(path).await;
        browser.open(&page.url("/"), Look::DESKTOP).await;
        let frames = browser.frames().await;
        assert_eq!(frames == [site.url(path)], framed, "{path}: {frames:?}");
        assert_eq!(frames.len(), 1);
    }
}

#[tokio::test]
async fn the_feed_is_atom_with_each_incident_once() {
    let (site, mut browser) = (start(Mood::Hostile).await, Browser::start().await);
    browser.open(&site.url("/"), Look::DESKTOP).await;
    let read = "new Promise((done) => { const ask = new XMLHttpRequest(); ask.open('GET', '/feed.atom'); \
        ask.onload = () => { const all = (name) => [...ask.responseXML.querySelectorAll(name)].map((at) => at.textContent); \
        done({ id: all('feed > id'), entries: all('entry > id'), titles: all('entry > title') }) }; ask.send() })";
    let feed = browser.evaluate(read).await;
    let entries = feed["entries"].as_array().unwrap();
    assert_eq!(entries[0], format!("urn:uuid:{}", halcyon::incident_id().0));
    assert_eq!(entries.len(), 2);
    assert!(feed["titles"][0].as_str().unwrap().contains(halcyon::ATTACK), "{feed}");
    assert!(feed["id"][0].as_str().unwrap().starts_with("urn:uuid:"), "{feed}");
}

#[tokio::test]
async fn a_page_and_all_that_it_needs_is_small() {
    let (site, mut browser) = (start(Mood::BillingDown).await, Browser::start().await);
    browser.open(&site.url("/"), Look::DESKTOP).await;
    // Style, script and icons, compressed, and the page itself.
    assert!(browser.bytes() < 60_000, "{} bytes", browser.bytes());
}

impl Running {
    /// Tells the pages that are open that something has changed.
    fn happens(&self) {
        let now = snapshot(Mood::BillingDown);
        let (from, to) = (State::Up, State::Down);
        let change = Change::TouchpointChanged { touchpoint: "billing".into(), from, to, at: now.at };
        self.events
            .send(
                Event::of(&change, &unbroken::words::Words::new(unbroken::model::Language::En), &now.map)
                    .expect("worth telling"),
            )
            .expect("a page listens");
    }
}
