//! Finds which of many texts stands at a place: pages bring thousands, and ask about thousands of places.

/// Texts to find, in order.
#[derive(Clone, Default)]
pub(super) struct Needles {
    sorted: Vec<String>,
    /// For each the longest of those before it that it begins with.
    within: Vec<Option<usize>>,
}

impl Needles {
    pub(super) fn add(&mut self, needles: impl IntoIterator<Item = String>) {
        self.sorted.extend(needles);
        self.sorted.sort_unstable();
        self.sorted.dedup();
        self.within.clear();
        let mut open: Vec<usize> = Vec::new();
        for (at, needle) in self.sorted.iter().enumerate() {
            while open.pop_if(|begun| !needle.starts_with(&*self.sorted[*begun])).is_some() {}
            self.within.push(open.last().copied());
            open.push(at);
        }
    }

    pub(super) fn all(&self) -> &[String] {
        &self.sorted
    }

    /// Bytes of the longest needle that `text` begins with.
    pub(super) fn beginning(&self, text: &str) -> Option<usize> {
        // Whatever stands in order between a text's beginning and the text begins the same way.
        let mut last = self.sorted.partition_point(|needle| needle.as_str() <= text).checked_sub(1);
        let near = &self.sorted[last?];
        let same = near.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
        while let Some(at) = last {
            let bytes = self.sorted[at].len();
            if bytes <= same {
                return Some(bytes);
            }
            last = self.within[at];
        }
        None
    }

    /// Whether one of them begins with `text`.
    pub(super) fn goes_on(&self, text: &str) -> bool {
        let next = self.sorted.partition_point(|needle| needle.as_str() < text);
        self.sorted.get(next).is_some_and(|needle| needle.starts_with(text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_found_is_what_comparing_with_each_would_find(all in vec("[ab李]{1,5}"), text in "[ab李]{0,7}") {
            let mut needles = Needles::default();
            for two in all.chunks(2) {
                needles.add(two.iter().cloned());
            }
            let longest = all.iter().filter(|needle| text.starts_with(needle.as_str())).map(String::len).max();
            prop_assert_eq!(needles.beginning(&text), longest);
            prop_assert_eq!(needles.goes_on(&text), all.iter().any(|needle| needle.starts_with(&text)));
        }
    }

    fn vec(of: &'static str) -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(of, 0..12)
    }
}
