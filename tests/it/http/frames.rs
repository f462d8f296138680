//! HTTP/2 servers that leave in the middle, give an answer up, or speak something else.

use serde_json::json;
use unbroken::model::{FaultCode, Phase};

use crate::support::probe::http;
use crate::support::raw::{Act, Raw, say};

const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

#[tokio::test]
async fn each_way_to_leave_has_its_code() {
    // The stream and the connection are given up with INTERNAL_ERROR (RFC 9113, 6.4, 6.8, 7).
    let reset = [SETTINGS, &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 2]].concat();
    let goaway = [SETTINGS, &[0, 0, 11, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], b"bye"].concat();
    let page = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec();
    for (said, code, words) in [
        (reset, FaultCode::Reset, "RST_STREAM"),
        (goaway, FaultCode::H2Goaway, "GOAWAY"),
        (page, FaultCode::AlpnMismatch, "sends something else"),
    ] {
        let raw = Raw::greet(vec![say(said), Act::Hang]).await;
        let fault = http(json!({ "get": raw.url("/"), "version": "2" })).within(3000).run().await;
        let fault = fault.failed(code, Phase::Wait);
        assert!(fault.text.contains(words), "{fault}");
    }
}
