//! Cases of [`ConversationStore`](crate::ports::ConversationStore).

mod list;
mod random;
mod reading;
mod sync;

use super::fixture::{Fixture, all_at_once, at, nobody, nowhere};
use crate::model::{ConversationId, ConversationKind, Seq};
use crate::ports::{OpenSingle, Opened};

use list::*;
use random::*;
use reading::*;
use sync::*;

cases! { ($) __conformance_conversations, Fixture:
    two_users_have_one_conversation,
    of_many_at_once_one_opens_it,
    conversations_are_found_by_position,
    the_world_is_there_from_the_beginning,
    conversations_outlive_a_restart,
    the_list_has_the_world_first_then_the_newest,
    the_list_is_limited,
    the_list_shows_the_newest_message,
    the_list_is_the_users_own,
    entries_are_as_the_user_sees_them_by_position,
    a_hidden_one_stays_away_until_something_newer,
    an_empty_one_can_be_hidden,
    hiding_is_the_members_own_and_outlives_a_restart,
    opening_shows_a_hidden_one_again,
    strangers_cannot_hide,
    unread_is_what_others_wrote_since,
    a_read_pointer_only_grows,
    a_read_pointer_stops_at_the_head,
    without_a_sequence_all_is_read,
    the_world_can_be_read,
    strangers_cannot_read,
    of_many_marks_at_once_the_furthest_stays,
    read_pointers_outlive_a_restart,
    from_the_start_come_all_that_is_there,
    nothing_new_is_an_empty_page,
    changes_come_oldest_first_in_pages,
    a_message_is_a_change_for_every_member,
    reading_is_a_change_for_the_reader,
    memberships_begin_and_end,
    a_dissolved_group_is_gone,
    friendships_begin_and_end,
    a_changed_group_is_a_change,
    a_recalled_last_message_is_a_change,
    what_comes_between_pages_is_in_a_later_one,
    strangers_hear_nothing,
    cursors_outlive_a_restart,
    applied_changes_give_the_list_whatever_happens,
}

async fn two_users_have_one_conversation(fx: Fixture) {
    let [a, b, c] = fx.users(["alice", "bob", "carol"]).await;
    let id = fx.conversation_id();
    let open = OpenSingle { users: [b, a], by: b, id, at: at(3) };
    let opened = fx.stores.conversations.open_single(&open).await.expect("opened");
    assert_eq!(opened, Opened { id, new: true });
    let found = fx.conversation(id).await.expect("it exists");
    assert_eq!(found.kind, ConversationKind::Single([a, b]));
    assert_eq!((found.id, found.last_seq, found.created_at), (id, Seq::ZERO, at(3)));

    for (users, by) in [([a, b], a), ([b, a], a), ([a, b], b)] {
        let again = OpenSingle { users, by, id: fx.conversation_id(), at: at(9) };
        let opened = fx.stores.conversations.open_single(&again).await.expect("opened");
        assert_eq!(opened, Opened { id, new: false });
        assert_eq!(fx.conversation(again.id).await, None);
    }
    assert_eq!(fx.conversation(id).await, Some(found), "opening again changes nothing");
    let other = fx.single(a, c).await;
    assert_ne!(other, id);
    assert_eq!(fx.listed(b).await, [ConversationId::WORLD, id]);
    assert_eq!(fx.listed(c).await, [ConversationId::WORLD, other]);
}

async fn of_many_at_once_one_opens_it(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let opens: Vec<_> = (0..50)
        .map(|i| {
            let (users, by) = if i % 2 == 0 { ([a, b], a) } else { ([b, a], b) };
            OpenSingle { users, by, id: fx.conversation_id(), at: at(1) }
        })
        .collect();
    let answers = all_at_once(opens.iter().map(|open| fx.stores.conversations.open_single(open))).await;
    let answers: Vec<_> = answers.into_iter().map(|a| a.expect("opened")).collect();
    let new: Vec<_> = answers.iter().filter(|opened| opened.new).collect();
    assert_eq!(new.len(), 1);
    assert!(answers.iter().all(|opened| opened.id == new[0].id));
    for open in &opens {
        let exists = fx.conversation(open.id).await.is_some();
        assert_eq!(exists, open.id == new[0].id);
    }
    assert_eq!(fx.listed(a).await, [ConversationId::WORLD, new[0].id]);
}

async fn conversations_are_found_by_position(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let (single, group) = (fx.single(a, b).await, fx.group(a, &[b]).await);
    let gone = fx.group(a, &[b]).await;
    fx.stores.groups.dissolve(gone, fx.version(gone).await, at(1)).await.expect("dissolved");
    let asked = [group, nowhere(), ConversationId::WORLD, gone, single, group];
    let found = fx.stores.conversations.by_ids(&asked).await.expect("answers");
    let ids: Vec<_> = found.iter().map(|c| c.as_ref().map(|c| c.id)).collect();
    assert_eq!(ids, [Some(group), None, Some(ConversationId::WORLD), None, Some(single), Some(group)]);
    assert!(fx.stores.conversations.by_ids(&[]).await.expect("answers").is_empty());
}

async fn the_world_is_there_from_the_beginning(fx: Fixture) {
    let world = fx.conversation(ConversationId::WORLD).await.expect("it exists");
    assert_eq!((world.kind, world.last_seq), (ConversationKind::World, Seq::ZERO));
    assert!(fx.listed(nobody()).await.is_empty());
}

async fn conversations_outlive_a_restart(fx: Fixture) {
    let [a, b] = fx.users(["alice", "bob"]).await;
    let single = fx.single(a, b).await;
    fx.send(single, a, 1).await;
    let (before, list) = (fx.conversation(single).await, fx.listed(a).await);
    let fx = fx.reopened().await;
    assert_eq!((fx.conversation(single).await, fx.listed(a).await), (before, list));
    assert_eq!(fx.single(b, a).await, single);
}
