//! Where people go on a site: frames, tabs, dialogs, files, back; and where they must not be led.

use serde_json::json;
use unbroken::model::FaultCode;

use super::{captured, fault, site, visit, well};

#[tokio::test]
async fn frames_and_shadow_trees_are_parts_of_the_page() {
    // Another port is another origin.
    let inner = "<label>Card number <input oninput=\"got.textContent = 'got ' + this.value\"></label><p id=got></p>\
                 <button onclick=\"got.textContent = 'paid'\">Pay</button>";
    let elsewhere = site(&[("/", inner)]).await;
    let page = format!(
        "<title>x</title><p style='height:300px'>Checkout</p><iframe src='http://{elsewhere}/' width=400 height=200></iframe>\
         <div id=host></div><script>host.attachShadow({{mode: 'open'}}).innerHTML = \
         '<button onclick=\"this.textContent = `In the basket`\">Put into the basket</button>'</script>"
    );
    let deeds = json!([
        { "fill": "Card number", "with": "4111", "then": { "text": "got 4111" } },
        { "click": "Pay", "then": { "text": "paid" } },
        { "click": "Put into the basket", "then": { "element": "In the basket" } },
    ]);
    well(&visit(&[("/", &page)], deeds, json!({})).await);
}

#[tokio::test]
async fn new_tabs_dialogs_files_and_the_way_back() {
    let page = "<title>Home</title><h1>Home</h1><a href=/terms target=_blank>Terms</a> <a href=/next>Next</a> \
                <a href=/bill.csv>Bill</a> <button onclick=\"confirm('Really?') && (document.title = 'Yes')\">Delete</button>\
                <p style='height:3000px'></p><p id=end>The end</p>";
    let deeds = json!([
        { "click": "Terms", "then": { "new_tab": "/terms" } },
        { "wait_for": { "text": "All the terms" } },
        "back",
        { "wait_for": { "element": { "role": "heading", "name": "Home" } } },
        { "click": "Next", "then": { "url": "/next" } },
        { "wait_for": { "text": "The next page" } },
        "back",
        { "wait_for": { "text": "Home" } },
        { "click": "Delete", "then": { "dialog": "Really?" } },
        { "click": "Bill", "then": { "download": "bill.csv" } },
        { "scroll": "bottom" },
        { "scroll": { "to": { "text": "The end" } } },
        { "scroll": "top" },
    ]);
    let pages = [("/", page), ("/terms", "All the terms"), ("/next", "The next page"), ("/bill.csv", "a,b")];
    let reading = visit(&pages, deeds, json!({ "expect": { "title": "Yes" } })).await;
    well(&reading);
}

#[tokio::test]
async fn a_tab_that_a_script_opens_is_used_like_the_page_itself() {
    let page = "<title>Home</title><button onclick=\"window.open('/editor')\">New</button>";
    let editor = "<title>Editor</title><p id=zone></p><button onclick=\"zone.textContent = 'it is ' + \
         Intl.DateTimeFormat().resolvedOptions().timeZone + ' ' + (1234.5).toLocaleString()\">Go</button>";
    let deeds = json!([
        { "click": "New", "then": { "new_tab": "/editor" } },
        { "click": "Go", "then": { "text": "it is Europe/Berlin 1.234,5" } },
    ]);
    let more = json!({ "locale": "de-DE", "timezone": "Europe/Berlin" });
    well(&visit(&[("/", page), ("/editor", editor)], deeds, more).await);
}

#[tokio::test]
async fn what_a_page_opens_meets_the_customer_from_its_first_request_on() {
    let third = site(&[("/", "<p>third TRACE AGENT</p>")]).await;
    let third = format!("http://localhost:{}/", third.port());
    // One in a process of its own, one in that of its opener, one by a script, one of somebody else.
    let page = format!(
        "<title>Home</title><a href=/terms target=_blank>Terms</a> <a href=/help target=_blank rel=opener>Help</a> \
         <button onclick=\"window.open('/editor')\">New</button> <a href='{third}' target=_blank>Elsewhere</a>"
    );
    let told = "<title>x</title><p>TRACE</p><p>AGENT</p><p>LANGUAGE</p><p id=own></p><script>own.textContent = \
         `${innerWidth} ${navigator.maxTouchPoints > 0} ${Intl.DateTimeFormat().resolvedOptions().timeZone} \
         ${(1234.5).toLocaleString()} ${matchMedia('(prefers-color-scheme: dark)').matches}`</script>";
    let met = json!([{ "wait_for": { "text": "Android" } }, { "wait_for": { "text": "de-DE" } },
        { "wait_for": { "text": "00-" } }, { "wait_for": { "text": "412 true Europe/Berlin 1.234,5 true" } }]);
    let mut deeds = Vec::new();
    for (name, path) in [("Terms", "/terms"), ("Help", "/help"), ("New", "/editor")] {
        deeds.push(json!({ "click": name, "then": { "new_tab": path } }));
        deeds.extend(met.as_array().unwrap().clone());
        deeds.push(json!("back"));
    }
    deeds.push(json!({ "click": "Elsewhere", "then": { "new_tab": "localhost" } }));
    deeds.push(json!({ "wait_for": { "text": "third none Mozilla/5.0 (Linux; Android" } }));
    let more = json!({ "device": "phone", "locale": "de-DE", "timezone": "Europe/Berlin", "scheme": "dark" });
    let pages = [("/", page.as_str()), ("/terms", told), ("/help", told), ("/editor", told)];
    well(&visit(&pages, deeds.into(), more).await);
}

#[tokio::test]
async fn what_does_not_go_away_is_told() {
    let page =
        "<title>x</title><div class=spinner role=status aria-label=Loading style='width:20px;height:20px'></div>";
    let deeds = json!([{ "wait_for": { "gone": { "css": ".spinner" } }, "within": "400ms" }]);
    let reading = visit(&[("/", page)], deeds, json!({})).await;
    assert_eq!(fault(&reading).code, FaultCode::NoEffect);
    assert!(fault(&reading).text.contains("the element `.spinner` is gone"), "{}", fault(&reading));
}

#[tokio::test]
async fn only_the_first_party_is_told_the_trace_and_blocked_parts_are_not_asked_for() {
    let third = site(&[("/", "<p>third TRACE</p>")]).await;
    let third = format!("http://localhost:{}/", third.port());
    let page = format!(
        "<title>x</title><p>first TRACE</p><iframe src='{third}'></iframe><p id=ads></p>\
         <script>fetch('/ads').then(r => ads.textContent = 'ads ' + r.status, () => ads.textContent = 'no ads')</script>"
    );
    let deeds = json!([
        { "wait_for": { "text": "first 00-" } }, { "wait_for": { "text": "third none" } }, { "wait_for": { "text": "no ads" } },
    ]);
    let more = json!({ "block": ["*://*:*/ads"], "expect": { "requests": { "length": { "below": 2 } } } });
    well(&visit(&[("/", &page)], deeds, more).await);
}

#[tokio::test]
async fn a_page_may_be_used_on_a_slow_line_or_without_any() {
    let page = "<title>x</title><p id=online></p><script>setInterval(() => online.textContent = navigator.onLine ? 'on' : 'no line', 50)</script>";
    let deeds = json!([{ "wait_for": { "text": "no line" } }]);
    well(&visit(&[("/", page)], deeds, json!({ "network": "offline" })).await);
    // What the browser itself says of a document's first byte knows nothing of it.
    let asks = "<title>x</title><p id=took></p><script>const from = performance.now();\
                fetch('/').then(r => r.text()).then(() => took.textContent = 'took ' + Math.round(performance.now() - from))</script>";
    let more = json!({ "network": "slow-4g", "capture": { "took": { "text": "took ([0-9]+)" } } });
    let slow = visit(&[("/", asks)], json!([{ "wait_for": { "text": "took " } }]), more).await;
    let took: u32 = captured(&slow, "took").parse().unwrap();
    assert!(took >= 500, "{took} ms");
}
