//! What a failed expectation means to a customer, and what its owner does about it.

use crate::model::Evidence;

/// Longer values are no part of a sentence, characters.
const VALUE_MAX: usize = 40;

/// What a value that is not what it should be means: a clause that follows a name, and what to do.
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
        told(
            "shows a wrong price",
            "find out which of the two is right, and correct the other; if the price was changed on purpose, change \
             what the probe expects",
        ),
    ),
    (
        &["customer", "addressee", "greeting", "salutation", "surname"],
        told(
            "calls customers by a wrong name",
            "see whose data the account or the template was given: customers may see what belongs to others",
        ),
    ),
    (
        &["waiting", "queue", "position"],
        told(
            "makes customers wait too long",
            "put more people or machines where the queue is, or say how long it takes",
        ),
    ),
    (
        &["rating", "stars"],
        told("is rated too low", "read the newest reviews: they say what has changed for customers"),
    ),
    (
        &["stock", "availability", "available"],
        told("does not have what customers want", "see what is out of stock, and whether it is still advertised"),
    ),
    (
        &["hours", "opening"],
        told("shows wrong opening hours", "find out which hours are right, and correct the others"),
    ),
    (&["maintenance"], kept("is closed for maintenance", "see whether the maintenance is over, and its switch off")),
    (&["version"], told("offers another version", "see which version was released where, and whether it was in full")),
    (
        &["status", "state"],
        told(
            "is not as far as it should be",
            "follow this one case through your systems: something did not take it on",
        ),
    ),
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
    (
        "html",
        kept(
            "lacks a part of its page",
            "see what the last release changed on this page, or give the probe its new place",
        ),
        told("shows something wrong on its page", "compare the page with what the probe expects, and correct either"),
    ),
    (
        "json",
        kept("leaves out what customers need", "see what the last release changed in this answer"),
        told("gives a wrong answer", "compare the answer with what the probe expects, and correct either"),
    ),
    ("url", LANDING, LANDING),
    ("card", CARD, CARD),
    ("picture", PICTURE, PICTURE),
    ("header", HEADER, HEADER),
    ("links", NO_LINK, NO_LINK),
    ("content_type", KIND, KIND),
    ("certificate", CERTIFICATE, CERTIFICATE),
    ("records", RECORDS, RECORDS),
    ("authenticated", kept("has a name that is not signed", SIGN), kept("has a name that is not signed", SIGN)),
    ("loss", told("loses pings", NETWORK), told("loses pings", NETWORK)),
    ("rtt", told("is far away", NETWORK), told("is far away", NETWORK)),
    ("ring_time", CALLS, CALLS),
    ("answer_time", CALLS, CALLS),
    ("value", told("reports no value", REPORT), told("reports a value out of bounds", REPORT)),
    ("latency", SLOW, SLOW),
    ("phase", SLOW, SLOW),
];
const NO_TEXT: Unmet = kept(
    "does not say what customers look for",
    "open it as a customer does: an error page or an empty one may stand where the text was",
);
const GREETING: Unmet = told("greets as somebody else", "see which server listens at that address and port");
const NO_DOCUMENT: Unmet =
    kept("sends a document that does not say what it should", "open the document, and see what it was made from");
const LANDING: Unmet =
    told("lands customers somewhere else", "follow the link by hand, and see which of its redirects leads astray");
const CAMPAIGN: Unmet = kept(
    "loses the campaign that customers come from",
    "let every redirect on the way hand on the address's parameters: without them nobody knows which ad worked",
);
const CARD: Unmet = told("looks wrong where it is shared", "correct the page's Open Graph tags (`og:…`)");
const CARD_PICTURE: Unmet = kept(
    "is shared without its picture",
    "put the picture back, or name another in `og:image`; then let the networks read the page anew",
);
const CARD_TAGS: Unmet =
    kept("is shared without its title, text or picture", "write the missing tags into the page's head");
const PICTURE: Unmet = told(
    "shows a picture of another size or kind",
    "see which file was uploaded, and what the image service makes of it",
);
const STRANGER: Unmet = kept(
    "shows another picture than its own",
    "see who changed the picture, and whether the account is still yours; a new one on purpose goes beside the probe",
);
const TAG: Unmet = kept(
    "lacks a tracking or consent tag",
    "put the tag back: without it visits are not measured, or measured without having asked",
);
const HEADER: Unmet =
    told("sends a wrong header", "see what stands between the server and customers, and what it sets");
const FORGED: Unmet = kept(
    "sends mail that looks forged",
    "see that what sends the mail signs it with the published key and from a listed address (SPF, DKIM, DMARC records)",
);
const NO_LINK: Unmet = kept("lacks a link that customers need", "put the link back into the template");
const KIND: Unmet = told("sends the wrong kind of thing", "see what answers at this address, and which type it gives");
const PAGE: Unmet = kept(
    "sends a web page where a file belongs",
    "publish the file again: an error or sign-in page stands in its place",
);
const CERTIFICATE: Unmet = told(
    "has a certificate that is not as it should be",
    "see which certificate the server was given, and whether it was reloaded",
);
const GARBLED: Unmet =
    told("garbles letters", "find out which table, file or template on the way does not keep text as UTF-8");
const LACKING: Unmet = kept(
    "lacks what should have come there",
    "see where it is held up or thrown away on its way: a queue, a filter, an address that has expired",
);
const RUNS_OUT: Unmet =
    kept("has a certificate that runs out soon", "renew the certificate now, and see why it was not");
const RECORDS: Unmet = told("has a name that leads elsewhere", "compare the zone with what the probe expects");
const SIGN: &str = "see whether the zone is still signed, and its DS record in the zone above";
const NETWORK: &str = "ask who runs the line: something between here and there is full or broken";
const CALLS: Unmet = told("lets callers wait too long", "see how many people take calls now, and where the line leads");
const REPORT: &str = "look at what reports it, and at what it says";
const SLOW: Unmet =
    told("is too slow", "see in the phases where the time goes: name, connection, encryption or server");

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
    pub(super) fn words(&self, evidence: &Evidence) -> String {
        let short = |text: &str| text.chars().count() <= VALUE_MAX && text != "nothing";
        let (found, expected) = (&evidence.found, &evidence.expected);
        if self.values == Values::Told && short(found) && short(expected) {
            return format!("{} ({found}, not {expected})", self.clause);
        }
        self.clause.to_owned()
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

    fn say(of: &str, expected: &str, found: &str) -> Option<String> {
        let evidence = Evidence { of: of.into(), expected: expected.into(), found: found.into() };
        Unmet::of(&evidence).map(|unmet| unmet.words(&evidence))
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
