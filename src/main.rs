//! Arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use unbroken::command::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    cli.run()
}
