//! Fills the upstream topic as a gateway would, and reads what the pipeline sends back to that gateway.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gochat_core::model::{
    ClientMsgId, ConversationId, GatewayId, MessageBody, MessageId, Origin, ReplyTo, SendCommand, SessionId,
    UserId,
};
use gochat_core::ports::Upstream as _;
use gochat_infra::kafka::{KafkaConfig, KafkaUpstream, Producer, TopicAdmin, Topics};
use gochat_infra::runtime::metrics::Metrics;
use gochat_proto::pb::events::v1::{Deliveries, event::What};
use prost::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use slog::{Discard, Logger, o};

use super::stage::{Stage, server};
use crate::load::{Tally, content};

/// Sends given to the producer at once.
const CHUNK: usize = 5_000;
/// A conversation, and how many sends it has had.
struct Chat {
    conversation: ConversationId,
    sender: UserId,
    sent: u64,
}

/// A gateway that only sends, and only hears that its sends are stored.
pub(super) struct Feed {
    chats: Vec<Chat>,
    upstream: KafkaUpstream,
    gateway: GatewayId,
    back: BaseConsumer,
    next: usize,
    /// What came back so far, and the next sequence of each conversation in it.
    heard: u64,
    tally: Tally,
    expected: HashMap<u64, u64>,
}

impl Feed {
    pub(super) fn open(stage: &Stage, chats: usize) -> Result<Self> {
        let users = stage.api().users("logic", 2 * chats)?;
        let conversations = stage.api().pairs(&users)?;
        let chat = |(conversation, two): (String, &[crate::load::Login])| -> Result<Chat> {
            let conversation = ConversationId::new(conversation.parse()?).context("a conversation's id")?;
            let sender = UserId::new(two[0].user.parse()?).context("a user's id")?;
            Ok(Chat { conversation, sender, sent: 0 })
        };
        let chats = conversations.into_iter().zip(users.chunks(2)).map(chat).collect::<Result<_>>()?;
        let config = KafkaConfig {
            prefix: stage.cluster.name().to_owned(),
            ..KafkaConfig::new(&server("KAFKA_BROKERS")?)
        };
        let log = Logger::root(Discard, o!());
        let gateway = GatewayId::new("bench").context("a gateway's name")?;
        let upstream = stage.runtime.block_on(async {
            TopicAdmin::new(&config, &log)?.ensure_downstream(&gateway).await?;
            anyhow::Ok(KafkaUpstream::new(Producer::for_sends(&config, &Metrics::new(), &log)?, &config))
        })?;
        let back_topic = Topics::new(&config.prefix).downstream(&gateway);
        let back: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &config.brokers)
            .set("group.id", &back_topic)
            .set("enable.auto.commit", "false")
            .create()?;
        let mut partition = TopicPartitionList::new();
        partition.add_partition_offset(&back_topic, 0, Offset::Beginning)?;
        back.assign(&partition)?;
        let (tally, expected) = (Tally::default(), HashMap::new());
        Ok(Self { chats, upstream, gateway, back, next: 0, heard: 0, tally, expected })
    }

    /// Puts so many sends into the topic, of all chats in turn; returns when brokers have them.
    pub(super) fn fill(&mut self, stage: &Stage, count: usize) -> Result<()> {
        let mut left = count;
        while left > 0 {
            let now = left.min(CHUNK);
            let sends = (0..now).map(|_| self.send()).collect::<Result<Vec<_>>>()?;
            stage.runtime.block_on(self.upstream.submit(sends))?;
            left -= now;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<SendCommand> {
        let at = self.next % self.chats.len();
        self.next += 1;
        // Far below all that the cluster makes: its ids begin with the time.
        let id = MessageId::new(self.next as u64 + 1).context("a message's id")?;
        let chat = &mut self.chats[at];
        chat.sent += 1;
        Ok(SendCommand {
            id,
            conversation: chat.conversation,
            sender: chat.sender,
            guest: false,
            client_msg_id: ClientMsgId::new(&format!("bench-{:031}", chat.sent)).context("a client's id")?,
            body: MessageBody::text(&content()),
            origin: Origin {
                gateway: self.gateway.clone(),
                session: SessionId::new(7),
                reply: ReplyTo::Session(SessionId::new(7).context("a session's id")?),
                tag: None,
            },
        })
    }

    /// Reads what has come back since the last call. How many sends have been answered so far.
    pub(super) fn heard(&mut self) -> Result<u64> {
        while let Some(record) = self.back.poll(Duration::ZERO) {
            let Deliveries { deliveries, .. } = Deliveries::decode(record?.payload().unwrap_or_default())?;
            for delivery in deliveries {
                if let Some(what) = delivery.event.and_then(|event| event.what) {
                    judge(what, &mut self.tally, &mut self.expected, &mut self.heard)?;
                }
            }
        }
        Ok(self.heard)
    }

    /// What was wrong with all that came back: each send must be stored once, in the order of its conversation.
    pub(super) fn check(mut self) -> Result<Tally> {
        ensure!(self.heard()? > 0, "nothing came back");
        for chat in &self.chats {
            let next = self.expected.get(&chat.conversation.get()).copied().unwrap_or(1);
            self.tally.missing += (chat.sent + 1).saturating_sub(next);
        }
        Ok(self.tally)
    }
}

fn judge(what: What, tally: &mut Tally, expected: &mut HashMap<u64, u64>, heard: &mut u64) -> Result<()> {
    match what {
        What::Stored(stored) => {
            *heard += 1;
            let message = stored.view.and_then(|view| view.message).context("a receipt's message")?;
            let next = expected.entry(message.conversation_id).or_insert(1_u64);
            let index: u64 = message.client_msg_id.trim_start_matches("bench-").parse()?;
            if index != message.seq {
                tally.mismatched += 1;
                tally.note(|| format!("send {index} is stored as {}", message.seq));
            }
            match message.seq {
                seq if seq < *next => tally.doubled += 1,
                seq => {
                    tally.missing += seq - *next;
                    *next = seq + 1;
                }
            }
        }
        What::Refused(refused) => {
            *heard += 1;
            tally.errors += 1;
            tally.note(|| refused.code);
        }
        _ => {}
    }
    Ok(())
}
