//! `imap`, one case per fault.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use unbroken::model::{FaultCode, Phase, SelfFault, Verdict};
use unbroken::probe::Kind;

use super::{Fake, Rules, Tags, captured, failed, good, run, shows_no};
use crate::walk::serve;

const SECRET: &str = "hunter2-of-anna";
const MAIL: &str = "Authentication-Results: mx.test; spf=pass; dkim=fail header.d=halcyon.test; dmarc=none\r\n\
    From: Halcyon <orders@halcyon.test>\r\nTo: anna@probe.test\r\nSubject: Your order H-1\r\n\
    Content-Type: text/html; charset=utf-8\r\n\r\n<p>Dear Anna Schmidt, Flat M costs <b id=total>29.99</b>. \
    <a href=\"https://shop.test/o?a=1&amp;b=2\">See it</a></p>\r\n";

fn date(age: SignedDuration) -> String {
    (jiff::Zoned::now() - age).strftime("%d-%b-%Y %H:%M:%S %z").to_string()
}

/// A mailbox with these mails, their uids counted from 1, which have just come.
fn mailbox(mails: &[&str], other: &[(&'static str, &str)]) -> Rules {
    aged(mails, other, SignedDuration::ZERO)
}

fn aged(mails: &[&str], other: &[(&'static str, &str)], age: SignedDuration) -> Rules {
    let mut rules: Rules = other.iter().map(|(start, answer)| (*start, (*answer).to_owned())).collect();
    let uids: Vec<String> = (1..=mails.len()).map(|uid| uid.to_string()).collect();
    rules.push(("UID SEARCH", format!("* SEARCH {}\r\n{{tag}} OK\r\n", uids.join(" "))));
    let whole = |uid: usize, mail: &str, part: &str| {
        let date = date(age);
        format!("* {uid} FETCH (UID {uid} INTERNALDATE \"{date}\" BODY[{part}]<0> {{{}}}\r\n{mail})\r\n", mail.len())
    };
    let mut heads = String::new();
    for (uid, mail) in (1..).zip(mails) {
        let end = mail.find("\r\n\r\n").map_or(mail.len(), |end| end + 4);
        heads += &whole(uid, &mail[..end], "HEADER");
        let start = format!("UID FETCH {uid} (UID INTERNALDATE BODY.PEEK[]").leak();
        rules.push((start, format!("{}{{tag}} OK\r\n", whole(uid, mail, ""))));
    }
    rules.push(("UID FETCH", format!("{heads}{{tag}} OK\r\n")));
    rules.push(("CAPABILITY", "* CAPABILITY IMAP4rev1 UIDPLUS AUTH=PLAIN\r\n{tag} OK\r\n".to_owned()));
    rules.push(("AUTHENTICATE PLAIN", "+ \r\n".to_owned()));
    // The answer to what follows `+`, which has no tag.
    rules.push(("", "u2 OK in\r\n{tag} OK\r\n".to_owned()));
    rules
}

async fn fake(rules: Rules) -> Fake {
    Fake::start(Tags::First, "* OK ready\r\n", rules).await
}

fn look(at: std::net::SocketAddr, more: Value) -> Value {
    let mut settings =
        json!({ "connect": at.to_string(), "security": "none", "login": { "user": "anna", "password": SECRET } });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "imap": settings })
}

#[tokio::test]
async fn a_mail_is_found_read_and_deleted() {
    let server = fake(mailbox(&["Subject: other\r\n\r\nx", MAIL], &[])).await;
    let wanted = json!({ "match": { "from": "orders@halcyon.test", "subject": { "contains": "H-1" }, "text": { "contains": "29.99" } } });
    let mut step = look(server.address, wanted);
    step["expect"] = json!({
        "headers": { "spf": "pass", "dkim": "fail", "subject": { "contains": "order" } },
        "text": { "contains": "Dear Anna Schmidt" },
        "html": { "#total": "29.99" },
        "links": { "contains": "https://shop.test/o?a=1&b=2" },
        "to": "anna@probe.test",
        "arrival": { "exists": true },
    });
    step["capture"] =
        json!({ "link": { "field": "links" }, "total": { "html": "#total" }, "name": { "text": "Dear (.+?)," } });
    let reading = run(&step, 5000).await;
    good(&reading);
    assert_eq!(captured(&reading, "link"), "https://shop.test/o?a=1&b=2");
    assert_eq!(captured(&reading, "name"), "Anna Schmidt");
    let phases: Vec<_> = reading.outcome.steps[0].phases.iter().map(|time| time.phase.code()).collect();
    assert_eq!(phases, ["connect", "greeting", "auth", "select", "arrival", "delete", "assert"]);
    let heard = server.heard();
    assert!(heard.contains("UID STORE 2 +FLAGS.SILENT (\\Deleted)") && heard.contains("UID EXPUNGE 2"), "{heard}");
    assert!(!heard.contains("STORE 1") && heard.contains("SELECT \"INBOX\""), "{heard}");
    shows_no(SECRET, &reading);

    step["imap"]["delete"] = json!(false);
    let server = fake(mailbox(&["Subject: other\r\n\r\nx", MAIL], &[])).await;
    step["imap"]["connect"] = json!(server.address.to_string());
    good(&run(&step, 5000).await);
    assert!(server.heard().contains("EXAMINE") && !server.heard().contains("STORE"), "{}", server.heard());
}

#[tokio::test]
async fn a_mail_that_does_not_come_is_missing_and_the_nearest_is_told() {
    let server = fake(mailbox(&[MAIL], &[])).await;
    let wanted = json!({ "match": { "subject": { "contains": "H-2" } }, "within": "300ms" });
    let text = failed(&run(&look(server.address, wanted), 5000).await, FaultCode::MailMissing, Phase::Arrival);
    assert!(text.contains("Your order H-1") && text.contains("spam"), "{text}");
    let empty = fake(mailbox(&[], &[])).await;
    let text = failed(&run(&look(empty.address, json!({})), 800).await, FaultCode::MailMissing, Phase::Arrival);
    assert!(text.contains("nothing came"), "{text}");
}

#[tokio::test]
async fn the_mail_of_an_earlier_run_is_not_this_ones() {
    // Servers find mails by the day.
    let server = fake(aged(&[MAIL], &[], SignedDuration::from_hours(2))).await;
    let mut step = look(server.address, json!({ "match": { "subject": { "contains": "H-1" } }, "within": "300ms" }));
    let text = failed(&run(&step, 5000).await, FaultCode::MailMissing, Phase::Arrival);
    assert!(text.contains("nothing came"), "{text}");
    step["imap"]["newer_than"] = json!("3h");
    good(&run(&step, 5000).await);
}

/// Eight heads that fit, and only the oldest mail is it.
#[tokio::test]
async fn every_mail_whose_head_fits_is_looked_into() {
    let other = "From: orders@halcyon.test\r\nSubject: Your order\r\n\r\nSomebody else's.\r\n";
    let mails = [&[MAIL][..], &[other; 7]].concat();
    let wanted = json!({ "match": { "subject": { "contains": "Your order" }, "text": { "contains": "29.99" } },
        "within": "300ms" });
    let server = fake(mailbox(&mails, &[])).await;
    good(&run(&look(server.address, wanted.clone()), 5000).await);
    assert!(server.heard().contains("UID EXPUNGE 1"), "{}", server.heard());
    // What we may not read is not the server's fault.
    let long = format!("Subject: Your order\r\n\r\n{}", "It is long. ".repeat(42_000));
    let server = fake(mailbox(&[long.as_str(); 9], &[])).await;
    let reading = run(&look(server.address, wanted), 20_000).await;
    let Verdict::Inconclusive { why, text } = &reading.outcome.verdict else { panic!("{:#?}", reading.outcome) };
    assert!(*why == SelfFault::Unsupported && text.contains("narrow `match`"), "{text}");
}

/// More mails than heads are read in one go, and the oldest of them is it.
#[tokio::test]
async fn a_full_mailbox_is_looked_through_to_its_end() {
    let mails = [&[MAIL][..], &["Subject: other\r\n\r\nx\r\n"; 150]].concat();
    let server = fake(mailbox(&mails, &[])).await;
    let wanted = json!({ "match": { "subject": { "contains": "H-1" } }, "within": "1ms" });
    good(&run(&look(server.address, wanted), 10_000).await);
}

#[tokio::test]
async fn too_many_mails_and_careless_ones_cost() {
    let offers =
        "From: offers@halcyon.test\r\nSubject: =?utf-8?q?Have_you_thought_of_FLAT_M=3F?=\r\n\r\nGet it now.\r\n";
    let server = fake(mailbox(&[offers, offers], &[])).await;
    let pressure = |at_most: &str, bought: &str| {
        look(
            server.address,
            json!({ "match": { "from": "offers@halcyon.test" }, "at_most": at_most, "bought": bought }),
        )
    };
    good(&run(&pressure("2 in 7d", "Flat L"), 5000).await);
    let text = failed(&run(&pressure("1 in 7d", "Flat L"), 5000).await, FaultCode::MailTooMany, Phase::Assert);
    assert!(text.contains("2 mails in 7d, at most 1") && text.contains("FLAT M"), "{text}");
    let text = failed(&run(&pressure("2 in 7d", "Flat M"), 5000).await, FaultCode::MailCareless, Phase::Assert);
    assert!(text.contains("`Flat M`, which the customer has just bought"), "{text}");
    // As severe as the step says.
    let mut step = pressure("1 in 7d", "Flat L");
    step["severity"] = json!("major");
    let reading = run(&step, 5000).await;
    assert_eq!(reading.outcome.steps[0].findings[0].fault.code, FaultCode::MailTooMany);
    assert_eq!(reading.outcome.samples[0].quality.get(), 0.5);
    assert!(!server.heard().contains("STORE"), "counting deletes nothing");
    // Others' mails do not count.
    let mut step = pressure("0 in 7d", "Flat L");
    step["imap"]["match"] = json!({ "from": "friend@example.test" });
    good(&run(&step, 5000).await);
}

#[tokio::test]
async fn m03_hostile_servers_end_at_the_caps() {
    let parens = format!("* 1 FETCH {}\r\n", "(".repeat(100_000));
    let flood = "* OK still here\r\n".repeat(400_000);
    let line = "x".repeat(10 << 20);
    for (rule, answer, code) in [
        ("SELECT", "* 1 FETCH (BODY[] {4294967295}\r\n", FaultCode::MailProtocol),
        ("SELECT", "* 1 FETCH (BODY[] {99999999999999999999999}\r\n", FaultCode::MailProtocol),
        ("SELECT", flood.as_str(), FaultCode::MailProtocol),
        ("SELECT", line.as_str(), FaultCode::MailProtocol),
        ("SELECT", "* BYE too many connections\r\n\0", FaultCode::MailDeferred),
        ("SELECT", "{tag} NO no such mailbox\r\n", FaultCode::MailRefused),
        ("SELECT", "\0", FaultCode::Truncated),
        ("SELECT", "* 1 FETCH (BODY[] {10}\r\nabc\0", FaultCode::Truncated),
    ] {
        let server = fake(mailbox(&[], &[(rule, answer)])).await;
        let reading = run(&look(server.address, json!({})), 5000).await;
        failed(&reading, code, Phase::Open);
    }
    // Nested as deep as it likes: no stack, no fault.
    let server = fake(mailbox(&[MAIL], &[("SELECT", &format!("{parens}{{tag}} OK\r\n"))])).await;
    good(&run(&look(server.address, json!({})), 5000).await);
}

#[tokio::test]
async fn a_server_that_is_silent_runs_out_of_time_where_it_was() {
    let silent = serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    failed(&run(&look(silent, json!({})), 300).await, FaultCode::Timeout, Phase::Greeting);
    let server = fake(mailbox(&[], &[("SELECT", "")])).await;
    failed(&run(&look(server.address, json!({})), 300).await, FaultCode::Timeout, Phase::Open);
    let drips = serve(|mut stream| async move {
        while stream.write_all(b"* OK").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    failed(&run(&look(drips, json!({})), 300).await, FaultCode::Timeout, Phase::Greeting);
}

#[tokio::test]
async fn t12_no_encryption_and_a_forged_one() {
    let starttls = |address| {
        let mut step = look(address, json!({}));
        step["imap"]["security"] = json!("starttls");
        step
    };
    let plain = fake(mailbox(&[], &[])).await;
    failed(&run(&starttls(plain.address), 5000).await, FaultCode::StarttlsMissing, Phase::Starttls);
    let offers = ("CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK\r\n");
    let injected = fake(mailbox(&[], &[offers, ("STARTTLS", "{tag} OK go\r\n* CAPABILITY AUTH=PLAIN\r\n")])).await;
    failed(&run(&starttls(injected.address), 5000).await, FaultCode::StarttlsInjection, Phase::Starttls);
    assert!(!plain.heard().contains("AUTHENTICATE") && !injected.heard().contains("AUTHENTICATE"));
}

#[tokio::test]
async fn m04_a_refused_sign_in_shows_no_password() {
    let echo = format!("{{tag}} NO [AUTHENTICATIONFAILED] LOGIN anna {SECRET}\r\n");
    let capability = ("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n");
    let server = fake(mailbox(&[], &[capability, ("LOGIN", &echo)])).await;
    let reading = run(&look(server.address, json!({})), 5000).await;
    failed(&reading, FaultCode::MailLogin, Phase::Login);
    assert!(server.heard().contains(SECRET), "it was sent");
    shows_no(SECRET, &reading);
    let forbidden = ("CAPABILITY", "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n{tag} OK\r\n");
    let server = fake(mailbox(&[], &[forbidden])).await;
    failed(&run(&look(server.address, json!({})), 5000).await, FaultCode::MailLogin, Phase::Login);
    assert!(!server.heard().contains(SECRET));
}

/// The order was made, the mail server is gone: what follows is skipped, not failed, and the order is still cancelled.
#[tokio::test]
async fn an_unreachable_mail_server_skips_the_rest_and_tidies_up() {
    let shop = Fake::start(Tags::None, "220 shop\r\n", vec![("CANCEL", "250 cancelled\r\n".to_owned())]).await;
    let turns = |turns: Value| json!({ "tcp": { "connect": shop.address.to_string(), "dialogue": turns } });
    let mut order = turns(json!([{ "expect": "220" }]));
    order["capture"] = json!({ "order": { "field": "banner" } });
    let mut cancel = turns(json!([{ "expect": "220" }, { "send": "CANCEL {{order}}\r\n" }, { "expect": "250" }]));
    cancel["always"] = json!(true);
    cancel["name"] = json!("cancel");
    let nobody = crate::parts::free_address();
    let reading = crate::walk::run(json!([order, look(nobody, json!({})), order, cancel])).await;
    let text = failed(&reading, FaultCode::ConnectRefused, Phase::Connect);
    assert!(text.contains("refuses connections"), "{text}");
    let steps = &reading.outcome.steps;
    assert_eq!(steps.iter().map(|step| step.reached).collect::<Vec<_>>(), [true, true, false, true]);
    assert!(steps[2].fault.is_none() && steps[3].fault.is_none(), "{steps:#?}");
    assert!(shop.heard().contains("CANCEL 220 shop"), "{}", shop.heard());
}

#[test]
fn settings_that_cannot_be_right_are_refused() {
    let with = |key: &str, value: Value| {
        let mut settings = look("127.0.0.1:993".parse().unwrap(), json!({}))["imap"].clone();
        settings[key] = value;
        settings
    };
    assert!(Kind::decode("imap", with("at_most", json!("3 in 7d"))).unwrap().is_ok());
    let mut both = with("at_most", json!("3 in 7d"));
    both["within"] = json!("5s");
    for (wrong, told) in [
        (with("match", json!({ "order": "x" })), "not found by `order`"),
        (with("match", json!({ "status": 200 })), "not found by `status`"),
        (with("match", json!({ "that": "count == 1" })), "belong under the step's `expect`"),
        (with("at_most", json!("many")), "`3 in 7d`"),
        (with("at_most", json!("200 in 7d")), "could never be exceeded"),
        (both, "counts and does not wait"),
        (json!({ "connect": "mail.test:993" }), "login"),
    ] {
        let refused = Kind::decode("imap", wrong).unwrap().unwrap_err().to_string();
        assert!(refused.contains(told), "{told}: {refused}");
    }
}
