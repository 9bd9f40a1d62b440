//! The suite of the message log, with everything archived behind the back of whoever asks: it makes no difference.

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use gochat_core::model::{
    ConversationId, Message, MessageId, MessageKey, NewMessage, PageLimit, Seq, Timestamp, UserId,
};
use gochat_core::ports::{Appended, MessageStore, PageFrom, RecallOutcome, Result};
use gochat_core::testing::conformance::{Fixture, Stores};
use gochat_infra::archive::object_store::ObjectStore;
use gochat_infra::archive::object_store::memory::InMemory;
use gochat_infra::archive::{Archive, ArchiveOptions, Portion};
use gochat_infra::mysql::MySqlStore;

use super::{PORTION, archive_all};
use crate::mysql_kit::{Schema, Servers, open};

#[derive(Debug)]
struct Behind(MySqlStore);

impl Behind {
    /// Nothing is too young: cases have times of their own.
    async fn archived(&self) -> &MySqlStore {
        let all = Portion { before: Timestamp::from_millis(i64::MAX), most: 500, ..PORTION };
        archive_all(&self.0, all).await;
        &self.0
    }
}

#[async_trait]
impl MessageStore for Behind {
    async fn append(&self, batch: &[NewMessage]) -> Result<Vec<Appended>> {
        self.archived().await.append(batch).await
    }

    async fn by_keys(&self, keys: &[MessageKey]) -> Result<Vec<Option<Message>>> {
        self.archived().await.by_keys(keys).await
    }

    async fn by_ids(&self, ids: &[MessageId]) -> Result<Vec<Option<Message>>> {
        MessageStore::by_ids(self.archived().await, ids).await
    }

    async fn page(&self, id: ConversationId, from: PageFrom, limit: PageLimit) -> Result<Vec<Message>> {
        self.archived().await.page(id, from, limit).await
    }

    async fn heads(&self, conversations: &[ConversationId]) -> Result<Vec<Option<Seq>>> {
        self.0.heads(conversations).await
    }

    async fn recall(&self, id: MessageId, by: UserId, at: Timestamp) -> Result<RecallOutcome> {
        self.archived().await.recall(id, by, at).await
    }
}

pub(crate) async fn fixture(servers: &'static Servers) -> Fixture {
    over(servers, servers.schema().await, Arc::new(InMemory::new())).await
}

fn over(
    servers: &'static Servers,
    schema: Schema,
    objects: Arc<dyn ObjectStore>,
) -> Pin<Box<dyn Future<Output = Fixture> + Send>> {
    Box::pin(async move {
        let log = slog::Logger::root(slog::Discard, slog::o!());
        let archive = Archive::over(Arc::clone(&objects), ArchiveOptions::default(), log);
        let store = open(servers.options(&schema.name)).await.with_archive(archive);
        let messages = Arc::new(Behind(store.clone()));
        let stores = Stores { messages, ..Stores::all(Arc::new(store.clone())) };
        Fixture::new(stores).with_reopen(Box::new(move || {
            Box::pin(async move {
                store.close().await;
                over(servers, schema, objects).await
            })
        }))
    })
}
