//! A dialogue in lines, as `tcp` and `tls` have it: checked when it is read, walked turn by turn.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Host;

use super::said::Said;
use super::talk::Talk;
use super::wanted::Wanted;
use super::{Speak, wrong_name};
use crate::model::{Fault, FaultCode, Phase};
use crate::probe::connect::stream::Stream;
use crate::probe::connect::tls::Options;
use crate::probe::template::Place;
use crate::probe::{Field, Needs, Part, Reply, Run, Stop};

/// One turn: a map with one key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// What we say.
    Send(Said),
    /// What we wait for.
    Expect(Wanted),
    /// From here on the connection is encrypted: both sides have agreed to it in the turns before. `{}` suffices.
    Starttls(Box<Options>),
}

/// What is said and waited for, in turns.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Turn>")]
#[schemars(!try_from, with = "Vec<Turn>")]
pub struct Lines(Vec<Turn>);

impl TryFrom<Vec<Turn>> for Lines {
    type Error = String;

    fn try_from(turns: Vec<Turn>) -> Result<Self, String> {
        let mut secured = false;
        for turn in &turns {
            if let Turn::Starttls(options) = turn {
                if std::mem::replace(&mut secured, true) {
                    return Err("the dialogue is encrypted already: one `starttls` is enough".to_owned());
                }
                options.problem().map_or(Ok(()), Err)?;
            }
        }
        wrong_name(&turns).map_or(Ok(Self(turns)), Err)
    }
}

impl Lines {
    /// Whether a turn encrypts the connection.
    pub fn secures(&self) -> bool {
        self.0.iter().any(|turn| matches!(turn, Turn::Starttls(_)))
    }

    /// The names of what is captured.
    pub fn captures<'a>(&'a self, see: &mut dyn FnMut(&'a str)) {
        self.0.iter().flat_map(Speak::captures).for_each(see);
    }

    /// Shows every template and secret.
    pub fn parts<'a>(&'a self, see: &mut dyn FnMut(Part<'a>)) {
        self.0.iter().for_each(|turn| turn.parts(see));
    }

    /// Walks the turns; what the other side said first is the reply's banner.
    pub async fn walk(&self, run: &mut Run<'_>, stream: Stream, host: &Host<&str>) -> Result<Reply, Stop> {
        let mut scope = run.scope.clone();
        let mut talk = Talk::new(stream);
        run.phases.begin(Phase::Receive);
        let mut banner = None;
        for (index, turn) in self.0.iter().enumerate() {
            talk.turn = index + 1;
            match turn {
                Turn::Send(said) => {
                    let text = said.render(Place::Line, &scope, run);
                    talk.say(&text).await?;
                }
                Turn::Expect(wanted) => {
                    let heard = talk.until(run, &scope, wanted).await.map_err(|stop| self.refusal(index, stop))?;
                    banner.get_or_insert(heard.text);
                    for (name, value) in heard.captured {
                        let name: Arc<str> = name.into();
                        scope.capture(name.clone(), value.clone());
                        run.captured.push((name, value));
                    }
                }
                Turn::Starttls(options) => {
                    talk = talk.secure(run, host, options).await?;
                    run.phases.begin(Phase::Receive);
                }
            }
        }
        if banner.is_none() && run.needs > Needs::Head {
            banner = Some(talk.first(run).await?);
        }
        run.phases.end();
        let mut reply = Reply::new();
        if let Some(banner) = banner {
            reply.set(Field::Banner, banner.trim_end());
        }
        if let Some(version) = talk.version() {
            reply.set(Field::Version, version);
        }
        Ok(reply)
    }

    /// A server that does not offer encryption, or does not go ahead with it, is told apart from one that says
    /// something unexpected.
    fn refusal(&self, at: usize, stop: Stop) -> Stop {
        let names_it = |wanted: &Wanted| wanted.to_string().to_ascii_lowercase().contains("starttls");
        let leads_there = match (self.0.get(at), self.0.get(at + 1)) {
            (Some(Turn::Expect(_)), Some(Turn::Starttls(_))) => true,
            (Some(Turn::Expect(wanted)), _) => names_it(wanted) && self.secures(),
            _ => false,
        };
        match stop {
            Stop::Fault(fault) if leads_there && fault.code == FaultCode::Expectation => {
                Fault { code: FaultCode::StarttlsMissing, ..fault }.into()
            }
            stop => stop,
        }
    }
}

impl Speak for Turn {
    fn parts<'a>(&'a self, see: &mut dyn FnMut(Part<'a>)) {
        match self {
            // A line break in a captured value must not make two commands of one.
            Self::Send(said) => said.parts(Place::Line, see),
            Self::Expect(wanted) => {
                if let Some(template) = wanted.template() {
                    see(Part::Template(template, Place::Text));
                }
            }
            Self::Starttls(_) => {}
        }
    }

    fn captures(&self) -> Vec<&str> {
        match self {
            Self::Expect(wanted) => wanted.captures().collect(),
            Self::Send(_) | Self::Starttls(_) => Vec::new(),
        }
    }
}
