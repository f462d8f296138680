//! The recorded lines as a touchpoint's file, with all that belongs around them.

use std::fmt::Write as _;

use super::Wanted;
use super::line::{Line, scalar};
use crate::probe::browser::device::Device;

/// A recorded errand waits for effects as long as the person did; this is enough for most.
const TIMEOUT: &str = "60s";

pub(super) fn write(wanted: &Wanted, title: &str, lines: &[Line]) -> String {
    let host = wanted.open.host_str().unwrap_or_default();
    let title = if title.is_empty() || title.contains("{{") || title.contains("${") { host } else { title };
    let mut sheet = format!(
        "# Recorded. As `probes/NAME.yaml` it is the touchpoint NAME: name it in a journey, then `unbroken probe NAME`.\n\
         title: {title}\n\
         channel: web\n\
         probes:\n  \
           recorded:\n    \
             every: 5m\n    \
             timeout: {TIMEOUT}\n    \
             steps:\n      \
               - browser:\n          \
                   open: {open}\n",
        title = scalar(title),
        open = serde_json::Value::from(wanted.open.as_str()),
    );
    // Writing to a text does not fail.
    if let Some(device) = wanted.device.map(Device::word) {
        let _ = writeln!(sheet, "          device: {device}");
    }
    if !lines.is_empty() {
        sheet.push_str("          do:\n");
    }
    for line in lines {
        if let Some(hint) = line.hint() {
            let _ = writeln!(sheet, "            # {hint}");
        }
        let _ = writeln!(sheet, "            - {}", line.yaml().replace('\n', "\n              "));
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::browser::record::line::Done;

    #[test]
    fn the_file_has_all_that_belongs_around_the_lines() {
        let open = "http://shop.example/plans".parse().unwrap();
        let wanted = Wanted { open, device: Some(Device::Phone), random: 1 };
        let lines = [Line::new(Done::Press("Enter".into())), Line::new(Done::Back)];
        let sheet = write(&wanted, "Plans: all of them", &lines);
        let (_, body) = sheet.split_once('\n').unwrap();
        let expected = "title: \"Plans: all of them\"\nchannel: web\nprobes:\n  recorded:\n    every: 5m\n    timeout: 60s\n    \
                        steps:\n      - browser:\n          open: \"http://shop.example/plans\"\n          device: phone\n          \
                        do:\n            - press: Enter\n            - back\n";
        assert_eq!(body, expected);
        assert!(!write(&wanted, "", &[]).contains("do:"));
    }
}
