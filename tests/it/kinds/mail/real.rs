//! `smtp` and `imap` against a real Postfix and a real Dovecot: a mail goes in at one and comes out at the other.

use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use unbroken::model::{FaultCode, Phase};

use super::{captured, failed, good, run, shows_no};
use crate::parts::{free_address, program};

const SECRET: &str = "hunter2-of-anna";
const MAILBOX: &str = "anna@probe.test";

/// A program that is asked to end, with its children.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        _ = Command::new("kill").arg(self.0.id().to_string()).status();
        _ = self.0.wait();
    }
}

/// Mail goes in at Postfix, which hands it to Dovecot, where it is read.
struct Post {
    _postfix: Server,
    _dovecot: Server,
    folder: TempDir,
    smtp: SocketAddr,
    smtps: SocketAddr,
    imap: SocketAddr,
    imaps: SocketAddr,
}

fn ids(file: &str, name: &str) -> u32 {
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find(|line| line.split(':').next() == Some(name)).unwrap_or_else(|| panic!("no {name}"));
    line.split(':').nth(2).unwrap().parse().unwrap()
}

/// A folder that every user of the machine may pass.
fn make(root: &Path, name: &str, owner: Option<&str>) {
    let path = root.join(name);
    std::fs::create_dir_all(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    if let Some(owner) = owner {
        chown(&path, Some(ids("/etc/passwd", owner)), None).unwrap();
    }
}

fn certificates(root: &Path) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "mx.probe.test");
    let leaf = params.signed_by(&key, &authority).unwrap();
    std::fs::write(root.join("ca.pem"), authority.pem()).unwrap();
    std::fs::write(root.join("cert.pem"), leaf.pem()).unwrap();
    std::fs::write(root.join("key.pem"), key.serialize_pem()).unwrap();
}

fn wait_for(what: &str, done: impl Fn() -> bool) {
    #[expect(clippy::disallowed_methods, reason = "a process of another project is waited for")]
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Post {
    fn start() -> Self {
        Self::saying("")
    }

    /// With more lines in Dovecot's configuration.
    fn saying(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o755)).unwrap();
        let [smtp, smtps, imap, imaps, lmtp] = std::array::from_fn(|_| free_address());
        certificates(root);
        for name in ["run", "etc", "spool", "spool/pid"] {
            make(root, name, None);
        }
        make(root, "mail", Some("mail"));
        for name in [
            "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved",
            "trace",
        ] {
            make(root, &format!("spool/{name}"), Some("postfix"));
        }
        for name in ["data", "spool/maildrop", "spool/public"] {
            make(root, name, Some("postfix"));
        }
        std::fs::write(root.join("users"), format!("{MAILBOX}:{{PLAIN}}{SECRET}\n")).unwrap();
        std::fs::write(root.join("etc/mailboxes"), format!("{MAILBOX} x\n")).unwrap();
        let dir = root.display().to_string();
        std::fs::write(root.join("dovecot.conf"), dovecot_conf(&dir, imap, imaps, lmtp) + more).unwrap();
        std::fs::write(root.join("etc/main.cf"), main_cf(&dir, lmtp)).unwrap();
        std::fs::write(root.join("etc/master.cf"), master_cf(smtp, smtps)).unwrap();
        let spawn = |command: &mut Command| {
            Server(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
        };
        // Dovecot first: Postfix asks it who may send.
        let dovecot = spawn(Command::new(program("dovecot")).args(["-F", "-c"]).arg(root.join("dovecot.conf")));
        wait_for("dovecot", || root.join("spool/private/auth").exists() && std::net::TcpStream::connect(imap).is_ok());
        let postfix = spawn(Command::new("/usr/lib/postfix/sbin/master").arg("-c").arg(root.join("etc")).arg("-d"));
        wait_for("postfix", || std::net::TcpStream::connect(smtp).is_ok());
        Self { _postfix: postfix, _dovecot: dovecot, folder, smtp, smtps, imap, imaps }
    }

    /// One kind's settings, for this server.
    fn at(&self, address: SocketAddr, security: &str, more: Value) -> Value {
        let mut settings = json!({
            "connect": address.to_string(),
            "security": security,
            "tls": { "ca": self.folder.path().join("ca.pem") },
            "login": { "user": MAILBOX, "password": SECRET },
        });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        settings
    }

    fn mail(&self, subject: &str) -> Value {
        let body = "Dear Anna, <a href=\"https://shop.test/o?a=1&amp;b=2\">your order</a>";
        let send = json!({ "from": "shop@halcyon.test", "to": MAILBOX, "subject": subject, "html": body,
            "headers": { "X-Order": "H-1" } });
        json!({ "smtp": self.at(self.smtp, "starttls", json!({ "send": send })), "capture": { "id": { "field": "message_id" } } })
    }

    fn look(&self, more: Value) -> Value {
        json!({ "imap": self.at(self.imaps, "tls", more) })
    }
}

#[tokio::test]
async fn what_postfix_takes_dovecot_shows() {
    let post = Post::start();
    let sent = run(&post.mail("Order 李伟"), 10_000).await;
    good(&sent);
    let phases: Vec<_> = sent.outcome.steps[0].phases.iter().map(|time| time.phase.code()).collect();
    assert_eq!(phases, ["connect", "greeting", "starttls", "tls", "greeting", "auth", "mail", "data", "assert"]);
    let id = captured(&sent, "id").to_owned();
    let mut look = post.look(json!({ "match": { "headers": { "message-id": id } } }));
    look["expect"] = json!({ "subject": "Order 李伟", "from": "shop@halcyon.test", "headers": { "x-order": "H-1" },
        "links": { "contains": "https://shop.test/o?a=1&b=2" } });
    let found = run(&look, 10_000).await;
    good(&found);
    assert!(found.outcome.steps[0].certificate.is_some());
    // It was deleted: nobody finds it twice, by STARTTLS neither.
    look["imap"]["within"] = json!("300ms");
    failed(&run(&look, 10_000).await, FaultCode::MailMissing, Phase::Arrival);
    look["imap"]["connect"] = json!(post.imap.to_string());
    look["imap"]["security"] = json!("starttls");
    failed(&run(&look, 10_000).await, FaultCode::MailMissing, Phase::Arrival);
}

#[tokio::test]
async fn a_mail_that_comes_while_we_wait_is_told_at_once() {
    let post = Post::start();
    let look = post.look(json!({ "match": { "subject": "while waiting" } }));
    let mail = post.mail("while waiting");
    let late = async {
        tokio::time::sleep(Duration::from_millis(800)).await;
        run(&mail, 10_000).await
    };
    let (found, sent) = tokio::join!(run(&look, 15_000), late);
    good(&sent);
    good(&found);
    let waited = found.outcome.steps[0].phases.iter().find(|time| time.phase == Phase::Arrival).unwrap().took;
    assert!(waited > Duration::from_millis(300) && waited < Duration::from_secs(4), "IDLE, not luck: {waited:?}");
}

#[tokio::test]
async fn a_server_that_does_not_tell_is_asked_again_and_again() {
    let post = Post::saying("imap_capability = IMAP4rev1 UIDPLUS\n");
    let mail = post.mail("while asking");
    let late = async {
        tokio::time::sleep(Duration::from_millis(1200)).await;
        run(&mail, 10_000).await
    };
    let look = post.look(json!({ "match": { "subject": "while asking" } }));
    let (found, sent) = tokio::join!(run(&look, 15_000), late);
    good(&sent);
    good(&found);
    let waited = found.outcome.steps[0].phases.iter().find(|time| time.phase == Phase::Arrival).unwrap().took;
    assert!(waited > Duration::from_millis(1500), "it was told, not asked: {waited:?}");
}

#[tokio::test]
async fn pressure_is_counted_in_the_real_mailbox() {
    let post = Post::start();
    for number in 1..=3 {
        good(&run(&post.mail(&format!("Offer {number}: Flat M")), 10_000).await);
    }
    // The last one is there once it was found.
    good(&run(&post.look(json!({ "match": { "subject": { "contains": "Offer 3" } }, "delete": false })), 10_000).await);
    let pressure = |at_most: &str| post.look(json!({ "match": { "from": "shop@halcyon.test" }, "at_most": at_most }));
    good(&run(&pressure("3 in 7d"), 10_000).await);
    let text = failed(&run(&pressure("2 in 7d"), 10_000).await, FaultCode::MailTooMany, Phase::Assert);
    assert!(text.contains("3 mails in 7d, at most 2"), "{text}");
}

#[tokio::test]
async fn real_servers_say_no_too() {
    let post = Post::start();
    let mut wrong = post.mail("x");
    wrong["smtp"]["login"]["password"] = json!("hunter3-wrong");
    let reading = run(&wrong, 10_000).await;
    failed(&reading, FaultCode::MailLogin, Phase::Login);
    shows_no("hunter3-wrong", &reading);
    let mut look = post.look(json!({}));
    look["imap"]["login"]["password"] = json!("hunter3-wrong");
    let reading = run(&look, 10_000).await;
    failed(&reading, FaultCode::MailLogin, Phase::Login);
    shows_no("hunter3-wrong", &reading);

    let mut nobody = post.mail("x");
    nobody["smtp"]["send"]["to"] = json!("nobody@probe.test");
    let text = failed(&run(&nobody, 10_000).await, FaultCode::MailRefused, Phase::Envelope);
    assert!(text.contains("550"), "{text}");
    // TLS from the first byte, and a certificate that nobody here vouches for.
    good(&run(&json!({ "smtp": post.at(post.smtps, "tls", json!({})) }), 10_000).await);
    let mut stranger = json!({ "smtp": post.at(post.smtp, "starttls", json!({})) });
    stranger["smtp"]["tls"] = json!({});
    failed(&run(&stranger, 10_000).await, FaultCode::ChainIncomplete, Phase::Tls);
}

fn dovecot_conf(dir: &str, imap: SocketAddr, imaps: SocketAddr, lmtp: SocketAddr) -> String {
    let [imap, imaps, lmtp] = [imap, imaps, lmtp].map(|address| address.port());
    format!(
        "base_dir = {dir}/run\nstate_dir = {dir}/run\nlog_path = {dir}/dovecot.log\nprotocols = imap lmtp\n\
         listen = 127.0.0.1\nssl = yes\nssl_cert = <{dir}/cert.pem\nssl_key = <{dir}/key.pem\n\
         disable_plaintext_auth = no\nauth_mechanisms = plain login\nmail_location = maildir:{dir}/mail/%u\n\
         first_valid_uid = 1\nmail_uid = mail\nmail_gid = mail\ndefault_login_user = dovenull\n\
         default_internal_user = dovecot\nauth_failure_delay = 0\n\
         passdb {{\n driver = passwd-file\n args = {dir}/users\n}}\n\
         userdb {{\n driver = static\n args = uid=mail gid=mail home={dir}/mail/%u\n}}\n\
         service imap-login {{\n inet_listener imap {{\n  port = {imap}\n }}\n inet_listener imaps {{\n  port = {imaps}\n  ssl = yes\n }}\n}}\n\
         service lmtp {{\n inet_listener lmtp {{\n  address = 127.0.0.1\n  port = {lmtp}\n }}\n}}\n\
         service auth {{\n unix_listener {dir}/spool/private/auth {{\n  mode = 0660\n  user = postfix\n  group = postfix\n }}\n}}\n"
    )
}

fn main_cf(dir: &str, lmtp: SocketAddr) -> String {
    format!(
        "compatibility_level = 3.6\nqueue_directory = {dir}/spool\ndata_directory = {dir}/data\n\
         command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\nmail_owner = postfix\n\
         setgid_group = postdrop\nmyhostname = mx.probe.test\nmydestination =\nmynetworks = 127.0.0.0/8\n\
         inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nvirtual_mailbox_domains = probe.test\n\
         virtual_mailbox_maps = texthash:{dir}/etc/mailboxes\nvirtual_transport = lmtp:inet:{lmtp}\n\
         default_transport = error:outside\nrelay_transport = error:outside\n\
         smtpd_tls_cert_file = {dir}/cert.pem\nsmtpd_tls_key_file = {dir}/key.pem\nsmtpd_tls_security_level = may\n\
         smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\nsmtpd_sasl_auth_enable = yes\n\
         smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination\n\
         maillog_file = {dir}/postfix.log\nmaillog_file_prefixes = {dir}\nalias_maps =\nalias_database =\n"
    )
}

fn master_cf(smtp: SocketAddr, smtps: SocketAddr) -> String {
    let mut lines = format!(
        "{smtp} inet n - n - - smtpd\n{smtps} inet n - n - - smtpd\n -o smtpd_tls_wrappermode=yes\n\
         pickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n\
         rewrite unix - - n - - trivial-rewrite\ntlsmgr unix - - n 1000? 1 tlsmgr\npostlog unix-dgram n - n - 1 postlogd\n"
    );
    for (name, program) in [
        ("bounce", "0 bounce"),
        ("defer", "0 bounce"),
        ("trace", "0 bounce"),
        ("proxymap", "- proxymap"),
        ("error", "- error"),
        ("retry", "- error"),
        ("lmtp", "- lmtp"),
        ("anvil", "1 anvil"),
        ("scache", "1 scache"),
    ] {
        lines += &format!("{name} unix - - n - {program}\n");
    }
    lines
}
