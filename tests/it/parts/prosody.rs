//! Prosody, an XMPP server with one account.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::folder::{Shared, run};
use super::{Running, free_address, program};

pub(crate) const ACCOUNT: &str = "anna";
pub(crate) const PASSWORD: &str = "s3cret-of-the-chat";

/// A server for `localhost`: plain connections with STARTTLS, and by `websocket`.
pub(crate) struct Prosody {
    _running: Running,
    folder: Shared,
    pub(crate) plain: SocketAddr,
    pub(crate) web: SocketAddr,
}

impl Prosody {
    pub(crate) fn start() -> Self {
        let folder = Shared::new();
        folder.certificate();
        let (plain, web) = (free_address(), free_address());
        let dir = folder.path().display();
        let config = format!(
            "pidfile = \"{dir}/own/prosody.pid\"\ndata_path = \"{dir}/own\"\ncertificates = \"{dir}\"\nadmins = {{}}\n\
             interfaces = {{ \"127.0.0.1\" }}\nc2s_ports = {{ {} }}\nc2s_direct_tls_ports = {{}}\ns2s_ports = {{}}\n\
             http_interfaces = {{ \"127.0.0.1\" }}\nhttp_ports = {{ {} }}\nhttps_ports = {{}}\n\
             modules_enabled = {{ \"roster\"; \"saslauth\"; \"tls\"; \"disco\"; \"ping\"; \"websocket\" }}\n\
             modules_disabled = {{ \"s2s\" }}\nc2s_require_encryption = true\nconsider_websocket_secure = true\n\
             authentication = \"internal_plain\"\nstorage = \"internal\"\nlog = {{ info = \"{dir}/own/log\" }}\n\
             prosody_user = \"prosody\"\nVirtualHost \"localhost\"\n\
             ssl = {{ key = \"{dir}/key.pem\"; certificate = \"{dir}/cert.pem\" }}\n",
            plain.port(),
            web.port(),
        );
        let config = folder.write("prosody.cfg.lua", &config);
        folder.owned_by("own", "prosody");
        run(as_prosody("prosodyctl").arg("--config").arg(&config).args(["register", ACCOUNT, "localhost", PASSWORD]));
        let mut running = Running::start(as_prosody("prosody").arg("-F").arg("--config").arg(&config), plain);
        running.wait_for(web);
        Self { _running: running, folder, plain, web }
    }

    /// The certificate, which is its own authority.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }
}

/// It refuses to run as root.
fn as_prosody(name: &str) -> Command {
    let mut command = Command::new(program("setpriv"));
    command.args(["--reuid=prosody", "--regid=prosody", "--clear-groups"]).arg(program(name));
    command
}
