//! What a customer does on a page, as it is written: one verb a line, what the verb needs beside it, and the effect
//! that it promises.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::element::{Element, Want};
use super::key::Keys;
use super::totp::Totp;
use crate::probe::template::{Place, Template, TemplateOrSecret};
use crate::probe::{Part, Scope};
use crate::secret::Secret;
use crate::units::{FilePath, Period};

/// How long what is needed may take to be there, and then what was promised to happen.
const WITHIN: Period = Period::from_secs(5);

/// One thing that is done.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    /// Written for readers; else what is done is its name.
    pub(super) name: Option<String>,
    pub(super) verb: Verb,
    /// What must happen of it.
    pub(super) then: Option<Awaited>,
    within: Period,
}

#[derive(Clone, Debug)]
pub(super) enum Verb {
    Click(Element),
    Fill(Element, Typed),
    Press(Keys),
    Select(Element, Template),
    /// And whether it is ticked afterwards.
    Tick(Element, Ticked),
    Upload(Element, PathBuf),
    Scroll(Scroll),
    WaitFor(Awaited),
    Back,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ticked {
    Yes,
    No,
}

/// What is typed.
#[derive(Clone, Debug)]
pub(super) enum Typed {
    Text(TemplateOrSecret),
    /// A one-time password (RFC 6238) of this secret.
    Code(Totp),
}

/// Where to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scroll {
    Top,
    Bottom,
    /// Until this element is on the screen.
    To(Element),
}

/// What a page is waited for to do.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Awaited {
    /// That it is shown.
    Text(Template),
    /// That it is there to be seen.
    Element(Element),
    /// That it is to be seen no more.
    Gone(Element),
    /// That the address has this in it.
    Url(Template),
    /// That a new tab opens whose address has this in it; what follows is done there.
    NewTab(Template),
    /// That a dialog said this; it was agreed to.
    Dialog(Template),
    /// That a file comes down whose name has this in it.
    Download(Template),
    /// That nothing has been asked of the network for half a second.
    NetworkQuiet,
}

/// As it stands in the file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Deed")]
struct Written {
    /// What it is for, for readers.
    name: Option<String>,
    click: Option<Element>,
    /// A field, by its label; beside it `with` or `totp`.
    fill: Option<Element>,
    /// A key, such as `Enter`, `ArrowDown`, `Control+A`.
    press: Option<Keys>,
    /// A field, by its label; beside it `option`.
    select: Option<Element>,
    /// Ticks a box, or chooses one of several.
    check: Option<Element>,
    uncheck: Option<Element>,
    /// A field for files, by its label; beside it `file`.
    upload: Option<Element>,
    scroll: Option<Scroll>,
    wait_for: Option<Awaited>,
    /// What is filled in.
    with: Option<TemplateOrSecret>,
    /// The secret of one-time passwords, as the authenticator app was given it (base32).
    totp: Option<Secret>,
    /// What is selected, by what is read.
    option: Option<Template>,
    /// Beside this file, or by its whole path.
    file: Option<FilePath>,
    /// The effect that it promises.
    then: Option<Awaited>,
    /// How long its element may take to be there, and then its effect; 5s each by default.
    within: Option<Period>,
}

impl TryFrom<Written> for Deed {
    type Error = String;

    fn try_from(mut written: Written) -> Result<Self, String> {
        let verb = written.verb()?;
        for (given, name) in [
            (written.with.is_some(), "with"),
            (written.totp.is_some(), "totp"),
            (written.option.is_some(), "option"),
            (written.file.is_some(), "file"),
        ] {
            if given {
                return Err(format!("`{name}` has nothing to do here"));
            }
        }
        Ok(Self { name: written.name, verb, then: written.then, within: written.within.unwrap_or(WITHIN) })
    }
}

impl Written {
    fn verb(&mut self) -> Result<Verb, String> {
        let given = [
            ("click", self.click.is_some()),
            ("fill", self.fill.is_some()),
            ("press", self.press.is_some()),
            ("select", self.select.is_some()),
            ("check", self.check.is_some()),
            ("uncheck", self.uncheck.is_some()),
            ("upload", self.upload.is_some()),
            ("scroll", self.scroll.is_some()),
            ("wait_for", self.wait_for.is_some()),
        ];
        let given: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        match given[..] {
            [_] => {}
            [] => {
                let verbs = "`click`, `fill`, `press`, `select`, `check`, `uncheck`, `upload`, `scroll`, `wait_for`";
                return Err(format!("it does nothing: write one of {verbs}, or just `back`"));
            }
            [first, second, ..] => {
                return Err(format!("one thing at a time: `{first}` and `{second}` are two lines"));
            }
        }
        if let Some(element) = self.fill.take() {
            return Ok(Verb::Fill(element, self.typed()?));
        }
        if let Some(element) = self.select.take() {
            let option = self.option.take().ok_or("what is selected? Write `option:` beside `select`")?;
            return Ok(Verb::Select(element, option));
        }
        if let Some(element) = self.upload.take() {
            let file = self.file.take().ok_or("which file? Write `file:` beside `upload`")?;
            return Ok(Verb::Upload(element, file.as_path().to_owned()));
        }
        let simple = [
            self.click.take().map(Verb::Click),
            self.press.take().map(Verb::Press),
            self.check.take().map(|element| Verb::Tick(element, Ticked::Yes)),
            self.uncheck.take().map(|element| Verb::Tick(element, Ticked::No)),
            self.scroll.take().map(Verb::Scroll),
            self.wait_for.take().map(Verb::WaitFor),
        ];
        simple.into_iter().flatten().next().ok_or_else(|| "it does nothing".to_owned())
    }

    fn typed(&mut self) -> Result<Typed, String> {
        match (self.with.take(), self.totp.take()) {
            (Some(text), None) => Ok(Typed::Text(text)),
            (None, Some(secret)) => Totp::new(secret).map(Typed::Code),
            (None, None) => Err("what is filled in? Write `with:` beside `fill`".to_owned()),
            (Some(_), Some(_)) => Err("`with` or `totp`, not both".to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Deed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrMap)
    }
}

struct WordOrMap;

impl<'de> Visitor<'de> for WordOrMap {
    type Value = Deed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("something to do, such as `click: Order`, or just `back`")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Self::Value, E> {
        match word {
            "back" => Ok(Deed { name: None, verb: Verb::Back, then: None, within: WITHIN }),
            other => Err(E::custom(format!("`{other}` alone is nothing to do; only `back` stands alone"))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let written = Written::deserialize(MapAccessDeserializer::new(map))?;
        Deed::try_from(written).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Deed {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DeedOrBack".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let written = generator.subschema_for::<Written>();
        schemars::json_schema!({ "anyOf": [{ "const": "back" }, written] })
    }
}

impl Deed {
    pub(super) fn within(&self) -> Duration {
        self.within.get()
    }

    pub(super) fn parts<'a>(&'a self, see: &mut dyn FnMut(Part<'a>)) {
        match &self.verb {
            Verb::Click(element)
            | Verb::Tick(element, _)
            | Verb::Upload(element, _)
            | Verb::Scroll(Scroll::To(element)) => element.parts(see),
            Verb::Fill(element, typed) => {
                element.parts(see);
                see(match typed {
                    Typed::Text(text) => text.part(Place::Text),
                    Typed::Code(totp) => Part::Secret(totp.secret()),
                });
            }
            Verb::Select(element, option) => {
                element.parts(see);
                see(Part::Template(option, Place::Text));
            }
            Verb::WaitFor(awaited) => awaited.parts(see),
            Verb::Press(_) | Verb::Scroll(_) | Verb::Back => {}
        }
        if let Some(then) = &self.then {
            then.parts(see);
        }
    }

    /// What is done, as it is written.
    pub(super) const fn verb(&self) -> &'static str {
        match &self.verb {
            Verb::Click(_) => "click",
            Verb::Fill(..) => "fill",
            Verb::Press(_) => "press",
            Verb::Select(..) => "select",
            Verb::Tick(_, Ticked::Yes) => "check",
            Verb::Tick(_, Ticked::No) => "uncheck",
            Verb::Upload(..) => "upload",
            Verb::Scroll(_) => "scroll",
            Verb::WaitFor(_) => "wait_for",
            Verb::Back => "back",
        }
    }

    /// What it is called: by its name, else by what is done.
    pub(super) fn words(&self, scope: &Scope) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        match &self.verb {
            Verb::Click(element) => format!("Click {}", element.words(Want::Control, scope)),
            Verb::Fill(element, _) => format!("Fill {}", element.words(Want::Field, scope)),
            Verb::Press(keys) => format!("Press {keys}"),
            Verb::Select(element, _) => format!("Select in {}", element.words(Want::Field, scope)),
            Verb::Tick(element, Ticked::Yes) => format!("Tick {}", element.words(Want::Field, scope)),
            Verb::Tick(element, Ticked::No) => format!("Untick {}", element.words(Want::Field, scope)),
            Verb::Upload(element, _) => format!("Upload to {}", element.words(Want::Field, scope)),
            Verb::Scroll(Scroll::Top) => "Scroll to the top".to_owned(),
            Verb::Scroll(Scroll::Bottom) => "Scroll to the bottom".to_owned(),
            Verb::Scroll(Scroll::To(element)) => format!("Scroll to {}", element.words(Want::Control, scope)),
            Verb::WaitFor(awaited) => format!("Wait until {}", awaited.words(scope)),
            Verb::Back => "Go back".to_owned(),
        }
    }
}

impl Awaited {
    fn parts<'a>(&'a self, see: &mut dyn FnMut(Part<'a>)) {
        match self {
            Self::Text(text) | Self::Url(text) | Self::NewTab(text) | Self::Dialog(text) | Self::Download(text) => {
                see(Part::Template(text, Place::Text));
            }
            Self::Element(element) | Self::Gone(element) => element.parts(see),
            Self::NetworkQuiet => {}
        }
    }

    /// As a clause: `“Thank you” is shown`.
    pub(super) fn words(&self, scope: &Scope) -> String {
        match self {
            Self::Text(text) => format!("“{}” is shown", text.render(scope)),
            Self::Element(element) => format!("{} is shown", element.words(Want::Control, scope)),
            Self::Gone(element) => format!("{} is gone", element.words(Want::Control, scope)),
            Self::Url(part) => format!("the address has `{}` in it", part.render(scope)),
            Self::NewTab(part) => format!("a new tab opens with `{}` in its address", part.render(scope)),
            Self::Dialog(text) => format!("a dialog says “{}”", text.render(scope)),
            Self::Download(name) => format!("a file comes down with `{}` in its name", name.render(scope)),
            Self::NetworkQuiet => "the network is quiet".to_owned(),
        }
    }
}
