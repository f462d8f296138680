//! What customers want of a journey, as a part of an English sentence. Other languages quote the title.

use super::Said;

/// Words that begin what somebody wants to do, and nothing else.
const VERBS: &[&str] = &[
    "accept",
    "activate",
    "add",
    "apply",
    "appeal",
    "arrange",
    "ask",
    "become",
    "begin",
    "book",
    "borrow",
    "browse",
    "buy",
    "cancel",
    "charge",
    "check",
    "choose",
    "claim",
    "collect",
    "come",
    "compare",
    "complain",
    "connect",
    "create",
    "decide",
    "delete",
    "discover",
    "donate",
    "download",
    "eat",
    "enrol",
    "enroll",
    "enter",
    "extend",
    "file",
    "find",
    "finish",
    "fix",
    "fly",
    "follow",
    "forgive",
    "get",
    "give",
    "go",
    "have",
    "hear",
    "hire",
    "insure",
    "invite",
    "join",
    "keep",
    "know",
    "learn",
    "leave",
    "lend",
    "listen",
    "log",
    "lock",
    "make",
    "manage",
    "meet",
    "obtain",
    "open",
    "park",
    "pay",
    "pick",
    "play",
    "prolong",
    "prove",
    "read",
    "receive",
    "recommend",
    "redeem",
    "register",
    "renew",
    "rent",
    "replace",
    "reset",
    "ride",
    "save",
    "see",
    "sell",
    "send",
    "set",
    "solve",
    "speak",
    "start",
    "stay",
    "subscribe",
    "take",
    "talk",
    "tell",
    "top",
    "transfer",
    "try",
    "understand",
    "unlock",
    "unsubscribe",
    "upgrade",
    "upload",
    "use",
    "verify",
    "visit",
    "wait",
    "watch",
    "withdraw",
    "write",
];
/// Words that may as well name a thing: it takes an object to tell.
const EITHER: &[&str] = &[
    "bill", "call", "change", "chat", "contact", "end", "help", "move", "need", "order", "plan", "rate", "repair",
    "report", "request", "return", "review", "search", "shop", "sign", "stop", "stream", "support", "switch", "test",
    "track", "travel", "update", "want", "work",
];
const OBJECTS: &[&str] = &[
    "a",
    "an",
    "another",
    "at",
    "for",
    "from",
    "in",
    "it",
    "me",
    "my",
    "on",
    "our",
    "out",
    "somebody",
    "someone",
    "something",
    "the",
    "them",
    "to",
    "up",
    "us",
    "with",
];

/// What a journey is about.
pub(super) enum Wish {
    /// What customers want to do: `pay their bill`.
    Deed(String),
    /// Nothing that we could say of them: it is only called so, as is `Onboarding`.
    Name,
}

impl Wish {
    /// `Pay my bill` becomes `pay their bill`: such a title is what a customer says, our sentence is about them. A title
    /// that is no wish stands as it is: "customers can onboarding" is no English.
    pub(super) fn of(title: &str) -> Self {
        let lower = title.to_lowercase();
        let mut words = lower.split_whitespace();
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if VERBS.contains(&first) || EITHER.contains(&first) && OBJECTS.contains(&second) {
            Self::Deed(of_them(title))
        } else {
            Self::Name
        }
    }

    /// The arguments of a sentence about it.
    pub(super) fn asked<'a>(&'a self, said: Said<'a>) -> Said<'a> {
        match self {
            Self::Deed(deed) => said.with("wish", "deed").with("deed", deed),
            Self::Name => said.with("wish", "name").with("deed", ""),
        }
    }
}

/// A customer's own words, said about customers.
fn of_them(title: &str) -> String {
    let mut first = true;
    let words: Vec<String> = title
        .split_whitespace()
        .map(|word| {
            let begins = std::mem::take(&mut first);
            match word.to_lowercase().as_str() {
                "my" => "their".to_owned(),
                "me" => "them".to_owned(),
                "mine" => "theirs".to_owned(),
                "myself" => "themselves".to_owned(),
                "i" => "they".to_owned(),
                // An acronym keeps its capitals.
                lower if begins && !word.chars().nth(1).is_some_and(char::is_uppercase) => lower.to_owned(),
                _ => word.to_owned(),
            }
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Language;
    use crate::words::Words;

    #[test]
    fn a_title_is_a_wish_or_a_name() {
        let words = Words::new(Language::En);
        let told = |title: &str, key: &'static str| {
            Wish::of(title).asked(words.say(key)).with("title", title).with("causes", "X").to_string()
        };
        for (title, expected) in [
            ("Pay my bill", "Customers can pay their bill as they should."),
            ("Get help", "Customers can get help as they should."),
            ("Order a phone", "Customers can order a phone as they should."),
            ("Order status", "“Order status” works as it should."),
            ("Unlock SIM for me", "Customers can unlock SIM for them as they should."),
            ("Sign up", "Customers can sign up as they should."),
            ("Billing", "“Billing” works as it should."),
            ("Onboarding of new customers", "“Onboarding of new customers” works as it should."),
            ("My first bill", "“My first bill” works as it should."),
            ("Support", "“Support” works as it should."),
            ("我的账单", "“我的账单” works as it should."),
            ("", "“” works as it should."),
        ] {
            assert_eq!(told(title, "journey-works"), expected);
        }
        for (key, deed, name) in [
            ("journey-broken", "Customers cannot get help: X.", "“Billing” does not work: X."),
            (
                "journey-bad",
                "Most customers cannot get help without trouble: X.",
                "“Billing” troubles most customers: X.",
            ),
            (
                "journey-mixed",
                "Many customers can get help, but not all: X.",
                "“Billing” works for many customers, but not for all: X.",
            ),
            (
                "journey-unsure",
                "As far as we can see customers can get help, but X.",
                "As far as we can see “Billing” works, but X.",
            ),
            ("journey-marred", "Customers can get help, but X.", "“Billing” works, but X."),
        ] {
            assert_eq!((told("Get help", key).as_str(), told("Billing", key).as_str()), (deed, name));
        }
    }
}
