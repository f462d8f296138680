//! What a failed expectation means to a customer, and what its owner does about it.

use std::borrow::Cow;

use super::Words;
use crate::model::Evidence;

/// Longer values are no part of a sentence, characters.
const VALUE_MAX: usize = 40;

/// What a value that is not what it should be means: the messages of a clause that follows a name, and of what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unmet {
    clause: &'static str,
    pub(super) advice: &'static str,
    values: Values,
}

/// Whether the values themselves belong into the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Values {
    Told,
    Kept,
}

const fn told(clause: &'static str, advice: &'static str) -> Unmet {
    Unmet { clause, advice, values: Values::Told }
}

const fn kept(clause: &'static str, advice: &'static str) -> Unmet {
    Unmet { clause, advice, values: Values::Kept }
}

/// Words of a value's name, and what it means to customers when that value is not what it should be. The first wins.
const VALUES: &[(&[&str], Unmet)] = &[
    (
        &["price", "prices", "total", "amount", "amounts", "cost", "costs", "fee", "charge"],
        told("unmet-price", "advice-price"),
    ),
    (&["customer", "addressee", "greeting", "salutation", "surname"], told("unmet-name", "advice-whose-data")),
    (&["waiting", "queue", "position"], told("unmet-waiting", "advice-queue")),
    (&["rating", "stars"], told("unmet-rating", "advice-reviews")),
    (&["stock", "availability", "available"], told("unmet-stock", "advice-stock")),
    (&["hours", "opening"], told("unmet-hours", "advice-hours")),
    (&["maintenance"], kept("unmet-maintenance", "advice-maintenance")),
    (&["version"], told("unmet-version", "advice-version")),
    (&["status", "state"], told("unmet-progress", "advice-progress")),
];
/// Of these a `name` is what a customer is called; a plan has a name too.
const PEOPLE: &[&str] = &[
    "account",
    "addressee",
    "customer",
    "display",
    "family",
    "first",
    "full",
    "given",
    "last",
    "person",
    "profile",
    "user",
];

/// What was looked at, when the name of the value says nothing: its first word, what it means when there is nothing,
/// and when there is something else.
const PLACES: &[(&str, Unmet, Unmet)] = &[
    ("text", NO_TEXT, NO_TEXT),
    ("body", NO_TEXT, NO_TEXT),
    ("banner", GREETING, GREETING),
    ("pdf", NO_DOCUMENT, NO_DOCUMENT),
    ("html", kept("unmet-part", "advice-part"), told("unmet-page", "advice-page")),
    ("json", kept("unmet-left-out", "advice-left-out"), told("unmet-answer", "advice-answer")),
    ("url", LANDING, LANDING),
    ("card", CARD, CARD),
    ("picture", PICTURE, PICTURE),
    ("header", HEADER, HEADER),
    ("links", NO_LINK, NO_LINK),
    ("content_type", KIND, KIND),
    ("certificate", CERTIFICATE, CERTIFICATE),
    ("records", RECORDS, RECORDS),
    ("authenticated", kept("unmet-unsigned", SIGN), kept("unmet-unsigned", SIGN)),
    ("loss", told("unmet-loss", NETWORK), told("unmet-loss", NETWORK)),
    ("rtt", told("unmet-far", NETWORK), told("unmet-far", NETWORK)),
    ("ring_time", CALLS, CALLS),
    ("answer_time", CALLS, CALLS),
    ("value", told("unmet-no-value", REPORT), told("unmet-bounds", REPORT)),
    ("latency", SLOW, SLOW),
    ("phase", SLOW, SLOW),
];
const NO_TEXT: Unmet = kept("unmet-text", "advice-text");
const GREETING: Unmet = told("unmet-greeting", "advice-greeting");
const NO_DOCUMENT: Unmet = kept("unmet-document", "advice-document");
const LANDING: Unmet = told("unmet-landing", "advice-landing");
const CAMPAIGN: Unmet = kept("unmet-campaign", "advice-campaign");
const CARD: Unmet = told("unmet-card", "advice-card");
const CARD_PICTURE: Unmet = kept("unmet-card-picture", "advice-card-picture");
const CARD_TAGS: Unmet = kept("unmet-card-tags", "advice-card-tags");
const PICTURE: Unmet = told("unmet-picture", "advice-picture");
const STRANGER: Unmet = kept("unmet-stranger", "advice-stranger");
const TAG: Unmet = kept("unmet-tag", "advice-tag");
const HEADER: Unmet = told("unmet-header", "advice-header");
const FORGED: Unmet = kept("unmet-forged", "advice-forged");
const NO_LINK: Unmet = kept("unmet-link", "advice-link");
const KIND: Unmet = told("unmet-kind", "advice-kind");
const PAGE: Unmet = kept("unmet-no-file", "advice-no-file");
const CERTIFICATE: Unmet = told("unmet-certificate", "advice-certificate");
const GARBLED: Unmet = told("unmet-garbled", "advice-garbled");
const LACKING: Unmet = kept("unmet-lacking", "advice-lacking");
const RUNS_OUT: Unmet = kept("unmet-runs-out", "advice-runs-out");
const RECORDS: Unmet = told("unmet-records", "advice-records");
const SIGN: &str = "advice-unsigned";
const NETWORK: &str = "advice-network";
const CALLS: Unmet = told("unmet-calls", "advice-calls");
const REPORT: &str = "advice-report";
const SLOW: Unmet = told("unmet-slow", "advice-slow");

impl Unmet {
    pub(super) fn of(evidence: &Evidence) -> Option<Self> {
        let found = evidence.found.as_str();
        let is_missing = found == "nothing" || found == "no elements";
        if let Some(special) = special(evidence, is_missing) {
            return Some(special);
        }
        let first = evidence.of.split(' ').next().unwrap_or_default();
        let place = PLACES.iter().find(|(known, ..)| *known == first);
        match (meaning(&evidence.of), place) {
            (Some(unmet), _) if !is_missing => Some(unmet),
            (_, Some((_, missing, wrong))) => Some(if is_missing { *missing } else { *wrong }),
            (value, None) => value,
        }
    }

    /// "shows a wrong price (34.99, not 29.99)"
    pub(super) fn told<'a>(&self, words: &'a Words, evidence: &Evidence) -> Cow<'a, str> {
        let short = |text: &str| text.chars().count() <= VALUE_MAX && text != "nothing";
        let (found, expected) = (&evidence.found, &evidence.expected);
        let clause = words.text(self.clause);
        if self.values == Values::Told && short(found) && short(expected) {
            let told = words.say("unmet-values").with("clause", clause).with("found", words.wanted(found));
            return told.with("expected", words.wanted(expected)).to_string().into();
        }
        clause
    }
}

/// Letters that a place does not know became question marks, or are shown as others (UTF-8 read as Latin-1).
fn is_garbled(evidence: &Evidence) -> bool {
    let (expected, found) = (evidence.expected.as_str(), evidence.found.as_str());
    let marks = ['?', '\u{fffd}', 'Ã', 'Â'];
    !expected.is_ascii() && found.contains(marks) && !expected.contains(marks)
}

/// What its name or its value says more of than the place where it stands.
fn special(evidence: &Evidence, is_missing: bool) -> Option<Unmet> {
    let (of, found) = (evidence.of.as_str(), evidence.found.as_str());
    let any = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
    Some(match of {
        "certificate validity left" => RUNS_OUT,
        _ if is_garbled(evidence) => GARBLED,
        "card defects" if any(found, &["picture", "og:image`"]) && !any(found, &["og:title", "og:desc"]) => {
            CARD_PICTURE
        }
        "card defects" => CARD_TAGS,
        "content_type" if found.contains("text/html") => PAGE,
        _ if of.starts_with("url query") && any(of, &["utm_", "campaign", "gclid", "fbclid"]) => CAMPAIGN,
        _ if of.starts_with("picture difference") => STRANGER,
        _ if of.starts_with("header") && any(of, &["dkim", "spf", "dmarc"]) => FORGED,
        _ if is_missing
            && of.starts_with("html")
            && any(of, &["script", "consent", "campaign", "tracking", "pixel"]) =>
        {
            TAG
        }
        _ if !is_missing && of.starts_with("html script") => TAG,
        // A list, and what was looked for is not in it.
        _ if evidence.expected.starts_with("containing ") && found.starts_with('[') => LACKING,
        _ => return None,
    })
}

/// The last word of a path says most: `$.customer.total` is a price.
fn meaning(of: &str) -> Option<Unmet> {
    let words = words_of(of);
    let is_persons = || words.iter().any(|word| PEOPLE.contains(&word.as_str())) || words.len() == 1;
    words.iter().rev().find_map(|word| {
        let word = if word == "name" && is_persons() { "customer" } else { word };
        VALUES.iter().find(|(names, _)| names.contains(&word)).map(|(_, unmet)| *unmet)
    })
}

/// `averageUserRating` and `package_name` are several words each.
fn words_of(path: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(path.len() + 8);
    let mut was_lower = false;
    for c in path.chars() {
        if c.is_uppercase() && was_lower {
            spaced.push(' ');
        }
        was_lower = c.is_lowercase();
        spaced.push(if c.is_alphabetic() { c } else { ' ' });
    }
    spaced.split_whitespace().map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Language;

    fn say(of: &str, expected: &str, found: &str) -> Option<String> {
        let evidence = Evidence { of: of.into(), expected: expected.into(), found: found.into() };
        Unmet::of(&evidence).map(|unmet| unmet.told(&Words::new(Language::En), &evidence).into_owned())
    }

    #[test]
    fn each_expectation_has_its_words() {
        for (of, expected, found, words) in [
            ("json $.total", "29.99", "34.99", "shows a wrong price (34.99, not 29.99)"),
            ("json $.customer.total", "29.99", "34.99", "shows a wrong price (34.99, not 29.99)"),
            ("json $.total", "29.99", "nothing", "leaves out what customers need"),
            ("html #price", "29.99", "34.99 €", "shows a wrong price (34.99 €, not 29.99)"),
            ("addressee", "Anna", "John", "calls customers by a wrong name (John, not Anna)"),
            ("json $.customer", "李伟", "John", "calls customers by a wrong name (John, not 李伟)"),
            ("json $.user.name", "Anna", "John", "calls customers by a wrong name (John, not Anna)"),
            ("name", "Anna", "John", "calls customers by a wrong name (John, not Anna)"),
            ("json $[0].target.package_name", "a.b", "c.d", "gives a wrong answer (c.d, not a.b)"),
            ("json $.waiting", "below 20", "40", "makes customers wait too long (40, not below 20)"),
            ("json $.results[0].averageUserRating", "above 4", "2.3", "is rated too low (2.3, not above 4)"),
            ("text", "containing `a`", "Sorry", "does not say what customers look for"),
            ("pdf", "containing `a`", "Dear John", "sends a document that does not say what it should"),
            ("html h1", "Hello", "nothing", "lacks a part of its page"),
            ("html h1", "Hello", "Oops", "shows something wrong on its page (Oops, not Hello)"),
            ("html script[data-consent=required]", "to be there", "nothing", "lacks a tracking or consent tag"),
            ("content_type", "application/json", "text/html", "sends a web page where a file belongs"),
            ("url query utm_source", "poster", "nothing", "loses the campaign that customers come from"),
            ("card defects", "nothing", "the picture a.png answers 404", "is shared without its picture"),
            ("card defects", "nothing", "no `og:title`", "is shared without its title, text or picture"),
            ("picture difference to logo.png (of 512)", "below 21", "68", "shows another picture than its own"),
            ("header dkim", "pass", "fail", "sends mail that looks forged"),
            ("certificate validity left", "above 14d", "3d", "has a certificate that runs out soon"),
            ("that", "a > b", "1 of 3", ""),
        ] {
            assert_eq!(say(of, expected, found).unwrap_or_default(), words, "{of} {found}");
        }
    }

    #[test]
    fn long_values_stay_out_of_the_sentence() {
        assert_eq!(say("html #price", "29.99", &"9".repeat(41)).expect("known"), "shows a wrong price");
    }
}
