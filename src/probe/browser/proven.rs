//! Errands that fail in a real browser, and what is shown of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::tests::{page, tools};
use crate::model::{FaultCode, FindingSeverity, ProbeId, Proof, Sort, Trigger, VantageId, Verdict};
use crate::probe::expect::Expect;
use crate::probe::{Errand, Kind, Order, Prober, Proofs, Step, When};

#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Proof>>);

impl Proofs for Kept {
    fn keep(&self, proof: Proof) {
        self.0.lock().unwrap().push(proof);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_is_shown_and_one_that_does_not_is_not() {
    let url =
        page("<title>Shop</title><h1>Pay</h1><button>Later</button><script>console.error('no card')</script>").await;
    for (wanted, shown) in [("Later", 0), ("Now", 1)] {
        let deeds = json!([{ "click": wanted, "within": "1s" }]);
        let kind = Kind::decode("browser", json!({ "open": url.as_str(), "do": deeds })).unwrap().unwrap();
        let step = Step {
            name: "pay".into(),
            kind,
            expect: Expect::default(),
            capture: Vec::new(),
            on: None,
            when: When::Well,
            timeout: None,
            severity: FindingSeverity::Blocking,
        };
        let each = (Duration::from_mins(1), Duration::from_mins(1));
        let errand = Errand::new(ProbeId::new("shop", "pay"), "Pay".to_owned(), each, vec![step], BTreeMap::new());
        let kept = Arc::new(Kept::default());
        let prober = Prober::new(tools()).showing(Arc::clone(&kept) as Arc<dyn Proofs>);
        let order = Order {
            persona: None,
            vantage: VantageId::default(),
            trigger: Trigger::Person,
            asked_by: None,
            scheduled: Timestamp::UNIX_EPOCH,
        };
        let reading = prober.run(&Arc::new(errand), order).await;
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
