//! Every message that people read, in every language that we speak. Pure.
//!
//! One folder of Fluent files for each language (`en/`, `zh/`), part of the program. A message has the same name in
//! all of them; which plural form it takes is the rule of the language (CLDR).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use crate::model::Language;

const ENGLISH: &[&str] = &[
    include_str!("en/pages.ftl"),
    include_str!("en/sentences.ftl"),
    include_str!("en/faults.ftl"),
    include_str!("en/advice.ftl"),
    include_str!("en/alerts.ftl"),
    include_str!("en/past.ftl"),
    include_str!("en/reports.ftl"),
];
const CHINESE: &[&str] = &[
    include_str!("zh/pages.ftl"),
    include_str!("zh/sentences.ftl"),
    include_str!("zh/faults.ftl"),
    include_str!("zh/advice.ftl"),
    include_str!("zh/alerts.ftl"),
    include_str!("zh/past.ftl"),
    include_str!("zh/reports.ftl"),
];

/// What we can say in each language, parsed once and held by whoever talks to people.
#[derive(Clone, Debug)]
pub struct Tongues {
    english: Arc<Words>,
    chinese: Arc<Words>,
}

impl Tongues {
    pub fn new() -> Self {
        Self { english: Arc::new(Words::new(Language::En)), chinese: Arc::new(Words::new(Language::Zh)) }
    }

    pub fn of(&self, language: Language) -> &Arc<Words> {
        match language {
            Language::En => &self.english,
            Language::Zh => &self.chinese,
        }
    }
}

impl Default for Tongues {
    fn default() -> Self {
        Self::new()
    }
}

/// What we can say in one language.
pub struct Words {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl Words {
    /// Reads the language's files: some hundreds of microseconds.
    pub fn new(language: Language) -> Self {
        let files = match language {
            Language::En => ENGLISH,
            Language::Zh => CHINESE,
        };
        let tag: LanguageIdentifier = language.as_str().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        // Marks around what is put in serve scripts that run from right to left; we speak none of those.
        bundle.set_use_isolating(false);
        for file in files {
            // What cannot be read is left out; a test holds that there is no such message.
            let resource = FluentResource::try_new((*file).to_owned()).unwrap_or_else(|(readable, _)| readable);
            let _ = bundle.add_resource(resource);
        }
        Self { language, bundle }
    }

    pub const fn language(&self) -> Language {
        self.language
    }

    /// A message that takes arguments; written out by `to_string` or by a template.
    pub fn say<'a>(&'a self, key: &'a str) -> Said<'a> {
        Said { words: self, key, args: FluentArgs::new() }
    }

    /// A message without arguments.
    pub fn text(&self, key: &str) -> Cow<'_, str> {
        self.written(key, None)
    }

    fn written(&self, key: &str, args: Option<&FluentArgs<'_>>) -> Cow<'_, str> {
        let Some(pattern) = self.bundle.get_message(key).and_then(|message| message.value()) else {
            debug_assert!(false, "there is no message `{key}` in {:?}", self.language);
            return key.to_owned().into();
        };
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, args, &mut errors);
        debug_assert!(errors.is_empty(), "`{key}` in {:?}: {errors:?}", self.language);
        text
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words").field("language", &self.language).finish_non_exhaustive()
    }
}

/// A message on its way to somebody.
#[derive(Debug)]
pub struct Said<'a> {
    words: &'a Words,
    key: &'a str,
    args: FluentArgs<'a>,
}

impl<'a> Said<'a> {
    /// A text, or a number that may choose a plural form.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Value<'a>) -> Self {
        self.args.set(name, value.value());
        self
    }

    pub fn text(&self) -> Cow<'a, str> {
        self.words.written(self.key, Some(&self.args))
    }
}

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// What a message can be given: a text, or a number. Templates lend what they have.
pub trait Value<'a> {
    fn value(self) -> FluentValue<'a>;
}

macro_rules! values {
    ($($kind:ty),*) => {$(
        impl<'a> Value<'a> for $kind {
            fn value(self) -> FluentValue<'a> {
                self.into()
            }
        }
    )*};
}

values!(&'a str, &'a String, String, Cow<'a, str>, i32, i64, u32, u64, usize);

impl<'a> Value<'a> for &'a Cow<'a, str> {
    fn value(self) -> FluentValue<'a> {
        FluentValue::String(Cow::Borrowed(self))
    }
}

impl<'a, T: ?Sized> Value<'a> for &'a &'a T
where
    &'a T: Value<'a>,
{
    fn value(self) -> FluentValue<'a> {
        (*self).value()
    }
}
