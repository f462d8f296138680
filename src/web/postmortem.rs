//! An incident as a document: what happened, whom it hurt, why, who was told. Markdown, for wherever people write on.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Audience;
use super::api::incidents::{Known, timeline};
use super::routes::Shared;
use crate::model::{Close, Fault, Incident, Snapshot};
use crate::store::{Delivery, Stretch};
use crate::words;

/// What the incident cost one journey.
struct Cost {
    title: String,
    loss: f64,
    /// While it was open; none where the store refuses.
    meanwhile: Option<Stretch>,
}

/// The document.
pub(super) async fn write(shared: &Shared, known: &Known) -> String {
    let (snapshot, incident) = (shared.snapshot(), &known.incident);
    let end = incident.closed.unwrap_or_else(|| shared.site.clock.now());
    let mut costs = Vec::with_capacity(incident.impacts.len());
    for impact in &incident.impacts {
        let meanwhile = shared.site.store.stretch(&impact.journey, incident.opened, end).await.ok();
        let title = words::title(&impact.journey, &snapshot.map).to_owned();
        costs.push(Cost { title, loss: impact.loss, meanwhile });
    }
    let mut text = String::new();
    head(&mut text, incident, end, &snapshot);
    impact(&mut text, &costs, incident, end);
    cause(&mut text, incident, &snapshot, shared.site.audience);
    happened(&mut text, known, &snapshot.map.timezone);
    told(&mut text, &known.deliveries, &snapshot.map.timezone);
    text
}

fn head(text: &mut String, incident: &Incident, end: Timestamp, snapshot: &Snapshot) {
    let zone = &snapshot.map.timezone;
    let over = match (incident.closed, incident.close) {
        (None, _) => "still open".to_owned(),
        (Some(closed), how) => {
            let how = match how {
                Some(Close::Removed) => ", when what it was about was no longer watched",
                Some(Close::Merged) => ", when another incident explained it",
                Some(Close::Recovered) | None => "",
            };
            format!("until {}{how}", clock(closed, zone))
        }
    };
    let _ = writeln!(text, "# {}\n", plain(&words::incident(incident, &snapshot.map)));
    let _ = writeln!(text, "- Incident `{}`, severity {}", incident.id, incident.severity.as_str());
    let opened = clock(incident.opened, zone);
    let _ = writeln!(text, "- From {opened} {over}: {}", words::length(incident.opened, end));
    let _ = writeln!(text, "- Times are those of {}", zone.iana_name().unwrap_or("UTC"));
    if let Some(said) = &incident.acknowledged {
        let why = said.why.as_ref().map_or_else(String::new, |why| format!(": {}", plain(why)));
        let _ = writeln!(text, "- Taken by {} at {}{why}", plain(&said.by), clock(said.at, zone));
    }
}

fn impact(text: &mut String, costs: &[Cost], incident: &Incident, end: Timestamp) {
    text.push_str("\n## Impact\n\n");
    if costs.is_empty() {
        text.push_str("No journey was hurt.\n");
        return;
    }
    text.push_str(
        "| journey | points, at worst | journey-minutes lost meanwhile | not watched meanwhile |\n|---|---|---|---|\n",
    );
    let length = end.duration_since(incident.opened).as_secs_f64() / 60.0;
    for cost in costs {
        let (lost, unseen) = cost.meanwhile.map_or_else(
            || ("unknown".to_owned(), "unknown".to_owned()),
            |meanwhile| {
                let unseen = (length - meanwhile.scored_minutes).max(0.0);
                // The minutes at both ends are counted as a whole.
                let unseen = if unseen < 2.0 { "-".to_owned() } else { format!("{unseen:.0} min") };
                (format!("{:.1}", meanwhile.lost_minutes), unseen)
            },
        );
        let _ = writeln!(text, "| {} | {:.1} | {lost} | {unseen} |", plain(&cost.title), cost.loss);
    }
    text.push_str("\nLost minutes count whatever hurt the journey while this incident was open.\n");
}

fn cause(text: &mut String, incident: &Incident, snapshot: &Snapshot, audience: Audience) {
    text.push_str("\n## Cause\n\n");
    match &incident.fault {
        Some(fault) => evidence(text, fault, audience),
        None => text.push_str("No single failing step is known.\n"),
    }
    if let Some(shared) = words::shared(incident, &snapshot.map) {
        let _ = writeln!(text, "\nWhat they have in common: {}.", plain(&shared));
    }
    if let Some(trace) = incident.trace {
        let id = trace.to_string();
        match snapshot.map.trace_link.as_ref().map(|link| link.replace("{trace_id}", &id)) {
            Some(link) => _ = writeln!(text, "\nTrace: [{id}](<{}>)", link.replace(['<', '>', '\n'], "")),
            None => _ = writeln!(text, "\nTrace: `{id}`"),
        }
    }
    if !incident.touchpoints.is_empty() {
        text.push_str("\n| touchpoint | owner |\n|---|---|\n");
    }
    for id in &incident.touchpoints {
        let owner = snapshot.map.touchpoints.get(id).and_then(|place| place.owner.as_deref()).unwrap_or("-");
        let _ = writeln!(text, "| {} (`{id}`) | {} |", plain(words::touchpoint(id, &snapshot.map)), plain(owner));
    }
}

fn evidence(text: &mut String, fault: &Fault, audience: Audience) {
    let step = fault.step.as_ref().map_or_else(String::new, |step| format!("{}: ", plain(step)));
    let _ = writeln!(text, "{step}{} (`{}`)", plain(&fault.text), fault.code.code());
    if let Some(seen) = &fault.evidence {
        let _ = writeln!(
            text,
            "\n- Looked at: {}\n- Expected: {}\n- Found: {}",
            code(&seen.of),
            code(&seen.expected),
            code(&seen.found)
        );
    }
    if audience == Audience::Everybody {
        return;
    }
    if let Some(excerpt) = &fault.excerpt {
        let _ = writeln!(text, "- The answer says: {}", code(excerpt));
    }
    if let Some(advice) = words::advice(fault) {
        let _ = writeln!(text, "\nWhat to do: {}.", plain(advice));
    }
}

fn happened(text: &mut String, known: &Known, zone: &TimeZone) {
    text.push_str("\n## Timeline\n\n");
    for happening in timeline(known) {
        let _ = writeln!(text, "- {}  {}", clock(happening.at, zone), plain(&happening.what));
    }
}

fn told(text: &mut String, deliveries: &[Delivery], zone: &TimeZone) {
    if deliveries.is_empty() {
        return;
    }
    text.push_str("\n## Who was told\n\n| receiver | what | became of it | attempts | when |\n|---|---|---|---|---|\n");
    for delivery in deliveries {
        let error = delivery.error.as_ref().filter(|_| delivery.state != "delivered");
        let error = error.map_or_else(String::new, |error| format!(": {}", plain(error)));
        let _ = writeln!(
            text,
            "| {} | {} | {}{error} | {} | {} |",
            plain(&delivery.receiver),
            delivery.kind,
            delivery.state,
            delivery.attempts,
            clock(delivery.settled.unwrap_or(delivery.created), zone)
        );
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
