//! What goes wrong at the demo company now.

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::fault::Fault;
use super::touchpoint::Touchpoint;

/// A fault that can be switched on, and whether it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    pub touchpoint: String,
    pub fault: String,
    /// What the customer says.
    pub title: String,
    pub on: bool,
}

/// A name that the demo company does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    #[error("Halcyon Mobile has no touchpoint `{0}`; it has {known}", known = touchpoints())]
    Touchpoint(String),
    #[error("`{touchpoint}` has no fault `{fault}`; it has {known}", known = faults(*.place))]
    Fault { touchpoint: &'static str, fault: String, place: Touchpoint },
}

fn touchpoints() -> String {
    Touchpoint::ALL.map(|touchpoint| format!("`{}`", touchpoint.id())).join(", ")
}

fn faults(touchpoint: Touchpoint) -> String {
    let quoted: Vec<String> = touchpoint.faults().iter().map(|(fault, _)| format!("`{}`", fault.id())).collect();
    quoted.join(", ")
}

/// What is broken now: at most one fault per touchpoint, so that mending it is one act.
#[derive(Debug)]
pub(super) struct Switches([watch::Sender<Option<Fault>>; Touchpoint::ALL.len()]);

impl Switches {
    pub(super) fn new() -> Self {
        Self(Touchpoint::ALL.map(|_| watch::Sender::new(None)))
    }

    pub(super) fn now(&self, touchpoint: Touchpoint) -> Option<Fault> {
        *self.0[touchpoint as usize].borrow()
    }

    pub(super) fn is(&self, touchpoint: Touchpoint, fault: Fault) -> bool {
        self.now(touchpoint) == Some(fault)
    }

    pub(super) fn follow(&self, touchpoint: Touchpoint) -> watch::Receiver<Option<Fault>> {
        self.0[touchpoint as usize].subscribe()
    }

    pub(super) fn list(&self) -> Vec<Switch> {
        let of = |touchpoint: Touchpoint| {
            touchpoint.faults().iter().map(move |&(fault, title)| Switch {
                touchpoint: touchpoint.id().to_owned(),
                fault: fault.id().to_owned(),
                title: title.to_owned(),
                on: self.is(touchpoint, fault),
            })
        };
        Touchpoint::ALL.into_iter().flat_map(of).collect()
    }

    /// Switches a fault on, in place of the one that was on there.
    pub(super) fn break_(&self, touchpoint: &str, fault: Option<&str>) -> Result<Switch, Unknown> {
        let place = Touchpoint::parse(touchpoint).ok_or_else(|| Unknown::Touchpoint(touchpoint.to_owned()))?;
        let &(found, title) = match fault {
            None => &place.faults()[0],
            Some(id) => place.faults().iter().find(|(fault, _)| fault.id() == id).ok_or_else(|| Unknown::Fault {
                touchpoint: place.id(),
                fault: id.to_owned(),
                place,
            })?,
        };
        self.0[place as usize].send_replace(Some(found));
        Ok(Switch { touchpoint: place.id().into(), fault: found.id().into(), title: title.into(), on: true })
    }

    /// Switches off what is broken at one touchpoint, or everywhere; tells what that was.
    pub(super) fn mend(&self, touchpoint: Option<&str>) -> Result<Vec<Switch>, Unknown> {
        if let Some(id) = touchpoint.filter(|id| Touchpoint::parse(id).is_none()) {
            return Err(Unknown::Touchpoint(id.to_owned()));
        }
        let mended = |switch: &Switch| switch.on && touchpoint.is_none_or(|id| id == switch.touchpoint);
        let was: Vec<Switch> =
            self.list().into_iter().filter(mended).map(|switch| Switch { on: false, ..switch }).collect();
        for place in Touchpoint::ALL.into_iter().filter(|place| touchpoint.is_none_or(|id| id == place.id())) {
            self.0[place as usize].send_replace(None);
        }
        Ok(was)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_can_be_switched_on_and_off() {
        let switches = Switches::new();
        for switch in switches.list() {
            assert!(!switch.on);
            let on = switches.break_(&switch.touchpoint, Some(&switch.fault)).expect("known");
            assert_eq!(on, Switch { on: true, ..switch.clone() });
            assert_eq!(switches.list().into_iter().filter(|switch| switch.on).collect::<Vec<_>>(), [on]);
            assert_eq!(switches.mend(Some(&switch.touchpoint)).expect("known"), [switch]);
        }
        assert!(switches.mend(None).expect("known").is_empty());
    }

    #[test]
    fn unknown_names_are_told_with_the_known_ones() {
        let switches = Switches::new();
        assert_eq!(switches.break_("billing", None).expect("known").fault, "broken");
        assert_eq!(
            switches.break_("fax", None).expect_err("unknown").to_string(),
            "Halcyon Mobile has no touchpoint `fax`; it has `web`, `shop`, `billing`, `app`, `chat`, `reviews`, `phone`, `email`, `ads`, `social`, `store`, `notices`, `push`"
        );
        assert_eq!(
            switches.break_("reviews", Some("wrong-name")).expect_err("unknown").to_string(),
            "`reviews` has no fault `wrong-name`; it has `broken`, `slow`, `hangs`, `drops`, `bad-reviews`"
        );
        switches.mend(Some("fax")).expect_err("unknown");
    }
}
