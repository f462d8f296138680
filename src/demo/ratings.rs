//! Stars & Co: somebody else's, from an address of its own. Its script shows ratings on the pages of shops, the company's
//! among them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use super::business::Business;
use super::fault::Fault;
use super::front::script;
use super::touchpoint::Touchpoint::Shop;

const SCRIPT: &str = include_str!("assets/front/ratings.js");
/// On a bad day: nobody waits that long for a page.
const BAD_DAY: Duration = Duration::from_millis(4500);

pub(super) fn router(business: Arc<Business>) -> Router {
    Router::new().route("/ratings.js", get(ratings)).with_state(business)
}

async fn ratings(State(business): State<Arc<Business>>) -> Response {
    if business.switches.is(Shop, Fault::SlowThirdParty) {
        tokio::time::sleep(BAD_DAY).await;
    }
    script(SCRIPT)
}
