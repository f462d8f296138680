//! An element as people name it: by what is written on it, by its role, by the label beside it; by CSS if nothing else.

use std::fmt;
use std::num::NonZeroU32;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::probe::template::{Place, Template};
use crate::probe::{Part, Scope};

/// What to look for.
#[derive(Clone, Debug)]
pub(super) struct Element {
    by: By,
    /// Of several that fit, in the order of the page; from 1.
    nth: Option<NonZeroU32>,
    /// Only in there.
    inside: Option<Box<Element>>,
}

#[derive(Clone, Debug)]
enum By {
    /// What a person would read: on a button or a link, beside a field; if there is none, any text.
    Named(Template),
    Role(String, Option<Template>),
    Label(Template),
    Text(Template),
    Css(String),
}

/// What elements are for screen readers (WAI-ARIA 1.2), and what Chromium calls a picture.
const ROLES: &str = "alert alertdialog application article banner blockquote button caption cell checkbox code columnheader \
    combobox complementary contentinfo definition deletion dialog directory document emphasis feed figure form grid \
    gridcell group heading image img insertion link list listbox listitem log main mark marquee math menu menubar \
    menuitem menuitemcheckbox menuitemradio meter navigation note option paragraph progressbar radio radiogroup region \
    row rowgroup rowheader scrollbar search searchbox separator slider spinbutton status strong subscript suggestion \
    superscript switch tab table tablist tabpanel term textbox time timer toolbar tooltip tree treegrid treeitem";

/// For what an element is looked for: a name alone means another thing on a form than on a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Control,
    Field,
}

/// As it stands in the file, if there is more than a name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Element")]
struct Written {
    /// As for screen readers: `button`, `link`, `textbox`, `checkbox`, `heading`, ...
    role: Option<String>,
    /// What is read out with the role.
    name: Option<Template>,
    /// Of a field.
    label: Option<Template>,
    /// What it shows.
    text: Option<Template>,
    /// A CSS selector, for what people cannot name.
    css: Option<String>,
    /// Which of several, from 1; the first by default.
    nth: Option<NonZeroU32>,
    /// An element that it lies in.
    inside: Option<Box<Element>>,
}

impl TryFrom<Written> for Element {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { role, name, label, text, css, nth, inside } = written;
        if name.is_some() && role.is_none() {
            return Err("`name` stands beside a `role`; for a name alone write just the text".to_owned());
        }
        if let Some(role) = &role
            && !ROLES.split_whitespace().any(|known| known == role)
        {
            return Err(format!("`{role}` is no role; write one such as `button`, `link`, `textbox` or `heading`"));
        }
        let ways = [role.map(|role| By::Role(role, name)), label.map(By::Label), text.map(By::Text), css.map(By::Css)];
        let mut ways = ways.into_iter().flatten();
        match (ways.next(), ways.next()) {
            (Some(by), None) => Ok(Self { by, nth, inside }),
            _ => Err("an element is named by one of `role`, `label`, `text` and `css`".to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrMap)
    }
}

struct NameOrMap;

impl<'de> Visitor<'de> for NameOrMap {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what is written on it, or a map such as `{ role: button, name: Order }`")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let name = Template::parse(text).map_err(E::custom)?;
        Ok(Element { by: By::Named(name), nth: None, inside: None })
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let written = Written::deserialize(MapAccessDeserializer::new(map))?;
        Element::try_from(written).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Element {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "NamedElement".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let either = [generator.subschema_for::<Template>(), generator.subschema_for::<Written>()];
        schemars::json_schema!({ "anyOf": either })
    }
}

impl Element {
    pub(super) fn parts<'a>(&'a self, see: &mut dyn FnMut(Part<'a>)) {
        let template = match &self.by {
            By::Named(template) | By::Role(_, Some(template)) | By::Label(template) | By::Text(template) => template,
            By::Role(_, None) | By::Css(_) => return self.outside(see),
        };
        see(Part::Template(template, Place::Text));
        self.outside(see);
    }

    fn outside<'a>(&'a self, see: &mut dyn FnMut(Part<'a>)) {
        if let Some(inside) = &self.inside {
            inside.parts(see);
        }
    }

    /// The question that the page is asked.
    pub(super) fn query(&self, want: Want, scope: &Scope) -> Value {
        let mut query = match &self.by {
            By::Named(name) => json!({ "named": name.render(scope), "field": want == Want::Field }),
            By::Role(role, name) => json!({ "role": role, "name": name.as_ref().map(|name| name.render(scope)) }),
            By::Label(label) => json!({ "label": label.render(scope) }),
            By::Text(text) => json!({ "text": text.render(scope) }),
            By::Css(css) => json!({ "css": css }),
        };
        query["nth"] = self.nth.map(NonZeroU32::get).into();
        query["inside"] = self.inside.as_ref().map(|inside| inside.query(Want::Control, scope)).into();
        query
    }

    /// What is looked for, in words: `the button or link “Order”`.
    pub(super) fn words(&self, want: Want, scope: &Scope) -> String {
        let what = match (&self.by, want) {
            (By::Named(name), Want::Control) => format!("“{}”", name.render(scope)),
            (By::Named(name), Want::Field) => format!("the field “{}”", name.render(scope)),
            (By::Role(role, Some(name)), _) => format!("the {role} “{}”", name.render(scope)),
            (By::Role(role, None), _) => format!("the {role}"),
            (By::Label(label), _) => format!("the field “{}”", label.render(scope)),
            (By::Text(text), _) => format!("the text “{}”", text.render(scope)),
            (By::Css(css), _) => format!("the element `{css}`"),
        };
        match self.nth {
            Some(nth) if nth.get() > 1 => format!("{what} (number {nth})"),
            _ => what,
        }
    }
}
