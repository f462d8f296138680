//! A file as a tree in which every node knows its place and every scalar its exact text.

use std::cell::{Cell, RefCell};

use crate::config::problem::Place;

/// One value in a file.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
    /// Something was taken out of it because it was wrong: what it lacks is no second error.
    pub(super) damaged: Cell<bool>,
}

#[derive(Debug)]
pub(super) enum Value {
    /// The text as written, or as interpolated.
    Scalar {
        text: RefCell<String>,
        style: Style,
    },
    Seq(Vec<Item>),
    Map(Vec<Entry>),
}

/// Quoted and block scalars are text and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) node: Node,
    /// Was wrong and is reported: as if it were not there.
    pub(super) gone: Cell<bool>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Node,
    pub(super) value: Node,
    pub(super) gone: Cell<bool>,
}

impl Node {
    /// The text of a scalar, as it stands now.
    pub(super) fn text(&self) -> Option<String> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text.borrow().clone()),
            Value::Seq(_) | Value::Map(_) => None,
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Scalar { .. } | Value::Seq(_) => &[],
        }
    }

    pub(super) fn items(&self) -> &[Item] {
        match &self.value {
            Value::Seq(items) => items,
            Value::Scalar { .. } | Value::Map(_) => &[],
        }
    }

    /// What stands under a key.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key.text().as_deref() == Some(key))
    }
}
