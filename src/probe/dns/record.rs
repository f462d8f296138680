//! Types of records, and answers as text.

use std::borrow::Cow;
use std::str::FromStr;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A type of record: `A`, `AAAA`, `MX`, `TXT`, `SRV`, `CAA`, ...
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type(RecordType);

/// The types that are worth asking for, as the schema and the errors list them.
const TYPES: &[&str] = &[
    "A",
    "AAAA",
    "CAA",
    "CDNSKEY",
    "CDS",
    "CERT",
    "CNAME",
    "CSYNC",
    "DNSKEY",
    "DS",
    "HINFO",
    "HTTPS",
    "MX",
    "NAPTR",
    "NS",
    "NSEC",
    "NSEC3PARAM",
    "OPENPGPKEY",
    "PTR",
    "RRSIG",
    "SMIMEA",
    "SOA",
    "SRV",
    "SSHFP",
    "SVCB",
    "TLSA",
    "TXT",
];

impl From<Type> for RecordType {
    fn from(kind: Type) -> Self {
        kind.0
    }
}

/// As `dig` writes it.
pub(super) fn rcode(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => format!("RCODE{}", u16::from(other)),
    }
}

/// As it stands in a zone file; a lone name goes without its trailing dot.
pub(super) fn text(data: &RData) -> String {
    let text = data.to_string();
    match data {
        RData::CNAME(_) | RData::NS(_) | RData::PTR(_) => text.trim_end_matches('.').to_owned(),
        // The library ends each list of values with a comma.
        RData::HTTPS(_) | RData::SVCB(_) => {
            text.split(' ').map(|word| word.trim_end_matches(',')).collect::<Vec<_>>().join(" ")
        }
        _ => text,
    }
}

impl Default for Type {
    fn default() -> Self {
        Self(RecordType::A)
    }
}

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        let known = TYPES.contains(&&*name).then(|| RecordType::from_str(&name).ok()).flatten();
        known.map(Self).ok_or_else(|| {
            D::Error::custom(format!("`{name}` is not a type of record; write one of {}", TYPES.join(", ")))
        })
    }
}

impl JsonSchema for Type {
    fn schema_name() -> Cow<'static, str> {
        "RecordType".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": TYPES, "default": "A" })
    }
}
