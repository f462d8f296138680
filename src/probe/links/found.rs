//! The links that stand on a page or in a style sheet. Pure.

use scraper::{Html, Selector};
use url::Url;

/// Links taken of one page.
const LINKS_MAX: usize = 2000;
/// Bytes of an address. A page of half a megabyte could otherwise name two thousand of nearly that each.
const ADDRESS_BYTES_MAX: usize = 4096;

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Link {
    /// Without its fragment.
    pub(super) url: Url,
    pub(super) leads: Leads,
}

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leads {
    /// A reader follows it.
    Page,
    /// The page needs it, and it may name others.
    Styles,
    /// The page needs it: a picture, a script.
    Part,
}

/// Where links stand: a selector, the attribute, what it leads to.
const PLACES: &[(&str, &str, Leads)] = &[
    ("a[href], area[href]", "href", Leads::Page),
    ("iframe[src], frame[src]", "src", Leads::Page),
    ("link[rel~=stylesheet][href]", "href", Leads::Styles),
    ("link[rel~=icon][href], link[rel~=apple-touch-icon][href], link[rel~=manifest][href]", "href", Leads::Part),
    ("link[rel~=alternate][href], link[rel~=canonical][href], link[rel~=next][href]", "href", Leads::Page),
    ("img[src], script[src], source[src], video[src], audio[src], track[src], embed[src]", "src", Leads::Part),
    ("input[type=image][src]", "src", Leads::Part),
    ("video[poster]", "poster", Leads::Part),
    ("object[data]", "data", Leads::Part),
];

/// Reads a page that came from `from`.
pub(super) fn page(text: &str, from: &Url) -> Vec<Link> {
    let document = Html::parse_document(text);
    let select =
        |css: &str| Selector::parse(css).ok().map(|it| document.select(&it).collect::<Vec<_>>()).unwrap_or_default();
    let base = select("base[href]").first().and_then(|base| base.attr("href")).and_then(|href| from.join(href).ok());
    let base = base.as_ref().filter(|base| base.as_str().len() <= ADDRESS_BYTES_MAX).unwrap_or(from);
    let mut links = Vec::new();
    let mut add = |text: &str, leads| {
        if links.len() < LINKS_MAX {
            links.extend(link(text, base, leads));
        }
    };
    for (css, attribute, leads) in PLACES {
        for element in select(css) {
            add(element.attr(attribute).unwrap_or_default(), *leads);
        }
    }
    for element in select("img[srcset], source[srcset]") {
        for text in candidates(element.attr("srcset").unwrap_or_default()) {
            add(text, Leads::Part);
        }
    }
    let sheets = select("style").into_iter().map(|element| element.text().collect::<String>());
    let inline = select("[style]").into_iter().map(|element| element.attr("style").unwrap_or_default().to_owned());
    for css in sheets.chain(inline) {
        for text in addresses(&css) {
            add(&text, Leads::Part);
        }
    }
    links
}

/// A page's title.
pub(super) fn title(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let Some(open) = lower.find("<title") else { return String::new() };
    let Some(start) = lower[open..].find('>').map(|at| open + at + 1) else { return String::new() };
    let end = lower[start..].find("</title").map_or(text.len(), |at| start + at);
    text[start..end].trim().to_owned()
}

/// The links of a style sheet that came from `from`.
pub(super) fn styles(css: &str, from: &Url) -> Vec<Link> {
    addresses(css).iter().take(LINKS_MAX).filter_map(|text| link(text, from, Leads::Part)).collect()
}

/// The link that `text` is, unless it is of another kind: mail, telephone, script, data, a place on the same page.
fn link(text: &str, base: &Url, leads: Leads) -> Option<Link> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') || text.len() > ADDRESS_BYTES_MAX {
        return None;
    }
    let mut url = base.join(text).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return None;
    }
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    (url.as_str().len() <= ADDRESS_BYTES_MAX).then_some(Link { url, leads })
}

/// The addresses in a `srcset`: each up to a blank, with a width or density behind it.
fn candidates(srcset: &str) -> impl Iterator<Item = &str> {
    // An address may hold commas, but none at its end; one before a blank separates.
    srcset
        .split_whitespace()
        .scan(true, |expected, word| {
            let ends = word.ends_with(',');
            let address = expected.then_some(word.trim_end_matches(','));
            *expected = ends;
            Some(address.filter(|address| !address.is_empty()))
        })
        .flatten()
}

/// What stands in the `url(…)` and `@import "…"` of a style sheet.
fn addresses(css: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = css;
    while let Some(at) = rest.find("url(") {
        rest = &rest[at + 4..];
        let Some(end) = rest.find(')') else { break };
        out.push(rest[..end].trim().trim_matches(['"', '\'']).to_owned());
        rest = &rest[end..];
    }
    for part in css.split("@import").skip(1) {
        let part = part.trim_start();
        if let Some(quote) = part.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            out.extend(part[1..].split(quote).next().map(str::to_owned));
        }
    }
    out
}

/// Whether a page that answers well says that there is none: by where it lies, if one was sent there, or by its title.
pub(super) fn says_missing(sent_to: Option<&Url>, title: &str) -> bool {
    let path = sent_to.map(|url| url.path().to_ascii_lowercase()).unwrap_or_default();
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let stem = last.split('.').next().unwrap_or_default().replace(['-', '_'], "");
    let title = title.to_lowercase();
    matches!(&*stem, "404" | "notfound" | "pagenotfound" | "error404")
        || title.split(|c: char| !c.is_alphanumeric()).next() == Some("404")
        || title.contains("not found")
        || title.contains("nicht gefunden")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_link_is_found() {
        let from: Url = "https://shop.example/plans/index.html".parse().expect("an address");
        let html = r##"<base href="/b/"><link rel="preload stylesheet" href="a.css">
            <a href="../m?x=1#top">M</a><a href="#x">x</a><a href="mailto:a@b">m</a><a href="javascript:0">j</a>
            <img src=//cdn.example/1.png srcset="s.png 1x, l,arge.png 2x"><div style="background:url('bg.png')"></div>
            <style>@import "i.css"; p { background: url(p.gif) }</style><script src=j.js></script><a href="http://">b</a>
            <img src="data:image/png;base64,AA"><link rel=preconnect href=https://fonts.example>"##;
        let links = page(html, &from);
        let urls: Vec<&str> = links.iter().map(|link| link.url.as_str()).collect();
        assert_eq!(
            urls,
            [
                "https://shop.example/m?x=1",
                "https://shop.example/b/a.css",
                "https://cdn.example/1.png",
                "https://shop.example/b/j.js",
                "https://shop.example/b/s.png",
                "https://shop.example/b/l,arge.png",
                "https://shop.example/b/p.gif",
                "https://shop.example/b/i.css",
                "https://shop.example/b/bg.png",
            ]
        );
        assert_eq!(links[1].leads, Leads::Styles);
        assert_eq!(styles("a{src:url( \"x.woff\" ) url(", &from)[0].url.path(), "/plans/x.woff");
    }

    #[test]
    fn endless_addresses_lead_nowhere() {
        let from: Url = "https://shop.example/".parse().expect("an address");
        let long = "x".repeat(400_000);
        let links =
            page(&format!("<base href=/{long}/>{}<a href=/{long}>x</a>", "<a href=1>1</a>".repeat(2000)), &from);
        assert_eq!(links.len(), 2000);
        assert!(links.iter().all(|link| link.url.as_str() == "https://shop.example/1"));
        // Longer only once it is joined.
        let base = "y".repeat(ADDRESS_BYTES_MAX - 100);
        assert_eq!(page(&format!("<base href=/{base}/><a href={}>x</a>", "z".repeat(200)), &from), []);
    }

    #[test]
    fn a_title_is_found_or_not() {
        for (text, wanted) in
            [("<TITLE lang=de> \u{dc}ber uns </title>", "\u{dc}ber uns"), ("<title>x", "x"), ("<title", ""), ("", "")]
        {
            assert_eq!(title(text), wanted);
        }
    }

    #[test]
    fn pages_that_only_say_they_are_missing_are_known() {
        let at = |path: &str| format!("https://a.example{path}").parse::<Url>().expect(path);
        for (path, title, missing) in [
            ("/404.html", "Shop", true),
            ("/page-not-found/", "", true),
            ("/x", "404 · Shop", true),
            ("/x", "Page not found", true),
            ("/x", "Plans", false),
            ("/plans/404-gb", "4040 GB", false),
        ] {
            assert_eq!(says_missing(Some(&at(path)), title), missing, "{path} {title}");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use crate::bent::Bent;

    #[test]
    fn links_lead_into_the_web_and_nowhere_else() {
        let corpus: &[&[u8]] = &[
            b"<title>T</title><base href='/b/'><a href=x>1</a><a href=\"mailto:x@y\"><img src=a.png srcset='b.png 2x, c.png 3x'>\
              <style>p{background:url( \"d.png\" )}</style><link rel=stylesheet href=//cdn.test/e.css><a href='http://u:p@h/#f'>",
            b"@import \"a.css\"; @import url(b.css); i{src:url(c.woff) url('d')}",
            b"<a href='javascript:alert(1)'><object data=data:text/html,x><iframe src=file:///etc/passwd><div style='x:url(y)'>",
        ];
        let from = Url::parse("https://shop.test/index.html").expect("an address");
        for input in Bent::of(600, corpus) {
            let text = String::from_utf8_lossy(&input);
            let links = [page(&text, &from), styles(&text, &from)].concat();
            assert!(links.len() <= 2 * LINKS_MAX);
            for Link { url, .. } in &links {
                assert!(matches!(url.scheme(), "http" | "https") && url.as_str().len() <= ADDRESS_BYTES_MAX, "{url}");
                assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{url}");
            }
            assert!(text.contains(&title(&text)));
        }
    }
}
