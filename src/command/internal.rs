//! `unbroken internal …`: what the daemon runs in a child process, so that hostile input can kill only the child.

use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum What {
    /// Reads a PDF from stdin, writes its text as JSON
    PdfText,
}

impl Args {
    pub(super) fn run(&self) -> ExitCode {
        match self.what {
            What::PdfText => crate::probe::pdf::child_main(),
        }
    }
}
