//! A journey's score as it is told in a terminal.

use anstyle::Style;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::command::terminal::{self, say, text};
use crate::words::Words;

/// Whether a journey was watched for long, or walked just once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command) enum Tense {
    Watched,
    Walked,
}

/// The score, the sentence, and what costs it, the dearest first: shares that sum to what is lost. Then what is broken
/// besides, and how each segment fares.
pub(in crate::command) fn print(journey: &Value, tense: Tense) {
    for line in lines(journey, tense) {
        say!("{line}");
    }
}

fn lines(journey: &Value, tense: Tense) -> Vec<String> {
    let (bold, dim) = (terminal::BOLD, terminal::DIM);
    let (style, score) = shown(journey["score"].as_f64());
    let mut lines = vec![
        format!("{style}{score:>6}{style:#}  {bold}{}{bold:#}", text(&journey["title"])),
        format!("        {}", text(&journey["sentence"])),
    ];
    let Told { costs, besides } = Told::of(journey, tense);
    lines.extend(costs.iter().map(|(share, what)| format!("{:>14}  {what}", format!("-{share:.1}"))));
    if !besides.is_empty() {
        lines.push("        Broken besides, and costing nothing more now:".to_owned());
        lines.extend(besides.iter().map(|what| format!("{:>14}  {what}", "0.0")));
    }
    let clock = Clock::of(journey);
    for window in journey["maintenance"].as_array().into_iter().flatten() {
        let until =
            if window["until"].is_null() { String::new() } else { format!(" until {}", clock.show(&window["until"])) };
        let name = text(&window["name"]);
        lines.push(format!("        Planned work{until}: {name}. It counts; what breaks is told when it is over."));
    }
    for segment in journey["segments"].as_array().into_iter().flatten() {
        let (style, score) = shown(terminal::score(segment));
        let (name, sentence) = (text(&segment["segment"]), text(&segment["sentence"]));
        lines.push(format!("{style}{score:>14}{style:#}  {bold}{name}{bold:#}: {sentence}"));
    }
    if tense == Tense::Watched {
        lines.push(format!("        {dim}Times are those of {}.{dim:#}", text(&journey["timezone"])));
    }
    lines
}

fn shown(points: Option<f64>) -> (Style, String) {
    (terminal::score_style(points), terminal::score_text(points))
}

/// What is wrong with a journey.
struct Told {
    /// Points, and what costs them.
    costs: Vec<(f64, String)>,
    /// What is broken and costs nothing, because something else has taken all already, or is there instead.
    besides: Vec<String>,
}

impl Told {
    fn of(journey: &Value, tense: Tense) -> Self {
        let clock = Clock::of(journey);
        let score = journey["score"].as_f64();
        let (mut costs, mut idle) = (Vec::new(), Vec::new());
        let stages = journey["stages"].as_array().into_iter().flatten();
        for element in stages.flat_map(|stage| stage["elements"].as_array().into_iter().flatten()) {
            for part in element["any_of"].as_array().map_or(std::slice::from_ref(element), Vec::as_slice) {
                match share(part) {
                    share if share > 0.0 => costs.push((share, place(part), cost(part, score, tense, &clock))),
                    _ => idle.push((place(part), part, cost(part, None, tense, &clock))),
                }
            }
        }
        for check in journey["consistency"].as_array().into_iter().flatten() {
            match share(check) {
                share if share > 0.0 => costs.push((share, String::new(), comparison(check, &clock))),
                _ => idle.push((text(&check["name"]).to_owned(), check, comparison(check, &clock))),
            }
        }
        costs.sort_by(|a, b| b.0.total_cmp(&a.0));
        // What two stages need stands there twice, and costs once.
        let mut told: Vec<String> = costs.iter().map(|(_, place, _)| place.clone()).collect();
        let mut besides = Vec::new();
        for (place, part, what) in idle {
            if matches!(text(&part["state"]), "down" | "degraded") && !told.contains(&place) {
                told.push(place);
                besides.push(what);
            }
        }
        Self { costs: costs.into_iter().map(|(share, _, what)| (share, what)).collect(), besides }
    }
}

/// Times as the company's clocks show them.
struct Clock {
    now: Option<Timestamp>,
    zone: TimeZone,
    words: Words,
}

impl Clock {
    fn of(journey: &Value) -> Self {
        let zone = TimeZone::get(text(&journey["timezone"])).unwrap_or(TimeZone::UTC);
        Self { now: text(&journey["at"]).parse().ok(), zone, words: terminal::english() }
    }

    fn show(&self, at: &Value) -> String {
        match (text(at).parse(), self.now) {
            (Ok(at), Some(now)) => self.words.moment(at, now, &self.zone),
            _ => text(at).to_owned(),
        }
    }
}

fn share(element: &Value) -> f64 {
    element["share"].as_f64().unwrap_or_default()
}

fn place(element: &Value) -> String {
    match element["probe"].as_str() {
        Some(probe) => format!("{}/{probe}", text(&element["touchpoint"])),
        None => text(&element["touchpoint"]).to_owned(),
    }
}

/// "billing, down since 09:40: status: expected 200, found 500 (if mended: 83.0)"
fn cost(element: &Value, score: Option<f64>, tense: Tense, clock: &Clock) -> String {
    let dim = terminal::DIM;
    let state = match tense {
        Tense::Watched => format!(", {} since {}", text(&element["state"]), clock.show(&element["since"])),
        Tense::Walked => String::new(),
    };
    let fault = element["fault"]["text"].as_str().map(|fault| format!(": {fault}")).unwrap_or_default();
    let gain = element["gain_if_fixed"].as_f64().unwrap_or(0.0);
    let mended = score.map(|score| format!(" {dim}(if mended: {:.1}){dim:#}", score + gain)).unwrap_or_default();
    format!("{}{state}{fault}{mended}", place(element))
}

/// "The price is the same everywhere: 34.99 at web/ad-landing.price, 29.99 at shop/plan-page.price"; of one that cannot
/// be made, who is not heard.
fn comparison(check: &Value, clock: &Clock) -> String {
    let name = text(&check["name"]);
    let values = || check["values"].as_array().into_iter().flatten();
    let told = |seen: &Value| {
        let (source, value) = (text(&seen["source"]), seen["value"].as_str());
        match (value, seen["fresh"] == true) {
            (None, _) => format!("{source} was never read"),
            (Some(value), true) => format!("{value} at {source}"),
            (Some(value), false) => format!("{value} at {source}, not read since {}", clock.show(&seen["at"])),
        }
    };
    if check["state"] == "down" {
        return format!("{name}: {}", values().map(told).collect::<Vec<_>>().join(", "));
    }
    let (heard, unheard): (Vec<&Value>, Vec<&Value>) = values().partition(|seen| seen["fresh"] == true);
    let list = |of: Vec<&Value>| of.into_iter().map(told).collect::<Vec<_>>().join("; ");
    match (unheard.len(), heard.len()) {
        (0, _) => format!("{name}: compared for the first time"),
        (_, 0) => format!("{name} cannot be compared: {}", list(unheard)),
        (_, 1) => format!("{name} cannot be compared: {} (heard: {})", list(unheard), list(heard)),
        _ => format!("{name} is not known everywhere: {} (heard: {})", list(unheard), list(heard)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(journey: &Value) -> Vec<String> {
        lines(journey, Tense::Watched).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn what_is_broken_besides_is_said_and_every_time_is_of_one_clock() {
        let part = |id: &str, state: &str, share: f64| {
            json!({ "touchpoint": id, "state": state, "share": share,
            "gain_if_fixed": 0.0, "since": "2026-11-21T08:40:00.000Z", "fault": { "text": "status 500" } })
        };
        let journey = json!({
            "title": "Pay my bill", "score": 0.0, "sentence": "Customers cannot pay.", "at": "2026-11-21T09:00:00.000Z",
            "timezone": "Europe/Berlin",
            "stages": [
                { "elements": [part("billing", "down", 100.0), part("web", "up", 0.0)] },
                { "elements": [{ "any_of": [part("chat", "down", 0.0), part("phone", "up", 0.0)] }] },
                { "elements": [part("billing", "down", 0.0), part("ads", "degraded", 0.0)] },
            ],
            "consistency": [{ "name": "One price", "state": "down", "share": 0.0, "values": [
                { "source": "web/home.price", "value": "29", "fresh": true },
                { "source": "shop/plan.price", "value": "34", "fresh": true },
            ] }],
            "segments": [{ "segment": "business", "score": 50.0, "pending": false, "sentence": "They meet a problem." }],
        });
        assert_eq!(
            told(&journey),
            [
                "   0.0  Pay my bill",
                "        Customers cannot pay.",
                "        -100.0  billing, down since 09:40: status 500 (if mended: 0.0)",
                "        Broken besides, and costing nothing more now:",
                "           0.0  chat, down since 09:40: status 500",
                "           0.0  ads, degraded since 09:40: status 500",
                "           0.0  One price: 29 at web/home.price, 34 at shop/plan.price",
                "          50.0  business: They meet a problem.",
                "        Times are those of Europe/Berlin.",
            ]
        );
    }

    #[test]
    fn a_comparison_that_cannot_be_made_says_who_is_not_heard() {
        let seen = |source: &str, value: Option<&str>, fresh: &str| {
            json!({ "source": source, "value": value,
            "at": value.map(|_| "2026-11-21T08:40:00.000Z"), "fresh": fresh == "fresh" })
        };
        let told = |state: &str, values: &[Value]| {
            let check = json!({ "name": "One price", "state": state, "share": 50.0, "values": values });
            let journey = json!({ "title": "Buy", "score": 50.0, "sentence": "So so.", "consistency": [check],
                "at": "2026-11-21T09:00:00.000Z", "timezone": "UTC" });
            told(&journey)[2].trim_start().to_owned()
        };
        let (web, shop) = (seen("web/home.price", Some("29"), "fresh"), seen("shop/plan.price", Some("29"), "stale"));
        let app = seen("app/price.price", None, "stale");
        assert_eq!(
            told("unknown", &[web.clone(), shop.clone(), app.clone()]),
            "-50.0  One price cannot be compared: 29 at shop/plan.price, not read since 08:40; app/price.price was never \
             read (heard: 29 at web/home.price)"
        );
        assert_eq!(
            told("unknown", std::slice::from_ref(&shop)),
            "-50.0  One price cannot be compared: 29 at shop/plan.price, not read since 08:40"
        );
        assert_eq!(
            told("down", &[web.clone(), shop]),
            "-50.0  One price: 29 at web/home.price, 29 at shop/plan.price, not read since 08:40"
        );
        let agreeing = [web.clone(), seen("shop/plan.price", Some("29"), "fresh"), app];
        assert_eq!(
            told("pending", &agreeing),
            "-50.0  One price is not known everywhere: app/price.price was never read (heard: 29 at web/home.price; 29 at \
             shop/plan.price)"
        );
        assert_eq!(told("pending", &[web]), "-50.0  One price: compared for the first time");
    }
}
