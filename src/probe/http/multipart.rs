//! A form with files, as a browser sends it (RFC 7578).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::probe::template::{Place, Template};
use crate::probe::{Part, Scope};
use crate::units::FilePath;

use super::fields::Pairs;
use super::show;

/// Of all files of a form.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// As it stands in the file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Multipart")]
struct Written {
    #[serde(default)]
    fields: Pairs,
    #[serde(default)]
    files: BTreeMap<String, Upload>,
}

/// A file to send.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Upload {
    path: FilePath,
    /// What it is called there; the file's own name by default.
    name: Option<Template>,
    /// Its media type; `application/octet-stream` by default.
    #[serde(rename = "type")]
    media: Option<String>,
}

/// A form with files, which were read when the configuration was.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Multipart {
    fields: Pairs,
    files: Vec<File>,
}

#[derive(Clone, Debug)]
struct File {
    field: String,
    name: Template,
    media: String,
    bytes: Vec<u8>,
}

impl JsonSchema for Multipart {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Written::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Written::json_schema(generator)
    }
}

impl TryFrom<Written> for Multipart {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let mut left = FILE_BYTES_MAX;
        let mut files = Vec::with_capacity(written.files.len());
        for (field, upload) in written.files {
            let path = upload.path.as_path();
            let wrong = |error: std::io::Error| format!("{}: {error}", path.display());
            let length = std::fs::metadata(path).map_err(wrong)?.len();
            left = left.checked_sub(length).ok_or_else(|| format!("{}: more than 1MiB of files", path.display()))?;
            let own = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let name = match upload.name {
                Some(name) => name,
                None => Template::parse(&own)?,
            };
            let media = upload.media.unwrap_or_else(|| "application/octet-stream".to_owned());
            if !media.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return Err(format!("`{media}` is not a media type"));
            }
            files.push(File { field, name, media, bytes: std::fs::read(path).map_err(wrong)? });
        }
        Ok(Self { fields: written.fields, files })
    }
}

impl Multipart {
    pub(super) fn each_part(&self, see: &mut dyn FnMut(Part<'_>)) {
        self.fields.0.iter().for_each(|(_, value)| show(value, Place::Text, see));
        self.files.iter().for_each(|file| see(Part::Template(&file.name, Place::Line)));
    }

    /// The body, and its media type with the boundary.
    pub(super) fn render(&self, scope: &Scope) -> (Vec<u8>, String) {
        let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
        for (name, value) in &self.fields.0 {
            let head = format!("content-disposition: form-data; name=\"{}\"", quoted(name));
            parts.push((head, value.render(scope).as_bytes().to_vec()));
        }
        for file in &self.files {
            let mut head = format!("content-disposition: form-data; name=\"{}\"", quoted(&file.field));
            let name = file.name.render(scope);
            let _ = write!(head, "; filename=\"{}\"\r\ncontent-type: {}", quoted(&name), file.media);
            parts.push((head, file.bytes.clone()));
        }
        // Made of what it separates, so that it cannot stand in it.
        let mut hash = Sha256::new();
        for (_, body) in &parts {
            hash.update(body);
        }
        let mut boundary = String::new();
        for byte in hash.finalize().iter().take(16) {
            let _ = write!(boundary, "{byte:02x}");
        }
        let mut out = Vec::new();
        for (head, body) in parts {
            out.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
            out.extend_from_slice(&body);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        (out, format!("multipart/form-data; boundary={boundary}"))
    }
}

/// As browsers escape names (WHATWG HTML, multipart/form-data encoding).
fn quoted(name: &str) -> String {
    name.replace('\n', "%0A").replace('\r', "%0D").replace('"', "%22")
}
