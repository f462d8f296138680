//! Texts cut to the limits of receivers, and made inert in their languages.

/// At most so many UTF-16 units: the strictest way in which chats count characters. A cut shows.
pub(super) fn fit(text: &str, units: usize) -> String {
    if text.encode_utf16().count() <= units {
        return text.to_owned();
    }
    let room = units.saturating_sub(1);
    let mut used = 0;
    let kept = text.chars().take_while(|c| {
        used += c.len_utf16();
        used <= room
    });
    let mut kept: String = kept.collect();
    kept.push('…');
    kept
}

/// As many whole lines as fit, each as it was made inert; the first is cut rather than left out.
pub(super) fn lines(lines: impl IntoIterator<Item = String>, units: usize) -> String {
    let mut text = String::new();
    let mut used = 0;
    for line in lines {
        let size = line.encode_utf16().count() + 1;
        if used + size > units {
            break;
        }
        used += size;
        text.push_str(&line);
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

/// Inert in Slack's texts: without `<` nothing is a mention or a link. <https://docs.slack.dev>, "Escaping text".
pub(super) fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Inert in Discord's Markdown: every character that it reads is escaped.
pub(super) fn discord(text: &str) -> String {
    const READ: &str = r"\*_~`|>#-+[]()<:@";
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if READ.contains(c) {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

/// Inert in Telegram's HTML. It finds mentions, commands and tags by itself, too: a word joiner parts them.
pub(super) fn telegram(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '@' | '#' => {
                out.push(c);
                out.push('\u{2060}');
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abcd", 3), "ab…");
        assert_eq!(fit("😀😀", 3), "😀…");
        assert_eq!(lines(["abc".into(), "def".into()], 7), "abc");
        assert_eq!(lines(["abc".into(), "def".into()], 8), "abc\ndef");
    }

    #[test]
    fn mentions_and_markup_are_inert() {
        assert_eq!(slack("<!channel> <@U1> a&b"), "&lt;!channel&gt; &lt;@U1&gt; a&amp;b");
        assert_eq!(discord("@everyone **x** [a](b) <@1>"), r"\@everyone \*\*x\*\* \[a\]\(b\) \<\@1\>");
        assert_eq!(telegram("<b>@all #x"), "&lt;b&gt;@\u{2060}all #\u{2060}x");
    }
}
