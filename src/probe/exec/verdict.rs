//! What a program's end means: its exit code, and the value and text among what it printed. Pure.

use std::os::unix::process::ExitStatusExt as _;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::child::Ended;
use crate::model::{Fault, FaultCode};
use crate::probe::{Body, Field, Reply, Stop};

/// What a program may print; anything else in the map is for `json:` expectations and captures.
#[derive(Default, Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    unit: Option<String>,
    text: Option<String>,
}

/// The reply, and the unit of its value.
pub(super) fn read(ended: &Ended) -> Result<(Reply, Option<String>), Stop> {
    let said = said(&ended.printed);
    if let Some(signal) = ended.status.signal() {
        let text = with_words(format!("the program was killed by signal {signal}"), ended, &said);
        return Err(Fault::new(FaultCode::Exit, text).into());
    }
    let code = ended.status.code().unwrap_or_default();
    let mut reply = Reply::new().with(Field::Exit, code);
    if code != 0 {
        let text = with_words(format!("the program ended with exit code {code}"), ended, &said);
        reply.doubt(Field::Exit, Fault::new(FaultCode::Exit, text));
    }
    if let Some(value) = said.value.and_then(plain) {
        reply.set(Field::Value, value);
    }
    let text = said.text.unwrap_or_else(|| String::from_utf8_lossy(&ended.printed).trim_end().to_owned());
    reply.set(Field::Text, text);
    reply.body = Some(Body { bytes: ended.printed.clone().into(), charset: None });
    Ok((reply, said.unit))
}

/// A map with `value`, `unit` and `text`, or a bare number.
fn said(printed: &[u8]) -> Said<'_> {
    if let Ok(said) = serde_json::from_slice(printed) {
        return said;
    }
    let bare = serde_json::from_slice::<&RawValue>(printed).ok();
    Said {
        value: bare.filter(|raw| raw.get().starts_with(|c: char| c == '-' || c.is_ascii_digit())),
        ..Said::default()
    }
}

/// A number just as it was printed (`1.10`), a text, a truth.
fn plain(raw: &RawValue) -> Option<Value> {
    match serde_json::from_str(raw.get()).ok()? {
        Value::Number(_) => Some(raw.get().into()),
        plain @ (Value::String(_) | Value::Bool(_)) => Some(plain),
        _ => None,
    }
}

/// Says what it said last: its own text, else the end of its standard error or output.
fn with_words(what: String, ended: &Ended, said: &Said<'_>) -> String {
    let last = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
    };
    let words = said.text.clone().or_else(|| last(&ended.complaint)).or_else(|| last(&ended.printed));
    match words {
        // Whole: the runner redacts it before it cuts it.
        Some(words) => format!("{what}: {words}"),
        None => what,
    }
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    fn ended(wait: i32, printed: &str, complaint: &str) -> Result<(Reply, Option<String>), Stop> {
        let status = ExitStatus::from_raw(wait);
        read(&Ended { status, printed: printed.into(), complaint: complaint.into() })
    }

    #[test]
    fn values_are_read_as_they_were_printed() {
        for (printed, value, text) in [
            (r#"{"value": 29.90, "unit": "€", "text": "cheap", "more": [1]}"#, Some("29.90".into()), "cheap"),
            (r#"{"value": "open"}"#, Some("open".into()), r#"{"value": "open"}"#),
            (r#"{"value": true, "text": ""}"#, Some(true.into()), ""),
            (r#"{"value": [1]}"#, None, r#"{"value": [1]}"#),
            ("42\n", Some("42".into()), "42"),
            ("OK - all well\n", None, "OK - all well"),
            ("", None, ""),
        ] {
            let (reply, _) = ended(0, printed, "").expect(printed);
            assert_eq!(reply.value(Field::Value), value.as_ref(), "{printed}");
            assert_eq!(reply.value(Field::Text), Some(&text.into()), "{printed}");
            assert!(reply.doubts().is_empty());
        }
    }

    #[test]
    fn a_bad_end_says_the_last_words() {
        let doubt = |printed: &str, complaint: &str| {
            let (reply, _) = ended(2 << 8, printed, complaint).expect("a reply");
            reply.doubts()[0].1.text.clone()
        };
        assert_eq!(doubt("", ""), "the program ended with exit code 2");
        assert_eq!(doubt("a\nb\n", ""), "the program ended with exit code 2: b");
        assert_eq!(doubt("a", "Traceback\nKeyError: 'x'\n\n"), "the program ended with exit code 2: KeyError: 'x'");
        assert_eq!(doubt(r#"{"text": "stuck"}"#, "noise"), "the program ended with exit code 2: stuck");
        let killed = ended(11, "", "").expect_err("killed");
        assert_eq!(killed, Fault::new(FaultCode::Exit, "the program was killed by signal 11").into());
    }
}

#[cfg(test)]
mod fuzz {
    use std::process::ExitStatus;

    use super::*;
    use crate::bent::Bent;

    #[test]
    fn whatever_a_program_prints_is_a_reply() {
        let corpus: &[&[u8]] = &[
            br#"{"value": 29.90, "unit": "EUR", "text": "cheap", "more": [1]}"#,
            br#"{"value": "open", "text": "a\u001b[31m\ud83d\ude00"}"#,
            b"-1.5e3\n",
            b"OK - all well | load=1.2;5;10\n",
            b"{\"value\": {\"a\": [[[1]]]}, \"value\": 1e999}",
        ];
        let mut bent = Bent::of(5000, corpus);
        while let Some(printed) = bent.next() {
            let complaint = bent.next().unwrap_or_default();
            for code in [0, 2] {
                let ended = Ended {
                    status: ExitStatus::from_raw(code << 8),
                    printed: printed.clone(),
                    complaint: complaint.clone(),
                };
                let (reply, _) = read(&ended).expect("a reply");
                assert_eq!(reply.doubts().len(), usize::from(code != 0));
                assert_eq!(reply.value(Field::Exit), Some(&code.into()));
                let Some(value) = reply.value(Field::Value) else { continue };
                assert!(value.is_string() || value.is_boolean(), "{value}");
                // A number is told as it was printed.
                if let Some(text) = value.as_str().filter(|text| text.parse::<f64>().is_ok()) {
                    assert!(String::from_utf8_lossy(&printed).contains(text), "{text}");
                }
            }
        }
    }
}
