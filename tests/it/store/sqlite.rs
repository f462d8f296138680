//! The file and the disk below it.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, SqliteConnection};
use unbroken::model::{FaultCode, NotificationKind, ProbeId, Reading, Verdict};
use unbroken::store::sqlite::Sqlite;
use unbroken::store::{Batch, Decision, Refused, Settings, Sought, Store};
use unbroken::units::Bytes;

use super::{open, settings};
use crate::given::{at, failed, incident, notification, reading};

fn probe() -> ProbeId {
    ProbeId::new("billing", "read")
}

fn decision(number: u128) -> Decision {
    let incident = incident(number);
    let outbox = vec![notification(&incident, NotificationKind::Open, "hook")];
    Decision { incidents: vec![incident], outbox, ..Decision::default() }
}

fn runs(seconds: std::ops::Range<i64>) -> Batch {
    let readings = seconds.map(|n| reading(&probe(), n, failed(FaultCode::Status), Duration::from_millis(9))).collect();
    Batch { readings, ..Batch::default() }
}

/// Somebody else with the file open.
async fn connect(folder: &Path) -> SqliteConnection {
    let url = format!("sqlite://{}", folder.join("unbroken.db").display());
    SqliteConnection::connect(&url).await.unwrap()
}

/// An error with its causes.
fn told(refused: &Refused) -> String {
    let mut text = refused.to_string();
    let mut source = std::error::Error::source(refused);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

async fn refusal(settings: &Settings) -> Refused {
    Sqlite::open(settings).await.err().expect("the store must not open")
}

#[tokio::test]
async fn two_daemons_never_hold_one_store() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).await;
    let refused = refusal(&settings(folder.path())).await;
    assert!(matches!(refused, Refused::Held { .. }));
    assert!(told(&refused).ends_with(&format!("held by another daemon (process {})", std::process::id())), "{refused}");
    // By another name it is the same store.
    std::os::unix::fs::symlink(folder.path().join("unbroken.db"), folder.path().join("alias.db")).unwrap();
    let alias = Settings { path: folder.path().join("alias.db"), ..settings(folder.path()) };
    assert!(matches!(refusal(&alias).await, Refused::Held { .. }));
    first.close().await;
    open(folder.path()).await.close().await;
}

#[tokio::test]
async fn one_may_look_while_another_writes() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Sqlite::peek(&settings(folder.path())).await.err().unwrap();
    assert!(told(&refused).contains("be found"), "{}", told(&refused));
    assert!(!folder.path().join("unbroken.db").exists(), "looking makes nothing");
    let writer = open(folder.path()).await;
    writer.decide(decision(1)).await.unwrap();
    let looker = Sqlite::peek(&settings(folder.path())).await.unwrap();
    assert_eq!(looker.restore().await.unwrap().incidents.len(), 1);
    assert_eq!(looker.sought(&Sought::default(), 9).await.unwrap().len(), 1);
    let refused = looker.decide(decision(2)).await.unwrap_err();
    assert!(told(&refused).contains("open for looking only"), "{}", told(&refused));
    looker.close().await;
    writer.close().await;
}

#[tokio::test]
async fn nobody_else_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("new")).await;
    store.decide(decision(1)).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path().join("new")), 0o700);
    for file in fs::read_dir(folder.path().join("new")).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_damaged_page_is_found_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for n in 0..200 {
        store.decide(decision(n)).await.unwrap();
    }
    store.close().await;
    let path = folder.path().join("unbroken.db");
    let mut file = File::options().write(true).open(&path).unwrap();
    let middle = file.metadata().unwrap().len() / 4096 / 2 * 4096;
    file.seek(SeekFrom::Start(middle)).unwrap();
    file.write_all(&[0xAA; 4096]).unwrap();
    drop(file);
    let refused = refusal(&settings(folder.path())).await;
    assert!(matches!(refused, Refused::Damaged { .. }), "{refused:?}");
    assert!(told(&refused).contains("restore a backup, or move the file away"), "{}", told(&refused));

    fs::write(&path, vec![b'x'; 8192]).unwrap();
    let refused = refusal(&settings(folder.path())).await;
    assert!(matches!(refused, Refused::Damaged { .. }), "{refused:?}");
    assert_eq!(fs::read(&path).unwrap(), vec![b'x'; 8192], "what we do not understand is not touched");
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).await.close().await;
    let mut connection = connect(folder.path()).await;
    sqlx::query("UPDATE _sqlx_migrations SET version = 99 WHERE version = 10").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let refused = refusal(&settings(folder.path())).await;
    assert!(told(&refused).contains("schema 99, this one knows 10"), "{refused}");
}

#[tokio::test]
async fn what_hurt_before_the_axis_was_there_stands_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.decide(decision(1)).await.unwrap();
    store.close().await;
    let mut connection = connect(folder.path()).await;
    for sql in ["DROP TABLE impact", "DROP TABLE annotation", "DELETE FROM _sqlx_migrations WHERE version = 6"] {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    let store = open(folder.path()).await;
    let hurts = store.hurts(&"pay-my-bill".into(), at(0), at(60), 9).await.unwrap();
    assert_eq!(hurts.iter().map(|hurt| (hurt.incident, hurt.loss)).collect::<Vec<_>>(), [(incident(1).id, 100.0)]);
    store.close().await;
}

/// What a killed process leaves: its files as they were at that moment, the log not yet written back.
#[tokio::test]
async fn a_killed_process_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let after = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.record(runs(0..100)).await.unwrap();
    store.decide(decision(1)).await.unwrap();
    for name in ["unbroken.db", "unbroken.db-wal"] {
        fs::copy(folder.path().join(name), after.path().join(name)).unwrap();
    }
    store.close().await;
    let store = open(after.path()).await;
    assert_eq!(store.restore().await.unwrap().incidents, [incident(1)]);
    assert_eq!(store.letters("hook", at(0), 9).await.unwrap().len(), 1);
    assert_eq!(store.readings(&probe(), None, 1000).await.unwrap().len(), 100);
    store.close().await;
}

#[tokio::test]
async fn what_is_queued_at_the_end_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).await);
    let writes: Vec<_> = (0..20_i64)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.record(runs(n..n + 1)).await })
        })
        .collect();
    store.decide(decision(1)).await.unwrap();
    store.close().await;
    let mut written = 0;
    for write in writes {
        written += usize::from(write.await.unwrap().is_ok());
    }
    assert!(store.decide(decision(2)).await.is_err(), "closed is closed");
    let store = open(folder.path()).await;
    assert_eq!(store.readings(&probe(), None, 100).await.unwrap().len(), written);
    assert_eq!(store.restore().await.unwrap().incidents.len(), 1);
    store.close().await;
}

#[tokio::test]
async fn a_lock_by_another_process_passes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let mut other = connect(folder.path()).await;
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let refused = store.record(runs(0..1)).await.unwrap_err();
    assert!(told(&refused).contains("locked"), "{}", told(&refused));
    store.decide(decision(1)).await.unwrap_err();
    store.restore().await.expect("readers are not kept out");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    store.record(runs(0..1)).await.expect("it heals by itself");
    store.decide(decision(1)).await.expect("it heals by itself");
    store.close().await;
}

#[tokio::test]
async fn a_file_deleted_under_us_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.decide(decision(1)).await.unwrap();
    fs::remove_file(folder.path().join("unbroken.db")).unwrap();
    let refused = store.decide(decision(2)).await.unwrap_err();
    assert!(told(&refused).contains("deleted or replaced"), "{}", told(&refused));
    store.record(runs(0..1)).await.unwrap_err();
    assert!(!folder.path().join("unbroken.db").exists(), "an empty store is not put in its place");
    store.close().await;
}

/// A small disk of its own, gone with the test.
struct Disk(PathBuf);

impl Disk {
    fn of(size: &str, folder: &Path) -> Self {
        let size = format!("size={size}");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).status();
        assert!(mount.is_ok_and(|status| status.success()), "cannot mount a small disk: run the tests as root");
        Self(folder.to_owned())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_keeps_incidents_and_heals() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::of("4m", folder.path());
    let store = open(folder.path()).await;
    store.record(runs(0..10)).await.unwrap();
    // Fills it to the last byte.
    let ballast = folder.path().join("ballast");
    let mut file = File::create(&ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    while file.write_all(&[1; 1]).is_ok() {}
    drop(file);
    let mut refused = None;
    for n in 0..2000 {
        if let Err(error) = store.record(runs(100 + n * 100..200 + n * 100)).await {
            refused = Some(error);
            break;
        }
    }
    let refused = told(&refused.expect("the disk is full"));
    assert!(refused.contains("full"), "{refused}");
    for n in 0..3 {
        store.decide(decision(n)).await.expect("incidents have a reserve");
    }
    let letters = store.letters("hook", at(0), 9).await.unwrap();
    assert_eq!(letters.len(), 3, "reading goes on");
    store.settle(letters[0].number, unbroken::store::Fate::Delivered { at: at(1), receipt: None }).await.unwrap();
    let refused = store.record(runs(0..1)).await.unwrap_err();
    assert!(told(&refused).contains("write readings"), "readings leave the reserve alone");
    fs::remove_file(&ballast).unwrap();
    let healed = tokio::time::timeout(Duration::from_secs(20), async {
        while store.record(runs(900_000..900_010)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    healed.await.expect("it heals without a restart");
    store.decide(decision(7)).await.unwrap();
    assert!(folder.path().join("unbroken.db.reserve").exists(), "the reserve is back");
    store.close().await;
    let store = open(folder.path()).await;
    assert_eq!(store.restore().await.unwrap().incidents.len(), 4);
    store.close().await;
    drop(disk);
}

fn size(folder: &Path) -> u64 {
    fs::metadata(folder.join("unbroken.db")).unwrap().len()
}

fn good(series: i64, n: i64) -> Arc<Reading> {
    let took = Duration::from_micros(100_000 + (n * 7919 + series * 104_729).rem_euclid(50_000).unsigned_abs());
    reading(&ProbeId::new("shop", &format!("probe-{series}")), n * 30, Verdict::Good, took)
}

#[tokio::test]
async fn a_reading_takes_few_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    const RUNS: i64 = 4000;
    for n in (0..RUNS).step_by(100) {
        let readings = (n..n + 100).flat_map(|n| (0..20).map(move |series| good(series, n))).collect();
        store.record(Batch { readings, ..Batch::default() }).await.unwrap();
    }
    store.tidy(at(RUNS * 30)).await.unwrap();
    let all = store.readings(&ProbeId::new("shop", "probe-3"), None, 5000).await.unwrap();
    assert_eq!(all.len(), 4000);
    assert_eq!(all[100].outcome.took, good(3, RUNS - 101).outcome.took, "to the microsecond");
    store.close().await;
    let mut connection = connect(folder.path()).await;
    sqlx::query("VACUUM").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let each = size(folder.path()) as f64 / (RUNS * 20) as f64;
    assert!(each < 12.0, "{each} bytes a reading, roll-ups and details of the newest included");
}

#[tokio::test]
async fn the_file_stays_under_its_cap() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path());
    settings.retention.at_most = Bytes::new(1 << 20);
    let store = Sqlite::open(&settings).await.unwrap();
    for day in 0..20 {
        let readings = (0..1000)
            .map(|n| reading(&probe(), day * 86_400 + n * 80, failed(FaultCode::Status), Duration::from_millis(9)))
            .collect();
        store.record(Batch { readings, ..Batch::default() }).await.unwrap();
        store.tidy(at((day + 1) * 86_400)).await.unwrap();
    }
    store.close().await;
    assert!(size(folder.path()) < (1 << 20) + 5 * (1 << 20), "{}", size(folder.path()));
    let store = Sqlite::open(&settings).await.unwrap();
    let newest = store.readings(&probe(), None, 1).await.unwrap().remove(0);
    assert_eq!(newest.outcome.steps.len(), 1, "the newest stays whole");
    store.close().await;
}
