//! What customers want of a journey, as a part of a sentence.

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
    /// Only what it is called: `“Onboarding”`.
    Name(String),
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
            Self::Name(format!("“{title}”"))
        }
    }

    /// Follows "whether".
    pub(super) fn works(&self) -> String {
        match self {
            Self::Deed(deed) => format!("customers can {deed}"),
            Self::Name(name) => format!("{name} works"),
        }
    }

    /// All is well.
    pub(super) fn works_well(&self) -> String {
        match self {
            Self::Deed(deed) => format!("Customers can {deed} as they should."),
            Self::Name(name) => format!("{name} works as it should."),
        }
    }

    /// How it goes at a value of 0..=1 that is worth a complaint; causes follow.
    pub(super) fn lead(&self, value: f64) -> String {
        match (self, value) {
            (Self::Deed(deed), ..0.05) => format!("Customers cannot {deed}:"),
            (Self::Deed(deed), ..0.5) => format!("Most customers cannot {deed} without trouble:"),
            (Self::Deed(deed), ..0.8) => format!("Many customers can {deed}, but not all:"),
            (Self::Deed(deed), _) => format!("Customers can {deed}, but"),
            (Self::Name(name), ..0.05) => format!("{name} does not work:"),
            (Self::Name(name), ..0.5) => format!("{name} troubles most customers:"),
            (Self::Name(name), ..0.8) => format!("{name} works for many customers, but not for all:"),
            (Self::Name(name), _) => format!("{name} works, but"),
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

    #[test]
    fn a_title_is_a_wish_or_a_name() {
        for (title, expected) in [
            ("Pay my bill", "customers can pay their bill"),
            ("Get help", "customers can get help"),
            ("Order a phone", "customers can order a phone"),
            ("Order status", "“Order status” works"),
            ("Unlock SIM for me", "customers can unlock SIM for them"),
            ("Sign up", "customers can sign up"),
            ("Billing", "“Billing” works"),
            ("Onboarding of new customers", "“Onboarding of new customers” works"),
            ("My first bill", "“My first bill” works"),
            ("Support", "“Support” works"),
            ("我的账单", "“我的账单” works"),
            ("", "“” works"),
        ] {
            assert_eq!(Wish::of(title).works(), expected);
        }
        let leads = [0.0, 0.3, 0.7, 0.9].map(|value| Wish::of("Billing").lead(value));
        assert_eq!(
            leads,
            [
                "“Billing” does not work:",
                "“Billing” troubles most customers:",
                "“Billing” works for many customers, but not for all:",
                "“Billing” works, but"
            ]
        );
    }
}
