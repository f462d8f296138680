//! The real daemon, killed at the Nth call of every kind that makes something lasting or known, or failed by its disk there,
//! while an incident opens, ends, or moves to another name: nothing is lost, and nothing told twice under another id.

mod case;
mod disk;
mod tracer;
mod upgrade;

use std::path::Path;

use futures::StreamExt;

use self::case::{Case, Deed, End, Start};
use self::disk::Disk;
use super::{many, only};
use crate::parts::program;
use crate::world::{Hook, Target, World};

/// How many calls are counted before the Nth.
const CALLS_MAX: u64 = 60;
/// Daemons at once: they wait most of the time.
const AT_ONCE: usize = 3;

/// What is done to the daemon at a call.
pub(super) const KILL: &str = "signal=SIGKILL";
const FAIL: &str = "error=EIO";

/// One in ten, and rather early ones: most calls are made once or twice for one incident.
const FEW: [[u64; 6]; 3] = [[1, 2, 4, 8, 16, 32], [1, 3, 6, 12, 24, 48], [2, 3, 5, 10, 20, 40]];

/// Of [`CALLS_MAX`] the ones that this run tries.
fn calls(few: [u64; 6]) -> impl Iterator<Item = u64> {
    let (alone, all) = (only(), many(1, CALLS_MAX) > 1);
    (1..=CALLS_MAX).filter(move |nth| alone.map_or(all || few.contains(nth), |alone| alone == *nth))
}

/// Every deed with every Nth of these system calls.
async fn sweep(calls_of: &'static str, injury: &'static str) {
    let mut starts = Vec::new();
    for deed in Deed::ALL {
        starts.push(Start::before(deed).await);
    }
    let cases = starts
        .iter()
        .zip(FEW)
        .flat_map(|(start, few)| calls(few).map(move |nth| Case { start, calls: calls_of, injury, nth }));
    let ends: Vec<End> = futures::stream::iter(cases).map(Case::live).buffer_unordered(AT_ONCE).collect().await;
    let met = ends.iter().filter(|end| matches!(end, End::Met)).count();
    println!("{calls_of}: {met} of {} met their call", ends.len());
    assert!(met > 0 || only().is_some(), "not one met its call: this tries nothing");
}

#[tokio::test]
async fn killed_while_it_makes_something_last() {
    sweep("fsync,fdatasync", KILL).await;
}

#[tokio::test]
async fn killed_while_it_writes_its_store() {
    sweep("pwrite64", KILL).await;
}

#[tokio::test]
async fn killed_while_it_writes_anything_else() {
    sweep("write", KILL).await;
}

#[tokio::test]
async fn killed_while_it_sends() {
    sweep("sendto,sendmsg,writev", KILL).await;
}

#[tokio::test]
async fn killed_while_it_opens_files() {
    sweep("openat", KILL).await;
}

#[tokio::test]
async fn a_disk_that_fails_once_is_never_believed_and_nothing_is_lost() {
    sweep("fsync,fdatasync,pwrite64", FAIL).await;
}

/// What a daemon that was killed in its very first second leaves, the next one takes.
#[tokio::test]
async fn a_store_that_was_being_made_is_finished_by_the_next_start() {
    let cases = ["fsync,fdatasync", "pwrite64"].into_iter().flat_map(|of| calls(FEW[0]).map(move |nth| (of, nth)));
    let ends: Vec<End> = futures::stream::iter(cases).map(begin).buffer_unordered(AT_ONCE).collect().await;
    assert!(ends.contains(&End::Met) || only().is_some(), "not one met its call: this tries nothing");
}

/// Starts with nothing, is killed, and starts again.
async fn begin((calls_of, nth): (&str, u64)) -> End {
    let (target, hook) = (Target::start().await, Hook::start().await);
    let mut world = World::new(&target, &hook);
    let (strace, inject) = (program("strace"), format!("inject={calls_of}:{KILL}:when={nth}"));
    // `-D`: the daemon stays our child.
    let tracer = [strace.to_str().unwrap(), "-D", "-f", "-qqq", "-o", "/dev/null", "-e", &inject];
    let ended = world.start_under(&tracer).await;
    world.kill();
    if world.path("unbroken.db").exists() {
        Disk::of(world.folder.path()).await.is_sound();
    }
    world.start().await;
    world.stop().await;
    Disk::of(world.folder.path()).await.is_sound();
    ended.map_or(End::Done, |_| End::Met)
}

/// Every older schema becomes the present one with all that was in it, however often that is interrupted.
#[tokio::test]
async fn a_store_of_any_age_is_brought_up_to_date_even_if_that_is_killed() {
    let newest = upgrade::Newest::written().await;
    let mut cases = Vec::new();
    for schema in 1..newest.schemas() {
        let kills = ["fsync,fdatasync", "pwrite64"].into_iter();
        // The oldest has the longest way; in an ordinary run the others go theirs in peace.
        let kills = kills.filter(|_| schema == 1 || many(1, 2) > 1);
        cases.extend(kills.flat_map(|of| calls(FEW[0]).map(move |nth| (of, nth))).map(|kill| (schema, Some(kill))));
        cases.push((schema, None));
    }
    let lives = cases.into_iter().map(|(schema, kill)| newest.outlives(schema, kill));
    let ends: Vec<upgrade::End> = futures::stream::iter(lives).buffer_unordered(AT_ONCE).collect().await;
    let half_way = ends.iter().filter(|end| **end == upgrade::End::HalfWay).count();
    println!("{half_way} of {} were killed before the schema was the present one", ends.len());
    assert!(half_way > 0 || only().is_some(), "not one was killed half-way: this tries nothing");
}

/// Copies a store as a killed process leaves it.
fn copy_store(from: &Path, to: &Path) {
    for name in ["unbroken.db", "unbroken.db-wal", "unbroken.db.reserve"] {
        let file = from.join(name);
        if file.exists() {
            std::fs::copy(file, to.join(name)).unwrap();
        }
    }
}
