//! What can be bought: all of it, and one by one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse as _, Response};
use http::HeaderMap;

use super::super::books::{ADVERTISED, Article, Paid, plan};
use super::super::business::{Business, Refusal};
use super::super::fault::Fault;
use super::super::front::{self, Front};
use super::super::touchpoint::Touchpoint::Shop;
use super::{frame, priced};

/// What a customer reads before the price.
fn about(article: &Article) -> String {
    plan(article.id).map_or_else(|| article.words.to_owned(), |plan| format!("{} GB. {}", plan.gigabytes, plan.words))
}

/// The article's picture, with room kept for it.
pub(super) fn portrait(front: &Front<'_>, article: &Article, width: u32) -> String {
    let (name, alt) = match article.paid {
        Paid::Monthly => ("sim", "A SIM card"),
        Paid::Once => ("halcyon-one", "A telephone, seen from the front"),
    };
    // Moved to another folder, and not everywhere.
    let folder = if front.suffers(Fault::NoPicture) { "pictures/products" } else { "pictures" };
    format!(
        "<img src=\"/{folder}/{name}.svg\" alt=\"{alt}\" width=\"{width}\" height=\"{height}\">",
        height = width * 5 / 4,
    )
}

fn plan_card(plan: &Article) -> String {
    let (class, badge) = match plan.id {
        ADVERTISED => (" class=\"best\"", "<span class=\"badge\">Most popular</span>"),
        _ => ("", ""),
    };
    format!(
        "<li{class}>{badge}<h3>{name}</h3><p>{about}</p><p class=\"price\"><strong>{price}</strong> € {paid}</p>\
         <a class=\"button wide\" href=\"/plans/{id}\" aria-label=\"Choose {name}\">Choose</a></li>",
        name = plan.name,
        about = about(plan),
        price = plan.price,
        paid = plan.paid,
        id = plan.id,
    )
}

fn phone_card(front: &Front<'_>, phone: &Article) -> String {
    format!(
        "<li class=\"across\">{portrait}<div><h3>{name}</h3><p>{about}</p><p class=\"price\"><strong>{price}</strong> € \
         {paid}</p><a class=\"button\" href=\"/phones/{id}\" aria-label=\"Choose {name}\">Choose</a></div></li>",
        portrait = portrait(front, phone, 120),
        name = phone.name,
        about = about(phone),
        price = phone.price,
        paid = phone.paid,
        id = phone.id,
    )
}

pub(super) async fn shelf(State(business): State<Arc<Business>>, headers: HeaderMap) -> Html<String> {
    let front = frame(&business, &headers);
    let plans: String = business.plans(Shop).iter().map(|plan| plan_card(&plan.into())).collect();
    let phones: String = business.phones(Shop).iter().map(|phone| phone_card(&front, phone)).collect();
    let body = format!(
        "<section class=\"hero\"><div><h1>Choose your plan</h1><p>A network that holds, no small print, and people who \
         answer.</p></div><img src=\"/pictures/sim.svg\" alt=\"\" width=\"144\" height=\"180\"></section>\
         <p class=\"stars\"></p><h2>Plans</h2><ul class=\"cards\">{plans}</ul>\
         <h2>And a telephone</h2><ul class=\"cards\">{phones}</ul>"
    );
    front.page("Shop", &body)
}

pub(super) async fn article_page(
    State(business): State<Arc<Business>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let front = frame(&business, &headers);
    let article = match priced(&business, &id) {
        Ok(article) => article,
        Err(Refusal::NoSuch(_)) => return front::lost(&front),
        Err(other) => return other.into_response(),
    };
    let body = format!(
        "<div class=\"two\"><div class=\"stage\">{portrait}</div><div><h1>{name}</h1><p class=\"stars\"></p><p>{about}</p>\
         <p class=\"price\"><strong id=\"price\">{price}</strong> € {paid}</p>\
         <ul class=\"ticks\"><li>Cancelled any month</li><li>Sent today</li><li>Keep your number</li></ul>\
         <form method=\"post\" data-sent>{visit}<label>Your e-mail address \
         <input type=\"email\" name=\"email\" autocomplete=\"email\" required></label>{order}</form>\
         <form method=\"post\" action=\"/basket\"><input type=\"hidden\" name=\"add\" value=\"{id}\">\
         <button class=\"button quiet wide\">Put into the basket</button></form></div></div>",
        portrait = portrait(&front, &article, 240),
        name = article.name,
        about = about(&article),
        price = article.price,
        paid = article.paid,
        visit = front.visit(),
        order = order_button(&front),
    );
    front.page(article.name, &body).into_response()
}

/// A form's own button works at once; the edition that waits for its script does nothing until then.
pub(super) fn order_button(front: &Front<'_>) -> &'static str {
    if front.suffers(Fault::LateHydration) {
        "<button type=\"button\" class=\"button wide\">Order with obligation to pay</button>"
    } else {
        "<button class=\"button wide\">Order with obligation to pay</button>"
    }
}
