//! Quantities as people write them: `30s`, `64KiB`, `60%`. Every module's settings are made of these.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name under which a type asks its deserializer for a scalar just as it was written.
///
/// A plain scalar arrives by `visit_str` with its exact text (`1.10`, `no`, `null`), a quoted one by `visit_bytes`,
/// a sequence or a map as usual. Other formats' deserializers call `visit_newtype_struct`.
pub const SCALAR: &str = "$unbroken::scalar";

/// The name under which a [`FilePath`] asks its deserializer for a path from where the program stands: what is written
/// is relative to the file in which it is written. Arrives by `visit_bytes`.
pub const FILE: &str = "$unbroken::file";

/// A length of time: `250ms`, `30s`, `5m`, `4h`, `2d`, `5y` (of 365 days), or a sum such as `1h30m`. At least 1 ms, at most ten years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(Duration);

const PERIOD_MAX: Duration = Duration::from_hours(10 * 366 * 24);
const PERIOD_UNITS: &[(&str, u64)] =
    &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("y", YEAR)];
const YEAR: u64 = 365 * 86_400_000;

impl Period {
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub const fn get(self) -> Duration {
        self.0
    }

    /// In the largest units that say it exactly.
    pub fn parts(self) -> Vec<(u64, &'static str)> {
        let mut millis = self.0.as_millis() as u64;
        // "400d" reads better than "1y35d".
        let units = PERIOD_UNITS.iter().rev().filter(|(_, factor)| *factor < YEAR || millis.is_multiple_of(YEAR));
        let mut parts = Vec::new();
        for (unit, factor) in units.collect::<Vec<_>>() {
            if millis >= *factor {
                parts.push((millis / factor, *unit));
                millis %= factor;
            }
        }
        parts
    }

    /// Reads whole numbers with units, largest or smallest first, without blanks.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a duration; write a whole number and a unit, such as `250ms`, `30s`, `5m`, `4h`, `2d`"
            )
        };
        let mut rest = text;
        let mut millis: u64 = 0;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
            rest = &rest[digits..];
            let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
            let (_, factor) = PERIOD_UNITS.iter().find(|(unit, _)| *unit == &rest[..letters]).ok_or_else(wrong)?;
            rest = &rest[letters..];
            millis = number.checked_mul(*factor).and_then(|part| millis.checked_add(part)).ok_or_else(wrong)?;
        }
        let duration = Duration::from_millis(millis);
        if duration.is_zero() || duration > PERIOD_MAX {
            return Err(format!("`{text}` is out of range; a duration lies between 1ms and 3660d"));
        }
        Ok(Self(duration))
    }
}

impl fmt::Display for Period {
    /// The largest units that say it exactly: `1h30m`, `800ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().into_iter().try_for_each(|(count, unit)| write!(f, "{count}{unit}"))
    }
}

/// A size: `512B`, `64KiB`, `1MiB`, `4GiB`; decimal `kB`, `MB`, `GB` too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(u64);

const BYTE_UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

impl Bytes {
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is not a size; write a whole number and a unit, such as `512B`, `64KiB`, `1MiB`, `4GiB`")
        };
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
        let (_, factor) = BYTE_UNITS.iter().find(|(unit, _)| *unit == &text[digits..]).ok_or_else(wrong)?;
        let bytes = number.checked_mul(*factor).ok_or_else(wrong)?;
        if bytes == 0 { Err(format!("`{text}` is out of range; a size is at least 1B")) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) =
            BYTE_UNITS.iter().rev().find(|(_, factor)| self.0.is_multiple_of(*factor)).unwrap_or(&BYTE_UNITS[0]);
        write!(f, "{}{unit}", self.0 / factor)
    }
}

/// A share: `60%`, held as 0.6.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Percent(f64);

impl Percent {
    /// Of a fraction; none unless it lies in 0.0..=1.0.
    pub fn of(fraction: f64) -> Option<Self> {
        (0.0..=1.0).contains(&fraction).then_some(Self(fraction))
    }

    /// 0.0..=1.0
    pub const fn fraction(self) -> f64 {
        self.0
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a share; write a number from 0 to 100 and `%`, such as `60%`");
        let number: f64 = text.strip_suffix('%').and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
        if (0.0..=100.0).contains(&number) { Ok(Self(number / 100.0)) } else { Err(wrong()) }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", (self.0 * 1e6).round() / 1e4)
    }
}

macro_rules! as_text {
    ($($name:ident $pattern:literal $example:literal;)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(D::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "examples": [$example] })
            }
        }
    )*};
}

as_text! {
    Period "^([0-9]+(ms|s|m|h|d|y))+$" "30s";
    Bytes "^[0-9]+(B|kB|KiB|MB|MiB|GB|GiB|TiB)$" "64KiB";
    Percent "^[0-9]+(\\.[0-9]+)?%$" "60%";
}

/// A file named in a configuration, relative to the file that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePath(PathBuf);

impl FilePath {
    /// From where the program stands.
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

/// A path from where the program stands.
impl From<PathBuf> for FilePath {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

struct Found;

impl<'de> Visitor<'de> for Found {
    type Value = FilePath;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the path of a file")
    }

    fn visit_bytes<E: serde::de::Error>(self, path: &[u8]) -> Result<FilePath, E> {
        Ok(FilePath(OsStr::from_bytes(path).into()))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<FilePath, D::Error> {
        String::deserialize(deserializer).map(|path| FilePath(path.into()))
    }
}

impl<'de> Deserialize<'de> for FilePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(FILE, Found)
    }
}

impl JsonSchema for FilePath {
    fn schema_name() -> Cow<'static, str> {
        "FilePath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A file, relative to the file that names it" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_read_and_write() {
        for (text, millis) in
            [("250ms", 250), ("30s", 30_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("5y", 5 * YEAR)]
        {
            let period = Period::parse(text).expect(text);
            assert_eq!(period.get(), Duration::from_millis(millis));
            assert_eq!(period.to_string(), text);
        }
        for text in ["", "30", "s", "1e3s", "-1s", "0s", "1ns", "1.5s", "9999999d", "99999999999999999999s", "30 s"] {
            Period::parse(text).expect_err(text);
        }
    }

    #[test]
    fn sizes_and_shares_read_and_write() {
        assert_eq!(Bytes::parse("64KiB"), Ok(Bytes::new(65_536)));
        assert_eq!(Bytes::new(1 << 20).to_string(), "1MiB");
        for text in ["", "1", "KiB", "0B", "-1B", "1.5MiB", "99999999999GiB"] {
            Bytes::parse(text).expect_err(text);
        }
        assert_eq!(Percent::parse("60%").map(Percent::fraction), Ok(0.6));
        for text in ["60", "101%", "-1%", "NaN%", "inf%"] {
            Percent::parse(text).expect_err(text);
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    #[test]
    fn quantities_are_read_as_they_are_written() {
        let corpus: &[&[u8]] = &[b"1h30m", b"250ms", b"5y", b"3660d", b"64KiB", b"16777215TiB", b"99.99%", b"1e1%"];
        for input in Bent::of(5000, corpus) {
            let text = String::from_utf8_lossy(&input);
            if let Ok(period) = Period::parse(&text) {
                assert_eq!(Period::parse(&period.to_string()), Ok(period), "{text}");
            }
            if let Ok(bytes) = Bytes::parse(&text) {
                assert_eq!(Bytes::parse(&bytes.to_string()), Ok(bytes), "{text}");
            }
            if let Ok(percent) = Percent::parse(&text) {
                let again = Percent::parse(&percent.to_string()).expect("what was written can be read");
                assert!((again.fraction() - percent.fraction()).abs() < 1e-6, "{text}");
            }
        }
    }
}
