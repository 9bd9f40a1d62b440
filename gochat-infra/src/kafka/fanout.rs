//! im-task's handler: what goes to all members of a large conversation, in pages of members.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join;
use gochat_core::model::{Audience, ConversationId, Delivery, PageLimit};
use gochat_core::ports::{Deliver, Directory, Retry, StoreError};

use slog::{Logger, warn};

use super::consumer::{Handler, HandlerError, Record};
use crate::routes::Detours;

/// Members of one page.
const PAGE: u32 = 1_000;

/// Turns members into users, page by page. Tasks of one conversation that come together share one walk over its members;
/// each page gets them in their order.
#[derive(Debug)]
pub struct FanoutHandler {
    directory: Arc<dyn Directory>,
    deliver: Arc<dyn Deliver>,
    detours: Arc<dyn Detours>,
    log: Logger,
}

/// A failure, and the place in the batch of the record that it is due to.
struct Failed {
    index: usize,
    error: StoreError,
    alone: bool,
}

impl FanoutHandler {
    /// Finds members by `directory`, and hands pages on to `deliver` (a [`KafkaDeliver`](super::KafkaDeliver)).
    #[must_use]
    pub fn new(
        directory: Arc<dyn Directory>,
        deliver: Arc<dyn Deliver>,
        detours: Arc<dyn Detours>,
        log: &Logger,
    ) -> Self {
        Self { directory, deliver, detours, log: log.clone() }
    }

    async fn walk(&self, conversation: ConversationId, tasks: &[(usize, &Delivery)]) -> Result<(), Failed> {
        let failed = |error| Failed {
            index: tasks.first().map_or(0, |(index, _)| *index),
            error,
            alone: tasks.len() == 1,
        };
        let limit = PageLimit::new(PAGE, PAGE).expect("a page has more than no members");
        let mut page = self.directory.member_ids(conversation, None, limit).await.map_err(failed)?;
        while let Some(last) = page.last().copied() {
            let more = page.len() >= PAGE as usize;
            let users = Audience::Users(page.into());
            let batch = tasks.iter().map(|(_, task)| Delivery {
                event: task.event.clone(),
                audience: users.clone(),
                except: task.except,
            });
            // Others are on the next page, so nobody's order hangs on which of the two is done first.
            let next = async {
                if more {
                    self.directory.member_ids(conversation, Some(last), limit).await
                } else {
                    Ok(Vec::new())
                }
            };
            let (delivered, next) = join(self.deliver.deliver(batch.collect()), next).await;
            delivered.map_err(failed)?;
            page = next.map_err(failed)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Handler<Delivery> for FanoutHandler {
    async fn handle(&self, _: i32, batch: &[Record<Delivery>]) -> Result<(), HandlerError> {
        let mut conversations: Vec<(ConversationId, Vec<(usize, &Delivery)>)> = Vec::new();
        for (index, record) in batch.iter().enumerate() {
            let Audience::Members(conversation) = record.value.audience else {
                return Err(HandlerError::Poison { index, reason: "it is not for members".to_owned() });
            };
            match conversations.iter_mut().find(|(of, _)| *of == conversation) {
                Some((_, tasks)) => tasks.push((index, &record.value)),
                None => conversations.push((conversation, vec![(index, &record.value)])),
            }
        }
        // What waits here must not be overtaken, however far behind this is.
        let waiting: Vec<_> = conversations.iter().map(|(conversation, _)| *conversation).collect();
        if let Err(e) = self.detours.note(&waiting).await {
            warn!(self.log, "messages may overtake others in groups that shrink"; "error" => %e);
        }
        for (conversation, tasks) in conversations {
            let Err(mut failed) = self.walk(conversation, &tasks).await else { continue };
            if failed.error.retry() == Retry::Never && !failed.alone {
                // One of them is to blame: each alone.
                let mut blamed = None;
                for task in &tasks {
                    if let Err(one) = self.walk(conversation, std::slice::from_ref(task)).await {
                        blamed = Some(one);
                        break;
                    }
                }
                let Some(one) = blamed else { continue };
                failed = one;
            }
            if failed.error.retry() == Retry::Never {
                return Err(HandlerError::Poison { index: failed.index, reason: failed.error.to_string() });
            }
            return Err(failed.error.into());
        }
        Ok(())
    }
}
