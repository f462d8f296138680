//! The push gateway: takes what the company's key and a telephone's token allow, and says why it does not.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Visit;

const ANNA: &str = "anna@probe.example";

impl Visit {
    /// Status, and the reason or the message's id.
    async fn push(&self, device: &str, key: &str, app: &str) -> (StatusCode, String) {
        let request = self.browser.post(self.url("PUSH", &format!("/3/device/{device}"))).bearer_auth(key);
        let message = json!({ "aps": { "alert": { "title": "A test", "body": "It is one" } } });
        let answer = request.header("apns-topic", app).json(&message).send().await.unwrap();
        assert_eq!(answer.version(), reqwest::Version::HTTP_2, "as Apple's");
        let status = answer.status();
        let id = answer.headers().get("apns-id").map(|id| id.to_str().unwrap().to_owned());
        let reason = async || answer.json::<Value>().await.unwrap()["reason"].as_str().unwrap().to_owned();
        let told = match id {
            Some(id) => id,
            None => reason().await,
        };
        (status, told)
    }
}

#[tokio::test]
async fn a_phone_is_told_and_everybody_else_refused_for_the_right_reason() {
    let visit = Visit::new().await;
    let key = std::fs::read_to_string(&visit.company.environment()["HALCYON_PUSH_KEY_FILE"]).unwrap();
    let app = "example.halcyon.app";
    let token = visit.sign_in("APP", "/v1/login", ANNA).await;
    let registered = visit.browser.post(visit.url("APP", "/v1/devices")).bearer_auth(&token).send().await.unwrap();
    let device = registered.json::<Value>().await.unwrap()["device"].as_str().unwrap().to_owned();
    let shown = async || visit.signed_in("APP", "/v1/messages", &token).await["messages"].clone();
    let (status, id) = visit.push(&device, &key, app).await;
    assert_eq!((status, shown().await), (StatusCode::OK, json!([{ "id": id, "text": "It is one" }])));

    let nobody = "0".repeat(64);
    for (device, key, app, status, reason) in [
        (nobody.as_str(), key.as_str(), app, 400, "BadDeviceToken"),
        ("x", &key, app, 400, "BadDeviceToken"),
        (&device, "guessed", app, 403, "InvalidProviderToken"),
        (&device, &key, "another.app", 400, "TopicDisallowed"),
    ] {
        let (found, why) = visit.push(device, key, app).await;
        assert_eq!((found.as_u16(), why.as_str()), (status, reason));
    }
    visit.break_("push", "refuses-key");
    assert_eq!(visit.push(&device, &key, app).await.1, "InvalidProviderToken");
    visit.mend();
    visit.break_("push", "lost");
    assert_eq!(visit.push(&device, &key, app).await.0, StatusCode::OK, "it says so");
    assert_eq!(shown().await.as_array().map(Vec::len), Some(1), "and the phone stays dark");
    visit.mend();

    let path = format!("/v1/devices/{device}");
    let stranger = visit.sign_in("APP", "/v1/login", "liwei@probe.example").await;
    for (token, status) in [(&stranger, 200), (&token, 410)] {
        visit.browser.delete(visit.url("APP", &path)).bearer_auth(token).send().await.unwrap();
        assert_eq!(visit.push(&device, &key, app).await.0.as_u16(), status, "only its owner signs a phone off");
    }
    assert_eq!(visit.push(&device, &key, app).await.1, "Unregistered");
    visit.company.shutdown().await;
}
