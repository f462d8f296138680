//! An incident as a document: what happened, whom it hurt, why, who was told. Markdown, for wherever people write on.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Audience;
use super::api::incidents::{Known, timeline};
use super::routes::Shared;
use crate::model::{Close, Fault, Incident, Snapshot};
use crate::store::{Delivery, Stretch};
use crate::words::{self, Words};

/// What the incident cost one journey.
struct Cost {
    title: String,
    loss: f64,
    /// While it was open; none where the store refuses.
    meanwhile: Option<Stretch>,
}

/// The document.
pub(super) async fn write(shared: &Shared, words: &Words, known: &Known) -> String {
    let (snapshot, incident) = (shared.snapshot(), &known.incident);
    let end = incident.closed.unwrap_or_else(|| shared.site.clock.now());
    let mut costs = Vec::with_capacity(incident.impacts.len());
    for impact in &incident.impacts {
        let meanwhile = shared.site.store.stretch(&impact.journey, incident.opened, end).await.ok();
        let title = words::title(&impact.journey, &snapshot.map).to_owned();
        costs.push(Cost { title, loss: impact.loss, meanwhile });
    }
    let mut text = String::new();
    head(&mut text, words, incident, end, &snapshot);
    impact(&mut text, words, &costs, incident, end);
    cause(&mut text, words, incident, &snapshot, shared.site.audience);
    happened(&mut text, words, known, &snapshot.map.timezone);
    told(&mut text, words, &known.deliveries, &snapshot.map.timezone);
    text
}

fn head(text: &mut String, words: &Words, incident: &Incident, end: Timestamp, snapshot: &Snapshot) {
    let zone = &snapshot.map.timezone;
    let key = match (incident.closed, incident.close) {
        (None, _) => "document-open",
        (Some(_), Some(Close::Removed)) => "document-removed",
        (Some(_), Some(Close::Merged)) => "document-merged",
        (Some(_), Some(Close::Recovered) | None) => "document-over",
    };
    let _ = writeln!(text, "# {}\n", plain(&words.incident(incident, &snapshot.map)));
    let severity = incident.severity.as_str();
    let id = words.say("document-incident").with("id", incident.id.to_string()).with("severity", severity);
    let _ = writeln!(text, "- {id}");
    let lasted = words.say(key).with("from", clock(incident.opened, zone)).with("to", clock(end, zone));
    let _ = writeln!(text, "- {}", lasted.with("length", words.length(incident.opened, end)));
    let name = zone.iana_name().unwrap_or("UTC");
    let _ = writeln!(text, "- {}", words.say("document-zone").with("zone", name));
    if let Some(said) = &incident.acknowledged {
        let key = if said.why.is_some() { "document-taken-why" } else { "document-taken" };
        let why = said.why.as_deref().map(plain).unwrap_or_default();
        let taken = words.say(key).with("by", plain(&said.by)).with("at", clock(said.at, zone)).with("why", why);
        let _ = writeln!(text, "- {taken}");
    }
}

fn impact(text: &mut String, words: &Words, costs: &[Cost], incident: &Incident, end: Timestamp) {
    let _ = writeln!(text, "\n## {}\n", words.text("document-impact"));
    if costs.is_empty() {
        let _ = writeln!(text, "{}", words.text("document-unhurt"));
        return;
    }
    let _ = writeln!(text, "{}\n|---|---|---|---|", words.text("document-costs"));
    let length = end.duration_since(incident.opened).as_secs_f64() / 60.0;
    for cost in costs {
        let unknown = || words.text("document-unknown").into_owned();
        let (lost, unseen) = cost.meanwhile.map_or_else(
            || (unknown(), unknown()),
            |meanwhile| {
                let unseen = (length - meanwhile.scored_minutes).max(0.0);
                let told = || words.say("document-minutes").with("count", format!("{unseen:.0}")).to_string();
                // The minutes at both ends are counted as a whole.
                let unseen = if unseen < 2.0 { "-".to_owned() } else { told() };
                (format!("{:.1}", meanwhile.lost_minutes), unseen)
            },
        );
        let _ = writeln!(text, "| {} | {:.1} | {lost} | {unseen} |", plain(&cost.title), cost.loss);
    }
    let _ = writeln!(text, "\n{}", words.text("document-whatever"));
}

fn cause(text: &mut String, words: &Words, incident: &Incident, snapshot: &Snapshot, audience: Audience) {
    let _ = writeln!(text, "\n## {}\n", words.text("document-cause"));
    match &incident.fault {
        Some(fault) => evidence(text, words, fault, audience),
        None => _ = writeln!(text, "{}", words.text("document-no-fault")),
    }
    if let Some(shared) = words.shared(incident, &snapshot.map) {
        let _ = writeln!(text, "\n{}", words.say("document-shared").with("shared", plain(&shared)));
    }
    if let Some(trace) = incident.trace {
        let id = trace.to_string();
        let link = snapshot.map.trace_link.as_ref().map(|link| link.replace("{trace_id}", &id));
        let trace = match link {
            Some(link) => format!("[{id}](<{}>)", link.replace(['<', '>', '\n'], "")),
            None => format!("`{id}`"),
        };
        let _ = writeln!(text, "\n{}", words.say("document-trace").with("trace", trace));
    }
    if !incident.touchpoints.is_empty() {
        let _ = writeln!(text, "\n{}\n|---|---|", words.text("document-places"));
    }
    for id in &incident.touchpoints {
        let owner = snapshot.map.touchpoints.get(id).and_then(|place| place.owner.as_deref()).unwrap_or("-");
        let _ = writeln!(text, "| {} (`{id}`) | {} |", plain(words::touchpoint(id, &snapshot.map)), plain(owner));
    }
}

fn evidence(text: &mut String, words: &Words, fault: &Fault, audience: Audience) {
    let step = fault.step.as_ref().map_or_else(String::new, |step| format!("{}: ", plain(step)));
    let _ = writeln!(text, "{step}{} (`{}`)", plain(&fault.text), fault.code.code());
    let line = |key: &str, value: &str| {
        let told = words.say("document-seen").with("what", words.text(key)).with("value", code(value));
        format!("- {told}")
    };
    if let Some(seen) = &fault.evidence {
        let lines = [
            line("finding-looked", &seen.of),
            line("finding-expected", &seen.expected),
            line("finding-found", &seen.found),
        ];
        let _ = writeln!(text, "\n{}", lines.join("\n"));
    }
    if audience == Audience::Everybody {
        return;
    }
    if let Some(excerpt) = &fault.excerpt {
        let _ = writeln!(text, "{}", line("finding-excerpt", excerpt));
    }
    if let Some(advice) = words.advice(fault) {
        let _ = writeln!(text, "\n{}", words.say("document-advice").with("advice", plain(&advice)));
    }
}

fn happened(text: &mut String, words: &Words, known: &Known, zone: &TimeZone) {
    let _ = writeln!(text, "\n## {}\n", words.text("document-timeline"));
    for (at, line) in timeline(words, known) {
        let _ = writeln!(text, "- {}  {}", clock(at, zone), plain(&words.in_full(line)));
    }
}

fn told(text: &mut String, words: &Words, deliveries: &[Delivery], zone: &TimeZone) {
    if deliveries.is_empty() {
        return;
    }
    let (head, columns) = (words.text("document-told"), words.text("document-letters"));
    let _ = writeln!(text, "\n## {head}\n\n{columns}\n|---|---|---|---|---|");
    for delivery in deliveries {
        let error = delivery.error.as_ref().filter(|_| delivery.state != "delivered");
        let error = error.map_or_else(String::new, |error| format!(": {}", plain(error)));
        let _ = writeln!(
            text,
            "| {} | {} | {}{error} | {} | {} |",
            plain(&delivery.receiver),
            words.notice(&delivery.kind),
            words.text(fate(delivery)),
            delivery.attempts,
            clock(delivery.settled.unwrap_or(delivery.created), zone)
        );
    }
}

/// The message that says what became of a notification.
fn fate(delivery: &Delivery) -> &'static str {
    match delivery.state.as_str() {
        "delivered" => "delivery-delivered",
        "dead" => "delivery-dead",
        "superseded" => "delivery-superseded",
        "dropped" => "delivery-dropped",
        _ => "delivery-pending",
    }
}

fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A text of somebody else's on one line, with nothing in it that Markdown or HTML would take for more.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '!' | '~' => {
                out.push('\\');
                out.push(c);
            }
            // A bare address would become a link.
            ':' if out.ends_with("http") || out.ends_with("https") => out.push_str("&#58;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The same as it is, between backticks.
fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // A bar would end the cell of a table, a backtick the code.
    format!("`` {} ``", text.replace("``", "` `").replace('|', "¦"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_text() {
        let attack = "<img src=x>[a](javascript:alert(1)) | **b** `c` https://evil.example\n# d";
        let wanted =
            "&lt;img src=x&gt;\\[a\\](javascript:alert(1)) \\| \\*\\*b\\*\\* \\`c\\` https&#58;//evil.example \\# d";
        assert_eq!(plain(attack), wanted);
        assert_eq!(code("a``b|c\n"), "`` a` `b¦c  ``");
    }
}
