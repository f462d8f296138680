//! A network namespace with a loopback of its own, gone with the test.

use std::process::Command;

use super::folder::run;

pub(crate) struct Island(String);

impl Island {
    pub(crate) fn new(name: &str) -> Self {
        let island = Self(format!("ub{name}{}", std::process::id()));
        run(Command::new("ip").args(["netns", "add", &island.0]));
        run(Command::new("ip").args(["-n", &island.0, "link", "set", "lo", "up"]));
        island
    }

    /// A program that sees this network only.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }

    pub(crate) fn inside(&self, program: &str, args: &[&str]) {
        run(self.command(program).args(args));
    }
}

impl Drop for Island {
    fn drop(&mut self) {
        Command::new("ip").args(["netns", "del", &self.0]).status().ok();
    }
}
