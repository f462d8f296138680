//! A daemon in a network namespace, asked from within.

use std::process::Command;

use serde_json::Value;

use super::World;

/// The namespace's name.
pub(crate) struct Inside<'a>(pub(crate) &'a str);

impl Inside<'_> {
    /// What `status` says; none, if it says nothing.
    pub(crate) fn asked(&self, world: &World) -> Option<Value> {
        let output = Command::new("ip")
            .args(["netns", "exec", self.0])
            .arg(env!("CARGO_BIN_EXE_unbroken"))
            .args(["status", "--format", "json", "--url", world.page()])
            .output()
            .expect("ip is there");
        serde_json::from_slice(&output.stdout).ok()
    }

    pub(crate) async fn until(&self, world: &World, what: &str, holds: impl Fn(&Value) -> bool) {
        world.until(what, async |world: &World| self.asked(world).is_some_and(|status| holds(&status))).await;
    }
}
