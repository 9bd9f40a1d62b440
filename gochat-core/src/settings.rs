//! The rules' numbers and choices; every one with its default.

use std::time::Duration;

/// What an operator may set of the business rules.
///
/// ```
/// use std::time::Duration;
/// use gochat_core::Settings;
///
/// let mut settings = Settings::default();
/// settings.recall_window = Duration::from_secs(600);
/// assert_eq!(settings.direct_fanout_max, 500);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Up to so many members a message is delivered directly; above, by a fan-out task. Members; 500.
    pub direct_fanout_max: u32,
    /// Longest content of a message, in Unicode scalar values; 5,000.
    pub content_max: usize,
    /// Longest group name, in Unicode scalar values; 50.
    pub group_name_max: usize,
    /// Longest group description, in Unicode scalar values; 500.
    pub group_description_max: usize,
    /// Longest address of a picture, in bytes; 2,048.
    pub avatar_max: usize,
    /// Most members of a group; 100,000.
    pub group_members_max: u32,
    /// Most mentions in a message; 100.
    pub mentions_max: usize,
    /// Largest attachment description, in bytes of JSON; 8,192.
    pub attachment_max: usize,
    /// Largest page; 100.
    pub page_max: u32,
    /// Page size when none is asked for; 50.
    pub page_default: u32,
    /// Page size of searches when none is asked for; 20.
    pub search_default: u32,
    /// Most conversations in one list; 1,000.
    pub conversations_max: u32,
    /// Most friends of one user; 5,000.
    pub friends_max: u32,
    /// How long a sender may recall a message; 2 minutes.
    pub recall_window: Duration,
    /// Whether members read what was written before they joined; yes.
    pub history_before_join: bool,
    /// Who may open a single chat with whom, and write in it.
    pub write_policy: WritePolicy,
    /// Who may add members to a group; everybody in it.
    pub add_members: AddMembers,
    /// Presence in groups is told in groups of up to so many members; 200.
    pub group_presence_max: u32,
    /// How long a user must be away before it is told, so that a reconnect says nothing; 5 s.
    pub presence_grace: Duration,
    /// Least time between two typing notices of one user in one conversation; 2 s.
    pub typing_interval: Duration,
    /// How long an access token is good for; 24 hours.
    pub access_ttl: Duration,
    /// How long a refresh token is good for; 30 days.
    pub refresh_ttl: Duration,
    /// For so long a used refresh token gets the same answer again (the first answer was lost); 10 s.
    pub refresh_grace: Duration,
    /// Most sessions of one user at a time; the oldest goes. 50.
    pub sessions_max: u32,
    /// Tries of one batch when other writers interfere or the store is away for a moment; 5.
    pub send_attempts: u32,
}

/// Who may open a single chat with whom, and write in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WritePolicy {
    /// Anybody with anybody.
    Anyone,
    /// Only friends.
    Friends,
}

/// Who may add members to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddMembers {
    /// Every member.
    Member,
    /// The owner and admins.
    Admin,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            direct_fanout_max: 500,
            content_max: 5_000,
            group_name_max: 50,
            group_description_max: 500,
            avatar_max: 2_048,
            group_members_max: 100_000,
            mentions_max: 100,
            attachment_max: 8_192,
            page_max: 100,
            page_default: 50,
            search_default: 20,
            conversations_max: 1_000,
            friends_max: 5_000,
            recall_window: Duration::from_secs(120),
            history_before_join: true,
            write_policy: WritePolicy::Anyone,
            add_members: AddMembers::Member,
            group_presence_max: 200,
            presence_grace: Duration::from_secs(5),
            typing_interval: Duration::from_secs(2),
            access_ttl: Duration::from_secs(24 * 3600),
            refresh_ttl: Duration::from_secs(30 * 24 * 3600),
            refresh_grace: Duration::from_secs(10),
            sessions_max: 50,
            send_attempts: 5,
        }
    }
}
