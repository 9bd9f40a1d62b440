//! A right history passes; each way of being wrong is found by its own name.

use super::{Count, History, Probe, Seen, Sent, Session, Violation};

fn seen(seq: i64, sender: &str) -> Seen {
    Seen {
        id: format!("m{seq}"),
        conversation: "room".into(),
        seq,
        sender: sender.into(),
        client_id: format!("c{seq}"),
        content: format!("text {seq}"),
    }
}

fn sent(seq: i64, sender: &str, session: usize) -> Sent {
    Sent {
        sender: sender.into(),
        session: Some(session),
        conversation: "room".into(),
        client_id: format!("c{seq}"),
        content: format!("text {seq}"),
        told: vec![(format!("m{seq}"), seq)],
        accepted: true,
    }
}

/// Ann (session 0) sends 1 and 3, Ben (session 1) sends 2; both see all.
fn right() -> History {
    let all = vec![seen(1, "ann"), seen(2, "ben"), seen(3, "ann")];
    let session = |user: &str, live: Vec<(u64, Seen)>| Session {
        user: user.into(),
        live,
        synced: Vec::new(),
        complete_from: [("room".to_owned(), 0)].into(),
        ..Session::default()
    };
    let count = |user: &str, unread| Count {
        user: user.into(),
        conversation: "room".into(),
        unread,
        read: 0,
        joined: 0,
    };
    History {
        members: [("room".to_owned(), ["ann".to_owned(), "ben".to_owned()].into())].into(),
        sent: vec![sent(1, "ann", 0), sent(2, "ben", 1), sent(3, "ann", 0)],
        sessions: vec![
            session("ann", vec![(20, seen(2, "ben"))]),
            session("ben", vec![(10, seen(1, "ann")), (30, seen(3, "ann"))]),
        ],
        stored: [
            (("ann".to_owned(), "room".to_owned()), all.clone()),
            (("ben".to_owned(), "room".to_owned()), all),
        ]
        .into(),
        probes: vec![Probe { began: 25, conversation: "room".into(), last_seq: 2 }],
        counts: vec![count("ann", 0), count("ben", 1)],
    }
}

fn room<'a>(history: &'a mut History, user: &str) -> &'a mut Vec<Seen> {
    history.stored.get_mut(&(user.to_owned(), "room".to_owned())).expect("the test's own room")
}

macro_rules! finds {
    ($history:expr, $kind:ident) => {{
        let found = $history.violations();
        assert!(found.iter().any(|v| matches!(v, Violation::$kind(_))), "{found:?}");
    }};
}

#[test]
fn a_right_history_passes() {
    assert_eq!(right().violations(), []);
}

#[test]
fn a_lost_acknowledged_message_is_found() {
    let mut history = right();
    room(&mut history, "ben").pop();
    finds!(history, Lost);
}

#[test]
fn a_message_heard_but_in_no_history_is_found() {
    let mut history = right();
    history.sent[2].told.clear();
    room(&mut history, "ben").pop();
    room(&mut history, "ann").pop();
    finds!(history, Lost);
}

#[test]
fn an_unacknowledged_send_may_be_missing() {
    let mut history = right();
    history.sent.push(Sent { told: Vec::new(), accepted: false, ..sent(4, "ann", 0) });
    assert_eq!(history.violations(), []);
}

#[test]
fn an_accepted_send_that_is_missing_is_found() {
    let mut history = right();
    history.sent.push(Sent { told: Vec::new(), ..sent(4, "ann", 0) });
    finds!(history, Lost);
}

#[test]
fn an_unacknowledged_send_may_be_there() {
    let mut history = right();
    history.sent[2].told.clear();
    assert_eq!(history.violations(), []);
}

#[test]
fn a_message_twice_is_found() {
    let mut history = right();
    for user in ["ann", "ben"] {
        let twice = Seen { seq: 4, ..seen(3, "ann") };
        room(&mut history, user).push(twice);
    }
    finds!(history, Doubled);
}

#[test]
fn a_client_id_stored_twice_is_found() {
    let mut history = right();
    for user in ["ann", "ben"] {
        let again = Seen { seq: 4, id: "m4".into(), ..seen(3, "ann") };
        room(&mut history, user).push(again);
    }
    finds!(history, Doubled);
}

#[test]
fn a_repeat_told_other_ids_is_found() {
    let mut history = right();
    history.sent[0].told.push(("m9".into(), 9));
    finds!(history, Doubled);
}

#[test]
fn a_hole_is_found() {
    let mut history = right();
    for user in ["ann", "ben"] {
        room(&mut history, user).remove(1);
    }
    finds!(history, Gap);
}

#[test]
fn a_swapped_pair_in_one_history_is_found() {
    let mut history = right();
    let list = room(&mut history, "ben");
    (list[0].seq, list[1].seq) = (2, 1);
    list.swap(0, 1);
    finds!(history, Disorder);
}

#[test]
fn live_out_of_order_is_found() {
    let mut history = right();
    history.sessions[1].live.swap(0, 1);
    finds!(history, Disorder);
}

#[test]
fn a_live_copy_of_an_old_message_is_allowed() {
    let mut history = right();
    history.sessions[1].live.push((40, seen(1, "ann")));
    assert_eq!(history.violations(), []);
}

#[test]
fn an_old_message_repeated_after_a_crash_may_come_late() {
    let mut history = right();
    history.sessions[1].live.swap(0, 1);
    history.sessions[1].old_until.insert("room".into(), 1);
    assert_eq!(history.violations(), []);
}

#[test]
fn changed_content_is_found() {
    let mut history = right();
    for user in ["ann", "ben"] {
        room(&mut history, user)[0].content = "other".into();
    }
    finds!(history, Changed);
}

#[test]
fn content_that_differs_between_members_is_found() {
    let mut history = right();
    room(&mut history, "ben")[0].content = "other".into();
    finds!(history, Changed);
}

#[test]
fn another_sequence_than_was_told_is_found() {
    let mut history = right();
    history.sent[0].told[0].1 = 2;
    finds!(history, Changed);
}

#[test]
fn a_message_that_nobody_sent_is_found() {
    let mut history = right();
    for user in ["ann", "ben"] {
        room(&mut history, user).push(seen(4, "eve"));
    }
    finds!(history, Invented);
}

#[test]
fn a_message_missed_live_and_by_sync_is_found() {
    let mut history = right();
    history.sessions[1].live.pop();
    finds!(history, Missed);
}

#[test]
fn a_message_missed_live_but_synced_is_fine() {
    let mut history = right();
    let (_, missed) = history.sessions[1].live.pop().expect("the test's own message");
    history.sessions[1].synced.push(missed);
    assert_eq!(history.violations(), []);
}

#[test]
fn a_message_seen_before_it_was_stored_is_found() {
    let mut history = right();
    history.probes[0].last_seq = 1;
    finds!(history, Early);
}

#[test]
fn a_strangers_sight_is_found() {
    let mut history = right();
    history.sessions.push(Session {
        user: "eve".into(),
        live: vec![(5, seen(1, "ann"))],
        ..Session::default()
    });
    finds!(history, Foreign);
}

#[test]
fn a_strangers_history_is_found() {
    let mut history = right();
    history.stored.insert(("eve".into(), "room".into()), vec![seen(1, "ann")]);
    finds!(history, Foreign);
}

#[test]
fn an_echo_to_the_sending_session_is_found() {
    let mut history = right();
    history.sessions[0].live.insert(0, (5, seen(1, "ann")));
    finds!(history, Echoed);
}

#[test]
fn a_wrong_unread_count_is_found() {
    let mut history = right();
    history.counts[1].unread = 2;
    finds!(history, Miscounted);
}
