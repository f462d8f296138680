//! Names of things. Text ids are checked once, by the configuration; past it they are just compared.

use std::fmt;
use std::sync::Arc;

use rand::RngCore;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(text: &str) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    )*};
}

text_id! {
    /// The stem of a file in `probes/`.
    TouchpointId;
    /// A key under `journeys:`.
    JourneyId;
    /// A key under a journey's `stages:`.
    StageId;
    /// A key under `personas:`.
    PersonaId;
    /// A place from which probes run.
    VantageId;
}

impl Default for VantageId {
    /// The one vantage of a daemon that names none.
    fn default() -> Self {
        Self::new("here")
    }
}

/// A probe: one errand at one touchpoint, written `touchpoint/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId {
    pub touchpoint: TouchpointId,
    pub name: Arc<str>,
}

impl ProbeId {
    pub fn new(touchpoint: &str, name: &str) -> Self {
        Self { touchpoint: touchpoint.into(), name: name.into() }
    }

    /// The probe that stands at touchpoint `on` for the steps which the errand `origin` credits to it (`on:`).
    ///
    /// Its name holds a dot, which no configured name can: `email/shop.order`.
    pub fn credited(on: &TouchpointId, origin: &ProbeId) -> Self {
        Self { touchpoint: on.clone(), name: format!("{}.{}", origin.touchpoint, origin.name).into() }
    }

    /// With every touchpoint in it as `new` calls it: the name of a credited probe begins with that of its errand.
    #[must_use]
    pub fn renamed(&self, new: impl Fn(&TouchpointId) -> TouchpointId) -> Self {
        let name = match self.name.split_once('.') {
            Some((origin, rest)) => format!("{}.{rest}", new(&TouchpointId::new(origin))).into(),
            None => self.name.clone(),
        };
        Self { touchpoint: new(&self.touchpoint), name }
    }

    /// Reads `touchpoint/name`.
    pub fn parse(text: &str) -> Option<Self> {
        let (touchpoint, name) = text.split_once('/')?;
        (!touchpoint.is_empty() && !name.is_empty() && !name.contains('/')).then(|| Self::new(touchpoint, name))
    }
}

impl fmt::Display for ProbeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.touchpoint, self.name)
    }
}

impl Serialize for ProbeId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ProbeId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not touchpoint/probe")))
    }
}

/// What has a window, a detector and a phase of its own: one probe, as one persona, from one vantage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series {
    pub probe: ProbeId,
    pub persona: Option<PersonaId>,
    pub vantage: VantageId,
}

impl fmt::Display for Series {
    /// `touchpoint/probe[persona]@vantage`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.probe)?;
        if let Some(persona) = &self.persona {
            write!(f, "[{persona}]")?;
        }
        write!(f, "@{}", self.vantage)
    }
}

/// An incident's lasting name, and the deduplication key that its receivers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub Uuid);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A silence's lasting name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SilenceId(pub Uuid);

impl fmt::Display for SilenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An annotation's lasting name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AnnotationId(pub Uuid);

impl fmt::Display for AnnotationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! hex_id {
    ($($(#[$doc:meta])* $name:ident($number:ty, $width:literal);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $number);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{:0", $width, "x}"), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                <$number>::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

impl TraceId {
    /// A fresh one; never zero, which means "no id".
    pub fn random(dice: &mut impl RngCore) -> Self {
        Self((u128::from(dice.next_u64()) << 64) | u128::from(dice.next_u64() | 1))
    }
}

impl SpanId {
    /// A fresh one; never zero, which means "no id".
    pub fn random(dice: &mut impl RngCore) -> Self {
        Self(dice.next_u64() | 1)
    }

    /// One that follows from this and from a place below it; never zero.
    ///
    /// No two places come to one id, for each step of the mixing can be undone (Steele et al. 2014).
    #[must_use]
    pub const fn below(self, place: u64) -> Self {
        let mixed = self.0 ^ place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ (mixed >> 31);
        Self(if mixed == 0 { 1 } else { mixed })
    }
}

hex_id! {
    /// One run's trace, as W3C Trace Context writes it: 32 hex digits.
    TraceId(u128, "32");
    /// One span of a trace: 16 hex digits.
    SpanId(u64, "16");
}
