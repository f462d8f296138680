//! In which language the site answers whom, and that it then speaks no other.

use regex::Regex;
use unbroken::web::Audience;

use super::halcyon::Mood;
use super::site::{Running, start, start_for};

const PAGES: &[&str] = &[
    "/",
    "/journeys/pay-my-bill",
    "/journeys/become-a-customer?range=1y",
    "/touchpoints/billing",
    "/touchpoints/chat",
    "/incidents/01934e5f-0000-7000-8000-000000000001",
    "/reports",
    "/reports/week/2026-W47",
    "/reports/walk/pay-my-bill",
    "/wall",
    "/card/pay-my-bill",
    "/nowhere",
];

struct Answer {
    language: String,
    vary: String,
    cookie: Option<String>,
    text: String,
}

async fn ask(site: &Running, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = site.get(path).header("accept", "text/html");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    let all = |name: &str| {
        let values = response.headers().get_all(name).iter();
        values.map(|value| value.to_str().expect("text").to_owned()).collect::<Vec<_>>().join(", ")
    };
    let (language, vary, cookie) = (all("content-language"), all("vary"), all("set-cookie"));
    let cookie = (!cookie.is_empty()).then_some(cookie);
    Answer { language, vary, cookie, text: response.text().await.expect("text") }
}

#[tokio::test]
async fn a_page_speaks_the_visitors_language() {
    let site = start(Mood::BillingDown).await;
    for (path, headers, language) in [
        ("/", &[][..], "en"),
        ("/", &[("accept-language", "zh-CN,zh;q=0.9,en;q=0.8")], "zh-Hans"),
        ("/", &[("accept-language", "de-DE,de;q=0.9,en;q=0.8,zh;q=0.1")], "en"),
        ("/", &[("accept-language", "de")], "en"),
        ("/?lang=zh", &[("accept-language", "en")], "zh-Hans"),
        ("/?lang=en", &[("accept-language", "zh"), ("cookie", "lang=zh")], "en"),
        ("/?lang=tlh", &[("accept-language", "zh")], "zh-Hans"),
        ("/", &[("accept-language", "en"), ("cookie", "a=b; lang=zh")], "zh-Hans"),
        ("/", &[("accept-language", "zh"), ("cookie", "lang=en")], "en"),
    ] {
        let answer = ask(&site, path, headers).await;
        assert_eq!(answer.language, language, "{path} {headers:?}");
        assert!(answer.text.contains(&format!("<html lang=\"{language}\">")), "{path} {headers:?}");
        assert!(answer.vary.contains("accept-language") && answer.vary.contains("cookie"), "{}", answer.vary);
        let says = if language == "en" { "Skip to the content" } else { "跳到正文" };
        assert!(answer.text.contains(says), "{path} {headers:?}");
    }
}

#[tokio::test]
async fn a_choice_is_remembered_and_the_page_offers_it() {
    let site = start(Mood::BillingDown).await;
    assert_eq!(ask(&site, "/", &[("accept-language", "zh")]).await.cookie, None, "nobody chose");
    assert_eq!(ask(&site, "/?lang=tlh", &[]).await.cookie, None, "no language of ours");
    let chosen = ask(&site, "/journeys/pay-my-bill?range=7d&lang=zh", &[]).await;
    let cookie = chosen.cookie.expect("remembered");
    assert!(cookie.starts_with("lang=zh; Path=/; ") && cookie.contains("SameSite=Lax"), "{cookie}");
    // The way back keeps what else was asked for.
    let back = r#"<a href="?range=7d&#38;lang=en" lang="en" hreflang="en">English</a>"#;
    assert!(chosen.text.contains(back), "{}", chosen.text);
    let here = r#"lang="zh-Hans" hreflang="zh-Hans" aria-current="true">中文</a>"#;
    assert!(chosen.text.contains(here), "{}", chosen.text);
}

#[tokio::test]
async fn who_asks_for_nothing_is_answered_in_the_companys_language() {
    let site = start(Mood::BillingDown).await;
    let mut snapshot = super::halcyon::snapshot(Mood::BillingDown);
    let mut map = (*snapshot.map).clone();
    map.language = unbroken::model::Language::Zh;
    snapshot.map = std::sync::Arc::new(map);
    site.publish(snapshot);
    assert_eq!(ask(&site, "/", &[]).await.language, "zh-Hans");
    assert_eq!(ask(&site, "/", &[("accept-language", "de")]).await.language, "zh-Hans");
    assert_eq!(ask(&site, "/", &[("accept-language", "en")]).await.language, "en");
    // Programs are not asked where they come from.
    assert_eq!(ask(&site, "/api/v1/status", &[]).await.language, "en");
}

#[tokio::test]
async fn the_api_tells_its_sentences_in_the_language_that_is_asked_for() {
    let site = start(Mood::BillingDown).await;
    let sentence = async |path: &str, headers: &[(&str, &str)]| {
        let answer = ask(&site, path, headers).await;
        let json: serde_json::Value = serde_json::from_str(&answer.text).expect("JSON");
        (answer.language, json["journeys"][1]["sentence"].as_str().expect("a sentence").to_owned())
    };
    let (language, english) = sentence("/api/v1/status", &[("cookie", "lang=zh")]).await;
    assert_eq!(language, "en");
    assert!(english.starts_with("Customers cannot pay their bill: "), "{english}");
    for (path, headers) in [("/api/v1/status?lang=zh", &[][..]), ("/api/v1/status", &[("accept-language", "zh-CN")])] {
        let (language, chinese) = sentence(path, headers).await;
        assert_eq!(language, "zh-Hans");
        assert!(chinese.starts_with("顾客无法走完「Pay my bill」："), "{chinese}");
    }
    let incidents = ask(&site, "/api/v1/incidents?lang=zh", &[]).await;
    assert!(incidents.text.contains("影响「Pay my bill」"), "{}", incidents.text);
    let badge = ask(&site, "/badge/pay-my-bill.svg?lang=zh", &[]).await;
    assert!(badge.text.contains("中断") && badge.language == "zh-Hans", "{}", badge.text);
}

/// A form that cannot be done says why in the visitor's language, and programs are told as before.
#[tokio::test]
async fn a_form_that_is_refused_says_so_in_the_visitors_language() {
    let site = start(Mood::BillingDown).await;
    let send = async |accept: &str| {
        let post = site.post("/silences").header("origin", site.url("")).header("accept-language", "zh");
        let post = post.header("accept", accept).body("touchpoint=billing&for=2h&by=&why=");
        let response = post.send().await.expect("an answer");
        (response.status(), response.text().await.expect("text"))
    };
    let (status, page) = send("text/html,*/*").await;
    assert_eq!(status, 400);
    assert!(page.contains("未完成") && page.contains("<html lang=\"zh-Hans\">"), "{page}");
    let (status, problem) = send("*/*").await;
    assert_eq!(status, 400);
    assert!(problem.contains("\"detail\""), "{problem}");
}

#[tokio::test]
async fn documents_and_feeds_are_written_in_the_language_that_is_asked_for() {
    let site = start(Mood::BillingDown).await;
    let incident = "/incidents/01934e5f-0000-7000-8000-000000000001";
    let document = ask(&site, &format!("{incident}.md?lang=zh"), &[]).await;
    assert!(document.text.contains("## 影响") && document.text.contains("## 经过"), "{}", document.text);
    assert_eq!(document.language, "zh-Hans");
    let document = ask(&site, &format!("{incident}.md"), &[]).await;
    assert!(document.text.contains("## Impact"), "{}", document.text);
    let feed = ask(&site, "/feed.atom", &[("accept-language", "zh")]).await;
    assert!(feed.text.contains("旅程健康度"), "{}", feed.text);
}

/// What a reader of a page reads, without what the company itself has named.
fn read(html: &str) -> String {
    let hidden = r"(?s)<(script|style|code|q|time|dt)\b[^>]*>.*?</(?:script|style|code|q|time|dt)>";
    let hidden = Regex::new(hidden).unwrap();
    let trace = Regex::new(r#"(?s)<span class="trace">.*?</span>"#).unwrap();
    let spoken = Regex::new(r#"\b(?:aria-label|title|data-on|data-lost)="([^"]*)""#).unwrap();
    let english = Regex::new(r#"(?s)<(\w+)[^>]* lang="en"[^>]*>.*?</\w+>"#).unwrap();
    let tag = Regex::new(r"(?s)<[^>]*>").unwrap();
    // What was captured, and what identifies a run, are called as they are.
    let html = trace.replace_all(html, " ");
    let html = hidden.replace_all(&html, " ");
    let (_, body) = html.split_once("</head>").unwrap_or_else(|| panic!("no body: {html}"));
    let body = english.replace_all(body, " ");
    let attributes: Vec<String> = spoken.captures_iter(&body).map(|found| found[1].to_owned()).collect();
    format!("{} {}", tag.replace_all(&body, " "), attributes.join(" "))
}

/// What has the same name in every language, and what the company has called so.
const NAMES: [&str; 21] = [
    "Halcyon Mobile",
    "Europe/Berlin",
    "Unbroken",
    "API",
    "JSON",
    "HTML",
    "Markdown",
    "ID",
    "here",
    "Sign in",
    "Open the latest bill",
    "CN=billing.halcyon.example",
    "CN=Halcyon Test CA",
    "night-run",
    "Spring sale",
    "20 % off",
    "Anna",
    "everyone",
    "hooks",
    "no-store",
    "public",
];

#[tokio::test]
async fn a_chinese_page_says_nothing_in_english() {
    // What the company calls its things, and what is a name in every language.
    let mut names: Vec<String> = NAMES.map(str::to_owned).to_vec();
    let map = super::halcyon::map(&str::to_owned);
    names.extend(map.touchpoints.values().map(|place| place.title.clone()));
    names.extend(map.touchpoints.values().flat_map(|place| &place.probes).map(|probe| probe.title.clone()));
    names.extend(map.touchpoints.values().filter_map(|place| place.owner.clone()));
    names.extend(map.personas.values().map(|persona| persona.name.clone()));
    names.extend(map.personas.values().filter_map(|persona| persona.segment().map(str::to_owned)));
    for journey in &map.journeys {
        names.push(journey.title.clone());
        names.extend(journey.stages.iter().map(|stage| stage.title.clone()));
        names.extend(journey.consistency.iter().map(|check| check.name.clone()));
    }
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let english = Regex::new(r"[A-Za-z]{2,}(?: [A-Za-z]+)*").unwrap();
    for (mood, audience) in [
        (Mood::BillingDown, Audience::Insiders),
        (Mood::BillingDown, Audience::Everybody),
        (Mood::Well, Audience::Insiders),
        (Mood::Blind, Audience::Insiders),
    ] {
        let site = start_for(mood, audience).await;
        for path in PAGES {
            let mark = if path.contains('?') { '&' } else { '?' };
            let page = ask(&site, &format!("{path}{mark}lang=zh"), &[]).await;
            let mut text = read(&page.text);
            for name in &names {
                text = text.replace(name.as_str(), "");
            }
            let left: Vec<&str> = english.find_iter(&text).map(|found| found.as_str()).collect();
            assert!(left.is_empty(), "{path} as {audience:?} says {left:?}");
        }
    }
}
