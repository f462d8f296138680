//! What is there while browsers run, and what is left when they do not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use super::{ask, open, page, tools, with};
use crate::clock::Clock;
use crate::model::SelfFault;
use crate::probe::browser::chromium::look::Look;
use crate::probe::browser::pool::Settings;
use crate::probe::connect::Network;
use crate::probe::{Stop, Tools};

/// A browser that this process started.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Started {
    pid: i32,
    folder: PathBuf,
}

fn numbers() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The parent's number and the group's.
fn kin(pid: i32) -> Option<(i32, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(1).map(str::parse);
    Some((fields.next()?.ok()?, fields.next()?.ok()?))
}

/// Zombies, too: what nobody waits for has no command line, and is still there.
fn group(leader: i32) -> Vec<i32> {
    numbers().filter(|pid| kin(*pid).is_some_and(|(_, group)| group == leader)).collect()
}

/// Orphans that have ended are waited for by who adopted them, in his own time.
fn is_over(browser: &Started) -> bool {
    let lives = |pid: i32| fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    group(browser.pid).into_iter().all(|pid| pid != browser.pid && !lives(pid)) && !browser.folder.exists()
}

fn started() -> Vec<Started> {
    let own = i32::try_from(std::process::id()).unwrap();
    let children = numbers().filter(|pid| kin(*pid) == Some((own, *pid)));
    let browser = |pid| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        let profile = line.split(['\0', ' ']).find_map(|word| word.strip_prefix("--user-data-dir="))?;
        Some(Started { pid, folder: PathBuf::from(profile).parent()?.to_owned() })
    };
    children.filter_map(browser).collect()
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

async fn visit(tools: &Tools, url: &url::Url) {
    let tab = open(tools, url).await.unwrap();
    ask(&tab, tab.page.goto(url.as_str())).await.unwrap();
}

/// Waits for what is tidied behind runs: until every browser waits, also one that stood in for another meanwhile.
async fn settled(tools: &Tools) {
    let until = Instant::now() + Duration::from_secs(20);
    while started().is_empty() || waiting(tools) != started().len() {
        assert!(Instant::now() < until, "{:?} {:?}", tools.browsers, started());
        sleep(Duration::from_millis(10)).await;
    }
}

/// How many browsers wait that can be used.
fn waiting(tools: &Tools) -> usize {
    let told = format!("{:?}", tools.browsers);
    let (_, rest) = told.split_once("waiting: ").unwrap();
    rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

async fn waits(tools: &Tools, browsers: usize) {
    let until = Instant::now() + Duration::from_secs(20);
    while waiting(tools) != browsers {
        assert!(Instant::now() < until, "{:?}", tools.browsers);
        sleep(Duration::from_millis(10)).await;
    }
}

async fn gone(browser: &Started) {
    let until = Instant::now() + Duration::from_secs(20);
    while !group(browser.pid).is_empty() || browser.folder.exists() {
        assert!(Instant::now() < until, "{browser:?} {:?}", group(browser.pid));
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_closes_all_browsers_waits_for_those_that_runs_have_just_left() {
    let tools = tools();
    let url = page("<title>Shop</title>").await;
    visit(&tools, &url).await;
    let browsers = started();
    assert_eq!(browsers.len(), 1, "{browsers:?}");
    tools.browsers.close().await;
    assert!(is_over(&browsers[0]), "{browsers:?} {:?}", group(browsers[0].pid));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_runs_leave_nothing_behind() {
    let tools = tools();
    let script =
        "document.cookie='a=b'; localStorage.x = 1; caches.open('c'); indexedDB.open('d'); new Worker('data:,0')";
    let url = page(format!("<title>Shop</title><script>{script}</script>")).await;
    visit(&tools, &url).await;
    settled(&tools).await;
    let before = descriptors();
    let mut all = started();
    for _ in 0..199 {
        visit(&tools, &url).await;
        all.extend(started());
    }
    settled(&tools).await;
    all.sort_by_key(|browser| browser.pid);
    all.dedup();
    assert!((4..=12).contains(&all.len()), "recycled, and kept warm: {all:?}");
    // The one that waits, and the one that stood in for it while it was replaced.
    assert!(started().len() <= 2, "{:?}", started());
    // Its profile and its lock, those of the page that waits, and, as soon as the last one is tidied, no run's.
    let rooms = |browser: &Started| fs::read_dir(&browser.folder).map_or(4, Iterator::count);
    let until = Instant::now() + Duration::from_secs(20);
    while started().iter().any(|browser| rooms(browser) > 4) {
        assert!(Instant::now() < until, "{:?}", started());
        sleep(Duration::from_millis(50)).await;
    }
    tools.browsers.close().await;
    for browser in &all {
        gone(browser).await;
    }
    assert!(descriptors() < before, "with a browser {before} descriptors, without any {}", descriptors());
}

/// Files in it that hold this.
fn holding(folder: &std::path::Path, text: &[u8]) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let holds = |path: &std::path::Path| {
        if path.is_dir() {
            return holding(path, text);
        }
        usize::from(fs::read(path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text)))
    };
    entries.map(|entry| holds(&entry.path())).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_makes_the_browser_download_goes_with_its_run() {
    let tools = tools();
    // Said nowhere but in the file itself.
    let script = "d.href = 'data:application/octet-stream,' + 'drow terces'.split('').reverse().join(''); d.click()";
    let url = page(format!(
        "<title>Shop</title><a id=d download=bill.bin>d</a><script>setTimeout(() => {{ {script} }}, 100)</script>"
    ))
    .await;
    let tab = open(&tools, &url).await.unwrap();
    ask(&tab, tab.page.goto(url.as_str())).await.unwrap();
    let browser = started().remove(0);
    let until = Instant::now() + Duration::from_secs(20);
    while holding(&browser.folder, b"secret word") == 0 {
        assert!(Instant::now() < until, "{:?}", tab.downloads());
        sleep(Duration::from_millis(10)).await;
    }
    drop(tab);
    settled(&tools).await;
    assert_eq!(holding(&browser.folder, b"secret word"), 0);
    assert_eq!(started(), [browser]);
    tools.browsers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_is_killed_ends_one_run_and_no_other() {
    let tools = tools();
    let url = page("<title>Shop</title>").await;
    let tab = open(&tools, &url).await.unwrap();
    let first = started().remove(0);
    kill_process(Pid::from_raw(first.pid).unwrap(), Signal::KILL).unwrap();
    match tab.gone().await {
        Stop::Own(why, _) => assert_eq!(why, SelfFault::Browser),
        Stop::Fault(fault) => panic!("no fault of the page: {fault:?}"),
    }
    drop(tab);
    gone(&first).await;
    let mut health = tools.browsers.health();
    health.wait_for(|(times, _)| *times == 1).await.unwrap();

    visit(&tools, &url).await;
    settled(&tools).await;
    assert_eq!(health.borrow().0, 0, "it is well again");
    let second = started().remove(0);
    kill_process(Pid::from_raw(second.pid).unwrap(), Signal::KILL).unwrap();
    waits(&tools, 0).await;
    visit(&tools, &url).await;
    gone(&second).await;
    assert_eq!(health.borrow().0, 0, "nobody's run suffered");
    tools.browsers.close().await;
}

/// The processes of its pages.
fn pages(browser: &Started) -> Vec<i32> {
    let is_page = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("--type=renderer"))
    };
    group(browser.pid).into_iter().filter(is_page).collect()
}

fn kill_pages(browser: &Started) {
    for pid in pages(browser) {
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_page_falling_over_is_told_and_the_browser_goes() {
    let tools = tools();
    let url = page("<title>Shop</title>").await;
    let tab = open(&tools, &url).await.unwrap();
    ask(&tab, tab.page.goto(url.as_str())).await.unwrap();
    let first = started().remove(0);
    kill_pages(&first);
    assert!(matches!(tab.gone().await, Stop::Own(SelfFault::Browser, _)));
    drop(tab);
    gone(&first).await;
    tools.browsers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_begins_with_the_page_that_waits_and_with_another_where_that_fell_over() {
    let tools = tools();
    let url = page("<title>Shop</title>").await;
    visit(&tools, &url).await;
    settled(&tools).await;
    let first = started().remove(0);
    // That of the run before takes a moment to go.
    let until = Instant::now() + Duration::from_secs(20);
    while pages(&first).len() != 1 {
        assert!(Instant::now() < until, "{:?}", pages(&first));
        sleep(Duration::from_millis(10)).await;
    }
    let waiting = pages(&first);
    let tab = open(&tools, &url).await.unwrap();
    ask(&tab, tab.page.goto(url.as_str())).await.unwrap();
    assert_eq!(pages(&first), waiting);
    drop(tab);
    settled(&tools).await;
    kill_pages(&first);
    waits(&tools, 0).await;
    visit(&tools, &url).await;
    settled(&tools).await;
    assert_eq!((started(), tools.browsers.health().borrow().0), (vec![first], 0), "nobody's run suffered");
    tools.browsers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_browser_at_rest_is_light() {
    let tools = tools();
    let url = page("<title>Shop</title>").await;
    for _ in 0..3 {
        visit(&tools, &url).await;
    }
    settled(&tools).await;
    let leader = started().remove(0).pid;
    let share = |pid: &i32| {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default()
    };
    // A page's process takes a moment to go.
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let megabytes = group(leader).iter().map(share).sum::<u64>() >> 10;
        println!("{megabytes} MB in {} processes", group(leader).len());
        if (1..250).contains(&megabytes) {
            break;
        }
        assert!(Instant::now() < until, "{megabytes} MB");
        sleep(Duration::from_millis(500)).await;
    }
    tools.browsers.close().await;
}

/// A program in the place of Chromium.
fn instead(script: &str) -> (tempfile::TempDir, Tools) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("chromium");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let settings = serde_json::json!({ "chromium": program });
    let settings: Settings = serde_json::from_value(settings).unwrap();
    (folder, with(settings, Network::system(Clock::system())))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sandbox_it_runs_and_says_so() {
    let real = crate::probe::browser::chromium::find(None, &Look::default()).unwrap();
    let refuse = "for word; do [ \"$word\" = --no-sandbox ] && exec REAL \"$@\"; done; \
                  echo '[1:1:FATAL:zygote_host_impl_linux.cc(128)] No usable sandbox!' >&2; exit 1";
    let (_folder, tools) = instead(&refuse.replace("REAL", real.to_str().unwrap()));
    let url = page("<title>Shop</title>").await;
    visit(&tools, &url).await;
    let advice = tools.browsers.try_out().await.unwrap().unwrap();
    assert!(advice.contains("max_user_namespaces"), "{advice}");
    assert_eq!(tools.browsers.health().borrow().0, 0, "no crash");
    tools.browsers.close().await;
    let sound = super::tools();
    assert_eq!(sound.browsers.try_out().await, Ok(None), "here it has one");
    sound.browsers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_goes_without_a_sandbox_because_of_a_word() {
    let said = "/opt/sandbox/chromium: error while loading shared libraries: libnss3.so";
    let without = "for word; do [ \"$word\" = --no-sandbox ] && { echo 'went without' >&2; exit 1; }; done";
    let (_folder, tools) = instead(&format!("{without}; echo '{said}' >&2; exit 127"));
    let url = page("").await;
    match open(&tools, &url).await {
        Err(Stop::Own(SelfFault::Browser, text)) => assert!(text.contains("libnss3"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_does_not_start_says_why() {
    let (_folder, tools) = instead("echo 'cannot open libnss3.so' >&2; exit 127");
    let url = page("").await;
    for times in 1..=2 {
        match open(&tools, &url).await {
            Err(Stop::Own(SelfFault::Browser, text)) => assert!(text.contains("libnss3"), "{text}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(tools.browsers.health().borrow().0, times);
    }
    assert!(tools.browsers.try_out().await.unwrap_err().contains("libnss3"));

    let nowhere: Settings = serde_json::from_value(serde_json::json!({ "chromium": "/nonexistent/chromium" })).unwrap();
    let tools = with(nowhere, Network::system(Clock::system()));
    match open(&tools, &url).await {
        Err(Stop::Own(SelfFault::Misconfigured, text)) => assert!(text.contains("/nonexistent/chromium"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_settings_count_from_the_next_run_on() {
    let tools = tools();
    let url = page("<script>const a = []; setInterval(() => a.push(new Array(1 << 18).fill(1)), 5)</script>").await;
    let settings: Settings = serde_json::from_value(serde_json::json!({ "memory": "300MiB", "at_most": 1 })).unwrap();
    visit(&tools, &page("").await).await;
    settled(&tools).await;
    let first = started().remove(0);
    tools.browsers.adjust(&settings);
    gone(&first).await;
    let tab = open(&tools, &url).await.unwrap();
    ask(&tab, tab.page.goto(url.as_str())).await.unwrap();
    match tab.gone().await {
        Stop::Fault(fault) => assert!(fault.text.contains("may take 300MiB"), "{fault}"),
        own @ Stop::Own(..) => panic!("{own:?}"),
    }
    tools.browsers.close().await;
}
