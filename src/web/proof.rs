//! What failed runs left to be looked at. Probed pages made it: it is shown as a file, never as a page of ours.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::routes::Shared;
use crate::model::{Sort, TraceId};

/// It may do nothing at all, not even by itself in a window.
const POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

pub(super) async fn exhibit(
    State(shared): State<Arc<Shared>>,
    Path((trace, file)): Path<(String, String)>,
) -> Result<Response, Problem> {
    shared.insiders_only()?;
    let trace = u128::from_str_radix(&trace, 16).map(TraceId).map_err(|_| Problem::not_found())?;
    let sort = Sort::of_file(&file).ok_or_else(Problem::not_found)?;
    let found = shared.site.store.exhibit(trace, sort).await.map_err(|refused| Problem::store(&refused))?;
    let bytes = found.ok_or_else(Problem::not_found)?;
    let shown = if sort == Sort::Picture { "inline" } else { "attachment" };
    let headers = [
        (header::CONTENT_TYPE, sort.media().to_owned()),
        (header::CONTENT_DISPOSITION, format!("{shown}; filename=\"{trace}-{file}\"")),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::X_FRAME_OPTIONS, "DENY".to_owned()),
        // It never changes, and is of nobody's business but the visitor's.
        (header::CACHE_CONTROL, "private, max-age=3600, immutable".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}
