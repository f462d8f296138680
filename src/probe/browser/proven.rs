//! Errands that fail in a real browser, and what is shown of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::join;
use tokio::net::TcpListener;
use tokio::time::sleep;
use url::Url;

use super::pool::Settings;
use super::tests::{page, tools, with};
use crate::clock::Clock;
use crate::model::{FaultCode, FindingSeverity, ProbeId, Proof, SelfFault, Sort, Trigger, VantageId, Verdict};
use crate::probe::connect::Network;
use crate::probe::connect::address::Way;
use crate::probe::expect::Expect;
use crate::probe::{Errand, Kind, Order, Prober, Proofs, Step, When};

#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Proof>>);

impl Proofs for Kept {
    fn keep(&self, proof: Proof) {
        self.0.lock().unwrap().push(proof);
    }
}

/// One step, which uses a page.
fn errand(written: &Value, timeout: Duration) -> Errand {
    errand_of(&[written], timeout)
}

fn errand_of(all: &[&Value], timeout: Duration) -> Errand {
    let each = (Duration::from_mins(1), timeout);
    let steps = all.iter().map(|written| step(written)).collect();
    Errand::new(ProbeId::new("shop", "pay"), "Pay".to_owned(), each, steps, BTreeMap::new())
}

fn step(written: &Value) -> Step {
    let kind = Kind::decode("browser", written.clone()).unwrap().unwrap();
    Step {
        name: "pay".into(),
        kind,
        expect: Expect::default(),
        capture: Vec::new(),
        on: None,
        when: When::Well,
        timeout: None,
        severity: FindingSeverity::Blocking,
    }
}

fn order() -> Order {
    Order {
        persona: None,
        vantage: VantageId::default(),
        trigger: Trigger::Person,
        asked_by: None,
        scheduled: Timestamp::UNIX_EPOCH,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_not_blamed_for_the_time_that_a_browser_was_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", silent.local_addr().unwrap())).unwrap();
    let one: Settings = serde_json::from_value(json!({ "at_most": 1 })).unwrap();
    let tools = with(one, Network::system(Clock::system()));
    let (browsers, network) = (Arc::clone(&tools.browsers), Arc::clone(&tools.network));
    let timeout = Duration::from_secs(6);
    let prober = Prober::new(tools);
    let well = page("<title>Shop</title><h1>Pay</h1>").await;
    let (well, slow) = (json!({ "open": well.as_str() }), json!({ "open": url.as_str() }));
    // Also where the step before has waited.
    for steps in [&[&slow][..], &[&well, &slow]] {
        let other = browsers.tab(Arc::clone(&network), Way::Written, &url).await.unwrap();
        let waits = Arc::new(errand_of(steps, timeout));
        let freed = async {
            sleep(timeout / 2).await;
            drop(other);
        };
        let (reading, ()) = join!(prober.run(&waits, order()), freed);
        match &reading.outcome.verdict {
            Verdict::Inconclusive { why: SelfFault::Late, text } => {
                assert!(text.contains("for a browser of ours"), "{text}");
            }
            verdict => panic!("{} steps: {verdict:?}", steps.len()),
        }
    }
    browsers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_takes_too_much_is_named_and_the_next_run_is_well() {
    let hog = "const a = []; for (;;) a.push(new Array(1 << 18).fill(a.length))";
    let endless = "for (;;);";
    let little: Settings = serde_json::from_value(json!({ "memory": "512MiB" })).unwrap();
    let tools = with(little, Network::system(Clock::system()));
    let browsers = Arc::clone(&tools.browsers);
    let prober = Prober::new(tools);
    for (script, code) in [(hog, FaultCode::BrowserOom), (endless, FaultCode::Timeout)] {
        let url =
            page(format!("<title>Shop</title><h1>Pay</h1><script>setTimeout(() => {{ {script} }}, 50)</script>")).await;
        let written = json!({ "open": url.as_str(), "do": [{ "wait_for": { "text": "Thank you" }, "within": "50s" }] });
        let patience = if code == FaultCode::Timeout { Duration::from_secs(8) } else { Duration::from_mins(1) };
        let reading = prober.run(&Arc::new(errand(&written, patience)), order()).await;
        assert_eq!(
            reading.outcome.verdict.fault().map(|fault| fault.code),
            Some(code),
            "{:?}",
            reading.outcome.verdict
        );
        let url = page("<title>Shop</title><h1>Thank you</h1>").await;
        let written = json!({ "open": url.as_str(), "do": [{ "wait_for": { "text": "Thank you" } }] });
        let reading = prober.run(&Arc::new(errand(&written, Duration::from_mins(1))), order()).await;
        assert!(matches!(reading.outcome.verdict, Verdict::Good), "{:?}", reading.outcome.verdict);
    }
    assert_eq!(browsers.health().borrow().0, 0, "no crash of ours");
    browsers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_is_the_tab_in_which_it_failed() {
    let advert = "window.open('about:blank').document.write('<title>Advert</title><h1>Buy more</h1>')";
    let url = page(format!("<title>Shop</title><h1>Pay</h1><button onclick=\"{advert}\">Go on</button>")).await;
    let deeds = json!([{ "click": "Go on" }, { "click": "Now", "within": "1s" }]);
    let errand = errand(&json!({ "open": url.as_str(), "do": deeds }), Duration::from_mins(1));
    let kept = Arc::new(Kept::default());
    let prober = Prober::new(tools()).showing(Arc::clone(&kept) as Arc<dyn Proofs>);
    let reading = prober.run(&Arc::new(errand), order()).await;
    assert!(matches!(reading.outcome.verdict, Verdict::Failed(_)), "{:?}", reading.outcome.verdict);
    let proofs = kept.0.lock().unwrap();
    let sorts: Vec<Sort> = proofs[0].exhibits().iter().map(|exhibit| exhibit.sort).collect();
    assert!(sorts.contains(&Sort::Picture), "{sorts:?}");
    let outline = proofs[0].exhibits().iter().find(|exhibit| exhibit.sort == Sort::Outline).unwrap();
    let outline = String::from_utf8_lossy(&outline.bytes);
    assert!(outline.contains("Pay") && !outline.contains("Buy more"), "{outline}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_is_shown_and_one_that_does_not_is_not() {
    let url =
        page("<title>Shop</title><h1>Pay</h1><button>Later</button><script>console.error('no card')</script>").await;
    for (wanted, shown) in [("Later", 0), ("Now", 1)] {
        let deeds = json!([{ "click": wanted, "within": "1s" }]);
        let errand = errand(&json!({ "open": url.as_str(), "do": deeds }), Duration::from_mins(1));
        let kept = Arc::new(Kept::default());
        let prober = Prober::new(tools()).showing(Arc::clone(&kept) as Arc<dyn Proofs>);
        let reading = prober.run(&Arc::new(errand), order()).await;
        let proofs = kept.0.lock().unwrap();
        assert_eq!(proofs.len(), shown, "{wanted}: {:?}", reading.outcome.verdict);
        let Some(proof) = proofs.first() else { continue };
        assert!(matches!(reading.outcome.verdict, Verdict::Failed(_)), "{:?}", reading.outcome.verdict);
        assert_eq!((proof.trace, &*proof.step, proof.why), (reading.trace, "pay", Some(FaultCode::ElementMissing)));
        let sorts: Vec<Sort> = proof.exhibits().iter().map(|exhibit| exhibit.sort).collect();
        assert_eq!(sorts, Sort::ALL);
        assert!(String::from_utf8_lossy(&proof.exhibits()[2].bytes).contains("no card"));
    }
}
