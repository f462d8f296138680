//! A store that holds what a test puts there, and refuses when told to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use unbroken::model::{
    Annotation, AnnotationId, Circular, Close, FaultCode, Incident, IncidentId, JourneyId, Loss, LostTo, Notification,
    Occasion, ProbeId, Proof, Reading, Series, Silence, SilenceId, Sort, Storm, Subject, TraceId, VantageId,
};
use unbroken::store::{
    Batch, Bundle, Decision, Delivery, Digest, Discard, Fate, Hurt, IncidentFilter, Kept, Letter, Noted, OutboxDepth,
    Outgoing, Push, Refused, Replay, Restored, ScorePoint, Sealing, Sought, Stale, Store, Stretch,
};

use super::halcyon::{self, Mood};

#[derive(Debug)]
pub(crate) struct Shelf {
    mood: Mood,
    pub(crate) refuses: AtomicBool,
    pub(crate) pushes: Mutex<Vec<(ProbeId, Push)>>,
    pub(crate) annotations: Mutex<Vec<Annotation>>,
}

impl Shelf {
    pub(crate) fn new(mood: Mood) -> Self {
        Self {
            mood,
            refuses: AtomicBool::new(false),
            pushes: Mutex::new(Vec::new()),
            annotations: Mutex::new(noted(mood)),
        }
    }

    fn check(&self) -> Result<(), Refused> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(Refused::Failed { doing: "write", source: "disk full, secret path /x".into() });
        }
        Ok(())
    }

    fn all(&self) -> Vec<Incident> {
        let open = halcyon::incident(self.mood);
        let mut over = open.clone();
        over.id = IncidentId(uuid::Uuid::from_u128(2));
        over.opened = halcyon::now() - SignedDuration::from_hours(30);
        over.closed = Some(over.opened + SignedDuration::from_mins(42));
        over.close = Some(Close::Recovered);
        vec![open, over]
    }
}

/// What a phone showed: one colour.
fn picture() -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    let screen = image::RgbImage::from_pixel(390, 600, image::Rgb([12, 58, 85]));
    screen.write_to(&mut file, image::ImageFormat::WebP).unwrap();
    file.into_inner()
}

/// A sale that runs, noted by somebody who may be anybody.
fn noted(mood: Mood) -> Vec<Annotation> {
    let text = |plain: &str| if mood == Mood::Hostile { halcyon::ATTACK.to_owned() } else { plain.to_owned() };
    let from = halcyon::now() - SignedDuration::from_hours(10);
    let annotation = |number: u128, of| Annotation {
        id: AnnotationId(uuid::Uuid::from_u128(number)),
        kind: Occasion::Campaign,
        of,
        title: text("Spring sale"),
        text: Some(text("20 % off")),
        from,
        until: Some(from + SignedDuration::from_hours(72)),
        by: text("Anna"),
        noted: from,
        removed: None,
    };
    vec![annotation(1, Subject::Company), annotation(2, Subject::Incident(halcyon::incident_id()))]
}

#[async_trait]
impl Store for Shelf {
    async fn decide(&self, _: Decision) -> Result<(), Refused> {
        self.check()
    }

    async fn record(&self, _: Batch) -> Result<(), Refused> {
        self.check()
    }

    async fn restore(&self) -> Result<Restored, Refused> {
        Ok(Restored::default())
    }

    async fn letters(&self, _: &str, _: Timestamp, _: u32) -> Result<Vec<Letter>, Refused> {
        Ok(Vec::new())
    }

    async fn bundle(&self, _: &str, _: Timestamp) -> Result<Option<Bundle>, Refused> {
        Ok(None)
    }

    async fn seal(&self, _: i64, _: i64, _: &Storm) -> Result<Sealing, Refused> {
        Ok(Sealing::Grown)
    }

    async fn scatter(&self, _: i64, _: Timestamp) -> Result<(), Refused> {
        Ok(())
    }

    async fn stale(&self, _: &str) -> Result<Option<Stale>, Refused> {
        Ok(None)
    }

    async fn freshened(&self, _: i64, _: i64) -> Result<(), Refused> {
        Ok(())
    }

    async fn addressees(&self) -> Result<Vec<String>, Refused> {
        Ok(Vec::new())
    }

    async fn standing(&self, _: &str, _: Timestamp) -> Result<Vec<Notification>, Refused> {
        Ok(Vec::new())
    }

    async fn owed(&self, _: &str) -> Result<Option<Timestamp>, Refused> {
        Ok(None)
    }

    async fn sought(&self, _: &Sought, _: u32) -> Result<Vec<Delivery>, Refused> {
        Ok(Vec::new())
    }

    async fn deaf(&self) -> Result<Vec<String>, Refused> {
        Ok(Vec::new())
    }

    async fn discard(&self, _: &str, _: &str, _: Timestamp) -> Result<Discard, Refused> {
        Ok(Discard::Unknown)
    }

    async fn replay(&self, _: &str, _: Timestamp) -> Result<Replay, Refused> {
        Ok(Replay::Unknown)
    }

    async fn keep_proof(&self, _: Proof) -> Result<(), Refused> {
        self.check()
    }

    async fn proof(&self, probe: &ProbeId) -> Result<Option<Kept>, Refused> {
        self.check()?;
        let fails = probe.touchpoint.as_str() == "billing" && !matches!(self.mood, Mood::Well | Mood::Pending);
        let hostile = if self.mood == Mood::Hostile { halcyon::ATTACK } else { "" };
        Ok(fails.then(|| Kept {
            trace: TraceId(7),
            step: format!("Open the latest bill{hostile}"),
            why: Some(FaultCode::Expectation),
            at: halcyon::now() - SignedDuration::from_mins(2),
            sorts: Sort::ALL.to_vec(),
        }))
    }

    async fn exhibit(&self, trace: TraceId, sort: Sort) -> Result<Option<Vec<u8>>, Refused> {
        self.check()?;
        Ok((trace == TraceId(7)).then(|| if sort == Sort::Picture { picture() } else { sort.file().into() }))
    }

    async fn begin(&self, _: &[i64]) -> Result<(), Refused> {
        Ok(())
    }

    async fn settle(&self, _: i64, _: Fate) -> Result<(), Refused> {
        Ok(())
    }

    async fn outbox(&self) -> Result<OutboxDepth, Refused> {
        Ok(OutboxDepth::default())
    }

    async fn deliveries(&self, incident: IncidentId) -> Result<Vec<Delivery>, Refused> {
        self.check()?;
        let one = |receiver: &str, state: &str, error: Option<&str>| Delivery {
            id: format!("{receiver}-1"),
            incident,
            receiver: receiver.to_owned(),
            kind: "open".to_owned(),
            version: 1,
            headline: "Bills cannot be read".to_owned(),
            why: None,
            state: state.to_owned(),
            attempts: 1 + u32::from(error.is_some()) * 6,
            created: halcyon::now() - SignedDuration::from_mins(20),
            next_attempt: None,
            settled: (state == "delivered").then(halcyon::now),
            error: error
                .map(|error| if self.mood == Mood::Hostile { halcyon::ATTACK.to_owned() } else { error.to_owned() }),
        };
        Ok(vec![one("everyone", "delivered", None), one("hooks", "pending", Some("connection refused"))])
    }

    async fn readings(
        &self,
        probe: &ProbeId,
        before: Option<Timestamp>,
        at_most: u32,
    ) -> Result<Vec<Reading>, Refused> {
        self.check()?;
        if self.mood == Mood::Pending {
            return Ok(Vec::new());
        }
        let hostile = self.mood == Mood::Hostile;
        let text = move |plain: &str| if hostile { format!("{plain} {}", halcyon::ATTACK) } else { plain.to_owned() };
        let persona = (&*probe.touchpoint.to_string() == "billing").then(|| "anna".into());
        let series = Series { probe: probe.clone(), persona, vantage: VantageId::default() };
        let readings = (0..100).map(|number: i64| {
            let at = halcyon::now() - SignedDuration::from_secs(30 * number);
            let fails = probe.touchpoint.as_str() == "billing" && number < 40 && self.mood != Mood::Well;
            let mut reading = halcyon::reading(&series, at, fails, &text);
            reading.outcome.took += Duration::from_millis((number as u64 * 37) % 260);
            // Of failures in a row, not every one is kept in full.
            if fails && number < 2 {
                reading.outcome.steps.clear();
                reading.trace = TraceId::default();
            }
            reading
        });
        Ok(readings
            .filter(|reading| before.is_none_or(|before| reading.scheduled < before))
            .take(at_most as usize)
            .collect())
    }

    /// A day with a dip, and an hour that nobody watched.
    async fn scores(
        &self,
        journey: &JourneyId,
        from: Timestamp,
        to: Timestamp,
        step: Duration,
    ) -> Result<Vec<ScorePoint>, Refused> {
        self.check()?;
        if self.mood == Mood::Pending {
            return Ok(Vec::new());
        }
        let step = SignedDuration::try_from(step).expect("a step");
        let mut points = Vec::new();
        let mut at = from;
        while at < to {
            let hours = to.duration_since(at).as_secs_f64() / 3600.0;
            let wave = (at.as_second() as f64 / 7000.0).sin().abs();
            let paying = journey.as_str() == "pay-my-bill" && self.mood != Mood::Well;
            let score = match hours {
                _ if paying && hours < 0.6 => 0.0,
                hours if (13.0..14.2).contains(&hours) && journey.as_str() != "get-help" => 71.0 + 8.0 * wave,
                hours if (14.2..14.8).contains(&hours) && journey.as_str() == "pay-my-bill" => 34.0,
                _ => 97.5 + 2.4 * wave,
            };
            if !(7.0..8.2).contains(&hours) {
                points.push(ScorePoint {
                    journey: journey.clone(),
                    at,
                    score: Some(score),
                    felt: Some(score * 0.97),
                    observed: 1.0,
                    lost_minutes: (1.0 - score / 100.0) * step.as_secs_f64() / 60.0,
                    unobserved_minutes: 0.0,
                    planned_minutes: 0.0,
                    scored_minutes: step.as_secs_f64() / 60.0,
                    losses: Vec::new(),
                });
            }
            at += step;
        }
        Ok(points)
    }

    async fn stretch(&self, journey: &JourneyId, from: Timestamp, to: Timestamp) -> Result<Stretch, Refused> {
        let points = self.scores(journey, from, to, Duration::from_mins(1)).await?;
        let count = points.len() as f64;
        let mean = |of: fn(&ScorePoint) -> Option<f64>| {
            (count > 0.0).then(|| points.iter().filter_map(of).sum::<f64>() / count)
        };
        Ok(Stretch {
            score: mean(|point| point.score),
            felt: mean(|point| point.felt),
            lost_minutes: points.iter().map(|point| point.lost_minutes).sum(),
            planned_minutes: 0.0,
            scored_minutes: count,
        })
    }

    async fn hurts(
        &self,
        journey: &JourneyId,
        from: Timestamp,
        to: Timestamp,
        at_most: u32,
    ) -> Result<Vec<Hurt>, Refused> {
        self.check()?;
        let known = self.all();
        let hurts = known.iter().filter_map(|incident| {
            let impact = incident.impacts.iter().find(|impact| impact.journey == *journey)?;
            let there = incident.opened < to && incident.closed.is_none_or(|closed| closed > from);
            let Incident { id, opened, closed, .. } = *incident;
            there.then_some(Hurt { incident: id, opened, closed, loss: impact.loss })
        });
        Ok(hurts.take(at_most as usize).collect())
    }

    async fn digest(&self, _: &ProbeId, _: Timestamp, _: Timestamp) -> Result<Digest, Refused> {
        self.check()?;
        if self.mood == Mood::Pending {
            return Ok(Digest::default());
        }
        Ok(Digest {
            runs: 2880,
            good: 2801,
            slow: 38,
            failed: 41,
            inconclusive: 0,
            skipped: 0,
            availability: Some(0.98576),
            p50: Some(0.412),
            p95: Some(0.688),
            p99: Some(1.94),
        })
    }

    async fn incidents(
        &self,
        filter: IncidentFilter,
        before: Option<Timestamp>,
        at_most: u32,
    ) -> Result<Vec<Incident>, Refused> {
        self.check()?;
        if self.mood == Mood::Pending {
            return Ok(Vec::new());
        }
        let fits = |incident: &Incident| match filter {
            IncidentFilter::All => true,
            IncidentFilter::Open => incident.closed.is_none(),
            IncidentFilter::Closed => incident.closed.is_some(),
        };
        let known = self
            .all()
            .into_iter()
            .filter(|incident| fits(incident) && before.is_none_or(|before| incident.opened < before));
        Ok(known.take(at_most as usize).collect())
    }

    async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, Refused> {
        self.check()?;
        Ok(self.all().into_iter().find(|incident| incident.id == id))
    }

    async fn keep_silence(&self, _: Silence) -> Result<(), Refused> {
        self.check()
    }

    async fn silence(&self, _: SilenceId) -> Result<Option<Silence>, Refused> {
        Ok(None)
    }

    async fn silences(&self, _: Timestamp, _: u32) -> Result<Vec<Silence>, Refused> {
        self.check().map(|()| Vec::new())
    }

    async fn keep_annotation(&self, annotation: Annotation) -> Result<(), Refused> {
        self.check()?;
        let mut known = self.annotations.lock().expect("not poisoned");
        known.retain(|one| one.id != annotation.id);
        known.push(annotation);
        Ok(())
    }

    async fn annotation(&self, id: AnnotationId) -> Result<Option<Annotation>, Refused> {
        self.check()?;
        Ok(self.annotations.lock().expect("not poisoned").iter().find(|one| one.id == id).cloned())
    }

    async fn annotations(&self, noted: &Noted, at_most: u32) -> Result<Vec<Annotation>, Refused> {
        self.check()?;
        let known = self.annotations.lock().expect("not poisoned").clone();
        let fits = |one: &Annotation| match (&noted.of, &one.of) {
            (Some(Subject::Incident(asked)), Subject::Incident(id)) => asked == id,
            (Some(Subject::Journey(asked)), Subject::Journey(id)) => asked == id,
            (Some(Subject::Incident(_)), _) | (_, Subject::Incident(_)) => false,
            _ => true,
        };
        Ok(known.into_iter().filter(|one| one.removed.is_none() && fits(one)).take(at_most as usize).collect())
    }

    async fn losses(&self, journey: &JourneyId, from: Timestamp, _: Timestamp) -> Result<Vec<Loss>, Refused> {
        let bill = |minutes| Loss { to: LostTo::Stage("pay".into(), "billing".into()), minutes };
        let paying = journey.as_str() == "pay-my-bill" && self.mood != Mood::Well;
        // The time before was calmer.
        let lately = halcyon::now().duration_since(from).as_hours() < 24 * 8;
        Ok(if paying { vec![bill(if lately { 96.0 } else { 12.0 })] } else { Vec::new() })
    }

    async fn circulate(&self, _: &str, _: Timestamp, _: Vec<Circular>) -> Result<(), Refused> {
        self.check()
    }

    async fn circulated(&self, _: &str) -> Result<Option<Timestamp>, Refused> {
        Ok(None)
    }

    async fn circulars(&self, _: &str, _: Timestamp, _: u32) -> Result<Vec<Outgoing>, Refused> {
        Ok(Vec::new())
    }

    async fn push(&self, probe: &ProbeId, push: Push) -> Result<(), Refused> {
        self.check()?;
        self.pushes.lock().expect("no panic while pushing").push((probe.clone(), push));
        Ok(())
    }

    async fn last_push(&self, _: &ProbeId) -> Result<Option<Push>, Refused> {
        Ok(None)
    }

    async fn tidy(&self, _: Timestamp) -> Result<(), Refused> {
        Ok(())
    }

    async fn close(&self) {}
}
