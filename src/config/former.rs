//! Former ids (`was:`): nobody else has one, and no two claim the same.

use std::collections::BTreeMap;

use crate::config::build::Read;
use crate::config::names::check_id;

pub(super) fn check(read: &Read<'_>) {
    let mut heirs: BTreeMap<&str, &str> = BTreeMap::new();
    for draft in read.drafts {
        let (Some((desk, _)), Some(was)) = (draft.read, draft.raw.as_ref().and_then(|raw| raw.was.as_ref())) else {
            continue;
        };
        check_id(&desk, was.place, "a touchpoint", &was.value);
        if read.draft(&was.value).is_some() {
            let text = format!("`{}` is a touchpoint still: its history stays with it", was.value);
            let problem = desk.source.problem(was.place, text);
            desk.report(problem.hint("remove `was`, or the file of the other one"));
        } else if let Some(heir) = heirs.insert(&was.value, draft.id.as_str()) {
            let text = format!("`{heir}` was `{}` before: its history follows one touchpoint only", was.value);
            desk.report(desk.source.problem(was.place, text));
        }
    }
}
