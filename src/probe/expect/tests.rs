use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::probe::Body;
use crate::probe::capture::Capture;

#[expect(clippy::needless_pass_by_value, reason = "every caller makes one with `json!`")]
fn expect(written: serde_json::Value) -> Expect {
    serde_json::from_value(written.clone()).unwrap_or_else(|error| panic!("{written}: {error}"))
}

fn reply() -> Reply {
    let body = r#"{
        "status": "open", "total": 49.90, "big": 123456789012345678901.5, "count": 3, "paid": false, "note": null,
        "empty": "", "customer": {"name": "李伟", "tags": ["a", "b"]}, "lines": [{"net": 1.10}, {"net": 2}], "code": "007"
    }"#;
    let mut reply = Reply::new().with(Field::Status, 200).with(Field::Records, json!(["192.0.2.7", "192.0.2.70"]));
    reply.body = Some(Body { bytes: body.into(), charset: None });
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", "Text/HTML; charset=utf-8".parse().unwrap());
    headers.append("via", "1.1 a".parse().unwrap());
    headers.append("via", "1.1 b".parse().unwrap());
    reply.headers = Some(headers);
    reply.cookies.push(("lang".to_owned(), "de".to_owned()));
    reply
}

fn scope() -> Scope {
    let mut scope = Scope::default();
    scope.capture(Arc::from("price"), "49.9".to_owned());
    scope.capture(Arc::from("who"), "李伟".to_owned());
    scope
}

fn failure(expect: &Expect, reply: &Reply) -> Option<String> {
    let fault = expect.first_failure(reply, &scope(), Timestamp::UNIX_EPOCH)?;
    let evidence = fault.evidence.expect("failed expectations have evidence");
    Some(format!("{}: expected {}, found {}", evidence.of, evidence.expected, evidence.found))
}

#[test]
fn what_holds_holds() {
    for written in [
        json!({ "status": 200 }),
        json!({ "status": "2xx" }),
        json!({ "status": [204, "2xx"] }),
        json!({ "json": { "$.status": "open", "$.total": 49.9, "$.count": 3, "$.paid": false, "$.note": null } }),
        json!({ "json": { "$.total": { "above": 0, "below": "49.91" }, "$.big": "123456789012345678901.5" } }),
        json!({ "json": { "$.total": "{{price}}", "$.customer.name": "{{who}}" } }),
        json!({ "json": { "$.customer.tags": ["a", "b"], "$.customer": { "contains": "name", "length": 2 } } }),
        json!({ "json": { "$.lines[*].net": { "above": 1, "length": 2 }, "$.lines[*]": { "type": "map" } } }),
        json!({ "json": { "$.missing": { "exists": false }, "$.note": { "exists": true }, "$.empty": "" } }),
        json!({ "json": { "$.status": { "not": "closed", "one_of": ["open", "new"], "type": "string", "length": 4 } } }),
        json!({ "json": { "$.status": { "matches": "^op", "length": { "between": [4, 4] } } } }),
        json!({ "json": { "$.customer": { "equals": { "tags": ["a", "b"], "name": "李伟" } } } }),
        json!({ "headers": { "Via": { "contains": "1.1 b" } }, "headers.content-type": { "matches": "(?i)^text/html" } }),
        json!({ "content_type": "text/html", "cookies": { "lang": "de" } }),
        json!({ "records": { "contains": "192.0.2.7", "matches": "^192" } }),
        json!({ "text": { "contains": ["李伟", "open"], "not": { "contains": "error" } }, "latency": { "below": "1s" } }),
        json!({ "price": 49.90, "who": { "length": 2 } }),
        json!({ "that": "status == 200 && json.count == 3 && json.total > 49.5 && json.lines.all(l, l.net > 1.0)" }),
        json!({ "that": "headers['content-type'].startsWith('Text') && who == '李伟' && has(json.customer)" }),
    ] {
        assert_eq!(failure(&expect(written.clone()), &reply()), None, "{written}");
    }
}

#[test]
fn what_fails_says_so_in_words() {
    for (written, said) in [
        (json!({ "status": 404 }), "status: expected 404, found 200"),
        (json!({ "status": [404, "5xx"] }), "status: expected 404 or 5xx, found 200"),
        (json!({ "json": { "$.status": "closed" } }), "json $.status: expected closed, found open"),
        (json!({ "json": { "$.total": { "above": 50 } } }), "json $.total: expected above 50, found 49.90"),
        (json!({ "json": { "$.count": "three" } }), "json $.count: expected three, found 3"),
        // A quoted text is a text: `007` is not 7.
        (json!({ "json": { "$.code": "7" } }), "json $.code: expected 7, found 007"),
        (json!({ "json": { "$.missing": "x" } }), "json $.missing: expected x, found nothing"),
        // Nothing is not "not x": a wrong path must not pass.
        (json!({ "json": { "$.missing": { "not": "x" } } }), "json $.missing: expected not x, found nothing"),
        (json!({ "json": { "$.paid": { "type": "string" } } }), "json $.paid: expected a string, found false"),
        (json!({ "json": { "$.none[*]": { "above": 0 } } }), "json $.none[*]: expected above 0, found []"),
        (
            json!({ "json": { "$.empty": { "length": { "above": 0 } } } }),
            "json $.empty: expected length above 0, found an empty text",
        ),
        (
            json!({ "records": { "contains": "192.0.2" } }),
            r#"records: expected containing 192.0.2, found ["192.0.2.7","192.0.2.70"]"#,
        ),
        (json!({ "headers.via": "2.0" }), "header via: expected 2.0, found 1.1 a | 1.1 b"),
        (
            json!({ "certificate": { "expires_after": "21d" } }),
            "certificate validity left: expected above 21d, found nothing",
        ),
        (json!({ "price": { "between": [1, 2] } }), "price: expected between 1 and 2, found 49.9"),
        (json!({ "that": "json.count > 3" }), "that: expected json.count > 3, found false"),
        (json!({ "that": "json.nothing == 3" }), "that: expected json.nothing == 3, found No such key: nothing"),
        (json!({ "html": { "h1": { "exists": true } } }), "html h1: expected something, found nothing"),
    ] {
        assert_eq!(failure(&expect(written.clone()), &reply()).as_deref(), Some(said), "{written}");
    }
    let mut page = reply();
    page.body = Some(Body { bytes: "<html>".into(), charset: None });
    let said = failure(&expect(json!({ "json": { "$.a": { "exists": false } } })), &page);
    assert_eq!(said.as_deref(), Some("json $.a: expected nothing, found no JSON: expected value at line 1 column 1"));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (written, said) in [
        (json!({ "json": { "$.a": { "equal": 1 } } }), "no matcher is called `equal`; did you mean `equals`?"),
        (json!({ "json": { "a": 1 } }), "`a` is not a JSONPath such as `$.total`"),
        (json!({ "text": { "matches": "(" } }), "`(` is not a regular expression: unclosed group"),
        (json!({ "text": { "above": "many" } }), "`many` is neither a number nor a duration"),
        (json!({ "text": { "between": [1] } }), "`between` takes a list of two numbers"),
        (json!({ "text": { "type": "text" } }), "no type is called `text`; write one of `string`"),
        (json!({ "text": {} }), "an empty matcher"),
        (json!({ "status": "ok" }), "`ok` is not a status code such as `200`, nor a class such as `2xx`"),
        (json!({ "status": 42 }), "`42` is not a status code"),
        (json!({ "good": "2s", "poor": "1s" }), "`poor` must be longer than `good`"),
        (json!({ "good": "2s" }), "`good` needs `poor` beside it"),
        (json!({ "that": "status ==" }), "`status ==` is not a CEL expression"),
        (json!({ "text": "{{a b}}" }), "`{{a b}}` holds no name"),
        (json!({ "text": { "matches": "(a{1000}){1000}" } }), "is too large"),
        (json!({ "certificate": { "expires": "1d" } }), "unknown field `expires`"),
    ] {
        let error = serde_json::from_value::<Expect>(written.clone()).expect_err(&written.to_string()).to_string();
        assert!(error.contains(said), "{written}: {error}");
    }
}

#[test]
fn the_configuration_can_ask_what_is_needed() {
    let expect = expect(json!({
        "status": 200, "rcode": "NOERROR", "content_type": "text/html", "total": { "above": "{{least}}" },
        "that": "records.exists(r, r == best) && ttl > 1",
    }));
    assert_eq!(expect.unanswerable(&[Field::Status, Field::Headers]), ["rcode", "records", "ttl"]);
    assert_eq!(expect.captured().collect::<Vec<_>>(), ["total"]);
    assert_eq!(expect.template_names(), ["least"]);
    assert_eq!(expect.expression_names().collect::<Vec<_>>(), ["best"]);
    assert_eq!(expect.needs(), Needs::Head);
}

#[test]
fn values_are_captured_as_they_stand() {
    let reply = reply();
    let view = View::new(&reply, Duration::from_millis(1500), Timestamp::UNIX_EPOCH);
    let take = |written: serde_json::Value| {
        let capture: Capture = serde_json::from_value(written).expect("a capture");
        capture.take("it", &view).map_err(|fault| fault.evidence.expect("evidence").found)
    };
    for (written, taken) in [
        (json!({ "json": "$.total" }), Ok("49.90")),
        (json!({ "json": "$.lines[0].net" }), Ok("1.10")),
        (json!({ "json": "$.customer.tags" }), Ok(r#"["a","b"]"#)),
        (json!({ "json": "$.paid" }), Ok("false")),
        (json!({ "json": "$.note" }), Err("null")),
        (json!({ "json": "$.missing" }), Err("nothing")),
        (json!({ "header": "Via" }), Ok("1.1 a")),
        (json!({ "cookie": "lang" }), Ok("de")),
        (json!({ "text": "\"name\": \"([^\"]+)\"" }), Ok("李伟")),
        (json!({ "text": "op." }), Ok("ope")),
        (json!({ "field": "status" }), Ok("200")),
        (json!({ "field": "latency" }), Ok("1.5")),
        (json!({ "pdf": "Total" }), Err("nothing")),
    ] {
        assert_eq!(take(written.clone()), taken.map(str::to_owned).map_err(str::to_owned), "{written}");
    }
}

#[test]
fn pages_are_read_by_selector() {
    let mut page = Reply::new();
    let html =
        "<h1> Pay\n  <b>now</b></h1><input name=csrf value=x1><a href=/pdf>Bill</a><p class=p>1</p><p class=p>2</p>";
    page.body = Some(Body { bytes: html.into(), charset: None });
    let holds = expect(json!({ "html": {
        "h1": "Pay now", "input[name=csrf]@value": "x1", "a@href": { "matches": "^/" }, ".p": { "length": 2, "above": 1 },
    } }));
    assert_eq!(failure(&holds, &page), None);
}

proptest! {
    #[test]
    fn no_reply_makes_an_expectation_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), status: u16) {
        let mut reply = Reply::new().with(Field::Status, status);
        reply.body = Some(Body { bytes: bytes.into(), charset: None });
        let all = expect(json!({
            "status": "2xx", "text": { "contains": "a", "matches": "b+", "length": { "above": 1 }, "not": "x" },
            "json": { "$..a[?@.b > 1]": { "above": 1 }, "$[0]": { "type": "map" }, "$.a": [1, 2] },
            "html": { "p > a@href": { "contains": "x" } }, "content_type": "a/b", "price": 1, "that": "json.a == text",
        }));
        let view = View::new(&reply, Duration::ZERO, Timestamp::UNIX_EPOCH);
        for moment in [Moment::Before, Moment::After] {
            all.failures(moment, &view, &scope());
        }
    }
}
