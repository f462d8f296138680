//! Who may name whom: the table of the house, held by grep.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules that everyone may name: vocabulary, quantities and sentences.
const COMMON: &[&str] = &["model", "units", "secret", "clock", "words", "lasting"];

/// Module, and the modules of ours that it may name beside [`COMMON`]. `*`: all.
const TABLE: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("units", &[]),
    ("secret", &[]),
    ("lasting", &[]),
    ("model", &[]),
    ("config", &["store", "probe", "telemetry", "alert", "schedule", "report"]),
    ("schedule", &[]),
    ("probe", &[]),
    ("detect", &[]),
    ("score", &[]),
    ("board", &["detect", "score"]),
    ("store", &[]),
    ("report", &["store"]),
    ("words", &[]),
    ("alert", &["store"]),
    ("telemetry", &[]),
    ("web", &["store", "report"]),
    ("daemon", &["*"]),
    ("command", &["*"]),
    ("demo", &["*"]),
];

/// Words that pure modules must not contain: time is an argument there, and nothing waits.
const PURE: &[&str] = &["schedule", "detect", "score", "board", "model", "words"];
const IMPURE: &[&str] = &["::now()", "async fn", ".await", "std::fs", "std::net::Tcp", "tokio::"];

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).expect("src is there").map(|e| e.expect("readable").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Every source with the module it belongs to, its unit tests cut off.
fn modules() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut modules: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for file in files {
        let relative = file.strip_prefix(&src).expect("under src").to_owned();
        let first = relative.components().next().expect("not empty").as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&file).expect("utf-8");
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
        modules.entry(module).or_default().push((relative, text));
    }
    modules
}

#[test]
fn modules_name_only_whom_the_table_allows() {
    let names: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    let mut wrong = Vec::new();
    for (module, files) in modules() {
        if module == "main" || module == "lib" {
            continue;
        }
        let Some((_, allowed)) = TABLE.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("module `{module}` is not in the table"));
            continue;
        };
        for (file, text) in files {
            for other in &names {
                let named = text.contains(&format!("crate::{other}::")) || text.contains(&format!("crate::{other};"));
                let may = *other == module || COMMON.contains(other) && module != "model" || allowed.contains(other);
                if named && !may && !allowed.contains(&"*") {
                    wrong.push(format!("{} names `{other}`", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_middle_is_pure() {
    let mut wrong = Vec::new();
    for (module, files) in modules() {
        if !PURE.contains(&module.as_str()) {
            continue;
        }
        for (file, text) in files {
            let code: String =
                text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            wrong.extend(IMPURE.iter().filter(|w| code.contains(**w)).map(|w| format!("{}: `{w}`", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_longer_than_a_page_or_three() {
    // Tests at a file's end do not count: cutting them off made the code findable, not longer.
    let mut long = Vec::new();
    for (file, text) in modules().into_values().flatten() {
        let lines = text.lines().count();
        if lines > 400 {
            long.push(format!("{}: {lines} lines", file.display()));
        }
    }
    assert!(long.is_empty(), "find the missing noun, don't split by number:\n{}", long.join("\n"));
}
