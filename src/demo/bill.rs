//! The bill as a PDF, written by hand: one page, one embedded font, and a map by which its text can be read back.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::civil::Date;
use lopdf::content::{Content, Operation};
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, StringFormat, dictionary};

use super::books::Cents;

/// A subset of Noto Sans CJK SC (see `assets/OFL.txt`).
const FONT: &[u8] = include_bytes!("assets/bill.ttf");
/// Its glyphs: number, character, width in thousandths of the size.
const GLYPHS: &str = include_str!("assets/bill-font.tsv");

pub(super) struct Bill {
    pub(super) number: String,
    pub(super) customer: String,
    /// What is charged.
    pub(super) item: String,
    pub(super) total: Cents,
    pub(super) issued: Date,
    pub(super) due: Date,
}

impl Bill {
    /// A PDF 1.7 file (ISO 32000-1).
    pub(super) fn pdf(&self) -> Result<Vec<u8>, lopdf::Error> {
        let face = Face::read();
        let mut document = Document::with_version("1.7");
        let font = face.embed(&mut document);
        let content = Content { operations: self.operations(&face) }.encode()?;
        let content = document.add_object(Stream::new(Dictionary::new(), content));
        let pages = document.new_object_id();
        let page = document.add_object(dictionary! {
            "Type" => "Page", "Parent" => pages, "Contents" => content,
            "Resources" => dictionary! { "Font" => dictionary! { "F1" => font } },
            "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
        });
        let tree = dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 };
        document.objects.insert(pages, Object::Dictionary(tree));
        let catalog = document.add_object(dictionary! {
            "Type" => "Catalog", "Pages" => pages, "Lang" => Object::string_literal("en"),
        });
        document.trailer.set("Root", catalog);
        document.compress();
        let mut file = Vec::new();
        document.save_to(&mut file)?;
        Ok(file)
    }

    fn operations(&self, face: &Face) -> Vec<Operation> {
        let mut sheet = Sheet { face, operations: Vec::new() };
        sheet.bar(790, 52, [0.07, 0.24, 0.36]);
        sheet.ink([1.0, 1.0, 1.0]);
        sheet.line(50, 808, 20, "Halcyon Mobile");
        sheet.ink([0.1, 0.12, 0.15]);
        sheet.line(50, 730, 12, &format!("Dear {}", self.customer));
        sheet.line(50, 690, 20, &format!("Bill {}", self.number));
        sheet.line(50, 668, 11, &format!("Issued {}, to be paid by {}", self.issued, self.due));
        sheet.bar(640, 1, [0.7, 0.75, 0.8]);
        sheet.line(50, 616, 12, &self.item);
        sheet.line(440, 616, 12, &format!("{} €", self.total));
        sheet.bar(600, 1, [0.7, 0.75, 0.8]);
        sheet.line(50, 574, 14, "Total");
        sheet.line(440, 574, 14, &format!("{} €", self.total));
        sheet.line(50, 520, 11, "Nothing to do: we collect the total from your account. Thank you.");
        sheet.operations
    }
}

/// What is drawn, from top to bottom.
struct Sheet<'a> {
    face: &'a Face,
    operations: Vec<Operation>,
}

impl Sheet<'_> {
    fn draw(&mut self, operator: &str, operands: Vec<Object>) {
        self.operations.push(Operation::new(operator, operands));
    }

    fn ink(&mut self, rgb: [f32; 3]) {
        self.draw("rg", rgb.map(Object::from).to_vec());
    }

    fn bar(&mut self, y: i64, height: i64, rgb: [f32; 3]) {
        self.draw("q", Vec::new());
        self.ink(rgb);
        let (x, width) = if height > 1 { (0, 595) } else { (50, 495) };
        self.draw("re", [x, y, width, height].map(Object::from).to_vec());
        self.draw("f", Vec::new());
        self.draw("Q", Vec::new());
    }

    fn line(&mut self, x: i64, y: i64, size: i64, text: &str) {
        self.draw("BT", Vec::new());
        self.draw("Tf", vec!["F1".into(), size.into()]);
        self.draw("Td", vec![x.into(), y.into()]);
        self.draw("Tj", vec![Object::String(self.face.encode(text), StringFormat::Hexadecimal)]);
        self.draw("ET", Vec::new());
    }
}

struct Face {
    glyphs: BTreeMap<char, Glyph>,
}

struct Glyph {
    number: u16,
    width: i64,
}

impl Face {
    fn read() -> Self {
        let glyph = |line: &str| {
            let mut fields = line.split('\t');
            let number = fields.next()?.parse().ok()?;
            let character = char::from_u32(u32::from_str_radix(fields.next()?, 16).ok()?)?;
            Some((character, Glyph { number, width: fields.next()?.parse().ok()? }))
        };
        Self { glyphs: GLYPHS.lines().filter_map(glyph).collect() }
    }

    /// Two bytes a glyph; a character that the font lacks becomes its empty box, number 0.
    fn encode(&self, text: &str) -> Vec<u8> {
        text.chars().flat_map(|c| self.glyphs.get(&c).map_or(0, |glyph| glyph.number).to_be_bytes()).collect()
    }

    /// A composite font with the glyph numbers as its codes (ISO 32000-1, 9.7).
    fn embed(&self, document: &mut Document) -> ObjectId {
        let length = i64::try_from(FONT.len()).unwrap_or(i64::MAX);
        let file = document.add_object(Stream::new(dictionary! { "Length1" => length }, FONT.to_vec()));
        let descriptor = document.add_object(dictionary! {
            "Type" => "FontDescriptor", "FontName" => "HALCYN+NotoSansCJKsc-Regular", "Flags" => 4,
            "FontBBox" => [-1002, -1048, 2928, 1808].map(Object::from).to_vec(),
            "ItalicAngle" => 0, "Ascent" => 1160, "Descent" => -288, "CapHeight" => 733, "StemV" => 80,
            "FontFile2" => file,
        });
        let widths = self
            .glyphs
            .values()
            .flat_map(|glyph| [Object::from(i64::from(glyph.number)), Object::Array(vec![glyph.width.into()])]);
        let descendant = document.add_object(dictionary! {
            "Type" => "Font", "Subtype" => "CIDFontType2", "BaseFont" => "HALCYN+NotoSansCJKsc-Regular",
            "CIDSystemInfo" => dictionary! {
                "Registry" => Object::string_literal("Adobe"), "Ordering" => Object::string_literal("Identity"),
                "Supplement" => 0,
            },
            "FontDescriptor" => descriptor, "DW" => 1000, "W" => widths.collect::<Vec<_>>(), "CIDToGIDMap" => "Identity",
        });
        let to_unicode = document.add_object(Stream::new(Dictionary::new(), self.to_unicode().into_bytes()));
        document.add_object(dictionary! {
            "Type" => "Font", "Subtype" => "Type0", "BaseFont" => "HALCYN+NotoSansCJKsc-Regular",
            "Encoding" => "Identity-H", "DescendantFonts" => vec![descendant.into()], "ToUnicode" => to_unicode,
        })
    }

    /// From glyph numbers back to characters (ISO 32000-1, 9.10.3).
    fn to_unicode(&self) -> String {
        let mut map = String::from(
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n\
             /CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n\
             /CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n\
             1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n",
        );
        let pairs: Vec<_> = self.glyphs.iter().collect();
        // A section holds at most 100 pairs.
        for section in pairs.chunks(100) {
            let _infallible = writeln!(map, "{} beginbfchar", section.len());
            for (character, glyph) in section {
                let _infallible = writeln!(map, "<{:04X}> <{:04X}>", glyph.number, u32::from(**character));
            }
            map.push_str("endbfchar\n");
        }
        map.push_str("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
        map
    }
}

#[cfg(test)]
mod tests {
    use super::super::books::CUSTOMERS;
    use super::*;

    #[test]
    fn a_bill_can_be_read_back() {
        for customer in CUSTOMERS.iter().map(|customer| customer.name).chain(["John"]) {
            let bill = Bill {
                number: "HM-10042-2026-11".into(),
                customer: customer.into(),
                item: "Flat M, one month".into(),
                total: Cents(2999),
                issued: jiff::civil::date(2026, 11, 1),
                due: jiff::civil::date(2026, 11, 28),
            };
            let read = Document::load_mem(&bill.pdf().expect("a PDF")).expect("reads");
            let text = read.extract_text(&[1]).expect("has text");
            for words in [format!("Dear {customer}"), "29.99 €".into(), "Bill HM-10042-2026-11".into()] {
                assert!(text.contains(&words), "{words} not in {text}");
            }
        }
    }
}
