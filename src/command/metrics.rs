//! `unbroken metrics`: all that is counted, with types, units and labels.

use anstyle::Style;
use serde_json::{Value, json};

use super::terminal::{self, say};
use super::{Exit, Format, Global};
use crate::telemetry::{CATALOGUE, Family, SERIES_MAX};

/// Between columns.
const GAP: usize = 2;

pub(super) fn run(global: &Global) -> Exit {
    if global.format == Format::Json {
        let items: Vec<Value> = CATALOGUE.iter().map(|family| item(family)).collect();
        say!("{:#}", json!({ "items": items, "series_per_family_max": SERIES_MAX }));
    } else {
        print();
    }
    Exit::Well
}

fn item(family: &Family) -> Value {
    json!({
        "name": family.name,
        "type": family.of.as_str(),
        "unit": family.unit.ucum(),
        "measured_in": family.unit.words(),
        "labels": family.labels,
        "help": family.help,
    })
}

fn print() {
    let (bold, dim) = (terminal::BOLD, terminal::DIM);
    let heads = ["NAME", "TYPE", "MEASURED IN", "LABELS"].map(str::to_owned);
    let rows: Vec<[String; 4]> = CATALOGUE.iter().map(|family| row(family)).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&heads]).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0) + GAP
    };
    let widths = [width(0), width(1), width(2)];
    let line = |style: Style, [name, of, unit, labels]: &[String; 4]| {
        let [first, second, third] = widths;
        let text = format!("{style}{name:<first$}{style:#}{of:<second$}{unit:<third$}{labels}");
        say!("{}", text.trim_end());
    };
    line(dim, &heads);
    for (row, family) in rows.iter().zip(CATALOGUE) {
        line(bold, row);
        say!("    {dim}{}{dim:#}", family.help);
    }
    say!("");
    say!(
        "`/metrics` has them as Prometheus or OpenMetrics text. A family has at most {SERIES_MAX} series; what is beyond"
    );
    say!("is counted in `unbroken_series_left_out`. A series ends when its probe goes.");
}

fn row(family: &Family) -> [String; 4] {
    [family.name.to_owned(), family.of.as_str().to_owned(), family.unit.words(), family.labels.join(", ")]
}
