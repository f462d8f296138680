//! `unbroken man` and `unbroken completions`: derived from the command line itself.

use std::io::Write as _;

use clap::CommandFactory as _;

use super::{Cli, Exit, Stop, terminal};

const ENDING: &str = r#".SH "EXIT STATUS"
.TP
0
All is well.
.TP
1
The answer is "no": the configuration has errors, a journey has a blocking failure or scores below \fB\-\-at\-least\fR, a receiver did not take a test, a letter was not queued or dropped, an incident was over before it was acknowledged.
.TP
2
The question was wrong: an unknown option, journey, touchpoint, probe or letter.
.TP
3
Our own failure: the port or the store is taken, a file cannot be written, no daemon answers.
.SH FILES
.TP
config/*.yaml
The daemon, the journeys, the personas; \fB\-\-config\fR names another folder.
.TP
probes/*.yaml
One file per touchpoint, beside the folder \fIconfig\fR; the file's name is its id.
"#;

/// One page for all: every subcommand is a section of it.
pub(super) fn page() -> Result<Exit, Stop> {
    let page = render().map_err(|error| Stop::own("cannot make the manual page", &error))?;
    write(&page, "cannot write the manual page")
}

pub(super) fn completions(shell: clap_complete::Shell) -> Result<Exit, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "unbroken", &mut script);
    write(&script, "cannot write the completions")
}

fn write(bytes: &[u8], doing: &str) -> Result<Exit, Stop> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.or_else(terminal::unread).map_err(|error| Stop::own(doing, &error))?;
    Ok(Exit::Well)
}

fn render() -> std::io::Result<Vec<u8>> {
    let mut command = Cli::command();
    command.build();
    let man = clap_mangen::Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    writeln!(page, ".SH COMMANDS")?;
    subcommands(&command, "", &mut page)?;
    write!(page, "{ENDING}")?;
    Ok(page)
}

fn subcommands(command: &clap::Command, path: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help");
    for sub in shown {
        let path = format!("{path} {}", sub.get_name());
        writeln!(page, ".SS \"unbroken{path}\"\n{}", sub.get_about().map(ToString::to_string).unwrap_or_default())?;
        for argument in sub.get_arguments().filter(|argument| !argument.is_global_set() && argument.get_id() != "help")
        {
            let default: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
            let default = if default.is_empty() || !argument.get_action().takes_values() {
                String::new()
            } else {
                format!(" [default: {}]", default.join(", "))
            };
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let usage = argument.to_string().replace('-', "\\-");
            writeln!(page, ".TP\n\\fB{usage}\\fR\n{help}{default}")?;
        }
        subcommands(sub, &path, page)?;
    }
    Ok(())
}
