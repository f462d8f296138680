//! What Alertmanager is told again and again, for it forgets what is not.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use unbroken::model::NotificationKind::{Open, Resolve};

use super::Office;
use super::deaf::Deaf;
use crate::given::{closed, incident, notification};

const STEP: i64 = 5;
/// A step before something is due, and the one in which it is heard.
const GRAIN: i64 = 2 * STEP;

/// Lets both clocks go on for so many seconds; when the receiver was told something meanwhile, and until when it holds.
async fn go_on(office: &Office, deaf: &Deaf, seconds: i64) -> Vec<(Timestamp, Timestamp)> {
    let mut told = Vec::new();
    for _ in 0..seconds / STEP {
        let before = deaf.heard().len();
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(STEP as u64)).await;
        tokio::time::resume();
        office.turns(STEP).await;
        for heard in &deaf.heard()[before..] {
            let alerts = heard.body.as_array().unwrap();
            assert_eq!(alerts.len(), 1, "{alerts:?}");
            told.push((office.now(), alerts[0]["endsAt"].as_str().unwrap().parse().unwrap()));
        }
    }
    told
}

#[tokio::test]
async fn an_alert_is_told_each_minute_and_its_end_for_a_quarter_of_an_hour() {
    let (folder, deaf) = (tempfile::tempdir().unwrap(), Deaf::start(&[]).await);
    let url = format!("http://{}", deaf.address);
    let settings = serde_json::json!({ "receivers": { "am": { "alertmanager": { "url": url } } } });
    let office = Office::open(folder.path(), serde_json::from_value(settings).unwrap()).await;
    let one = incident(1);
    office.post(vec![notification(&one, Open, "am")]).await;
    office.delivers("am", "open").await;

    let told = go_on(&office, &deaf, 600).await;
    assert!((9..=11).contains(&told.len()), "{told:?}");
    for pair in told.windows(2) {
        let apart = pair[1].0.duration_since(pair[0].0).as_secs();
        assert!((60 - GRAIN..=60 + GRAIN).contains(&apart), "{told:?}");
    }
    for (when, until) in &told {
        let left = until.duration_since(*when).as_secs();
        assert!((240 - GRAIN..=240).contains(&left), "it holds for four minutes: {when} {until}");
    }

    let over = closed(&one, 600);
    office.post(vec![notification(&over, Resolve, "am")]).await;
    office.delivers("am", "resolve").await;
    let told = go_on(&office, &deaf, 1500).await;
    let closed = over.closed.unwrap();
    assert!(told.iter().all(|(_, until)| *until == closed), "never firing again: {told:?}");
    let (last, _) = *told.last().expect("it is told again");
    let after = last.duration_since(closed);
    let quarter = SignedDuration::from_mins(15);
    assert!(
        after <= quarter + SignedDuration::from_secs(GRAIN)
            && after > quarter - SignedDuration::from_mins(1) - SignedDuration::from_secs(GRAIN),
        "{told:?}"
    );
    assert!((14..=16).contains(&told.len()), "each minute: {told:?}");
    office.close().await;
}
