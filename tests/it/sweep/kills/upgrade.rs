//! Stores as older versions left them: an incident is open, its letter waits.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode};
use sqlx::{AssertSqlSafe, Connection, Row, SqlSafeStr, SqliteConnection};
use tempfile::TempDir;

use super::disk::Disk;
use super::{KILL, copy_store};
use crate::parts::program;
use crate::world::{Hook, Manner, Target, World};

/// One step to the next schema.
struct Step {
    name: String,
    sql: String,
}

/// Every schema that ever was.
fn steps() -> Vec<Step> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let step = |file: &std::path::PathBuf| {
        let name = file.file_stem().unwrap().to_str().unwrap();
        Step { name: name.split_once('_').unwrap().1.to_owned(), sql: fs::read_to_string(file).unwrap() }
    };
    files.iter().map(step).collect()
}

/// A store of the present schema, left by a daemon that was killed.
pub(super) struct Newest {
    folder: TempDir,
    steps: Vec<Step>,
    incident: String,
    runs: BTreeSet<String>,
}

/// When the daemon that upgraded was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    HalfWay,
    Later,
}

impl Newest {
    pub(super) async fn written() -> Self {
        let (target, hook) = (Target::start().await, Hook::start().await);
        let mut world = World::new(&target, &hook);
        world.start().await;
        world.until_score("buy", 100.0).await;
        hook.be(Manner::Refuse);
        target.break_();
        world.until("a letter waits", async |_: &World| !hook.letters().is_empty()).await;
        let incident = hook.letters()[0].incident().to_owned();
        let runs = runs(&world).await;
        assert!(!runs.is_empty());
        world.kill();
        let folder = tempfile::tempdir().unwrap();
        copy_store(world.folder.path(), folder.path());
        Self { folder, steps: steps(), incident, runs }
    }

    /// How many there were; the newest among them.
    pub(super) fn schemas(&self) -> usize {
        self.steps.len()
    }

    /// The same store as the version of that schema would have written it.
    async fn as_of(&self, schema: usize, folder: &Path) {
        let mut store = opened(folder).await;
        let known = self.steps[..schema].iter().zip(1..).map(|(step, version)| {
            let sql = AssertSqlSafe(step.sql.clone()).into_sql_str();
            Migration::new(version, step.name.clone().into(), MigrationType::Simple, sql, false)
        });
        Migrator::with_migrations(known.collect()).run_direct(None, &mut store, false).await.unwrap();
        let newest = self.folder.path().join("unbroken.db");
        sqlx::query("ATTACH $1 AS newest").bind(newest.to_str().unwrap()).execute(&mut store).await.unwrap();
        let tables = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
             AND name <> '_sqlx_migrations'";
        for table in sqlx::query(tables).fetch_all(&mut store).await.unwrap() {
            let table: String = table.get(0);
            let columns = sqlx::query("SELECT '\"' || name || '\"' FROM pragma_table_info($1, 'main')").bind(&table);
            let columns = columns.fetch_all(&mut store).await.unwrap();
            let columns = columns.iter().map(|row| row.get(0)).collect::<Vec<String>>().join(", ");
            let copy = format!("INSERT OR REPLACE INTO main.{table} ({columns}) SELECT {columns} FROM newest.{table}");
            sqlx::query(AssertSqlSafe(copy)).execute(&mut store).await.unwrap();
        }
        store.close().await.unwrap();
    }

    /// Upgraded by the real daemon, which is killed at the Nth of these calls and started again: nothing is lost.
    pub(super) async fn outlives(&self, schema: usize, kill: Option<(&str, u64)>) -> End {
        let (target, hook) = (Target::start().await, Hook::start().await);
        target.break_();
        let mut world = World::new(&target, &hook);
        self.as_of(schema, world.folder.path()).await;
        let mut end = End::Later;
        if let Some((of, nth)) = kill {
            let (strace, inject) = (program("strace"), format!("inject={of}:{KILL}:when={nth}"));
            let tracer = [strace.to_str().unwrap(), "-D", "-f", "-qqq", "-o", "/dev/null", "-e", &inject];
            world.start_under(&tracer).await;
            world.kill();
            let found = schema_of(world.folder.path()).await;
            assert!((schema..=self.schemas()).contains(&found), "schema {schema} became {found}");
            if found < self.schemas() {
                end = End::HalfWay;
            }
            let disk = Disk::of(world.folder.path()).await;
            disk.is_sound();
            assert!(disk.incidents.contains(&self.incident), "schema {schema}, {kill:?}");
        }
        world.start().await;
        let told = async |_: &World| hook.taken("open").iter().any(|letter| letter.incident() == self.incident);
        world.until("what waited is sent", told).await;
        let open = world.json("/api/v1/incidents?state=open").await;
        let ids: Vec<_> = open["items"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
        assert_eq!(ids, [self.incident.as_str()], "schema {schema}, {kill:?}");
        let left = runs(&world).await;
        assert!(left.is_superset(&self.runs), "schema {schema}, {kill:?}: {left:?} of {:?}", self.runs);
        target.mend();
        world.until("its end is told", async |_: &World| !hook.taken("resolve").is_empty()).await;
        world.stop().await;
        assert_eq!(schema_of(world.folder.path()).await, self.schemas());
        Disk::of(world.folder.path()).await.is_sound();
        end
    }
}

async fn opened(folder: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("unbroken.db"))
        .create_if_missing(true)
        .foreign_keys(false)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// Of a copy: whoever opens a store after a kill mends it.
async fn schema_of(folder: &Path) -> usize {
    let copy = tempfile::tempdir().unwrap();
    copy_store(folder, copy.path());
    let mut store = opened(copy.path()).await;
    let schema: i64 =
        sqlx::query("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(&mut store).await.unwrap().get(0);
    store.close().await.unwrap();
    usize::try_from(schema).unwrap()
}

/// When the runs were due that the store knows of.
async fn runs(world: &World) -> BTreeSet<String> {
    let runs = world.json("/api/v1/probes/shop/home/readings?limit=500").await;
    let runs = runs["items"].as_array().unwrap().iter();
    runs.map(|run| run["scheduled"].as_str().unwrap().to_owned()).collect()
}
