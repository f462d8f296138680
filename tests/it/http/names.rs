//! Names, addresses, proxies: what is theirs and what is ours.

use std::net::Ipv4Addr;

use hickory_resolver::proto::op::ResponseCode;
use serde_json::json;
use unbroken::model::{FaultCode, Phase, SelfFault};

use crate::parts::free_address;
use crate::support::certificates::{Authority, Valid};
use crate::support::dns::{Dns, Manner};
use crate::support::probe::{asking, get, http, trusting};
use crate::support::proxy::Proxy;
use crate::support::raw::{Raw, say};
use crate::support::web::Web;

#[tokio::test]
async fn every_answer_of_a_name_server_has_its_own_fault() {
    for (manner, code) in [
        (Manner::Code(ResponseCode::NXDomain), FaultCode::DnsNxdomain),
        (Manner::Code(ResponseCode::ServFail), FaultCode::DnsServfail),
        (Manner::Code(ResponseCode::Refused), FaultCode::DnsRefused),
        (Manner::Code(ResponseCode::FormErr), FaultCode::DnsFormerr),
        (Manner::Code(ResponseCode::NoError), FaultCode::DnsEmpty),
    ] {
        let dns = Dns::serve(manner).await;
        let met = http(get("http://shop.example/")).run_in(asking(&[dns.address])).await;
        assert_eq!(met.phases(), ["dns"], "{code}");
        met.failed(code, Phase::Dns);
    }
    for (manner, code) in [(Manner::Silent, FaultCode::DnsTimeout), (Manner::Garbage, FaultCode::DnsMalformed)] {
        let dns = Dns::serve(manner).await;
        let met = http(get("http://shop.example/")).within(400).run_in(asking(&[dns.address])).await;
        met.failed(code, Phase::Dns);
    }
}

#[tokio::test]
async fn names_are_looked_up_afresh() {
    let web = Web::plain().await;
    let dns = Dns::serve(Manner::Address(Ipv4Addr::LOCALHOST)).await;
    let met = http(get(web.url("http", "shop.example"))).run_in(asking(&[dns.address])).await.good();
    assert_eq!(met.last().peer, Some(web.address));
    // Only one family is there, and it is not silently replaced.
    for (ip, fine) in [("4", true), ("any", true), ("6", false)] {
        let settings = json!({ "get": web.url("http", "shop.example"), "ip": ip });
        let met = http(settings).run_in(asking(&[dns.address])).await;
        if fine { drop(met.good()) } else { drop(met.failed(FaultCode::DnsEmpty, Phase::Dns)) }
    }
    let literal = json!({ "get": web.url("http", "127.0.0.1"), "ip": "6" });
    http(literal).run().await.failed(FaultCode::DnsEmpty, Phase::Dns);
    http(get(web.url("http", "localhost"))).run().await.good();
}

#[tokio::test]
async fn no_name_server_is_our_own_trouble() {
    let gone = free_address();
    http(get("http://shop.example/")).run_in(asking(&[gone])).await.inconclusive(SelfFault::ResolverUnreachable);
}

#[tokio::test]
async fn a_name_bent_to_metadata_is_not_asked() {
    http(get("http://bent.test/")).run().await.inconclusive(SelfFault::Unsafe);
    let dns = Dns::serve(Manner::Address(Ipv4Addr::new(169, 254, 169, 254))).await;
    let met = http(get("http://shop.example/")).run_in(asking(&[dns.address])).await;
    met.inconclusive(SelfFault::Unsafe);
}

#[tokio::test]
async fn nobody_there_is_refused_at_once() {
    let gone = free_address();
    let met = http(get(format!("http://{gone}/"))).run().await;
    assert_eq!(met.phases(), ["connect"]);
    met.failed(FaultCode::ConnectRefused, Phase::Connect);
    // Both addresses of the name are tried.
    let name = http(get(format!("http://localhost:{}/", gone.port()))).run().await;
    name.failed(FaultCode::ConnectRefused, Phase::Connect);
}

#[tokio::test]
async fn a_proxy_is_a_phase_of_its_own() {
    let authority = Authority::new("Test");
    let web = Web::secure(authority.sign(&["hidden.example"], Valid::Now).server(&["h2", "http/1.1"])).await;
    let proxy = Proxy::to(web.address).await;
    let url = format!("http://u:p%40ss@{}", proxy.address);
    let met = http(json!({ "get": "https://hidden.example/", "proxy": url }))
        .run_in(trusting(authority.roots()))
        .await
        .good();
    assert_eq!(met.phases(), ["connect", "proxy", "tls", "send", "wait", "receive", "assert"]);
    let head = proxy.heads().pop().unwrap();
    assert!(head.starts_with("CONNECT hidden.example:443 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("proxy-authorization: Basic dTpwQHNz\r\n"), "{head}");
}

#[tokio::test]
async fn plain_requests_name_their_whole_url_to_a_proxy() {
    let raw = Raw::serve([say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")]).await;
    let proxied = json!({ "get": "http://hidden.example/x?y=1", "proxy": raw.url("") });
    http(proxied).run().await.good();
    let head = raw.heads().pop().unwrap();
    assert!(head.starts_with("GET http://hidden.example/x?y=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("host: hidden.example\r\n"), "{head}");
}

#[tokio::test]
async fn a_proxy_that_does_not_let_through_is_named() {
    for (answer, said, code) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407", FaultCode::ProxyAuth),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "502", FaultCode::ProxyGateway),
        ("nonsense\r\n\r\n", "nonsense", FaultCode::ProxyRefused),
        ("", "hung up", FaultCode::ProxyRefused),
    ] {
        let raw = Raw::serve([say(answer)]).await;
        let settings = json!({ "get": "https://hidden.example/", "proxy": raw.url("") });
        let fault = http(settings).run().await.failed(code, Phase::Proxy);
        assert!(fault.text.contains(said), "{fault:?}");
    }
    let gone = free_address();
    let settings = json!({ "get": "https://hidden.example/", "proxy": format!("http://{gone}") });
    http(settings).run().await.failed(FaultCode::ProxyRefused, Phase::Proxy);
}
