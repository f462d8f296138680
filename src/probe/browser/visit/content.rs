//! What the page says at the end.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;

use crate::probe::browser::window::Window;
use crate::probe::{Body, Field, Needs, Reply};

/// Of what the page says, in bytes.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// The page as it stands now.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Content {
    url: String,
    title: String,
    /// What is read.
    #[serde(default)]
    text: String,
    #[serde(default)]
    html: String,
}

impl Content {
    pub(super) async fn of(window: &Window, needs: Needs) -> chromiumoxide::error::Result<Self> {
        const ALL: &str = "most => ({ url: location.href, title: document.title.slice(0, 1000), ...most && { \
                           text: (document.body?.innerText ?? '').slice(0, most), \
                           html: document.documentElement.outerHTML.slice(0, most) } })";
        let most = if needs >= Needs::Body { TEXT_BYTES_MAX } else { 0 };
        Ok(window.main(ALL, vec![most.into()]).await?.unwrap_or_default())
    }

    pub(super) fn fill(self, needs: Needs, reply: &mut Reply) {
        reply.set(Field::Url, self.url);
        reply.set(Field::Title, self.title);
        if needs >= Needs::Body {
            reply.set(Field::Text, self.text);
            // What is quoted of it is what people read.
            reply.headers = Some(HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/html"))]));
            reply.body = Some(Body { bytes: self.html.into(), charset: None });
        }
    }
}
