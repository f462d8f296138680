//! `robots.txt`: where a site does not want programs to go (RFC 9309). Pure.

/// The name that a site may address us by.
const NAME: &str = "unbroken";
/// RFC 9309, 2.5: at least this much is read.
pub(super) const BYTES_MAX: usize = 500 << 10;
const RULES_MAX: usize = 2000;

/// The rules that are ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Robots(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    allows: Allows,
    path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allows {
    Yes,
    No,
}

impl Robots {
    /// Reads the group for `unbroken`, or that for everybody.
    pub(super) fn read(text: &str) -> Self {
        let (mut named, mut general) = (None::<Vec<Rule>>, Vec::new());
        let (mut ours, mut everybodys, mut heading) = (false, false, false);
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            let allows = match &*key {
                "user-agent" => {
                    if !heading {
                        (ours, everybodys) = (false, false);
                    }
                    heading = true;
                    ours |= value.to_ascii_lowercase().split('/').next() == Some(NAME);
                    everybodys |= value == "*";
                    if ours {
                        named.get_or_insert_default();
                    }
                    continue;
                }
                "allow" => Allows::Yes,
                "disallow" => Allows::No,
                _ => continue,
            };
            heading = false;
            if value.is_empty() {
                continue;
            }
            let rule = Rule { allows, path: value.to_owned() };
            if ours && let Some(named) = named.as_mut().filter(|rules| rules.len() < RULES_MAX) {
                named.push(rule.clone());
            }
            if everybodys && general.len() < RULES_MAX {
                general.push(rule);
            }
        }
        Self(named.unwrap_or(general))
    }

    /// Whether a path, with its query, may be asked for: the longest rule decides, `allow` among equals.
    pub(super) fn allows(&self, path: &str) -> bool {
        let fitting = self.0.iter().filter(|rule| fits(&rule.path, path));
        let longest = fitting.max_by_key(|rule| (rule.path.len(), rule.allows == Allows::Yes));
        longest.is_none_or(|rule| rule.allows == Allows::Yes)
    }
}

/// Whether `path` begins as the pattern says; `*` stands for anything, `$` at its end for the end.
fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, ends) = pattern.strip_suffix('$').map_or((pattern, false), |pattern| (pattern, true));
    let mut parts = pattern.split('*');
    let Some(mut rest) = path.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = "";
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = part;
    }
    let wild = pattern.contains('*');
    !ends || rest.is_empty() || (wild && (last.is_empty() || path.ends_with(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rule_decides() {
        let robots = Robots::read(
            "User-agent: *\nDisallow: /private\nAllow: /private/open\nDisallow: /*.pdf$\nDisallow:\n# none\n\
             User-agent: other\nDisallow: /",
        );
        for (path, allowed) in [
            ("/", true),
            ("/private", false),
            ("/private/x", false),
            ("/private/open/x", true),
            ("/a/b.pdf", false),
            ("/a/b.pdf?x=1", true),
            ("/public", true),
        ] {
            assert_eq!(robots.allows(path), allowed, "{path}");
        }
    }

    #[test]
    fn a_group_of_our_own_goes_before_everybodys() {
        let robots =
            Robots::read("User-agent: *\nDisallow: /\n\nUser-agent: a\nUser-agent: Unbroken/1\nDisallow: /x\n");
        assert!(robots.allows("/y"));
        assert!(!robots.allows("/x"));
        assert!(Robots::read("User-agent: unbroken\nDisallow:\nUser-agent: *\nDisallow: /").allows("/z"));
        assert!(Robots::read("\u{0}<html>: nonsense").allows("/"));
    }
}

#[cfg(test)]
mod fuzz {
    use regex::Regex;

    use super::*;
    use crate::bent::Bent;

    #[test]
    fn rules_are_read_and_match_as_the_standard_says() {
        let corpus: &[&[u8]] = &[
            b"User-agent: *\nDisallow: /private\nAllow: /private/open\nDisallow: /*.pdf$\n",
            b"user-agent: unbroken/1.0 # us\r\ndisallow: /a*b*b$\r\nallow: /$\r\n\r\nUser-agent: other\nDisallow: /",
        ];
        let paths = ["/", "/private/open/x", "/a/b.pdf", "/a/b.pdf?x=1", "/ab", "/abb", "/aab/bb", "/a$b"];
        for input in Bent::of(1500, corpus) {
            let robots = Robots::read(&String::from_utf8_lossy(&input));
            assert!(robots.0.len() <= RULES_MAX);
            for rule in robots.0.iter().filter(|rule| rule.path.len() < 200) {
                let (start, end) = rule.path.strip_suffix('$').map_or((&*rule.path, ""), |start| (start, "$"));
                let wanted: Vec<String> = start.split('*').map(regex::escape).collect();
                let wanted = Regex::new(&format!("(?s)^{}{end}", wanted.join(".*"))).expect("it is escaped");
                for path in paths {
                    assert_eq!(fits(&rule.path, path), wanted.is_match(path), "{:?} {path}", rule.path);
                }
            }
            let _ = paths.map(|path| robots.allows(path));
        }
    }
}
