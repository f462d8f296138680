//! How browsers are run: the section `browser:`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::probe::browser::chromium::find;
use crate::probe::browser::chromium::look::Look;
use crate::units::{Bytes, FilePath};

/// How browsers are run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Browser")]
pub struct Settings {
    /// The program of Chromium or of its headless shell; found where systems install it, if absent.
    pub chromium: Option<FilePath>,
    /// How many browsers there may be at a time, one for each run under way; 2, if absent.
    pub at_most: AtMost,
    /// How much memory a page may take, with all that its browser needs; 1GiB, if absent.
    pub memory: Memory,
    /// The user of this machine whom browsers run as, where Unbroken is started as root; `nobody`, if absent.
    pub user: Option<String>,
}

impl Settings {
    /// The program that would be started, if there is one; whether it does start is another matter.
    pub fn program(&self) -> Option<PathBuf> {
        find(self.chromium.as_ref().map(FilePath::as_path), &Look::Unseen)
    }
}

/// A few.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema)]
#[schemars(transparent)]
pub struct AtMost(#[schemars(range(min = 1, max = 16))] u8);

/// More than a browser takes without any page.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema)]
#[schemars(transparent)]
pub struct Memory(Bytes);

const BROWSERS_MAX: u8 = 16;
/// With less not even a small page opens.
const MEMORY_MIN: Bytes = Bytes::new(256 << 20);

impl AtMost {
    pub(super) fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Memory {
    pub(super) fn get(self) -> Bytes {
        self.0
    }
}

impl Default for AtMost {
    fn default() -> Self {
        Self(2)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self(Bytes::new(1 << 30))
    }
}

impl<'de> Deserialize<'de> for AtMost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let many = u8::deserialize(deserializer)?;
        let fits = (1..=BROWSERS_MAX).contains(&many);
        fits.then_some(Self(many)).ok_or_else(|| D::Error::custom(format!("{many} is not from 1 to {BROWSERS_MAX}")))
    }
}

impl<'de> Deserialize<'de> for Memory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let memory = Bytes::deserialize(deserializer)?;
        if memory < MEMORY_MIN {
            return Err(D::Error::custom(format!("no page opens with {memory}: at least {MEMORY_MIN}")));
        }
        Ok(Self(memory))
    }
}
