//! The store in `own_store/` does what the port of messages asks, and outlives crashes.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use gochat_core::model::{
    ClientMsgId, ConversationId, MembersVersion, Message, MessageBody, MessageId, NewMessage, PageLimit, Seq,
    Timestamp, UserId,
};
use gochat_core::ports::{Appended, ErrorKind, MessageStore, PageFrom};
use gochat_core::testing::Memory;
use gochat_core::testing::conformance::{Fixture, Stores};
use gochat_examples::own_store::FileMessages;
use tempfile::TempDir;

/// Everything in memory but the messages. Reopening reads the file again.
fn over(folder: TempDir, memory: Arc<Memory>) -> Pin<Box<dyn Future<Output = Fixture> + Send>> {
    Box::pin(async move {
        let messages = FileMessages::open(&file(&folder), memory.clone()).await.expect("opened");
        let stores = Stores { messages: Arc::new(messages), ..Stores::all(memory.clone()) };
        Fixture::new(stores).with_reopen(Box::new(move || over(folder, memory)))
    })
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("messages.log")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

gochat_core::conformance_tests!(messages, over(folder(), Arc::new(Memory::new())));
// Memory is told what is in the file, so the stores beside it answer as ever.
gochat_core::conformance_tests!(conversations, over(folder(), Arc::new(Memory::new())));

/// As after the start of a process: nothing is known but what the file has.
async fn start(path: &Path) -> FileMessages {
    FileMessages::open(path, Arc::new(Memory::new())).await.expect("opened")
}

/// A message in the world channel, which a fresh memory has, too.
fn message(seq: u64) -> NewMessage {
    let message = Message {
        id: MessageId::new(100 + seq).expect("an id"),
        conversation: ConversationId::WORLD,
        seq: Seq::new(seq),
        sender: UserId::new(7).expect("an id"),
        client_msg_id: ClientMsgId::new(&format!("c{seq}")).expect("a good id"),
        body: MessageBody::text(&format!("text {seq}")),
        sent_at: Timestamp::from_millis(1_700_000_000_000),
        edited_at: None,
        recalled: None,
    };
    NewMessage { message: Arc::new(message), members_version: MembersVersion::new(1) }
}

/// Stores each message in a batch of its own.
async fn store(messages: &FileMessages, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        assert_eq!(messages.append(&[message(seq)]).await.expect("stored"), [Appended::Stored]);
    }
}

async fn texts(messages: &FileMessages) -> Vec<String> {
    let limit = PageLimit::new(1_000, 1_000).expect("at least 1");
    let page =
        messages.page(ConversationId::WORLD, PageFrom::After(Seq::ZERO), limit).await.expect("answers");
    page.iter().map(|m| m.body.content.to_string()).collect()
}

#[tokio::test]
async fn a_new_process_finds_everything_and_goes_on_after_it() {
    let folder = folder();
    store(&start(&file(&folder)).await, 1..=3).await;
    let again = start(&file(&folder)).await;
    assert_eq!(texts(&again).await, ["text 1", "text 2", "text 3"]);
    assert_eq!(again.heads(&[ConversationId::WORLD]).await.expect("answers"), [Some(Seq::new(3))]);
    let repeated = again.append(&[message(2)]).await.expect("answers").remove(0);
    assert_eq!(repeated, Appended::Repeated(Box::new(Message::clone(&message(2).message))));
    store(&again, 4..=4).await;
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_wherever_it_is_torn() {
    let folder = folder();
    let path = file(&folder);
    store(&start(&path).await, 1..=2).await;
    let whole = std::fs::read(&path).expect("readable");
    store(&start(&path).await, 3..=3).await;
    let longer = std::fs::read(&path).expect("readable");
    for end in whole.len() + 1..longer.len() {
        std::fs::write(&path, &longer[..end]).expect("writable");
        let messages = start(&path).await;
        assert_eq!(texts(&messages).await, ["text 1", "text 2"], "torn at byte {end}");
        assert_eq!(std::fs::read(&path).expect("readable"), whole, "torn at byte {end}");
        // What is stored next stands where the torn record stood.
        store(&messages, 3..=3).await;
        drop(messages);
        assert_eq!(texts(&start(&path).await).await.len(), 3, "torn at byte {end}");
    }
}

#[tokio::test]
async fn a_tail_of_garbage_or_of_zeros_is_cut_off() {
    let folder = folder();
    let path = file(&folder);
    store(&start(&path).await, 1..=2).await;
    let whole = std::fs::read(&path).expect("readable");
    store(&start(&path).await, 3..=3).await;
    let longer = std::fs::read(&path).expect("readable");
    let mut spoilt = longer.clone();
    spoilt[whole.len() + 20] ^= 1;
    let zeros = [&whole[..], &[0; 4_096]].concat();
    for tail in [spoilt, zeros] {
        std::fs::write(&path, &tail).expect("writable");
        assert_eq!(texts(&start(&path).await).await, ["text 1", "text 2"]);
        assert_eq!(std::fs::read(&path).expect("readable"), whole);
        assert_eq!(std::fs::read(path.with_extension("torn")).expect("kept"), tail[whole.len()..]);
    }
}

#[tokio::test]
async fn damage_before_the_end_is_an_error_and_nothing_is_cut_off() {
    let folder = folder();
    let path = file(&folder);
    store(&start(&path).await, 1..=3).await;
    let mut bytes = std::fs::read(&path).expect("readable");
    bytes[20] ^= 1;
    std::fs::write(&path, &bytes).expect("writable");
    let refused = FileMessages::open(&path, Arc::new(Memory::new())).await.expect_err("damaged");
    assert_eq!(refused.kind(), ErrorKind::Corrupt);
    assert_eq!(std::fs::read(&path).expect("readable"), bytes);
}

#[tokio::test]
async fn what_was_recalled_is_gone_from_the_file_at_the_next_opening() {
    let folder = folder();
    let path = file(&folder);
    let messages = start(&path).await;
    store(&messages, 1..=3).await;
    let new = message(2).message;
    messages.recall(new.id, new.sender, new.sent_at).await.expect("recalled");
    drop(messages);
    for _ in 0..2 {
        assert_eq!(texts(&start(&path).await).await, ["text 1", "", "text 3"]);
        let bytes = std::fs::read(&path).expect("readable");
        assert!(!bytes.windows(6).any(|bytes| bytes == b"text 2"), "it is gone for good");
    }
}

#[tokio::test]
async fn two_processes_cant_have_one_file() {
    let folder = folder();
    let first = start(&file(&folder)).await;
    let second = FileMessages::open(&file(&folder), Arc::new(Memory::new())).await;
    assert_eq!(second.expect_err("it is taken").kind(), ErrorKind::Unavailable);
    drop(first);
    start(&file(&folder)).await;
}
