//! The command line: one file per subcommand. Results go to stdout, everything else to stderr.

mod ack;
mod alert;
mod annotate;
mod check;
mod demo;
mod explain;
mod heap;
mod incidents;
mod init;
mod internal;
mod logging;
mod man;
mod metrics;
mod outbox;
mod preflight;
mod probe;
mod record;
mod report;
mod run;
mod schema;
mod silence;
mod site;
mod status;
mod telemetry;
mod terminal;
mod walk;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

use crate::config::{Environment, Folders, Loaded, Plan, Secrets};

/// Where the demo keeps its things unless it is told otherwise.
const DEMO_DATA: &str = "data";
/// Where a configuration is unless something else is said.
const CONFIG: &str = "config";
const EVERYWHERE: &str = "Options of every command";

/// A holistic digital experience monitor: every touchpoint, one journey score.
#[derive(Debug, Parser)]
#[command(name = "unbroken", version, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every subcommand understands.
#[derive(Debug, clap::Args)]
pub struct Global {
    /// The configuration's folder
    #[arg(long, global = true, default_value = CONFIG, value_name = "DIR", help_heading = EVERYWHERE)]
    config: PathBuf,
    /// Where the demo keeps its history and its certificates
    #[arg(long, global = true, env = "UNBROKEN_DATA", hide_env_values = true, default_value = DEMO_DATA)]
    #[arg(value_name = "DIR", help_heading = EVERYWHERE)]
    data: PathBuf,
    /// Text for people, JSON for machines
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, help_heading = EVERYWHERE)]
    format: Format,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, help_heading = EVERYWHERE)]
    color: Color,
    /// Say more: -v what happens, -vv every run
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = EVERYWHERE)]
    verbose: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    #[value(help = "A test report for a pipeline (JUnit XML); of `walk` only")]
    Junit,
    #[value(help = "A page of its own; of `report` only")]
    Html,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the demo company and watch it
    Demo(demo::Args),
    /// Write a commented starting configuration for your own company
    Init(init::Args),
    /// Run the daemon
    Run(run::Args),
    /// Check the configuration: every problem, with its place
    Check(check::Args),
    /// Walk a journey once, now, and tell what costs its score
    Walk(walk::Args),
    /// Run one probe, or each of a touchpoint, once, and tell everything about it
    Probe(probe::Args),
    /// Use a page in a window; what you do there becomes a probe
    Record(record::Args),
    /// Is everything ready for a campaign: its landing page, parameters, texts and card, now
    Preflight(preflight::Args),
    /// Why a journey's score is what it is
    Explain(explain::Args),
    /// What the journey health page shows
    Status(status::Args),
    /// What is broken now, or was
    Incidents(incidents::Args),
    /// Say that somebody has an incident: reminders and escalation stop
    Ack(ack::Args),
    /// Hold back what is told of a touchpoint, a journey or an incident, for a time
    Silence(silence::Args),
    /// Note a campaign, a release, a launch on the time axis; how it went before and since
    Annotate(annotate::Args),
    /// How the journeys went over a week, a month or a quarter
    Report(report::Args),
    /// Try the way to a receiver before it is needed
    Alert(alert::Args),
    /// Try the way to the OpenTelemetry collectors before it is needed
    Telemetry(telemetry::Args),
    /// Notifications that wait or could not be delivered: list, replay, drop
    Outbox(outbox::Args),
    /// All that is counted, with types, units and labels
    Metrics,
    /// The JSON Schema of the configuration, for editors
    Schema,
    /// Shell completions
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// The manual page
    Man,
    #[command(hide = true)]
    Internal(internal::Args),
}

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Well,
    /// The answer is "no": problems were found, a journey is broken.
    No,
    /// The question was wrong.
    Usage,
    /// Our own failure.
    Failure,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Well => 0,
            Exit::No => 1,
            Exit::Usage => 2,
            Exit::Failure => 3,
        })
    }
}

/// Why a command stopped before its end, in words for the person who typed it.
#[derive(Debug)]
pub struct Stop {
    exit: Exit,
    text: String,
}

impl Stop {
    fn usage(text: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, text: text.into() }
    }

    fn failure(text: impl Into<String>) -> Self {
        Self { exit: Exit::Failure, text: text.into() }
    }

    /// Our own failure while doing something.
    fn own(doing: &str, error: &dyn std::error::Error) -> Self {
        Self::failure(format!("{doing}: {}", crate::words::chain(error)))
    }
}

impl Cli {
    pub fn run(self) -> ExitCode {
        // Before any thread: a child limits itself.
        if let Command::Internal(args) = &self.command {
            return args.run();
        }
        // Before any thread, too.
        if let Command::Run(_) = &self.command {
            heap::share();
        }
        terminal::choose_color(self.global.color);
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return terminal::complain(&Stop::own("cannot start", &error)).into(),
        };
        let answer = runtime.block_on(self.command.run(&self.global));
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        answer.unwrap_or_else(|stop| terminal::complain(&stop)).into()
    }
}

impl Command {
    async fn run(self, global: &Global) -> Result<Exit, Stop> {
        if global.format == Format::Junit && !matches!(self, Self::Walk(_)) {
            return Err(Stop::usage("only `walk` answers as JUnit XML"));
        }
        if global.format == Format::Html && !matches!(self, Self::Report(_)) {
            return Err(Stop::usage("only `report` answers as HTML; `walk` writes it with --report FILE.html"));
        }
        match self {
            Self::Demo(args) => args.run(global).await,
            Self::Init(args) => args.run(),
            Self::Run(args) => args.run(global).await,
            Self::Check(args) => Ok(args.run(global).await),
            Self::Walk(args) => args.run(global).await,
            Self::Probe(args) => args.run(global).await,
            Self::Record(args) => args.run(global).await,
            Self::Preflight(args) => args.run(global).await,
            Self::Explain(args) => args.run(global).await,
            Self::Status(args) => args.run(global).await,
            Self::Incidents(args) => args.run(global).await,
            Self::Ack(args) => args.run(global).await,
            Self::Silence(args) => args.run(global).await,
            Self::Annotate(args) => args.run(global).await,
            Self::Report(args) => args.run(global).await,
            Self::Alert(args) => args.run(global).await,
            Self::Telemetry(args) => args.run(global).await,
            Self::Outbox(args) => args.run(global).await,
            Self::Metrics => Ok(metrics::run(global)),
            Self::Schema => Ok(schema::run()),
            Self::Completions { shell } => man::completions(shell),
            Self::Man => man::page(),
            Self::Internal(_) => Ok(Exit::Usage),
        }
    }
}

impl Global {
    /// The process's environment, read in one place; while the demo runs here, its variables too, unless they are set.
    fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = crate::demo::control::environment(&self.data).unwrap_or_default();
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        variables.extend(std::env::vars_os().filter_map(text));
        variables
    }

    /// Where the demo leaves its things.
    fn demo_folder(&self) -> PathBuf {
        self.data.join("demo")
    }

    /// Where the daemon of the demo stores.
    fn demo_store(&self) -> PathBuf {
        self.data.join("unbroken.db")
    }

    /// Where no configuration is, that of a demo which was started here.
    fn folders(&self) -> Folders {
        let of_demo = self.demo_folder().join(CONFIG);
        let is_absent = self.config == Path::new(CONFIG) && !self.config.exists();
        Folders::new(if is_absent && of_demo.is_dir() { of_demo } else { self.config.clone() })
    }

    fn load(&self, secrets: Secrets) -> Loaded {
        crate::config::load(&self.folders(), &Environment::new(self.variables()), secrets)
    }

    /// The plan, or every problem on stderr and "no".
    fn plan(&self, secrets: Secrets) -> Result<Plan, Stop> {
        let loaded = self.load(secrets);
        terminal::print_problems(&loaded.problems);
        loaded.plan.ok_or_else(|| Stop { exit: Exit::No, text: terminal::tally(&loaded.problems) })
    }
}
