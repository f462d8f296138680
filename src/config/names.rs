//! What names may look like, and what is said of one that is nowhere defined.

use crate::config::decode::Desk;
use crate::config::problem::Place;
use crate::words::nearest;

const NAME_CHARS_MAX: usize = 64;

/// Reports an id that is none: small letters, digits and dashes.
pub(super) fn check_id(desk: &Desk<'_>, place: Place, what: &str, id: &str) {
    let alnum = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let good = id.starts_with(alnum) && id.chars().all(|c| alnum(c) || c == '-');
    if !good {
        let text = format!("`{}` cannot be {what}'s id: small letters, digits and `-`", printable(id));
        desk.report(with_slug(desk.source.problem(place, text), id, '-'));
    } else if id.len() > NAME_CHARS_MAX {
        desk.report(desk.source.problem(place, format!("{what}'s id has at most {NAME_CHARS_MAX} characters")));
    }
}

/// Reports a name of a value that is none: small letters, digits and underscores.
pub(super) fn check_name(desk: &Desk<'_>, place: Place, what: &str, name: &str) {
    let good = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !good {
        let text = format!("`{}` cannot be {what}'s name: small letters, digits and `_`", printable(name));
        desk.report(with_slug(desk.source.problem(place, text), name, '_'));
    } else if name.len() > NAME_CHARS_MAX {
        desk.report(desk.source.problem(place, format!("{what}'s name has at most {NAME_CHARS_MAX} characters")));
    }
}

fn with_slug(problem: crate::config::Problem, name: &str, dash: char) -> crate::config::Problem {
    if let Some(foreign) = name.chars().find(|c| c.is_alphabetic() && !c.is_ascii()) {
        return problem.hint(format!("`{foreign}` (U+{:04X}) is none of the letters a to z", foreign as u32));
    }
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.ends_with(dash) {
            slug.push(dash);
        }
    }
    let slug = slug.trim_matches(dash);
    let usable = slug.starts_with(|c: char| c.is_ascii_lowercase()) && slug.len() <= NAME_CHARS_MAX;
    if usable { problem.hint(format!("such as `{slug}`")) } else { problem }
}

fn printable(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Reports a name that nothing has, with the one that was probably meant.
pub(super) fn dangling<'a>(
    desk: &Desk<'_>,
    place: Place,
    wrong: String,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) {
    let known: Vec<&str> = known.collect();
    let problem = desk.source.problem(place, wrong);
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there is none".to_owned(),
        None => {
            const SHOWN: usize = 12;
            let mut shown: Vec<String> = known.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
            if known.len() > SHOWN {
                shown.push("...".to_owned());
            }
            format!("there are {}", shown.join(", "))
        }
    };
    desk.report(problem.hint(hint));
}
