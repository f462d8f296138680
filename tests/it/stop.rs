//! What becomes of the runs that are under way when the daemon is told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::world::{Hook, Target, World, client};

/// Answers `/soon` after a second, and `/held` at once or never.
#[derive(Clone, Default)]
struct Slow {
    soon_asked: Arc<AtomicUsize>,
    soon_answered: Arc<AtomicUsize>,
    held_asked: Arc<AtomicUsize>,
    holds: Arc<AtomicBool>,
}

impl Slow {
    /// Its address.
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (slow, held) = (self.clone(), self.clone());
        let soon = move || async move {
            slow.soon_asked.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            slow.soon_answered.fetch_add(1, Ordering::SeqCst);
            "ok"
        };
        let held = move || async move {
            held.held_asked.fetch_add(1, Ordering::SeqCst);
            if held.holds.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            "ok"
        };
        let router = Router::new().route("/soon", get(soon)).route("/held", get(held));
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    fn is_asked_soon(&self) -> bool {
        self.soon_asked.load(Ordering::SeqCst) > self.soon_answered.load(Ordering::SeqCst)
    }

    fn held(&self) -> usize {
        self.held_asked.load(Ordering::SeqCst)
    }
}

/// Due, and those that came to a reading or are on their way to one.
fn counted(metrics: &str) -> (f64, f64) {
    let sum = |name: &str| -> f64 {
        let lines = metrics.lines().filter(|line| line.starts_with(name) && line[name.len()..].starts_with(['{', ' ']));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    (sum("unbroken_runs_due_total"), sum("unbroken_readings_total") + sum("unbroken_runs_under_way"))
}

/// Every verdict of a probe that the store has.
async fn verdicts(world: &World, probe: &str) -> Vec<String> {
    let readings = world.json(&format!("/api/v1/probes/shop/{probe}/readings?limit=100")).await;
    let items = readings["items"].as_array().expect("items").iter();
    items.map(|reading| reading["verdict"].as_str().expect("a verdict").to_owned()).collect()
}

#[tokio::test]
async fn a_run_under_way_at_the_stop_is_finished_or_was_never_due() {
    let (target, hook, slow) = (Target::start().await, Hook::start().await, Slow::default());
    let mut world = World::new(&target, &hook);
    let url = slow.start().await;
    // Of `held`, more is left than any grace when it is stopped.
    world.write(
        "probes/shop.yaml",
        &format!(
            "title: The shop\nprobes:\n  soon: {{ every: 3s, timeout: 3s, steps: [ {{ http: {{ get: '{url}/soon' }} }} ] }}\n  \
             held: {{ every: 10s, timeout: 10s, steps: [ {{ http: {{ get: '{url}/held' }} }} ] }}\n"
        ),
    );
    world.start().await;
    world.until_score("buy", 100.0).await;
    slow.holds.store(true, Ordering::SeqCst);
    let before = slow.held();
    world.until("one run hangs", async |_: &World| slow.held() > before).await;
    world.until("another will be answered", async |_: &World| slow.is_asked_soon()).await;
    let page = format!("{}metrics", world.page());
    let scrapes = tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Ok(answer) = client().get(&page).send().await {
            seen.push(counted(&answer.text().await.unwrap_or_default()));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        seen
    });
    let (took, code) = world.stop().await;
    assert!(took < Duration::from_secs(10), "took {took:?}");
    assert_eq!(code, Some(0), "{}", world.log());
    for (due, accounted) in scrapes.await.expect("scrapes") {
        assert!((due - accounted).abs() < 0.5, "{due} were due, and {accounted} have a reading or are under way");
    }
    assert!(!slow.is_asked_soon(), "it was waited for");
    let (soon, held) = (slow.soon_answered.load(Ordering::SeqCst), slow.held());

    slow.holds.store(false, Ordering::SeqCst);
    world.start().await;
    world
        .until("both were asked again", async |world: &World| {
            // How long nobody looked hangs on the machine, and may cost a little; it never costs the number.
            assert_ne!(world.score("buy").await, None, "no gap");
            let (due, accounted) = counted(&world.get("/metrics").await);
            assert!((due - accounted).abs() < 0.5, "{due} were due, and {accounted} have a reading or are under way");
            slow.held() > held && slow.soon_answered.load(Ordering::SeqCst) > soon + 1
        })
        .await;
    world.until("it is written down", async |world: &World| verdicts(world, "soon").await.len() > soon).await;
    world.until("it is written down", async |world: &World| verdicts(world, "held").await.len() >= held).await;
    assert_eq!(verdicts(&world, "held").await.len(), held, "one asked again, and one was given up without a reading");
    for probe in ["soon", "held"] {
        let verdicts = verdicts(&world, probe).await;
        assert!(verdicts.iter().all(|verdict| verdict == "good" || verdict == "slow"), "{probe}: {verdicts:?}");
    }
    assert_eq!(hook.letters().len(), 0, "{:?}", hook.letters());
}
