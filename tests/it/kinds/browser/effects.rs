//! What comes of what people do, and what does not.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::Uri;
use axum::response::Html;
use futures::StreamExt as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use unbroken::model::FaultCode;
use unbroken::probe::Prober;

use super::{captured, fault, visit, visit_by, well};
use crate::walk::tools;

#[tokio::test]
async fn what_came_about_before_is_not_the_effect_of_what_is_done() {
    let page = "<title>x</title><button onclick=\"confirm('Really?')\">Delete</button><button>Delete all</button>\
                <a href=/bill.csv>Bill</a> <button>All bills</button> <a href=/terms target=_blank>Terms</a> <button>Rules</button>";
    let pages = [("/", page), ("/bill.csv", "a,b"), ("/terms", "All the terms")];
    let prober = Prober::new(tools());
    let cases = [
        ("Delete", "Delete all", json!({ "dialog": "Really?" })),
        ("Bill", "All bills", json!({ "download": "bill.csv" })),
        ("Terms", "Rules", json!({ "new_tab": "/terms" })),
    ];
    for (first, second, then) in cases {
        let back = if first == "Terms" { json!("back") } else { json!({ "scroll": "top" }) };
        let deeds = json!([
            { "click": { "role": if first == "Delete" { "button" } else { "link" }, "name": first }, "then": then },
            back,
            { "click": second, "then": then, "within": "400ms" },
        ]);
        let reading = visit_by(&prober, &pages, deeds, json!({})).await;
        assert_eq!(fault(&reading).code, FaultCode::NoEffect, "{second}: {}", fault(&reading));
        assert!(fault(&reading).text.starts_with(&format!("“{second}” ")), "{}", fault(&reading));
    }
    // Waited for by itself it is of the deed before.
    let deeds = json!([{ "click": "Bill" }, { "wait_for": { "download": "bill.csv" } }]);
    well(&visit_by(&prober, &pages, deeds, json!({})).await);
}

#[tokio::test]
async fn a_file_is_no_page() {
    let reading = visit(&[("/bill.csv", "a,b")], json!([]), json!({})).await;
    let fault = fault(&reading);
    assert_eq!(fault.code, FaultCode::Expectation);
    assert!(fault.text.contains("/bill.csv is a file that is downloaded (`bill.csv`), not a page"), "{}", fault.text);
}

#[tokio::test]
async fn a_page_may_clear_a_field_that_has_done_its_part() {
    let page = "<title>x</title><label>Question <input id=q></label><p id=out></p><button onclick=\"out.textContent = 'Bye'\">End</button>\
                <script>q.oninput = () => { if (q.value == 'When?') setTimeout(() => { out.textContent = 'From nine'; q.value = '' }, 100) }</script>";
    let deeds = json!([
        { "fill": "Question", "with": "When?", "then": { "text": "From nine" } },
        { "click": "End", "then": { "text": "Bye" } },
    ]);
    well(&visit(&[("/", page)], deeds, json!({})).await);
}

#[tokio::test]
async fn the_network_is_quiet_when_it_has_come_to_rest_after_the_click() {
    let page = "<title>x</title><button onclick=\"setTimeout(() => fetch('/more').then(r => r.text()).then(t => more.textContent = 'more'), 200)\">\
                More</button><p id=more>nothing</p><p id=quiet></p><script>setTimeout(() => quiet.textContent = 'quiet', 900);\
                onkeydown = () => document.title = more.textContent</script>";
    let deeds =
        json!([{ "wait_for": { "text": "quiet" } }, { "click": "More", "then": "network_quiet" }, { "press": "x" }]);
    let more = json!({ "expect": { "title": "more" } });
    well(&visit(&[("/", page), ("/more", "x")], deeds, more).await);
}

/// Says that there is a megabyte, and hangs up after some.
async fn breaks_off() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ncontent-disposition: attachment; filename=bill.csv\r\n";
                let part = "a,b,c\n".repeat(20_000);
                let _ = stream.write_all(format!("{head}content-length: 1000000\r\n\r\n{part}").as_bytes()).await;
                // It has begun to come by then.
                tokio::time::sleep(Duration::from_millis(300)).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_file_that_breaks_off_has_not_come_down() {
    let page = format!("<title>x</title><a href='http://{}/'>Bill</a>", breaks_off().await);
    let deeds = json!([{ "click": "Bill", "then": { "download": "bill" }, "within": "20s" }]);
    let reading = visit(&[("/", &page)], deeds, json!({})).await;
    assert_eq!(fault(&reading).code, FaultCode::Truncated, "{}", fault(&reading));
    assert!(fault(&reading).text.starts_with("`bill.csv` breaks off after "), "{}", fault(&reading));
}

#[tokio::test]
async fn typing_is_heard_key_by_key() {
    let boxes = "<label>Code <input class=c></label>".to_owned() + &"<input class=c>".repeat(5);
    let page = format!(
        "<title>x</title>{boxes}<label>Name <input id=name></label><button id=go disabled>Go</button><p id=out></p><script>\
         const all = [...document.querySelectorAll('.c')]; \
         all.forEach((box, i) => box.onkeyup = () => all[i + 1] ? all[i + 1].focus() \
           : out.textContent = 'code ' + all.map(b => b.value).join('-'));\
         const field = document.getElementById('name'); field.value = 'old'; let downs = 0; \
         field.onkeydown = () => {{ downs++; go.disabled = false }}; \
         field.oninput = () => out.textContent = field.value + ' by ' + downs</script>"
    );
    let long = "x".repeat(400);
    let deeds = json!([
        { "fill": "Code", "with": "123456", "then": { "text": "code 1-2-3-4-5-6" } },
        { "fill": "Name", "with": "Zoë O'Hara", "then": { "text": "Zoë O'Hara by 9" } },
        { "click": "Go" },
        { "fill": "Name", "with": long, "then": { "text": format!("{long} by 209") } },
        { "fill": "Name", "with": "", "then": { "text": "by 210" } },
    ]);
    well(&visit(&[("/", &page)], deeds, json!({})).await);
}

/// Two pages that look alike; the second takes its time.
async fn alike() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = async |uri: Uri| {
        let which = if uri.path() == "/next" { "second" } else { "first" };
        if which == "second" {
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        Html(format!(
            "<!doctype html><title>{which}</title><link rel=icon href='data:,'><form action=/next><button>Next</button></form>\
             <label>Name <input oninput=\"out.textContent = this.value + ' on the {which}'\"></label><p id=out></p>"
        ))
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    address
}

#[tokio::test]
async fn nothing_is_done_on_a_page_that_is_being_left() {
    let deeds =
        json!([{ "click": "Next" }, { "fill": "Name", "with": "Ann", "then": { "text": "Ann on the second" } }]);
    well(&visit(&[("/", "x")], deeds, json!({ "open": format!("http://{}/", alike().await) })).await);
}

#[tokio::test]
async fn how_long_a_press_takes_is_told_though_all_is_there_right_after_it() {
    // At once, or when the page is drawn the next time.
    for when in ["work()", "requestAnimationFrame(work)"] {
        let page = format!(
            "<title>x</title><p id=out></p><button onclick='{when}'>Go</button><script>function work() {{ const from = \
             performance.now(); while (performance.now() - from < 150); out.textContent = 'Done' }}</script>"
        );
        let deeds = json!([{ "click": "Go", "then": { "text": "Done" } }]);
        let reading = visit(&[("/", &page)], deeds, json!({ "capture": { "inp": { "field": "inp" } } })).await;
        well(&reading);
        let inp: f64 = captured(&reading, "inp").parse().unwrap();
        assert!(inp >= 0.15, "{when}: {inp}");
    }
}

#[tokio::test]
async fn what_was_asked_by_a_socket_is_not_asked_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
        }
    });
    let page = format!(
        "<title>x</title><button id=b disabled>Ask</button><h1 id=n>0</h1><script>\
         const socket = new WebSocket('ws://{address}/'); socket.onopen = () => b.disabled = false; \
         b.onclick = () => {{ socket.send('Where is my order?'); n.textContent = +n.textContent + 1 }}</script>"
    );
    let deeds = json!([{ "click": "Ask", "then": { "text": "It is on its way" }, "within": "700ms" }]);
    let reading = visit(&[("/", &page)], deeds, json!({})).await;
    assert!(fault(&reading).text.starts_with("“Ask” was pressed, but not within "), "{}", fault(&reading));
    assert!(fault(&reading).text.contains("“1”"), "{}", fault(&reading));
}

#[tokio::test]
async fn a_window_that_a_script_opens_is_used_as_any_other() {
    let page = "<title>x</title><button onclick=\"window.open('/pay')\">Pay</button>";
    let pay = "<title>Pay</title><button onclick=\"out.textContent = 'Paid in ' + navigator.language\">Confirm</button><p id=out></p>";
    let deeds = json!([
        { "click": "Pay", "then": { "new_tab": "/pay" } },
        { "click": "Confirm", "then": { "text": "Paid in" } },
    ]);
    let more = json!({ "locale": "de-DE", "timezone": "Europe/Berlin", "capture": { "said": { "text": "Paid in ([a-zA-Z-]+)" } } });
    let reading = visit(&[("/", page), ("/pay", pay)], deeds, more).await;
    well(&reading);
    assert_eq!(captured(&reading, "said"), "de-DE");
}

#[tokio::test]
async fn smooth_pages_are_scrolled_to_their_end_all_the_same() {
    let page = "<title>x</title><style>:root { scroll-behavior: smooth }</style><p style='height:6000px'>x</p><p id=end>The end</p><p id=out></p>\
                <script>new IntersectionObserver(seen => seen[0].isIntersecting && (document.title = 'end')).observe(end)</script>";
    let deeds = json!([{ "scroll": "bottom" }, { "wait_for": "network_quiet" }]);
    well(&visit(&[("/", page)], deeds, json!({ "expect": { "title": "end" } })).await);
}
