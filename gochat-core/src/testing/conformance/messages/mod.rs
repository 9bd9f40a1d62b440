//! Cases of [`MessageStore`](crate::ports::MessageStore).

mod append;
mod read;
mod recall;
mod refuse;

use super::fixture::Fixture;

use append::*;
use read::*;
use recall::*;
use refuse::*;

cases! { ($) __conformance_messages, Fixture:
    what_was_appended_is_read_back_whole,
    a_batch_is_answered_by_position,
    an_empty_batch_is_nothing,
    a_large_batch_is_taken_at_once,
    a_repeat_gets_the_stored_message_and_writes_nothing,
    repeats_within_a_batch_are_recognised,
    a_client_id_is_its_senders_and_its_conversations_own,
    repeats_are_decided_before_rights,
    the_same_batch_again_changes_nothing,
    ones_own_message_moves_ones_read_pointer,
    strange_texts_come_back_unchanged,
    the_largest_ids_are_ids,
    messages_outlive_a_restart,
    another_sequence_is_refused,
    what_follows_a_refused_sequence_is_refused,
    repeats_after_a_refused_sequence_are_not_refused,
    other_conversations_go_on,
    the_head_in_a_refusal_is_the_one_to_go_on_from,
    changed_members_are_refused,
    a_changed_members_refusal_writes_nothing,
    what_does_not_exist_is_refused,
    of_many_writers_each_message_is_there_once,
    of_many_senders_of_one_message_one_stores_it,
    pages_go_up_from_an_exclusive_cursor,
    pages_go_down_from_an_exclusive_cursor,
    pages_have_no_holes,
    far_cursors_are_no_error,
    messages_are_found_by_position,
    heads_are_found_by_position,
    a_recalled_message_loses_its_content_everywhere,
    the_first_tombstone_stays,
    of_many_recalls_at_once_one_is_the_first,
    a_recall_outlives_a_restart,
    an_unknown_message_is_not_recalled,
}
