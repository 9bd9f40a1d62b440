//! The rules' numbers and choices, out of the configuration.

use gochat_core::Settings;
use gochat_core::settings::{AddMembers as CoreAddMembers, WritePolicy as CoreWritePolicy};

use super::choices::{AddMembers, WritePolicy};
use super::sections::Config;

impl Config {
    /// The part of the configuration that the business rules take.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let (chat, auth) = (&self.chat, &self.auth);
        let mut s = Settings::default();
        s.direct_fanout_max = chat.direct_fanout;
        s.content_max = chat.content;
        s.group_name_max = chat.group_name;
        s.group_description_max = chat.group_description;
        s.avatar_max = chat.avatar;
        s.group_members_max = chat.group_members;
        s.mentions_max = chat.mentions;
        s.attachment_max = chat.attachment.as_usize();
        s.page_max = chat.page;
        s.page_default = chat.page_default;
        s.search_default = chat.search_default;
        s.conversations_max = chat.conversations;
        s.friends_max = chat.friends;
        s.recall_window = chat.recall_window;
        s.history_before_join = chat.history_before_join;
        s.write_policy = match chat.write_policy {
            WritePolicy::Anyone => CoreWritePolicy::Anyone,
            WritePolicy::Friends => CoreWritePolicy::Friends,
        };
        s.add_members = match chat.add_members {
            AddMembers::Member => CoreAddMembers::Member,
            AddMembers::Admin => CoreAddMembers::Admin,
        };
        s.group_presence_max = chat.group_presence;
        s.presence_grace = chat.presence_grace;
        s.typing_interval = chat.typing_interval;
        s.access_ttl = auth.access_ttl;
        s.refresh_ttl = auth.refresh_ttl;
        s.refresh_grace = auth.refresh_grace;
        s.sessions_max = self.limits.sessions_per_user;
        s.send_attempts = chat.send_attempts;
        s
    }
}
