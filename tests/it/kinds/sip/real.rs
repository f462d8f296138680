//! Kamailio and sipp, as telephone companies run them.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use unbroken::model::{FaultCode, Verdict};

use super::{fault, signed_in, within};
use crate::parts::{free_address, program};

/// A proxy and registrar that sends calls for `service` to `service`, and knows `anna` by her password.
fn kamailio(folder: &Path, service: SocketAddr, algorithm: &str) -> (Kamailio, SocketAddr) {
    let address = free_address();
    let config = folder.join("kamailio.cfg");
    let text = format!(
        r#"#!KAMAILIO
debug=-1
log_stderror=yes
fork=yes
children=2
auto_aliases=no
listen=udp:{address}
listen=tcp:{address}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "kex.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("auth", "algorithm", "{algorithm}")
modparam("auth", "qop", "auth")
request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (is_method("OPTIONS") && uri==myself && $rU==$null) {{ sl_send_reply("200", "Keepalive"); exit; }}
  if (is_method("REGISTER")) {{
    if (!pv_www_authenticate("halcyon", "right-word", "0")) {{ www_challenge("halcyon", "1"); exit; }}
    save("location"); exit;
  }}
  if (has_totag()) {{ if (loose_route() || uri != myself) {{ t_relay(); exit; }} if (is_method("ACK")) exit; sl_send_reply("404", "Not here"); exit; }}
  if (is_method("CANCEL")) {{ t_relay_cancel(); exit; }}
  if ($rU == "service") {{ record_route(); $du = "sip:{service}"; t_relay(); exit; }}
  sl_send_reply("404", "Not Found");
}}
"#
    );
    std::fs::write(&config, text).unwrap();
    let child = Command::new(program("kamailio"))
        .args(["-DD", "-E", "-m", "32", "-M", "4", "-f"])
        .arg(&config)
        .arg("-P")
        .arg(folder.join("kamailio.pid"))
        .arg("-Y")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let running = Kamailio(child);
    for _ in 0..400 {
        if TcpStream::connect(address).is_ok() {
            return (running, address);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("kamailio does not listen on {address}");
}

/// Asked to end, so that it ends its own children.
struct Kamailio(Child);

impl Drop for Kamailio {
    fn drop(&mut self) {
        let _asked =
            rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), rustix::process::Signal::TERM);
        _ = self.0.wait();
    }
}

/// A telephone that answers.
struct Telephone(Child, SocketAddr);

impl Telephone {
    fn answering(folder: &Path) -> Self {
        let address = free_address();
        let child = Command::new(program("sipp"))
            .args(["-sn", "uas", "-i", "127.0.0.1", "-p", &address.port().to_string(), "-nostdin", "-skip_rlimit"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child, address)
    }

    /// Waits until it answers.
    async fn ready(&self) {
        for _ in 0..100 {
            let call = json!({ "invite": format!("sip:service@{}", self.1) });
            if within(2000, call).await.outcome.verdict == Verdict::Good {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("sipp does not answer");
    }
}

impl Drop for Telephone {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn over(transport: &str, mut settings: Value) -> Value {
    settings["transport"] = json!(transport);
    settings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kamailio_is_asked_signed_in_to_and_called_through() {
    let folder = tempfile::tempdir().unwrap();
    let telephone = Telephone::answering(folder.path());
    telephone.ready().await;
    let (_running, address) = kamailio(folder.path(), telephone.1, "MD5");
    for transport in ["udp", "tcp"] {
        let asked = within(5000, over(transport, json!({ "options": format!("sip:{address}") }))).await;
        assert_eq!(asked.outcome.verdict, Verdict::Good, "{transport}");
        let unknown = within(5000, over(transport, json!({ "invite": format!("sip:nobody@{address}") }))).await;
        let (code, _, text) = fault(&unknown);
        assert_eq!((code, &*text), (FaultCode::Status, "answers 404 Not Found: it does not know this address"));
        let call = json!({
            "sip": over(transport, json!({ "invite": format!("sip:service@{address}") })),
            "expect": { "status": 200, "text": { "contains": "m=audio" }, "ring_time": { "below": "4s" } },
        });
        let called = within(5000, call).await;
        assert_eq!(called.outcome.verdict, Verdict::Good, "{transport}: {:?}", called.outcome.steps);
        let register = || over(transport, json!({ "register": format!("sip:anna@{address}") }));
        assert_eq!(signed_in(register(), "right-word").await.outcome.verdict, Verdict::Good, "{transport}");
        let refused = signed_in(register(), "wrong-word").await;
        assert_eq!(fault(&refused).0, FaultCode::SipRefused);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kamailio_is_signed_in_to_with_sha_256() {
    let folder = tempfile::tempdir().unwrap();
    let (_running, address) = kamailio(folder.path(), free_address(), "SHA-256");
    let register = || json!({ "register": format!("sip:anna@{address}") });
    let reading = signed_in(register(), "right-word").await;
    assert_eq!(reading.outcome.verdict, Verdict::Good, "{:?}", reading.outcome.verdict);
    assert_eq!(fault(&signed_in(register(), "wrong-word").await).0, FaultCode::SipRefused);
}
