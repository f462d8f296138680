//! Arize Phoenix, a tracing backend that can be asked for what it was told.

use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{Running, free_address, part};
use crate::world::PATIENCE;

pub(crate) struct Phoenix {
    _running: Running,
    folder: TempDir,
    http: SocketAddr,
    grpc: SocketAddr,
}

impl Phoenix {
    /// With an empty memory.
    pub(crate) async fn start() -> Self {
        let (http, grpc, folder) = (free_address(), free_address(), tempfile::tempdir().unwrap());
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(part("phoenix/bin/phoenix"))
            .arg("serve")
            .env("PHOENIX_WORKING_DIR", folder.path())
            .env("PHOENIX_HOST", "127.0.0.1")
            .env("PHOENIX_PORT", http.port().to_string())
            .env("PHOENIX_GRPC_PORT", grpc.port().to_string())
            .env("PHOENIX_TELEMETRY_ENABLED", "false")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let phoenix = Self { _running: Running::logging(child), folder, http, grpc };
        let listens = async || [http, grpc].iter().all(|at| TcpStream::connect(at).is_ok()).then_some(());
        phoenix.until("listens", listens).await;
        phoenix
    }

    /// For OTLP over HTTP.
    pub(crate) fn http(&self) -> String {
        format!("http://{}", self.http)
    }

    /// For OTLP over gRPC.
    pub(crate) fn grpc(&self) -> String {
        format!("http://{}", self.grpc)
    }

    /// The spans that it keeps and that fit, by the filters of its API, as OTLP's JSON; once there are any, and `enough`.
    pub(crate) async fn spans(&self, filters: &str, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let kept = async || Some(self.kept(filters).await).filter(|spans| !spans.is_empty() && enough(spans));
        self.until(&format!("has the spans `{filters}`"), kept).await
    }

    /// The first span of those that fit whose trace is `whole`, and that trace: a run that is still under way, or that ended
    /// early, has one that never will be.
    pub(crate) async fn trace(
        &self,
        filters: &str,
        fits: impl Fn(&Value) -> bool,
        whole: impl Fn(&Value, &[Value]) -> bool,
    ) -> (Value, Vec<Value>) {
        let found = async || {
            for span in self.kept(filters).await.into_iter().filter(|span| fits(span)) {
                let trace = self.kept(&format!("trace_id={}", span["trace_id"].as_str().unwrap())).await;
                if whole(&span, &trace) {
                    return Some((span, trace));
                }
            }
            None
        };
        self.until(&format!("has the whole trace of one of `{filters}`"), found).await
    }

    /// What fits now.
    async fn kept(&self, filters: &str) -> Vec<Value> {
        let url = format!("http://{}/v1/projects/default/spans/otlpv1?limit=1000&{filters}", self.http);
        let answer = async || -> reqwest::Result<Value> { reqwest::get(&url).await?.error_for_status()?.json().await };
        // It has no project before its first span.
        match answer().await.map(|mut answer| answer["data"].take()) {
            Ok(Value::Array(spans)) => spans,
            _ => Vec::new(),
        }
    }

    async fn until<T>(&self, what: &str, done: impl AsyncFn() -> Option<T>) -> T {
        let begun = tokio::time::Instant::now();
        loop {
            if let Some(done) = done().await {
                return done;
            }
            assert!(begun.elapsed() < PATIENCE, "waited in vain until Phoenix {what}: {}", self.complaints());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The end of its log, without the requests that it took and those that it has no ears for.
    fn complaints(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let said = |line: &&str| !line.contains("HTTP/1.1\" 200") && !line.contains("HTTP/1.1\" 405");
        let lines: Vec<&str> = log.lines().filter(said).collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// What an attribute of OTLP's JSON says, as it was meant: Phoenix writes every kind of value, all but one as null.
pub(crate) fn attributes(of: &Value) -> serde_json::Map<String, Value> {
    let pairs = of["attributes"].as_array().into_iter().flatten();
    pairs.map(|pair| (pair["key"].as_str().unwrap().to_owned(), plain(&pair["value"]))).collect()
}

fn plain(value: &Value) -> Value {
    let (kind, said) = value.as_object().unwrap().iter().find(|(_, said)| !said.is_null()).unwrap();
    match kind.as_str() {
        "array_value" => said["values"].as_array().unwrap().iter().map(plain).collect(),
        _ => said.clone(),
    }
}
