//! What a person does in a window becomes a probe that does the same: a real screen, a real mouse, the real program.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse as _, Response};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::support::screen::Screen;
use crate::world::{PATIENCE, World};

/// Each page tells where on the screen its parts are.
const WHERE: &str = "<script>addEventListener('load', () => setTimeout(() => { const all = [...document.querySelectorAll('[id]')].map(el => { \
    const { left, top, width, height } = el.getBoundingClientRect(), side = (outerWidth - innerWidth) / 2; \
    const x = screenX + side + left + width / 2, y = screenY + outerHeight - innerHeight + top + height / 2; \
    return [location.pathname + ' ' + el.id, Math.round(x), Math.round(y)].join('\\t'); }); \
    fetch('/where', { method: 'POST', body: all.join('\\n') }); }, 300))</script>";
const FORM: &str = "<title>Shop</title><h1>Order a plan</h1><form action=/thanks method=post>\
    <p><label>Your e-mail <input id=email name=email></label>\
    <p><label>Password <input id=password type=password name=password></label>\
    <p><label>Country <select id=country name=country><option>France<option>Germany<option>Italy</select></label>\
    <p><label><input id=terms type=checkbox name=terms> I agree to the terms</label>\
    <p><button id=order>Order with obligation to pay</button></form>";
const THANKS: &str = "<title>Thanks</title><h1>Thank you</h1><p><button id=details onclick=\"out.textContent = 'It comes by mail'\">\
    Details</button><p id=out></p>";
const GO: &str = "<title>Shop</title><h1>Press anywhere</h1><p id=out></p>\
    <script>onpointerdown = () => out.textContent = 'Go on'</script>";
/// Wherever it is pressed.
const TAP: &str = "<title>Shop</title><meta name=viewport content='width=device-width'>\
    <button id=tap style='position:fixed;inset:0;width:100%'>Press anywhere</button>";
const PASSWORD: &str = "quite-secret-8";

/// A shop, and where its buttons are on the screen.
#[derive(Clone, Default)]
struct Shop {
    places: Arc<Mutex<HashMap<String, (String, String)>>>,
    /// What was ordered, as forms write it.
    orders: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    async fn open() -> (Self, SocketAddr) {
        let shop = Self::default();
        let own = shop.clone();
        let answer = move |uri: Uri, body: Bytes| {
            let answer = own.answer(uri.path(), &String::from_utf8_lossy(&body));
            async move { answer }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        (shop, address)
    }

    fn answer(&self, path: &str, body: &str) -> Response {
        let page = match path {
            "/" => FORM,
            "/thanks" if body.contains(PASSWORD) => {
                self.orders.lock().unwrap().push(body.to_owned());
                THANKS
            }
            "/go" => GO,
            "/tap" => TAP,
            "/where" => {
                let fields = body.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
                let places = fields.map(|fields| (fields[0].clone(), (fields[1].clone(), fields[2].clone())));
                self.places.lock().unwrap().extend(places);
                return StatusCode::NO_CONTENT.into_response();
            }
            _ => return StatusCode::NOT_FOUND.into_response(),
        };
        Html(format!("<!doctype html><html lang=en><link rel=icon href='data:,'>{page}{WHERE}")).into_response()
    }

    async fn shown(&self, path: &str) {
        let began = Instant::now();
        while !self.places.lock().unwrap().keys().any(|place| place.starts_with(path)) {
            assert!(began.elapsed() < PATIENCE, "{path} was not shown");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Presses what has this id, where the page says that it is.
    async fn press(&self, screen: &Screen, what: &str) {
        let began = Instant::now();
        loop {
            let place = self.places.lock().unwrap().get(what).cloned();
            if let Some((x, y)) = place {
                screen.hand(&["mousemove", &x, &y, "click", "1"]);
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{what} is nowhere");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// `unbroken record` while it runs.
struct Recording {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Recording {
    fn start(screen: &Screen, world: &World, args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unbroken"));
        command.arg("record").args(args).envs(screen.variables()).current_dir(world.folder.path());
        let streams = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = streams.spawn().unwrap();
        let (said, lines) = (Arc::<Mutex<String>>::default(), BufReader::new(child.stderr.take().unwrap()).lines());
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| heard.lock().unwrap().push_str(&format!("{line}\n")));
        });
        Self { child, said }
    }

    async fn says(&self, what: &str) {
        let began = Instant::now();
        while !self.said.lock().unwrap().contains(what) {
            assert!(began.elapsed() < PATIENCE, "`{what}` was not said:\n{}", self.said.lock().unwrap());
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// What it wrote to its standard output; it ended well, by itself.
    async fn ended(mut self) -> String {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it goes on:\n{}", self.said.lock().unwrap());
            sleep(Duration::from_millis(50)).await;
        };
        assert!(status.success(), "{status}:\n{}", self.said.lock().unwrap());
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        out
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn world() -> World {
    let world = World::empty();
    world.write("config/unbroken.yaml", "company: Test\nlisten: 127.0.0.1:0\nstore: ../unbroken.db\n");
    world.write("config/journeys.yaml", "journeys:\n  buy:\n    stages:\n      buy: { touchpoints: [shop] }\n");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_does_in_a_window_is_a_probe_that_does_the_same() {
    let (screen, mut world) = (Screen::start(), world());
    let (shop, address) = Shop::open().await;
    std::fs::create_dir(world.path("probes")).unwrap();
    let recording = Recording::start(&screen, &world, &[&format!("http://{address}/"), "-o", "probes/shop.yaml"]);
    recording.says("Close the window or press Ctrl-C").await;
    shop.press(&screen, "/ email").await;
    screen.hand(&["type", "--delay", "30", "anna@probe.example"]);
    shop.press(&screen, "/ password").await;
    recording.says("with: anna@probe.example").await;
    screen.hand(&["type", "--delay", "30", PASSWORD]);
    screen.hand(&["key", "Tab"]);
    recording.says("- fill: Password\n    with: { env: PASSWORD }").await;
    screen.hand(&["type", "Ger"]);
    recording.says("option: Germany").await;
    shop.press(&screen, "/ terms").await;
    recording.says("- check: I agree to the terms").await;
    shop.press(&screen, "/ order").await;
    recording.says("then: { text: Thank you }").await;
    shop.press(&screen, "/thanks details").await;
    recording.says("then: { text: It comes by mail }").await;
    screen.hand(&["key", "alt+Left"]);
    recording.says("- back").await;
    screen.hand(&["key", "ctrl+shift+w"]);
    recording.ended().await;

    let recorded = std::fs::read_to_string(world.path("probes/shop.yaml")).unwrap();
    assert!(!recorded.contains(PASSWORD), "{recorded}");
    world.set("PASSWORD", PASSWORD);
    let (code, out, errors) = world.run(&["check"]);
    assert_eq!(code, 0, "{recorded}\n{out}{errors}");
    let (code, out, errors) = world.run(&["probe", "shop"]);
    assert_eq!(code, 0, "{recorded}\n{out}{errors}");
    let orders = shop.orders.lock().unwrap();
    assert_eq!(orders.len(), 2, "{orders:?}");
    assert_eq!(orders[0], orders[1]);
    assert!(orders[0].contains("country=Germany&terms=on"), "{orders:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_ends_with_the_terminal_too_and_knows_the_device() {
    let (screen, world) = (Screen::start(), world());
    let (shop, address) = Shop::open().await;
    let recording = Recording::start(&screen, &world, &[&format!("http://{address}/tap"), "--device", "phone"]);
    shop.shown("/tap").await;
    screen.hand(&["mousemove", "200", "500", "click", "1"]);
    recording.says("- click: Press anywhere").await;
    let pid = Pid::from_raw(i32::try_from(recording.child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let yaml = recording.ended().await;
    assert!(yaml.contains("device: phone") && yaml.ends_with("- click: Press anywhere\n"), "{yaml}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_is_watched_in_a_window_of_its_own() {
    let (screen, mut world) = (Screen::start(), world());
    let (_shop, address) = Shop::open().await;
    let probe = format!(
        "probes:\n  order:\n    timeout: 60s\n    steps:\n      - browser:\n          open: \"http://{address}/go\"\n          \
         do: [ {{ wait_for: {{ text: Go on }}, within: 40s }} ]\n"
    );
    world.write("probes/shop.yaml", &probe);
    let (code, _, errors) = world.run(&["probe", "shop", "--headed"]);
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("neither DISPLAY nor WAYLAND_DISPLAY is set"), "{errors}");
    for (name, value) in screen.variables() {
        world.set(name, &value);
    }
    let windows = || screen.hand(&["search", "--onlyvisible", "--name", "Shop"]);
    assert_eq!(windows(), "");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| world.run(&["probe", "shop", "--headed"]));
        let began = Instant::now();
        while windows().is_empty() {
            assert!(began.elapsed() < PATIENCE && !run.is_finished(), "no window");
            std::thread::sleep(Duration::from_millis(50));
        }
        // It can be used, too.
        screen.hand(&["mousemove", "700", "500", "click", "--repeat", "5", "--delay", "300", "1"]);
        let (code, out, errors) = run.join().unwrap();
        assert_eq!(code, 0, "{out}{errors}");
    });
    assert_eq!(windows(), "", "it is closed");
}
