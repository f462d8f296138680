//! Questions to the browser whose answers are read only as far as they are needed: newer browsers say more than our
//! client knows, and it would refuse the whole.

use std::borrow::Cow;

use chromiumoxide::{Command, Method};
use serde::{Deserialize, Serialize};

/// The page as those hear it who cannot see it.
#[derive(Debug, Serialize)]
pub(super) struct Outline {}

#[derive(Debug, Deserialize)]
pub(super) struct Outlined {
    pub(super) nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    #[serde(rename = "nodeId")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) ignored: bool,
    pub(super) role: Option<Worded>,
    pub(super) name: Option<Worded>,
    #[serde(default)]
    pub(super) child_ids: Vec<String>,
    pub(super) parent_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Worded {
    #[serde(default)]
    pub(super) value: serde_json::Value,
}

impl Method for Outline {
    fn identifier(&self) -> Cow<'static, str> {
        "Accessibility.getFullAXTree".into()
    }
}

impl Command for Outline {
    type Response = Outlined;
}

/// Every text that is on the screen, in whatever frame, shadow or field.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Texts {
    computed_styles: [&'static str; 0],
}

impl Texts {
    pub(super) const ALL: Self = Self { computed_styles: [] };
}

#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    documents: Vec<Document>,
    strings: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Document {
    layout: Layout,
    nodes: Nodes,
}

#[derive(Debug, Deserialize)]
struct Layout {
    text: Vec<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Nodes {
    input_value: Option<Rare>,
    text_value: Option<Rare>,
}

#[derive(Debug, Deserialize)]
struct Rare {
    value: Vec<i64>,
}

impl Shown {
    /// The texts of each document, one after the other.
    pub(super) fn documents(&self) -> impl Iterator<Item = String> {
        let text = |index: &i64| usize::try_from(*index).ok().and_then(|index| self.strings.get(index));
        self.documents.iter().map(move |document| {
            let fields = [&document.nodes.input_value, &document.nodes.text_value];
            let fields = fields.into_iter().flatten().flat_map(|rare| &rare.value);
            document.layout.text.iter().chain(fields).filter_map(text).map(String::as_str).collect()
        })
    }
}

impl Method for Texts {
    fn identifier(&self) -> Cow<'static, str> {
        "DOMSnapshot.captureSnapshot".into()
    }
}

impl Command for Texts {
    type Response = Shown;
}
