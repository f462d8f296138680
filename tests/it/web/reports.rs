//! Reports that nobody would send: too long, not numbers, full of markup (P05).

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::halcyon::{ATTACK, Mood};
use super::site::start;

const PATH: &str = "/api/v1/push/billing/night-run";

#[tokio::test]
async fn too_much_is_refused_before_it_is_read() {
    let site = start(Mood::Well).await;
    // As fast as it is taken, and without an end.
    for length in ["content-length: 10485760", "transfer-encoding: chunked"] {
        let (mut answers, mut asks) = TcpStream::connect(site.address).await.unwrap().into_split();
        let head =
            format!("POST {PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer first-token\r\n{length}\r\n\r\n");
        asks.write_all(head.as_bytes()).await.unwrap();
        let flood = tokio::spawn(async move {
            let chunk = [&b"4000\r\n"[..], &[b'x'; 0x4000], b"\r\n"].concat();
            let mut sent = 0;
            while sent < 64 << 20 && asks.write_all(&chunk).await.is_ok() {
                sent += chunk.len();
            }
            sent
        });
        let mut answer = Vec::new();
        let _ = answers.read_to_end(&mut answer).await;
        drop(answers);
        let (sent, answer) = (flood.await.unwrap(), String::from_utf8_lossy(&answer).into_owned());
        // The answer may be lost in the reset of a connection that is still written to.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{length}: {answer}");
        assert!(sent < 32 << 20, "{length}: {sent} bytes were taken");
    }
    assert!(site.store.pushes.lock().unwrap().is_empty());
    assert_eq!(
        site.post(PATH)
            .bearer_auth("first-token")
            .body(vec![b'x'; 10 << 20])
            .send()
            .await
            .map_or(413, |it| it.status().as_u16()),
        413
    );
}

#[tokio::test]
async fn what_is_no_number_is_refused_and_markup_is_text() {
    let site = start(Mood::Well).await;
    let send = async |body: String| {
        let answer = site.post(PATH).bearer_auth("first-token").body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for value in ["NaN", "-Infinity", "1e999", "\"41\"", "[1]"] {
        let (status, told) = send(format!("{{\"value\": {value}}}")).await;
        assert_eq!(status, 400, "{value}: {told}");
    }
    // What was wrong is told, and no browser takes it for a page.
    let attack = serde_json::json!({ "value": ATTACK }).to_string();
    let told = site.post(PATH).bearer_auth("first-token").body(attack).send().await.unwrap();
    assert_eq!(
        (told.status().as_u16(), told.headers()["content-type"].to_str().unwrap()),
        (400, "application/problem+json")
    );
    assert_eq!(told.headers()["x-content-type-options"], "nosniff");
    // A number below nothing may be a temperature.
    let message = format!("{ATTACK}\u{1b}[31m\r\n{}", "x".repeat(1000));
    assert_eq!(send(serde_json::json!({ "value": -41.5, "message": message }).to_string()).await.0, 200);
    let pushes = site.store.pushes.lock().unwrap();
    assert_eq!(pushes.len(), 1);
    let kept = pushes[0].1.message.as_ref().unwrap();
    assert!(kept.chars().count() == 300 && kept.starts_with(ATTACK) && !kept.contains(char::is_control), "{kept:?}");
}
