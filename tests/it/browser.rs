//! Real Chromium, told what to do in its own protocol (Chrome `DevTools` Protocol) over one socket.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{Message, protocol::WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::parts::program;
use crate::world::PATIENCE;

/// A picture of a long page is a long message.
const MESSAGE_MAX: usize = 256 << 20;

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) theme: &'static str,
    /// What the browser asks for.
    pub(crate) language: &'static str,
    pub(crate) scripts: bool,
}

impl Look {
    pub(crate) const DESKTOP: Self = Self { width: 1280, height: 900, theme: "light", language: "en", scripts: true };
    pub(crate) const PHONE: Self = Self { width: 390, height: 844, ..Self::DESKTOP };

    pub(crate) const fn dark(self) -> Self {
        Self { theme: "dark", ..self }
    }

    pub(crate) const fn chinese(self) -> Self {
        Self { language: "zh", ..self }
    }

    pub(crate) const fn without_scripts(self) -> Self {
        Self { scripts: false, ..self }
    }
}

/// One browser with one tab, killed with the test.
pub(crate) struct Browser {
    child: Child,
    socket: WebSocketStream<TcpStream>,
    tab: String,
    asked: u64,
    /// What the tab said unasked since its page was opened.
    said: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let child = Command::new(program("chromium"))
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--hide-scrollbars", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (port, path) = timeout(PATIENCE, listening(profile.path())).await.expect("the browser starts");
        let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_MAX)).max_frame_size(Some(MESSAGE_MAX));
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let address = format!("ws://127.0.0.1:{port}{path}");
        let (socket, _) = client_async_with_config(address, stream, Some(config)).await.unwrap();
        let mut browser = Self { child, socket, tab: String::new(), asked: 0, said: Vec::new(), _profile: profile };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" })).await;
        let attached = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", attached).await;
        session["sessionId"].as_str().unwrap().clone_into(&mut browser.tab);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), json!({})).await;
        }
        browser
    }

    /// Opens a page and waits until it has loaded.
    pub(crate) async fn open(&mut self, url: &str, look: Look) {
        let Look { width, height, theme, language, scripts } = look;
        let mobile = width < 600;
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        self.ask("Emulation.setDeviceMetricsOverride", screen).await;
        self.ask("Emulation.setEmulatedMedia", media).await;
        self.ask("Emulation.setScriptExecutionDisabled", json!({ "value": !scripts })).await;
        self.ask("Network.setExtraHTTPHeaders", json!({ "headers": { "accept-language": language } })).await;
        self.said.clear();
        let gone = self.ask("Page.navigate", json!({ "url": url })).await;
        assert_eq!(gone["errorText"], Value::Null, "{url}: {gone}");
        self.until("Page.loadEventFired").await;
    }

    /// What an expression comes to, promises kept, in the page that is open.
    pub(crate) async fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", asked).await;
        assert_eq!(answer["exceptionDetails"], Value::Null, "{}", &expression[..expression.len().min(200)]);
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(crate) async fn wait(&mut self, expression: &str) {
        let asked = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let become_true = async {
            // An error may be that of a page which is left at this moment.
            while self.told("Runtime.evaluate", asked.clone()).await["result"]["result"]["value"] != true {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, become_true).await.unwrap_or_else(|_| panic!("never true: {expression}"));
    }

    /// Presses a key and lets it go.
    pub(crate) async fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, None),
            "Enter" => (13, Some("\r")),
            _ => panic!("the code of {key}?"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if let (Some(text), "keyDown") = (text, kind) {
                event["text"] = text.into();
            }
            self.ask("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Every name and role that a screen reader is given, in the page's order.
    pub(crate) async fn accessibility(&mut self) -> Vec<(String, String)> {
        let tree = self.ask("Accessibility.getFullAXTree", json!({})).await;
        let text = |node: &Value, field: &str| node[field]["value"].as_str().unwrap_or_default().to_owned();
        let nodes = tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] != true);
        nodes.map(|node| (text(node, "role"), text(node, "name"))).collect()
    }

    /// Where the frames in the page have got to: where one may not be shown, an error of the browser's own.
    pub(crate) async fn frames(&mut self) -> Vec<String> {
        let tree = self.ask("Page.getFrameTree", json!({})).await;
        let frames = tree["frameTree"]["childFrames"].as_array().cloned().unwrap_or_default();
        frames.iter().map(|frame| frame["frame"]["url"].as_str().unwrap().to_owned()).collect()
    }

    /// From now on certificates are not looked at.
    pub(crate) async fn trust_everybody(&mut self) {
        self.ask("Security.setIgnoreCertificateErrors", json!({ "ignore": true })).await;
    }

    /// What axe-core has against the page that is open.
    pub(crate) async fn violations(&mut self) -> Vec<String> {
        self.evaluate(&format!("{}; true", axe())).await;
        let found = self.evaluate("axe.run(document).then((found) => found.violations)").await;
        let one = |found: &Value| {
            let nodes = found["nodes"].as_array().unwrap().iter().take(3).map(|node| node["html"].to_string());
            format!("{}: {} {}", found["id"], found["help"], nodes.collect::<Vec<_>>().join(" "))
        };
        found.as_array().unwrap().iter().map(one).collect()
    }

    /// Takes a picture of the whole page.
    pub(crate) async fn picture(&mut self, file: &Path) {
        let asked = json!({ "format": "png", "captureBeyondViewport": true });
        let shot = self.ask("Page.captureScreenshot", asked).await;
        std::fs::write(file, STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// Scripts that the tab was made to run or was kept from running, dialogs, errors: what an honest page never says.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let told = self.said.iter().filter_map(|event| {
            let params = &event["params"];
            match event["method"].as_str()? {
                "Page.javascriptDialogOpening" => Some(format!("dialog: {}", params["message"])),
                "Runtime.exceptionThrown" => Some(format!("exception: {}", params["exceptionDetails"])),
                "Runtime.consoleAPICalled" => Some(format!("console: {}", params["args"])),
                "Log.entryAdded" => Some(format!("log: {}", params["entry"])),
                _ => None,
            }
        });
        told.collect()
    }

    /// Bytes that came over the network since the page was opened, as they were sent.
    pub(crate) fn bytes(&self) -> u64 {
        let finished = self.said.iter().filter(|event| event["method"] == "Network.loadingFinished");
        finished.map(|event| event["params"]["encodedDataLength"].as_f64().unwrap_or_default() as u64).sum()
    }

    async fn until(&mut self, event: &str) {
        while !self.said.iter().any(|said| said["method"] == event) {
            let message = self.hear().await;
            self.said.push(message);
        }
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        let message = self.told(method, params).await;
        assert_eq!(message["error"], Value::Null, "{method}");
        message["result"].clone()
    }

    /// The answer, which may be an error.
    async fn told(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        let mut request = json!({ "id": id, "method": method, "params": params });
        if !self.tab.is_empty() {
            request["sessionId"] = self.tab.clone().into();
        }
        self.socket.send(Message::text(request.to_string())).await.unwrap();
        loop {
            let message = self.hear().await;
            if message["id"] == id {
                return message;
            }
            self.said.push(message);
        }
    }

    async fn hear(&mut self) -> Value {
        let message = timeout(PATIENCE, self.socket.next()).await.expect("the browser says something");
        serde_json::from_str(message.unwrap().unwrap().to_text().unwrap()).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Of npm, where `tests/run` put it.
fn axe() -> String {
    let parts = std::env::var_os("UNBROKEN_TEST_PARTS").map_or_else(|| "target/parts".into(), PathBuf::from);
    let file = parts.join("axe/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(file).expect("axe-core is not installed: run ./tests/run, it installs what the tests need")
}

/// Where the browser takes orders; it writes a file when it does.
async fn listening(profile: &Path) -> (u16, String) {
    loop {
        let written = std::fs::read_to_string(profile.join("DevToolsActivePort")).unwrap_or_default();
        if let Some((port, path)) = written.trim().split_once('\n') {
            return (port.parse().unwrap(), path.to_owned());
        }
        sleep(Duration::from_millis(20)).await;
    }
}
