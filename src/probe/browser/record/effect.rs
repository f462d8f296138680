//! What came of a deed: what is to be seen now and was not before.

use serde::Deserialize;
use url::Url;

use super::line::{Then, clip};

/// What a page shows at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Sights {
    pub(super) url: String,
    pub(super) title: String,
    /// All its parts are there.
    pub(super) ready: bool,
    /// It stands in another page.
    pub(super) framed: bool,
    /// In small letters, with single blanks.
    pub(super) text: String,
    /// Headings and messages.
    pub(super) heads: Vec<String>,
    pub(super) lines: Vec<String>,
}

impl Sights {
    /// What people see who see both.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.text = format!("{} {}", self.text, other.text);
        self.heads.extend(other.heads);
        self.lines.extend(other.lines);
        self.ready &= other.ready;
        self.framed |= other.framed;
        self
    }
}

/// What a customer would say came of it: a heading that is new, another address, a text that is new.
pub(super) fn effect(before: &Sights, after: &Sights) -> Option<Then> {
    // As the finder looks for a text: what stood there as a part of another text would be found before it came.
    let says = |page: &Sights, text: &str| page.text.contains(&fold(text));
    let fresh = |text: &&String| is_steady(text) && !says(before, text) && says(after, text);
    let shown = |texts: &[String]| texts.iter().find(fresh).map(|text| Then::Text(clip(text)));
    let moved = || part(&before.url, &after.url).map(Then::Url);
    shown(&after.heads).or_else(moved).or_else(|| shown(&after.lines))
}

/// What of an address will be there the next time: no query, nothing with a number in it.
pub(super) fn part(before: &str, after: &str) -> Option<String> {
    let url = Url::parse(after).ok()?;
    let same_host = Url::parse(before).is_ok_and(|before| before.host() == url.host());
    let path = steady(url.path());
    let place = if same_host { path } else { format!("{}{path}", url.host_str()?) };
    let fragment =
        url.fragment().filter(|fragment| fragment.starts_with('/')).map(|fragment| format!("#{}", steady(fragment)));
    let is_new = |part: &String| part.len() > 2 && is_literal(part) && !before.contains(part) && after.contains(part);
    [fragment, Some(place)].into_iter().flatten().find(is_new)
}

/// Up to the first segment that may be another one the next time.
fn steady(path: &str) -> String {
    let mut kept = String::new();
    for segment in path.split_inclusive('/') {
        if segment.chars().any(|c| c.is_ascii_digit() || c == '%') || segment.len() > 40 {
            break;
        }
        kept.push_str(segment);
    }
    kept
}

/// Numbers change from run to run.
pub(super) fn is_steady(text: &str) -> bool {
    is_literal(text) && !text.chars().any(char::is_numeric)
}

/// What would be filled in is no text.
fn is_literal(text: &str) -> bool {
    !text.contains("{{") && !text.contains("${")
}

fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(url: &str, heads: &[&str], lines: &[&str]) -> Sights {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let text = fold(&[heads, lines].concat().join(" "));
        Sights { url: url.to_owned(), text, heads: texts(heads), lines: texts(lines), ..Sights::default() }
    }

    #[test]
    fn what_is_new_is_what_came_of_it() {
        let shop = page("http://shop.example/", &["Our plans"], &["Flat M", "Ask your friends"]);
        let thanks = page("http://shop.example/thanks/8317", &["Our plans", "Thank you"], &["Your order is 8317"]);
        assert_eq!(effect(&shop, &thanks), Some(Then::Text("Thank you".into())));
        let part = page("http://shop.example/", &["Our plans"], &["Thank your friends"]);
        assert_eq!(effect(&part, &thanks), Some(Then::Url("/thanks/".into())), "a probe would find it before");
        let same = page("http://shop.example/thanks/8317", &["Our plans"], &["Order 8317 is on its way"]);
        assert_eq!(effect(&shop, &same), Some(Then::Url("/thanks/".into())));
        let told = page("http://shop.example/", &["Our plans"], &["Flat M", "It is in your basket"]);
        assert_eq!(effect(&shop, &told), Some(Then::Text("It is in your basket".into())));
        assert_eq!(effect(&shop, &shop), None);
    }

    #[test]
    fn of_an_address_only_what_stays_is_kept() {
        let at = |before: &str, after: &str| part(before, after);
        assert_eq!(at("http://a.example/", "http://a.example/cart?token=abc#x").as_deref(), Some("/cart"));
        assert_eq!(at("http://a.example/", "http://a.example/#/cart/items").as_deref(), Some("#/cart/items"));
        assert_eq!(at("http://a.example/", "http://pay.example/in").as_deref(), Some("pay.example/in"));
        assert_eq!(at("http://a.example/cart/9", "http://a.example/").as_deref(), None);
        assert_eq!(at("http://a.example/", "http://a.example/9f3a").as_deref(), None);
    }
}
