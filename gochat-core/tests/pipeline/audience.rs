//! Who gets what, and who doesn't.

use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    Access, Audience, ConversationId, Delivery, Event, Member, PageLimit, SendCommand, UserId,
};
use gochat_core::ports::{Directory, Freshness, Ports, Result, UserStore};
use gochat_core::send::Pipeline;
use gochat_core::testing::Memory;

use super::house::{Change, House, WORLD, change, make_group, new_user, send};

fn deliveries(house: &House, of: &SendCommand) -> (Vec<Delivery>, Vec<Delivery>) {
    let seen = house.kit.deliver.take().into_iter().filter(|d| match &d.event {
        Event::NewMessage(view) => view.message.client_msg_id == of.client_msg_id,
        Event::Stored(receipt) => receipt.view.message.client_msg_id == of.client_msg_id,
        _ => panic!("{d:?}"),
    });
    seen.partition(|d| matches!(d.event, Event::NewMessage(_)))
}

#[tokio::test]
async fn the_message_goes_to_all_members_but_the_sending_session_and_the_receipt_to_that() {
    let house = House::new().await;
    let [a, b, c, ..] = house.users;
    for (conversation, members) in [(house.single, vec![a, b]), (house.group, vec![a, b, c])] {
        let sent = send(conversation, b, "1");
        house.process(std::slice::from_ref(&sent)).await;
        let (messages, receipts) = deliveries(&house, &sent);
        assert_eq!((messages.len(), receipts.len()), (1, 1));
        let Audience::Users(users) = &messages[0].audience else { panic!("{:?}", messages[0]) };
        assert_eq!(users.to_vec(), members, "the sender's other devices are among them");
        assert_eq!(messages[0].except, sent.origin.session.map(|session| (sent.sender, session)));
        let Audience::Origin(origin) = &receipts[0].audience else { panic!("{:?}", receipts[0]) };
        assert_eq!((origin, receipts[0].except), (&sent.origin, None));
    }
}

#[tokio::test]
async fn the_world_is_one_delivery_to_everyone() {
    let house = House::new().await;
    let sent = send(WORLD, house.users[4], "1");
    house.process(std::slice::from_ref(&sent)).await;
    let (messages, _) = deliveries(&house, &sent);
    assert_eq!(messages.len(), 1);
    assert!(matches!(messages[0].audience, Audience::Everyone));
}

#[tokio::test]
async fn a_group_above_the_limit_is_left_to_the_fan_out() {
    for (members, limit, direct) in [(4, 4, true), (5, 4, false), (500, 500, true), (501, 500, false)] {
        let mut house = House::new().await;
        house.settings.direct_fanout_max = limit;
        let ids: Vec<_> = (0..members).map(|n| UserId::new(10_000 + n).expect("in range")).collect();
        for id in &ids {
            UserStore::create(&*house.kit.memory, &new_user(*id)).await.expect("stored");
        }
        let group = ConversationId::new(200).expect("in range");
        make_group(&house.kit.memory, group, ids[0], &ids[1..]).await;
        let sent = send(group, ids[3], "1");
        house.process(std::slice::from_ref(&sent)).await;
        let (messages, _) = deliveries(&house, &sent);
        assert_eq!(messages.len(), 1);
        match &messages[0].audience {
            Audience::Users(users) if direct => assert_eq!(users.to_vec(), ids),
            Audience::Members(id) if !direct => assert_eq!(*id, group),
            other => panic!("{members} members: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_refused_send_is_told_to_its_sender_only() {
    let house = House::new().await;
    let [_, _, c, d, _] = house.users;
    let mut blank = send(house.group, c, "blank");
    blank.body.content = "".into();
    let nowhere = ConversationId::new(9_999).expect("in range");
    let batch = [blank, send(house.group, d, "1"), send(house.single, c, "2"), send(nowhere, c, "3")];
    let report = house.process(&batch).await;
    assert_eq!((report.stored, report.repeated, report.refused), (0, 0, 4));
    let seen = house.kit.deliver.seen();
    assert_eq!(seen.len(), 4);
    for (delivery, sent) in seen.iter().zip(&batch) {
        assert!(matches!(delivery.event, Event::Refused { .. }));
        assert!(matches!(&delivery.audience, Audience::Origin(origin) if *origin == sent.origin));
    }
    house.check(&batch).await;
}

/// A cache of rights that hears of no change until it is asked past itself: another process's.
#[derive(Debug)]
struct Stale {
    memory: Arc<Memory>,
    cached: Vec<((ConversationId, UserId), Option<Access>)>,
}

impl Stale {
    /// What all users of the house may do now, in all its conversations.
    async fn of(house: &House) -> Arc<Self> {
        let mut asked = Vec::new();
        for conversation in [house.single, house.group, WORLD] {
            asked.extend(house.users.map(|user| (conversation, user)));
        }
        let answers = house.kit.memory.access(&asked, 500, Freshness::Fresh).await.expect("answers");
        Arc::new(Self { memory: house.kit.memory.clone(), cached: asked.into_iter().zip(answers).collect() })
    }

    fn pipeline(self: Arc<Self>, house: &House) -> Pipeline {
        let ports = Ports { directory: self, ..house.ports.clone() };
        let log = slog::Logger::root(slog::Discard, slog::o!());
        Pipeline::new(ports, Arc::new(house.settings.clone()), log)
    }
}

#[async_trait]
impl Directory for Stale {
    async fn access(
        &self,
        asked: &[(ConversationId, UserId)],
        members_max: u32,
        freshness: Freshness,
    ) -> Result<Vec<Option<Access>>> {
        let mut answers = self.memory.access(asked, members_max, Freshness::Fresh).await?;
        if freshness == Freshness::Cached {
            for (asked, answer) in asked.iter().zip(&mut answers) {
                if let Some((_, old)) = self.cached.iter().find(|(of, _)| of == asked) {
                    answer.clone_from(old);
                }
            }
        }
        Ok(answers)
    }

    async fn member_ids(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: PageLimit,
    ) -> Result<Vec<UserId>> {
        self.memory.member_ids(conversation, after, limit).await
    }

    async fn members(&self, conversation: ConversationId, users: &[UserId]) -> Result<Vec<Option<Member>>> {
        Directory::members(&*self.memory, conversation, users).await
    }

    async fn small_groups(&self, users: &[UserId], members_max: u32) -> Result<Vec<Vec<ConversationId>>> {
        self.memory.small_groups(users, members_max).await
    }
}

#[tokio::test]
async fn an_old_cache_lets_nobody_in_who_is_out_and_keeps_nobody_out_who_is_in() {
    let house = House::new().await;
    let [a, _, c, d, _] = house.users;
    let stale = Stale::of(&house).await;
    for what in [Change::Remove(c), Change::Add(d)] {
        change(house.kit.memory.clone(), house.group, what).await;
    }
    // Every delivery is checked against the members of now.
    let batch = [send(house.group, c, "out"), send(house.group, d, "in"), send(house.group, a, "all along")];
    let report = stale.pipeline(&house).process(&batch).await.expect("nothing fails");
    assert_eq!((report.stored, report.refused), (2, 1));
    house.check(&batch).await;
    assert_eq!(house.texts(house.group).await, ["in", "all along"]);
}

/// A message is stored after a member was removed, and its process dies before it delivers. Who takes over still thinks that
/// the member is there.
#[tokio::test]
async fn a_message_delivered_late_reaches_nobody_who_was_out_when_it_was_stored() {
    let house = House::new().await;
    let [a, _, c, ..] = house.users;
    let stale = Stale::of(&house).await;
    change(house.kit.memory.clone(), house.group, Change::Remove(c)).await;
    let batch = [send(house.group, a, "1")];
    house.faults.fail_all("deliver.deliver");
    house.pipeline().process(&batch).await.expect_err("it dies before it delivers");
    house.faults.reset();
    house.crash();
    stale.pipeline(&house).process(&batch).await.expect("nothing fails");
    house.check(&batch).await;
}
