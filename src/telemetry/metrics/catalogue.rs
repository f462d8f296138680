//! The one list of what is counted: every exposition, `unbroken metrics` and the documents are made from it.

/// A family of series.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// The same in Prometheus and over OTLP.
    pub name: &'static str,
    pub of: Type,
    pub unit: Unit,
    /// One sentence.
    pub help: &'static str,
    /// In the order in which their values are written; an empty value is no label.
    pub labels: &'static [&'static str],
}

/// What a family of series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Gauge,
    Counter,
    Histogram,
}

impl Type {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

/// What a family is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Of 100.
    Points,
    /// Between 0 and 1, or more where something is used up faster than allowed.
    Ratio,
    /// 0 to 1, of something whose name is no ratio.
    Share,
    /// 0 or 1.
    Flag,
    Seconds,
    Bytes,
    /// Things, by their singular.
    Count(&'static str),
}

impl Unit {
    /// As OTLP has it (UCUM). Empty, where a receiver that writes units into names would spoil ours: Prometheus puts
    /// `_ratio` behind whatever has the unit `1`.
    pub fn ucum(self) -> String {
        match self {
            Self::Points => "{point}".to_owned(),
            Self::Ratio => "1".to_owned(),
            Self::Share | Self::Flag => String::new(),
            Self::Seconds => "s".to_owned(),
            Self::Bytes => "By".to_owned(),
            Self::Count(noun) => format!("{{{noun}}}"),
        }
    }

    /// What Prometheus wants names to end with.
    pub const fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Ratio => Some("ratio"),
            Self::Seconds => Some("seconds"),
            Self::Bytes => Some("bytes"),
            Self::Points | Self::Share | Self::Flag | Self::Count(_) => None,
        }
    }

    /// For people.
    pub fn words(self) -> String {
        match self {
            Self::Points => "points of 100".to_owned(),
            Self::Ratio => "ratio".to_owned(),
            Self::Share => "0 to 1".to_owned(),
            Self::Flag => "0 or 1".to_owned(),
            Self::Seconds => "seconds".to_owned(),
            Self::Bytes => "bytes".to_owned(),
            Self::Count(noun) => format!("{noun}s"),
        }
    }
}

macro_rules! families {
    ($($id:ident = $name:literal $of:ident($unit:expr) [$($label:literal),*] $help:literal;)*) => {
        $(pub(in crate::telemetry) const $id: &Family =
            &Family { name: $name, of: Type::$of, unit: $unit, help: $help, labels: &[$($label),*] };)*

        /// All of them, in the order in which they are written.
        pub const CATALOGUE: &[&Family] = &[$($id),*];
    };
}

families! {
    SCORE = "unbroken_journey_score" Gauge(Unit::Points) ["journey"]
        "Of 100 customers, about this many meet no problem now.";
    FELT = "unbroken_journey_felt" Gauge(Unit::Points) ["journey"]
        "The score with what customers still remember.";
    SEGMENT_SCORE = "unbroken_journey_segment_score" Gauge(Unit::Points) ["journey", "segment"]
        "The journey's score as the customers of one segment meet it.";
    OBSERVED = "unbroken_journey_observed_ratio" Gauge(Unit::Ratio) ["journey"]
        "How much of the journey is freshly observed.";
    BURN = "unbroken_objective_burn_ratio" Gauge(Unit::Ratio) ["journey", "window"]
        "How many times as fast as its objective allows a journey lost minutes.";
    LOSS = "unbroken_journey_loss_share" Gauge(Unit::Points) ["journey", "touchpoint"]
        "Points of the score that a touchpoint costs.";
    HEALTH = "unbroken_touchpoint_health" Gauge(Unit::Share) ["touchpoint"]
        "Health of a touchpoint, 0 to 1.";
    UP = "unbroken_probe_up" Gauge(Unit::Flag) ["touchpoint", "probe", "vantage", "signal"]
        "1 unless the probe is down for any of its personas.";
    CERTIFICATE = "unbroken_certificate_expiry_seconds" Gauge(Unit::Seconds) ["touchpoint", "probe"]
        "Seconds until the earliest certificate that a probe met expires.";
    INCIDENTS = "unbroken_incidents_open" Gauge(Unit::Count("incident")) ["severity"]
        "Incidents that are open, by severity.";
    TROUBLE = "unbroken_own_trouble" Gauge(Unit::Flag) ["trouble"]
        "1 while something is wrong with Unbroken itself.";
    DUE = "unbroken_runs_due_total" Counter(Unit::Count("run")) []
        "Runs that came due.";
    UNDER_WAY = "unbroken_runs_under_way" Gauge(Unit::Count("run")) []
        "Runs that came due and have not come to their reading.";
    READINGS = "unbroken_readings_total" Counter(Unit::Count("reading")) ["verdict"]
        "Terminal readings, one per due run, by verdict.";
    DURATION = "unbroken_probe_duration_seconds" Histogram(Unit::Seconds) ["touchpoint", "probe"]
        "From a run's first step to the end of its last.";
    PHASE = "unbroken_probe_phase_seconds" Histogram(Unit::Seconds) ["touchpoint", "phase"]
        "Phases of a touchpoint's runs.";
    LATENESS = "unbroken_schedule_lateness_seconds" Histogram(Unit::Seconds) []
        "How late runs began.";
    WRITES = "unbroken_store_write_seconds" Histogram(Unit::Seconds) []
        "How long the store took to write a group.";
    NOTIFICATIONS = "unbroken_notifications_total" Counter(Unit::Count("attempt")) ["receiver", "result"]
        "Attempts to notify, by receiver and result.";
    ALIVE = "unbroken_alive" Gauge(Unit::Flag) []
        "1 while every part of the daemon gives signs of life.";
    PENDING = "unbroken_outbox_pending" Gauge(Unit::Count("notification")) []
        "Notifications that wait for delivery.";
    DEAD = "unbroken_outbox_dead" Gauge(Unit::Count("notification")) []
        "Notifications that were given up and are kept for a replay.";
    STUCK = "unbroken_outbox_stuck_seconds" Gauge(Unit::Seconds) []
        "How long the oldest notification waits that does not merely wait its turn; 0 if none does.";
    EXPORTED = "unbroken_exported_total" Counter(Unit::Count("item")) ["collector", "signal", "result"]
        "Spans, data points and log records for each collector, by what became of them.";
    WAITING = "unbroken_export_queued" Gauge(Unit::Count("item")) ["collector", "signal"]
        "Spans and log records that wait for each collector.";
    // As every program that Prometheus' libraries are in calls them.
    CPU = "process_cpu_seconds_total" Counter(Unit::Seconds) []
        "Processor time that the daemon took.";
    MEMORY = "process_resident_memory_bytes" Gauge(Unit::Bytes) []
        "Memory that the daemon holds.";
    DESCRIPTORS = "process_open_fds" Gauge(Unit::Count("descriptor")) []
        "File descriptors that the daemon has open.";
    DESCRIPTORS_MAX = "process_max_fds" Gauge(Unit::Count("descriptor")) []
        "File descriptors that it may have open.";
    RELOAD = "unbroken_config_reload_success" Gauge(Unit::Flag) []
        "1 if the newest configuration was taken.";
    BUILD = "unbroken_build_info" Gauge(Unit::Flag) ["version"]
        "Always 1; what runs here.";
    LEFT_OUT = "unbroken_series_left_out" Gauge(Unit::Count("series")) ["family"]
        "Series beyond what one family may have; empty while there are none.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Prometheus' name of what is sent by OTLP (its translation writes units and types behind names).
    fn translated(family: &Family) -> String {
        let unit = match family.unit.ucum().as_str() {
            "s" => "seconds",
            "By" => "bytes",
            "1" if family.of == Type::Gauge => "ratio",
            _ => "",
        };
        let mut name = family.name.trim_end_matches("_total").to_owned();
        if !unit.is_empty() && !name.split('_').any(|part| part == unit) {
            name = format!("{name}_{unit}");
        }
        if family.of == Type::Counter { name + "_total" } else { name }
    }

    #[test]
    fn a_name_stays_the_same_by_whichever_way_it_comes() {
        for family in CATALOGUE {
            assert_eq!(translated(family), family.name);
        }
    }

    #[test]
    fn names_are_told_apart_and_end_with_what_they_are_measured_in() {
        let names: BTreeSet<&str> = CATALOGUE.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), CATALOGUE.len());
        for family in CATALOGUE {
            let name = family.name;
            assert!(
                (name.starts_with("unbroken_") || name.starts_with("process_")) && family.help.ends_with('.'),
                "{name}"
            );
            let counts = family.of == Type::Counter;
            assert_eq!(name.ends_with("_total"), counts, "{name}");
            let base = name.trim_end_matches("_total");
            let ends = |suffix| base.ends_with(&format!("_{suffix}"));
            assert!(family.unit.suffix().is_none_or(ends), "{name} does not say its unit");
            let labels: BTreeSet<&&str> = family.labels.iter().collect();
            assert_eq!(labels.len(), family.labels.len(), "{name}");
        }
    }
}
