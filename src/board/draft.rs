//! A journey's formula, leaf by leaf.

use std::collections::HashMap;

use super::net::Leaf;
use crate::score::{Gate, Tree};

/// A journey's formula while it is written.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) gates: Vec<Gate>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) places: HashMap<Leaf, usize>,
    pub(super) caps: Vec<usize>,
    /// Leaves so far, from the left.
    pub(super) count: usize,
}

impl Draft {
    pub(super) fn leaf(&mut self, leaf: Leaf) -> Tree {
        let leaves = &mut self.leaves;
        let place = *self.places.entry(leaf).or_insert_with(|| {
            leaves.push(leaf);
            leaves.len() - 1
        });
        Tree::Leaf(place)
    }

    pub(super) fn cap(&mut self, element: usize) -> usize {
        if let Some(known) = self.caps.iter().position(|known| *known == element) {
            return known;
        }
        self.caps.push(element);
        self.caps.len() - 1
    }
}
