//! The languages that we speak with people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language of pages and alerts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    En,
    Zh,
}

impl Language {
    pub const ALL: &'static [Self] = &[Self::En, Self::Zh];

    /// As `?lang=` and the configuration write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// As pages declare it (BCP 47): browsers choose letter shapes by the script.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-Hans",
        }
    }

    /// What somebody means who asks for `zh`, `zh-CN` or `zh-Hant-TW`: regions and scripts are not told apart.
    pub fn of(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?;
        Self::ALL.iter().copied().find(|language| language.as_str().eq_ignore_ascii_case(primary))
    }
}
