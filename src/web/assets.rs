//! The style sheet, the script and the icon: a few kilobytes, part of the program.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::problem::Problem;

struct Asset {
    name: &'static str,
    content_type: &'static str,
    text: &'static str,
}

/// Of the pages, and of documents that stand for themselves.
pub(super) const STYLE: &str = include_str!("assets/unbroken.css");

const ASSETS: &[Asset] = &[
    Asset { name: "unbroken.css", content_type: "text/css; charset=utf-8", text: STYLE },
    Asset {
        name: "unbroken.js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("assets/unbroken.js"),
    },
    Asset { name: "unbroken.svg", content_type: "image/svg+xml", text: include_str!("assets/unbroken.svg") },
];

/// Changes with any asset: pages ask for `name?v=version`, so that browsers may keep them for a year.
pub(super) fn version() -> String {
    let mut hash = Sha256::new();
    for asset in ASSETS {
        hash.update(asset.text);
    }
    hash.finalize().iter().take(6).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

pub(super) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or_else(Problem::not_found)?;
    let tag = format!("\"{}\"", version());
    let common =
        [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, common).into_response());
    }
    Ok((common, [(header::CONTENT_TYPE, asset.content_type)], asset.text).into_response())
}
