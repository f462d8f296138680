//! What the daemon takes of its machine, as the kernel counts it (proc(5)).

use std::fs;

use rustix::process::{Resource, getrlimit};

use crate::telemetry::Footprint;

/// Linux' ticks, whatever the clock of the kernel.
const TICKS_PER_SECOND: f64 = 100.0;

/// None, where there is no such kernel.
pub(super) fn footprint() -> Option<Footprint> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some(Footprint {
        cpu_seconds: cpu_seconds(&stat)?,
        resident_bytes: resident_bytes(&status)?,
        open_descriptors: fs::read_dir("/proc/self/fd").ok()?.count() as u64,
        descriptors_max: getrlimit(Resource::Nofile).current,
    })
}

/// User and system time, fields 14 and 15.
fn cpu_seconds(stat: &str) -> Option<f64> {
    // The program's name may have blanks and brackets.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11).map(str::parse::<f64>);
    Some((fields.next()?.ok()? + fields.next()?.ok()?) / TICKS_PER_SECOND)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_a_size() {
        let footprint = footprint().expect("Linux");
        assert!(footprint.resident_bytes > 1024 * 1024, "{footprint:?}");
        assert!(footprint.open_descriptors >= 3, "{footprint:?}");
        assert!(footprint.descriptors_max.is_none_or(|max| max >= footprint.open_descriptors), "{footprint:?}");
    }

    #[test]
    fn a_name_with_brackets_is_no_trap() {
        let stat = "7 (un) (x) S 1 1 1 0 -1 0 0 0 0 0 250 50 0 0 20 0 4 0 99 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(resident_bytes("VmPeak:\t  9 kB\nVmRSS:\t    2048 kB\n"), Some(2 * 1024 * 1024));
    }
}
