//! What everybody may see of what insiders see.
//!
//! The snapshot is narrowed before any page or route looks at it, so that none can forget to: what is hidden is not
//! there, and so it is answered exactly like what never was.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Audience, Event};
use crate::model::{Fault, Incident, Journey, JourneyId, JourneyMap, NeedNow, Snapshot, TouchpointId, TouchpointNow};

/// The snapshot as `audience` may see it.
pub(super) fn narrowed(snapshot: &Arc<Snapshot>, audience: Audience) -> Arc<Snapshot> {
    match audience {
        Audience::Insiders => Arc::clone(snapshot),
        Audience::Everybody => Arc::new(public(snapshot)),
    }
}

fn public(snapshot: &Snapshot) -> Snapshot {
    let map = public_map(&snapshot.map);
    let journeys: BTreeSet<&JourneyId> = map.journeys.iter().map(|journey| &journey.id).collect();
    let mut narrowed = Snapshot {
        at: snapshot.at,
        journeys: snapshot.journeys.iter().filter(|journey| journeys.contains(&journey.id)).cloned().collect(),
        touchpoints: snapshot
            .touchpoints
            .iter()
            .filter(|(id, _)| map.touchpoints.contains_key(*id))
            .map(|(id, touchpoint)| (id.clone(), bare(touchpoint)))
            .collect(),
        incidents: snapshot.incidents.iter().filter_map(|incident| public_incident(incident, &map)).collect(),
        silences: Vec::new(),
        troubles: Vec::new(),
        map: Arc::new(map),
    };
    for journey in &mut narrowed.journeys {
        for need in journey.stages.iter_mut().flat_map(|stage| &mut stage.needs) {
            let elements = match need {
                NeedNow::One(element) => std::slice::from_mut(element),
                NeedNow::Of { members, .. } => members,
            };
            for element in elements {
                element.fault = element.fault.as_ref().map(code_only);
            }
        }
        // How which customers fare is the company's own affair.
        journey.segments.clear();
        // Captured values are evidence.
        journey.consistency.iter_mut().for_each(|check| check.values.clear());
    }
    narrowed
}

/// An incident of a public journey, without its cause's text, its trace and its timeline.
pub(super) fn public_incident(incident: &Incident, map: &JourneyMap) -> Option<Incident> {
    let impacts: Vec<_> =
        incident.impacts.iter().filter(|impact| map.journey(&impact.journey).is_some()).cloned().collect();
    let known = incident.touchpoint.as_ref().is_none_or(|id| map.touchpoints.contains_key(id));
    (known && !impacts.is_empty()).then(|| Incident {
        impacts,
        touchpoints: incident.touchpoints.iter().filter(|id| map.touchpoints.contains_key(*id)).cloned().collect(),
        probes: BTreeSet::new(),
        fault: incident.fault.as_ref().map(code_only),
        trace: None,
        shared: None,
        acknowledged: None,
        timeline: Vec::new(),
        ..incident.clone()
    })
}

/// Whether everybody may hear of a change; headlines of incidents may name what is hidden.
pub(super) fn may_hear(event: &Event, narrowed: &Snapshot) -> bool {
    match event {
        Event::Score { journey, .. } => narrowed.journey(&JourneyId::new(journey)).is_some(),
        Event::State { touchpoint, .. } => narrowed.touchpoints.contains_key(&TouchpointId::new(touchpoint)),
        Event::Incident { .. } => false,
    }
}

fn public_map(map: &JourneyMap) -> JourneyMap {
    let journeys: Vec<Journey> = map.journeys.iter().filter(|journey| journey.public).cloned().collect();
    let visible: BTreeSet<TouchpointId> =
        journeys.iter().flat_map(Journey::elements).map(|element| element.touchpoint().clone()).collect();
    let mut touchpoints = map.touchpoints.clone();
    touchpoints.retain(|id, _| visible.contains(id));
    for touchpoint in touchpoints.values_mut() {
        touchpoint.owner = None;
        touchpoint.depends_on.retain(|id| visible.contains(id));
    }
    JourneyMap {
        company: map.company.clone(),
        timezone: map.timezone.clone(),
        language: map.language,
        touchpoints,
        journeys,
        personas: std::collections::BTreeMap::new(),
        vantages: map.vantages.clone(),
        maintenance: Vec::new(),
        trace_link: None,
    }
}

fn bare(touchpoint: &TouchpointNow) -> TouchpointNow {
    let mut bare = touchpoint.clone();
    bare.fault = bare.fault.as_ref().map(code_only);
    // What customers say is the company's own affair.
    bare.voices.clear();
    bare.divergence = None;
    for probe in &mut bare.probes {
        probe.fault = probe.fault.as_ref().map(code_only);
        probe.series.clear();
    }
    bare
}

fn code_only(fault: &Fault) -> Fault {
    Fault::new(fault.code, fault.code.words())
}
