//! Wires what systems outside hear of, where the settings name them.

use std::sync::Arc;
use std::time::Duration;

use gochat_core::usecase::moderation::{Moderation, ModerationPorts};
use gochat_core::usecase::push::{Push, PushPorts, PushRules};
use gochat_infra::grpc::repo::RepoClient;
use gochat_infra::hooks::{HttpModerator, Webhook, WebhookConfig, WebhookError, WebhookPush};
use gochat_infra::kafka::{
    GroupConsumer, Handler, KafkaConfig, KafkaDeliver, MessageStored, ModerationHandler, Producer,
    PushHandler, Topics,
};
use gochat_infra::process::Problems;
use gochat_infra::process::config::Config;
use gochat_infra::redis::RedisSessions;
use gochat_infra::service::{Node, options};

/// Users and conversations of which it is remembered that they were notified: about 100 bytes each.
const REMEMBERED: usize = 200_000;
/// Facts that are handled together: more make fewer requests, and more is done again after a crash.
const BATCH: usize = 100;
/// Time for a batch beside its slowest request.
const ROOM: Duration = Duration::from_secs(60);

/// Checks the settings.
pub(crate) fn check(config: &Config) -> Result<(), Problems> {
    options::push(config)?;
    options::moderation(config)?;
    Ok(())
}

/// What the consumers stand on.
pub(crate) struct Hooks<'a> {
    pub(crate) node: &'a Node,
    pub(crate) kafka: &'a KafkaConfig,
    pub(crate) producer: &'a Producer,
    pub(crate) repo: Arc<RepoClient>,
    pub(crate) sessions: Arc<RedisSessions>,
    pub(crate) deliver: Arc<KafkaDeliver>,
}

impl Hooks<'_> {
    /// Starts a consumer for each system that is named, each in a group of its own: one that is slow holds up no other.
    pub(crate) fn start(self, config: &Config) -> anyhow::Result<()> {
        let clock = &self.node.clock;
        if let Some(webhook) = options::push(config)? {
            let ports = PushPorts {
                sender: Arc::new(WebhookPush::new(self.webhook("push", &webhook)?)),
                users: self.repo.clone(),
                conversations: self.repo.clone(),
                directory: self.repo.clone(),
                messages: self.repo.clone(),
                sessions: self.sessions.clone(),
            };
            let rules = PushRules {
                members_max: config.hooks.push_members,
                collapse: config.hooks.push_collapse,
                content: config.hooks.push_content,
                batch: config.hooks.push_batch,
                remembered: REMEMBERED,
            };
            self.consume("push", &webhook, Arc::new(PushHandler::new(Push::new(ports, rules))))?;
        }
        if let Some(webhook) = options::moderation(config)? {
            let ports = ModerationPorts {
                moderator: Arc::new(HttpModerator::new(self.webhook("moderation", &webhook)?)),
                messages: self.repo.clone(),
                directory: self.repo.clone(),
                deliver: self.deliver.clone(),
                clock: clock.clone(),
            };
            let moderation = Moderation::new(ports, config.settings().direct_fanout_max, &self.node.log);
            let handler = ModerationHandler::new(moderation, config.hooks.moderation_calls);
            self.consume("moderation", &webhook, Arc::new(handler))?;
        }
        Ok(())
    }

    fn webhook(&self, name: &'static str, config: &WebhookConfig) -> Result<Webhook, WebhookError> {
        let webhook = Webhook::new(config.clone(), self.node.clock.clone())?;
        Ok(webhook.counted(name, &self.node.metrics))
    }

    fn consume(
        &self,
        group: &'static str,
        webhook: &WebhookConfig,
        handler: Arc<dyn Handler<MessageStored>>,
    ) -> anyhow::Result<()> {
        let kafka = KafkaConfig {
            batch_records: self.kafka.batch_records.min(BATCH),
            handler_timeout: webhook.longest().saturating_add(ROOM),
            // The adapters make the tries.
            poison_attempts: 1,
            ..self.kafka.clone()
        };
        let topic = Topics::new(&kafka.prefix).events();
        let Node { supervisor, metrics, log, .. } = self.node;
        GroupConsumer::start(
            &kafka,
            &topic,
            group,
            handler,
            self.producer.clone(),
            supervisor,
            metrics,
            log,
        )?;
        Ok(())
    }
}
