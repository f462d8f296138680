//! `{{name}}` in a text: substituted once, logic-less, escaped for its place.
//!
//! What may stand there is a closed set: a variable of the file, `persona.FIELD`, a captured value. Rejected: a template
//! engine, whose filters and includes are how monitors have been taken over.

mod decode;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

pub use decode::{TemplateOrSecret, proof, proof_if_any};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Scope;

/// Everything but the unreserved characters (RFC 3986, 2.3).
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// A captured path keeps its slashes.
const PATH: &AsciiSet = &QUERY.remove(b'/');
/// What a variable may bring where a host and its port stand: `[::1]:7005`.
const HOST: &AsciiSet = &PATH.remove(b':').remove(b'[').remove(b']');

/// Where a template stands, which decides how values are escaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// As it is: a form field that is encoded later, a JSON leaf that is serialised later, plain text.
    #[default]
    Text,
    /// A URL. A name at its very start is taken as it is (`{{base}}/bills`, `{{pdf}}`); elsewhere values are
    /// percent-encoded, in the path with `/` kept.
    Url,
    /// Inside the quotes of a JSON text.
    Json,
    /// Text or a quoted attribute of XML.
    Xml,
    /// A header or another line: control characters become blanks.
    Line,
    /// `host` or `host:port`: like [`Place::Line`], and whoever fills it in decides where we go.
    Address,
    /// A line that proves who one is (`bearer`, `cookie`): like [`Place::Line`], and what stands there is masked.
    Credential,
}

/// A text with names in it.
pub struct Template {
    pieces: Vec<Piece>,
    settled: OnceLock<Settled>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(Box<str>),
    Name(Box<str>),
}

/// The template with the file's variables filled in, once, at load.
#[derive(Clone)]
struct Settled {
    place: Place,
    pieces: Vec<Piece>,
}

impl Template {
    /// Reads `text`; what stands between `{{` and `}}` must be a name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) =
                after.split_once("}}").ok_or_else(|| format!("`{{{{{}` lacks its `}}}}`", brief(after)))?;
            let name = name.trim();
            if !is_name(name) {
                return Err(format!(
                    "`{{{{{}}}}}` holds no name; write `{{{{name}}}}`, without expressions or filters",
                    brief(name)
                ));
            }
            if !before.is_empty() {
                pieces.push(Piece::Text(before.into()));
            }
            pieces.push(Piece::Name(name.into()));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.into()));
        }
        Ok(Self { pieces, settled: OnceLock::new() })
    }

    /// The names in it, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Name(name) => Some(&**name),
            Piece::Text(_) => None,
        })
    }

    /// The names that decide which host is reached: of an address all, of a URL those before its path.
    pub(super) fn leading(&self, place: Place) -> impl Iterator<Item = &str> {
        let mut before = String::new();
        let leading = self.pieces.iter().map_while(move |piece| {
            if place == Place::Url
                && before.split_once("://").map_or(&*before, |(_, rest)| rest).contains(['/', '?', '#'])
            {
                return None;
            }
            before.push_str(piece.as_str());
            Some(piece)
        });
        let leads = matches!(place, Place::Url | Place::Address);
        leading.filter_map(move |piece| match piece {
            Piece::Name(name) if leads => Some(&**name),
            Piece::Name(_) | Piece::Text(_) => None,
        })
    }

    /// Says where it stands and fills in what never changes. The first call counts.
    pub fn settle(&self, place: Place, variables: &BTreeMap<String, String>) {
        self.settled.get_or_init(|| {
            let mut pieces: Vec<Piece> = Vec::new();
            for piece in &self.pieces {
                let fixed = match piece {
                    Piece::Text(text) => text.to_string(),
                    Piece::Name(name) if variables.contains_key(&**name) => {
                        let value = &variables[&**name];
                        let before = pieces.iter().map(Piece::as_str).collect::<String>();
                        let mut out = String::new();
                        if place == Place::Url && names_host(&before) {
                            out.extend(utf8_percent_encode(value, HOST));
                        } else {
                            escape(place, &before, value, &mut out);
                        }
                        out
                    }
                    name @ Piece::Name(_) => {
                        pieces.push(name.clone());
                        continue;
                    }
                };
                match pieces.last_mut() {
                    Some(Piece::Text(text)) => *text = format!("{text}{fixed}").into(),
                    _ => pieces.push(Piece::Text(fixed.into())),
                }
            }
            Settled { place, pieces }
        });
    }

    /// The text, if it is the same in every run. Known once settled.
    pub fn constant(&self) -> Option<&str> {
        let pieces = self.settled.get().map_or(&self.pieces, |settled| &settled.pieces);
        match &pieces[..] {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with everything filled in. A name that `scope` does not know leaves nothing: the runner has looked before.
    pub fn render<'a>(&'a self, scope: &Scope) -> Cow<'a, str> {
        if let Some(constant) = self.constant() {
            return constant.into();
        }
        let (place, pieces) =
            self.settled.get().map_or((Place::Text, &self.pieces), |settled| (settled.place, &settled.pieces));
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Name(name) => {
                    let before = std::mem::take(&mut out);
                    let mut escaped = String::new();
                    escape(place, &before, scope.get(name).unwrap_or_default(), &mut escaped);
                    out = before;
                    out.push_str(&escaped);
                }
            }
        }
        out.into()
    }
}

impl Piece {
    fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Name(text) => text,
        }
    }
}

pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn brief(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Whether what follows `before` in a URL is its host and port: a file's own variable may name them, a reply's value
/// may not.
fn names_host(before: &str) -> bool {
    before.split_once("://").is_some_and(|(_, rest)| !rest.contains(['/', '?', '#']))
}

/// Appends `value` as it may stand after `before` in that place.
pub(super) fn escape(place: Place, before: &str, value: &str, out: &mut String) {
    match place {
        Place::Text => out.push_str(value),
        Place::Url if before.is_empty() => out.push_str(value),
        Place::Url => out.extend(utf8_percent_encode(value, if before.contains('?') { QUERY } else { PATH })),
        Place::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            out.push_str(&quoted[1..quoted.len() - 1]);
        }
        Place::Xml => {
            for c in value.chars() {
                match c {
                    '&' => out.push_str("&amp;"),
                    '<' => out.push_str("&lt;"),
                    '>' => out.push_str("&gt;"),
                    '"' => out.push_str("&quot;"),
                    '\'' => out.push_str("&apos;"),
                    // No other control character may stand in XML (XML 1.0, 2.2).
                    c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => out.push(' '),
                    c => out.push(c),
                }
            }
        }
        Place::Line | Place::Address | Place::Credential => {
            out.extend(value.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
    }
}

impl Clone for Template {
    fn clone(&self) -> Self {
        Self { pieces: self.pieces.clone(), settled: self.settled.clone() }
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.pieces == other.pieces
    }
}

impl fmt::Display for Template {
    /// As it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Name(name) => write!(f, "{{{{{name}}}}}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str, place: Place) -> String {
        let template = Template::parse(text).expect(text);
        let variables = [("base", "https://shop.example/v1?k=a&"), ("path", "/a b/ü?x#y"), ("host", "[::1]:7005")]
            .map(|(k, v)| (k.into(), v.into()));
        template.settle(place, &BTreeMap::from(variables));
        let mut scope = Scope::default();
        scope.capture("pdf".into(), "https://cdn.example/b%201.pdf?s=1&t=2".to_owned());
        scope.capture("quote".into(), "a\"b\\\r\nX-Evil: 1".to_owned());
        scope.capture("braces".into(), "{{pdf}}".to_owned());
        template.render(&scope).into_owned()
    }

    #[test]
    fn values_are_escaped_for_their_place() {
        for (text, place, out) in [
            ("{{pdf}}", Place::Url, "https://cdn.example/b%201.pdf?s=1&t=2"),
            ("{{base}}q={{quote}}", Place::Url, "https://shop.example/v1?k=a&q=a%22b%5C%0D%0AX-Evil%3A%201"),
            ("https://h{{path}}", Place::Url, "https://h/a%20b/%C3%BC%3Fx%23y"),
            ("wss://{{host}}/chat", Place::Url, "wss://[::1]:7005/chat"),
            ("https://h/?p={{ path }}", Place::Url, "https://h/?p=%2Fa%20b%2F%C3%BC%3Fx%23y"),
            ("{\"a\":\"{{quote}}\"}", Place::Json, "{\"a\":\"a\\\"b\\\\\\r\\nX-Evil: 1\"}"),
            ("<a b='{{quote}}'>{{braces}}&</a>", Place::Xml, "<a b='a&quot;b\\\r\nX-Evil: 1'>{{pdf}}&</a>"),
            ("v {{quote}}", Place::Line, "v a\"b\\  X-Evil: 1"),
            // Substituted once: what a server says is never a template.
            ("{{braces}}", Place::Text, "{{pdf}}"),
            ("{\"a\":{\"b\":1}}", Place::Json, "{\"a\":{\"b\":1}}"),
            ("", Place::Text, ""),
        ] {
            assert_eq!(rendered(text, place), out, "{text}");
        }
    }

    #[test]
    fn only_names_stand_in_braces() {
        for text in ["{{", "{{a", "{{}}", "{{a|b}}", "{{ 1 }}", "{{a b}}", "{{#each}}", "{{a}} {{{b}}}"] {
            Template::parse(text).expect_err(text);
        }
        let template = Template::parse("a {{persona.name}} b {{x-1}}").expect("a template");
        assert_eq!(template.names().collect::<Vec<_>>(), ["persona.name", "x-1"]);
        assert_eq!(template.to_string(), "a {{persona.name}} b {{x-1}}");
    }

    #[test]
    fn what_leads_to_a_host_is_known() {
        for (text, place, names) in [
            ("{{next}}", Place::Url, &["next"][..]),
            ("{{base}}{{rest}}/{{id}}", Place::Url, &["base", "rest"]),
            ("https://{{host}}:{{port}}/{{id}}?q={{q}}", Place::Url, &["host", "port"]),
            ("https://shop.example?q={{q}}", Place::Url, &[]),
            ("{{host}}:{{port}}", Place::Address, &["host", "port"]),
            ("{{text}}", Place::Line, &[]),
        ] {
            let template = Template::parse(text).expect(text);
            assert_eq!(template.leading(place).collect::<Vec<_>>(), names, "{text}");
        }
    }

    #[test]
    fn what_never_changes_is_ready_at_load() {
        let template = Template::parse("{{base}}/x").expect("a template");
        assert_eq!(template.constant(), None);
        template.settle(Place::Url, &BTreeMap::from([("base".to_owned(), "http://h".to_owned())]));
        assert_eq!(template.constant(), Some("http://h/x"));
        assert!(matches!(template.render(&Scope::default()), Cow::Borrowed(_)));
    }
}
