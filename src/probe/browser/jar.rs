//! The cookies of a run, which go with the customer from step to step: into the browser, and out of it again.

use std::fmt::Write as _;
use std::time::Duration;

use chromiumoxide::cdp::browser_protocol::network::{Cookie as Shown, CookieParam, CookieSameSite, TimeSinceEpoch};
use chromiumoxide::cdp::browser_protocol::storage::{GetCookiesParams, SetCookiesParams};
use chromiumoxide::error::{CdpError, Result};
use cookie_store::{Cookie, CookieDomain, CookieExpiration, CookieStore};
use tokio::time::timeout;
use url::Url;

use super::tab::Tab;
use crate::probe::Run;

/// As many as are kept of a run.
const COOKIES_MAX: usize = 180;
const COOKIE_BYTES_MAX: usize = 4096;
/// How long a browser is asked for them.
const WITHIN: Duration = Duration::from_secs(1);

/// What the steps before were given is shown to the pages.
pub(super) async fn bring(tab: &Tab, jar: Option<&CookieStore>) -> Result<()> {
    let cookies: Vec<CookieParam> = jar.into_iter().flat_map(CookieStore::iter_unexpired).filter_map(written).collect();
    let Some((browser, context)) = tab.context() else { return Ok(()) };
    // One that the browser does not take is no reason to keep the others back.
    for cookie in cookies {
        let mut set = SetCookiesParams::new(vec![cookie]);
        set.browser_context_id = Some(context.clone());
        match browser.execute(set).await {
            Ok(_) | Err(CdpError::Chrome(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// What the pages gave and took away is known to the steps that follow.
pub(super) async fn take(tab: &Tab, run: &mut Run<'_>) {
    let Some((browser, context)) = tab.context() else { return };
    let ask = GetCookiesParams { browser_context_id: Some(context.clone()) };
    let Ok(Ok(kept)) = timeout(WITHIN, browser.execute(ask)).await else { return };
    let now = run.tools.clock.now().as_second();
    let mut jar = CookieStore::default();
    let cookies = &kept.result.cookies;
    // What scripts may not read is a session: it proves who one is.
    cookies.iter().filter(|cookie| cookie.http_only).for_each(|cookie| run.hide_session(&cookie.value));
    for cookie in cookies.iter().filter(|cookie| cookie.partition_key.is_none()).take(COOKIES_MAX) {
        if let Some((line, url)) = set(cookie, now)
            && let Ok(cookie) = Cookie::parse(line, &url)
        {
            let _ = jar.insert(cookie.into_owned(), &url);
        }
    }
    *run.cookies = Some(Box::new(jar));
}

/// As the browser is told it.
fn written(cookie: &Cookie<'_>) -> Option<CookieParam> {
    let mut told = CookieParam::new(cookie.name(), cookie.value());
    let secure = cookie.secure() == Some(true);
    match &cookie.domain {
        CookieDomain::HostOnly(host) => {
            told.url = Some(format!("{}://{host}{}", if secure { "https" } else { "http" }, &*cookie.path));
        }
        CookieDomain::Suffix(domain) => told.domain = Some(format!(".{domain}")),
        CookieDomain::NotPresent | CookieDomain::Empty => return None,
    }
    told.path = Some(cookie.path.to_string());
    told.secure = Some(secure);
    told.http_only = Some(cookie.http_only() == Some(true));
    let same_site = cookie.same_site().and_then(|it| it.to_string().parse::<CookieSameSite>().ok());
    told.same_site = same_site.filter(|it| secure || *it != CookieSameSite::None);
    if let CookieExpiration::AtUtc(at) = &cookie.expires {
        told.expires = Some(TimeSinceEpoch::new(at.unix_timestamp() as f64));
    }
    Some(told)
}

/// As its server would set it, and where. `now` in seconds since 1970.
fn set(cookie: &Shown, now: i64) -> Option<(String, Url)> {
    let host = cookie.domain.trim_start_matches('.');
    let scheme = if cookie.secure { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{host}{}", cookie.path)).ok()?;
    let mut line = format!("{}={}; Path={}", cookie.name, cookie.value, cookie.path);
    if host.len() < cookie.domain.len() {
        let _ = write!(line, "; Domain={host}");
    }
    if !cookie.session {
        let _ = write!(line, "; Max-Age={}", cookie.expires as i64 - now);
    }
    line.push_str(if cookie.secure { "; Secure" } else { "" });
    line.push_str(if cookie.http_only { "; HttpOnly" } else { "" });
    if let Some(same_site) = &cookie.same_site {
        let _ = write!(line, "; SameSite={}", same_site.as_ref());
    }
    (line.len() <= COOKIE_BYTES_MAX).then_some((line, url))
}
