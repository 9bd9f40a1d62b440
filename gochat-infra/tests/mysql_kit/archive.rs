//! Old contents outside of the database: nothing is lost on the way, and nothing else is read back.

pub(crate) mod behind;
pub(crate) mod store;

use std::sync::Arc;

use gochat_core::model::{ConversationId, Message, MessageId, MessageKind, NewMessage, Recalled, Seq};
use gochat_core::ports::{Appended, ConversationStore, ErrorKind, MessageStore, PageFrom};
use gochat_infra::archive::object_store::memory::InMemory;
use gochat_infra::archive::{Archive, ArchiveOptions, Archiver, Next, Portion};
use gochat_infra::mysql::MySqlStore;
use mysql_async::prelude::Queryable;
use store::{Cut, Cuts};

use super::{Schema, Servers, at, limit, message, open, pairs, raw, user_id};

/// All that are older than the last of twenty, in portions of up to seven.
pub(crate) const PORTION: Portion = Portion { before: at(1_000_000), least: 1, most: 7, bytes: 1 << 20 };

/// A store with an archive over `cuts`; what was cut short is removed at once.
async fn with_archive(servers: &'static Servers, schema: &Schema, cuts: &Arc<Cuts>) -> MySqlStore {
    let mut options = ArchiveOptions::default();
    options.strays_after = std::time::Duration::ZERO;
    let log = slog::Logger::root(slog::Discard, slog::o!());
    open(servers.options(&schema.name)).await.with_archive(Archive::over(cuts.clone(), options, log))
}

/// Archives until there is nothing more; how many contents.
pub(crate) async fn archive_all(store: &MySqlStore, portion: Portion) -> u64 {
    let mut moved = 0;
    loop {
        let step = store.archive_next(portion).await.expect("archived");
        moved += step.messages;
        if step.next == Next::Done {
            return moved;
        }
    }
}

async fn history(store: &MySqlStore, id: ConversationId) -> Vec<Message> {
    store.page(id, PageFrom::After(Seq::ZERO), limit(100)).await.expect("a page")
}

/// Twenty messages of every kind in a conversation of two; the sixth is recalled.
async fn filled(store: &MySqlStore) -> (ConversationId, Vec<NewMessage>) {
    const TEXTS: [&str; 5] = [
        "\u{1f469}\u{200d}\u{1f680} \u{4f60}\u{597d}",
        "",
        "a\0b\r\n\t\"\\",
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
        " x ",
    ];
    let [id] = pairs(store, 1).await[..] else { panic!("one conversation") };
    let batch: Vec<_> = (1..=20)
        .map(|seq| {
            let mut new = message(id, seq);
            let message = Arc::make_mut(&mut new.message);
            let n = seq as usize;
            message.body.kind = MessageKind::ALL[n % MessageKind::ALL.len()];
            message.body.content = TEXTS[n % TEXTS.len()].repeat(n).into();
            message.body.attachment = n.is_multiple_of(3).then(|| format!("{{\"n\":{n}}}").into());
            message.body.mentions = (0..n as u64 % 4).map(|n| user_id(10 + n)).collect();
            message.body.reply_to = MessageId::new(seq - 1);
            new
        })
        .collect();
    assert!(store.append(&batch).await.expect("stored").iter().all(|outcome| *outcome == Appended::Stored));
    store.recall(batch[5].message.id, user_id(10), at(30)).await.expect("recalled");
    (id, batch)
}

/// How many rows have their contents, and how many objects are known.
async fn counts(servers: &'static Servers, schema: &Schema) -> (u64, u64) {
    let mut conn = raw(&servers.url(&schema.name)).await;
    let here = "SELECT COUNT(*) FROM messages WHERE archived IS NULL AND recalled_at IS NULL";
    let here = conn.query_first(here).await.expect("answers").expect("a number");
    let objects = "SELECT COUNT(*) FROM archives WHERE object <> ''";
    let objects = conn.query_first(objects).await.expect("answers").expect("a number");
    conn.disconnect().await.expect("ended");
    (here, objects)
}

pub(crate) async fn archived_history_is_the_same_to_the_byte(servers: &'static Servers) {
    let (schema, cuts) = (servers.schema().await, Cuts::over(InMemory::new()));
    let store = with_archive(servers, &schema, &cuts).await;
    let (id, batch) = filled(&store).await;
    let before = history(&store, id).await;
    let me = user_id(10);
    let list = store.list(me, limit(10)).await.expect("a list");
    // The newest stays, and what is younger than asked for; the sixth has no content.
    let some = Portion { before: at(15), ..PORTION };
    assert_eq!(archive_all(&store, some).await, 13);
    assert_eq!(counts(servers, &schema).await, (6, 2));
    assert_eq!(archive_all(&store, Portion { least: 6, ..PORTION }).await, 0, "too few");
    assert_eq!(archive_all(&store, Portion { bytes: 1, ..PORTION }).await, 5, "one at a time");
    assert_eq!(counts(servers, &schema).await, (1, 7));
    assert_eq!(archive_all(&store, PORTION).await, 0, "nothing is moved twice");
    let mut conn = raw(&servers.url(&schema.name)).await;
    let left = "SELECT COUNT(*) FROM messages WHERE seq < 20 AND (content <> '' OR attachment IS NOT NULL)";
    assert_eq!(conn.query_first(left).await.expect("answers"), Some(0_u64));

    // What knows nothing of the first one's reads.
    let other = with_archive(servers, &schema, &cuts).await;
    for store in [&store, &other] {
        assert_eq!(history(store, id).await, before);
        let down = store.page(id, PageFrom::Before(Seq::new(9)), limit(5)).await.expect("a page");
        assert_eq!(down, before[3..8]);
        let ids: Vec<_> = before.iter().map(|message| message.id).collect();
        let found = MessageStore::by_ids(store, &ids).await.expect("answers");
        assert!(found.iter().flatten().eq(&before));
        let keys: Vec<_> = before.iter().map(Message::key).collect();
        assert!(store.by_keys(&keys).await.expect("answers").iter().flatten().eq(&before));
        assert_eq!(store.list(me, limit(10)).await.expect("a list"), list);
    }
    // A repeat gets its first receipt, with all that was stored.
    let repeated = other.append(&[batch[2].clone()]).await.expect("answered");
    assert_eq!(repeated, [Appended::Repeated(Box::new(before[2].clone()))]);
    let next = other.append(&[message(id, 21)]).await.expect("answered");
    assert_eq!(next, [Appended::Stored]);

    // Where nobody has said where archives are, they are unavailable, and all else is not.
    let without = open(servers.options(&schema.name)).await;
    let refused = without.page(id, PageFrom::After(Seq::ZERO), limit(3)).await.expect_err("no archive");
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert_eq!(without.archive_next(PORTION).await.expect_err("no archive").kind(), ErrorKind::Unsupported);
    let newest = without.page(id, PageFrom::After(Seq::new(19)), limit(3)).await.expect("a page");
    assert_eq!(newest[0], before[19]);
}

/// Archives, and drops that when `cut` comes.
async fn until(store: &MySqlStore, cut: impl Future<Output = ()>) {
    let archive = async {
        // What was dropped before holds its lock until the server has heard of it.
        while store.archive_next(PORTION).await.expect("archived").next == Next::Busy {}
    };
    tokio::select! {
        () = archive => panic!("it was not cut"),
        () = cut => {}
    }
}

/// Dropped at each step, and begun again.
pub(crate) async fn what_is_cut_short_loses_nothing(servers: &'static Servers) {
    let (schema, cuts) = (servers.schema().await, Cuts::over(InMemory::new()));
    let store = with_archive(servers, &schema, &cuts).await;
    let (id, _) = filled(&store).await;
    let before = history(&store, id).await;
    for cut in [Cut::BeforePut, Cut::AfterPut, Cut::BeforeGet, Cut::AfterGet] {
        cuts.at(cut);
        until(&store, cuts.reached()).await;
        cuts.none();
        assert_eq!(counts(servers, &schema).await, (19, 0), "{cut:?}");
        assert_eq!(history(&store, id).await, before, "{cut:?}");
    }
    // Between the object and the commit.
    let mut conn = raw(&servers.url(&schema.name)).await;
    conn.query_drop("START TRANSACTION").await.expect("begun");
    let third = format!("SELECT seq FROM messages WHERE conversation = {id} AND seq = 3 FOR UPDATE");
    conn.query_drop(third).await.expect("locked");
    until(&store, cuts.passed(Cut::AfterGet)).await;
    conn.query_drop("COMMIT").await.expect("released");
    assert_eq!(history(&store, id).await, before);

    assert_eq!(archive_all(&store, PORTION).await, 18);
    archive_all(&store, PORTION).await;
    let (here, objects) = counts(servers, &schema).await;
    assert_eq!((here, history(&store, id).await), (1, before));
    assert_eq!(cuts.objects().await, objects, "what was left is removed");
    let notes: Option<u64> =
        conn.query_first("SELECT COUNT(*) FROM archive_attempts").await.expect("answers");
    assert_eq!(notes, Some(0));
}

pub(crate) async fn a_recall_wins(servers: &'static Servers) {
    let (schema, cuts) = (servers.schema().await, Cuts::over(InMemory::new()));
    let store = with_archive(servers, &schema, &cuts).await;
    let (id, batch) = filled(&store).await;
    let me = user_id(10);
    // While it is read again: the third is in the object by then.
    cuts.at(Cut::BeforeGet);
    let (step, ()) = tokio::join!(store.archive_next(PORTION), async {
        cuts.reached().await;
        store.recall(batch[2].message.id, me, at(40)).await.expect("recalled");
        cuts.none();
    });
    assert_eq!(step.expect("archived").messages, 5, "seven but the recalled two");
    archive_all(&store, PORTION).await;
    // And one that is in an archive, even when that has gone.
    let recalled = store.recall(batch[8].message.id, me, at(50)).await.expect("recalled");
    assert!(recalled.first && recalled.message.body.content.is_empty());
    let page = history(&store, id).await;
    for (seq, when) in [(3, 40), (6, 30), (9, 50)] {
        let message = &page[seq - 1];
        assert_eq!(message.recalled, Some(Recalled { at: at(when), by: me }), "{seq}");
        let body = &message.body;
        assert_eq!((&*body.content, &body.attachment, body.mentions.len()), ("", &None, 0), "{seq}");
    }
    assert_eq!(page[3], *batch[3].message);
    cuts.remove_all().await;
    let other = with_archive(servers, &schema, &cuts).await;
    let ninth = other.page(id, PageFrom::After(Seq::new(8)), limit(1)).await.expect("needs no archive");
    assert_eq!(ninth[0], page[8]);
}

pub(crate) async fn what_rots_in_an_archive_is_not_passed_on(servers: &'static Servers) {
    let (schema, cuts) = (servers.schema().await, Cuts::over(InMemory::new()));
    let store = with_archive(servers, &schema, &cuts).await;
    let (id, batch) = filled(&store).await;
    archive_all(&store, PORTION).await;
    let mut conn = raw(&servers.url(&schema.name)).await;
    let names: Vec<String> =
        conn.query("SELECT object FROM archives ORDER BY first_seq").await.expect("answers");
    let fails = async |seq: u64, name: &str| {
        let fresh = with_archive(servers, &schema, &cuts).await;
        let page = fresh.page(id, PageFrom::After(Seq::new(seq - 1)), limit(1)).await.expect_err("corrupt");
        assert_eq!(page.kind(), ErrorKind::Corrupt);
        let cause = std::error::Error::source(&page).map(ToString::to_string).unwrap_or_default();
        assert!(cause.contains(name), "names the object: {cause}");
        let repeated = fresh.append(&[batch[seq as usize - 1].clone()]).await.expect_err("corrupt");
        assert_eq!(repeated.kind(), ErrorKind::Corrupt);
    };
    cuts.flip(&names[0]).await;
    fails(1, &names[0]).await;
    // Whole, and another one's.
    cuts.copy(&names[2], &names[1]).await;
    fails(8, &names[1]).await;
    cuts.remove(&names[1]).await;
    fails(8, &names[1]).await;
    let fresh = with_archive(servers, &schema, &cuts).await;
    let rest = fresh.page(id, PageFrom::After(Seq::new(14)), limit(10)).await.expect("the others are well");
    assert_eq!(rest[0], *batch[14].message);
    // What does not come back whole is not taken out of its row.
    let (schema, cuts) = (servers.schema().await, Cuts::over(InMemory::new()));
    let store = with_archive(servers, &schema, &cuts).await;
    let (id, _) = filled(&store).await;
    let before = history(&store, id).await;
    cuts.at(Cut::Spoil);
    assert_eq!(store.archive_next(PORTION).await.expect_err("spoilt").kind(), ErrorKind::Corrupt);
    assert_eq!(counts(servers, &schema).await, (19, 0));
    assert_eq!(history(&store, id).await, before);
}

pub(crate) async fn one_archives_at_a_time(servers: &'static Servers) {
    let (schema, cuts) = (servers.schema().await, Cuts::over(InMemory::new()));
    let (store, other) =
        (with_archive(servers, &schema, &cuts).await, with_archive(servers, &schema, &cuts).await);
    let (id, _) = filled(&store).await;
    let before = history(&store, id).await;
    cuts.at(Cut::BeforePut);
    let (first, ()) = tokio::join!(store.archive_next(PORTION), async {
        cuts.reached().await;
        let busy = other.archive_next(PORTION).await.expect("answered");
        assert_eq!((busy.next, busy.messages), (Next::Busy, 0));
        cuts.none();
    });
    assert_eq!(first.expect("archived").messages, 6);
    let round = async |store: &MySqlStore| {
        let mut moved = 0;
        for _ in 0..20 {
            moved += store.archive_next(PORTION).await.expect("archived").messages;
        }
        moved
    };
    let (a, b) = tokio::join!(round(&store), round(&other));
    assert_eq!(a + b, 12, "each content once");
    assert_eq!(history(&other, id).await, before);
    assert_eq!(counts(servers, &schema).await, (1, cuts.objects().await));
}
