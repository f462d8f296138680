//! The machine's own name servers: silent, replaced, gone (D02, D12).

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use serde_json::json;
use unbroken::clock::Clock;
use unbroken::model::{FaultCode, SelfFault, Verdict};
use unbroken::probe::connect::Network;
use unbroken::probe::connect::resolve::{Family, Resolver};
use unbroken::probe::connect::tls::Tls;
use unbroken::probe::{Prober, Stop, Tools};
use url::Host;

use crate::support::dns::{Dns, Manner};
use crate::support::net::Net;
use crate::walk::{errand, order, step, tools};

const HOST: Host<&str> = Host::Domain("shop.example");

/// Written aside and renamed, as network managers do.
fn write(folder: &Path, servers: &[&str]) {
    let text: String = servers.iter().map(|server| format!("nameserver {server}\n")).collect();
    fs::write(folder.join("new"), text).unwrap();
    fs::rename(folder.join("new"), folder.join("resolv.conf")).unwrap();
}

fn resolver(folder: &Path) -> Resolver {
    Resolver::of_files(folder.join("resolv.conf"), folder.join("hosts"))
}

fn meaning(last: u8) -> Manner {
    Manner::Address(Ipv4Addr::new(192, 0, 2, last))
}

fn ip(last: u8) -> Vec<IpAddr> {
    vec![[192, 0, 2, last].into()]
}

/// The minute within which a change must be noticed.
async fn a_minute_later() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
}

#[test]
fn d02_a_silent_name_server_costs_little_while_the_next_one_answers() {
    let folder = tempfile::tempdir().unwrap();
    // Port 53 is free in a network of our own.
    Net::new("one").enter(|| async {
        let _silent = Dns::serve_on("127.0.0.11:53", Manner::Silent).await;
        let _answers = Dns::serve_on("127.0.0.12:53", meaning(1)).await;
        write(folder.path(), &["127.0.0.11", "127.0.0.12"]);
        let resolver = resolver(folder.path());
        let began = tokio::time::Instant::now();
        assert_eq!(resolver.addresses(&HOST, Family::V4).await, Ok(ip(1)));
        let first = began.elapsed();
        // From now on the one that answers is asked first: a probe's customers do not wait for our silent one.
        let began = tokio::time::Instant::now();
        for _ in 0..10 {
            assert_eq!(resolver.addresses(&HOST, Family::Any).await, Ok(ip(1)));
        }
        assert!(began.elapsed() < 8 * first, "the silent one was not waited for ten times: {first:?}");
        let network = Arc::new(Network::new(resolver, Tls::new(Clock::system()).trusting(RootCertStore::empty())));
        let prober = Prober::new(Tools { network, ..tools() });
        let lookup = json!({ "dns": { "lookup": "shop.example" }, "expect": { "records": { "length": 1 } } });
        let reading = prober.run(&errand(Duration::from_secs(3), vec![step(&lookup)]), order()).await;
        assert_eq!(reading.outcome.verdict, Verdict::Good, "{:#?}", reading.outcome);
    });
}

#[test]
fn d02_when_all_are_silent_the_deadline_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    Net::new("all").enter(|| async {
        let _silent = [
            Dns::serve_on("127.0.0.11:53", Manner::Silent).await,
            Dns::serve_on("127.0.0.12:53", Manner::Silent).await,
        ];
        write(folder.path(), &["127.0.0.11", "127.0.0.12"]);
        let network = Arc::new(Network::new(resolver(folder.path()), Tls::new(Clock::system())));
        let prober = Prober::new(Tools { network, ..tools() });
        for written in
            [json!({ "dns": { "lookup": "shop.example" } }), json!({ "tcp": { "connect": "shop.example:80" } })]
        {
            let reading = prober.run(&errand(Duration::from_millis(800), vec![step(&written)]), order()).await;
            let fault = reading.outcome.verdict.fault().unwrap_or_else(|| panic!("{:#?}", reading.outcome));
            assert_eq!(fault.code, FaultCode::DnsTimeout);
        }
    });
}

#[test]
fn d12_a_resolv_conf_that_is_replaced_or_emptied_is_noticed_within_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    Net::new("file").enter(|| async {
        let _servers =
            [Dns::serve_on("127.0.0.11:53", meaning(1)).await, Dns::serve_on("127.0.0.12:53", meaning(2)).await];
        let resolver = resolver(folder.path());
        let own = |found: Result<Vec<IpAddr>, Stop>| matches!(found, Err(Stop::Own(SelfFault::ResolverUnreachable, _)));
        assert!(own(resolver.addresses(&HOST, Family::V4).await), "there is no file yet");
        for (servers, means) in
            [(&["127.0.0.11"][..], Some(1)), (&["127.0.0.12"], Some(2)), (&[], None), (&["127.0.0.11"], Some(1))]
        {
            write(folder.path(), servers);
            a_minute_later().await;
            let found = resolver.addresses(&HOST, Family::V4).await;
            match means {
                Some(last) => assert_eq!(found, Ok(ip(last)), "{servers:?}"),
                None => assert!(own(found), "an empty file is our own trouble"),
            }
        }
        fs::remove_file(folder.path().join("resolv.conf")).unwrap();
        a_minute_later().await;
        assert!(own(resolver.addresses(&HOST, Family::V4).await), "and so is none");
    });
}
