//! `${NAME}` and `${NAME:-default}`: the environment in a value.

use std::cell::RefCell;

use crate::config::Environment;
use crate::config::problem::{Place, Problem, Source};
use crate::config::tree::{Node, Value};

/// Replaces every reference in every value of the tree; what stands wrong is reported and taken out.
///
/// Keys are never expanded, and neither is what a variable holds.
pub(super) fn interpolate(node: &Node, source: &Source, environment: &Environment, problems: &mut Vec<Problem>) {
    match &node.value {
        Value::Scalar { .. } => {}
        Value::Seq(items) => {
            for item in items {
                if scalar(&item.node, source, environment, problems).is_err() {
                    item.gone.set(true);
                    node.damaged.set(true);
                }
                interpolate(&item.node, source, environment, problems);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                if scalar(&entry.value, source, environment, problems).is_err() {
                    entry.gone.set(true);
                    node.damaged.set(true);
                }
                interpolate(&entry.value, source, environment, problems);
            }
        }
    }
}

/// The problem is reported; the value is to be passed over.
struct Reported;

fn scalar(
    node: &Node,
    source: &Source,
    environment: &Environment,
    problems: &mut Vec<Problem>,
) -> Result<(), Reported> {
    let Value::Scalar { text, .. } = &node.value else { return Ok(()) };
    if !text.borrow().contains("${") {
        return Ok(());
    }
    let expanded = expand(&text.borrow(), environment);
    match expanded {
        Ok(expanded) => {
            replace(text, expanded);
            Ok(())
        }
        Err(wrong) => {
            for (reference, text, hint) in wrong {
                let problem = source.problem(place_of(&reference, node, source), text);
                problems.push(problem.hint(hint));
            }
            Err(Reported)
        }
    }
}

fn replace(text: &RefCell<String>, expanded: String) {
    *text.borrow_mut() = expanded;
}

/// Where the reference stands; in a text of several lines, below the scalar's own place.
fn place_of(reference: &str, node: &Node, source: &Source) -> Place {
    let before = node.place.column - 1;
    let rest: String = source.line(node.place.line).chars().skip(before).collect();
    if let Some(offset) = rest.find(reference) {
        let column = node.place.column + rest[..offset].chars().count();
        return Place { column, width: reference.chars().count(), ..node.place };
    }
    let lines = node.text().unwrap_or_default().lines().count() + 1;
    let below = (node.place.line + 1..=node.place.line + lines).find(|line| source.line(*line).contains(reference));
    below.map_or(node.place, |line| source.find_in_line(Place { line, ..node.place }, reference))
}

/// A reference as written, what is wrong with it, and what to do.
type Wrong = (String, String, String);

/// `$${` is a literal `${`; every other `$` is itself.
fn expand(text: &str, environment: &Environment) -> Result<String, Vec<Wrong>> {
    let mut expanded = String::with_capacity(text.len());
    let mut wrong = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, reference) = rest.split_at(at);
        if let Some(literal) = before.strip_suffix('$') {
            expanded.push_str(literal);
            expanded.push_str("${");
            rest = &reference[2..];
            continue;
        }
        expanded.push_str(before);
        let Some(end) = reference.find('}') else {
            let text = "`${` is never closed".to_owned();
            wrong.push((reference.to_owned(), text, "write `${NAME}`, or `$${` for the characters themselves".into()));
            break;
        };
        let (reference, after) = reference.split_at(end + 1);
        rest = after;
        match look_up(&reference[2..end], environment) {
            Ok(value) => expanded.push_str(&value),
            Err((text, hint)) => wrong.push((reference.to_owned(), text, hint)),
        }
    }
    if wrong.is_empty() {
        expanded.push_str(rest);
        Ok(expanded)
    } else {
        Err(wrong)
    }
}

fn look_up(reference: &str, environment: &Environment) -> Result<String, (String, String)> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(letter) || name.starts_with(|c: char| c.is_ascii_digit()) {
        let text = format!("`{name}` is not the name of an environment variable");
        return Err((text, "write `${NAME}` or `${NAME:-default}`, or `$${` for the characters themselves".into()));
    }
    match (environment.get(name), default) {
        (Some(value), None) => Ok(value.to_owned()),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value.to_owned()),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err((
            format!("the environment variable `{name}` is not set"),
            format!("set it, or give a default: `${{{name}:-...}}`"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Result<&str, &str>) {
        let environment = Environment::new([("A", "1"), ("EMPTY", ""), ("NEST", "${A}")]);
        let got = expand(text, &environment).map_err(|wrong| wrong[0].1.clone());
        assert_eq!(got.as_deref().map_err(String::as_str), want, "{text}");
    }

    #[test]
    fn references_are_replaced_once() {
        check("${A}${A}-$5 $ $$ $A", Ok("11-$5 $ $$ $A"));
        check("${NEST}", Ok("${A}"));
        check("$${A} ${A}", Ok("${A} 1"));
        check("${EMPTY:-x}${NONE:-http://a:1/}${A:-x}", Ok("xhttp://a:1/1"));
        check("[${EMPTY}]", Ok("[]"));
        check("${NONE}", Err("the environment variable `NONE` is not set"));
        check("${}", Err("`` is not the name of an environment variable"));
        check("${A B}", Err("`A B` is not the name of an environment variable"));
        check("a ${A", Err("`${` is never closed"));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    #[test]
    fn references_are_replaced_or_refused() {
        let corpus: &[&[u8]] = &[
            b"http://${HOST:-127.0.0.1}:${PORT}/x?a=$1",
            b"$${A} ${A}${EMPTY:-${A}} $$ $",
            b"${NONE} and ${A B} ${NONE:-} ${",
            b"${A}${SELF}${EMPTY}",
        ];
        let known = [("A", "1"), ("HOST", "shop.test"), ("PORT", "8080"), ("EMPTY", ""), ("SELF", "${SELF}")];
        let environment = Environment::new(known);
        for input in Bent::of(5000, corpus) {
            let text = String::from_utf8_lossy(&input);
            match expand(&text, &environment) {
                // What was written as itself comes out as itself.
                Ok(same) if !text.contains("${") => assert_eq!(same, text),
                Ok(expanded) => assert!(expanded.len() <= text.len() * "shop.test".len(), "{text:?}: {expanded:?}"),
                Err(wrong) => {
                    assert!(!wrong.is_empty());
                    for (reference, what, hint) in wrong {
                        assert!(text.contains(&reference) && reference.starts_with("${"), "{text:?}: {reference:?}");
                        assert!(!what.is_empty() && !hint.is_empty());
                    }
                }
            }
            // Escaped, every text stands for itself.
            if !text.contains("${") {
                continue;
            }
            let escaped = text.replace("$${", "${").replace("${", "$${");
            assert_eq!(expand(&escaped, &environment).expect("no reference"), text.replace("$${", "${"), "{escaped:?}");
        }
    }
}
