//! The card that a link becomes where it is shared: Open Graph, with Twitter's names and plain HTML behind it.

use bytes::Bytes;
use scraper::{Html, Selector};
use serde_json::{Value, json};
use url::Url;

use crate::model::Phase;
use crate::probe::assess::apart;
use crate::probe::connect::proxy::Proxy;
use crate::probe::picture::Picture;
use crate::probe::run::Aside;
use crate::probe::{Run, Stop};

use super::fetch::{Ask, fetch};
use super::settings::Settings;

/// Networks give up on larger ones.
const PICTURE_BYTES_MAX: usize = 1 << 20;
/// Smaller ones are shown as a stamp or not at all.
const SIDE_MIN: u32 = 200;

/// What a page says it looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    title: Option<String>,
    description: Option<String>,
    image: Option<String>,
    url: Option<String>,
    site: Option<String>,
}

/// The card of a page that came from `from`, with its picture looked at: a map, in which `defects` says what is wrong.
pub(super) async fn card(
    settings: &Settings,
    run: &mut Run<'_>,
    proxy: Option<&Proxy>,
    body: &Bytes,
    from: &Url,
) -> Result<Value, Stop> {
    let told = apart(body, |bytes| read(&String::from_utf8_lossy(bytes))).await?;
    let mut defects: Vec<String> = Vec::new();
    for (name, value) in [("title", &told.title), ("description", &told.description), ("image", &told.image)] {
        if value.as_ref().is_none_or(|value| value.trim().is_empty()) {
            defects.push(format!("no `og:{name}`"));
        }
    }
    let mut picture = None;
    if let Some(address) = told.image.as_ref().filter(|address| !address.trim().is_empty()) {
        run.phases.begin(Phase::Receive);
        match looked_at(settings, run, proxy, address, from).await? {
            Ok(seen) => {
                if seen.width < SIDE_MIN || seen.height < SIDE_MIN {
                    let (width, height) = (seen.width, seen.height);
                    defects.push(format!("the picture is {width}x{height}, smaller than {SIDE_MIN}x{SIDE_MIN}"));
                }
                picture = Some(seen);
            }
            Err(why) => defects.push(why),
        }
        run.phases.end();
    }
    Ok(json!({
        "title": told.title, "description": told.description, "image": told.image, "url": told.url, "site": told.site,
        "width": picture.map(|it| it.width), "height": picture.map(|it| it.height),
        "defects": if defects.is_empty() { Value::Null } else { defects.join("; ").into() },
    }))
}

/// The picture, or what is wrong with it.
async fn looked_at(
    settings: &Settings,
    run: &mut Run<'_>,
    proxy: Option<&Proxy>,
    address: &str,
    from: &Url,
) -> Result<Result<Picture, String>, Stop> {
    let Ok(url) = Url::parse(address).or_else(|_| from.join(address)) else {
        return Ok(Err(format!("`og:image` is no address: {address}")));
    };
    if Url::parse(address).is_err() {
        return Ok(Err(format!("`og:image` is not absolute: {address}")));
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Ok(Err(format!("`og:image` is no web address: {address}")));
    }
    let way = run.sent();
    let mut own = Aside::default();
    let asked = Ask { most: PICTURE_BYTES_MAX, proxy, family: settings.family, ..Ask::get(url, way, &settings.tls) };
    let got = match fetch(&mut run.aside(&mut own), asked).await {
        Ok(got) => got,
        Err(Stop::Fault(fault)) => return Ok(Err(format!("the picture {address} does not load: {}", fault.text))),
        Err(own) => return Err(own),
    };
    if !got.status.is_success() {
        return Ok(Err(format!("the picture {address} answers {}", got.status)));
    }
    let bytes = match got.body {
        Ok(bytes) if bytes.len() < PICTURE_BYTES_MAX => bytes,
        Ok(_) => return Ok(Err(format!("the picture {address} is larger than 1MiB"))),
        Err(why) => return Ok(Err(format!("the picture {address} cannot be decoded: {why}"))),
    };
    Ok(Picture::read(&bytes).map_err(|why| format!("the picture {address} is {why}")))
}

fn read(page: &str) -> Told {
    let document = Html::parse_document(page);
    let content = |css: &str, attribute: &str| {
        let selector = Selector::parse(css).ok()?;
        document.select(&selector).find_map(|it| it.attr(attribute)).map(|text| text.trim().to_owned())
    };
    let meta = |names: &[&str]| {
        names.iter().find_map(|name| {
            content(&format!("meta[property='{name}']"), "content")
                .or_else(|| content(&format!("meta[name='{name}']"), "content"))
        })
    };
    Told {
        title: meta(&["og:title", "twitter:title"]),
        description: meta(&["og:description", "twitter:description", "description"]),
        image: meta(&["og:image", "og:image:secure_url", "og:image:url", "twitter:image", "twitter:image:src"]),
        url: meta(&["og:url"]).or_else(|| content("link[rel=canonical]", "href")),
        site: meta(&["og:site_name", "twitter:site"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_of_names_are_read() {
        let told = read(
            "<meta property=og:title content=' Flat M '><meta name='twitter:image' content='https://a.example/1.png'>\
             <meta name=description content='40 GB'><link rel=canonical href=https://a.example/><meta property=og:url>",
        );
        assert_eq!(told.title.as_deref(), Some("Flat M"));
        assert_eq!(told.image.as_deref(), Some("https://a.example/1.png"));
        assert_eq!((told.description.as_deref(), told.site), (Some("40 GB"), None));
        assert_eq!(told.url.as_deref(), Some("https://a.example/"));
        assert_eq!(read(""), Told::default());
    }
}
