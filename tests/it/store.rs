//! What every store must do (`suite`), and what only SQLite can get wrong.

mod heard;
mod past;
mod people;
mod reports;
mod sqlite;
mod storms;
mod suite;

use std::path::Path;

use unbroken::store::sqlite::Sqlite;
use unbroken::store::{Retention, Settings};

pub(crate) fn settings(folder: &Path) -> Settings {
    Settings { path: folder.join("unbroken.db"), retention: Retention::default() }
}

pub(crate) async fn open(folder: &Path) -> Sqlite {
    Sqlite::open(&settings(folder)).await.unwrap()
}

/// Runs every test of the suite on a store of its own.
macro_rules! every_store {
    ($module:ident: $($test:ident)*) => {$(
        #[tokio::test]
        async fn $test() {
            let folder = tempfile::tempdir().unwrap();
            let store = open(folder.path()).await;
            $module::$test(&store).await;
            unbroken::store::Store::close(&store).await;
        }
    )*};
}

every_store! { storms:
    what_comes_after_twenty_waits_to_be_told_as_one
    a_sealed_storm_says_the_same_at_every_attempt
    what_is_over_before_the_storm_is_told_joins_it
    nothing_overtakes_a_storm_or_is_overtaken_by_it
    what_became_of_a_storm_became_of_those_in_it
    a_dead_storm_is_queued_again_without_what_is_over
    who_is_told_of_each_gets_each
    what_waits_its_turn_is_not_stuck
    whatever_happens_each_is_told_once_and_ends_once
}

every_store! { reports:
    losses_add_up_and_follow_a_rename
    a_circular_goes_out_once_and_beside_the_alerts
    a_circular_is_put_off_given_up_and_queued_again
}

every_store! { people:
    what_was_told_is_known_after_a_restart
    that_somebody_has_it_replaces_no_update
    nobody_is_called_for_help_with_what_is_over
    silences_are_kept_and_end
}

every_store! { heard:
    no_alarm_stands_whose_end_did_not_get_through
    what_is_owed_counts_from_what_was_taken_last
}

every_store! { past:
    what_people_note_is_kept_listed_in_pages_and_taken_off
    a_stretch_is_the_same_before_and_after_rolling_up
    incidents_stand_where_they_hurt
    a_year_is_kept_and_forgotten_in_the_end
}

every_store! { suite:
    a_decision_comes_back
    letters_leave_in_order_one_an_incident
    a_known_letter_stays_as_it_is
    a_newer_version_supersedes_unsent_ones
    the_end_is_told_to_those_who_heard_of_the_beginning
    labels_are_those_of_the_opening
    a_letter_is_put_off_given_up_and_queued_again
    a_dead_alarm_is_not_sent_after_the_end
    an_alarm_is_queued_again_with_its_end_and_never_after_it
    a_dropped_letter_is_gone_and_says_why
    what_a_receiver_believes
    readings_come_newest_first
    a_run_is_kept_once
    a_run_speaks_for_other_touchpoints_too
    digests_survive_rolling_up
    what_is_old_is_forgotten_and_its_digest_kept
    scores_in_steps
    a_renamed_touchpoint_keeps_its_history
    pushes_replace_each_other
}
