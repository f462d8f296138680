//! BIND with a signed zone, and Unbound that checks it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::folder::{Shared, run};
use super::{Running, free_address, program};

/// One record of each type worth asking for, a chain and a circle of aliases, and a name whose signature is wrong.
const ZONE: &str = "$TTL 60
@ IN SOA ns.shop.test. admin.shop.test. 7 3600 600 86400 60
@ IN NS ns
@ IN MX 10 mx
@ IN TXT \"v=spf1 -all\"
@ IN CAA 0 issue \"ca.example\"
ns IN A 127.0.0.1
www IN A 192.0.2.7
www IN AAAA 2001:db8::7
www IN HTTPS 1 . alpn=\"h2,h3\" port=8443
mx IN A 192.0.2.25
_sip._udp IN SRV 0 5 5060 www
_dns IN SVCB 1 dns alpn=\"dot\"
_443._tcp.www IN TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
www IN SSHFP 4 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
4.3.2.1.e164 IN NAPTR 10 100 \"u\" \"E2U+sip\" \"!^.*$!sip:info@shop.test!\" .
alias IN CNAME www
ptr IN PTR www
tampered IN A 192.0.2.66
circle-a IN CNAME circle-b
circle-b IN CNAME circle-a
";

/// The zone `shop.test`, signed, and its key.
pub(crate) struct Bind {
    _running: Running,
    folder: Shared,
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) https: SocketAddr,
}

impl Bind {
    pub(crate) fn start() -> Self {
        let folder = Shared::new();
        folder.certificate();
        sign(&folder);
        let [plain, tls, https] = std::array::from_fn(|_| free_address());
        let dir = folder.path().display();
        let config = format!(
            "tls own {{ cert-file \"{dir}/cert.pem\"; key-file \"{dir}/key.pem\"; }};\n\
             options {{ directory \"{dir}\"; pid-file \"{dir}/pid\"; session-keyfile \"{dir}/sk\";\n\
             listen-on port {} {{ 127.0.0.1; }}; listen-on port {} tls own {{ 127.0.0.1; }};\n\
             listen-on port {} tls own http default {{ 127.0.0.1; }};\n\
             listen-on-v6 {{ none; }}; recursion no; dnssec-validation no; allow-query {{ any; }}; empty-zones-enable no; }};\n\
             controls {{ }};\nzone \"shop.test\" {{ type primary; file \"{dir}/signed\"; }};\n\
             zone \"plain.test\" {{ type primary; file \"{dir}/plain\"; }};\n",
            plain.port(),
            tls.port(),
            https.port(),
        );
        let config = folder.write("named.conf", &config);
        let mut running = Running::start(Command::new(program("named")).args(["-f", "-4", "-c"]).arg(config), plain);
        running.wait_for(tls);
        running.wait_for(https);
        // It listens before it has read its zones.
        while !knows_the_zone(plain) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Self { _running: running, folder, plain, tls, https }
    }

    /// The certificate of its encrypted ports, which is its own authority.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// The zone's key as a DNSKEY record: what to trust.
    pub(crate) fn anchor(&self) -> PathBuf {
        self.folder.path().join("anchor")
    }
}

/// Whether it answers a question for `shop.test` without an error.
fn knows_the_zone(server: SocketAddr) -> bool {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(1))).unwrap();
    let question = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x04shop\x04test\0\0\x06\0\x01";
    socket.send_to(question, server).unwrap();
    let mut answer = [0; 512];
    socket.recv(&mut answer).is_ok_and(|length| length > 12 && answer[3] % 16 == 0)
}

/// Signs the zone, then changes one record behind its signature's back.
fn sign(folder: &Shared) {
    let keys = folder.folder("keys");
    let chain: String = (0..20).map(|n| format!("chain{n} IN CNAME chain{}\n", n + 1)).collect();
    let zone = folder.write("zone", &format!("{ZONE}{chain}chain20 IN A 192.0.2.20\n"));
    folder.write(
        "plain",
        "$TTL 60\n@ IN SOA ns.shop.test. a.shop.test. 1 3600 600 86400 60\n@ IN NS ns.shop.test.\nwww IN A 192.0.2.8\n",
    );
    let mut anchor = String::new();
    for flags in [&["-f", "KSK"][..], &[]] {
        let keygen = program("dnssec-keygen");
        run(Command::new(keygen).arg("-K").arg(&keys).args(["-a", "ECDSAP256SHA256"]).args(flags).arg("shop.test"));
        if anchor.is_empty() {
            let key = std::fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().path());
            let key = key.into_iter().find(|path| path.extension().is_some_and(|it| it == "key")).unwrap();
            let text = std::fs::read_to_string(key).unwrap();
            text.lines().find(|line| !line.starts_with(';')).unwrap().clone_into(&mut anchor);
        }
    }
    folder.write("anchor", &format!("{anchor}\n"));
    let signed = folder.path().join("signed");
    run(Command::new(program("dnssec-signzone"))
        .arg("-K")
        .arg(&keys)
        .arg("-d")
        .arg(folder.path())
        .args(["-S", "-o", "shop.test", "-e", "now+30d", "-f"])
        .arg(&signed)
        .arg(zone));
    let text = std::fs::read_to_string(&signed).unwrap();
    assert!(text.contains("192.0.2.66"));
    std::fs::write(&signed, text.replace("192.0.2.66", "192.0.2.67")).unwrap();
}

/// A resolver that asks BIND and believes nothing that is not signed.
pub(crate) struct Unbound {
    _running: Running,
    folder: Shared,
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) https: SocketAddr,
}

impl Unbound {
    pub(crate) fn start(bind: &Bind) -> Self {
        let folder = Shared::new();
        folder.certificate();
        let [plain, tls, https] = std::array::from_fn(|_| free_address());
        let dir = folder.path().display();
        let config = format!(
            "server:\n interface: 127.0.0.1@{}\n interface: 127.0.0.1@{tls}\n interface: 127.0.0.1@{https}\n\
             \x20tls-port: {tls}\n https-port: {https}\n tls-service-key: \"{dir}/key.pem\"\n\
             \x20tls-service-pem: \"{dir}/cert.pem\"\n access-control: 127.0.0.0/8 allow\n do-daemonize: no\n username: \"\"\n\
             \x20chroot: \"\"\n directory: \"{dir}\"\n pidfile: \"{dir}/pid\"\n do-not-query-localhost: no\n\
             \x20module-config: \"validator iterator\"\n trust-anchor-file: \"{}\"\n local-zone: \"test.\" nodefault\n\
             \x20use-syslog: no\n logfile: \"{dir}/log\"\nremote-control:\n control-enable: no\n\
             stub-zone:\n name: \"shop.test\"\n stub-addr: 127.0.0.1@{}\n",
            plain.port(),
            bind.anchor().display(),
            bind.plain.port(),
            tls = tls.port(),
            https = https.port(),
        );
        let config = folder.write("unbound.conf", &config);
        let mut running = Running::start(Command::new(program("unbound")).arg("-d").arg("-c").arg(config), plain);
        running.wait_for(tls);
        running.wait_for(https);
        Self { _running: running, folder, plain, tls, https }
    }

    /// The certificate of its encrypted ports, which is its own authority.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }
}
