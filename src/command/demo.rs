//! `unbroken demo`: the demo company and the daemon that watches it, and the switches to break it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::terminal::say;
use super::{Exit, Format, Global, Stop, logging, run, terminal};
use crate::clock::Clock;
use crate::config::{self, Environment, Folders, Secrets};
use crate::demo::{self, Company, Ports, control};
use crate::probe::browser::pool::Settings as Browser;
use crate::telemetry::{self, Otlp, Signal};

const NO_CHROMIUM: &str = "(There is no Chromium on this machine, so no errand uses the pages as customers do, and what shows in no status is not \
     found: `apt-get install chromium-headless-shell`, or what your system calls it, and start again)\n";
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    switch: Option<Switch>,
    /// Start the company's servers only, and watch nothing
    #[arg(long)]
    company_only: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Switch {
    /// Break a touchpoint of the running demo company
    Break {
        #[arg(help = touchpoints())]
        touchpoint: String,
        /// What is wrong with it, as `unbroken demo faults` lists it; its first, if none is named
        fault: Option<String>,
    },
    /// Mend a touchpoint, or everything
    Mend {
        /// What to mend; everything, if none is named
        touchpoint: Option<String>,
    },
    /// What can be broken, and what is
    Faults,
}

fn touchpoints() -> String {
    format!("One of {}", demo::Touchpoint::ALL.map(demo::Touchpoint::id).join(", "))
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        match &self.switch {
            Some(switch) => self.switch(global, switch).await,
            None => self.start(global).await,
        }
    }

    async fn switch(&self, global: &Global, switch: &Switch) -> Result<Exit, Stop> {
        let unheard = |error: control::Unheard| Stop::usage(crate::words::chain(&error));
        let control = control::address(&global.data).map_err(unheard)?;
        let switches = match switch {
            Switch::Break { touchpoint, fault } => {
                vec![control::break_(&control, touchpoint, fault.as_deref()).await.map_err(unheard)?]
            }
            Switch::Mend { touchpoint } => control::mend(&control, touchpoint.as_deref()).await.map_err(unheard)?,
            Switch::Faults => control::faults(&control).await.map_err(unheard)?,
        };
        if global.format == Format::Json {
            say!("{}", serde_json::to_string_pretty(&switches).unwrap_or_default());
            return Ok(Exit::Well);
        }
        if switches.is_empty() {
            say!("nothing is broken");
        }
        for one in &switches {
            let style = if one.on { terminal::BAD } else { terminal::DIM };
            let state = if one.on { "broken" } else { "well" };
            say!("{style}{state:<7}{style:#} {:<9} {:<20} {}", one.touchpoint, one.fault, one.title);
        }
        Ok(Exit::Well)
    }

    async fn start(self, global: &Global) -> Result<Exit, Stop> {
        fs::create_dir_all(&global.data)
            .map_err(|error| Stop::own(&format!("cannot make {}", global.data.display()), &error))?;
        let settings = demo::Settings { data: global.data.clone(), ports: Ports::Usual };
        let mut company = Company::start(&settings, Clock::system())
            .await
            .map_err(|error| Stop::failure(crate::words::chain(&error)))?;
        let stop = run::until_told();
        introduce(&company, &global.data);
        let exit = if self.company_only {
            let (telemetry, odd) = telemetry::Settings::default().or_environment(&global.variables());
            for odd in odd {
                say!("warning: {odd}");
            }
            trace(&mut company, &telemetry, &global.variables())?;
            stop.cancelled().await;
            Ok(Exit::Well)
        } else {
            self.watch(global, &mut company, stop).await
        };
        company.shutdown().await;
        exit
    }

    async fn watch(&self, global: &Global, company: &mut Company, stop: CancellationToken) -> Result<Exit, Stop> {
        let log = global.data.join("unbroken.log");
        let file = File::create(&log).map_err(|error| Stop::own(&format!("cannot write {}", log.display()), &error))?;
        let relay = logging::to_file(global, file);
        let mut variables = global.variables();
        variables.extend(company.environment().clone());
        let folders = Self::folders(global, &variables)?;
        let loaded = config::load(&folders, &Environment::new(variables.clone()), Secrets::Needed);
        terminal::print_problems(&loaded.problems);
        let Some(mut plan) = loaded.plan else {
            return Err(Stop { exit: Exit::No, text: terminal::tally(&loaded.problems) });
        };
        plan.store.path = global.demo_store();
        trace(company, &plan.telemetry, &global.variables())?;
        let listener = listen(plan.listen).await?;
        let address = listener.local_addr().map_err(|error| Stop::own("cannot read the address", &error))?;
        company.leave_page(&format!("http://{address}")).map_err(|error| Stop::failure(crate::words::chain(&error)))?;
        let show = tokio::spawn(show(address, plan.map.journeys.len(), stop.clone()));
        let bold = terminal::BOLD;
        let opened = Box::new(move || say!("{bold}Journey health page   http://{address}/{bold:#}\n"));
        let setup = crate::daemon::Setup {
            plan,
            folders,
            variables,
            listener,
            clock: Clock::system(),
            program: run::program()?,
            stop,
            relay,
            opened,
        };
        let ended = crate::daemon::run(setup).await.map_err(|error| Stop::failure(crate::words::chain(&error)));
        show.abort();
        ended.map(|()| Exit::Well)
    }

    /// The configuration in the working directory if it is about the demo company, or else the one this program
    /// carries; without the errands that need a browser where there is none.
    fn folders(global: &Global, variables: &BTreeMap<String, String>) -> Result<Folders, Stop> {
        let browser = Browser::default().program();
        if global.config.is_dir() {
            let company = config::load(&global.folders(), &Environment::new(variables.clone()), Secrets::Without)
                .plan
                .map(|plan| plan.map.company.clone());
            // A broken one is told as such: somebody is editing it.
            let fits = |company: &str| company == demo::COMPANY && browser.is_some();
            if global.config != Path::new(super::CONFIG) || company.as_deref().is_none_or(fits) {
                return Ok(global.folders());
            }
            let own = company.unwrap_or_default();
            if own != demo::COMPANY {
                say!("(config/ is about {own}; the demo uses a configuration of its own)\n");
            }
        }
        if browser.is_none() {
            say!("{NO_CHROMIUM}");
        }
        let root = global.demo_folder();
        for (path, text) in demo::CONFIGURATION {
            let path = root.join(path);
            // There it lies two folders below the data, not beside it.
            let text = text.replace("../data/", "../../");
            let text = if browser.is_some() { text } else { demo::without_browsers(&text) };
            write(&path, &text).map_err(|error| Stop::own(&format!("cannot write {}", path.display()), &error))?;
        }
        for (path, bytes) in demo::PICTURES {
            let path = root.join(path);
            write(&path, bytes).map_err(|error| Stop::own(&format!("cannot write {}", path.display()), &error))?;
        }
        Ok(Folders { config: root.join("config"), probes: None })
    }
}

/// The company's services tell the collectors that are told of its probes: both are in one trace there.
fn trace(
    company: &mut Company,
    telemetry: &telemetry::Settings,
    variables: &BTreeMap<String, String>,
) -> Result<(), Stop> {
    let mut told = Vec::new();
    for collector in telemetry.otlp.iter().filter(|otlp| otlp.takes(Signal::Traces)) {
        if let Some(why) = unfit(collector, variables) {
            say!("Its services tell   {} nothing: {why}", collector.shown());
            continue;
        }
        say!("Its services tell   {} what they do", collector.shown());
        told.push(collector.clone());
    }
    company.trace(&told).map_err(|error| Stop::failure(crate::words::chain(&error)))
}

/// What a customer's own services would not do as our settings say: OpenTelemetry's SDK reads variables behind our back.
fn unfit(collector: &Otlp, variables: &BTreeMap<String, String>) -> Option<String> {
    if collector.tls.is_some() {
        return Some("of its `tls:` they know nothing".to_owned());
    }
    let (settings, _) = telemetry::Settings::default().or_environment(variables);
    if settings.otlp.contains(collector) {
        return None;
    }
    let carried = |(name, text): &(&String, &String)| {
        name.starts_with("OTEL_EXPORTER_OTLP_") && name.ends_with("HEADERS") && !text.is_empty()
    };
    let (name, _) = variables.iter().find(carried)?;
    Some(format!("they would send it the headers of {name}, too"))
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, bytes)
}

/// A taken port is replaced by a free one.
async fn listen(at: SocketAddr) -> Result<TcpListener, Stop> {
    match TcpListener::bind(at).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((at.ip(), 0)).await.map_err(|error| Stop::own("cannot listen", &error)),
    }
}

fn introduce(company: &Company, data: &Path) {
    let (bold, dim) = (terminal::BOLD, terminal::DIM);
    say!("{bold}Halcyon Mobile{bold:#} is open: a phone company to watch, and to break.\n");
    for (touchpoint, url) in company.touchpoints() {
        say!("  {dim}{:<9}{dim:#} {url}", touchpoint.id());
    }
    say!("\nBreak something       {}  {dim}or{dim:#} unbroken demo break billing", company.control());
    say!("Mend it               unbroken demo mend");
    if data != Path::new(super::DEMO_DATA) {
        let data = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
        say!("In another terminal   export UNBROKEN_DATA='{}'  {dim}or add --data{dim:#}", data.display());
    }
}

/// The journeys with their scores, live on a terminal; a line at every change elsewhere.
async fn show(address: SocketAddr, journeys: usize, stop: CancellationToken) {
    let Ok(client) = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build() else { return };
    let lively = std::io::stderr().is_terminal();
    let board = MultiProgress::new();
    let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let rows: Vec<ProgressBar> = if lively {
        (0..journeys).map(|_| board.add(ProgressBar::no_length().with_style(style.clone()))).collect()
    } else {
        Vec::new()
    };
    let mut last: Vec<String> = vec![String::new(); journeys];
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        let Ok(answer) = client.get(format!("http://{address}/api/v1/status")).send().await else { continue };
        let Ok(status) = answer.json::<Value>().await else { continue };
        for (number, journey) in status["journeys"].as_array().into_iter().flatten().enumerate().take(journeys) {
            let row = row(journey);
            if lively {
                rows[number].set_message(row);
            } else if last[number] != row {
                say!("{row}");
                last[number] = row;
            }
        }
    }
    rows.iter().for_each(ProgressBar::finish);
}

fn row(journey: &Value) -> String {
    let score = terminal::score(journey);
    let style = terminal::score_style(score);
    let title = journey["title"].as_str().unwrap_or_default();
    let sentence = journey["sentence"].as_str().unwrap_or_default();
    format!("{style}{:>6}{style:#}  {title:<20} {sentence}", terminal::score_text(score))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_service_tells_a_collector_what_is_anothers() {
        let otlp = |json: serde_json::Value| serde_json::from_value::<Otlp>(json).expect("a collector");
        let none = BTreeMap::new();
        let variables = BTreeMap::from(
            [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://variable:4318"), ("OTEL_EXPORTER_OTLP_HEADERS", "key=canary")]
                .map(|(name, text)| (name.to_owned(), text.to_owned())),
        );
        let plain = otlp(serde_json::json!({ "endpoint": "http://file:4317" }));
        let secure = otlp(serde_json::json!({ "endpoint": "https://file:4317", "tls": { "ca": "ca.pem" } }));
        assert_eq!(unfit(&plain, &none), None);
        assert!(unfit(&secure, &none).is_some_and(|why| why.contains("`tls:`")));
        let why = unfit(&plain, &variables).expect("the variable's headers are not for it");
        assert!(why.contains("OTEL_EXPORTER_OTLP_HEADERS") && !why.contains("canary"), "{why}");
        let (of_variables, _) = telemetry::Settings::default().or_environment(&variables);
        assert_eq!(unfit(&of_variables.otlp[0], &variables), None);
    }
}
