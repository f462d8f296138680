//! A tree of gates and its value.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{CLOSED, gate, k_of_n};

/// More ways than these to count things used twice are not tried; see [`Formula`].
const WAYS_MAX: usize = 1024;

/// What a journey is made of. A leaf names a health by its index; one health may stand at several leaves.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    Leaf(usize),
    /// At most what customers remember: the `cap` of that index.
    Capped(usize, Box<Tree>),
    All(Vec<Gate>),
    Of {
        need: usize,
        members: Vec<Gate>,
        /// The customers who prefer each; they sum to 1.
        shares: Vec<f64>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    pub criticality: f64,
    pub of: Tree,
}

/// What a tree is evaluated on.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// 0..=1, or [`CLOSED`].
    pub healths: &'a [f64],
    /// Empty: customers remember nothing.
    pub caps: &'a [f64],
}

/// A range of a tree's leaves, counted from the left: an element, wherever it stands.
pub type Part = Range<usize>;

/// A tree in which what is used twice counts once, at its larger loss.
///
/// The value is the lowest over all ways to count each health at just one of its leaves (the others count as perfect):
/// exact, monotone, and blind to the order of stages. With more than 1024 ways, the rest of the repeated healths count
/// where their path is most critical.
#[derive(Clone, Debug)]
pub struct Formula {
    tree: Tree,
    leaves: usize,
    /// What is counted elsewhere already, whatever the healths.
    muted: Vec<bool>,
    /// Per repeated health (or bundle of healths that always stand together): its places, of which one counts.
    choices: Vec<Vec<Vec<usize>>>,
}

impl Formula {
    pub fn new(tree: Tree) -> Self {
        let mut found = Vec::new();
        visit(&tree, Path::default(), None, &mut found);
        let leaves = found.len();
        let mut muted = vec![false; leaves];
        let mut choices: Vec<Vec<Vec<usize>>> = Vec::new();
        let mut ways = 1;
        for bundle in bundles(&found) {
            let count = bundle[0].len();
            let uses: Vec<Vec<usize>> = (0..count).map(|n| bundle.iter().map(|places| places[n]).collect()).collect();
            let first = &found[bundle[0][0]];
            let plain = bundle[0].iter().all(|&place| found[place].path.is_plain() && found[place].cap == first.cap);
            if plain || ways * count > WAYS_MAX {
                // In a product of gates over one health, the most critical gate is always the larger loss.
                let criticality = |n: &usize| found[bundle[0][*n]].path.criticality;
                let kept = (0..count).rev().max_by(|l, r| criticality(l).total_cmp(&criticality(r)));
                let rest = uses.into_iter().enumerate().filter(|(n, _)| Some(*n) != kept);
                rest.flat_map(|(_, leaves)| leaves).for_each(|leaf| muted[leaf] = true);
            } else {
                ways *= count;
                choices.push(uses);
            }
        }
        Self { tree, leaves, muted, choices }
    }

    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    pub fn leaves(&self) -> usize {
        self.leaves
    }

    /// J, 0..=1.
    pub fn value(&self, ground: Ground<'_>) -> f64 {
        self.worst_way(ground).1
    }

    /// What each leaf takes from 1; sums to `1 - value`.
    pub fn shares(&self, ground: Ground<'_>) -> Vec<f64> {
        let (muted, value) = self.worst_way(ground);
        let mut shares = vec![0.0; self.leaves];
        let view = View { ground, muted: &muted };
        super::shares::spread(&self.tree, view, 1.0 - value, 0, &mut shares);
        shares
    }

    fn worst_way(&self, ground: Ground<'_>) -> (Vec<bool>, f64) {
        let mut worst = (self.muted.clone(), f64::INFINITY);
        let mut counted = vec![0; self.choices.len()];
        loop {
            let mut muted = self.muted.clone();
            for (uses, counted) in self.choices.iter().zip(&counted) {
                let rest = uses.iter().enumerate().filter(|(n, _)| n != counted);
                rest.flat_map(|(_, leaves)| leaves).for_each(|&leaf| muted[leaf] = true);
            }
            let value = self.tree.value(View { ground, muted: &muted }, &mut 0);
            // Where everything is closed nobody is let down.
            let value = if value.is_nan() { 1.0 } else { value };
            if value < worst.1 {
                worst = (muted, value);
            }
            let more = counted.iter_mut().zip(&self.choices).any(|(counted, uses)| {
                *counted = (*counted + 1) % uses.len();
                *counted != 0
            });
            if !more {
                return worst;
            }
        }
    }
}

/// Healths to look at, and the leaves that are counted elsewhere.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) ground: Ground<'a>,
    pub(super) muted: &'a [bool],
}

impl Tree {
    /// The value of this part; `leaf` counts the leaves passed, from the left.
    pub(super) fn value(&self, view: View<'_>, leaf: &mut usize) -> f64 {
        match self {
            Self::Leaf(health) => {
                *leaf += 1;
                let health = view.ground.healths[*health];
                if view.muted[*leaf - 1] && !health.is_nan() { 1.0 } else { health }
            }
            Self::Capped(cap, of) => {
                let first = *leaf;
                let value = of.value(view, leaf);
                // A part of it counts elsewhere: so does what is remembered of it.
                let counts = !view.muted[first..*leaf].contains(&true) && !value.is_nan();
                if counts { value.min(view.ground.caps.get(*cap).copied().unwrap_or(1.0)) } else { value }
            }
            Self::All(gates) => {
                let values = gates.iter().map(|gate| gate.value(view, leaf));
                let open = |value: f64, next: f64| if next.is_nan() { value } else { value.min(1.0) * next };
                // A minimum with what is not a number is the other one.
                values.fold(CLOSED, open)
            }
            Self::Of { need, members, shares } => {
                let healths: Vec<f64> = members.iter().map(|gate| gate.value(view, leaf)).collect();
                k_of_n(*need, &healths, shares)
            }
        }
    }

    /// How many leaves it has.
    pub fn leaves(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::Capped(_, of) => of.leaves(),
            Self::All(gates) | Self::Of { members: gates, .. } => gates.iter().map(Gate::leaves).sum(),
        }
    }
}

impl Gate {
    pub(super) fn value(&self, view: View<'_>, leaf: &mut usize) -> f64 {
        gate(self.criticality, self.of.value(view, leaf))
    }

    pub(super) fn leaves(&self) -> usize {
        self.of.leaves()
    }
}

/// What stands above a part.
#[derive(Clone, Copy)]
struct Path {
    /// The product of all criticalities.
    criticality: f64,
    /// The same without the part's own gate.
    above: f64,
    /// An any-of stands above it.
    alternative: bool,
}

impl Default for Path {
    fn default() -> Self {
        Self { criticality: 1.0, above: 1.0, alternative: false }
    }
}

impl Path {
    fn through(self, gate: &Gate) -> Self {
        Self { criticality: self.criticality * gate.criticality, above: self.criticality, ..self }
    }

    /// Its own gate is a factor of the whole.
    fn is_plain(self) -> bool {
        !self.alternative && self.above >= 1.0
    }
}

/// One leaf, as the search for repeated healths sees it.
struct Found {
    health: usize,
    /// The element it belongs to: its first leaf, its cap and what stands above it. A bare leaf is its own element.
    element: usize,
    cap: Option<usize>,
    path: Path,
}

fn visit(tree: &Tree, path: Path, element: Option<(usize, usize, Path)>, found: &mut Vec<Found>) {
    match tree {
        Tree::Leaf(health) => {
            let place = found.len();
            found.push(match element {
                Some((first, cap, path)) => Found { health: *health, element: first, cap: Some(cap), path },
                None => Found { health: *health, element: place, cap: None, path },
            });
        }
        Tree::Capped(cap, of) => visit(of, path, Some((found.len(), *cap, path)), found),
        Tree::All(gates) => {
            for gate in gates {
                visit(&gate.of, path.through(gate), element, found);
            }
        }
        Tree::Of { members, .. } => {
            let path = Path { alternative: true, ..path };
            for gate in members {
                visit(&gate.of, path.through(gate), element, found);
            }
        }
    }
}

/// The places of repeated healths; healths that always stand in the same elements together.
fn bundles(found: &[Found]) -> Vec<Vec<Vec<usize>>> {
    let mut places: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, leaf) in found.iter().enumerate() {
        places.entry(leaf.health).or_default().push(place);
    }
    let mut bundles: BTreeMap<Vec<usize>, Vec<Vec<usize>>> = BTreeMap::new();
    for places in places.into_values().filter(|places| places.len() > 1) {
        bundles.entry(places.iter().map(|&place| found[place].element).collect()).or_default().push(places);
    }
    bundles.into_values().collect()
}
