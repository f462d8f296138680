//! The chat: a WebSocket behind which a bot answers, and the queue for those who want a person.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::books::{OrderStatus, article};
use super::business::{Business, PHONE};
use super::fault::Fault;
use super::front::{self, Front};
use super::stand::SLOW;
use super::touchpoint::Touchpoint::{App, Billing, Chat};

const MESSAGE_BYTES_MAX: usize = 4096;
const CHATS_OPEN_MAX: usize = 256;
/// Who can chat with a customer when the bot cannot help.
const PEOPLE: usize = 10;

pub(super) fn router(business: Arc<Business>) -> Router {
    Router::new()
        .merge(front::assets())
        .route("/assets/own.js", get(async || front::script(include_str!("assets/front/chat.js"))))
        .route("/", get(open))
        .route("/window", get(window))
        .route("/queue", get(queue))
        .with_state(business)
}

/// How long one waits for a person.
async fn queue(State(business): State<Arc<Business>>) -> Json<Value> {
    let long = business.switches.is(Chat, Fault::LongQueue);
    let waiting = if long { 40 } else { business.chats.len().saturating_sub(PEOPLE) };
    Json(json!({ "waiting": waiting, "minutes": waiting * 3 }))
}

/// A page for people, a conversation (RFC 6455) for those who ask to upgrade.
async fn open(State(business): State<Arc<Business>>, mut request: Request) -> Response {
    let Some(accept) = accept_key(request.headers()) else {
        return room(&Front { business: &business, headers: request.headers(), at: Chat }).into_response();
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return StatusCode::UPGRADE_REQUIRED.into_response();
    };
    if business.chats.len() >= CHATS_OPEN_MAX {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let conversation = Arc::clone(&business);
    business.chats.spawn(async move {
        let Ok(stream) = upgrade.await else { return };
        let closing = conversation.closing.clone();
        // Whether the customer said goodbye or just left is all the same to the bot.
        let _over = closing.run_until_cancelled(converse(&conversation, TokioIo::new(stream))).await;
    });
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

fn accept_key(headers: &HeaderMap) -> Option<HeaderValue> {
    let upgrade = headers.get(header::UPGRADE)?.to_str().ok()?;
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    if !upgrade.eq_ignore_ascii_case("websocket") {
        return None;
    }
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()
}

async fn converse(business: &Business, stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), Error> {
    let limits =
        WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES_MAX)).max_frame_size(Some(MESSAGE_BYTES_MAX));
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(limits)).await;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        match business.switches.now(Chat) {
            Some(Fault::Silent | Fault::Hangs) => continue,
            Some(Fault::Drops) => return Ok(()),
            Some(Fault::Slow) => tokio::time::sleep(SLOW).await,
            _ => {}
        }
        let answer = match serde_json::from_str::<Utterance>(&text) {
            Ok(Utterance { say, order: Some(order) }) if say.to_lowercase().contains("order") => {
                whereabouts(business, &order)
            }
            Ok(utterance) => speech(&reply(business, &utterance.say)),
            Err(_) => speech("I did not get that. Please say it again."),
        };
        socket.send(Message::text(answer.to_string())).await?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Utterance {
    say: String,
    /// The order that it is about.
    order: Option<String>,
}

fn speech(words: &str) -> Value {
    json!({ "from": "bot", "say": words })
}

/// What the books say of an order. Whoever knows its number is told what and how it stands, and never whose it is.
fn whereabouts(business: &Business, number: &str) -> Value {
    let Some(order) = business.books.find_order(number) else {
        return speech("I find no order of that number. Please look at your confirmation.");
    };
    let name = article(order.article).map_or(order.article, |article| article.name);
    let words = match order.status {
        OrderStatus::Confirmed => format!("Your order {} is confirmed: {name} for {} €.", order.id, order.total),
        OrderStatus::Cancelled => format!("Your order {} is cancelled. There is nothing to pay.", order.id),
    };
    json!({ "from": "bot", "say": words, "order": order.id, "status": order.status })
}

fn reply(business: &Business, said: &str) -> String {
    let said = said.to_lowercase();
    if said.contains("bill") {
        format!("Your bills are at {}/.", business.url(Billing))
    } else if said.contains("open") || said.contains("hours") {
        format!("You reach us {}, on {PHONE}.", business.hours(Chat))
    } else if said.contains("order") {
        "Which one? Please send me the number of your order.".to_owned()
    } else if said.contains("app") {
        format!("The app is at {}/.", business.url(App))
    } else {
        "Hello! I am Hal, the bot of Halcyon Mobile. Ask me about your order, your bill, the app or our hours."
            .to_owned()
    }
}

/// The chat alone, for a frame on another page.
async fn window(State(business): State<Arc<Business>>, headers: HeaderMap) -> Html<String> {
    let front = Front { business: &business, headers: &headers, at: Chat };
    front.framed("Chat", &format!("<h1 class=\"unseen\">Ask Hal</h1>{}", conversation(&front)))
}

fn room(front: &Front<'_>) -> Html<String> {
    let body = format!(
        "<div class=\"narrow\"><div class=\"row\"><h1>Ask Hal</h1><button type=\"button\" class=\"button quiet small\" \
         id=\"end\">End the chat</button></div>{conversation}<p><button type=\"button\" class=\"button quiet wide\" \
         id=\"want-person\">Talk to a person</button></p><dialog id=\"person\" aria-labelledby=\"line\"><h2 id=\"line\">The \
         line</h2><p></p><form method=\"dialog\"><button class=\"button wide\" value=\"wait\">Wait in the line</button>\
         <button class=\"button quiet wide\" value=\"leave\">Rather not</button></form></dialog></div>",
        conversation = conversation(front),
    );
    front.page("Chat", &body)
}

fn conversation(front: &Front<'_>) -> String {
    format!(
        "<ul class=\"talk\" id=\"talk\" aria-live=\"polite\" aria-label=\"Conversation\" tabindex=\"0\"></ul>\
         <noscript><p class=\"note\">The chat needs scripts. Without them, call us: {PHONE}.</p></noscript>\
         <div class=\"chips\"><button type=\"button\" class=\"button quiet small\">When do you open?</button>\
         <button type=\"button\" class=\"button quiet small\">Where is my bill?</button></div>\
         <form id=\"ask\" class=\"ask\">{visit}<label>Your question <input id=\"say\" autocomplete=\"off\" required></label>\
         <button class=\"button\">Ask</button></form>",
        visit = front.visit(),
    )
}
