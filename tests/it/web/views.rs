//! The pages as people see them.

use super::halcyon::Mood;
use super::site::start;

/// Serves every mood until stopped, for whoever wants to look: `cargo test --test it look -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "for people"]
async fn look() {
    for mood in [Mood::BillingDown, Mood::Well, Mood::Pending, Mood::Blind, Mood::Hostile] {
        let site = start(mood).await;
        println!("{mood:?} {}", site.url("/"));
        std::mem::forget(site);
    }
    std::future::pending::<()>().await;
}
