//! Tabs that close themselves, and those that scripts write.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{running, tools};
use crate::model::{Fault, FaultCode};
use crate::probe::browser::Settings;
use crate::probe::{Act as _, Stop};

/// What a customer does in a shop of these pages, and what it comes to.
async fn shop(pages: &'static [(&str, &str)], deeds: Value) -> Result<(), Fault> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut asked = [0; 4096];
                let read = stream.read(&mut asked).await.unwrap_or(0);
                let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
                let path = asked.split(' ').nth(1).unwrap_or_default();
                let page = pages.iter().find(|(at, _)| *at == path).map_or("", |(_, page)| page);
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(format!("{head}{page}").as_bytes()).await;
            });
        }
    });
    let settings: Settings = serde_json::from_value(json!({ "open": open, "do": deeds })).unwrap();
    let tools = tools();
    let done = running(&tools, async |run| settings.act(run).await).await;
    tools.browsers.close().await;
    match done {
        Ok(_) => Ok(()),
        Err(Stop::Fault(fault)) => Err(fault),
        Err(Stop::Own(why, text)) => panic!("{why}: {text}"),
    }
}

const HOME: &str = "<title>Home</title><p id=out>Stranger</p><button onclick=\"window.open('/sign-in', '', 'width=400,height=400')\">\
     Sign in</button><button onclick=\"out.textContent += ', goodbye'\">Sign out</button>";
/// Closes in the press itself.
const AT_ONCE: &str = "<title>Sign in</title><label>Name <input id=name></label><button onclick=\"\
     opener.out.textContent = 'Signed in as ' + document.getElementById('name').value; window.close()\">Confirm</button>";
/// Closes when its server has answered.
const LATER: &str = "<title>Sign in</title><label>Name <input id=name></label><button onclick=\"fetch('/').then(() => { \
     opener.out.textContent = 'Signed in as ' + document.getElementById('name').value; window.close() })\">Confirm</button>";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tab_that_closes_itself_promised_is_seen_where_it_was_opened() {
    const PAGES: [&[(&str, &str)]; 2] = [&[("/", HOME), ("/sign-in", AT_ONCE)], &[("/", HOME), ("/sign-in", LATER)]];
    // What is done in the window, and then.
    let then = |deeds: Value| {
        let mut all = vec![
            json!({ "click": "Sign in", "then": { "new_tab": "/sign-in" } }),
            json!({ "fill": "Name", "with": "Anna" }),
        ];
        all.extend(deeds.as_array().unwrap().iter().cloned());
        Value::from(all)
    };
    for pages in PAGES {
        let promised = json!([
            { "click": "Confirm", "then": { "text": "Signed in as Anna" } },
            { "click": "Sign out", "then": { "text": "goodbye" } },
        ]);
        shop(pages, then(promised)).await.unwrap();
        let awaited = json!([
            { "click": "Confirm" },
            { "click": "Sign out", "then": { "text": "Signed in as Anna, goodbye" } },
        ]);
        shop(pages, then(awaited)).await.unwrap();
        shop(pages, then(json!([{ "press": "Tab" }, { "press": "Enter" }]))).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wanted_of_a_tab_that_closed_itself_says_so() {
    let opens = json!({ "click": "Sign in", "then": { "new_tab": "/sign-in" } });
    // Before, in the press, and while it is waited for.
    let tired = "<title>Sign in</title><p>Wait</p><script>setTimeout(close, 300)</script>";
    let tired: &'static [(&str, &str)] = Box::leak(Box::new([("/", HOME), ("/sign-in", tired)]));
    for (pages, deeds, code) in [
        (
            &[("/", HOME), ("/sign-in", AT_ONCE)],
            json!([opens, { "click": "Confirm" }, { "fill": "Name", "with": "Anna", "within": "1s" }]),
            FaultCode::ElementMissing,
        ),
        (
            &[("/", HOME), ("/sign-in", AT_ONCE)],
            json!([opens, { "click": "Confirm", "then": { "text": "Well done" }, "within": "2s" }]),
            FaultCode::NoEffect,
        ),
        (tired, json!([opens, { "wait_for": { "text": "Welcome" }, "within": "2s" }]), FaultCode::NoEffect),
        (tired, json!([opens, { "click": "Confirm", "within": "2s" }]), FaultCode::ElementMissing),
    ] as [(&'static [(&str, &str)], Value, FaultCode); 4]
    {
        let fault = shop(pages, deeds).await.unwrap_err();
        assert_eq!(fault.code, code, "{fault}");
        assert!(fault.text.contains("closed itself"), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_a_tab_opened_leads_back_to_that_one_and_on_where_that_has_gone_too() {
    const ASK: &str = "<title>Ask</title><button onclick=\"window.open('/sure', '', 'width=300,height=300')\">Go on</button>\
         <p id=asked>Not yet</p><button onclick=\"opener.out.textContent = 'Welcome'; window.close()\">Done</button>";
    const SURE: &str = "<title>Sure</title><button onclick=\"opener.asked.textContent = 'You are sure'; window.close()\">Yes</button>\
         <button onclick=\"opener.opener.out.textContent = 'Welcome'; opener.close(); window.close()\">Skip</button>";
    let opens = [
        json!({ "click": "Sign in", "then": { "new_tab": "/sign-in" } }),
        json!({ "click": "Go on", "then": { "new_tab": "/sure" } }),
    ];
    let one_by_one = [
        json!({ "click": "Yes", "then": { "text": "You are sure" } }),
        json!({ "click": "Done", "then": { "text": "Welcome" } }),
    ];
    let both = [json!({ "click": "Skip", "then": { "text": "Welcome" } })];
    for rest in [&one_by_one[..], &both[..]] {
        let deeds: Vec<Value> = opens.iter().chain(rest).cloned().collect();
        shop(&[("/", HOME), ("/sign-in", ASK), ("/sure", SURE)], deeds.into()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_a_script_writes_or_sends_on_is_found() {
    const SHOP: &str = "<title>Home</title><p id=out></p>\
         <button onclick=\"const tab = window.open(''); tab.document.write('<title>Bill</title><h1>Your bill</h1>\
         <button onclick=&quot;opener.out.textContent = 1; document.title = 2&quot;>Pay</button>')\">Bill</button>\
         <button onclick=\"const tab = window.open('about:blank'); setTimeout(() => tab.location = '/help', 300)\">Help</button>";
    let deeds = json!([
        { "click": "Bill", "then": { "new_tab": "about" } },
        { "wait_for": { "text": "Your bill" } },
        { "click": "Pay" },
        "back",
        { "wait_for": { "text": "1" } },
        { "click": "Help", "then": { "new_tab": "/help" } },
        { "wait_for": { "text": "How can we help" } },
    ]);
    shop(&[("/", SHOP), ("/help", "<title>Help</title><h1>How can we help?</h1>")], deeds).await.unwrap();
}
