//! Halcyon Mobile, the demo company: a phone provider as a handful of honest small servers on loopback.
//!
//! It has customers, plans, orders and bills ([`books`]), and each of its touchpoints is a server with a port of its
//! own. What is in `config/` and `probes/` watches it. Every touchpoint can be broken at run time ([`Touchpoint::faults`]),
//! from the control page or by [`control`]; the servers then really do what the fault says: reset connections, serve
//! an expired certificate, write a wrong name on a bill. Nothing here knows how it is watched.

mod ads;
mod app;
mod bill;
mod billing;
mod books;
mod business;
mod certificate;
mod chat;
pub mod control;
mod doors;
mod fault;
mod front;
mod mail;
mod notices;
mod page;
mod phone;
mod plain;
mod push;
mod ratings;
mod reviews;
mod service;
mod shop;
mod social;
mod stand;
mod store;
mod switchboard;
mod switches;
mod touchpoint;
mod web;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::clock::Clock;
use crate::telemetry::Otlp;

use self::billing::codes::Codes;
use self::books::Books;
use self::business::Business;
use self::certificate::Certificates;
use self::mail::Mailboxes;
use self::notices::Notices;
use self::service::Service;
use self::stand::Stand;
use self::switches::Switches;

pub use self::certificate::CertificateError;
pub use self::fault::Fault;
pub use self::plain::without_browsers;
pub use self::stand::SLOW;
pub use self::switches::{Switch, Unknown};
pub use self::touchpoint::{Complaint, Touchpoint};

/// The control page's port; the touchpoints have those after it.
const CONTROL_PORT: u16 = 7000;
/// The mail server's, counted from there: 7025.
const SMTP_OFFSET: u16 = 25;
/// Somebody else's address, whose script the shop's pages show: 7014.
const RATINGS_OFFSET: u16 = 14;
/// In `demo` under the data folder, while the company runs.
const PASSWORD_FILE: &str = "password";
const PUSH_KEY_FILE: &str = "push-key";
const CODES_FILE: &str = "one-time-codes";
const AUTHORITY_FILE: &str = "ca.pem";

/// What the company is called.
pub const COMPANY: &str = "Halcyon Mobile";

/// The configuration that watches the company, for a demo far from its source: path and text.
pub const CONFIGURATION: [(&str, &str); 16] = [
    ("config/journeys.yaml", include_str!("../config/journeys.yaml")),
    ("config/personas.yaml", include_str!("../config/personas.yaml")),
    ("config/unbroken.yaml", include_str!("../config/unbroken.yaml")),
    ("probes/ads.yaml", include_str!("../probes/ads.yaml")),
    ("probes/app.yaml", include_str!("../probes/app.yaml")),
    ("probes/billing.yaml", include_str!("../probes/billing.yaml")),
    ("probes/chat.yaml", include_str!("../probes/chat.yaml")),
    ("probes/email.yaml", include_str!("../probes/email.yaml")),
    ("probes/notices.yaml", include_str!("../probes/notices.yaml")),
    ("probes/phone.yaml", include_str!("../probes/phone.yaml")),
    ("probes/push.yaml", include_str!("../probes/push.yaml")),
    ("probes/reviews.yaml", include_str!("../probes/reviews.yaml")),
    ("probes/shop.yaml", include_str!("../probes/shop.yaml")),
    ("probes/social.yaml", include_str!("../probes/social.yaml")),
    ("probes/store.yaml", include_str!("../probes/store.yaml")),
    ("probes/web.yaml", include_str!("../probes/web.yaml")),
];

/// The pictures that the configuration names.
pub const PICTURES: [(&str, &[u8]); 1] = [("probes/halcyon-logo.png", include_bytes!("../probes/halcyon-logo.png"))];

/// How the demo company is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it leaves its control address, its certificate authority and its environment, in a folder `demo`.
    pub data: PathBuf,
    pub ports: Ports,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// 7000 for the control page, 7001 to 7013 for the touchpoints, 7014 for somebody else's ratings, 7025 for mail that
    /// comes in; a taken one is replaced by a free one.
    Usual,
    /// Whatever is free.
    Free,
}

/// Why the demo company did not open.
#[derive(Debug, thiserror::Error)]
pub enum Closed {
    #[error("the demo company finds no free port")]
    Listen(#[source] io::Error),
    #[error("the demo company cannot write into `{path}`", path = .0.display())]
    Write(PathBuf, #[source] io::Error),
    #[error("a demo company runs in `{path}` already; end it, or name another folder with --data", path = .0.display())]
    Taken(PathBuf),
    #[error("the demo company has no certificate")]
    Certificate(#[from] CertificateError),
    #[error("the demo company's services cannot send their traces")]
    Trace(#[source] opentelemetry_otlp::ExporterBuildError),
}

/// The running demo company; dropped, it stops.
pub struct Company {
    control: String,
    environment: BTreeMap<String, String>,
    touchpoints: Vec<(Touchpoint, String)>,
    switches: Arc<Switches>,
    services: Vec<Service>,
    /// Where the services' spans wait until they are sent.
    traces: Vec<SdkTracerProvider>,
    folder: PathBuf,
    servers: TaskTracker,
    chats: TaskTracker,
    closing: DropGuard,
    /// Held while it runs: two companies in one folder would take each other's word away.
    _lock: std::fs::File,
}

impl Company {
    /// Opens every touchpoint and the control page.
    pub async fn start(settings: &Settings, clock: Clock) -> Result<Self, Closed> {
        let folder = settings.data.join("demo");
        let lock = control::hold(&folder).await?;
        let (control_listener, control_at) = doors::listen(settings.ports, 0).await?;
        let (doors, telephones) = doors::build(settings.ports).await?;
        let (smtp_listener, smtp) = doors::listen(settings.ports, SMTP_OFFSET).await?;
        let (ratings_listener, ratings_at) = doors::listen(settings.ports, RATINGS_OFFSET).await?;
        let certificates = Arc::new(Certificates::issue(clock.now())?);
        let closing = CancellationToken::new();
        let (servers, chats) = (TaskTracker::new(), TaskTracker::new());
        let switches = Arc::new(Switches::new());
        let touchpoints: Vec<_> = doors.iter().map(|(touchpoint, _, url)| (*touchpoint, url.clone())).collect();
        let [password, push_key] = [(); 2].map(|()| Uuid::new_v4().simple().to_string());
        let environment = environment_of(&touchpoints, smtp, &folder);
        let business = Arc::new(Business {
            books: Books::new(password.clone()),
            switches: Arc::clone(&switches),
            clock,
            urls: Touchpoint::ALL.map(|touchpoint| doors[touchpoint as usize].2.clone()),
            ratings: format!("http://localhost:{}", ratings_at.port()),
            codes: Codes::new(),
            mailboxes: Mailboxes::new(),
            notices: Notices::new(),
            push_key: push_key.clone(),
            smtp,
            chats: chats.clone(),
            closing: closing.clone(),
        });
        let services = doors::open(doors, telephones, &business, &certificates, &servers);
        let sound = tokio::sync::watch::Sender::new(None).subscribe();
        let ratings = Stand::new(ratings::router(Arc::clone(&business)), sound);
        servers.spawn(ratings.serve(ratings_listener, closing.clone()));
        let (mail_business, mail_certificates) = (Arc::clone(&business), Arc::clone(&certificates));
        servers.spawn(mail::smtp::serve(smtp_listener, mail_business, mail_certificates, closing.clone()));
        let company = Self {
            control: format!("http://{control_at}"),
            environment,
            touchpoints,
            switches,
            services,
            traces: Vec::new(),
            folder,
            servers,
            chats,
            closing: closing.drop_guard(),
            _lock: lock,
        };
        company.leave_word(&[
            (AUTHORITY_FILE, &certificates.authority_pem),
            (PASSWORD_FILE, &password),
            (PUSH_KEY_FILE, &push_key),
            (CODES_FILE, &business.codes.secret()),
        ])?;
        company.open_control(control_listener);
        Ok(company)
    }

    fn open_control(&self, listener: TcpListener) {
        let router = control::router(Arc::clone(&self.switches), self.touchpoints.clone());
        let stand = Stand::new(router, tokio::sync::watch::Sender::new(None).subscribe());
        let closing = self.closing.token().clone();
        self.servers.spawn(stand.serve(listener, closing));
    }

    /// The control page's address.
    pub fn control(&self) -> &str {
        &self.control
    }

    /// Every touchpoint with its address.
    pub fn touchpoints(&self) -> &[(Touchpoint, String)] {
        &self.touchpoints
    }

    /// The variables that `config/` and `probes/` name, with their real values: addresses, where the password and the
    /// certificate authority are.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Everything that can be broken, and what is.
    pub fn faults(&self) -> Vec<Switch> {
        self.switches.list()
    }

    /// Switches a fault on; the touchpoint's first one, if none is named.
    pub fn break_(&self, touchpoint: &str, fault: Option<&str>) -> Result<Switch, Unknown> {
        self.switches.break_(touchpoint, fault)
    }

    /// Mends one touchpoint, or everything; returns what was broken.
    pub fn mend(&self, touchpoint: Option<&str>) -> Result<Vec<Switch>, Unknown> {
        self.switches.mend(touchpoint)
    }

    /// From now on every web service tells these collectors what it does for whom, each under a name of its own. Must be
    /// called within a tokio runtime, once.
    pub fn trace(&mut self, collectors: &[Otlp]) -> Result<(), Closed> {
        if !collectors.is_empty() {
            let told = self.services.iter().map(|service| service.tell(collectors));
            self.traces = told.collect::<Result<_, _>>().map_err(Closed::Trace)?;
        }
        Ok(())
    }

    /// Closes every connection, and waits until all servers have ended.
    pub async fn shutdown(self) {
        let Self { folder, servers, chats, closing, traces, .. } = self;
        drop(closing);
        for tasks in [servers, chats] {
            tasks.close();
            tasks.wait().await;
        }
        // Each has a thread that it waits for.
        let last_words = traces.into_iter().map(|provider| tokio::task::spawn_blocking(move || provider.shutdown()));
        // A customer's service does not stay because its collector is gone.
        futures::future::join_all(last_words).await;
        let control = [control::ADDRESS_FILE, control::ENVIRONMENT_FILE, control::PAGE_FILE];
        for file in control.into_iter().chain([PASSWORD_FILE, PUSH_KEY_FILE, CODES_FILE, AUTHORITY_FILE]) {
            // Gone already is as good.
            let _removed = std::fs::remove_file(folder.join(file));
        }
    }

    /// Leaves in the data folder where the page of the one who watches is, for commands in another terminal.
    pub fn leave_page(&self, url: &str) -> Result<(), Closed> {
        let path = self.folder.join(control::PAGE_FILE);
        private_file(&path, url).map_err(|source| Closed::Write(path, source))
    }

    /// Leaves in the data folder what another terminal needs.
    fn leave_word(&self, files: &[(&str, &str)]) -> Result<(), Closed> {
        let write = |file: &str, text: &str| {
            let path = self.folder.join(file);
            private_file(&path, text).map_err(|source| Closed::Write(path, source))
        };
        std::fs::create_dir_all(&self.folder).map_err(|source| Closed::Write(self.folder.clone(), source))?;
        files.iter().try_for_each(|(file, text)| write(file, text))?;
        let lines: Vec<String> = self.environment.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        write(control::ENVIRONMENT_FILE, &lines.concat())?;
        write(control::ADDRESS_FILE, &self.control)
    }
}

/// Readable by its owner only: one of the files holds the customers' password.
fn private_file(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

fn environment_of(touchpoints: &[(Touchpoint, String)], smtp: SocketAddr, folder: &Path) -> BTreeMap<String, String> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let address = |(touchpoint, url): &(Touchpoint, String)| match touchpoint {
        // The chat is spoken to by two schemes, ws and http.
        Touchpoint::Chat => ("CHAT_HOST".to_owned(), url.trim_start_matches("http://").to_owned()),
        Touchpoint::Phone => ("PHONE_HOST".to_owned(), url.trim_start_matches("sip:halcyon@").to_owned()),
        Touchpoint::Email => ("IMAP_HOST".to_owned(), url.trim_start_matches("imaps://").to_owned()),
        _ => (format!("{}_URL", touchpoint.id().to_uppercase()), url.clone()),
    };
    let mut environment: BTreeMap<String, String> = touchpoints.iter().map(address).collect();
    environment.insert("SMTP_HOST".to_owned(), smtp.to_string());
    let files = [
        ("HALCYON_PASSWORD_FILE", PASSWORD_FILE),
        ("HALCYON_PUSH_KEY_FILE", PUSH_KEY_FILE),
        ("HALCYON_CODES_FILE", CODES_FILE),
        ("HALCYON_CA", AUTHORITY_FILE),
    ];
    for (name, file) in files {
        environment.insert(name.to_owned(), folder.join(file).display().to_string());
    }
    environment
}
