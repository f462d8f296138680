//! What exporters send.

use axum::body::Bytes;
use axum::http::HeaderMap;
use flate2::read::GzDecoder;

/// A request's body, unpacked.
pub(crate) fn plain(headers: &HeaderMap, body: &Bytes) -> Vec<u8> {
    if headers.get("content-encoding").is_none_or(|encoding| encoding != "gzip") {
        return body.to_vec();
    }
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut GzDecoder::new(&body[..]), &mut plain).expect("gzip");
    plain
}
