//! `unbroken ack`: somebody has an incident.

use reqwest::StatusCode;
use serde_json::json;

use super::terminal::{say, text};
use super::{Exit, Format, Global, Stop, incidents, site, terminal};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The incident's id, how it begins, or the touchpoint at its root
    incident: String,
    /// Who has it
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true)]
    by: String,
    /// What is being done; kept in the incident's timeline
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    at: site::At,
}

impl Args {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Stop> {
        let id = incidents::open(&self.at, global, &self.incident).await?;
        let body = json!({ "by": self.by, "why": self.why });
        let (status, answer) = self.at.post(global, &format!("/api/v1/incidents/{id}/ack"), Some(&body)).await?;
        match status {
            StatusCode::OK if global.format == Format::Json => say!("{answer:#}"),
            StatusCode::OK => say!("{} has it: {}", self.by, text(&answer["headline"])),
            StatusCode::CONFLICT => {
                terminal::tell(&format!("not acknowledged: {}", text(&answer["detail"])));
                return Ok(Exit::No);
            }
            StatusCode::BAD_REQUEST => return Err(Stop::usage(text(&answer["detail"]))),
            status => return Err(Stop::failure(format!("the daemon answered {status}: {}", text(&answer["detail"])))),
        }
        Ok(Exit::Well)
    }
}
