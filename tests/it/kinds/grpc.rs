//! `grpc` against grpcio's health server, and against servers that break the rules.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use unbroken::model::{FaultCode, Phase, Reading, SelfFault, Verdict};
use unbroken::probe::Prober;

use super::fault_of;
use crate::walk::{errand, order, run, serve, step, tools};

/// The health server of the gRPC project, for Python.
struct Server {
    child: Child,
    ports: Vec<u16>,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let write = |name: &str, pem: String| std::fs::write(folder.join(name).with_extension("pem"), pem).unwrap();
        write("ca", authority.pem());
        for (key, cert) in [("key", "cert"), ("our-key", "our-cert")] {
            let pair = KeyPair::generate().unwrap();
            let mut leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
            leaf.distinguished_name.push(DnType::CommonName, "localhost");
            write(cert, leaf.signed_by(&pair, &authority).unwrap().pem());
            write(key, pair.serialize_pem());
        }
        let parts = std::env::var_os("UNBROKEN_TEST_PARTS").map_or_else(|| "target/parts".into(), PathBuf::from);
        let mut child = Command::new(parts.join("venv/bin/python"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/health_server.py"))
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut told).unwrap();
        let ports: Vec<u16> = told.split_whitespace().map(|port| port.parse().unwrap()).collect();
        assert_eq!(ports.len(), 3, "grpcio is not installed: run ./tests/run, it installs what the tests need");
        Self { child, ports }
    }

    fn ask(&self, port: usize, service: &str) -> Value {
        json!({ "connect": format!("127.0.0.1:{}", self.ports[port]), "service": service })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

async fn ask(settings: Value) -> Reading {
    run(json!([{ "grpc": settings }])).await
}

fn text(reading: &Reading) -> (FaultCode, String) {
    let fault = reading.outcome.verdict.fault().unwrap_or_else(|| panic!("{:?}", reading.outcome.verdict));
    (fault.code, fault.text.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_health_server_tells_how_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let reading = run(json!([{ "grpc": server.ask(0, ""), "expect": { "status": "SERVING" } }])).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    let phases: Vec<Phase> = reading.outcome.steps[0].phases.iter().map(|time| time.phase).collect();
    assert_eq!(phases, [Phase::Connect, Phase::Send, Phase::Wait, Phase::Receive, Phase::Assert]);
    assert_eq!(text(&ask(server.ask(0, "shop.Cart")).await).0, FaultCode::GrpcNotServing);
    let expected = json!([{ "grpc": server.ask(0, "shop.Cart"), "expect": { "status": "NOT_SERVING" } }]);
    assert_eq!(run(expected).await.outcome.verdict, Verdict::Good);
    let (code, told) = text(&ask(server.ask(0, "no.Such")).await);
    assert_eq!(code, FaultCode::GrpcServiceUnknown, "{told}");
    // Metadata goes with the question, and a trailer comes back as text.
    let mut asked = server.ask(0, "");
    asked["headers"] = json!({ "authorization": "Bearer wrong" });
    let (code, told) = text(&ask(asked).await);
    assert_eq!((code, &*told), (FaultCode::GrpcStatus, "answers 16 UNAUTHENTICATED (no such token: ü)"));

    let ca = folder.path().join("ca.pem");
    let mut asked = server.ask(1, "");
    asked["tls"] = json!({ "ca": ca });
    let reading = run(json!([{ "grpc": asked, "expect": { "certificate": { "expires_after": "1d" } } }])).await;
    assert_eq!(reading.outcome.verdict, Verdict::Good);
    // Metadata and trailers, encrypted.
    asked["headers"] = json!({ "authorization": "Bearer wrong" });
    let (code, told) = text(&ask(asked.clone()).await);
    assert_eq!((code, &*told), (FaultCode::GrpcStatus, "answers 16 UNAUTHENTICATED (no such token: ü)"));
    asked["tls"] = json!({});
    let (code, told) = text(&ask(asked).await);
    assert!(matches!(code, FaultCode::CertUntrusted | FaultCode::ChainIncomplete), "{told}");
    let mut asked = server.ask(2, "");
    let pem = |name: &str| folder.path().join(name).with_extension("pem");
    asked["tls"] = json!({ "ca": ca, "cert": pem("our-cert"), "key": pem("our-key") });
    assert_eq!(ask(asked.clone()).await.outcome.verdict, Verdict::Good);
    asked["tls"] = json!({ "ca": ca });
    let (code, told) = text(&ask(asked).await);
    let refused = [FaultCode::TlsClientCertificate, FaultCode::Reset, FaultCode::TlsAlert, FaultCode::Truncated];
    assert!(refused.contains(&code), "{told}");
}

/// What a server of our own answers: headers, chunks of data, trailers.
#[derive(Clone, Default)]
struct Lie {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    data: Vec<Bytes>,
    trailers: Vec<(&'static str, &'static str)>,
}

impl Lie {
    fn respond(&self) -> Response<StreamBody<stream::BoxStream<'static, Result<Frame<Bytes>, Infallible>>>> {
        use futures::StreamExt as _;
        let data: Vec<_> = self.data.iter().map(|chunk| Ok(Frame::data(chunk.clone()))).collect();
        let map = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
        };
        let trailers: Vec<_> =
            if self.trailers.is_empty() { vec![] } else { vec![Ok(Frame::trailers(map(&self.trailers)))] };
        let body = stream::iter(data.into_iter().chain(trailers)).boxed();
        let mut response = Response::new(StreamBody::new(body));
        *response.status_mut() = http::StatusCode::from_u16(self.status).unwrap();
        *response.headers_mut() = map(&self.headers);
        response
    }

    async fn serve(self) -> SocketAddr {
        serve(move |stream| {
            let lie = self.clone();
            async move {
                let answer = service_fn(move |_| {
                    let response = lie.respond();
                    async move { Ok::<_, Infallible>(response) }
                });
                let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
            }
        })
        .await
    }
}

const GRPC: (&str, &str) = ("content-type", "application/grpc");
const WELL: (&str, &str) = ("grpc-status", "0");

fn lie(headers: &[(&'static str, &'static str)], data: &[&[u8]], trailers: &[(&'static str, &'static str)]) -> Lie {
    let data = data.iter().map(|chunk| Bytes::copy_from_slice(chunk)).collect();
    Lie { status: 200, headers: headers.to_vec(), data, trailers: trailers.to_vec() }
}

#[tokio::test]
async fn each_way_to_be_unwell_has_its_code() {
    let serving: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
    let big = [&[0, 0, 0x50, 0, 0][..], &vec![0; 5 << 20]].concat();
    let lies = [
        ("well", lie(&[GRPC], &[serving], &[WELL]), None),
        ("in pieces", lie(&[GRPC], &[&serving[..3], &serving[3..6], &serving[6..]], &[WELL]), None),
        ("unimplemented", lie(&[GRPC, ("grpc-status", "12")], &[], &[]), Some(FaultCode::GrpcUnimplemented)),
        ("not found", lie(&[GRPC], &[], &[("grpc-status", "5")]), Some(FaultCode::GrpcServiceUnknown)),
        ("unknown", lie(&[GRPC], &[&[0, 0, 0, 0, 2, 8, 3]], &[WELL]), Some(FaultCode::GrpcServiceUnknown)),
        ("not serving", lie(&[GRPC], &[&[0, 0, 0, 0, 2, 8, 2]], &[WELL]), Some(FaultCode::GrpcNotServing)),
        ("internal", lie(&[GRPC, ("grpc-status", "13")], &[], &[]), Some(FaultCode::GrpcStatus)),
        ("no status", lie(&[GRPC], &[serving], &[("x", "y")]), Some(FaultCode::GrpcNoStatus)),
        ("no trailers", lie(&[GRPC], &[serving], &[]), Some(FaultCode::GrpcNoStatus)),
        ("no number", lie(&[GRPC], &[serving], &[("grpc-status", "fine")]), Some(FaultCode::GrpcMalformed)),
        ("well, and nothing", lie(&[GRPC], &[], &[WELL]), Some(FaultCode::GrpcMalformed)),
        ("cut", lie(&[GRPC], &[&serving[..6]], &[WELL]), Some(FaultCode::GrpcMalformed)),
        ("two answers", lie(&[GRPC], &[serving, serving], &[WELL]), Some(FaultCode::GrpcMalformed)),
        ("compressed", lie(&[GRPC], &[&[1, 0, 0, 0, 2, 8, 1]], &[WELL]), Some(FaultCode::Decode)),
        ("no message", lie(&[GRPC], &[&[0, 0, 0, 0, 1, 8]], &[WELL]), Some(FaultCode::GrpcMalformed)),
        ("a page", lie(&[("content-type", "text/html")], &[b"<h1>"], &[]), Some(FaultCode::GrpcMalformed)),
        ("5 MiB", lie(&[GRPC], &[&big], &[WELL]), Some(FaultCode::GrpcTooLarge)),
        ("gateway", Lie { status: 502, ..lie(&[], &[], &[]) }, Some(FaultCode::Status)),
    ];
    for (what, lie, code) in lies {
        let address = lie.serve().await;
        let reading = ask(json!({ "connect": address.to_string() })).await;
        assert_eq!(fault_of(&reading), code, "{what}: {:?}", reading.outcome.verdict);
    }
}

/// Runs with so much time; how it ended, and that it ended in time.
async fn hurried(address: SocketAddr) -> (FaultCode, Option<Phase>) {
    let patience = Duration::from_millis(800);
    let steps = vec![step(&json!({ "grpc": { "connect": address.to_string() } }))];
    let reading = Prober::new(tools()).run(&errand(patience, steps), order()).await;
    // A machine that is busy with others' tests wakes late; what floods for ever never ends.
    assert!(reading.outcome.took <= 2 * patience, "{:?}", reading.outcome.took);
    let fault = reading.outcome.verdict.fault().unwrap_or_else(|| panic!("{:?}", reading.outcome.verdict));
    (fault.code, fault.phase)
}

#[tokio::test]
async fn what_is_too_much_says_why() {
    let serving: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
    // Says that it has a few bytes, which would be gigabytes; a Watch that tells news; a message announced as too long.
    let bomb = [&[1, 0, 0, 4, 0][..], &[0x1f, 0x8b, 8, 0], &vec![0; 1020]].concat();
    let watch: Vec<&[u8]> = std::iter::repeat_n(serving, 10_000).collect();
    let lies = [
        ("a bomb", lie(&[GRPC, ("grpc-encoding", "gzip")], &[&bomb], &[WELL]), "is compressed"),
        ("a watch", lie(&[GRPC], &watch, &[]), "more than one answer to one question"),
        ("5 MiB", lie(&[GRPC], &[&[0, 0, 0x50, 0, 0]], &[]), "5242880 bytes; 65536 are read"),
    ];
    let mut codes = Vec::new();
    for (what, lie, words) in lies {
        let (code, told) = text(&ask(json!({ "connect": lie.serve().await.to_string() })).await);
        assert!(told.contains(words), "{what}: {told}");
        codes.push(code);
    }
    assert_eq!(codes, [FaultCode::Decode, FaultCode::GrpcMalformed, FaultCode::GrpcTooLarge]);
}

#[tokio::test]
async fn what_never_ends_ends_at_the_deadline_or_the_cap() {
    // An answer that begins, and then empty chunks without end: no message is ever too long.
    let begun = [&[0, 0, 20, 1, 4, 0, 0, 0, 1, 0x88, 0x0f, 0x10, 16][..], b"application/grpc"].concat();
    let endless = serve(move |mut stream| {
        let begun = begun.clone();
        async move {
            heard_out(&mut stream).await;
            let _ = stream.write_all(&begun).await;
            let nothing = [0, 0, 0, 0, 0, 0, 0, 0, 1].repeat(4096);
            while stream.write_all(&nothing).await.is_ok() {}
        }
    })
    .await;
    let (code, _) = hurried(endless).await;
    assert!(matches!(code, FaultCode::GrpcTooLarge | FaultCode::Protocol | FaultCode::Reset), "{code}");
    let silent = serve(|mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    assert_eq!(hurried(silent).await, (FaultCode::Timeout, Some(Phase::Wait)));
}

/// Says hello as every server does, and listens until the question is there.
async fn heard_out(stream: &mut tokio::net::TcpStream) {
    let _ = stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
    let (mut heard, mut read) = (vec![0; 1024], 0);
    // The preface and the settings first.
    while read < 120 {
        read += stream.read(&mut heard).await.unwrap_or(120).max(1);
    }
}

/// Settings as every server sends them, then the same frames again and again.
async fn flooding(frame: &'static [u8]) -> SocketAddr {
    serve(move |mut stream| async move {
        let _ = stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
        let frames = frame.repeat((64 << 10) / frame.len());
        while stream.write_all(&frames).await.is_ok() {}
    })
    .await
}

#[tokio::test]
async fn floods_end_at_the_cap() {
    for (what, frame) in [
        ("settings", &[0, 0, 0, 4, 0, 0, 0, 0, 0][..]),
        ("ping", &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("data of no stream", &[0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("continuation", &[0, 0, 0, 9, 0, 0, 0, 0, 1]),
        ("noise", b"HTTP/1.1 200 OK\r\n\r\n"),
    ] {
        let (code, _) = hurried(flooding(frame).await).await;
        let known = [FaultCode::GrpcTooLarge, FaultCode::Protocol, FaultCode::Reset, FaultCode::Timeout];
        assert!(known.contains(&code), "{what}: {code}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_http_2_is_told() {
    let identity = crate::support::certificates::Identity::alone(&["localhost"]);
    let web = crate::support::web::Web::secure(identity.server(&["http/1.1"])).await;
    let reading = ask(json!({ "connect": web.address.to_string(), "tls": { "insecure": true } })).await;
    let (code, told) = text(&reading);
    assert!(matches!(code, FaultCode::TlsProtocol | FaultCode::TlsAlert), "{told}");
    let nobody = ask(json!({ "connect": "127.0.0.1:1", "tls": { "ca": "/nonexistent.pem" } })).await;
    assert!(matches!(nobody.outcome.verdict, Verdict::Inconclusive { why: SelfFault::Unsupported, .. }));
}
