//! `unbroken man` and `unbroken completions`: derived from the command line itself.

use clap::CommandFactory as _;

use super::{Cli, Exit, Stop};

pub(super) fn page() -> Result<Exit, Stop> {
    clap_mangen::Man::new(Cli::command())
        .render(&mut std::io::stdout())
        .map_err(|error| Stop::own("cannot write the manual page", &error))?;
    Ok(Exit::Well)
}

pub(super) fn completions(shell: clap_complete::Shell) -> Result<Exit, Stop> {
    clap_complete::generate(shell, &mut Cli::command(), "unbroken", &mut std::io::stdout());
    Ok(Exit::Well)
}
