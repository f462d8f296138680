//! The control page: what customers would say, one switch for each.

use axum::response::Html;

use super::switches::Switch;
use super::touchpoint::Touchpoint;

const STYLE: &str = include_str!("assets/halcyon.css");
const OWN_STYLE: &str = include_str!("assets/switchboard.css");

pub(super) fn page(switches: &[Switch], touchpoints: &[(Touchpoint, String)]) -> Html<String> {
    let broken = switches.iter().filter(|switch| switch.on).count();
    let state = match broken {
        0 => "Everything works.".to_owned(),
        1 => "One touchpoint is broken.".to_owned(),
        several => format!("{several} touchpoints are broken."),
    };
    let cards: String = touchpoints.iter().map(|(touchpoint, url)| card(*touchpoint, url, switches)).collect();
    Html(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Break something · Halcyon Mobile</title><link rel=\"icon\" href=\"data:,\">\
         <style>{STYLE}{OWN_STYLE}</style></head>\n<body><header><strong>Halcyon<span> Mobile</span></strong></header>\n\
         <main><h1>Break something</h1>\
         <p>Each switch makes a touchpoint of the demo company really misbehave, and says what a customer would say. \
         Then watch the journeys fall, and rise again when you mend it.</p>\
         <div class=\"state\"><p role=\"status\">{state}</p>{mend}</div>\
         <div class=\"board\">{cards}</div></main>\n\
         <footer>From a terminal: <code>unbroken demo break billing expired-certificate</code>, \
         <code>unbroken demo mend</code></footer></body></html>\n",
        mend = if broken == 0 { "" } else { MEND_ALL },
    ))
}

const MEND_ALL: &str =
    "<form method=\"post\" action=\"/mend\"><button class=\"button\">Mend everything</button></form>";

fn card(touchpoint: Touchpoint, url: &str, switches: &[Switch]) -> String {
    let id = touchpoint.id();
    let own: Vec<&Switch> = switches.iter().filter(|switch| switch.touchpoint == id).collect();
    let is_broken = own.iter().any(|switch| switch.on);
    let buttons: String = own.iter().map(|switch| button(switch)).collect();
    let (class, word) = if is_broken { ("broken", "broken") } else { ("works", "works") };
    let address = url.split_once("://").map_or(url, |(_, address)| address);
    // A page, or a number to call.
    let slash = if url.starts_with("http") { "/" } else { "" };
    format!(
        "<section class=\"{class}\" aria-labelledby=\"{id}\"><h2 id=\"{id}\">{title} <small>{word}</small></h2>\
         <a href=\"{url}{slash}\">{address}</a><ul>{buttons}</ul></section>",
        title = touchpoint.title(),
    )
}

fn button(switch: &Switch) -> String {
    let Switch { touchpoint, fault, title, on } = switch;
    let (action, pressed) =
        if *on { (format!("/mend/{touchpoint}"), "true") } else { (format!("/break/{touchpoint}/{fault}"), "false") };
    format!(
        "<li><form method=\"post\" action=\"{action}\"><button aria-pressed=\"{pressed}\"><span>{title}</span>\
         <code>{fault}</code></button></form></li>"
    )
}
