//! What Chromium is told at its start.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::look::Look;

/// Where systems install it. The headless shell first: the same engine with less around it, a third lighter at rest.
const PLACES: &[&str] = &[
    "/usr/lib/chromium/chromium-headless-shell",
    "/usr/bin/chromium-headless-shell",
    // Behind the scripts that start them by hand.
    "/usr/lib/chromium/chromium",
    "/usr/lib64/chromium-browser/chromium-browser",
    "/opt/google/chrome/chrome",
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome-stable",
    "/usr/bin/google-chrome",
    "/usr/local/bin/chromium",
];

/// Without these it would be larger, slower, or talk to others than the page does.
const FLAGS: &[&str] = &[
    "--remote-debugging-pipe",
    "--no-startup-window",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-experiments",
    "--no-pings",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-component-extensions-with-background-pages",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-domain-reliability",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-client-side-phishing-detection",
    "--disable-field-trial-config",
    "--disable-search-engine-choice-screen",
    // What is shared between its processes lies in its folder, which goes with it.
    "--disable-dev-shm-usage",
    // It would ask a person whether to wait; deadlines are ours.
    "--disable-hang-monitor",
    "--disable-prompt-on-repost",
    // No person looks at the page, and it is as awake as if one did.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    // Frames of other sites stay in the page's process, where they are watched and used like the rest of it; the run has
    // the browser for itself.
    "--disable-site-isolation-trials",
    // What a role and a name are, Chromium says itself: elements are found as screen readers find them.
    "--enable-blink-features=ComputedAccessibilityInfo",
    // Nothing passes by the gate: no datagrams, no names looked up here.
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--mute-audio",
    "--metrics-recording-only",
    "--password-store=basic",
    "--use-mock-keychain",
    "--renderer-process-limit=8",
    "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider,AutofillServerCommunication,\
     CertificateTransparencyComponentUpdater,InterestFeedContentSuggestions,HttpsUpgrades,DestroyProfileOnBrowserClose,\
     PaintHolding,GlobalMediaControls,PreloadTopChromeWebUI,PreloadTopChromeWebUILessNavigations",
];

/// Where nobody looks on.
const UNSEEN: &[&str] = &["--headless", "--hide-scrollbars"];
/// Where somebody does.
const SEEN: &[&str] = &[
    "--ozone-platform-hint=auto",
    "--window-position=0,0",
    "--window-size=1460,1040",
    // No bar that warns of these flags lies above the page.
    "--test-type",
];

pub(super) fn flags(look: &Look) -> impl Iterator<Item = &'static str> {
    let own = if *look == Look::Unseen { UNSEEN } else { SEEN };
    own.iter().chain(FLAGS).copied()
}

/// What a shell does before it becomes the browser: the pipes get the numbers that Chromium reads and writes, no file of
/// its grows without end, none shows what was in its memory.
pub(super) const SHELL: &str =
    r#"ulimit -c 0; ulimit -n 4096; ulimit -f 1048576; exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#;

/// The browser to start, if there is one; where somebody is to look on, one that has windows.
pub(in crate::probe::browser) fn find(written: Option<&Path>, look: &Look) -> Option<PathBuf> {
    let shows = |path: &Path| *look == Look::Unseen || !path.to_string_lossy().contains("headless");
    match written {
        Some(path) => (path.exists() && shows(path)).then(|| path.to_owned()),
        None => PLACES.iter().map(PathBuf::from).find(|path| is_program(path) && shows(path)),
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.mode() & 0o111 != 0)
}
