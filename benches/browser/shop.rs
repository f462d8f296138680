//! A shop's page of ordinary weight: 20 KB of style, 50 KB of script that builds a list, a picture of 100 KB that comes
//! late and is its largest paint, and an order form whose button works once a script is there that is asked for when all
//! else is. Every answer takes as long as one from a server that has something to do.

use std::fmt::Write as _;
use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use image::{ImageFormat, Rgb, RgbImage};

/// What an answer waits for, in milliseconds.
const PAGE: u64 = 60;
const STYLE: u64 = 10;
const SCRIPT: u64 = 10;
const PICTURE: u64 = 120;
const LATE_SCRIPT: u64 = 20;
const ORDER: u64 = 20;

const HTML: &str = r#"<!doctype html><html lang=en><head><meta charset=utf-8><title>Flat M</title>
<meta name=viewport content="width=device-width, initial-scale=1"><link rel=icon href="data:,">
<link rel=stylesheet href=/shop.css><script defer src=/shop.js></script></head><body>
<header class=c1><a href=/>Shop</a> <a href=/plans>Plans</a> <a href=/help>Help</a></header>
<main><h1>Flat M</h1><p class=c2>Everything included, cancel when you like.</p>
<img class=hero src=/hero.jpg width=800 height=500 alt="A phone on a table">
<form id=order><label>Your e-mail address <input type=email name=email required></label>
<button disabled>Order with obligation to pay</button></form><p id=done role=status></p>
<ul id=offers></ul></main></body></html>"#;

const LATE: &str = r"export const hydrate = () => {
  const form = document.getElementById('order'), done = document.getElementById('done');
  form.addEventListener('submit', async event => {
    event.preventDefault();
    const body = JSON.stringify(Object.fromEntries(new FormData(form)));
    const { email } = await (await fetch('/api/order', { method: 'POST', body })).json();
    form.hidden = true;
    done.textContent = `Thank you, ${email}: your order is on its way.`;
  });
  form.querySelector('button').disabled = false;
};";

struct Goods {
    style: String,
    script: String,
    picture: Vec<u8>,
}

pub(crate) fn serve(address: SocketAddr) {
    let goods = Arc::new(Goods { style: style(), script: script(), picture: picture() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.expect("the port is free");
        let shop = Router::new().fallback(move |uri: Uri, body: String| answer(Arc::clone(&goods), uri, body));
        axum::serve(listener, shop).await.expect("serves");
    });
}

async fn answer(goods: Arc<Goods>, uri: Uri, body: String) -> Response {
    let (wait, kind, content) = match uri.path() {
        "/plans/flat-m" => (PAGE, "text/html", HTML.as_bytes().to_vec()),
        "/shop.css" => (STYLE, "text/css", goods.style.clone().into_bytes()),
        "/shop.js" => (SCRIPT, "text/javascript", goods.script.clone().into_bytes()),
        "/order.js" => (LATE_SCRIPT, "text/javascript", LATE.as_bytes().to_vec()),
        "/hero.jpg" => (PICTURE, "image/jpeg", goods.picture.clone()),
        "/api/order" => (ORDER, "application/json", body.into_bytes()),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    tokio::time::sleep(Duration::from_millis(wait)).await;
    ([(header::CONTENT_TYPE, kind)], content).into_response()
}

fn style() -> String {
    let mut css = "body{margin:0;font:16px sans-serif}.hero{display:block}#offers{columns:3}".to_owned();
    for n in 0..250 {
        let _ = writeln!(css, ".c{n}{{padding:{}px;color:#{n:03x};border-radius:{}px;margin:0 auto}}", n % 7, n % 5);
    }
    css
}

/// Functions of which each is called once, as bundles have them.
fn script() -> String {
    let mut js = String::from("const offers = [], list = document.getElementById('offers');\n");
    for n in 0..300 {
        let _ = writeln!(
            js,
            "function offer{n}(price) {{\n  const name = 'Plan number {n}', taxed = Math.round(price * 1.19) / 100;\n  \
             offers.push({{ name, taxed, id: {n} }});\n}}\noffer{n}({});",
            n * 37 % 5000
        );
    }
    js.push_str(
        "for (const { name, taxed, id } of offers.slice(0, 150)) {\n  const item = document.createElement('li');\n  \
         item.className = 'c' + id;\n  item.innerHTML = `<b>${name}</b> <span>${taxed.toFixed(2)} EUR</span>`;\n  \
         list.append(item);\n}\naddEventListener('load', () => import('/order.js').then(late => late.hydrate()));\n",
    );
    js
}

/// Colours that run into each other, with the noise of a photograph: it weighs what one does.
fn picture() -> Vec<u8> {
    let mut state = 1_u32;
    let picture = RgbImage::from_fn(800, 500, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = state >> 28;
        Rgb([x / 4 + grain, y / 3 + grain, (x + y) / 8 + grain].map(|colour| colour as u8))
    });
    let mut jpeg = Cursor::new(Vec::new());
    picture.write_to(&mut jpeg, ImageFormat::Jpeg).expect("a picture");
    jpeg.into_inner()
}
