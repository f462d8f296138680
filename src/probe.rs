//! Runs an errand's steps as a customer would and says what it met: one [`Reading`](crate::model::Reading) a run.
//!
//! A kind (`http`, `dns`, ...) knows one protocol: it is lent a [`Run`] and answers with a [`Reply`] or a [`Stop`].
//! Everything else is the same for every kind and lives here: deadlines, timing, templates, captures, expectations,
//! quality, redaction. A kind is one file and one line in the list below.
//!
//! Architecture invariant: nothing here knows a journey, a score or the store, and no kind names another.

pub mod browser;
pub mod capture;
pub mod connect;
pub mod dialogue;
pub mod digest;
pub mod dns;
pub mod endpoint;
pub mod exec;
pub mod expect;
pub mod grpc;
pub mod http;
pub mod icmp;
pub mod imap;
pub mod links;
pub mod mail;
pub mod mqtt;
pub mod pdf;
pub mod push;
pub mod sip;
pub mod smtp;
pub mod tcp;
pub mod template;
pub mod tls;
pub mod udp;
pub mod websocket;

mod assess;
mod chronicle;
mod doubt;
mod errand;
mod excerpt;
mod order;
mod outcome;
mod phases;
mod picture;
#[cfg(test)]
mod pieces;
mod prober;
mod proofs;
mod redact;
mod reply;
mod run;
mod spot;
mod standstill;
mod stranger;
mod view;

use std::fmt;

use http::fetch;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

use crate::model::Signal;

pub use chronicle::{Account, Chronicle, Detail};
pub use errand::{Errand, Step, Told, When};
pub use order::Order;
pub use phases::Phases;
pub use prober::Prober;
pub use proofs::{Proofs, Witness};
pub use push::{Heard, Pushes};
pub use redact::Redactor;
pub use reply::{Body, Field, Fields, Reply};
pub use run::{Context, Needs, Part, Run, Scope, Stop, Tools};
pub use standstill::Standstill;

use expect::Status;

/// Which ways out of this machine a step can take, and so from which vantages it can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// It leaves nothing to be seen from elsewhere: a program of ours, a report that came in.
    Nowhere,
    /// It connects over TCP: through a proxy, too.
    Tunnelled,
    /// It sends datagrams, or names a way of its own: no proxy carries it.
    Direct,
}

/// What a kind's settings can do. Implemented by each kind's `Settings`.
pub trait Act: for<'de> Deserialize<'de> + JsonSchema {
    /// What it does, as a clause: the row of the README, the description in the schema, the hint of an error.
    const DOES: &'static str;
    /// The fields that its replies hold: what may be expected and captured.
    const FIELDS: &'static [Field];
    /// How it says how it went.
    const STATUS: Status = Status::Code;

    /// What these settings can be answered with; a task may leave fields empty that another fills.
    fn fields(&self) -> &'static [Field] {
        Self::FIELDS
    }

    /// Shows every template, with the place it stands in, and every secret, each once.
    fn parts(&self, see: &mut dyn FnMut(Part<'_>));

    /// The names of what it captures by itself, beside the step's own `capture`.
    fn captures<'a>(&'a self, _: &mut dyn FnMut(&'a str)) {}

    /// Which ways out of this machine it can take.
    fn reach(&self) -> Reach {
        Reach::Tunnelled
    }

    /// Does it once. Must be safe to drop at any await: the caller holds the deadline.
    fn act(&self, run: &mut Run<'_>) -> impl Future<Output = Result<Reply, Stop>> + Send;
}

/// What the list knows of a kind.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The key in YAML.
    pub key: &'static str,
    pub does: &'static str,
    pub fields: &'static [Field],
    pub status: Status,
}

macro_rules! kinds {
    ($($variant:ident $module:ident $key:literal;)*) => {
        /// What a step does, with its settings.
        #[derive(Clone, Debug)]
        pub enum Kind {
            $(#[doc = $key] $variant(Box<$module::Settings>),)*
        }

        impl Kind {
            /// The keys of all kinds, in the order of the documentation.
            pub const KEYS: &'static [&'static str] = &[$($key),*];

            pub const ALL: &'static [About] = &[$(About {
                key: $key,
                does: <$module::Settings as Act>::DOES,
                fields: <$module::Settings as Act>::FIELDS,
                status: <$module::Settings as Act>::STATUS,
            }),*];

            pub fn about(&self) -> About {
                match self {
                    $(Self::$variant(settings) => About {
                        key: $key,
                        does: <$module::Settings as Act>::DOES,
                        fields: settings.fields(),
                        status: <$module::Settings as Act>::STATUS,
                    },)*
                }
            }

            /// Decodes the settings that stand under `key`; `None` when no kind has this key.
            pub fn decode<'de, D: Deserializer<'de>>(key: &str, settings: D) -> Option<Result<Self, D::Error>> {
                match key {
                    $($key => Some(<$module::Settings>::deserialize(settings).map(|it| Self::$variant(Box::new(it)))),)*
                    _ => None,
                }
            }

            /// The schema of each kind's settings, by key.
            pub fn schemas(generator: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
                vec![$(($key, described(generator.subschema_for::<$module::Settings>(), <$module::Settings as Act>::DOES))),*]
            }

            /// Shows every template and every secret of the settings.
            pub fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
                match self {
                    $(Self::$variant(settings) => settings.parts(see),)*
                }
            }

            /// The names of what a dialogue in the settings captures.
            pub fn captures<'a>(&'a self, see: &mut dyn FnMut(&'a str)) {
                match self {
                    $(Self::$variant(settings) => settings.captures(see),)*
                }
            }

            /// Which ways out of this machine it can take.
            pub fn reach(&self) -> Reach {
                match self {
                    $(Self::$variant(settings) => settings.reach(),)*
                }
            }

            pub(crate) async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
                match self {
                    $(Self::$variant(settings) => settings.act(run).await,)*
                }
            }
        }
    };
}

// The one list of kinds: variant, module, key.
kinds! {
    Http http "http";
    Browser browser "browser";
    Websocket websocket "websocket";
    Dns dns "dns";
    Tcp tcp "tcp";
    Tls tls "tls";
    Sip sip "sip";
    Grpc grpc "grpc";
    Udp udp "udp";
    Icmp icmp "icmp";
    Mqtt mqtt "mqtt";
    Exec exec "exec";
    Smtp smtp "smtp";
    Imap imap "imap";
    Links links "links";
    Push push "push";
}

impl Kind {
    /// What it tells beside the score, if that is what it is for.
    pub const fn signal(&self) -> Option<Signal> {
        match self {
            Self::Push(push) => push.signal,
            _ => None,
        }
    }

    /// The key in YAML.
    pub fn key(&self) -> &'static str {
        self.about().key
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

fn described(mut schema: Schema, does: &str) -> Schema {
    schema.insert("description".to_owned(), does.into());
    schema
}
