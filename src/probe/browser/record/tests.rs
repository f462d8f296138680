//! What people do, done by the browser's own mouse and keyboard in a window that nobody sees.

use std::os::unix::fs::PermissionsExt as _;

use chromiumoxide::cdp::browser_protocol::dom::SetFileInputFilesParams;
use chromiumoxide::cdp::js_protocol::runtime::EvaluateParams;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::probe::browser::key::Keys;
use crate::probe::browser::tests::{open, page, tools};
use crate::probe::browser::window::{State, Window};

/// A person's hands.
struct Hands {
    window: Window,
}

impl Hands {
    async fn point(&self, css: &str) {
        let query = json!({ "css": css });
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Ok(Some(spot)) = self.window.ask(&query, "click", "").await
                && spot.answer.state == State::Ready
            {
                self.window.click(&spot).await.unwrap();
                return;
            }
            assert!(Instant::now() < until, "{css} cannot be pressed");
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn write(&self, css: &str, text: &str) {
        self.point(css).await;
        self.window.type_text(text).await.unwrap();
    }

    async fn key(&self, key: &str) {
        Keys::try_from(key.to_owned()).unwrap().press(&self.window.page).await.unwrap();
    }

    /// Chooses a file, as the window for that would.
    async fn hand_over(&self, css: &str, path: &str) {
        let spot = self.window.ask(&json!({ "css": css }), "upload", "").await.unwrap().unwrap();
        let mut chosen = EvaluateParams::new("chosen");
        chosen.context_id = Some(spot.context());
        let chosen = self.window.page.execute(chosen).await.unwrap();
        let mut files = SetFileInputFilesParams::new(vec![path.to_owned()]);
        files.object_id = chosen.result.result.object_id;
        self.window.page.execute(files).await.unwrap();
    }

    /// Until what came of it is known.
    async fn rest(&self) {
        tokio::time::sleep(pending::WITHIN + LOOK * 4).await;
    }
}

/// The lines that are written of what is done there.
async fn recorded(html: &str, doing: impl AsyncFnOnce(Hands)) -> String {
    let tools = tools();
    let url = page(format!("<!doctype html><link rel=icon href='data:,'>{html}")).await;
    let tab = open(&tools, &url).await.unwrap();
    let wanted = Wanted { open: url, device: None, random: rand::random() };
    let stop = CancellationToken::new();
    let window = Window::new(tab.page.clone(), Guise::plain(Device::Desktop));
    let mut told = Vec::new();
    let mut tell = |line: &str| told.push(line.to_owned());
    let person = async {
        doing(Hands { window }).await;
        tokio::time::sleep(LOOK * 2).await;
        stop.cancel();
    };
    let (sheet, ()) = tokio::join!(follow(&tab, &wanted, &stop, &mut tell), person);
    let sheet = sheet.unwrap();
    let lines = sheet.split_once("          do:\n").map_or("", |(_, lines)| lines);
    lines.lines().flat_map(|line| [line.strip_prefix("            ").unwrap(), "\n"]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_named_so_that_it_is_found_again() {
    let page = "<title>Shop</title><h1>Shop</h1>\
        <p><button>Cart (3)</button> <a href='#' role=button onclick='return false'>Save</a> <button>Save</button>\
        <p><button>Choose</button> <button id=second>Choose</button>\
        <p><button id=icon data-testid=menu style='width:30px;height:30px'></button>\
        <p><div id=card style='cursor:pointer'><b>Flat M</b><br>Everything included</div>\
        <p><label>Name <input id=first></label> <label>Name <input id=other></label>\
        <p><label><input type=radio name=way value=mail> By mail</label> <label id=news><input type=checkbox checked style='opacity:0'> News</label>\
        <p><label>Photo <input type=file id=photo></label>\
        <p><span id=idle>Nothing to press</span>";
    let photo = tempfile::NamedTempFile::with_suffix(".png").unwrap();
    photo.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).unwrap();
    let photo = photo.path().to_str().unwrap();
    let lines = recorded(page, async |hands| {
        for css in [
            "button",
            "p:nth-of-type(1) button:nth-of-type(2)",
            "#second",
            "#icon",
            "#card b",
            "[type=radio]",
            "#news",
            "#idle",
        ] {
            hands.point(css).await;
        }
        hands.write("#other", "Anna").await;
        hands.hand_over("#photo", photo).await;
    })
    .await;
    let expected = format!(
        "- click: Cart\n- click: {{ role: button, name: Save, nth: 2 }}\n- click: {{ role: button, name: Choose, nth: 2 }}\n\
         - click: {{ css: \"#icon\" }}\n- click: Flat M\n- check: By mail\n- uncheck: News\n\
         - fill: {{ label: Name, nth: 2 }}\n  with: Anna\n- upload: Photo\n  file: \"{photo}\"\n"
    );
    assert_eq!(lines, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_person_is_heard_and_no_page_hears_that_he_is() {
    let page = "<title>Shop</title><h1>Shop</h1><label>Search <input id=q></label><button id=b>Go</button><p id=out></p><script>\
        const bells = () => Object.getOwnPropertyNames(window).some(name => /sights|bell_/.test(name));\
        b.onclick = e => { if (e.isTrusted) out.textContent = bells() ? 'Somebody listens' : 'Nobody listens' };\
        setInterval(() => { b.dispatchEvent(new MouseEvent('click', { bubbles: true })); q.dispatchEvent(new Event('input', { bubbles: true })); \
          q.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true })); }, 50)</script>";
    let lines = recorded(page, async |hands| {
        hands.rest().await;
        hands.point("#b").await;
        hands.rest().await;
    })
    .await;
    assert_eq!(lines, "- click: Go\n  then: { text: Nobody listens }\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_of_it_is_what_is_promised() {
    let page = "<title>Shop</title><h1>Shop</h1><button id=b>Ask</button><button id=d>Delete</button><p id=out></p>\
        <form onsubmit=\"out.innerHTML = '<h2>Found</h2>'; return false\"><label>Search <input id=q></label><button>Go</button></form>\
        <label>Say <textarea id=say onkeydown=\"if (event.key == 'Enter') { event.preventDefault(); this.value = '' }\"></textarea></label>\
        <a id=new target=_blank href='/help'>Help</a>\
        <script>b.onclick = () => setTimeout(() => out.innerHTML = '<h2>Ask us anything</h2>', 700);\
        d.onclick = () => confirm('Really?')</script>";
    let lines = recorded(page, async |hands| {
        hands.point("#b").await;
        hands.rest().await;
        hands.point("#d").await;
        hands.rest().await;
        hands.write("#q", "flat").await;
        hands.key("Enter").await;
        hands.rest().await;
        hands.write("#say", "hello").await;
        hands.key("Enter").await;
        hands.rest().await;
        hands.point("#new").await;
        hands.rest().await;
        hands.point("#b").await;
    })
    .await;
    let expected = "- click: Ask\n  then: { text: Ask us anything }\n- click: Delete\n  then: { dialog: \"Really?\" }\n\
        - fill: Search\n  with: flat\n- press: Enter\n  then: { text: Found }\n- fill: Say\n  with: hello\n- press: Enter\n\
        - click: Help\n  then: { new_tab: \"/help\" }\n- back\n- click: Ask\n";
    assert_eq!(lines, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_in_a_frame_is_found_there() {
    let page = "<title>Shop</title><h1>Shop</h1><iframe srcdoc=\"<h2>Chat</h2><label>Your question <input id=q></label>\
        <button id=ask onclick='out.textContent = `Hal thinks`; setTimeout(() => out.textContent = `You reach us from nine`, 500)'>Ask</button>\
        <p id=out></p><button id=end onclick='parent.over.textContent = `That is all`'>End</button>\"></iframe><p id=over></p>";
    let lines = recorded(page, async |hands| {
        hands.write("#q", "When?").await;
        hands.point("#ask").await;
        hands.rest().await;
        hands.point("#end").await;
        hands.rest().await;
    })
    .await;
    let expected = "- fill: Your question\n  with: \"When?\"\n- click: Ask\n  then: { text: You reach us from nine }\n\
        - click: End\n  then: { text: That is all }\n";
    assert_eq!(lines, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_read_from_variables() {
    let page = "<title>Shop</title><label>Your password <input id=p type=password></label><button id=eye onclick=\"p.type = 'text'\">Show</button>\
        <label>PIN <input id=pin></label><label>Card <input id=card autocomplete=cc-number></label>\
        <label>Code <input id=code autocomplete=one-time-code></label><label>Note <input id=note></label>";
    let lines = recorded(page, async |hands| {
        hands.write("#p", "hunter2").await;
        hands.point("#eye").await;
        hands.write("#p", "hunter3").await;
        for css in ["#pin", "#card", "#code"] {
            hands.write(css, "4111").await;
        }
        hands.write("#note", "{{x}}").await;
    })
    .await;
    assert!(!lines.contains("hunter") && !lines.contains("4111") && !lines.contains("{{"), "{lines}");
    let written: Vec<&str> = lines.lines().filter(|line| !line.starts_with('#') && !line.starts_with("- ")).collect();
    let expected = [
        "with: { env: YOUR_PASSWORD }",
        "with: { env: YOUR_PASSWORD }",
        "with: { env: PIN }",
        "with: { env: CARD }",
        "totp: { env: CODE_SECRET }",
        "with: { env: NOTE }",
    ];
    assert_eq!(written.iter().map(|line| line.trim()).collect::<Vec<_>>(), expected, "{lines}");
}
