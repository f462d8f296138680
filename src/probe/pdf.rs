//! The text of a PDF file, read by a child process.
//!
//! PDF parsers abort on hostile files (stack overflows, giant allocations), which no `catch_unwind` catches: a child of
//! our own program with limits of memory and time does the reading, and all it can lose is itself.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::pin::pin;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use futures::future::{Either, select};
use lopdf::content::{Content, Operation};
use lopdf::{Document, ObjectId};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

const MEMORY_MAX: u64 = 512 << 20;
const CPU_SECONDS_MAX: u64 = 10;
const FILE_BYTES_MAX: u64 = 16 << 20;
const TEXT_BYTES_MAX: usize = 1 << 20;
const DECODED_BYTES_MAX: usize = 32 << 20;
/// JSON may write one byte as six.
const ANSWER_BYTES_MAX: u64 = 6 * (TEXT_BYTES_MAX as u64) + 4096;

/// What a PDF file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PdfText {
    pub pages: usize,
    /// With single blanks between words, none between Chinese characters.
    pub text: String,
}

/// Why a PDF file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    #[error("the PDF file cannot be read: {0}")]
    Malformed(String),
    #[error("the PDF file takes too long to read")]
    TooSlow,
    #[error("the PDF file crashes its reader")]
    Crashed,
    #[error("the reader of PDF files cannot be started")]
    NotStarted(#[source] std::io::Error),
}

/// The text of `file`, read by `program internal pdf-text` within `patience`.
pub async fn text(file: &[u8], program: &Path, patience: Duration) -> Result<PdfText, Unread> {
    let child = Command::new(program)
        .args(["internal", "pdf-text"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(Unread::NotStarted)?;
    let mut reader = Reader(child);
    tokio::time::timeout(patience, reader.read(file)).await.unwrap_or(Err(Unread::TooSlow))
}

/// The child; its whole group goes with it.
struct Reader(Child);

impl Reader {
    async fn read(&mut self, file: &[u8]) -> Result<PdfText, Unread> {
        let (Some(mut stdin), Some(stdout)) = (self.0.stdin.take(), self.0.stdout.take()) else {
            return Err(Unread::Crashed);
        };
        let mut answer = Vec::new();
        let feed = async move {
            // A child that has died reads no more: its answer, or the lack of one, says so.
            let _ = stdin.write_all(file).await;
        };
        let mut stdout = stdout.take(ANSWER_BYTES_MAX);
        // It may have answered, or said too much, before it has read everything.
        let listened = match select(pin!(stdout.read_to_end(&mut answer)), pin!(feed)).await {
            Either::Left((listened, _)) => listened,
            Either::Right(((), listening)) => listening.await,
        };
        listened.map_err(|_| Unread::Crashed)?;
        let answer: Result<PdfText, String> = serde_json::from_slice(&answer).map_err(|_| Unread::Crashed)?;
        answer.map_err(Unread::Malformed)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Without an id it has been waited for, and the number may be someone else's by now.
        if let Some(group) = self.0.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The child's side: a PDF file on the standard input, its text as JSON on the standard output.
pub fn child_main() -> ExitCode {
    for (resource, most) in
        [(Resource::As, MEMORY_MAX), (Resource::Cpu, CPU_SECONDS_MAX), (Resource::Core, 0), (Resource::Fsize, 0)]
    {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        if setrlimit(resource, limit).is_err() {
            return ExitCode::FAILURE;
        }
    }
    let mut file = Vec::new();
    let read = std::io::stdin().lock().take(FILE_BYTES_MAX).read_to_end(&mut file);
    let answer = read.map_err(|error| error.to_string()).and_then(|_| extract(&file));
    let written = serde_json::to_vec(&answer).map(|json| std::io::stdout().lock().write_all(&json));
    if matches!(written, Ok(Ok(()))) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn extract(file: &[u8]) -> Result<PdfText, String> {
    let mut document = Document::load_mem(file).map_err(|error| error.to_string())?;
    let pages = document.get_pages();
    for page in pages.values() {
        // A page that cannot be rewritten is read as it is.
        let _ = mark_lines(&mut document, *page);
    }
    let pages: Vec<u32> = pages.into_keys().collect();
    let raw = document.extract_text_with_limit(&pages, DECODED_BYTES_MAX).map_err(|error| error.to_string())?;
    Ok(PdfText { pages: pages.len(), text: tidy(&raw) })
}

/// Writes a line break wherever a page moves to another line: the extractor hears of `T*` only, most writers move by `Td`.
fn mark_lines(document: &mut Document, page: ObjectId) -> lopdf::Result<()> {
    let content = document.get_and_decode_page_content(page)?;
    let mut operations = Vec::with_capacity(content.operations.len() * 2);
    let mut height = None;
    for operation in content.operations {
        let vertical = operation.operands.last().and_then(|operand| operand.as_float().ok());
        let moves = match operation.operator.as_str() {
            "Td" | "TD" => vertical.is_some_and(|by| by != 0.0),
            "Tm" => height.replace(vertical) != Some(vertical),
            _ => false,
        };
        operations.push(operation);
        if moves {
            operations.push(Operation::new("T*", vec![]));
        }
    }
    document.change_page_content(page, Content { operations }.encode()?)
}

/// One blank between words, and none where a layout cut Chinese, Japanese or Korean text apart.
fn tidy(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len().min(TEXT_BYTES_MAX));
    for word in raw.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if out.len() + word.len() > TEXT_BYTES_MAX {
            break;
        }
        let seam = out.chars().next_back().is_some_and(is_cjk) && word.chars().next().is_some_and(is_cjk);
        if !out.is_empty() && !seam {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

const fn is_cjk(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use lopdf::{Object, Stream, dictionary};

    use super::*;

    fn bill(lines: &[&str]) -> Vec<u8> {
        let mut document = Document::with_version("1.5");
        let pages = document.new_object_id();
        let font = document.add_object(dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier", "Encoding" => "WinAnsiEncoding" });
        let resources = document.add_object(dictionary! { "Font" => dictionary! { "F1" => font } });
        let mut operations = vec![
            Operation::new("BT", vec![]),
            Operation::new("Tf", vec!["F1".into(), 12.into()]),
            Operation::new("Td", vec![50.into(), 700.into()]),
        ];
        for line in lines {
            operations.push(Operation::new("Tj", vec![Object::string_literal(*line)]));
            operations.push(Operation::new("Td", vec![0.into(), (-20).into()]));
        }
        operations.push(Operation::new("ET", vec![]));
        let content = Content { operations }.encode().expect("content");
        let content = document.add_object(Stream::new(dictionary! {}, content));
        let page = document.add_object(dictionary! { "Type" => "Page", "Parent" => pages, "Contents" => content });
        document.objects.insert(
            pages,
            Object::Dictionary(dictionary! {
                "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1, "Resources" => resources,
                "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
            }),
        );
        let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
        document.trailer.set("Root", catalog);
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).expect("a file");
        bytes
    }

    #[test]
    fn a_bill_is_read() {
        let read = extract(&bill(&["Anna Schmidt", "Total due:", "45.60"])).expect("text");
        assert_eq!(read, PdfText { pages: 1, text: "Anna Schmidt Total due: 45.60".to_owned() });
    }

    #[test]
    fn what_is_no_pdf_is_said_to_be_none() {
        for file in [&b""[..], b"<html>", b"%PDF-1.5\nnonsense", &[0xff; 100]] {
            extract(file).expect_err("no PDF file");
        }
    }

    #[test]
    fn white_space_is_tidied() {
        assert_eq!(tidy(" Total due: \n\u{a3}45.60\u{0} \t x"), "Total due: \u{a3}45.60 x");
        assert_eq!(tidy("\u{674e}\n\u{4f1f} \u{60a8}\u{597d} Bill"), "\u{674e}\u{4f1f}\u{60a8}\u{597d} Bill");
    }

    async fn read_by(script: &str, patience: Duration) -> Result<PdfText, Unread> {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("reader");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a program");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        text(&vec![0; 100_000], &program, patience).await
    }

    #[tokio::test]
    async fn the_reader_may_fail_in_every_way() {
        let long = Duration::from_secs(30);
        let good = r#"/bin/cat >/dev/null; echo '{"Ok":{"pages":2,"text":"hi"}}'"#;
        assert_eq!(read_by(good, long).await.expect("text").pages, 2);
        assert!(
            matches!(read_by(r#"echo '{"Err":"torn"}'"#, long).await, Err(Unread::Malformed(why)) if why == "torn")
        );
        assert!(matches!(read_by("kill -SEGV $$", long).await, Err(Unread::Crashed)));
        assert!(matches!(read_by("exec /bin/cat /dev/zero", long).await, Err(Unread::Crashed)));
        assert!(matches!(read_by("/bin/sleep 600; :", Duration::from_millis(300)).await, Err(Unread::TooSlow)));
        let none = text(b"", Path::new("/nonexistent/unbroken"), long).await;
        assert!(matches!(none, Err(Unread::NotStarted(_))));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    /// What runs in this process: the parser itself may abort, and has a child of its own for that.
    #[test]
    fn text_is_tidied_whatever_it_is() {
        let corpus: &[&[u8]] = &[
            " Total due: \n\u{a3}45.60\u{0} \t x".as_bytes(),
            "\u{674e}\n\u{4f1f} \u{60a8}\u{597d} Bill \u{ac00} \u{ff21}".as_bytes(),
            b"\xff\xfe\r\x0c Anna\xc2\xa0Schmidt",
        ];
        for input in Bent::of(5000, corpus) {
            let raw = String::from_utf8_lossy(&input);
            let tidied = tidy(&raw);
            assert!(tidied.len() <= TEXT_BYTES_MAX.min(raw.len()) && !tidied.contains(char::is_control), "{tidied:?}");
            assert!(!tidied.contains("  ") && tidied.trim() == tidied, "{tidied:?}");
            assert_eq!(tidy(&tidied), tidied);
            let letters =
                |text: &str| -> String { text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect() };
            assert_eq!(letters(&tidied), letters(&raw));
        }
    }
}
