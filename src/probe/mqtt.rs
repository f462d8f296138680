//! Talks to an MQTT broker (3.1.1, 5) as a device does: connects, subscribes, publishes, and waits for the message.
//!
//! The packets are our own: a client library connects by itself, reconnects behind one's back and keeps what it is sent,
//! where we want each phase's time, our own rules of whom to reach, and an end to what a broker may send.

mod broker;
mod packet;
mod session;

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use tokio::time::{Instant, timeout_at};

use broker::Broker;
use packet::{Message, Qos, Version};
use session::{Login, Session};

use super::connect::tls::{Offer, Options, sound};
use super::connect::{Secure, Target, connect};
use super::dialogue::in_time;
use super::endpoint::borrowed;
use super::template::{Place, Template, TemplateOrSecret, proof_if_any};
use super::{Act, Body, Field, Part, Reply, Run, Stop};
use crate::model::{Fault, FaultCode, Phase};

/// Characters of a message that are kept.
const MESSAGE_CHARS_MAX: usize = 4096;

/// A broker, and what is published and waited for there. With neither, only connecting counts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Mqtt")]
struct Written {
    /// `mqtt://host:1883` or `mqtts://host:8883`
    connect: Broker,
    /// `3.1.1` or `5`; 3.1.1 by default.
    #[serde(default)]
    version: Version,
    user: Option<TemplateOrSecret>,
    /// Not without a `user` in version 3.1.1.
    #[serde(default, deserialize_with = "proof_if_any")]
    password: Option<TemplateOrSecret>,
    /// Random, if absent: two clients of one name throw each other out.
    client: Option<Template>,
    #[serde(default, deserialize_with = "sound")]
    tls: Options,
    /// What is said.
    publish: Option<Publish>,
    /// The topic listened to; the one that is published to, if absent.
    receive: Option<Template>,
    /// Of both: 0, 1 or 2.
    #[serde(default)]
    qos: Qos,
}

/// A broker, and what is published and waited for there.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
#[schemars(!try_from, with = "Written")]
pub struct Settings {
    pub connect: Broker,
    pub version: Version,
    pub user: Option<TemplateOrSecret>,
    pub password: Option<TemplateOrSecret>,
    pub client: Option<Template>,
    pub tls: Options,
    pub publish: Option<Publish>,
    pub receive: Option<Template>,
    pub qos: Qos,
}

impl TryFrom<Written> for Settings {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { connect, version, user, password, client, tls, publish, receive, qos } = written;
        if version == Version::V311 && user.is_none() && password.is_some() {
            return Err("MQTT 3.1.1 knows no `password` without a `user`; add one, or say `version: 5`".to_owned());
        }
        let said = publish.as_ref().and_then(|publish| publish.topic.constant());
        if let Some(why) = said.and_then(broker::no_topic) {
            return Err(why);
        }
        if let Some(why) = receive.as_ref().and_then(Template::constant).and_then(broker::no_filter) {
            return Err(why);
        }
        Ok(Self { connect, version, user, password, client, tls, publish, receive, qos })
    }
}

/// A message to publish.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    pub topic: Template,
    /// Random, if absent, so that no other run's message is taken for this one's.
    pub payload: Option<TemplateOrSecret>,
}

impl Act for Settings {
    const DOES: &'static str = "connects to an MQTT broker, publishes, and waits for the message to come back";
    const FIELDS: &'static [Field] = &[Field::Message, Field::Text, Field::Json, Field::Certificate, Field::Latency];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        see(self.connect.part());
        self.user.iter().for_each(|user| see(user.part(Place::Line)));
        self.password.iter().for_each(|password| see(password.part(Place::Credential)));
        self.client.iter().for_each(|client| see(Part::Template(client, Place::Line)));
        if let Some(publish) = &self.publish {
            see(Part::Template(&publish.topic, Place::Line));
            publish.payload.iter().for_each(|payload| see(payload.part(Place::Text)));
        }
        self.receive.iter().for_each(|topic| see(Part::Template(topic, Place::Line)));
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        let plan = self.plan(run)?;
        let login = self.login(run);
        let stream = self.reach(run).await?;
        run.phases.begin(Phase::Wait);
        let mut session = Session::new(stream, self.version);
        session.connect(&login).await?;
        let mut reply = Reply::new();
        if let Some(listen) = &plan.listen {
            run.phases.begin(Phase::Send);
            session.subscribe(listen, self.qos, plan.wanted).await?;
            let begun = Instant::now();
            if let Some((topic, payload)) = &plan.say {
                session.publish(topic, payload.as_bytes(), self.qos).await?;
            }
            run.phases.begin(Phase::Receive);
            let expected = plan.expected();
            // Our own timer comes just before the run's: what is missing can be told.
            let heard = timeout_at(in_time(run.deadline), session.until(|message| plan.wants(message, expected))).await;
            let message = heard.map_err(|_| plan.undelivered(begun.elapsed()))??;
            reply.latency = plan.say.is_some().then(|| begun.elapsed());
            let text = String::from_utf8_lossy(&message.payload);
            reply.set(Field::Message, text.chars().take(MESSAGE_CHARS_MAX).collect::<String>());
            reply.body = Some(Body { bytes: message.payload.into(), charset: None });
        }
        session.goodbye().await;
        run.phases.end();
        Ok(reply)
    }
}

/// What one run says and waits for, filled in.
struct Plan {
    say: Option<(String, String)>,
    listen: Option<String>,
    wanted: Wanted,
}

/// Which messages count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Our own, come back.
    Own,
    /// The first that is sent after ours: somebody's answer.
    Answer,
    /// Whatever the topic has, what was retained too.
    Any,
}

impl Plan {
    fn expected(&self) -> Option<&[u8]> {
        self.say.as_ref().map(|(_, payload)| payload.as_bytes())
    }

    fn wants(&self, message: &Message, expected: Option<&[u8]>) -> bool {
        match self.wanted {
            Wanted::Own => expected == Some(&*message.payload),
            Wanted::Answer => !message.retained,
            Wanted::Any => true,
        }
    }

    fn undelivered(&self, waited: Duration) -> Fault {
        let listen = self.listen.as_deref().unwrap_or_default();
        let millis = waited.as_millis();
        let text = match (&self.say, self.wanted) {
            (Some((topic, _)), Wanted::Own) => {
                format!("what was published to `{topic}` did not come back within {millis}ms")
            }
            (Some((topic, _)), _) => {
                format!("nothing was answered on `{listen}` within {millis}ms of what was published to `{topic}`")
            }
            (None, _) => format!("no message came on `{listen}` within {millis}ms"),
        };
        Fault::new(FaultCode::Undelivered, text)
    }
}

impl Settings {
    fn plan(&self, run: &Run<'_>) -> Result<Plan, Stop> {
        let say = self.publish.as_ref().map(|publish| {
            let random = || format!("unbroken {:016x}", (run.tools.random)()).into();
            let payload = publish.payload.as_ref().map_or_else(random, |payload| payload.render(run.scope));
            (publish.topic.render(run.scope).into_owned(), payload.into_owned())
        });
        let listen = self.receive.as_ref().map(|topic| topic.render(run.scope).into_owned());
        let wanted = match (&say, &listen) {
            (Some((topic, _)), Some(listen)) if topic != listen => Wanted::Answer,
            (Some(_), _) => Wanted::Own,
            (None, _) => Wanted::Any,
        };
        if let Some((topic, _)) = &say
            && let Some(text) = broker::no_topic(topic)
        {
            return Err(Fault::new(FaultCode::Expectation, text).into());
        }
        let listen = listen.or_else(|| say.as_ref().map(|(topic, _)| topic.clone()));
        Ok(Plan { say, listen, wanted })
    }

    fn login(&self, run: &mut Run<'_>) -> Login {
        let scope = run.scope;
        let text = |part: &Option<TemplateOrSecret>| part.as_ref().map(|part| part.render(scope).into_owned());
        let (user, password) = (text(&self.user), text(&self.password));
        if let Some(password) = &password {
            run.hide(password);
        }
        let random = || format!("unbroken-{:012x}", (run.tools.random)() >> 16);
        let client = self.client.as_ref().map_or_else(random, |client| client.render(run.scope).into_owned());
        // No pings: the connection never outlives the run.
        let keep_alive = u16::try_from(run.left().as_secs() + 60).unwrap_or(u16::MAX);
        Login { client, user, password, keep_alive }
    }

    async fn reach(&self, run: &mut Run<'_>) -> Result<super::connect::stream::Stream, Stop> {
        let (host, port, secured) = self.connect.resolve(run.scope)?;
        run.attribute("server.address", host.to_string());
        run.attribute("server.port", port.to_string());
        run.attribute("network.protocol.name", "mqtt");
        run.attribute("network.protocol.version", self.version.words());
        let secure = secured.then_some(Secure { options: &self.tls, offer: Offer::Nothing });
        connect(run, &Target { secure, ..Target::written(borrowed(&host), port) }).await
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A template is a scalar's text as it was written: `5` is no number here.
        match &*Template::deserialize(deserializer)?.to_string() {
            "3.1.1" => Ok(Self::V311),
            "5" | "5.0" => Ok(Self::V5),
            other => Err(D::Error::custom(format!("`{other}` is none of `3.1.1`, `5`"))),
        }
    }
}

impl JsonSchema for Version {
    fn schema_name() -> Cow<'static, str> {
        "MqttVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": ["3.1.1", "5", 5, "5.0", 5.0] })
    }
}

impl<'de> Deserialize<'de> for Qos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let level = u8::deserialize(deserializer)?;
        Self::of(level).ok_or_else(|| D::Error::custom(format!("{level} is none of 0, 1, 2")))
    }
}

impl JsonSchema for Qos {
    fn schema_name() -> Cow<'static, str> {
        "Qos".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "maximum": 2 })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_password_needs_a_user_where_the_protocol_says_so() {
        let read = |more: serde_json::Value| {
            let mut written = json!({ "connect": "mqtt://127.0.0.1", "password": "open-sesame" });
            written.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
            serde_json::from_value::<Settings>(written).map_err(|error| error.to_string())
        };
        assert!(read(json!({})).expect_err("3.1.1").contains("without a `user`"));
        read(json!({ "version": "5" })).expect("5 allows it");
        read(json!({ "user": "till" })).expect("both");
        let halves = json!({ "user": "till", "tls": { "cert": "a.pem" } });
        assert!(read(halves).expect_err("no key").contains("no `key` to it"));
    }
}
