//! The files of messages, the code that says them and the templates that show them, held together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use unbroken::model::{FaultCode, Language, Phase, SelfFault};
use unbroken::words::Words;

/// A file of messages is read whole by whoever translates it.
const LINES_MAX: usize = 400;

/// What a language may leave out: English needs the clause that a journey's title becomes, and shows the English text
/// of a fault without saying first what it means.
const LEFT_OUT: &[(&str, &str)] = &[("journey-", "deed"), ("fault-told", "clause")];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path, extension: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == extension) {
                let text = fs::read_to_string(&path).expect("utf-8");
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// Messages by name, as they are written.
fn messages(language: Language) -> BTreeMap<String, String> {
    let mut messages = BTreeMap::new();
    for (path, text) in files(&src().join("words").join(language.as_str()), "ftl") {
        let mut last: Option<String> = None;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((key, value)) = line.split_once(" =").filter(|_| !line.starts_with([' ', '}'])) {
                let before = messages.insert(key.to_owned(), value.to_owned());
                assert!(before.is_none(), "{}: `{key}` stands there twice", path.display());
                last = Some(key.to_owned());
            } else if let Some(message) = last.as_ref().and_then(|key| messages.get_mut(key)) {
                message.push_str(line);
            }
        }
    }
    assert!(messages.len() > 300, "{language:?} is read");
    messages
}

/// Our code without its tests, and the templates.
fn said() -> Vec<(PathBuf, String)> {
    let mut all = files(&src(), "rs");
    all.retain(|(path, _)| !path.ends_with("tests.rs") && !path.components().any(|part| part.as_os_str() == "tests"));
    for (_, text) in &mut all {
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
        *text = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    }
    all.extend(files(&src().join("web/templates"), "html"));
    all
}

/// Messages that are called as codes of the model.
fn families() -> BTreeSet<String> {
    use unbroken::model::Channel::{
        self, Ads, App, Billing, Chat, Email, Messaging, Other, Reviews, Social, Store, Voice, Web,
    };
    use unbroken::model::NotificationKind::{self, Acknowledge, Escalate, Open, Remind, Resolve, Test, Update};
    let faults = FaultCode::ALL.iter().map(|code| format!("fault-{code}"));
    let own = SelfFault::ALL.iter().map(|code| format!("own-{code}"));
    let phases = Phase::ALL.iter().map(|code| format!("phase-{code}"));
    let notices = [Open, Remind, Update, Acknowledge, Escalate, Resolve, Test];
    let notices = notices.iter().map(|kind: &NotificationKind| format!("notice-{}", kind.as_str()));
    let channels = [Web, App, Billing, Chat, Email, Voice, Social, Ads, Reviews, Messaging, Store, Other];
    let channels = channels.iter().map(|channel: &Channel| format!("channel-{}", channel.as_str()));
    let periods = ["ms", "s", "m", "h", "d", "y"].map(|unit| format!("period-{unit}"));
    faults.chain(own).chain(phases).chain(notices).chain(channels).chain(periods).collect()
}

#[test]
fn every_language_has_every_message_with_the_same_variables() {
    let printed = Regex::new(r"\{ \$(\w+) \}").unwrap();
    let named = Regex::new(r"\$(\w+)").unwrap();
    let all = |pattern: &Regex, text: &str| -> BTreeSet<String> {
        pattern.captures_iter(text).map(|found| found[1].to_owned()).collect()
    };
    let english = messages(Language::En);
    for language in Language::ALL.iter().copied().filter(|language| *language != Language::En) {
        let other = messages(language);
        let keys = |messages: &BTreeMap<String, String>| messages.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(keys(&english), keys(&other), "{language:?}");
        for (key, text) in &english {
            let may_lack = |name: &String| LEFT_OUT.iter().any(|(start, left)| key.starts_with(start) && name == left);
            let (mut wanted, mut found) = (all(&printed, text), all(&printed, &other[key]));
            wanted.retain(|name| !may_lack(name));
            found.retain(|name| !may_lack(name));
            assert_eq!(wanted, found, "`{key}` in {language:?}");
            let unknown: Vec<_> = all(&named, &other[key]).difference(&all(&named, text)).cloned().collect();
            assert!(unknown.iter().all(may_lack), "`{key}` in {language:?} is never given {unknown:?}");
        }
    }
}

#[test]
fn every_message_that_is_said_exists_and_none_is_unsaid() {
    let known: BTreeSet<String> = messages(Language::En).into_keys().collect();
    let families = families();
    let missing: Vec<_> = families.difference(&known).collect();
    assert!(missing.is_empty(), "no message is called as these codes: {missing:?}");
    let told = Regex::new(r#"(?:\.(?:say|text|rich)|\b(?:beside|tell|one|told))\(\s*"([a-z][\w-]*)""#).unwrap();
    let literal = Regex::new(r#""([a-z][\w-]*)""#).unwrap();
    let (mut unsaid, mut wrong) = (known.clone(), Vec::new());
    for (path, text) in said() {
        for found in literal.captures_iter(&text) {
            unsaid.remove(&found[1]);
        }
        let speaks = path.components().any(|part| matches!(part.as_os_str().to_str(), Some("words" | "web")));
        for found in told.captures_iter(&text).filter(|_| speaks || path.ends_with("words.rs")) {
            // Without a hyphen it may be something else that is called so.
            if found[1].contains('-') && !known.contains(&found[1]) {
                wrong.push(format!("{}: `{}`", path.display(), &found[1]));
            }
        }
    }
    assert!(wrong.is_empty(), "there are no such messages:\n{}", wrong.join("\n"));
    let unsaid: Vec<_> = unsaid.difference(&families).collect();
    assert!(unsaid.is_empty(), "nobody says these: {unsaid:?}");
}

#[test]
fn markup_stands_only_in_messages_that_are_shown_with_it() {
    let rich = Regex::new(r#"(?:rich|beside)\(\s*"([\w-]+)""#).unwrap();
    let mut shown: BTreeSet<String> = said()
        .iter()
        .flat_map(|(_, text)| rich.captures_iter(text).map(|it| it[1].to_owned()).collect::<Vec<_>>())
        .collect();
    shown.extend(["trouble-since", "trouble-since-why"].map(str::to_owned));
    let plain = Regex::new(r#"\b(?:say|text|tell)\(\s*"([\w-]+)""#).unwrap();
    for (path, text) in said() {
        let wrong: Vec<_> = plain.captures_iter(&text).filter(|found| shown.contains(&found[1])).collect();
        assert!(wrong.is_empty(), "{}: {wrong:?} is shown with markup elsewhere", path.display());
    }
    let tag = Regex::new(r"<[^>]*>").unwrap();
    for language in Language::ALL {
        for (key, text) in messages(*language) {
            let tags: Vec<&str> = tag.find_iter(&text).map(|found| found.as_str()).collect();
            let allowed = ["<strong>", "</strong>", "<code>", "</code>", "<span lang=\"en\">", "</span>"];
            assert!(tags.iter().all(|tag| allowed.contains(tag)), "`{key}`: {tags:?}");
            assert!(tags.is_empty() || shown.contains(&key), "`{key}` in {language:?} is not shown as markup");
        }
    }
}

/// What is left of a template when what is put in and what is markup is taken out: nothing that anybody could read.
#[test]
fn no_template_speaks_a_language() {
    let put_in = Regex::new(r"(?s)\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}").unwrap();
    let tag = Regex::new(r"(?s)<[^>]*>").unwrap();
    let spoken = Regex::new(r#"\b(?:aria-label|title|alt|placeholder)="([^"]*)""#).unwrap();
    for (path, text) in files(&src().join("web/templates"), "html") {
        let bare = put_in.replace_all(&text, "");
        let rest = tag.replace_all(&bare, " ");
        let words: Vec<&str> = rest.split_whitespace().filter(|word| word.contains(char::is_alphabetic)).collect();
        assert!(words.iter().all(|word| *word == "Unbroken"), "{} says {words:?} itself", path.display());
        for found in spoken.captures_iter(&bare) {
            assert!(!found[1].contains(char::is_alphabetic), "{} says “{}” itself", path.display(), &found[1]);
        }
    }
}

/// Two words with a blank between them are a sentence that somebody forgot.
#[test]
fn no_page_speaks_a_language() {
    let literal = Regex::new(r#""((?:[^"\\\n]|\\.)*)""#).unwrap();
    let sentence = Regex::new(r"[A-Za-z,:{}]{2,} [a-z{]{2,}").unwrap();
    let page = src().join("web/page");
    for (path, text) in said().into_iter().filter(|(path, _)| path.starts_with(&page)) {
        // What goes into the log is English.
        let logged = ["tracing::", "Problem::new", "shared.unread("];
        for line in text.lines().filter(|line| !logged.iter().any(|call| line.contains(call))) {
            // Paths of a drawing and markup to copy are no sentences.
            let drawn = ["write!(", "#[template", "<iframe"].iter().any(|sign| line.contains(sign));
            let said = literal.captures_iter(line).any(|found| sentence.is_match(&found[1]));
            assert!(drawn || !said, "{} says itself: {line}", path.display());
        }
    }
}

#[test]
fn a_file_of_messages_can_be_read_at_a_sitting() {
    for (path, text) in files(&src().join("words"), "ftl") {
        assert!(text.lines().count() <= LINES_MAX, "{} is longer than {LINES_MAX} lines", path.display());
    }
}

/// Logs and metrics have the model's words, pages have the files': in English they are the same.
#[test]
fn english_says_of_codes_what_the_model_says() {
    let words = Words::new(Language::En);
    for code in FaultCode::ALL {
        assert_eq!(words.code(*code), code.words());
    }
    for code in SelfFault::ALL {
        assert_eq!(words.own(*code), code.words());
    }
    for code in Phase::ALL {
        assert_eq!(words.phase(*code), code.words());
    }
}

/// Chinese has its own marks, and no blank beside them.
#[test]
fn chinese_is_set_as_chinese() {
    let ideograph = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    for (key, text) in messages(Language::Zh) {
        let plain = text.replace("<strong>", "").replace("</strong>", "");
        let letters: Vec<char> = plain.chars().collect();
        for pair in letters.windows(2) {
            let western = |c: char| matches!(c, ',' | ';' | ':' | '?' | '!' | '(' | ')');
            let wrong = ideograph(pair[0]) && western(pair[1]) || western(pair[0]) && ideograph(pair[1]);
            assert!(!wrong, "`{key}` has a western mark: {text}");
            let marks = |c: char| "，。；：？！（）「」、".contains(c);
            assert!(!(marks(pair[0]) && pair[1] == ' '), "`{key}` has a blank after a mark: {text}");
        }
    }
}
