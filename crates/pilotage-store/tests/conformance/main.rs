//! What every store must do, written against the ports: a new backend is one line more at the end.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "everything here is a test"
)]

mod activity;
mod backend;
mod claiming;
mod gate_runs;
mod given;
mod keeping;
mod limits;
mod log;
mod operations;
mod pipeline_runs;
mod reading;
mod recording;
mod scheduling;
mod test_runs;

use backend::{Backend, Sqlite, check_invariants};

/// Makes a test of every check for one backend. A check that is not listed here is dead code, which the lints refuse.
macro_rules! conformance {
    ($name:ident, $backend:ty) => {
        mod $name {
            use super::*;

            conformance!(@checks $backend:
                log::what_was_appended_is_read_back,
                log::positions_begin_at_one_and_have_no_gaps,
                log::a_redelivery_names_the_first_and_writes_nothing,
                log::the_same_delivery_id_of_another_source_or_tenant_is_another_delivery,
                log::of_equal_deliveries_at_once_exactly_one_is_new,
                log::a_follower_of_concurrent_appenders_misses_nothing,
                log::an_accepted_delivery_is_on_record,
                scheduling::executions_and_cursor_move_together,
                scheduling::a_cursor_that_moved_refuses_the_whole_step,
                scheduling::a_step_that_fails_midway_leaves_nothing,
                scheduling::of_two_matchers_one_wins_each_step,
                scheduling::decisions_are_kept_and_on_record,
                scheduling::neighbours_that_concern_no_rule_share_a_record,
                scheduling::an_event_among_unhandled_ones_can_be_replayed,
                scheduling::a_ping_that_no_rule_matched_is_not_unhandled,
                scheduling::rule_versions_are_kept_once,
                scheduling::a_replay_adds_executions_once_and_leaves_the_cursor,
                scheduling::an_event_replayed_before_its_decision_counts_both,
                scheduling::totals_tell_how_far_the_path_is_behind,
                claiming::only_what_is_due_is_claimed_oldest_first,
                claiming::two_workers_never_hold_the_same,
                claiming::a_lost_lease_is_claimed_anew_and_fences_the_earlier_holder,
                claiming::a_lease_that_ended_unnoticed_still_holds,
                claiming::renewing_lengthens_the_lease,
                claiming::what_nobody_holds_is_cancelled_at_once,
                claiming::a_holder_learns_of_a_cancel_when_renewing,
                claiming::a_cancel_is_not_forgotten_by_a_retry,
                claiming::operations_on_the_wrong_status_are_refused,
                claiming::the_dead_letters_give_back_the_failed_action,
                recording::actions_follow_each_other_under_one_claim,
                recording::a_retry_waits_for_its_moment_and_counts,
                recording::later_without_an_attempt_counts_none,
                recording::a_reason_goes_when_it_no_longer_holds,
                recording::the_record_of_an_attempt_holds_no_answer,
                recording::statistics_are_within_ten_percent,
                recording::time_in_the_dead_letters_is_not_latency,
                limits::above_the_limit_they_queue_and_follow_in_order,
                limits::a_retry_keeps_its_place,
                limits::one_that_waits_can_be_cancelled,
                limits::keys_rules_and_tenants_do_not_share_a_limit,
                limits::a_raised_limit_lets_those_who_wait_go_first,
                limits::above_the_limit_they_are_dropped_with_the_reason,
                limits::the_newest_supersedes_the_oldest,
                limits::a_pending_one_is_superseded_at_once,
                limits::a_dead_letter_comes_back_through_the_limit,
                limits::a_burst_becomes_its_last_event,
                limits::a_burst_that_never_pauses_is_acted_on,
                limits::what_was_tried_is_not_coalesced,
                limits::coalescing_makes_room_under_the_limit,
                activity::what_happened_is_counted_when_it_happened,
                activity::stretches_are_whole_and_the_empty_ones_are_there,
                activity::deliveries_of_one_commit_are_counted_each_in_its_time,
                activity::a_step_that_fails_counts_nothing,
                activity::the_histogram_of_a_rule_holds_every_execution,
                operations::a_life_is_shown_step_by_step,
                operations::what_makes_way_is_shown_with_the_reason,
                operations::a_wish_to_cancel_is_shown,
                operations::a_return_from_the_dead_letters_is_shown,
                operations::a_worker_that_falls_silent_is_shown,
                operations::what_describes_an_operation_is_kept,
                operations::a_step_that_fails_makes_no_change,
                operations::a_follower_misses_nothing_and_sees_nothing_twice,
                operations::the_active_ones_are_those_open_or_ended_lately,
                operations::they_are_listed_by_every_filter_newest_first,
                reading::events_are_listed_by_every_filter_newest_first,
                reading::the_few_are_found_in_a_long_log,
                reading::a_summary_counts_executions_and_holds_no_body,
                reading::the_longest_pages_lose_nothing,
                reading::executions_are_listed_by_every_filter_newest_first,
                reading::a_page_that_ends_the_list_has_no_next,
                keeping::rules_are_created_replaced_and_deleted,
                keeping::tokens_are_unique_and_revocable,
                keeping::a_note_is_recorded_as_given,
                keeping::a_probe_writes_and_leaves_no_record,
                keeping::retention_prunes_old_bodies_and_keeps_the_facts,
                keeping::retention_spares_what_is_still_needed,
                gate_runs::a_run_is_kept_with_everything_that_it_rests_on,
                gate_runs::what_has_ended_stays_as_it_is,
                gate_runs::a_run_is_watched_like_everything_else,
                gate_runs::what_a_dead_server_left_behind_is_broken_off,
                gate_runs::a_file_that_is_not_its_digest_keeps_nothing,
                gate_runs::runs_are_listed_by_every_filter_newest_first,
                gate_runs::retention_prunes_what_only_old_runs_rest_on,
                gate_runs::what_was_measured_on_an_input_is_found_again,
                gate_runs::gates_are_created_replaced_and_deleted,
                gate_runs::waivers_are_kept_and_revoked_once,
                pipeline_runs::a_run_is_kept_watched_and_on_record,
                pipeline_runs::a_key_is_started_once_on_each_platform,
                pipeline_runs::one_that_goes_on_after_its_end_is_open_again,
                pipeline_runs::the_end_lets_the_execution_go_on_that_waits_for_it,
                pipeline_runs::an_end_that_came_before_the_wait_is_not_missed,
                pipeline_runs::runs_of_pipelines_are_listed_by_every_filter,
                pipeline_runs::logs_of_failed_runs_are_kept_until_they_are_pruned,
                test_runs::a_run_of_tests_is_watched_kept_and_on_record,
                test_runs::a_run_of_tests_that_ended_stays_as_it_is,
                test_runs::a_run_of_tests_begins_once_and_only_so_many_run,
                test_runs::silent_runs_of_tests_are_broken_off,
                test_runs::runs_of_tests_are_listed_by_every_filter,
                test_runs::only_so_many_runs_of_tests_are_kept,
            );

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn the_bell_rings_after_commits() {
                let backend = <$backend>::start();
                reading::the_bell_rings_after_commits(backend.store(), backend.bell()).await;
                check_invariants(&*backend.store()).await;
                backend.end().await;
            }
        }
    };
    (@checks $backend:ty: $($module:ident::$check:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                let backend = <$backend>::start();
                $module::$check(backend.store()).await;
                check_invariants(&*backend.store()).await;
                backend.end().await;
            }
        )*
    };
}

conformance!(sqlite, Sqlite);
