//! A real Postfix that says no, for a while or for good.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use unbroken::alert::{News, Settings};
use unbroken::model::NotificationKind::Open;
use unbroken::store::{Sought, Store as _};

use super::Office;
use crate::given::{at, incident, notification};
use crate::parts::postoffice::{CUSTOMER, PostOffice};
use crate::support::Task;

/// Whom Postfix asks about every recipient (its policy protocol): gives these answers in turn, then lets in.
struct Doorman {
    address: SocketAddr,
    _serving: Task,
}

impl Doorman {
    async fn start(answer: &'static str, times: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Arc::new(Mutex::new(VecDeque::from(vec![answer; times])));
        let serving = Task::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, Arc::clone(&answers)));
            }
        });
        Self { address, _serving: serving }
    }

    /// A post office that asks it, and speaks without encryption: its certificate is known to nobody.
    fn office(&self) -> PostOffice {
        PostOffice::start_with(&format!(
            "smtpd_tls_security_level = none\nsmtpd_recipient_restrictions = check_policy_service inet:{}\n",
            self.address
        ))
    }
}

async fn talk(stream: TcpStream, answers: Arc<Mutex<VecDeque<&'static str>>>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    // A question is lines of `name=value`, and an empty one.
    while let Ok(Some(line)) = lines.next_line().await {
        if line.is_empty() {
            let answer = answers.lock().unwrap().pop_front().unwrap_or("DUNNO");
            _ = write.write_all(format!("action={answer}\n\n").as_bytes()).await;
        }
    }
}

fn settings(post: &PostOffice) -> Settings {
    let mail = json!({ "smtp": format!("smtp://{}", post.smtp), "from": "unbroken@shop.test", "to": [CUSTOMER] });
    serde_json::from_value(json!({ "receivers": { "cx": { "email": mail } } })).unwrap()
}

/// The one letter that came out at the other end.
async fn arrived(post: &PostOffice) -> String {
    let wait = async {
        while post.letters().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it arrives");
    assert_eq!(post.letters().len(), 1);
    post.letters().remove(0)
}

#[tokio::test]
async fn a_mail_server_that_says_later_gets_the_alert_later() {
    let folder = tempfile::tempdir().unwrap();
    // More often than who refuses is asked.
    let doorman = Doorman::start("450 4.2.1 Come back later", 9).await;
    let post = doorman.office();
    let office = Office::open(folder.path(), settings(&post)).await;
    let opening = notification(&incident(1), Open, "cx");
    office.post(vec![opening.clone()]).await;
    office.fails(1).await;
    assert_eq!(office.store.letters("cx", at(1), 9).await.unwrap().len(), 1, "tried again soon");
    for failures in 2..=9 {
        office.turn_clock(300);
        office.fails(failures).await;
    }
    let shown = office.store.sought(&Sought::default(), 1).await.unwrap().remove(0).error.unwrap();
    assert!(shown.contains("450") && shown.contains("Come back later"), "{shown}");
    office.turn_clock(300);
    office.delivers("cx", "open").await;
    let letter = arrived(&post).await;
    assert!(letter.contains(&format!("Message-ID: <{}@shop.test>", opening.id)), "{letter}");
    office.close().await;
}

#[tokio::test]
async fn a_mail_server_that_says_never_is_believed_and_the_alert_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let doorman = Doorman::start("550 5.7.1 Not from you", 8).await;
    let post = doorman.office();
    let office = Office::open(folder.path(), settings(&post)).await;
    let opening = notification(&incident(1), Open, "cx");
    office.post(vec![opening.clone()]).await;
    office.fails(1).await;
    assert_eq!(office.store.letters("cx", at(14), 9).await.unwrap(), [], "somebody has to mend something first");
    for failures in 2..8 {
        office.turn_clock(300);
        office.fails(failures).await;
    }
    office.turn_clock(300);
    let News::Dead { error, .. } = office.hears(|news| matches!(news, News::Dead { .. })).await else { panic!() };
    assert!(error.contains("550") && error.contains("Not from you"), "{error}");
    assert_eq!(post.letters(), [""; 0]);
    office.store.replay(&opening.id, office.now()).await.unwrap();
    office.turn_clock(1);
    office.delivers("cx", "open").await;
    arrived(&post).await;
    office.close().await;
}
