//! One daemon's life: something happens, it is killed there, the next one goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tempfile::TempDir;
use tokio::time::Instant;

use super::disk::{Disk, Posted};
use super::tracer::Tracer;
use super::{KILL, copy_store};
use crate::world::{Hook, Letter, PATIENCE, Target, World, shop};

/// After a restart, what waits is sent within seconds.
const SOON: Duration = Duration::from_secs(30);
/// Nothing more happens so long after the deed is done: the call was not met.
const QUIET: Duration = Duration::from_millis(300);

const JOURNEY: &str =
    "journeys:\n  buy:\n    title: Buy a phone\n    stages:\n      buy: { touchpoints: [TOUCHPOINT] }\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// An incident opens.
    Open,
    /// It ends.
    Resolve,
    /// Its touchpoint is renamed.
    Reload,
}

impl Deed {
    pub(super) const ALL: [Self; 3] = [Self::Open, Self::Resolve, Self::Reload];
}

/// The store of a daemon before a deed.
pub(super) struct Start {
    deed: Deed,
    folder: TempDir,
    /// The incident that is open.
    incident: Option<String>,
}

impl Start {
    pub(super) async fn before(deed: Deed) -> Self {
        let (target, hook) = (Target::start().await, Hook::start().await);
        let mut world = world(&target, &hook);
        world.start().await;
        world.until_score("buy", 100.0).await;
        let mut incident = None;
        if deed != Deed::Open {
            target.break_();
            world.until("it is told", async |_: &World| !hook.taken("open").is_empty()).await;
            incident = Some(hook.taken("open")[0].incident().to_owned());
        }
        world.stop().await;
        let folder = tempfile::tempdir().unwrap();
        copy_store(world.folder.path(), folder.path());
        Self { deed, folder, incident }
    }
}

/// One failure is enough, and one success.
fn file(target: &Target) -> String {
    shop(&target.url())
        .replace("    recheck: 1s\n", "    recheck: 1s\n    detect: { rule: consecutive, failures: 1, passes: 1 }\n")
}

fn world(target: &Target, hook: &Hook) -> World {
    let world = World::new(target, hook);
    world.write("probes/shop.yaml", &file(target));
    world
}

/// What is said of ourselves is not counted here.
fn is_of_others(letter: &Letter) -> bool {
    !letter.body["data"]["cause"].to_string().contains("own")
}

/// How the first daemon's life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It met its call.
    Met,
    /// It did all it had to do before that.
    Done,
}

#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) start: &'a Start,
    pub(super) calls: &'static str,
    pub(super) injury: &'static str,
    pub(super) nth: u64,
}

impl Case<'_> {
    pub(super) async fn live(self) -> End {
        let Self { start, calls, injury, nth } = self;
        let life = AssertUnwindSafe(Life::begin(self).await.live()).catch_unwind().await;
        life.unwrap_or_else(|_| {
            panic!("{:?} with {injury} at call {nth} of {calls}: UNBROKEN_SWEEP_SEED={nth} tries it alone", start.deed)
        })
    }
}

struct Life<'a> {
    case: Case<'a>,
    deed: Deed,
    target: Target,
    hook: Hook,
    world: World,
    tracer: Option<Tracer>,
}

impl<'a> Life<'a> {
    async fn begin(case: Case<'a>) -> Self {
        let (target, hook) = (Target::start().await, Hook::start().await);
        let deed = case.start.deed;
        if deed != Deed::Open {
            target.break_();
        }
        let world = world(&target, &hook);
        copy_store(case.start.folder.path(), world.folder.path());
        Self { case, deed, target, hook, world, tracer: None }
    }

    async fn live(mut self) -> End {
        self.world.start().await;
        let Case { calls, injury, nth, .. } = self.case;
        self.tracer = Some(Tracer::attach(self.world.pid(), &format!("{calls}:{injury}:when={nth}")).await);
        self.perform();
        let end = self.watch().await;
        self.world.kill();
        self.tracer = None;
        let told = self.hook.letters();
        let disk = Disk::of(self.world.folder.path()).await;
        disk.is_sound();
        for letter in told.iter().filter(|letter| is_of_others(letter)) {
            assert!(disk.incidents.contains(letter.incident()), "told before it was on disk: {letter:?}");
        }
        self.world.start().await;
        self.deliver(&disk, &told).await;
        self.conclude().await;
        self.world.stop().await;
        self.audit().await;
        end
    }

    fn perform(&self) {
        match self.deed {
            Deed::Open => self.target.break_(),
            Deed::Resolve => self.target.mend(),
            Deed::Reload => {
                std::fs::remove_file(self.world.path("probes/shop.yaml")).unwrap();
                self.world.write("probes/corner-shop.yaml", &format!("was: shop\n{}", file(&self.target)));
                self.world.write("config/journeys.yaml", &JOURNEY.replace("TOUCHPOINT", "corner-shop"));
            }
        }
    }

    /// Until it was killed, or the deed is done and nothing more follows.
    async fn watch(&mut self) -> End {
        let began = Instant::now();
        let mut done = None;
        loop {
            if let Some(ended) = self.world.ended() {
                assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(9), "{}", self.world.log());
                return End::Met;
            }
            if self.case.injury != KILL && self.tracer.is_some() && self.has_failed() {
                // Every new connection counts anew, and none would ever get beyond its own Nth call.
                self.tracer = None;
            }
            if done.is_none() && self.is_done().await {
                done = Some(Instant::now());
            }
            if done.is_some_and(|done| done.elapsed() > QUIET) {
                // A disk that fails kills nobody.
                return if self.has_failed() { End::Met } else { End::Done };
            }
            assert!(began.elapsed() < PATIENCE, "neither killed nor done:\n{}", self.world.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn has_failed(&self) -> bool {
        self.world.log().contains("disk I/O error")
    }

    fn is_told(&self, kind: &str) -> bool {
        self.hook.taken(kind).iter().any(is_of_others)
    }

    async fn is_done(&self) -> bool {
        match self.deed {
            Deed::Open => self.is_told("open"),
            Deed::Resolve => self.is_told("resolve"),
            Deed::Reload => self.is_renamed().await,
        }
    }

    /// The page shows the incident that was open, under the new name.
    async fn is_renamed(&self) -> bool {
        let Some(open) = self.world.ask("/api/v1/incidents?state=open").await else { return false };
        let open: serde_json::Value = serde_json::from_str(&open).unwrap();
        let items = open["items"].as_array().unwrap();
        items
            .iter()
            .any(|it| it["touchpoint"] == "corner-shop" && it["id"].as_str() == self.case.start.incident.as_deref())
    }

    /// What the killed one left in the outbox is sent, once more where it had been sent and that was not written down.
    async fn deliver(&self, disk: &Disk, told: &[Letter]) {
        let began = Instant::now();
        let waiting = |posted: &&Posted| posted.state == "pending" && posted.kind != "remind";
        for posted in disk.outbox.iter().filter(waiting) {
            let times = |letters: &[Letter]| letters.iter().filter(|letter| letter.id == posted.id).count();
            let before = times(told);
            let came = async |_: &World| times(&self.hook.letters()) > before;
            self.world.until("what waited is sent", came).await;
        }
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    }

    /// What was begun is seen through, up to the incident's end.
    async fn conclude(&self) {
        match self.deed {
            Deed::Open => {
                self.world.until("it is told", async |_: &World| self.is_told("open")).await;
            }
            Deed::Reload => self.world.until("it is renamed", async |_: &World| self.is_renamed().await).await,
            Deed::Resolve => {}
        }
        self.target.mend();
        self.world.until("the end is told", async |_: &World| self.is_told("resolve")).await;
        let nothing = "unbroken_outbox_pending 0";
        let waits = async |world: &World| !world.get("/metrics").await.lines().any(|line| line == nothing);
        self.world.until("nothing waits", async |world: &World| !waits(world).await).await;
    }

    /// One beginning, one end, each under one id however often it came; the outbox is empty.
    async fn audit(&self) {
        let letters = self.hook.letters();
        let about: Vec<&Letter> = letters.iter().filter(|letter| is_of_others(letter)).collect();
        let ids = |kind: &str| -> BTreeSet<&str> {
            about.iter().filter(|letter| letter.kind() == kind).map(|letter| letter.id.as_str()).collect()
        };
        let opens = usize::from(self.deed == Deed::Open);
        assert_eq!((ids("open").len(), ids("resolve").len()), (opens, 1), "{letters:?}");
        let incidents: BTreeSet<&str> = about.iter().map(|letter| letter.incident()).collect();
        assert_eq!(incidents.len(), 1, "{letters:?}");
        if let Some(before) = &self.case.start.incident {
            assert!(incidents.contains(before.as_str()), "{letters:?}");
        }
        if self.case.injury == KILL {
            let mut attempts: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
            letters.iter().for_each(|letter| attempts.entry(&letter.id).or_default().push(letter.attempt));
            let counted = |of: &Vec<u32>| of[0] > 0 && of.is_sorted_by(|one, next| one < next);
            assert!(attempts.values().all(counted), "what comes twice says so: {attempts:?}");
        }
        let disk = Disk::of(self.world.folder.path()).await;
        disk.is_sound();
        let left = disk.outbox.iter().filter(|posted| matches!(&*posted.state, "pending" | "dead"));
        assert_eq!(left.collect::<Vec<_>>(), Vec::<&Posted>::new(), "nothing waits, nothing was given up");
    }
}
