//! Two network interfaces as vantages, in a network of the test's own: from one that is unplugged nothing is seen, and
//! that is our trouble and not the shop's.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;

use super::Gate;
use crate::support::net::Net;
use crate::world::{Inside, World, shop};

const SHOP: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);

/// Here, and where the shop is: two ways lead there.
fn two_ways() -> (Net, Net) {
    let (here, there) = (Net::new("here"), Net::new("there"));
    there.inside(&["addr", "add", &format!("{SHOP}/32"), "dev", "lo"]);
    for (link, prefix, metric) in [("wire", "10.99.1", "1"), ("radio", "10.99.2", "2")] {
        here.cable(link, &there, prefix);
        lead(&here, link, prefix, metric);
    }
    // Answers come back by the cable that the question went out by, whichever is the better way.
    here.set("conf/all/rp_filter", "2");
    (here, there)
}

fn lead(here: &Net, link: &str, prefix: &str, metric: &str) {
    let via = format!("{prefix}.2");
    here.inside(&["route", "replace", &SHOP.to_string(), "via", &via, "dev", link, "metric", metric]);
}

#[tokio::test]
async fn an_unplugged_interface_blinds_its_vantage_and_costs_the_shop_nothing() {
    let (here, there) = two_ways();
    let (gate, inside) = (Gate::on(there.listen(SHOP.into())), Inside(&here.name));
    let mut world = World::empty();
    world.write(
        "config/unbroken.yaml",
        "company: Test\nlisten: 127.0.0.1:0\nstore: ../unbroken.db\nvantages:\n  wire: { interface: wire }\n  radio: { interface: radio }\n",
    );
    world.write("config/journeys.yaml", "journeys:\n  buy:\n    stages:\n      buy: { touchpoints: [shop] }\n");
    world.write("probes/shop.yaml", &shop(&format!("http://{}/", gate.address)));
    world.start_inside(&here.name).await;
    let whole = |status: &Value| status["journeys"][0]["score"] == 100.0 && status["journeys"][0]["observed"] == 1.0;
    inside.until(&world, "both see it", whole).await;
    let [wire, radio] = [1, 2].map(|net| IpAddr::V4(Ipv4Addr::new(10, 99, net, 1)));
    assert_eq!(gate.seen(), BTreeSet::from([wire, radio]), "each leaves by its own interface");

    here.link("radio", "down");
    inside.until(&world, "one sees nothing", |status| status["journeys"][0]["observed"] == 0.5).await;
    let status = inside.asked(&world).expect("it answers");
    assert_eq!(status["journeys"][0]["score"], 100.0, "the other sees that all is well");
    let troubles = status["troubles"].to_string();
    assert!(troubles.contains("\"radio: ") && !troubles.contains("wire: "), "{troubles}");
    assert_eq!(status["open_incidents"], 0, "nothing about the shop: {status}");

    // Somebody removed the interface: a new one of that name is as good.
    here.link("radio", "up");
    lead(&here, "radio", "10.99.2", "2");
    inside
        .until(&world, "both see it again", |status| whole(status) && status["troubles"] == serde_json::json!([]))
        .await;
}
