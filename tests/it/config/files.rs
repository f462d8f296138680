//! What lies in the folders: no ordinary files, bombs, more than anyone has.

use std::fs;
use std::path::Path;

use super::{copy, fixtures, laid_out, load_in, printed, said_of, with};

#[test]
fn what_is_no_ordinary_file_is_refused() {
    let dir = laid_out(&fixtures().join("base"));
    let config = dir.path().join("config");
    std::os::unix::fs::symlink("loop.yaml", config.join("loop.yaml")).unwrap();
    fs::create_dir(config.join("folder.yaml")).unwrap();
    rustix_fifo(&config.join("pipe.yaml"));
    fs::write(config.join("huge.yaml"), "#".repeat(8 * 1024 * 1024 + 1)).unwrap();
    fs::write(config.join("other.yml"), "company: A\n").unwrap();
    fs::write(config.join(".hidden.yaml"), "company: A\n").unwrap();
    let loaded = load_in(dir.path());
    let said = printed(&loaded, dir.path());
    assert_eq!(
        said,
        "config/folder.yaml: error: the file cannot be read: it is a folder\n\n\
         config/huge.yaml: error: the file cannot be read: it is larger than 8MiB\n\n\
         config/loop.yaml: error: the file cannot be read: too many levels of symbolic links\n\n\
         config/other.yml: warning: the file is not read: its name ends in `.yml`\n      \
         = help: rename it so that it ends in `.yaml`\n\n\
         config/pipe.yaml: error: the file cannot be read: it is not a regular file\n\n"
    );
}

fn rustix_fifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

#[test]
fn folders_that_are_not_there_or_empty_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = load_in(dir.path());
    let said = printed(&loaded, dir.path());
    assert!(said.contains("config: error: the folder cannot be read: no such file or directory"), "{said}");
    fs::create_dir_all(dir.path().join("config")).unwrap();
    fs::create_dir_all(dir.path().join("probes")).unwrap();
    let said = printed(&load_in(dir.path()), dir.path());
    assert!(said.contains("config: error: the folder holds no `*.yaml`"), "{said}");
    for path in ["probes/shop.yaml", "probes/billing.yaml"] {
        copy(&fixtures().join("base"), dir.path());
        fs::remove_file(dir.path().join(path)).unwrap();
    }
}

#[test]
fn bombs_are_refused_in_a_moment() {
    let bomb = |levels: usize| {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..levels {
            let alias = format!("*a{}, ", level - 1).repeat(10);
            text += &format!("a{level}: &a{level} [{alias}]\n");
        }
        text
    };
    let nested = |open: &str| format!("company: {}", open.repeat(100_000));
    let dashes = "- ".repeat(100_000);
    let deep: String = (0..2000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    for text in [bomb(9), bomb(12), nested("["), nested("{a: "), dashes, deep] {
        // Unfolded, the largest would be 10^12 nodes: a reader that does not refuse it never comes back.
        let said = said_of("config/unbroken.yaml", &text);
        assert!(said.contains("config/unbroken.yaml:") && said.contains("error: "), "{said}");
    }
}

#[test]
fn a_long_chain_of_dependencies_is_walked_to_its_end() {
    let dir = laid_out(&fixtures().join("base"));
    const LENGTH: usize = 2000;
    for number in 0..LENGTH {
        let text = format!(
            "depends_on: [t{}]\nprobes: {{ x: {{ steps: [ {{ push: {{ token: {{ env: TOKEN }}, within: 1h }} }} ] }} }}\n",
            (number + 1) % LENGTH
        );
        fs::write(dir.path().join(format!("probes/t{number}.yaml")), text).unwrap();
    }
    let said = printed(&load_in(dir.path()), dir.path());
    assert!(said.contains("in a circle: t0 -> t1 -> t2"), "{}", said.chars().take(2000).collect::<String>());
}

#[test]
fn ten_times_the_probes_take_about_ten_times_as_long() {
    let load = |count: usize| {
        let probe = "steps: [ { http: { get: \"http://127.0.0.1/\" } } ]";
        let text: String = (0..count).map(|number| format!("  p{number}: {{ {probe} }}\n")).collect();
        let dir = with("probes/shop.yaml", format!("title: Shop\nprobes:\n{text}").as_bytes());
        let begun = tokio::time::Instant::now();
        let loaded = load_in(dir.path());
        assert_eq!(loaded.plan.map(|plan| plan.errands.len()), Some(count + 1), "{:?}", loaded.problems.first());
        begun.elapsed()
    };
    let (some, many) = (load(10_000), load(100_000));
    // Whoever compares each with each needs a hundred times as long.
    assert!(many < some * 40, "{some:?} and {many:?}");
}
