//! A key, or several at once: `Enter`, `ArrowDown`, `Control+A`.

use std::borrow::Cow;
use std::fmt;

use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::input::{DispatchKeyEventParams, DispatchKeyEventType};
use chromiumoxide::error::Result;
use chromiumoxide::keys::get_key_definition;
use futures::future::try_join;
use schemars::JsonSchema;
use serde::Deserialize;

/// What is held while another key is pressed, with its bit in the protocol.
const HELD: [(&str, i64); 4] = [("Alt", 1), ("Control", 2), ("Meta", 4), ("Shift", SHIFT)];
const SHIFT: i64 = 8;

/// A key, with what is held meanwhile.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(!try_from, with = "String")]
pub(super) struct Keys {
    written: Cow<'static, str>,
    /// As the keyboard's layout names it.
    key: Cow<'static, str>,
    modifiers: i64,
}

impl TryFrom<String> for Keys {
    type Error = String;

    fn try_from(written: String) -> std::result::Result<Self, String> {
        let (held, key) = match written.rsplit_once('+') {
            Some((held, key)) if !key.is_empty() => (held.split('+').collect(), key),
            _ => (Vec::new(), written.as_str()),
        };
        let bit = |name: &str| HELD.iter().find(|(known, _)| *known == name).map(|(_, bit)| *bit);
        let mut modifiers = 0;
        for name in held {
            modifiers |= bit(name).ok_or_else(|| {
                format!("`{name}` cannot be held; `Alt`, `Control`, `Meta` and `Shift` can, as in `Control+A`")
            })?;
        }
        let key = if key == "Space" { " " } else { key };
        // `Control+A` is what people say; the key is `a`.
        let is_letter = key.len() == 1 && modifiers != 0 && modifiers & SHIFT == 0;
        let key = if is_letter { key.to_ascii_lowercase() } else { key.to_owned() };
        if get_key_definition(&key).is_none() {
            return Err(format!("`{key}` is no key; write `Enter`, `Tab`, `Escape`, `ArrowDown`, `a` or the like"));
        }
        Ok(Self { written: written.into(), key: key.into(), modifiers })
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Keys {
    pub(super) const BACKSPACE: Self =
        Self { written: Cow::Borrowed("Backspace"), key: Cow::Borrowed("Backspace"), modifiers: 0 };

    /// The key that says this character, if there is one.
    pub(super) fn of(char: char) -> Option<Self> {
        let key = char.to_string();
        // Others do something, and say nothing.
        let says = char == ' ' || char.is_ascii_graphic();
        (says && get_key_definition(&key).is_some()).then(|| Self {
            written: Cow::Owned(key.clone()),
            key: Cow::Owned(key),
            modifiers: 0,
        })
    }

    /// Presses and releases it, on whatever has the focus.
    pub(super) async fn press(&self, page: &Page) -> Result<()> {
        let Some(key) = get_key_definition(&self.key) else { return Ok(()) };
        // What is held makes a command of it, and no text.
        let text = key.text.or((key.key.len() == 1).then_some(key.key)).filter(|_| self.modifiers & !SHIFT == 0);
        let mut down = DispatchKeyEventParams::new(match text {
            Some(_) => DispatchKeyEventType::KeyDown,
            None => DispatchKeyEventType::RawKeyDown,
        });
        down.text = text.map(str::to_owned);
        down.key = Some(key.key.to_owned());
        down.code = Some(key.code.to_owned());
        down.windows_virtual_key_code = Some(key.key_code);
        down.native_virtual_key_code = Some(key.key_code);
        down.modifiers = Some(self.modifiers);
        let up = DispatchKeyEventParams { r#type: DispatchKeyEventType::KeyUp, text: None, ..down.clone() };
        try_join(page.execute(down), page.execute(up)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_name() {
        for written in ["Enter", "Tab", "ArrowDown", "a", "+", "Space", "Control+A", "Control+Shift+ArrowLeft"] {
            let keys = Keys::try_from(written.to_owned()).expect(written);
            assert_eq!(keys.to_string(), written);
        }
        assert_eq!(Keys::try_from("Control+A".to_owned()).unwrap().modifiers, 2);
        for wrong in ["Entre", "Hyper+A", ""] {
            Keys::try_from(wrong.to_owned()).expect_err(wrong);
        }
    }
}
