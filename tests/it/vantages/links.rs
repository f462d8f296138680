//! Two network interfaces as vantages, in a network of the test's own: from one that is unplugged nothing is seen, and
//! that is our trouble and not the shop's.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd as _;
use std::process::Command;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;
use tokio::net::TcpListener;

use super::Gate;
use crate::support::net::run;
use crate::world::{Inside, World, shop};

/// Two namespaces, and two cables between them.
struct Cables {
    here: String,
    there: String,
}

impl Cables {
    const SHOP: &str = "10.99.0.1";

    fn lay() -> Self {
        let id = std::process::id();
        let cables = Self { here: format!("ubh{id}"), there: format!("ubt{id}") };
        for name in [&cables.here, &cables.there] {
            run("ip", &["netns", "add", name]);
            run("ip", &["-n", name, "link", "set", "lo", "up"]);
        }
        run("ip", &["-n", &cables.there, "addr", "add", &format!("{}/32", Self::SHOP), "dev", "lo"]);
        for (link, net, metric) in [("wire", "10.99.1", "1"), ("radio", "10.99.2", "2")] {
            let peer = ["type", "veth", "peer", "name", link, "netns", &cables.there];
            run("ip", &[&["-n", &cables.here, "link", "add", link][..], &peer].concat());
            for (name, host) in [(&cables.here, 1), (&cables.there, 2)] {
                run("ip", &["-n", name, "addr", "add", &format!("{net}.{host}/24"), "dev", link]);
                run("ip", &["-n", name, "link", "set", link, "up"]);
            }
            let way = ["via", &format!("{net}.2"), "dev", link, "metric", metric];
            run("ip", &[&["-n", &cables.here, "route", "add", Self::SHOP][..], &way].concat());
        }
        // Answers come back by the cable that the question went out by, whichever is the better way.
        run("ip", &["netns", "exec", &cables.here, "sh", "-c", "echo 2 > /proc/sys/net/ipv4/conf/all/rp_filter"]);
        cables
    }

    /// A socket of the far end; it works from anywhere once it is bound.
    fn listen(&self) -> TcpListener {
        let namespace = File::open(format!("/run/netns/{}", self.there)).unwrap();
        let within = std::thread::spawn(move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            std::net::TcpListener::bind((Self::SHOP, 0)).unwrap()
        });
        let listener = within.join().unwrap();
        listener.set_nonblocking(true).unwrap();
        TcpListener::from_std(listener).unwrap()
    }

    fn link(&self, name: &str, state: &str) {
        run("ip", &["-n", &self.here, "link", "set", name, state]);
    }

    fn inside(&self) -> Inside<'_> {
        Inside(&self.here)
    }
}

impl Drop for Cables {
    fn drop(&mut self) {
        for name in [&self.here, &self.there] {
            Command::new("ip").args(["netns", "del", name]).status().ok();
        }
    }
}

#[tokio::test]
async fn an_unplugged_interface_blinds_its_vantage_and_costs_the_shop_nothing() {
    let cables = Cables::lay();
    let gate = Gate::on(cables.listen());
    let mut world = World::empty();
    world.write(
        "config/unbroken.yaml",
        "company: Test\nlisten: 127.0.0.1:0\nstore: ../unbroken.db\nvantages:\n  wire: { interface: wire }\n  radio: { interface: radio }\n",
    );
    world.write("config/journeys.yaml", "journeys:\n  buy:\n    stages:\n      buy: { touchpoints: [shop] }\n");
    world.write("probes/shop.yaml", &shop(&format!("http://{}/", gate.address)));
    world.start_inside(&cables.here).await;
    let whole = |status: &Value| status["journeys"][0]["score"] == 100.0 && status["journeys"][0]["observed"] == 1.0;
    cables.inside().until(&world, "both see it", whole).await;
    let [wire, radio] = [1, 2].map(|net| IpAddr::V4(Ipv4Addr::new(10, 99, net, 1)));
    assert_eq!(gate.seen(), BTreeSet::from([wire, radio]), "each leaves by its own interface");

    cables.link("radio", "down");
    cables.inside().until(&world, "one sees nothing", |status| status["journeys"][0]["observed"] == 0.5).await;
    let status = cables.inside().asked(&world).expect("it answers");
    assert_eq!(status["journeys"][0]["score"], 100.0, "the other sees that all is well");
    let troubles = status["troubles"].to_string();
    assert!(troubles.contains("\"radio: ") && !troubles.contains("wire: "), "{troubles}");
    assert_eq!(status["open_incidents"], 0, "nothing about the shop: {status}");

    // Somebody removed the interface: a new one of that name is as good.
    cables.link("radio", "up");
    let way = ["route", "replace", Cables::SHOP, "via", "10.99.2.2", "dev", "radio", "metric", "2"];
    run("ip", &[&["-n", &cables.here][..], &way].concat());
    cables
        .inside()
        .until(&world, "both see it again", |status| whole(status) && status["troubles"] == serde_json::json!([]))
        .await;
}
