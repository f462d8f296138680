//! What a failed expectation means to a customer.

use crate::model::Evidence;

/// Words of a value's name, and what it means to customers when that value is not what it should be. The first wins.
const VALUES: &[(&[&str], &str)] = &[
    (&["price", "prices", "total", "amount", "cost", "costs", "fee", "charge"], "shows a wrong price"),
    (&["customer", "addressee", "name", "greeting", "salutation", "surname"], "calls customers by a wrong name"),
    (&["waiting", "queue", "position"], "makes customers wait too long"),
    (&["rating", "stars"], "is rated too low"),
    (&["stock", "availability", "available"], "does not have what customers want"),
    (&["hours", "opening"], "shows wrong opening hours"),
    (&["maintenance"], "is closed for maintenance"),
    (&["status", "state"], "is not as far as it should be"),
];

/// What was looked at, when the name of the value says nothing: its first word, what it means when there is nothing,
/// and when there is something else.
const PLACES: &[(&str, &str, &str)] = &[
    ("text", NO_TEXT, NO_TEXT),
    ("body", NO_TEXT, NO_TEXT),
    ("pdf", NO_DOCUMENT, NO_DOCUMENT),
    ("html", "lacks a part of its page", "shows something wrong on its page"),
    ("json", "leaves out what customers need", "gives a wrong answer"),
    ("content_type", "sends the wrong kind of thing", "sends the wrong kind of thing"),
    ("certificate", "has a certificate that is not as it should be", "has a certificate that is not as it should be"),
];
const NO_TEXT: &str = "does not say what customers look for";
const NO_DOCUMENT: &str = "sends a document that does not say what it should";

/// A clause that follows a name.
pub(super) fn words(evidence: &Evidence) -> Option<&'static str> {
    let of = evidence.of.to_lowercase();
    if of == "certificate validity left" {
        return Some("has a certificate that runs out soon");
    }
    let mut parts = of.split(|c: char| !c.is_alphabetic()).filter(|part| !part.is_empty());
    let place = PLACES.iter().find(|(first, ..)| of.split(' ').next() == Some(first));
    let named = |part: &str| VALUES.iter().find(|(names, _)| names.contains(&part)).map(|(_, words)| *words);
    // The last word of a path says most: `$.customer.total` is a price.
    let value = parts.by_ref().filter_map(named).last();
    let is_missing = evidence.found == "nothing";
    match (value, place) {
        (Some(words), _) if !is_missing => Some(words),
        (_, Some((_, missing, wrong))) => Some(if is_missing { missing } else { wrong }),
        (value, None) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_expectation_has_its_words() {
        for (of, found, expected) in [
            ("json $.total", "34.99", Some("shows a wrong price")),
            ("json $.customer.total", "34.99", Some("shows a wrong price")),
            ("json $.total", "nothing", Some("leaves out what customers need")),
            ("html #price", "34.99 €", Some("shows a wrong price")),
            ("addressee", "John", Some("calls customers by a wrong name")),
            ("json $.customer", "John", Some("calls customers by a wrong name")),
            ("json $.waiting", "40", Some("makes customers wait too long")),
            ("json $.rating", "2.1", Some("is rated too low")),
            ("text", "Sorry", Some("does not say what customers look for")),
            ("pdf", "Dear John", Some("sends a document that does not say what it should")),
            ("html h1", "nothing", Some("lacks a part of its page")),
            ("html h1", "Oops", Some("shows something wrong on its page")),
            ("json $.x", "3", Some("gives a wrong answer")),
            ("content_type", "text/html", Some("sends the wrong kind of thing")),
            ("certificate validity left", "3d", Some("has a certificate that runs out soon")),
            ("certificate issuer", "Nobody", Some("has a certificate that is not as it should be")),
            ("header x-cache", "MISS", None),
            ("that", "1 of 3", None),
        ] {
            let evidence = Evidence { of: of.into(), expected: "else".into(), found: found.into() };
            assert_eq!(words(&evidence), expected, "{of} {found}");
        }
    }
}
