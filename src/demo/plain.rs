//! The configuration for a machine that has no browser.

/// A file of it without the probes that need one. A probe's name stands two blanks in, all that is its own further in.
#[must_use]
pub fn without_browsers(file: &str) -> String {
    let (mut kept, mut part, mut aside) = (String::new(), String::new(), String::new());
    let mut keep = |part: &mut String| {
        if !needs_browser(part) {
            kept.push_str(part);
        }
        part.clear();
    };
    for line in file.split_inclusive('\n') {
        let begins = line.trim_start();
        let depth = line.len() - begins.len();
        // What is said of a probe stands above it.
        if begins.is_empty() || (depth <= 2 && begins.starts_with('#')) {
            aside.push_str(line);
            continue;
        }
        if depth <= 2 {
            keep(&mut part);
        }
        part.push_str(&std::mem::take(&mut aside));
        part.push_str(line);
    }
    keep(&mut part);
    kept
}

/// Whether a step of it is one.
fn needs_browser(part: &str) -> bool {
    let is_step =
        |line: &str| line.starts_with("    ") && line.trim_start().trim_start_matches("- ").starts_with("browser:");
    part.lines().any(is_step)
}
