//! `email`: a mail in text and HTML, threaded by incident.

use std::fmt::Write as _;
use std::time::Duration;

use lettre::message::Mailbox;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::alert::message::Message;
use crate::alert::pace::Pace;
use crate::alert::{Attempt, Chat, Mail, Render, Request};
use crate::model::{Circular, Notification};
use crate::secret::Secret;
use crate::words::markup;

const SUBJECT_MAX_CHARS: usize = 180;

#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `smtps://host` speaks TLS from the start; `smtp://host` uses STARTTLS where it is offered, and demands it before
    /// it shows a password to another machine.
    pub smtp: String,
    pub from: String,
    pub to: Vec<String>,
    pub user: Option<String>,
    pub password: Option<Secret>,
}

impl Render for Settings {
    fn render(&self, notification: &Notification, attempt: &Attempt) -> Request {
        self.say(&Message::of(notification), attempt)
    }

    fn chat(&self) -> Option<&dyn Chat> {
        Some(self)
    }

    /// What the larger hosts take of one sender: 30 a minute.
    fn pace(&self) -> Option<Pace> {
        Some(Pace { burst: 10, every: Duration::from_secs(2) })
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        let wrong = |text: &str| text.parse::<Mailbox>().is_err().then(|| format!("`{text}` is not a mail address"));
        if let Err(text) = server(&self.smtp) {
            return Some(("smtp", text));
        }
        if let Some(text) = wrong(&self.from) {
            return Some(("from", text));
        }
        if self.to.is_empty() {
            return Some(("to", "a mail without a recipient reaches nobody".into()));
        }
        if self.user.is_some() != self.password.is_some() {
            return Some(("user", "a user needs a password, and a password a user".into()));
        }
        self.to.iter().find_map(|to| wrong(to)).map(|text| ("to", text))
    }
}

impl Settings {
    /// Under a message id of its own: whoever gets it twice after a crash can tell.
    pub(super) fn send(&self, circular: &Circular) -> Request {
        Request::Mail(Box::new(Mail {
            server: server(&self.smtp).unwrap_or_else(|_| nowhere()),
            user: self.user.clone(),
            password: self.password.clone(),
            from: self.from.clone(),
            to: if circular.to.is_empty() { self.to.clone() } else { circular.to.clone() },
            subject: subject(&circular.headline),
            message_id: self.named(&circular.id),
            in_reply_to: None,
            text: circular.text.clone(),
            html: circular.html.clone(),
        }))
    }

    /// A message id of ours.
    fn named(&self, id: &str) -> String {
        let domain = self.from.rsplit_once('@').map_or("unbroken.invalid", |(_, domain)| domain.trim_end_matches('>'));
        format!("<{id}@{domain}>")
    }
}

/// One line, not too long.
fn subject(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SUBJECT_MAX_CHARS).collect()
}

impl Chat for Settings {
    fn say(&self, message: &Message<'_>, _attempt: &Attempt) -> Request {
        Request::Mail(Box::new(Mail {
            server: server(&self.smtp).unwrap_or_else(|_| nowhere()),
            user: self.user.clone(),
            password: self.password.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            subject: subject(&format!("[Unbroken] {}", message.headline)),
            message_id: self.named(message.id),
            in_reply_to: message.follows.as_deref().map(|id| self.named(id)),
            text: text(message),
            html: html(message),
        }))
    }
}

fn server(text: &str) -> Result<Url, String> {
    let wrong = || format!("`{text}` is not a mail server; write `smtps://host` or `smtp://host:port`");
    let url = Url::parse(text).map_err(|_| wrong())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a password does not belong into `smtp`; write `user:` and `password: { env: NAME }`".into());
    }
    let known = matches!(url.scheme(), "smtp" | "smtps") && url.host_str().is_some_and(|host| !host.is_empty());
    if known { Ok(url) } else { Err(wrong()) }
}

/// Settings are checked before they are used; should they not be, the letter comes back instead of a panic.
fn nowhere() -> Url {
    Url::parse("smtps://smtp.invalid").expect("a constant URL")
}

fn text(message: &Message<'_>) -> String {
    let mut text = format!("{}\n\n", message.headline);
    for line in message.lines {
        _ = writeln!(text, "{line}");
    }
    if let Some((link, _)) = message.link {
        _ = writeln!(text, "\n{link}");
    }
    _ = writeln!(text, "\n-- \n{}", message.about);
    text
}

/// Plain tables and inline styles: what every mail program shows. Nothing in it is fetched from anywhere.
fn html(message: &Message<'_>) -> String {
    let look = message.look;
    let table = "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\">";
    let row = |style: &str, inner: &str| format!("<tr><td style=\"padding:6px 20px;{style}\">{inner}</td></tr>\n");
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body style=\"margin:0;padding:16px;background:#f4f4f2;font:15px/1.5 Arial,Helvetica,sans-serif;color:#1c1c1a\">\n\
         {table}<tr><td align=\"center\">\n\
         <table role=\"presentation\" width=\"600\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" \
         style=\"max-width:600px;background:#ffffff;border-top:6px solid #{color:06x}\">\n",
        title = markup(message.headline),
        color = look.color(),
    );
    html += &row("padding-top:18px;font-size:19px;font-weight:bold", &markup(message.headline));
    for line in message.lines {
        html += &row("", &markup(line));
    }
    if let Some((link, title)) = message.link {
        let style = format!(
            "display:inline-block;padding:10px 16px;background:#{:06x};color:#ffffff;text-decoration:none",
            look.color()
        );
        html += &row("padding-top:12px", &format!("<a href=\"{}\" style=\"{style}\">{title}</a>", markup(link)));
    }
    let small = "padding-bottom:18px;font-size:12px;color:#5c5c58";
    html += &row(small, &message.about);
    html.push_str("</table>\n</td></tr></table>\n</body></html>\n");
    html
}
