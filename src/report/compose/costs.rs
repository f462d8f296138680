//! What was lost to whom.

use std::collections::BTreeMap;

use super::{Cost, JourneyReport, MINUTES_WORTH_NAMING, Material, StageReport};
use crate::model::{Journey, JourneyMap, Loss, LostTo, TouchpointId};

const PART_WORTH_NAMING: f64 = 0.02;

/// What was lost, now and before.
pub(super) struct Ledger<'a> {
    pub(super) now: &'a [Loss],
    /// None where too little was seen then.
    pub(super) before: Option<&'a Vec<Loss>>,
}

impl Ledger<'_> {
    /// Lost to what `is_it` picks.
    fn cost(&self, id: &str, title: &str, owner: Option<String>, is_it: impl Fn(&LostTo) -> bool) -> Cost {
        let sum =
            |losses: &[Loss]| losses.iter().filter(|loss| is_it(&loss.to)).fold(0.0, |sum, loss| sum + loss.minutes);
        Cost {
            id: id.to_owned(),
            title: title.to_owned(),
            owner,
            lost_minutes: sum(self.now),
            before: self.before.map(|losses| sum(losses)),
        }
    }

    fn all(&self) -> impl Iterator<Item = &LostTo> {
        self.now.iter().chain(self.before.into_iter().flatten()).map(|loss| &loss.to)
    }
}

impl Cost {
    /// Some minutes, or a part of the whole without which nobody could add it up.
    fn is_worth_naming(&self, whole: f64) -> bool {
        let most = self.lost_minutes.max(self.before.unwrap_or(0.0));
        most >= MINUTES_WORTH_NAMING || (self.lost_minutes > 0.0 && self.lost_minutes >= PART_WORTH_NAMING * whole)
    }
}

/// The most first.
fn sorted(mut costs: Vec<Cost>) -> Vec<Cost> {
    let whole: f64 = costs.iter().map(|cost| cost.lost_minutes).sum();
    costs.retain(|cost| cost.is_worth_naming(whole));
    let key = |cost: &Cost| (cost.lost_minutes, cost.before.unwrap_or(0.0));
    costs.sort_by(|a, b| {
        let ((a_now, a_then), (b_now, b_then)) = (key(a), key(b));
        b_now.total_cmp(&a_now).then(b_then.total_cmp(&a_then)).then_with(|| a.title.cmp(&b.title))
    });
    costs
}

pub(super) fn stages(map: &JourneyMap, journey: &Journey, ledger: &Ledger<'_>) -> Vec<StageReport> {
    // Those that the journey has, in its order; then those that it had.
    let mut ids: Vec<(String, String)> =
        journey.stages.iter().map(|stage| (stage.id.to_string(), stage.title.clone())).collect();
    for to in ledger.all() {
        if let LostTo::Stage(stage, _) = to
            && !ids.iter().any(|(id, _)| id == stage.as_str())
        {
            ids.push((stage.to_string(), stage.to_string()));
        }
    }
    let stage = |(id, title): (String, String)| {
        let here = |to: &LostTo| matches!(to, LostTo::Stage(stage, _) if stage.as_str() == id);
        let mut touchpoints: Vec<&TouchpointId> =
            ledger.all().filter(|to| here(to)).filter_map(touchpoint_of).collect();
        touchpoints.sort();
        touchpoints.dedup();
        let one = |touchpoint: &TouchpointId| {
            let known = map.touchpoints.get(touchpoint);
            let title = known.map_or(touchpoint.as_str(), |known| &known.title);
            let owner = known.and_then(|known| known.owner.clone());
            ledger.cost(touchpoint.as_str(), title, owner, |to| here(to) && touchpoint_of(to) == Some(touchpoint))
        };
        StageReport {
            cost: ledger.cost(&id, &title, None, here),
            touchpoints: sorted(touchpoints.into_iter().map(one).collect()),
        }
    };
    let whole: f64 = ledger.now.iter().map(|loss| loss.minutes).sum();
    ids.into_iter().map(stage).filter(|stage| stage.cost.is_worth_naming(whole)).collect()
}

fn touchpoint_of(to: &LostTo) -> Option<&TouchpointId> {
    match to {
        LostTo::Stage(_, touchpoint) => Some(touchpoint),
        LostTo::Check(_) => None,
    }
}

pub(super) fn checks(ledger: &Ledger<'_>) -> Vec<Cost> {
    let mut names: Vec<&str> = ledger
        .all()
        .filter_map(|to| match to {
            LostTo::Check(name) => Some(name.as_str()),
            LostTo::Stage(..) => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    let one = |name: &str| ledger.cost(name, name, None, |to| matches!(to, LostTo::Check(known) if known == name));
    sorted(names.into_iter().map(one).collect())
}

/// What no team owns stands together. Values that disagree belong to several teams, and are in none.
pub(super) fn owners(map: &JourneyMap, material: &Material, journeys: &[JourneyReport]) -> Vec<Cost> {
    let comparable = journeys.iter().all(|journey| journey.change.is_some());
    let owner = |to: &LostTo| {
        let known = map.touchpoints.get(touchpoint_of(to)?);
        Some(known.and_then(|known| known.owner.clone()).unwrap_or_default())
    };
    let mut teams: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for one in &material.journeys {
        for loss in &one.losses {
            let Some(team) = owner(&loss.to) else { continue };
            teams.entry(team).or_default().0 += loss.minutes;
        }
        for loss in &one.losses_before {
            let Some(team) = owner(&loss.to) else { continue };
            teams.entry(team).or_default().1 += loss.minutes;
        }
    }
    let cost = |(id, (lost_minutes, before)): (String, (f64, f64))| Cost {
        title: id.clone(),
        id,
        owner: None,
        lost_minutes,
        before: comparable.then_some(before),
    };
    sorted(teams.into_iter().map(cost).collect())
}
