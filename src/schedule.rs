//! Who is due when. Says *when*, never sleeps: times are lengths since the daemon's start, and come in as arguments.
//!
//! Runs start on a 10 ms grid, so that a paced prober wakes once per tick and not once per probe. Each series has a
//! phase of its own, spread over its interval by a stable hash: restarts and reloads do not bunch probes together.
//! The k-th run is due at `phase + k * interval`, computed and never added up, so lateness does not accumulate.
//!
//! A *recheck* is one run more, between two regular ones; the phase stays where it is. One that would fall next to a
//! regular run (within a quarter of the interval, at most 5 s) is that regular run.
//!
//! A series that was never run would be unknown for a whole interval, so it has a first look within a minute.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Series, Trigger};

/// Starts are rounded up to this.
pub const GRID: Duration = Duration::from_millis(10);
const FIRST_LOOK_WITHIN: Duration = Duration::from_mins(1);
const NEIGHBOUR_MAX: Duration = Duration::from_secs(5);
/// What [`Next::Wait`] says when nothing is scheduled at all.
const IDLE: Duration = Duration::from_hours(1);
const NEVER: u64 = u64::MAX;

/// A series and how often it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub series: Series,
    pub every: Duration,
    pub turn: Turn,
}

/// Whose turn it is: of several series that take turns the first keeps the phase, the others follow at equal distances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    #[default]
    Alone,
    /// The how-manieth, from 0, and of how many.
    Of(u32, u32),
}

/// A run to start now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub series: Arc<Series>,
    /// Since the daemon's start. After a stall this is the oldest run that was missed: the honest lateness.
    pub scheduled: Duration,
    pub trigger: Trigger,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    Run(Due),
    /// Nothing is due before `until`, a time since the daemon's start (not a length of waiting).
    Wait {
        until: Duration,
    },
}

/// The one heap of timers.
#[derive(Debug, Default)]
pub struct Schedule {
    slots: Vec<Slot>,
    places: HashMap<Arc<Series>, u32>,
    timers: BinaryHeap<Reverse<Timer>>,
}

#[derive(Debug)]
struct Slot {
    series: Arc<Series>,
    every: Duration,
    turn: Turn,
    /// The next regular run.
    regular: Duration,
    /// The tick of a run in between; NEVER if there is none.
    between: u64,
    between_trigger: Trigger,
}

/// 16 bytes. Stale ones are recognized by their tick and dropped when they come up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Timer {
    tick: u64,
    slot: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Regular,
    Between,
}

impl Schedule {
    pub fn new(entries: Vec<Entry>, start: Duration) -> Self {
        let mut schedule = Self::default();
        schedule.reload(entries, start);
        schedule
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The next run that is due, one at a time; call again until it says to wait.
    pub fn next(&mut self, now: Duration) -> Next {
        let tick_now = (now.as_nanos() / GRID.as_nanos()) as u64;
        while let Some(&Reverse(timer)) = self.timers.peek() {
            if timer.tick > tick_now {
                return Next::Wait { until: at(timer.tick) };
            }
            self.timers.pop();
            if let Some(due) = self.fire(timer, now) {
                return Next::Run(due);
            }
        }
        Next::Wait { until: now + IDLE }
    }

    /// Asks for a run at `at`, in place of any run asked for before. The regular phase stays.
    pub fn recheck(&mut self, series: &Series, at: Duration) {
        let Some(&place) = self.places.get(series) else { return };
        let slot = &mut self.slots[place as usize];
        let near = (slot.every / 4).min(NEIGHBOUR_MAX);
        if at.abs_diff(slot.regular) <= near {
            slot.between = NEVER;
            return;
        }
        slot.between = tick(at);
        slot.between_trigger = Trigger::Recheck;
        self.timers.push(Reverse(Timer { tick: slot.between, slot: place, kind: Kind::Between }));
    }

    /// Takes the new entries; those that were there with the same interval keep their phase and their recheck.
    pub fn reload(&mut self, entries: Vec<Entry>, now: Duration) {
        let mut before: HashMap<Arc<Series>, Slot> =
            std::mem::take(&mut self.slots).into_iter().map(|slot| (slot.series.clone(), slot)).collect();
        self.places.clear();
        self.timers.clear();
        for Entry { series, every, turn } in entries {
            if self.places.contains_key(&series) {
                continue;
            }
            let every = every.max(GRID);
            let slot = match before.remove(&series) {
                Some(slot) if slot.every == every && slot.turn == turn => slot,
                Some(slot) => Slot { between: NEVER, ..Slot::fresh(slot.series, every, turn, now) },
                None => Slot::fresh(Arc::new(series), every, turn, now),
            };
            self.places.insert(slot.series.clone(), self.slots.len() as u32);
            self.slots.push(slot);
        }
        let timers = self.slots.iter().zip(0..).flat_map(|(slot, place)| {
            let regular = Timer { tick: tick(slot.regular), slot: place, kind: Kind::Regular };
            let between = Timer { tick: slot.between, slot: place, kind: Kind::Between };
            [Some(regular), (slot.between != NEVER).then_some(between)]
        });
        self.timers = timers.flatten().map(Reverse).collect();
    }

    fn fire(&mut self, timer: Timer, now: Duration) -> Option<Due> {
        let slot = &mut self.slots[timer.slot as usize];
        let due = |slot: &Slot, scheduled, trigger| Some(Due { series: slot.series.clone(), scheduled, trigger });
        match timer.kind {
            Kind::Between if slot.between == timer.tick => {
                slot.between = NEVER;
                due(slot, at(timer.tick), slot.between_trigger)
            }
            Kind::Between => None,
            Kind::Regular => {
                let missed = slot.regular;
                // One catch-up for however many were missed; the phase is kept.
                let behind = now.saturating_sub(missed).as_nanos() / slot.every.as_nanos();
                slot.regular = times(slot.every, behind + 1) + missed;
                let tick = tick(slot.regular);
                self.timers.push(Reverse(Timer { tick, slot: timer.slot, kind: Kind::Regular }));
                due(slot, at(timer.tick), Trigger::Schedule)
            }
        }
    }
}

impl Slot {
    fn fresh(series: Arc<Series>, every: Duration, turn: Turn, now: Duration) -> Self {
        let hash = stable_hash(&series, turn);
        let (place, of) = match turn {
            Turn::Alone => (0, 1),
            Turn::Of(place, of) => (place, of.max(1)),
        };
        let phase = u128::from(hash) % every.as_nanos() + every.as_nanos() * u128::from(place) / u128::from(of);
        let phase = Duration::from_nanos_u128(phase % every.as_nanos());
        let turns = now.saturating_sub(phase).as_nanos().div_ceil(every.as_nanos());
        let regular = phase + times(every, turns);
        let look = now + Duration::from_nanos_u128(u128::from(hash) % FIRST_LOOK_WITHIN.as_nanos());
        let soon = look + NEIGHBOUR_MAX < regular;
        let between = if soon { tick(look) } else { NEVER };
        Self { series, every, turn, regular, between, between_trigger: Trigger::Schedule }
    }
}

fn tick(at: Duration) -> u64 {
    at.as_nanos().div_ceil(GRID.as_nanos()) as u64
}

fn at(tick: u64) -> Duration {
    Duration::from_nanos_u128(u128::from(tick) * GRID.as_nanos())
}

fn times(every: Duration, count: u128) -> Duration {
    Duration::from_nanos_u128(every.as_nanos() * count)
}

/// FNV-1a over the parts, then one round of mixing: short similar names would share their low bits otherwise.
/// Never changes: phases would move with it. Those who take turns have one phase between them.
fn stable_hash(series: &Series, turn: Turn) -> u64 {
    let persona = series.persona.as_ref().map_or("", |id| id.as_str());
    let vantage = if turn == Turn::Alone { series.vantage.as_str() } else { "" };
    let parts = [series.probe.touchpoint.as_str(), &series.probe.name, persona, vantage];
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests;
