//! What the company writes to its customers.

use std::sync::Arc;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MultiPart};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::super::books::{Article, CUSTOMERS, Cents, Order, article};
use super::super::business::{Business, LATE, OVERCHARGE};
use super::super::fault::Fault;
use super::super::page::text;
use super::super::touchpoint::Touchpoint;

/// What too many offers are.
const OFFERS: usize = 5;
const ORDERS: &str = "Halcyon Mobile <orders@halcyon.example>";
const MARKETING: &str = "Halcyon Mobile <offers@halcyon.example>";

/// Writes to the customer that the order is confirmed, and what the marketing department adds.
pub(in crate::demo) fn confirm(business: &Arc<Business>, order: &Order) {
    let (business_too, order) = (Arc::clone(business), order.clone());
    let closing = business.closing.clone();
    business.chats.spawn(async move {
        // A mail that does not go out is the customer's to miss.
        let _missed = closing.run_until_cancelled(write(&business_too, &order)).await;
    });
}

async fn write(business: &Business, order: &Order) -> Option<()> {
    let fault = business.switches.now(Touchpoint::Email);
    let article = article(order.article)?;
    match fault {
        Some(Fault::Missing) => return None,
        Some(Fault::Late) => tokio::time::sleep(LATE).await,
        Some(Fault::TooMany) => {
            for number in 1..=OFFERS {
                let subject = format!("Offer {number} of {OFFERS}: data for your holidays");
                send(business, offer(order, subject, "A week abroad, from 4.99 €.")?).await?;
            }
        }
        Some(Fault::Careless) => {
            let subject = format!("Have you thought of {}?", article.name);
            send(business, offer(order, subject, &format!("{} is our most popular one.", article.name))?).await?;
        }
        _ => {}
    }
    send(business, confirmation(business, order, &article, fault)?).await
}

fn confirmation(business: &Business, order: &Order, article: &Article, fault: Option<Fault>) -> Option<Message> {
    let customer = CUSTOMERS.iter().find(|customer| customer.email == order.email)?;
    let name = business.name(Touchpoint::Email, customer);
    let total = if fault == Some(Fault::WrongAmount) { Cents(order.total.0 + OVERCHARGE) } else { order.total };
    let link = format!("{}/api/orders/{}", business.url(Touchpoint::Shop), order.id);
    let unadorned = format!(
        "Dear {name},\n\nthank you. You have ordered {} for {total} € {}.\nYour order: {link}\n\nHalcyon Mobile\n",
        article.name, article.paid
    );
    let html = format!(
        "<p>Dear {},</p><p>thank you. You have ordered {} for <b id=\"total\">{total}</b> € {}.</p>\
         <p><a href=\"{link}\">Your order</a></p><p>Halcyon Mobile</p>",
        text(&name),
        article.name,
        article.paid
    );
    let head = Message::builder().from(mailbox(ORDERS)?).to(mailbox(&order.email)?);
    let head = head.subject(format!("Your order {} is confirmed", order.id));
    head.message_id(None).multipart(MultiPart::alternative_plain_html(unadorned, html)).ok()
}

fn offer(order: &Order, subject: String, words: &str) -> Option<Message> {
    let head = Message::builder().from(mailbox(MARKETING)?).to(mailbox(&order.email)?).subject(subject);
    head.message_id(None).header(ContentType::TEXT_PLAIN).body(format!("{words}\n")).ok()
}

fn mailbox(address: &str) -> Option<Mailbox> {
    address.parse().ok()
}

async fn send(business: &Business, mail: Message) -> Option<()> {
    let server = business.smtp;
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.ip().to_string());
    transport.port(server.port()).build().send(mail).await.ok().map(drop)
}
