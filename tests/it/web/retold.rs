//! Reports over a time, and walks through a journey, as pages, tables and JSON.

use unbroken::web::Audience;

use super::halcyon::{ATTACK, Mood};
use super::site::{start, start_for};

const WEEK: &str = "/reports/week/2026-W47";
const WALK: &str = "/reports/walk/pay-my-bill";

#[tokio::test]
async fn a_report_tells_each_journey_and_what_it_was_lost_to() {
    let site = start(Mood::BillingDown).await;
    let page = site.page(WEEK).await;
    for words in [
        "Week 47 of 2026",
        "“Pay my bill” lost most: ",
        "This is not over: it is told up to Sat 21 Nov 2026 10:00.",
        "Changes are against the same part of Week 46 of 2026.",
        "Lost by stage",
        "Lost by owner",
        "+84 min",
        "href=\"/incidents/01934e5f-0000-7000-8000-000000000001\"",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let json = site.json("/api/v1/reports/2026-W47").await;
    let paying = &json["journeys"].as_array().unwrap().iter().find(|one| one["id"] == "pay-my-bill").unwrap();
    assert_eq!(paying["stages"][0]["lost_minutes"], 96.0);
    assert_eq!(paying["stages"][0]["before"], 12.0);
    assert_eq!(json["owners"][0]["id"], "billing-team");
    let score = paying["score"].as_f64().unwrap();
    assert!(page.contains(&format!("<strong>{score:.1}</strong>")), "page and API say {score}");
    assert_eq!(site.json("/api/v1/reports/week?journey=get-help").await["journeys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn reports_are_listed_and_lead_to_each_other() {
    let site = start(Mood::Well).await;
    let list = site.page("/reports").await;
    for path in [WEEK, "/reports/week/2026-W46", "/reports/month/2026-11", "/reports/quarter/2026-Q4", WALK] {
        assert!(list.contains(&format!("href=\"{path}\"")), "{path}: {list}");
        assert_eq!(site.get(path).send().await.unwrap().status(), 200, "{path}");
    }
    let before = site.page("/reports/week/2026-W46").await;
    assert!(before.contains(WEEK) && before.contains("/reports/week/2026-W45"), "{before}");
    assert!(site.page("/journeys/pay-my-bill").await.contains(&format!("href=\"{WALK}\"")));
    assert!(site.page("/").await.contains("href=\"/reports\""));
    for missing in [
        "/reports/week/2026-W48",
        "/reports/week/2026-11",
        "/reports/month/2026-W47",
        "/reports/week/rubbish",
        "/reports/walk/nowhere",
        "/reports/walk/nowhere?format=csv",
        "/api/v1/reports/2027-01",
        "/api/v1/reports/week?journey=nowhere",
        "/api/v1/journeys/nowhere/walk",
    ] {
        assert_eq!(site.get(missing).send().await.unwrap().status(), 404, "{missing}");
    }
    assert_eq!(site.get("/api/v1/reports/rubbish").send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn others_see_none_of_it() {
    let site = start_for(Mood::BillingDown, Audience::Everybody).await;
    for path in [
        "/reports",
        WEEK,
        WALK,
        "/reports/walk/pay-my-bill?format=csv",
        "/api/v1/reports/week",
        "/api/v1/journeys/pay-my-bill/walk",
    ] {
        assert_eq!(site.get(path).send().await.unwrap().status(), 404, "{path}");
    }
    assert!(!site.page("/").await.contains("/reports"), "nor where it is");
}

#[tokio::test]
async fn a_walk_goes_stage_by_stage_and_ranks_what_hurts() {
    let site = start(Mood::BillingDown).await;
    let page = site.page(WALK).await;
    let places: Vec<usize> = ["Pain points", "class=\"stage\"", "class=\"visit\"", "class=\"phase "]
        .into_iter()
        .map(|what| page.find(what).unwrap_or_else(|| panic!("{what}: {page}")))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(page.contains("<ol class=\"pains\">") && page.contains("What to do"), "{page}");
    let response = site.get("/reports/walk/pay-my-bill?format=csv").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8; header=present");
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"walk-pay-my-bill-2026-11-21.csv\"");
    let csv = response.text().await.unwrap();
    let mut lines = csv.trim_start_matches('\u{feff}').split("\r\n");
    let columns = lines.next().unwrap().split(',').count();
    assert!(lines.clone().any(|line| line.starts_with("pay-my-bill,") && line.split(',').count() >= columns), "{csv}");
    let json = site.json("/api/v1/journeys/pay-my-bill/walk").await;
    assert_eq!(json["journeys"][0]["id"], "pay-my-bill");
    assert!(json["readings"].as_array().is_some_and(|all| all.iter().any(|one| one["steps"][0]["phases"].is_array())));
}

#[tokio::test]
async fn what_a_hostile_server_said_stays_inert() {
    let site = start(Mood::Hostile).await;
    for path in [WEEK, WALK] {
        let page = site.page(path).await;
        assert!(!page.contains(ATTACK) && !page.contains("<script>alert"), "{path}");
    }
    let csv = site.page("/reports/walk/pay-my-bill?format=csv").await;
    let begins = |cell: &str| cell.starts_with(['=', '+', '-', '@']);
    assert!(!csv.split(['\n', ',']).any(begins), "{csv}");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_no_empty_report() {
    let site = start(Mood::Well).await;
    site.store.refuses.store(true, std::sync::atomic::Ordering::SeqCst);
    for path in [WEEK, WALK, "/api/v1/reports/week"] {
        assert_eq!(site.get(path).send().await.unwrap().status(), 503, "{path}");
    }
}
