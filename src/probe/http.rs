//! One HTTP request, as a customer's browser or app would make it, and where its time went.

mod body;
mod card;
mod cookies;
mod digest;
mod exchange;
pub(in crate::probe) mod fetch;
mod fields;
mod graphql;
mod http3;
mod json;
mod multipart;
mod oauth;
mod prove;
mod redirect;
mod request;
mod settings;
mod visit;

pub use settings::Settings;

use super::template::{Place, TemplateOrSecret};
use super::{Act, Field, Part, Reach, Reply, Run, Stop};

impl Act for Settings {
    const DOES: &'static str = "an HTTP request with redirects, cookies and every phase timed";
    const FIELDS: &'static [Field] = &[
        Field::Status,
        Field::Version,
        Field::Url,
        Field::Redirects,
        Field::Headers,
        Field::Cookies,
        Field::ContentType,
        Field::Body,
        Field::Text,
        Field::Json,
        Field::Errors,
        Field::Html,
        Field::Pdf,
        Field::Card,
        Field::Picture,
        Field::Certificate,
        Field::Latency,
    ];

    fn parts(&self, see: &mut dyn FnMut(Part<'_>)) {
        self.each_part(see);
    }

    fn reach(&self) -> Reach {
        if self.goes_its_own_way() { Reach::Direct } else { Reach::Tunnelled }
    }

    async fn act(&self, run: &mut Run<'_>) -> Result<Reply, Stop> {
        visit::visit(self, run).await
    }
}

/// Shows one part of the settings.
fn show(part: &TemplateOrSecret, place: Place, see: &mut dyn FnMut(Part<'_>)) {
    match part {
        TemplateOrSecret::Template(template) => see(Part::Template(template, place)),
        TemplateOrSecret::Secret(secret) => see(Part::Secret(secret)),
    }
}
