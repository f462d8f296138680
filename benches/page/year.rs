//! A synthetic year in a store: what is rare through the store's own code, what is much as SQL.

use std::fs::File;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};
use unbroken::model::{
    Annotation, AnnotationId, Cause, Close, Fault, FaultCode, Happening, Impact, Incident, IncidentId, Occasion,
    Severity, Subject, TouchpointId,
};
use unbroken::store::sqlite::Sqlite;
use unbroken::store::{Decision, Retention, Settings, Store as _};

use crate::Size;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const INCIDENTS: i64 = 5_000;
const ANNOTATIONS: i64 = 400;

/// Fills it, and says with what.
pub(crate) fn fill(path: &Path, size: Size) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let now = Timestamp::now();
        let store =
            Sqlite::open(&Settings { path: path.to_owned(), retention: Retention::default() }).await.expect("opens");
        happenings(&store, size, now).await;
        store.close().await;
        let options = SqliteConnectOptions::new().filename(path).disable_statement_logging();
        let mut connection = options.connect().await.expect("connects");
        numbers(&mut connection, size, now.as_millisecond()).await;
        run(&mut connection, "PRAGMA wal_checkpoint(TRUNCATE)").await;
        connection.close().await.expect("closes");
    });
    format!("scores of a year, hours and days of every probe, {INCIDENTS} incidents, {ANNOTATIONS} annotations")
}

/// Nothing of the file is left in the system's memory.
pub(crate) fn forget_cache(path: &Path) {
    let file = File::open(path).expect("a store");
    file.sync_all().expect("is on disk");
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("is forgotten");
}

async fn happenings(store: &Sqlite, size: Size, now: Timestamp) {
    let ago = |millis: i64| now - SignedDuration::from_millis(millis);
    let incidents: Vec<Incident> =
        (0..INCIDENTS).map(|n| incident(n, size, ago(n * 365 * DAY / INCIDENTS + HOUR))).collect();
    for some in incidents.chunks(500) {
        store.decide(Decision { incidents: some.to_vec(), ..Decision::default() }).await.expect("is kept");
    }
    for n in 0..ANNOTATIONS {
        let from = ago(n * 365 * DAY / ANNOTATIONS + HOUR);
        let annotation = Annotation {
            id: AnnotationId(uuid::Uuid::from_u128(n.unsigned_abs().into())),
            kind: Occasion::ALL[n.unsigned_abs() as usize % 4],
            of: if n % 20 == 0 { Subject::Company } else { Subject::Journey(journey(n, size).as_str().into()) },
            title: format!("Number {n}"),
            text: None,
            from,
            until: (n % 2 == 0).then(|| from + SignedDuration::from_hours(72)),
            by: "bench".into(),
            noted: from,
            removed: None,
        };
        store.keep_annotation(annotation).await.expect("is kept");
    }
}

fn journey(n: i64, size: Size) -> String {
    format!("j{}", n.unsigned_abs() % size.journeys)
}

fn incident(n: i64, size: Size, opened: Timestamp) -> Incident {
    let touchpoint = TouchpointId::new(&format!("t{}", n.unsigned_abs() % size.touchpoints));
    let mut incident = Incident::new(
        IncidentId(uuid::Uuid::from_u128(n.unsigned_abs().into())),
        Cause::Touchpoint(touchpoint.clone()),
        Severity::Page,
        opened,
    );
    incident.closed = Some(opened + SignedDuration::from_mins(5 + n % 55));
    incident.close = Some(Close::Recovered);
    incident.touchpoints.insert(touchpoint.clone());
    incident.touchpoint = Some(touchpoint);
    incident.impacts = vec![Impact { journey: journey(n, size).as_str().into(), loss: (n % 100) as f64 }];
    incident.fault = Some(Fault::new(FaultCode::Status, "status 500 instead of 200"));
    incident.timeline =
        (0..12).map(|_| Happening { at: opened, what: "Something happened that takes a line".into() }).collect();
    incident
}

async fn run(connection: &mut SqliteConnection, sql: &str) {
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await.expect(sql);
}

/// Scores and rollups as the daemon would have left them: minutes for 90 days, hours and days for the year.
async fn numbers(connection: &mut SqliteConnection, size: Size, now: i64) {
    let (minute, hour, day) = (now / 60_000 * 60_000, now / HOUR * HOUR, now / DAY * DAY);
    run(connection, "PRAGMA synchronous=OFF").await;
    run(connection, "BEGIN").await;
    for n in 0..size.journeys {
        run(connection, &format!("INSERT OR IGNORE INTO word (text) VALUES ('j{n}')")).await;
        for (span, end, length, count) in
            [(1, minute, 60_000, 90 * 1440), (2, hour, HOUR, 365 * 24), (3, day, DAY, 366)]
        {
            let minutes = length / 60_000;
            run(
                connection,
                &format!(
                    "WITH RECURSIVE n(i) AS (SELECT {count} UNION ALL SELECT i - 1 FROM n WHERE i > 1)
                     INSERT INTO score SELECT (SELECT id FROM word WHERE text = 'j{n}'), {span}, {end} - i * {length},
                     100 - i * 7919 % 97 * 0.1, 100 - i * 7919 % 97 * 0.12, 1.0, i * 7919 % 97 * 0.001 * {minutes}, 0.0,
                     {minutes}, {minutes}, 0.0 FROM n WHERE i % 50 <> 7"
                ),
            )
            .await;
        }
    }
    for touchpoint in 0..size.touchpoints {
        for probe in 0..size.probes {
            run(
                connection,
                &format!("INSERT INTO series (probe, persona, vantage) VALUES ('t{touchpoint}/p{probe}', '', 'here')"),
            )
            .await;
        }
    }
    // Six good runs of one latency.
    for (span, end, length, count) in [(2, hour, HOUR, 8 * 24), (3, day, DAY, 365)] {
        run(
            connection,
            &format!(
                "WITH RECURSIVE n(i) AS (SELECT {count} UNION ALL SELECT i - 1 FROM n WHERE i > 1)
                 INSERT INTO rollup SELECT s.id, {span}, {end} - i * {length}, X'0600000000F40306' FROM series s CROSS JOIN n"
            ),
        )
        .await;
    }
    for (key, value) in [("score_hours", hour), ("score_days", day), ("hours", hour / HOUR), ("days", day / DAY)] {
        run(connection, &format!("INSERT OR REPLACE INTO meta (key, value) VALUES ('{key}', {value})")).await;
    }
    run(connection, "COMMIT").await;
}
