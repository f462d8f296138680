//! SMTP.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::veil::veil;
use super::{chain, echo};
use crate::alert::{Failure, Mail, Taken};
use crate::secret::Secret;

const PORT_SMTPS: u16 = 465;
const PORT_SMTP: u16 = 25;
const PORT_SUBMISSION: u16 = 587;

pub(super) async fn send(mail: Mail, timeout: Duration) -> Result<Taken, Failure> {
    let hidden = hidden(&mail);
    let say = |error: &dyn std::error::Error| veil(&chain(error), &hidden);
    let refused = |error: &dyn std::error::Error| Failure::Refused { text: say(error) };
    let message = message(&mail).map_err(|error| refused(&*error))?;
    let transport = transport(&mail, timeout).map_err(|error| refused(&error))?;
    match tokio::time::timeout(timeout, transport.send(message)).await {
        Ok(Ok(response)) => {
            let said = response.message().collect::<Vec<_>>().join(" ");
            let said = echo(veil(&format!("answered {} {said}", response.code()), &hidden).as_bytes());
            Ok(Taken { said, receipt: None })
        }
        Ok(Err(error)) if error.is_permanent() => Err(refused(&error)),
        Ok(Err(error)) => Err(Failure::Passing { text: say(&error), retry_after: None }),
        Err(_) => Err(Failure::Passing { text: "did not answer in time".into(), retry_after: None }),
    }
}

/// The password, and how SMTP carries it: a server may repeat what it did not like.
fn hidden(mail: &Mail) -> Vec<Secret> {
    let (Some(user), Some(password)) = (&mail.user, &mail.password) else { return Vec::new() };
    let carried = [STANDARD.encode(password.expose()), STANDARD.encode(format!("\0{user}\0{}", password.expose()))];
    let carried = carried.into_iter().map(|text| Secret::new(password.reference(), text));
    [password.clone()].into_iter().chain(carried).collect()
}

fn transport(
    mail: &Mail,
    timeout: Duration,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, lettre::transport::smtp::Error> {
    let host = mail.server.host_str().unwrap_or_default();
    let tls = TlsParameters::new(host.to_owned())?;
    let secret = mail.user.is_some();
    let near = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let (tls, port) = match mail.server.scheme() {
        "smtps" => (Tls::Wrapper(tls), PORT_SMTPS),
        _ if secret && near => (Tls::Opportunistic(tls), PORT_SUBMISSION),
        // A password is never shown to a server that somebody on the way told to offer no encryption.
        _ if secret => (Tls::Required(tls), PORT_SUBMISSION),
        _ => (Tls::Opportunistic(tls), PORT_SMTP),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
        .port(mail.server.port().unwrap_or(port))
        .timeout(Some(timeout))
        .tls(tls);
    if let (Some(user), Some(password)) = (&mail.user, &mail.password) {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
    }
    Ok(builder.build())
}

fn message(mail: &Mail) -> Result<Message, Box<dyn std::error::Error + Send + Sync>> {
    let mut builder = Message::builder()
        .from(mail.from.parse::<Mailbox>()?)
        .subject(&mail.subject)
        .message_id(Some(mail.message_id.clone()))
        // RFC 3834: nobody's holiday notice should answer.
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()));
    for to in &mail.to {
        builder = builder.to(to.parse::<Mailbox>()?);
    }
    if let Some(id) = &mail.in_reply_to {
        builder = builder.in_reply_to(id.clone()).references(id.clone());
    }
    Ok(builder.multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))?)
}
