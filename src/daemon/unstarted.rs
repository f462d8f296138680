//! A start that comes to nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::post;
use tracing_subscriber::layer::SubscriberExt as _;

use super::hour::{setup, write_config};
use super::*;

#[tokio::test]
async fn a_start_that_fails_tells_collectors_what_led_to_it() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let take = async move || {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/logs", post(take))).await });
    let folder = tempfile::tempdir().expect("a folder");
    let otlp = format!("{{ endpoint: \"http://{address}\", protocol: http/protobuf, signals: [ logs ] }}");
    write_config(folder.path(), &format!("telemetry: {{ otlp: {otlp} }}\n"), 1);
    // A folder is no store.
    std::fs::create_dir(folder.path().join("unbroken.db")).expect("a folder");
    let (setup, _) = setup(folder.path()).await;
    let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(setup.relay.layer()));
    tracing::info!("Something odd was read");
    let failed = assemble(setup).await.err();
    assert!(matches!(failed, Some(Failure::Store(_))), "{failed:?}");
    assert_eq!(taken.load(Ordering::Relaxed), 1);
}
