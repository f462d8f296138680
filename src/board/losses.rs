//! What a journey lacks to a whole score, by what costs it.

use super::Board;
use crate::model::LostTo;

impl Board {
    /// As it was when the number was worked out; sums to what lacks. Without a number nobody knows.
    pub(super) fn losses(&self, journey: usize) -> Vec<(LostTo, f64)> {
        let (at, pulse) = (&self.net.journeys[journey], &self.journeys[journey]);
        if pulse.number().is_none() {
            return Vec::new();
        }
        let cost = |part: &crate::score::Part| {
            let shares = pulse.sight.shares.get(part.clone()).unwrap_or_default();
            Some(shares.iter().sum::<f64>()).filter(|share| *share > 0.0)
        };
        let stages = self.map.journeys[journey].stages.iter().zip(&at.stages);
        let members = stages.flat_map(|(stage, needs)| {
            needs.iter().flat_map(move |need| need.members.iter().map(move |member| (stage, member)))
        });
        let to = |(stage, member): (&crate::model::Stage, &super::net::MemberAt)| {
            let touchpoint = self.net.elements[member.element].element.touchpoint().clone();
            Some((LostTo::Stage(stage.id.clone(), touchpoint), cost(&member.part)?))
        };
        let checks = at
            .checks
            .iter()
            .filter_map(|(check, part)| Some((LostTo::Check(self.net.checks[*check].check.name.clone()), cost(part)?)));
        members.filter_map(to).chain(checks).collect()
    }
}
