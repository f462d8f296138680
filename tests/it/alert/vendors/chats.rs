//! Slack (webhook and Web API), Teams (Workflows), Discord and Telegram. None of them may be made to call anybody, or
//! to show a link or markup that is not ours.

use serde_json::{Value, json};

use super::shape::{Kind, May, Must, conforms, units};
use super::{CANARY, Heard, Mood, Reply, Ways, after, is_dead, is_put_off, lives, tried};

fn slack_text(object: &Value, most: usize) -> Result<(), String> {
    let fields = [
        ("type", Must, Kind::One(&["plain_text", "mrkdwn"])),
        ("text", Must, Kind::Text(most)),
        ("emoji", May, Kind::Flag),
        ("verbatim", May, Kind::Flag),
    ];
    conforms(object, &fields)?;
    let plain = object["type"] == "plain_text";
    match object["emoji"].as_bool() {
        Some(true) if plain => Err("what a target says may hold `:emoji:`".into()),
        Some(_) if !plain => Err("`emoji` is for plain_text".into()),
        _ => slack_inert(object["text"].as_str().unwrap_or_default()),
    }
}

/// `<…>` is a link of ours or nothing.
fn slack_inert(text: &str) -> Result<(), String> {
    for part in text.split('<').skip(1) {
        let at_home = ["http://127.0.0.1:8080/", "https://unbroken.example.com/"];
        let ours =
            at_home.iter().any(|home| part.starts_with(home)) && part.contains("|Open the ") && part.contains('>');
        if !ours {
            return Err(format!("`<{part}` calls or links"));
        }
    }
    Ok(())
}

fn slack_message(body: &Value, bot: bool) -> Result<(), String> {
    let more = if bot { Must } else { May };
    let fields = [
        ("text", Must, Kind::Text(4000)),
        ("blocks", May, Kind::List(50)),
        ("unfurl_links", May, Kind::Flag),
        ("unfurl_media", May, Kind::Flag),
        ("channel", more, Kind::Text(80)),
        ("thread_ts", May, Kind::Text(20)),
        ("reply_broadcast", May, Kind::Flag),
    ];
    conforms(body, &fields)?;
    if !bot && ["channel", "thread_ts", "reply_broadcast"].iter().any(|key| body.get(*key).is_some()) {
        return Err("a webhook knows its channel".into());
    }
    slack_blocks(body)
}

/// The channel goes by its id, never by its name.
fn slack_update(body: &Value) -> Result<(), String> {
    let fields = [
        ("channel", Must, Kind::Text(12)),
        ("ts", Must, Kind::Text(20)),
        ("text", Must, Kind::Text(4000)),
        ("blocks", May, Kind::List(50)),
    ];
    conforms(body, &fields)?;
    let channel = body["channel"].as_str().unwrap_or_default();
    if !channel.starts_with(['C', 'D', 'G']) || !channel.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err("channel_not_found".into());
    }
    slack_blocks(body)
}

fn slack_blocks(body: &Value) -> Result<(), String> {
    slack_inert(body["text"].as_str().unwrap_or_default())?;
    for block in body["blocks"].as_array().into_iter().flatten() {
        match block["type"].as_str() {
            Some("header") if block["text"]["type"] == "plain_text" => slack_text(&block["text"], 150)?,
            Some("section") => slack_text(&block["text"], 3000)?,
            Some("context") => {
                let elements = block["elements"].as_array().filter(|all| (1..=10).contains(&all.len()));
                elements.ok_or("elements")?.iter().try_for_each(|element| slack_text(element, 3000))?;
            }
            other => return Err(format!("no block is called {other:?}")),
        }
    }
    Ok(())
}

pub(super) const SLACK_HOOK: Ways = Ways {
    settings: |base| json!({ "slack": { "webhook": ["env K", format!("{base}/services/T00/B00/{CANARY}")] } }),
    check: |heard| {
        if heard.path.ends_with(CANARY) { slack_message(&heard.body, false) } else { Err("no_service".into()) }
    },
    yes: |_, _| Reply(200, None, "ok".into()),
    no: |text| Reply(400, None, format!("invalid_payload {text}")),
    busy: || Reply(429, Some(30), "rate_limited".into()),
};

#[tokio::test]
async fn a_slack_webhook_takes_a_whole_incident() {
    let taken = lives(SLACK_HOOK).await;
    assert!(taken[0].body["text"].as_str().unwrap().starts_with("🔴 Bills and payments is down"));
    assert!(taken[3].body["text"].as_str().unwrap().starts_with("✅ "));
    assert!(is_dead(&after(SLACK_HOOK, Mood::Rude).await));
    assert!(is_put_off(&after(SLACK_HOOK, Mood::Broken).await));
    assert_eq!(tried(SLACK_HOOK).await, [Ok("answered 200 OK: ok".to_owned())]);
}

pub(super) const SLACK_BOT: Ways = Ways {
    settings: |base| json!({ "slack": { "bot": { "token": ["env K", CANARY], "channel": "#ops", "url": base } } }),
    check: |heard| {
        if heard.header("authorization") != format!("Bearer {CANARY}") {
            return Err("invalid_auth".into());
        }
        match heard.path.as_str() {
            "/api/chat.postMessage" => slack_message(&heard.body, true),
            "/api/chat.update" => slack_update(&heard.body),
            _ => Err("unknown_method".into()),
        }
    },
    yes: |heard, number| {
        let ts = heard.body["ts"].as_str().map_or_else(|| format!("1763625600.{number:06}"), str::to_owned);
        let said = json!({ "ok": true, "channel": "C0123456789", "ts": ts, "message": heard.body });
        Reply(200, None, said.to_string())
    },
    no: |text| {
        Reply(200, None, json!({ "ok": false, "error": "invalid_blocks", "response_metadata": text }).to_string())
    },
    busy: || Reply(429, Some(30), json!({ "ok": false, "error": "ratelimited" }).to_string()),
};

#[tokio::test]
async fn a_slack_bot_keeps_an_incident_in_one_thread() {
    let taken = lives(SLACK_BOT).await;
    let threads: Vec<_> = taken.iter().map(|heard| heard.body["thread_ts"].as_str()).collect();
    let first = Some("1763625600.000001");
    let helped = Some("1763625600.000008");
    let wanted = [None, first, first, None, first, None, None, None, helped, None, helped];
    assert_eq!(threads, wanted, "across a restart of ours, too");
    let broadcast: Vec<_> = taken.iter().map(|heard| heard.body["reply_broadcast"].as_bool()).collect();
    assert_eq!(broadcast[1..5], [Some(true), Some(false), None, Some(true)], "a reminder stays in the thread");
    // Before its end is told the first message says so.
    let edited: Vec<_> = taken.iter().filter(|heard| heard.path == "/api/chat.update").collect();
    assert_eq!(edited.iter().map(|heard| heard.body["ts"].as_str()).collect::<Vec<_>>(), [first, helped]);
    assert_eq!(edited[0].body["blocks"], taken[4].body["blocks"]);
    assert!(taken[0].body["text"].as_str().unwrap().starts_with('🔴'));
    assert!(edited[0].body["text"].as_str().unwrap().starts_with('✅'));
    assert_eq!((&taken[0].body["channel"], &taken[4].body["channel"]), (&"#ops".into(), &"C0123456789".into()));
    assert!(is_dead(&after(SLACK_BOT, Mood::Rude).await), "200 is not yes");
    assert!(is_put_off(&after(SLACK_BOT, Mood::Portal).await), "200 of somebody else is not yes either");
    assert_eq!(tried(SLACK_BOT).await.len(), 1);
}

pub(super) const TEAMS: Ways = Ways {
    settings: |base| json!({ "teams": { "webhook": ["env K", format!("{base}/workflows/1/triggers?sig={CANARY}")] } }),
    check: |heard| {
        if !heard.path.ends_with(&format!("sig={CANARY}")) {
            return Err("DirectApiAuthorizationRequired".into());
        }
        let size = heard.body.to_string().len();
        if size > 28 * 1024 {
            return Err(format!("RequestEntityTooLarge: {size}"));
        }
        conforms(&heard.body, &[("type", Must, Kind::One(&["message"])), ("attachments", Must, Kind::List(10))])?;
        for attachment in heard.body["attachments"].as_array().into_iter().flatten() {
            let kind = attachment["contentType"] == "application/vnd.microsoft.card.adaptive";
            if !kind || !attachment["contentUrl"].is_null() {
                return Err("no adaptive card".into());
            }
            adaptive(&attachment["content"])?;
        }
        Ok(())
    },
    yes: |_, _| Reply(202, None, String::new()),
    no: |text| Reply(400, None, json!({ "error": { "code": "InvalidRequestContent", "message": text } }).to_string()),
    busy: || Reply(429, Some(30), json!({ "error": { "code": "WorkflowTriggerRateLimited" } }).to_string()),
};

/// Adaptive Cards 1.4, as far as cards of ours go. A `TextBlock` would read Markdown.
fn adaptive(card: &Value) -> Result<(), String> {
    let fields = [
        ("$schema", May, Kind::Url),
        ("type", Must, Kind::One(&["AdaptiveCard"])),
        ("version", Must, Kind::One(&["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"])),
        ("fallbackText", May, Kind::Text(10_000)),
        ("body", May, Kind::List(100)),
        ("actions", May, Kind::List(6)),
        ("msteams", May, Kind::Object),
    ];
    conforms(card, &fields)?;
    for action in card["actions"].as_array().into_iter().flatten() {
        let fields =
            [("type", Must, Kind::One(&["Action.OpenUrl"])), ("title", May, Kind::Text(100)), ("url", Must, Kind::Url)];
        conforms(action, &fields)?;
    }
    if card["msteams"].get("entities").is_some() {
        return Err("an entity calls somebody".into());
    }
    card["body"].as_array().into_iter().flatten().try_for_each(element)
}

fn element(element: &Value) -> Result<(), String> {
    let all = |key: &str| element[key].as_array().cloned().unwrap_or_default();
    if element["type"] == "Container" {
        let styles = &["default", "emphasis", "good", "attention", "warning", "accent"];
        let fields = [
            ("type", Must, Kind::Text(20)),
            ("style", May, Kind::One(styles)),
            ("bleed", May, Kind::Flag),
            ("items", Must, Kind::List(100)),
        ];
        conforms(element, &fields)?;
        return all("items").iter().try_for_each(self::element);
    }
    conforms(element, &[("type", Must, Kind::One(&["RichTextBlock"])), ("inlines", Must, Kind::List(100))])?;
    all("inlines").iter().try_for_each(|run| {
        let fields = [
            ("type", Must, Kind::One(&["TextRun"])),
            ("text", Must, Kind::Text(10_000)),
            ("weight", May, Kind::One(&["Default", "Lighter", "Bolder"])),
        ];
        conforms(run, &fields)
    })
}

#[tokio::test]
async fn teams_takes_a_whole_incident() {
    let taken = lives(TEAMS).await;
    let card = &taken[0].body["attachments"][0]["content"];
    let headline = card["body"][0]["items"][0]["inlines"][0]["text"].as_str().unwrap();
    assert!(headline.starts_with("🔴 Bills and payments is down"), "{headline}");
    assert_eq!(card["actions"][0]["title"], "Open the incident");
    assert!(is_dead(&after(TEAMS, Mood::Rude).await));
    assert_eq!(tried(TEAMS).await, [Ok("answered 202 Accepted".to_owned())]);
}

pub(super) const DISCORD: Ways = Ways {
    settings: |base| json!({ "discord": { "webhook": ["env K", format!("{base}/api/webhooks/1/{CANARY}")] } }),
    check: |heard| {
        if !heard.path.ends_with(CANARY) {
            return Err("Unknown Webhook".into());
        }
        let fields = [
            ("content", May, Kind::Text(2000)),
            ("username", May, Kind::Text(80)),
            ("embeds", May, Kind::List(10)),
            ("allowed_mentions", Must, Kind::Object),
        ];
        conforms(&heard.body, &fields)?;
        if heard.body["allowed_mentions"] != json!({ "parse": [] }) {
            return Err("it may call somebody".into());
        }
        let content = heard.body["content"].as_str().unwrap_or_default();
        let bare = ["🔴 **", "✅ **", "🧪 **", "🙋 **"].iter().find_map(|sign| content.strip_prefix(sign));
        discord_inert(bare.and_then(|bare| bare.strip_suffix("**")).unwrap_or(content))?;
        let mut total = 0;
        for embed in heard.body["embeds"].as_array().into_iter().flatten() {
            let fields = [
                ("title", May, Kind::Text(256)),
                ("description", May, Kind::Text(4096)),
                ("url", May, Kind::Url),
                ("timestamp", May, Kind::Time),
                ("color", May, Kind::Number(0, 0x00ff_ffff)),
                ("footer", May, Kind::Object),
            ];
            conforms(embed, &fields)?;
            conforms(&embed["footer"], &[("text", Must, Kind::Text(2048))])?;
            discord_inert(embed["description"].as_str().unwrap_or_default())?;
            let texts = [&embed["title"], &embed["description"], &embed["footer"]["text"]];
            total += texts.iter().map(|text| units(text.as_str().unwrap_or_default())).sum::<usize>();
        }
        if total <= 6000 { Ok(()) } else { Err(format!("embeds of {total} characters")) }
    },
    yes: |_, _| Reply(204, None, String::new()),
    no: |text| Reply(400, None, json!({ "code": 50035, "message": "Invalid Form Body", "errors": text }).to_string()),
    busy: || {
        let said = json!({ "message": "You are being rate limited.", "retry_after": 29.5, "global": false });
        Reply(429, None, said.to_string())
    },
};

/// No character that Discord's Markdown reads stands there unescaped.
fn discord_inert(text: &str) -> Result<(), String> {
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c == '\\' {
            characters.next();
        } else if "*_~`|>[]()<@".contains(c) {
            return Err(format!("`{c}` is read in {text}"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn discord_takes_a_whole_incident() {
    let taken = lives(DISCORD).await;
    assert!(taken[0].body["content"].as_str().unwrap().starts_with("🔴 **Bills and payments is down"));
    assert_eq!(taken[0].body["embeds"][0]["title"], "Open the incident");
    assert!(is_dead(&after(DISCORD, Mood::Rude).await));
    assert_eq!(tried(DISCORD).await, [Ok("answered 204 No Content".to_owned())]);
}

pub(super) const TELEGRAM: Ways = Ways {
    settings: |base| json!({ "telegram": { "token": ["env K", format!("123:{CANARY}")], "chat": "-1001", "url": base } }),
    check: |heard| {
        if heard.path != format!("/bot123:{CANARY}/sendMessage") {
            return Err("Not Found".into());
        }
        let fields = [
            ("chat_id", Must, Kind::One(&["-1001"])),
            ("text", Must, Kind::Text(4096)),
            ("parse_mode", May, Kind::One(&["HTML"])),
            ("link_preview_options", May, Kind::Object),
            ("disable_notification", May, Kind::Flag),
            ("message_thread_id", May, Kind::Number(1, i64::MAX)),
        ];
        conforms(&heard.body, &fields)?;
        telegram_html(heard.body["text"].as_str().unwrap_or_default())
    },
    yes: |_, number| Reply(200, None, json!({ "ok": true, "result": { "message_id": number } }).to_string()),
    no: |text| {
        let said = json!({ "ok": false, "error_code": 400, "description": format!("Bad Request: {text}") });
        Reply(400, None, said.to_string())
    },
    busy: || {
        let description = "Too Many Requests: retry after 30";
        let said =
            json!({ "ok": false, "error_code": 429, "description": description, "parameters": { "retry_after": 30 } });
        Reply(429, None, said.to_string())
    },
};

/// Tags are `b` and our own `a`, closed in order; every other `<` and `&` is escaped; nothing is a mention or a tag.
fn telegram_html(text: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    for part in text.split('<').skip(1) {
        let (tag, _) = part.split_once('>').ok_or("can't parse entities: a tag is not closed")?;
        match tag {
            "b" => open.push("b"),
            "/b" | "/a" if open.pop() == Some(&tag[1..]) => {}
            tag if tag.starts_with("a href=\"http://127.0.0.1:8080/") && tag.ends_with('"') => open.push("a"),
            tag => return Err(format!("can't parse entities: unsupported tag <{tag}>")),
        }
    }
    if let Some(tag) = open.pop() {
        return Err(format!("can't parse entities: <{tag}> is not closed"));
    }
    for part in text.split('&').skip(1) {
        if !["amp;", "lt;", "gt;", "quot;"].iter().any(|entity| part.starts_with(entity)) {
            return Err(format!("can't parse entities: &{part}"));
        }
    }
    let called = text.split(['@', '#']).skip(1).any(|rest| rest.starts_with(|c: char| c.is_alphanumeric()));
    if called { Err("a mention or a tag".into()) } else { Ok(()) }
}

#[tokio::test]
async fn telegram_takes_a_whole_incident() {
    let taken = lives(TELEGRAM).await;
    assert!(taken[0].body["text"].as_str().unwrap().starts_with("🔴 <b>Bills and payments is down"));
    let quiet = |heard: &Heard| heard.body["disable_notification"] == true;
    let known_already = taken.iter().map(quiet).enumerate().filter(|(_, quiet)| *quiet).map(|(place, _)| place);
    assert_eq!(known_already.collect::<Vec<_>>(), [2, 7], "the reminder, and that somebody has it");
    assert!(is_put_off(&after(TELEGRAM, Mood::Rude).await), "a bot that is not in the chat yet may come in");
    assert!(is_put_off(&after(TELEGRAM, Mood::Portal).await), "200 of somebody else is not yes");
    assert_eq!(tried(TELEGRAM).await.len(), 1);
}
