//! Which of the things on a page people mean, and which of them they see.

use serde_json::{Value, json};
use unbroken::model::FaultCode;
use unbroken::probe::Prober;

use super::{fault, visit_by, well};
use crate::walk::tools;

/// What is pressed says so by the title.
fn button(text: &str, says: &str) -> String {
    format!("<button onclick=\"document.title='{says}'\">{text}</button>")
}

#[tokio::test]
async fn of_several_that_fit_the_one_that_people_see_is_pressed() {
    let rows: String =
        ["one", "two", "three"].iter().map(|row| format!("<li>{row} {}</li>", button("Buy", row))).collect();
    let others = rows.replace("title='", "title='other ");
    let lists = format!("<ul>{rows}</ul><ul id=others>{others}</ul>");
    let menu = format!("<nav style='position:fixed;left:-300px;width:250px'>{}</nav>", button("Login", "menu"));
    let modal = "<div style='position:fixed;inset:0;background:#fff8'><div role=dialog style='margin:200px'>";
    let cases: [(String, Value, &str); 8] = [
        (lists.clone(), json!({ "role": "button", "inside": { "css": "li", "nth": 2 } }), "two"),
        (
            lists,
            json!({ "role": "button", "name": "Buy", "inside": { "css": "li", "nth": 3, "inside": { "css": "#others" } } }),
            "other three",
        ),
        (menu + &button("Login", "page"), json!("Login"), "page"),
        (format!("{}{modal}{}</div></div>", button("Close", "behind"), button("Close", "own")), json!("Close"), "own"),
        (
            format!(
                "<p style='display:none'>{}</p>{}",
                button("Login", "hidden"),
                button("Login or register", "shown")
            ),
            json!("Login"),
            "shown",
        ),
        (
            format!("{}<div id=o style='cursor:pointer'>Order</div>", button("Order history", "history"))
                + "<script>o.addEventListener('click', () => document.title = 'ordered')</script>",
            json!("Order"),
            "ordered",
        ),
        (format!("<h1>Order</h1>{}", button("Order now", "now")), json!("Order"), "now"),
        (
            "<div role=img aria-label=Map style='width:40px;height:40px' onclick=\"document.title='map'\"></div>"
                .to_owned(),
            json!({ "role": "img", "name": "Map" }),
            "map",
        ),
    ];
    let prober = Prober::new(tools());
    for (page, element, title) in cases {
        let page = format!("<title>x</title>{page}");
        let deeds = json!([{ "click": element, "then": { "element": { "css": "body" } } }]);
        well(&visit_by(&prober, &[("/", &page)], deeds, json!({ "expect": { "title": title } })).await);
    }
}

#[tokio::test]
async fn what_nobody_sees_is_not_shown_and_what_slides_away_is_gone() {
    let unseen = [
        "position:absolute;left:-9999px",
        "max-height:0;overflow:hidden",
        "position:fixed;top:-100px",
        "position:absolute;width:1px;height:1px;overflow:hidden;clip:rect(0,0,0,0)",
    ];
    let unseen: String = unseen.iter().map(|style| format!("<div style='{style}'><p>Thank you</p></div>")).collect();
    let page = format!("<title>x</title><h1>Order</h1>{unseen}");
    let prober = Prober::new(tools());
    let deeds = json!([
        { "wait_for": { "gone": { "text": "Thank you" } } },
        { "wait_for": { "text": "Thank you" }, "within": "300ms" },
    ]);
    let reading = visit_by(&prober, &[("/", &page)], deeds, json!({})).await;
    assert_eq!(fault(&reading).code, FaultCode::NoEffect, "{}", fault(&reading));
    assert!(fault(&reading).text.contains("“Thank you” is shown"), "{}", fault(&reading));
    let seen = "<title>x</title><h1 style='position:relative;overflow:hidden;height:60px'>Order <i>Sure</i></h1>\
                <div style='height:80px;overflow:auto'><p style='height:500px'>x</p><p>In the box</p></div>\
                <div style='overflow:hidden;height:0'><p style='position:absolute'>Over the edge</p></div>\
                <div id=banner style='position:fixed;inset:auto 0 0;height:60px;background:#ddd'>We use cookies\
                <button onclick=\"banner.style.transform = 'translateY(100%)'\">Fine</button></div>\
                <p style='margin-top:3000px'>The end</p>";
    let deeds = json!([
        { "wait_for": { "text": "Sure" } },
        { "wait_for": { "text": "In the box" } },
        { "wait_for": { "text": "Over the edge" } },
        { "wait_for": { "text": "The end" } },
        { "click": "Fine", "then": { "gone": { "text": "We use cookies" } } },
    ]);
    well(&visit_by(&prober, &[("/", seen)], deeds, json!({})).await);
}

#[tokio::test]
async fn a_drawn_box_is_ticked_beside_the_link_in_its_label() {
    let page = "<title>x</title><style>input { position: absolute; opacity: 0 } \
                i { display: inline-block; width: 16px; height: 16px; border: 1px solid }</style>\
                <label><input type=checkbox><i></i> <a href=/terms>I agree to the terms</a></label>";
    let deeds = json!([{ "check": "I agree" }, { "wait_for": { "element": { "css": "input:checked + i" } } }]);
    let prober = Prober::new(tools());
    let expect = json!({ "expect": { "url": { "matches": "/$" } } });
    well(&visit_by(&prober, &[("/", page), ("/terms", "<title>Terms</title>")], deeds, expect).await);
}

#[tokio::test]
async fn a_long_page_is_searched_in_no_time() {
    let link = |number: u32| format!("<p><a href='#{number}'>Offer number {number}</a> of <b>many</b></p>");
    let page = format!("<title>x</title>{}{}", (0..1000).map(link).collect::<String>(), button("Order", "Ordered"));
    let deeds = json!([
        { "click": "Order", "then": { "element": "Order" } },
        { "click": { "role": "button", "name": "Order" }, "then": { "gone": "Remove" } },
    ]);
    well(&visit_by(&Prober::new(tools()), &[("/", &page)], deeds, json!({ "expect": { "title": "Ordered" } })).await);
}
