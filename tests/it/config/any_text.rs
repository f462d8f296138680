//! Whatever stands in a file, the answer is a plan or problems with places, and the same answer every time.

use std::fs;

use proptest::prelude::*;
use unbroken::config::{Folders, Loaded, Secrets, Severity, load};

use super::{environment, fixtures, load_in, with};

const FILES: [&str; 4] =
    ["config/unbroken.yaml", "config/journeys.yaml", "config/personas.yaml", "probes/billing.yaml"];

fn answers(file: &str, text: &str) -> Loaded {
    let dir = with(file, text.as_bytes());
    let loaded = load_in(dir.path());
    let again = load_in(dir.path());
    assert_eq!(loaded.problems, again.problems);
    assert_eq!(loaded.plan.is_some(), again.plan.is_some());
    let errors = loaded.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    assert_eq!(loaded.plan.is_none(), errors > 0);
    for problem in &loaded.problems {
        let lines = fs::read_to_string(&problem.file).unwrap_or_default().split(['\n', '\r']).count();
        assert!(problem.line <= lines.max(1), "{problem}");
        assert!(!problem.text.is_empty() && !problem.to_string().is_empty());
    }
    // Whoever has the secrets at hand is told more, never less.
    if loaded.plan.is_some() {
        assert!(load(&Folders::new(dir.path().join("config")), &environment(), Secrets::Without).plan.is_some());
    }
    loaded
}

fn good(file: &str) -> String {
    let over = fixtures().join("good/everything").join(file);
    fs::read_to_string(over).or_else(|_| fs::read_to_string(fixtures().join("base").join(file))).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(file in 0..FILES.len(), text in "\\PC{0,200}") {
        answers(FILES[file], &text);
    }

    #[test]
    fn anything_like_yaml_is_answered(
        file in 0..FILES.len(),
        text in "([a-z]{1,8}|: |- |\n|  |\\{|\\}|\\[|\\]|,|\"|'|&a|\\*a|<<|!x|\\||>|#|\\$\\{|\t|[0-9]{1,3}|\r){0,60}",
    ) {
        answers(FILES[file], &text);
    }

    #[test]
    fn a_good_file_with_a_piece_missing_or_added_is_answered(
        file in 0..FILES.len(),
        at in 0.0..1.0f64,
        length in 0..40usize,
        added in "(\\{|\\}|: |- |\n|x|probes:|steps:|\\[\\]|http:|null|\\*a|\\$\\{A\\}|\\{\\{a\\}\\}){0,3}",
    ) {
        let text: Vec<char> = good(FILES[file]).chars().collect();
        let at = (text.len() as f64 * at) as usize;
        let end = (at + length).min(text.len());
        let text: String = text[..at].iter().copied().chain(added.chars()).chain(text[end..].iter().copied()).collect();
        answers(FILES[file], &text);
    }
}
