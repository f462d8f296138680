//! Opening: one daemon a store, a SQLite without known damage, a sound file, a schema that we know.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};

use super::trouble::{Trouble, refused};
use crate::store::Refused;

/// Every schema that ever was, in order. None is changed once it has been released.
const SCHEMAS: &[(i64, &str, &str)] = &[
    (1, "init", include_str!("../migrations/0001_init.sql")),
    (2, "receipt", include_str!("../migrations/0002_receipt.sql")),
    (3, "note", include_str!("../migrations/0003_note.sql")),
    (4, "storm", include_str!("../migrations/0004_storm.sql")),
    (5, "people", include_str!("../migrations/0005_people.sql")),
    (6, "past", include_str!("../migrations/0006_past.sql")),
    (7, "report", include_str!("../migrations/0007_report.sql")),
    (8, "stale", include_str!("../migrations/0008_stale.sql")),
    (9, "exhibit", include_str!("../migrations/0009_exhibit.sql")),
    (10, "refusals", include_str!("../migrations/0010_refusals.sql")),
];
/// Before it a checkpoint could lose pages of the write-ahead log (the "WAL-reset bug").
const SQLITE_OLDEST: (u32, u32, u32) = (3, 51, 3);
/// How long a writer waits for another process that holds the file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// What the write-ahead log is cut back to after a checkpoint.
const WAL_BYTES_MAX: &str = "33554432";

/// The file as it was when we opened it: another under the same name is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        fs::metadata(path).map(|file| Self { device: file.dev(), inode: file.ino() })
    }
}

/// Makes the file, for our eyes only, if there is none; SQLite gives its companions the same mode. Returns its one true path.
pub(super) fn prepare(path: &Path) -> std::io::Result<PathBuf> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    File::options().read(true).append(true).create(true).mode(0o600).open(path)?;
    path.canonicalize()
}

/// Takes the store for this process, until the file is dropped.
pub(super) fn lock(path: &Path) -> Result<File, Refused> {
    let failed = |error: std::io::Error| Refused::failed("lock its file", error);
    let name = beside(path, ".lock");
    let options = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).clone();
    let mut file = options.open(name).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).map_err(failed)?;
            // A full disk keeps nobody from starting: the name is for people, the lock is the kernel's.
            _ = write!(file, "{}", std::process::id());
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            _ = (&mut file).take(20).read_to_string(&mut pid);
            let known = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
            let holder = if known { format!(" (process {pid})") } else { String::new() };
            Err(Refused::Held { path: path.display().to_string(), holder })
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(super) fn writing(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("journal_size_limit", WAL_BYTES_MAX)
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
}

pub(super) fn reading(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("query_only", "ON")
        .disable_statement_logging()
}

/// Connects for writing, having looked at everything first.
pub(super) async fn verified(path: &Path) -> Result<SqliteConnection, Refused> {
    let mut connection = connect(path, &writing(path)).await?;
    check_version(&mut connection).await?;
    check_pages(path, &mut connection).await?;
    check_schema(path, &mut connection).await?;
    let known = SCHEMAS.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sqlx::SqlStr::from_static(sql), false)
    });
    Migrator::with_migrations(known.collect())
        .run_direct(None, &mut connection, false)
        .await
        .map_err(|error| Refused::failed("bring its schema up to date", error))?;
    Ok(connection)
}

/// Looks, without changing anything, whether a store can be read.
pub(super) async fn readable(path: &Path) -> Result<(), Refused> {
    let mut connection = connect(path, &reading(path)).await?;
    check_schema(path, &mut connection).await?;
    _ = connection.close().await;
    Ok(())
}

async fn connect(path: &Path, options: &SqliteConnectOptions) -> Result<SqliteConnection, Refused> {
    SqliteConnection::connect_with(options).await.map_err(|error| damaged_or(path, "be opened", error))
}

async fn check_version(connection: &mut SqliteConnection) -> Result<(), Refused> {
    let row = sqlx::query("SELECT sqlite_version()").fetch_one(connection).await;
    let version: String = row.map_err(|error| refused("tell its version", error))?.get(0);
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if found >= SQLITE_OLDEST {
        return Ok(());
    }
    let (major, minor, patch) = SQLITE_OLDEST;
    let text = format!("SQLite {version} can lose committed data; {major}.{minor}.{patch} or newer is needed");
    Err(Refused::failed("be trusted to this SQLite", text))
}

async fn check_pages(path: &Path, connection: &mut SqliteConnection) -> Result<(), Refused> {
    let row = sqlx::query("PRAGMA quick_check(1)").fetch_one(connection).await;
    let found: String = row.map_err(|error| damaged_or(path, "be checked", error))?.get(0);
    if found == "ok" { Ok(()) } else { Err(damaged(path, found)) }
}

async fn check_schema(path: &Path, connection: &mut SqliteConnection) -> Result<(), Refused> {
    let known = SCHEMAS.last().map_or(0, |(version, ..)| *version);
    let there = sqlx::query("SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations'");
    let failed = |error| damaged_or(path, "tell its schema", error);
    if there.fetch_optional(&mut *connection).await.map_err(failed)?.is_none() {
        return Ok(());
    }
    let row = sqlx::query("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations").fetch_one(connection).await;
    let found: i64 = row.map_err(failed)?.get(0);
    if found > known { Err(Refused::Newer { path: path.display().to_string(), found, known }) } else { Ok(()) }
}

fn damaged_or(path: &Path, doing: &'static str, error: sqlx::Error) -> Refused {
    match Trouble::of(&error) {
        Trouble::Damaged => damaged(path, error.to_string()),
        _ => refused(doing, error),
    }
}

fn damaged(path: &Path, detail: String) -> Refused {
    Refused::Damaged { path: path.display().to_string(), detail }
}
