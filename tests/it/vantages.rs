//! Several vantages on one machine, by their source addresses: what fails from one is that one's matter, what fails from
//! all is an outage, and one that cannot see says nothing.

mod links;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::proxy::Proxy;
use crate::world::{Hook, Target, World, shop};

const OFFICE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const MOBILE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

/// A web server that knows who asks, and serves whom it likes.
struct Gate {
    address: SocketAddr,
    refused: Arc<Mutex<BTreeSet<IpAddr>>>,
    seen: Arc<Mutex<BTreeSet<IpAddr>>>,
}

impl Gate {
    async fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.expect("a free port"))
    }

    fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("an address");
        let (refused, seen) = (Arc::<Mutex<BTreeSet<IpAddr>>>::default(), Arc::<Mutex<BTreeSet<IpAddr>>>::default());
        let (to_refuse, to_see) = (Arc::clone(&refused), Arc::clone(&seen));
        let answer = move |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move {
            to_see.lock().expect("no panic").insert(peer.ip());
            if to_refuse.lock().expect("no panic").contains(&peer.ip()) {
                StatusCode::FORBIDDEN
            } else {
                StatusCode::OK
            }
        };
        let service = Router::new().route("/", get(answer)).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { address, refused, seen }
    }

    fn refuse(&self, whom: &[IpAddr]) {
        *self.refused.lock().expect("no panic") = whom.iter().copied().collect();
    }

    fn seen(&self) -> BTreeSet<IpAddr> {
        self.seen.lock().expect("no panic").clone()
    }
}

fn world(gate: &Gate, hook: &Hook, vantages: &str) -> World {
    let world = World::empty();
    let receivers = format!("receivers: {{ hook: {{ webhook: {{ url: \"{}\" }} }} }}", hook.url());
    world.write(
        "config/unbroken.yaml",
        &format!("company: Test\nlisten: 127.0.0.1:0\nstore: ../unbroken.db\nalerts: {{ {receivers} }}\nvantages:\n{vantages}"),
    );
    world.write("config/journeys.yaml", "journeys:\n  buy:\n    stages:\n      buy: { touchpoints: [shop] }\n");
    world.write("probes/shop.yaml", &shop(&format!("http://{}/", gate.address)));
    world
}

const TWO: &str = "  office: { source: 127.0.0.2 }\n  mobile: { source: 127.0.0.3 }\n";

/// The state of the probe from each vantage.
async fn states(world: &World) -> Vec<(String, String)> {
    let shop = world.json("/api/v1/touchpoints/shop").await;
    let series = shop["probes"][0]["series"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    series.iter().map(|series| (text(&series["vantage"]), text(&series["state"]))).collect()
}

async fn until_states(world: &World, office: &str, mobile: &str) {
    let wanted = [("office", office), ("mobile", mobile)].map(|(a, b)| (a.to_owned(), b.to_owned()));
    world
        .until(&format!("office is {office}, mobile {mobile}"), async |world: &World| states(world).await == wanted)
        .await;
}

/// What is told of the shop: the kind of letter and its severity, each letter once.
fn told(hook: &Hook) -> Vec<(String, String)> {
    let mut known = BTreeSet::new();
    let letters = hook.letters().into_iter().filter(|letter| letter.taken && known.insert(letter.id.clone()));
    let shop = letters.filter(|letter| !letter.body["data"]["cause"].to_string().contains("own"));
    shop.map(|letter| (letter.kind().to_owned(), letter.body["data"]["severity"].as_str().unwrap_or("").to_owned()))
        .collect()
}

#[tokio::test]
async fn one_vantage_blocked_is_a_ticket_and_all_of_them_an_outage() {
    let (gate, hook) = (Gate::start().await, Hook::start().await);
    let mut world = world(&gate, &hook, TWO);
    world.start().await;
    until_states(&world, "up", "up").await;
    world.until_score("buy", 100.0).await;
    assert_eq!(gate.seen(), BTreeSet::from([OFFICE, MOBILE]), "each probes from its own address");

    gate.refuse(&[MOBILE]);
    until_states(&world, "up", "down").await;
    world.until_score("buy", 50.0).await;
    world.until("it is told", async |_: &World| !told(&hook).is_empty()).await;
    let metrics = world.get("/metrics").await;
    let up = |vantage: &str, up: u8| {
        metrics.contains(&format!("unbroken_probe_up{{touchpoint=\"shop\",probe=\"home\",vantage=\"{vantage}\"}} {up}"))
    };
    assert!(up("office", 1) && up("mobile", 0), "{metrics}");
    let page = world.get("/touchpoints/shop").await;
    assert!(page.contains("<td>office</td>") && page.contains("<td>mobile</td>"), "{page}");

    // Killed and started again, it goes on from where it was, and tells nobody anew.
    world.kill();
    world.start().await;
    until_states(&world, "up", "down").await;
    let ticket = ("open".to_owned(), "ticket".to_owned());
    assert_eq!(told(&hook), std::slice::from_ref(&ticket));
    let headline = hook.taken("open")[0].body["data"]["headline"].to_string();
    assert!(headline.contains(" is in trouble from `mobile` only"), "{headline}");

    gate.refuse(&[OFFICE, MOBILE]);
    until_states(&world, "down", "down").await;
    world.until_score("buy", 0.0).await;
    world.until("somebody is woken", async |_: &World| told(&hook).len() > 1).await;
    gate.refuse(&[]);
    until_states(&world, "up", "up").await;
    world.until("it is over", async |_: &World| told(&hook).len() > 2).await;
    let page = |kind: &str| (kind.to_owned(), "page".to_owned());
    assert_eq!(told(&hook), [ticket, page("update"), page("resolve")]);
}

#[tokio::test]
async fn a_vantage_whose_canaries_are_silent_is_one_alert_about_ourselves_and_nothing_else() {
    let (gate, hook) = (Gate::start().await, Hook::start().await);
    let canary = Target::start().await;
    let sure = canary.url().replace("http", "tcp");
    // Nobody listens there, and nobody else comes to do so meanwhile.
    let gone = TcpListener::bind("127.0.0.77:0").await.expect("a free port").local_addr().expect("an address");
    let vantages = format!(
        "  office: {{ source: 127.0.0.2, canaries: [\"{}\"] }}\n  mobile: {{ source: 127.0.0.3, canaries: [\"tcp://{gone}\"] }}\n",
        sure.trim_end_matches('/')
    );
    let mut world = world(&gate, &hook, &vantages);
    world.start().await;
    until_states(&world, "up", "unknown").await;
    gate.refuse(&[MOBILE]);
    world.until("we were told of it", async |_: &World| !hook.taken("open").is_empty()).await;
    assert_eq!(told(&hook), [], "nothing about the shop");
    let own: BTreeSet<String> = hook.taken("open").iter().map(|letter| letter.body["data"].to_string()).collect();
    assert_eq!(own.len(), 1);
    assert!(own.first().is_some_and(|text| text.contains("self_blind")), "{own:?}");
    let open = world.json("/api/v1/incidents?state=open").await.to_string();
    assert!(open.contains("mobile: no canary answers"), "{open}");
    assert_eq!(states(&world).await[0].1, "up");
    // It sees again once its canary does.
    let _listener = TcpListener::bind(gone).await.expect("the port is free");
    gate.refuse(&[]);
    until_states(&world, "up", "up").await;
    world.until("it is over", async |_: &World| !hook.taken("resolve").is_empty()).await;
    assert_eq!(told(&hook), []);
}

/// One that is alone, and is gone between two of its looks at its canary: it asks at once.
#[tokio::test]
async fn an_uplink_that_is_lost_condemns_nothing_before_its_canary_was_asked() {
    let (gate, hook) = (Gate::start().await, Hook::start().await);
    let canary = TcpListener::bind("127.0.0.77:0").await.expect("a free port");
    let address = canary.local_addr().expect("an address");
    let vantages = format!("  office: {{ source: 127.0.0.2, canaries: [\"tcp://{address}\"] }}\n");
    let mut world = world(&gate, &hook, &vantages);
    world.start().await;
    world.until_score("buy", 100.0).await;
    // Something real is told, for somebody answers.
    gate.refuse(&[OFFICE]);
    world.until("it is down", async |world: &World| states(world).await[0].1 == "down").await;
    gate.refuse(&[]);
    world.until("it is up", async |world: &World| states(world).await[0].1 == "up").await;
    world.until("it was told", async |_: &World| told(&hook).len() == 2).await;
    drop(canary);
    gate.refuse(&[OFFICE]);
    world.until("nothing is known", async |world: &World| states(world).await[0].1 == "unknown").await;
    assert_eq!(told(&hook).len(), 2, "{:?}", told(&hook));
    let open = world.json("/api/v1/incidents?state=open").await.to_string();
    assert!(!open.contains("shop"), "{open}");
}

#[tokio::test]
async fn a_vantage_may_be_a_proxy_and_what_none_carries_runs_from_the_others() {
    let (gate, hook) = (Gate::start().await, Hook::start().await);
    let proxy = Proxy::to(gate.address).await;
    let vantages = format!("  office: {{ source: 127.0.0.2 }}\n  mobile: {{ proxy: \"http://{}\" }}\n", proxy.address);
    let mut world = world(&gate, &hook, &vantages);
    let port = gate.address.port();
    world.write(
        "probes/shop.yaml",
        &format!(
            "defaults: {{ every: 1s, timeout: 900ms }}\nprobes:\n  port:\n    steps: [ {{ tcp: {{ connect: \"localhost:{port}\" }} }} ]\n  ping:\n    steps: [ {{ icmp: {{ ping: 127.0.0.1, count: 1 }} }} ]\n"
        ),
    );
    world.start().await;
    world.until_score("buy", 100.0).await;
    let shop = world.json("/api/v1/touchpoints/shop").await;
    let vantages = |probe: usize| -> Vec<String> {
        let series = shop["probes"][probe]["series"].as_array().cloned().unwrap_or_default();
        series.iter().map(|series| series["vantage"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!((vantages(0), vantages(1)), (vec!["office".into(), "mobile".into()], vec!["office".into()]));
    let heads = proxy.heads();
    assert!(
        !heads.is_empty() && heads.iter().all(|head| head.starts_with(&format!("CONNECT localhost:{port} "))),
        "{heads:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_is_from_the_vantage_that_is_named() {
    let (gate, hook) = (Gate::start().await, Hook::start().await);
    let world = world(&gate, &hook, TWO);
    gate.refuse(&[MOBILE]);
    let run = async |args: &[&str]| tokio::task::block_in_place(|| world.run(args));
    let (code, out, _) = run(&["probe", "shop"]).await;
    assert_eq!((code, gate.seen()), (0, BTreeSet::from([OFFICE])), "{out}");
    assert!(out.starts_with("shop/home from office  good"), "{out}");
    let (code, out, _) = run(&["probe", "shop", "--from", "mobile"]).await;
    assert_eq!((code, gate.seen()), (1, BTreeSet::from([OFFICE, MOBILE])), "{out}");
    let (code, _, errors) = run(&["probe", "shop", "--from", "mobil"]).await;
    assert_eq!(code, 2);
    assert!(errors.contains("there is no vantage `mobil`; did you mean `mobile`?"), "{errors}");
    let (code, out, _) = run(&["check"]).await;
    assert_eq!((code, out.as_str()), (0, "well: 1 journey, 1 touchpoint, 1 probe, 2 vantages\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_is_scored_by_what_its_one_vantage_sees() {
    let (gate, hook) = (Gate::start().await, Hook::start().await);
    let world = world(&gate, &hook, TWO);
    for (refused, score) in [(&[MOBILE][..], 100.0), (&[OFFICE][..], 0.0)] {
        gate.refuse(refused);
        let (_, out, errors) = tokio::task::block_in_place(|| world.run(&["walk", "--format", "json"]));
        let walked: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{errors}"));
        assert_eq!(walked["journeys"][0]["score"], score, "{out}");
    }
}
