//! The company's pages in a real browser: anybody can use them, on a phone and without scripts; and what is broken about
//! them is broken there and in no status.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::Visit;
use crate::browser::{Browser, Look};

const LOOKS: [Look; 4] = [Look::DESKTOP, Look::DESKTOP.dark(), Look::PHONE, Look::PHONE.dark()];

/// The order button, and what is where a finger would touch it after scrolling there.
const TOUCHED: &str = "(() => {
    const button = [...document.querySelectorAll('button')].find((one) => one.textContent.startsWith('Order with'));
    button.scrollIntoView({ block: 'center', inline: 'center' });
    const place = button.getBoundingClientRect();
    const found = document.elementFromPoint(place.x + place.width / 2, place.y + place.height / 2);
    return button === found ? 'button' : found?.closest('#consent') ? 'consent' : found ? 'other' : 'nothing';
})()";

const ORDER: &str = "document.querySelector('[name=email]').value = 'anna@probe.example';
    [...document.querySelectorAll('button')].find((one) => one.textContent.startsWith('Order with')).click()";

impl Visit {
    async fn eyes(&self) -> Browser {
        let mut browser = Browser::start().await;
        browser.trust_everybody().await;
        browser
    }

    /// Opens a page and waits until its own script runs.
    async fn look(&self, browser: &mut Browser, name: &str, path: &str, look: Look) {
        browser.open(&self.url(name, path), look).await;
        if look.scripts {
            browser.wait("!!document.querySelector('script[src=\"/assets/own.js\"]')").await;
        }
    }

    /// Signs in as people do.
    async fn enter(&self, browser: &mut Browser, email: &str) {
        let password = std::fs::read_to_string(&self.company.environment()["HALCYON_PASSWORD_FILE"]).unwrap();
        self.look(browser, "BILLING", "/", Look::DESKTOP).await;
        browser.wait("document.querySelector('#look button') !== null").await;
        let mut typed = String::new();
        for (field, value) in [("user", email), ("password", &password)] {
            write!(typed, "document.querySelector('[name={field}]').value = '{value}';").unwrap();
        }
        browser.evaluate(&format!("{typed} document.querySelector('form .button.wide').click()")).await;
    }
}

async fn title(browser: &mut Browser) -> Value {
    browser.evaluate("document.querySelector('h1').textContent").await
}

#[tokio::test]
async fn anybody_can_use_the_pages() {
    let visit = Visit::new().await;
    let mut browser = visit.eyes().await;
    let mut problems = Vec::new();
    let pictures = std::env::var_os("UNBROKEN_PICTURES").map(std::path::PathBuf::from);
    visit.enter(&mut browser, "anna@probe.example").await;
    browser.wait("document.querySelector('h1').textContent === 'Dear Anna Schmidt'").await;
    for (name, path) in [
        ("SHOP", "/"),
        ("SHOP", "/plans/flat-m"),
        ("SHOP", "/phones/halcyon-one"),
        ("SHOP", "/basket"),
        ("SHOP", "/checkout"),
        ("SHOP", "/terms"),
        ("BILLING", "/account"),
        ("BILLING", "/number"),
        ("BILLING", "/code"),
        ("CHAT", "/"),
        ("CHAT", "/window"),
        ("SHOP", "/plans/flat-l"),
        ("SHOP", "/basket"),
        ("BILLING", "/"),
    ] {
        for look in LOOKS {
            visit.look(&mut browser, name, path, look).await;
            let found = browser.violations().await.into_iter().chain(browser.complaints());
            problems.extend(found.map(|problem| format!("{name}{path} {}x {}: {problem}", look.width, look.theme)));
            let beyond = browser.evaluate("document.documentElement.scrollWidth - innerWidth").await;
            assert_eq!(beyond, 0, "{name}{path} at {}: nobody scrolls sideways", look.width);
            if let Some(folder) = &pictures {
                let page = path.trim_matches('/').replace('/', "-");
                let file = format!("demo-{}-{page}-{}-{}.png", name.to_lowercase(), look.width, look.theme);
                browser.picture(&folder.join(file)).await;
            }
        }
        if path == "/plans/flat-l" {
            browser.evaluate("document.querySelectorAll('form')[1].submit()").await;
            browser.wait("location.pathname === '/basket' && document.readyState === 'complete'").await;
            visit.look(&mut browser, "SHOP", "/phones/halcyon-one", Look::PHONE).await;
            browser.evaluate("document.querySelectorAll('form')[1].submit()").await;
            browser.wait("location.pathname === '/basket' && document.readyState === 'complete'").await;
            assert_eq!(browser.evaluate("document.querySelector('#monthly').textContent").await, "44.99 €");
            browser.evaluate("document.querySelector('#consent button').click()").await;
            browser.wait("document.querySelector('#consent') === null").await;
        }
        if path == "/window" {
            browser.evaluate("fetch('/consent', { method: 'POST' })").await;
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    visit.company.shutdown().await;
}

#[tokio::test]
async fn an_order_needs_neither_a_desktop_nor_a_script() {
    let visit = Visit::new().await;
    let mut browser = visit.eyes().await;
    for (at, look) in [Look::DESKTOP, Look::PHONE, Look::PHONE.without_scripts()].into_iter().enumerate() {
        visit.look(&mut browser, "SHOP", "/plans/flat-m", look).await;
        assert_eq!(browser.evaluate(TOUCHED).await, "button", "{look:?}");
        browser.evaluate(ORDER).await;
        browser.wait("document.querySelector('h1')?.textContent === 'Thank you'").await;
        let order = browser.evaluate("document.querySelector('#order').textContent").await;
        assert_eq!(order, format!("H-{:06}", at + 1));
    }
    visit.company.shutdown().await;
}

#[tokio::test]
async fn a_code_is_asked_for_where_it_was_wished() {
    let visit = Visit::new().await;
    let mut browser = visit.eyes().await;
    visit.enter(&mut browser, "liwei@probe.example").await;
    browser.wait("document.querySelector('h1').textContent === 'One more thing'").await;
    let try_code =
        "document.querySelector('[name=code]').value = '000000'; document.querySelector('form').requestSubmit()";
    browser.evaluate(try_code).await;
    browser.wait("document.querySelector('[role=alert]')?.textContent.includes('not the code')").await;
    visit.look(&mut browser, "BILLING", "/account", Look::PHONE).await;
    assert_eq!(title(&mut browser).await, "Your bills", "nobody gets in by the password alone");
    visit.company.shutdown().await;
}

/// Everything moved by more than this jumps, says Google.
const JUMPS: f64 = 0.25;
const SHIFTED: &str = "new Promise((done) => {
    let sum = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((shift) => sum += shift.value))
        .observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => done(sum), 300);
})";

#[tokio::test]
async fn what_only_eyes_see_is_really_there() {
    let visit = Visit::new().await;
    let mut browser = visit.eyes().await;
    for look in [Look::DESKTOP, Look::PHONE] {
        let is_phone = look.width < 600;
        let well = |where_: &'static str| if is_phone { where_ } else { "button" };
        for (fault, touched) in [("covered-button", well("consent")), ("phone-layout", well("nothing"))] {
            visit.break_("shop", fault);
            visit.look(&mut browser, "SHOP", "/plans/flat-m", look).await;
            assert_eq!(browser.evaluate(TOUCHED).await, touched, "{fault} {}", look.width);
            visit.mend();
        }
        for (fault, jumps) in [(None, false), (Some("layout-shift"), true)] {
            fault.inspect(|fault| visit.break_("shop", fault));
            visit.look(&mut browser, "SHOP", "/plans/flat-m", look).await;
            let shifted = browser.evaluate(SHIFTED).await.as_f64().unwrap();
            assert_eq!(shifted > JUMPS, jumps, "{shifted} at {}", look.width);
        }
        visit.mend();
    }
    visit.break_("shop", "no-picture");
    visit.look(&mut browser, "SHOP", "/phones/halcyon-one", Look::PHONE).await;
    assert_eq!(browser.evaluate("document.querySelector('.stage img').naturalWidth").await, 0);
    visit.break_("shop", "dead-link");
    visit.look(&mut browser, "SHOP", "/", Look::PHONE).await;
    let status = "fetch(document.querySelector('.foot a').href).then((answer) => answer.status)";
    assert_eq!(browser.evaluate(status).await, 404);
    visit.break_("shop", "slow-third-party");
    visit.look(&mut browser, "SHOP", "/", Look::PHONE).await;
    let painted = "performance.getEntriesByName('first-contentful-paint')[0].startTime";
    browser.wait("performance.getEntriesByName('first-contentful-paint').length > 0").await;
    assert!(browser.evaluate(painted).await.as_f64().unwrap() > 4000.0, "blank for seconds");
    visit.company.shutdown().await;
}

#[tokio::test]
async fn a_dead_button_is_dead() {
    let visit = Visit::new().await;
    let mut browser = visit.eyes().await;
    visit.break_("shop", "script-error");
    visit.look(&mut browser, "SHOP", "/plans/flat-m", Look::PHONE).await;
    // Until its script is there the button is the form's own.
    tokio::time::sleep(Duration::from_millis(500)).await;
    browser.evaluate(ORDER).await;
    browser.wait("true").await;
    assert!(browser.complaints().iter().any(|told| told.contains("TypeError")), "{:?}", browser.complaints());
    assert_eq!(title(&mut browser).await, "Flat M");
    visit.break_("shop", "late-hydration");
    visit.look(&mut browser, "SHOP", "/plans/flat-m", Look::PHONE).await;
    browser.evaluate(ORDER).await;
    assert_eq!(title(&mut browser).await, "Flat M", "too early");
    let order = format!("if (document.querySelector('[name=email]')) {{ {ORDER} }}");
    browser.wait(&format!("{order}; document.querySelector('h1').textContent === 'Thank you'")).await;
    visit.mend();
    visit.company.shutdown().await;
}
