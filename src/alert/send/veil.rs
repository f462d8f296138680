//! Takes our own secrets out of what others repeat of them.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::secret::Secret;

const VEILED: &str = "[secret]";
/// Parts of an address that are shorter are words (`services`, `api`), not secrets.
const PART_MIN_CHARS: usize = 12;

/// `text` without the secrets, however they are written: as they are, in an address, or a part of an address.
pub(super) fn veil(text: &str, hidden: &[Secret]) -> String {
    let mut wordings: Vec<String> = hidden.iter().flat_map(|secret| wordings(secret.expose())).collect();
    wordings.sort_by_key(|wording| std::cmp::Reverse(wording.len()));
    wordings.iter().fold(text.to_owned(), |text, wording| text.replace(wording, VEILED))
}

fn wordings(secret: &str) -> Vec<String> {
    let mut parts = vec![secret.to_owned()];
    if let Ok(url) = Url::parse(secret) {
        parts.push(url.to_string());
        let segments = url.path_segments().into_iter().flatten().map(str::to_owned);
        parts.extend(segments.filter(|part| part.chars().count() >= PART_MIN_CHARS));
        let values = url.query_pairs().map(|(_, value)| value.into_owned());
        parts.extend(values.filter(|part| part.chars().count() >= PART_MIN_CHARS));
        let tail = &url[url::Position::BeforePath..];
        parts.extend((tail.len() > PART_MIN_CHARS).then(|| tail.to_owned()));
    }
    let mut wordings: Vec<String> = Vec::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        let encoded = utf8_percent_encode(&part, NON_ALPHANUMERIC).to_string();
        // `:` may stand in a path as it is, and some encode it.
        wordings.push(encoded.replace("%2D", "-").replace("%5F", "_").replace("%2E", "."));
        wordings.push(encoded);
        wordings.push(part.replace('/', "\\/"));
        wordings.push(part);
    }
    wordings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_veiled_however_it_is_written() {
        let hidden = [
            Secret::new("env A", "12345:AA-bb_cc"),
            Secret::new("env B", "https://hooks.example.com/services/T000/B000/abcdefghijklmnop?sig=qrstuvwxyz123456"),
        ];
        for text in [
            "POST /bot12345:AA-bb_cc/sendMessage",
            "POST /bot12345%3AAA-bb_cc/sendMessage",
            "no /services/T000/B000/abcdefghijklmnop?sig=qrstuvwxyz123456 here",
            "abcdefghijklmnop is unknown",
            "sig qrstuvwxyz123456 is wrong",
            r"https:\/\/hooks.example.com\/services\/T000\/B000\/abcdefghijklmnop",
        ] {
            let veiled = veil(text, &hidden);
            assert!(veiled.contains(VEILED), "{veiled}");
            for part in ["AA-bb", "abcdefgh", "qrstuv"] {
                assert!(!veiled.contains(part), "{veiled}");
            }
        }
        assert_eq!(veil("services are down", &hidden), "services are down");
    }
}
