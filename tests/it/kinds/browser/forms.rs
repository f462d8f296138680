//! What people do on a form, and what keeps them from it.

use serde_json::json;
use unbroken::model::FaultCode;

use super::{captured, fault, visit, well};

const FORM: &str = "<title>Order</title><form action=/thanks>\
    <label>Your e-mail <input type=email name=email></label>\
    <label>Country <select name=country><option value=fr>France<option value=de>Germany</select></label>\
    <label>Starts on <input type=date name=start></label>\
    <label><input type=checkbox name=terms> I agree to the terms</label>\
    <label>News <input type=checkbox name=news checked></label>\
    <label>Code <input name=code></label>\
    <label>Photo <input type=file name=photo onchange=\"photoname.textContent = this.files[0].name + ' ' + this.files[0].size\"></label>\
    <p id=photoname></p><button>Order with obligation to pay</button></form>";
const THANKS: &str =
    "<title>Thank you</title><h1>Thank you</h1><p id=q></p><script>q.textContent = location.search</script>";

#[tokio::test]
async fn a_form_is_filled_in_as_people_do() {
    let photo = tempfile::NamedTempFile::with_suffix(".png").unwrap();
    std::fs::write(photo.path(), "12345").unwrap();
    let deeds = json!([
        { "fill": "Your e-mail", "with": "anna@probe.example" },
        { "select": "Country", "option": "Germany" },
        { "fill": { "label": "Starts on" }, "with": "2026-12-24" },
        { "check": "I agree" },
        { "uncheck": "News" },
        { "fill": { "css": "input[name=code]" }, "with": "1234" },
        { "upload": "Photo", "file": photo.path(), "then": { "text": ".png 5" } },
        { "click": { "role": "button", "name": "order with" }, "then": { "text": "Thank you" } },
    ]);
    let more = json!({ "capture": { "sent": { "html": "#q" } }, "expect": { "title": "Thank you" } });
    let reading = visit(&[("/", FORM), ("/thanks", THANKS)], deeds, more).await;
    well(&reading);
    let sent = captured(&reading, "sent");
    let wanted = "?email=anna%40probe.example&country=de&start=2026-12-24&terms=on&code=1234&photo=";
    assert!(sent.starts_with(wanted), "{sent}");
}

#[tokio::test]
async fn files_of_one_name_are_not_taken_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let scans = [("front", "12345"), ("back", "123")].map(|(side, content)| {
        let scan = folder.path().join(side).join("scan.png");
        std::fs::create_dir(scan.parent().unwrap()).unwrap();
        std::fs::write(&scan, content).unwrap();
        scan
    });
    let deeds = json!([
        { "upload": "Photo", "file": scans[0], "then": { "text": "scan.png 5" } },
        { "upload": "Photo", "file": scans[1], "then": { "text": "scan.png 3" } },
    ]);
    well(&visit(&[("/", FORM)], deeds, json!({})).await);
}

#[tokio::test]
async fn keys_do_what_keys_do() {
    let deeds = json!([
        { "fill": "Your e-mail", "with": "first" },
        { "press": "Control+A" },
        { "press": "Backspace" },
        { "press": "x" },
        { "press": "Enter", "then": { "url": "email=x&" } },
    ]);
    well(&visit(&[("/", &FORM.replace("type=email", "type=text")), ("/thanks", THANKS)], deeds, json!({})).await);
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is() {
    let reading = visit(&[("/", FORM)], json!([{ "click": "Buy now", "within": "300ms" }]), json!({})).await;
    let fault = fault(&reading);
    assert_eq!(fault.code, FaultCode::ElementMissing);
    assert!(fault.text.starts_with("“Buy now” is not on the page after "), "{fault}");
    assert!(
        fault.text.contains("there is “Order with obligation to pay”") || fault.text.contains(", “Order with"),
        "{fault}"
    );
    let deeds = json!([{ "select": "Country", "option": "Italy", "within": "300ms" }]);
    let reading = visit(&[("/", FORM)], deeds, json!({})).await;
    assert_eq!(super::fault(&reading).text, "the field “Country” does not take “Italy”; it offers “France”, “Germany”");
}

#[tokio::test]
async fn what_cannot_be_pressed_is_not_pressed() {
    let body = |style: &str, more: &str| {
        format!("<title>x</title><button style='{style}' onclick=\"document.title='pressed'\">Order</button>{more}")
    };
    let banner =
        "<div role=dialog aria-label=Cookies style='position:fixed;inset:0;background:#fff'>We use cookies</div>";
    let slides = "<style>@keyframes away { to { transform: translateX(300px) } }</style>";
    let cases = [
        (
            body("", banner),
            FaultCode::ElementCovered,
            "button “Order” is covered by dialog “Cookies”: nobody can press it",
        ),
        (body("visibility:hidden", ""), FaultCode::ElementHidden, "is there, but not to be seen"),
        (body("position:fixed;left:5000px", ""), FaultCode::ElementHidden, "lies beside the screen"),
        (body("animation: away 3s linear infinite alternate", slides), FaultCode::ElementMoving, "does not hold still"),
        (body("", "").replace("<button", "<button disabled"), FaultCode::ElementDisabled, "is still switched off"),
    ];
    for (page, code, words) in cases {
        let reading = visit(&[("/", &page)], json!([{ "click": "Order", "within": "500ms" }]), json!({})).await;
        let fault = fault(&reading);
        assert_eq!(fault.code, code, "{fault}");
        assert!(fault.text.contains(words), "{fault}");
    }
}

#[tokio::test]
async fn what_can_be_pressed_in_a_moment_is_waited_for() {
    let page = "<title>x</title><button disabled>Order</button><div id=out></div><script>\
                const button = document.querySelector('button');\
                setTimeout(() => { button.disabled = false; button.onclick = () => out.textContent = 'Ordered' }, 700)</script>";
    let deeds = json!([{ "click": "Order", "then": { "element": { "text": "Ordered" } } }]);
    well(&visit(&[("/", page)], deeds, json!({})).await);
}

#[tokio::test]
async fn a_button_that_is_shown_before_its_script_is_found_out() {
    let page = |after: u32| {
        format!(
            "<title>x</title><button id=b>Order</button><div id=out></div><script>\
             setTimeout(() => b.onclick = () => out.textContent = 'Ordered', {after})</script>"
        )
    };
    let deeds = json!([{ "click": "Order", "within": "1500ms", "then": { "text": "Ordered" } }]);
    let late = visit(&[("/", &page(1200))], deeds.clone(), json!({})).await;
    assert_eq!(fault(&late).code, FaultCode::NoEffect);
    assert!(fault(&late).text.contains("does nothing when it is first pressed; pressed again"), "{}", fault(&late));
    let dead = visit(&[("/", &page(600_000))], deeds, json!({})).await;
    assert!(fault(&dead).text.contains("not even the second time"), "{}", fault(&dead));
    // Nobody orders twice: what asked something of the server is not pressed again.
    let asks = "<title>x</title><button onclick=\"fetch('/order').then(() => n.textContent = +n.textContent + 1)\">Order</button><p id=n>0</p>";
    let reading = visit(
        &[("/", asks)],
        json!([{ "click": "Order", "within": "1s", "then": { "text": "Thank you" } }]),
        json!({}),
    )
    .await;
    assert!(fault(&reading).text.starts_with("“Order” was pressed, but not within 1 s"), "{}", fault(&reading));
    // What the page has to say is told.
    let sold = "<title>Shop</title><button onclick=\"fetch('/order').then(() => said.textContent = 'This phone is sold out')\">\
                Order</button><p id=said role=alert></p>";
    let deeds = json!([{ "click": "Order", "within": "1s", "then": { "text": "Thank you" } }]);
    let reading = visit(&[("/", sold)], deeds, json!({})).await;
    assert!(fault(&reading).text.ends_with("“Shop” and says “This phone is sold out”"), "{}", fault(&reading));
    // Nor what opened something, which would be closed again.
    let opens = "<title>x</title><button aria-expanded=false \
                 onclick=\"this.ariaExpanded = this.ariaExpanded !== 'true'\">Menu</button>";
    let deeds = json!([{ "click": "Menu", "within": "1s", "then": { "text": "Terminal" } }]);
    let reading = visit(&[("/", opens)], deeds, json!({})).await;
    assert!(fault(&reading).text.starts_with("“Menu” was pressed, but not within 1 s"), "{}", fault(&reading));
}

#[tokio::test]
async fn a_page_that_forgets_what_was_typed_is_found_out() {
    let page = "<title>x</title><label>Name <input id=i></label><button>Go</button>\
                <script>i.oninput = () => setTimeout(() => i.value = '', 0)</script>";
    let deeds = json!([{ "fill": "Name", "with": "Anna" }, { "click": "Go" }]);
    let reading = visit(&[("/", page)], deeds, json!({})).await;
    assert_eq!(fault(&reading).code, FaultCode::NoEffect);
    assert!(fault(&reading).text.contains("what was typed into the field “Name” is gone again"), "{}", fault(&reading));
}

#[tokio::test]
async fn on_a_phone_a_finger_taps() {
    let page = "<title>x</title><button ontouchend=\"how.textContent = 'touched'\" onclick=\"how.textContent += ' clicked'\">Go</button><p id=how></p>";
    let deeds = json!([{ "click": "Go", "then": { "text": "touched clicked" } }]);
    well(&visit(&[("/", page)], deeds, json!({ "device": "phone" })).await);
}
