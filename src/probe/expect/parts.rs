//! Expectations of what a reply is as a whole: a PDF file, a picture, a card, an address with its query.

use schemars::JsonSchema;
use serde::Deserialize;

use super::matcher::Matcher;
use super::operand::Operand;
use super::subject::Subject;
use crate::probe::Field;
use crate::probe::picture::Original;
use crate::probe::template::Template;
use crate::units::FilePath;

/// Bits of 512 in which a picture may differ from the one that was kept: other sizes and formats need a few.
const TOLERANCE: u16 = 20;

/// What is expected of a picture.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Picture {
    /// In pixels.
    width: Option<Matcher>,
    height: Option<Matcher>,
    /// `png`, `jpeg`, `webp` or `gif`.
    format: Option<Matcher>,
    /// A file with the picture that it should look like.
    like: Option<FilePath>,
    /// In how many bits of 512 it may differ; 20 by default.
    tolerance: Option<u16>,
}

/// What is expected of the card that a link becomes, beside being whole: title, description, and a picture that loads.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Card {
    title: Option<Matcher>,
    description: Option<Matcher>,
    /// The picture's address.
    image: Option<Matcher>,
    url: Option<Matcher>,
    site: Option<Matcher>,
    /// The picture's, in pixels.
    width: Option<Matcher>,
    height: Option<Matcher>,
}

type Checks = Vec<(Subject, Matcher)>;

impl Picture {
    pub(super) fn checks(self) -> Result<Checks, String> {
        let exists = Matcher::read(Operand::Map(vec![("exists".to_owned(), plain("true")?)]))?;
        let mut out = vec![(Subject::Field(Field::Picture), exists)];
        let parts = [
            (Subject::PictureWidth, self.width),
            (Subject::PictureHeight, self.height),
            (Subject::PictureFormat, self.format),
        ];
        out.extend(parts.into_iter().filter_map(|(of, matcher)| Some((of, matcher?))));
        match (self.like, self.tolerance) {
            (Some(path), tolerance) => {
                let original = Original::read(path.as_path().to_owned())?;
                let above = u32::from(tolerance.unwrap_or(TOLERANCE)) + 1;
                let below = Operand::Map(vec![("below".to_owned(), plain(&above.to_string())?)]);
                out.push((Subject::Unlike(original), Matcher::read(below)?));
            }
            (None, Some(_)) => {
                return Err("`tolerance` needs `like` beside it: a file with the right picture".to_owned());
            }
            (None, None) => {}
        }
        Ok(out)
    }
}

impl Card {
    pub(super) fn checks(self) -> Result<Checks, String> {
        let nothing = Matcher::read(Operand::Map(vec![("exists".to_owned(), plain("false")?)]))?;
        let mut out = vec![(Subject::CardDefects, nothing)];
        let parts = [
            ("title", self.title),
            ("description", self.description),
            ("image", self.image),
            ("url", self.url),
            ("site", self.site),
            ("width", self.width),
            ("height", self.height),
        ];
        out.extend(parts.into_iter().filter_map(|(name, matcher)| Some((Subject::Card(name.to_owned()), matcher?))));
        Ok(out)
    }
}

/// `pdf: { pages: 2, amounts: { contains: 29.99 }, contains: [...] }`: its parts, and what is said of its text.
pub(super) fn pdf(operand: Operand) -> Result<Checks, String> {
    of_map(operand, Field::Pdf, |name, operand| match name {
        "pages" => Matcher::read(operand).map(|matcher| vec![(Subject::Pages, matcher)]).map_err(Some),
        "amounts" => Matcher::read(operand).map(|matcher| vec![(Subject::Amounts, matcher)]).map_err(Some),
        _ => Err(None),
    })
}

/// `url: { query: { utm_source: poster }, matches: ^https }`: its query, and what is said of all of it.
pub(super) fn url(operand: Operand) -> Result<Checks, String> {
    of_map(operand, Field::Url, |name, operand| match (name, operand) {
        ("query", Operand::Map(members)) => {
            let read = |(name, operand)| Matcher::read(operand).map(|it| (Subject::Query(name), it));
            members.into_iter().map(read).collect::<Result<_, _>>().map_err(Some)
        }
        ("query", _) => Err(Some("`query` takes a map of names and values".to_owned())),
        _ => Err(None),
    })
}

/// Splits a map into the parts that `part` knows and the tests that are left.
fn of_map(
    operand: Operand,
    whole: Field,
    part: impl Fn(&str, Operand) -> Result<Checks, Option<String>>,
) -> Result<Checks, String> {
    let Operand::Map(members) = operand else { return Ok(vec![(Subject::Field(whole), Matcher::read(operand)?)]) };
    let (mut out, mut tests) = (Vec::new(), Vec::new());
    for (name, operand) in members {
        match part(&name, operand.clone()) {
            Ok(checks) => out.extend(checks),
            Err(Some(why)) => return Err(why),
            Err(None) => tests.push((name, operand)),
        }
    }
    if !tests.is_empty() || out.is_empty() {
        out.push((Subject::Field(whole), Matcher::read(Operand::Map(tests))?));
    }
    Ok(out)
}

fn plain(text: &str) -> Result<Operand, String> {
    Template::parse(text).map(Operand::Plain)
}
