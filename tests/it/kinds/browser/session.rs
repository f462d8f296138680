//! Who signs in with one step is known in the next.

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, Html};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;
use unbroken::probe::Prober;

use super::{TIMEOUT, well};
use crate::walk::{errand, order, step, tools};

async fn shown(headers: HeaderMap) -> Html<String> {
    let sent = headers.get(header::COOKIE).map_or("none", |value| value.to_str().unwrap());
    let script = "document.cookie = 'basket=3; path=/'; document.cookie = 'offer=; path=/; max-age=0'";
    Html(format!("<title>Basket</title><link rel=icon href='data:,'><p>sent {sent}</p><script>{script}</script>"))
}

#[tokio::test]
async fn cookies_go_with_the_customer_from_step_to_step() {
    let cookies = [
        (header::SET_COOKIE, "sid=s3cret-47; Path=/; HttpOnly; SameSite=Lax"),
        (header::SET_COOKIE, "offer=today; Path=/; Max-Age=3600"),
        (header::SET_COOKIE, "far=away; Path=/elsewhere"),
    ];
    let sign_in = move || async move { (AppendHeaders(cookies), "welcome") };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let site = Router::new().route("/sign-in", get(sign_in)).fallback(shown);
    tokio::spawn(async move { axum::serve(listener, site).await });
    let sent = |cookies: &str| json!({ "text": { "matches": format!("sent {cookies}$") } });
    let steps = [
        json!({ "http": { "get": format!("{base}/sign-in") }, "expect": { "status": 200 } }),
        json!({ "browser": { "open": format!("{base}/basket") }, "expect": sent("(sid=s3cret-47; offer=today|offer=today; sid=s3cret-47)") }),
        json!({ "http": { "get": format!("{base}/check") }, "expect": { "body": { "matches": "sent (sid=s3cret-47; basket=3|basket=3; sid=s3cret-47)<" } } }),
        json!({ "browser": { "open": format!("{base}/again") }, "expect": sent("(sid=s3cret-47; basket=3|basket=3; sid=s3cret-47)") }),
    ];
    let steps = steps.iter().map(step).collect();
    let reading = Prober::new(tools()).run(&errand(TIMEOUT, steps), order()).await;
    well(&reading);
}
