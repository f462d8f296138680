//! `smtp` and `imap` against servers that refuse, stammer, flood and lie (M01-M04, T12).

mod imap;
mod real;
mod smtp;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use unbroken::model::{FaultCode, Phase, Reading, Verdict};
use unbroken::probe::Prober;

use crate::walk::{errand, order, serve, step, tools};

/// What a server answers: to a line that begins so, that. `{tag}` stands for the line's first word.
type Rules = Vec<(&'static str, String)>;

/// A server that greets, and answers by rules; what it hears is kept.
struct Fake {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

/// Where a line's command begins.
#[derive(Clone, Copy)]
enum Tags {
    None,
    First,
}

impl Fake {
    async fn start(tags: Tags, greeting: impl Into<String>, rules: Rules) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (seen, rules, greeting) = (Arc::clone(&heard), Arc::new(rules), greeting.into());
        let address = serve(move |stream| {
            let (seen, rules, greeting) = (Arc::clone(&seen), Arc::clone(&rules), greeting.clone());
            async move {
                let mut stream = BufReader::new(stream);
                let mut line = String::new();
                let mut said = stream.write_all(greeting.as_bytes()).await.is_ok();
                while said && stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                    let (tag, command) = match tags {
                        Tags::None => ("", line.as_str()),
                        Tags::First => line.split_once(' ').unwrap_or(("", &line)),
                    };
                    let answer = rules.iter().find(|(start, _)| command.starts_with(start));
                    let answer = answer.map_or_else(String::new, |(_, answer)| answer.replace("{tag}", tag));
                    seen.lock().unwrap().push(line.trim_end().to_owned());
                    line.clear();
                    said = stream.write_all(answer.as_bytes()).await.is_ok();
                    if answer.ends_with('\0') {
                        return;
                    }
                }
            }
        })
        .await;
        Self { address, heard }
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().join("\n")
    }
}

/// Runs one step within so many milliseconds.
async fn run(written: &Value, millis: u64) -> Reading {
    let steps = vec![step(written)];
    let limit = Duration::from_millis(millis);
    let reading = Prober::new(tools()).run(&errand(limit, steps), order()).await;
    // The promise is 100 ms; a machine that compiles beside the tests gets more.
    assert!(reading.outcome.took < limit + Duration::from_millis(1500), "{:?}", reading.outcome.took);
    reading
}

#[track_caller]
fn failed(reading: &Reading, code: FaultCode, phase: Phase) -> String {
    let Verdict::Failed(fault) = &reading.outcome.verdict else { panic!("{:#?}", reading.outcome) };
    assert_eq!((fault.code, fault.phase), (code, Some(phase)), "{fault:?}");
    // What to do is said beside what happened.
    assert!(fault.text.len() > 30 && fault.text.chars().count() <= 300, "{}", fault.text);
    fault.text.clone()
}

#[track_caller]
fn good(reading: &Reading) {
    assert_eq!(reading.outcome.verdict, Verdict::Good, "{:#?}", reading.outcome.steps);
}

fn captured<'a>(reading: &'a Reading, name: &str) -> &'a str {
    let all = reading.outcome.steps.iter().flat_map(|step| &step.captured);
    all.filter(|it| it.name == name).find_map(|it| it.value.as_deref()).unwrap_or_default()
}

/// No form of the password leaves a run.
fn shows_no(secret: &str, reading: &Reading) {
    use base64::Engine as _;
    let shown = serde_json::to_string(reading).unwrap();
    let encode = |text: &str| base64::prelude::BASE64_STANDARD.encode(text);
    for form in [secret.to_owned(), encode(secret), encode(&format!("\0anna\0{secret}"))] {
        assert!(!shown.contains(form.trim_end_matches('=')), "{form} in {shown}");
    }
}
