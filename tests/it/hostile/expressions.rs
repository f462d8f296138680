//! An expression without end costs its run, and no thread beyond it.

use std::time::Duration;

use serde_json::{Value, json};
use unbroken::model::{SelfFault, Verdict};
use unbroken::probe::Prober;

use crate::support::raw::{Raw, say};
use crate::walk::{errand, order, step, tools};

/// Loops in loops over a thousand numbers: 10^12 rounds.
const ENDLESS: [&str; 4] = [
    "json.all(a, json.all(b, json.all(c, json.all(d, a + b + c + d >= 0))))",
    "json.exists(a, json.exists(b, json.exists(c, json.exists(d, a + b + c + d < 0))))",
    "json.map(a, json.filter(b, json.map(c, json.filter(d, a + b + c + d < 0)) == [0])) == [0]",
    "json.exists_one(a, json.exists_one(b, json.exists_one(c, json.exists_one(d, a + b + c + d < 0))))",
];

#[test]
fn an_expression_without_end_frees_its_thread_at_the_deadline() {
    // One thread for what takes long: whoever keeps it keeps everybody.
    let runtime =
        tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let body = Value::from((0..1000).collect::<Vec<u32>>()).to_string();
        let raw =
            Raw::serve(vec![say(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()))]).await;
        let prober = Prober::new(tools());
        for that in ENDLESS {
            let visit =
                |that: &str| vec![step(&json!({ "http": { "get": raw.url("/") }, "expect": { "that": that } }))];
            let late = prober.run(&errand(Duration::from_millis(500), visit(that)), order()).await;
            let Verdict::Inconclusive { why, text } = &late.outcome.verdict else { panic!("{:?}", late.outcome) };
            assert_eq!(*why, SelfFault::Late, "our own fault, not the touchpoint's: {text}");
            let next = prober.run(&errand(Duration::from_secs(20), visit("json.all(n, n >= 0)")), order()).await;
            assert_eq!(next.outcome.verdict, Verdict::Good, "after `{that}`");
        }
    });
}
