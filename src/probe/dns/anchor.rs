//! Keys that are trusted to begin with, read when the configuration is: `check` finds a file that holds none.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use hickory_resolver::proto::dnssec::TrustAnchors;
use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::serialize::txt::ParseError;
use hickory_resolver::proto::serialize::txt::trust_anchor::{Entry, Parser};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::units::FilePath;

/// A file of DNSKEY records.
#[derive(Clone)]
pub struct Anchor {
    pub(super) keys: TrustAnchors,
    /// Whose keys they are.
    pub(super) zones: BTreeSet<Name>,
}

impl fmt::Debug for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Anchor").field("zones", &self.zones).finish_non_exhaustive()
    }
}

impl Anchor {
    fn read(path: &Path) -> Result<Self, String> {
        let wrong = |why: &dyn fmt::Display| format!("{}: {why}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
        let unread = |error: ParseError| wrong(&format!("it is no list of DNSKEY records ({error})"));
        let keys: TrustAnchors = text.parse().map_err(unread)?;
        let entries = Parser::new(text).parse().map_err(unread)?;
        let zone = |entry: &Entry| match entry {
            Entry::DNSKEY(record) => Some(record.name().clone()),
            _ => None,
        };
        let zones: BTreeSet<Name> = entries.iter().filter_map(zone).collect();
        if zones.is_empty() { Err(wrong(&"it holds no DNSKEY record")) } else { Ok(Self { keys, zones }) }
    }
}

impl<'de> Deserialize<'de> for Anchor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(FilePath::deserialize(deserializer)?.as_path()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_keys_is_found_before_any_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let read = |text: &str| {
            let path = folder.path().join("anchor");
            std::fs::write(&path, text).expect("a file");
            Anchor::read(&path)
        };
        let zones = read("shop.test. 60 IN DNSKEY 257 3 8 AwEAAQ==\n").expect("a key").zones;
        assert_eq!(zones.iter().map(Name::to_string).collect::<Vec<_>>(), ["shop.test."]);
        assert!(read("").expect_err("empty").contains("no DNSKEY"));
        read("nonsense").expect_err("no record");
        Anchor::read(&folder.path().join("absent")).expect_err("no file");
    }
}
