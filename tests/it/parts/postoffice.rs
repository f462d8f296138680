//! Postfix takes mail in, Dovecot hands it out: two real mail servers that know one customer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::folder::{Shared, run};
use super::{Running, free_address, program};

/// The one mailbox that there is.
pub(crate) const CUSTOMER: &str = "probe@shop.test";
pub(crate) const PASSWORD: &str = "s3cret-of-the-mailbox";

/// Both servers, with a certificate for `localhost`.
pub(crate) struct PostOffice {
    // Dropped first to last: Postfix uses Dovecot's sign-in.
    _postfix: Running,
    _dovecot: Running,
    folder: Shared,
    pub(crate) smtp: SocketAddr,
    pub(crate) imap: SocketAddr,
    pub(crate) imaps: SocketAddr,
    pub(crate) pop3: SocketAddr,
}

impl PostOffice {
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// With more lines for Postfix' `main.cf`, of which the last word counts.
    pub(crate) fn start_with(more: &str) -> Self {
        let folder = Shared::new();
        folder.certificate();
        let [smtp, imap, imaps, pop3, lmtp] = std::array::from_fn(|_| free_address());
        let dovecot = dovecot(&folder, [imap, imaps, pop3, lmtp]);
        let postfix = postfix(&folder, smtp, lmtp, more);
        Self { _postfix: postfix, _dovecot: dovecot, folder, smtp, imap, imaps, pop3 }
    }

    /// What the customer has in the mailbox.
    pub(crate) fn letters(&self) -> Vec<String> {
        let folder = self.folder.path().join("mail").join(CUSTOMER);
        let files = ["new", "cur"].into_iter().filter_map(|inbox| std::fs::read_dir(folder.join(inbox)).ok());
        let mut paths: Vec<PathBuf> = files.flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    /// The certificate, which is its own authority.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }
}

fn dovecot(folder: &Shared, [imap, imaps, pop3, lmtp]: [SocketAddr; 4]) -> Running {
    let dir = folder.path().display();
    folder.folder("spool/private");
    folder.owned_by("mail", "nobody");
    folder.owned_by("spool/private", "postfix");
    folder.write("users", &format!("{CUSTOMER}:{{PLAIN}}{PASSWORD}\n"));
    let config = format!(
        "base_dir = {dir}/run\nstate_dir = {dir}/run\nlog_path = {dir}/dovecot.log\nprotocols = imap pop3 lmtp\n\
         listen = 127.0.0.1\nssl = yes\nssl_cert = <{dir}/cert.pem\nssl_key = <{dir}/key.pem\n\
         disable_plaintext_auth = no\nauth_mechanisms = plain login\nmail_location = maildir:{dir}/mail/%u\n\
         first_valid_uid = 1\nmail_uid = nobody\nmail_gid = nogroup\n\
         default_login_user = dovenull\ndefault_internal_user = dovecot\n\
         passdb {{\n driver = passwd-file\n args = {dir}/users\n}}\n\
         userdb {{\n driver = static\n args = uid=nobody gid=nogroup home={dir}/mail/%u allow_all_users=yes\n}}\n\
         service imap-login {{\n inet_listener imap {{\n port = {}\n }}\n inet_listener imaps {{\n port = {}\n ssl = yes\n }}\n}}\n\
         service pop3-login {{\n inet_listener pop3 {{\n port = {}\n }}\n inet_listener pop3s {{\n port = 0\n }}\n}}\n\
         service lmtp {{\n inet_listener lmtp {{\n address = 127.0.0.1\n port = {}\n }}\n}}\n\
         service auth {{\n unix_listener {dir}/spool/private/auth {{\n mode = 0660\n user = postfix\n group = postfix\n }}\n}}\n",
        imap.port(),
        imaps.port(),
        pop3.port(),
        lmtp.port(),
    );
    let config = folder.write("dovecot.conf", &config);
    let mut running = Running::start(Command::new(program("dovecot")).arg("-F").arg("-c").arg(config), imap);
    running.wait_for(pop3);
    running.wait_for(lmtp);
    running
}

fn postfix(folder: &Shared, smtp: SocketAddr, lmtp: SocketAddr, more: &str) -> Running {
    let dir = folder.path().display();
    folder.owned_by("data", "postfix");
    let main = format!(
        "compatibility_level = 3.6\nqueue_directory = {dir}/spool\ndata_directory = {dir}/data\n\
         command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\nmail_owner = postfix\n\
         setgid_group = postdrop\nmyhostname = mx.shop.test\nmydestination =\nmynetworks = 127.0.0.0/8\n\
         inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nvirtual_mailbox_domains = shop.test\n\
         virtual_mailbox_maps = texthash:{dir}/etc/vmail\nvirtual_transport = lmtp:inet:{lmtp}\n\
         default_transport = error:outside-delivery-disabled\nrelay_transport = error:outside-delivery-disabled\n\
         smtpd_tls_cert_file = {dir}/cert.pem\nsmtpd_tls_key_file = {dir}/key.pem\nsmtpd_tls_security_level = may\n\
         smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\nsmtpd_sasl_auth_enable = yes\n\
         smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination\n\
         maillog_file = {dir}/postfix.log\nmaillog_file_prefixes = {dir}\nalias_maps =\nalias_database =\n{more}"
    );
    let mut master = format!("{smtp} inet n - n - - smtpd\n");
    for service in [
        "pickup unix n - n 60 1 pickup",
        "cleanup unix n - n - 0 cleanup",
        "qmgr unix n - n 300 1 qmgr",
        "tlsmgr unix - - n 1000? 1 tlsmgr",
        "rewrite unix - - n - - trivial-rewrite",
        "bounce unix - - n - 0 bounce",
        "defer unix - - n - 0 bounce",
        "proxymap unix - - n - - proxymap",
        "error unix - - n - - error",
        "retry unix - - n - - error",
        "lmtp unix - - n - - lmtp",
        "anvil unix - - n - 1 anvil",
        "scache unix - - n - 1 scache",
        "postlog unix-dgram n - n - 1 postlogd",
    ] {
        master += service;
        master.push('\n');
    }
    folder.folder("etc");
    folder.write("etc/main.cf", &main);
    folder.write("etc/master.cf", &master);
    folder.write("etc/vmail", &format!("{CUSTOMER} x\n"));
    let etc = folder.path().join("etc");
    // Makes the queue's folders, with the owners that the programs insist on.
    run(Command::new(program("postfix")).arg("-c").arg(&etc).arg("check"));
    Running::start(Command::new("/usr/lib/postfix/sbin/master").arg("-c").arg(&etc).arg("-d"), smtp)
}
