//! Every key, once: its type, its default, its text.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use gochat_core::Settings;

use super::choices::{AddMembers, Compression, LogFormat, LogLevel, MetricsAccess, WritePolicy};
use super::raw::Raw;
use super::section::{Key, Section, sections};
use super::setting::{Secret, Setting, Share, Size};

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

sections! {
    /// Where clients connect.
    server: Server {
        /// Address and port to listen on. 127.0.0.1 is this machine only; 0.0.0.0 is every network it is in.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        /// Most connections at a time; further ones wait in the system's queue.
        max_connections: usize = 15_000;
        /// Pages of other origins that may use the API: `https://chat.example.com`, "localhost" (any port), or "*".
        allowed_origins: Vec<String> = vec!["localhost".to_owned()];
        /// Proxies whose X-Forwarded-For tells the client's address: addresses, or ranges such as "10.0.0.0/8".
        trusted_proxies: Vec<String> = Vec::new();
        /// Certificate chain (PEM). With it and the key, the server speaks HTTPS and WSS only.
        tls_cert: Option<PathBuf> = None;
        /// Private key of the certificate (PEM).
        tls_key: Option<PathBuf> = None;
        /// How long a client may take for the head of a request, also between two requests.
        head_timeout: Duration = seconds(30);
        /// Largest head of a request.
        head: Size = Size(16 << 10);
        /// How long sockets and queues may take to end when the program stops.
        shutdown_grace: Duration = seconds(30);
        /// Over how long clients are told to spread their reconnecting when the program stops.
        restart_spread: Duration = seconds(10);
        /// Threads for everything but storage and passwords; 0 is one for each core.
        threads: usize = 0;
    }

    /// What is kept, and where.
    data: Data {
        /// Folder of the database and the signing keys. Made at first start; one process at a time.
        folder: PathBuf = PathBuf::from("./gochat-data");
        /// Threads that read from the database.
        readers: usize = 2;
        /// Calls that may wait to be written; further ones are refused as UNAVAILABLE.
        write_queue: usize = 4_096;
        /// Calls that may wait to be read; further ones are refused as UNAVAILABLE.
        read_queue: usize = 4_096;
        /// Memory for pages of the writer.
        writer_cache: Size = Size(32 << 20);
        /// Memory for pages of each reader.
        reader_cache: Size = Size(8 << 20);
        /// Memory for the members of conversations.
        members_cache: Size = Size(32 << 20);
        /// Users kept in memory.
        users_cache: usize = 20_000;
        /// Logins kept in memory.
        logins_cache: usize = 50_000;
        /// Largest size of the database; unset, the disk's. What does not fit is refused.
        size_max: Option<Size> = None;
    }

    /// Accounts, passwords and tokens.
    auth: Auth {
        /// Two to the power of this many rounds of bcrypt for a password, 4 to 31. 10 takes about 50 ms of one core.
        bcrypt_cost: u32 = 10;
        /// Threads that hash passwords; 0 is one for each core, at most 4.
        bcrypt_threads: usize = 0;
        /// Logins that may wait for a password to be checked; further ones are refused as UNAVAILABLE.
        bcrypt_queue: usize = 256;
        /// How long an access token is good for.
        access_ttl: Duration = seconds(24 * 3600);
        /// How long a refresh token is good for.
        refresh_ttl: Duration = seconds(30 * 24 * 3600);
        /// For so long a used refresh token gets the same answer again, as the first answer may have been lost.
        refresh_grace: Duration = seconds(10);
        /// What tokens are signed with: 32 bytes or more, or the lines of a key file (docs/operations.md).
        /// Unset, it is made at first start and kept in the data folder.
        jwt_secret: Option<Secret> = None;
    }

    /// What clients may do, and how much. A rate of 0 is no limit; this machine is exempt from those by address.
    limits: Limits {
        /// Largest body of an HTTP request.
        body: Size = Size(1 << 20);
        /// Largest WebSocket message.
        frame: Size = Size(64 << 10);
        /// Bytes that may wait for one session; a client that reads slower is cut off with 4000 and catches up by `sync`.
        session_queue: Size = Size(1 << 20);
        /// Sessions of one user; the oldest goes.
        sessions_per_user: u32 = 50;
        /// Messages a user may send a second, in the long run.
        sends_per_second: u32 = 20;
        /// Messages a user may send at once.
        send_burst: u32 = 100;
        /// Failed logins of one name, in `login_window`.
        login_failures_per_name: u32 = 10;
        /// Failed logins from one address, in `login_window`.
        login_failures_per_address: u32 = 50;
        /// The time over which failed logins are counted.
        login_window: Duration = seconds(300);
        /// Registrations from one address a minute.
        registrations_per_minute: u32 = 30;
        /// Guests from one address a minute.
        guests_per_minute: u32 = 60;
        /// Bad frames in a row after which a socket is closed with 4502.
        bad_frames: u32 = 10;
        /// Messages that go through the pipeline at once.
        batch: usize = 4_096;
        /// Messages that may wait for the pipeline; senders beyond wait, and then get UNAVAILABLE.
        send_queue: usize = 16_384;
        /// How long a send may wait for its place in the pipeline.
        send_timeout: Duration = seconds(4);
        /// How long a batch is tried again while the database is away, before its senders are told.
        send_retry: Duration = seconds(3);
    }

    /// How dead connections are found.
    heartbeat: Heartbeat {
        /// Silence after which the server pings.
        ping: Duration = seconds(30);
        /// Silence after which a connection is closed with 4001.
        dead: Duration = seconds(75);
    }

    /// The rules of chatting.
    chat: Chat {
        /// Up to so many members a message is delivered directly; above, by a task in pages.
        direct_fanout: u32 = Settings::default().direct_fanout_max;
        /// Longest message, in characters.
        content: usize = Settings::default().content_max;
        /// Longest group name, in characters.
        group_name: usize = Settings::default().group_name_max;
        /// Longest group description, in characters.
        group_description: usize = Settings::default().group_description_max;
        /// Longest address of a picture, in bytes.
        avatar: usize = Settings::default().avatar_max;
        /// Most members of a group.
        group_members: u32 = Settings::default().group_members_max;
        /// Most mentions in a message.
        mentions: usize = Settings::default().mentions_max;
        /// Largest description of an attachment.
        attachment: Size = Size(Settings::default().attachment_max as u64);
        /// Largest page.
        page: u32 = Settings::default().page_max;
        /// Size of a page when none is asked for.
        page_default: u32 = Settings::default().page_default;
        /// Size of a page of search results when none is asked for.
        search_default: u32 = Settings::default().search_default;
        /// Most conversations in one list.
        conversations: u32 = Settings::default().conversations_max;
        /// Most friends of one user.
        friends: u32 = Settings::default().friends_max;
        /// How long one's own message may be recalled.
        recall_window: Duration = Settings::default().recall_window;
        /// Whether members read what was written before they joined.
        history_before_join: bool = Settings::default().history_before_join;
        /// Who may write to whom: "anyone" or "friends".
        write_policy: WritePolicy = WritePolicy::Anyone;
        /// Who may add members to a group: "member" or "admin" (owners and admins).
        add_members: AddMembers = AddMembers::Member;
        /// Groups of up to so many members tell who is online.
        group_presence: u32 = Settings::default().group_presence_max;
        /// How long a user must be away before it is told, so that a reconnect says nothing.
        presence_grace: Duration = Settings::default().presence_grace;
        /// Least time between two typing notices of one user in one conversation.
        typing_interval: Duration = Settings::default().typing_interval;
        /// Tries of one batch of messages when the database is away for a moment.
        send_attempts: u32 = Settings::default().send_attempts;
    }

    /// What the program tells of itself.
    log: Log {
        /// "terminal" for people, "json" for programs; one record a line, on stderr.
        format: LogFormat = LogFormat::Terminal;
        /// The least important records that are written: "critical", "error", "warning", "info", "debug" or "trace".
        level: LogLevel = LogLevel::Info, reloads;
        /// Records that may wait to be written; further ones are dropped and counted.
        queue: usize = 4_096;
        /// How many records with one text are written in ten seconds; further ones are counted. 0 is no limit.
        repeats: u32 = 20;
    }

    /// One of several processes (im-gateway, im-logic, im-repo, im-task). The one process `gochat` needs none of this.
    service: Service {
        /// Its name among its like; unset, one is made at each start. Letters, digits, `-` and `_`.
        instance: Option<String> = None;
        /// Address and port for calls of other services; port 0 is any that is free.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        /// How others reach it, such as "10.0.0.7:9000"; unset, by `listen`.
        advertise: Option<String> = None;
        /// Address and port for probes and counters (/healthz, /readyz, /metrics); unset, none. im-gateway has them beside the API.
        ops: Option<SocketAddr> = None;
        /// Longest time for a call to another service. Less than the 4.8 s that clients get an answer in.
        call_timeout: Duration = Duration::from_millis(4_500);
        /// Calls that are worked on at a time; further ones wait.
        calls: usize = 1_024;
        /// Largest call or answer.
        call_size: Size = Size(16 << 20);
        /// How often im-logic looks for changes that others were not told of, since a process died or Kafka was away.
        outbox_look: Duration = seconds(5);
    }

    /// The database of im-repo: MySQL 8.0 or MariaDB 10.11.
    mysql: Mysql {
        /// Its primary: mysql://user:password@host:port/database; `?require_ssl=true` for TLS.
        primary: Option<Secret> = None;
        /// Its replicas, separated by spaces.
        replicas: Option<Secret> = None;
        /// Most connections to each server.
        connections: usize = 16;
        /// Calls that may wait for a connection; further ones are refused as UNAVAILABLE.
        waiting: usize = 1_024;
        /// Longest wait for a connection.
        patience: Duration = seconds(2);
        /// Longest time for a call, with its repetitions.
        time: Duration = seconds(10);
        /// Times that a transaction is begun again when others were in the way.
        retries: u32 = 8;
    }

    /// What services share and may lose: sequences, sessions, deduplication, caches.
    redis: Redis {
        /// Where it is: redis://user:password@host:port/number; for a cluster several, separated by spaces.
        url: Option<Secret> = None;
        /// What all keys begin with.
        prefix: String = "gochat".to_owned();
        /// Longest time for a call.
        timeout: Duration = Duration::from_millis(500);
        /// Longest time to connect.
        connect_timeout: Duration = seconds(2);
    }

    /// Records between services.
    kafka: Kafka {
        /// Brokers to begin with: "host:port".
        brokers: Vec<String> = Vec::new();
        /// What all topics begin with.
        prefix: String = "gochat".to_owned();
        /// Partitions of the topics that are shared; made so at first start. It bounds how many im-logic or im-task can share the work.
        partitions: u32 = 32;
        /// Copies of each record.
        replication: u32 = 1;
        /// How long records are kept.
        retention: Duration = seconds(7 * 24 * 3600);
        /// How long a gateway must be gone before its topic is removed.
        gateway_absent: Duration = seconds(600);
        /// How long a gateway waits for a message to be taken, before the client is told to try again.
        accept_timeout: Duration = seconds(4);
        /// Records of one partition that are worked on at once.
        batch: usize = 500;
        /// How records are packed on their way to brokers and on their disks: "none", "lz4" or "zstd".
        compression: Compression = Compression::Lz4;
    }

    /// Who is there.
    etcd: Etcd {
        /// Its members: "http://host:port".
        endpoints: Vec<String> = Vec::new();
        /// What all keys begin with.
        prefix: String = "/gochat".to_owned();
        /// User, where it wants one.
        user: Option<String> = None;
        /// Password of the user.
        password: Option<Secret> = None;
        /// After so long without a sign of life an instance counts as gone.
        lease: Duration = seconds(10);
        /// Longest time for a call.
        timeout: Duration = seconds(3);
    }

    /// Old messages outside of the database: im-repo moves and reads them, im-task says when. Set for one, set for all of its kind.
    archive: Archive {
        /// im-repo: the folder of the archives, the same one for all im-repo; unset, there are none. It stays set for as long as
        /// old messages are to be read.
        to: Option<PathBuf> = None;
        /// im-task: age at which the content of a message is moved, such as "90d"; unset, none is.
        after: Option<Duration> = None;
        /// Between two rounds through all conversations.
        every: Duration = seconds(3_600);
        /// Between two portions of a round: time for those who chat.
        pause: Duration = seconds(1);
        /// Least messages of one portion; fewer old ones wait until there are as many.
        least: u32 = 100;
        /// Most messages of one portion.
        most: u32 = 1_000;
        /// Most content of one portion.
        portion: Size = Size(2 << 20);
        /// Memory of each im-repo for what was read from archives lately.
        cache: Size = Size(64 << 20);
    }

    /// Systems outside that hear of messages, by signed webhooks. Of im-task and im-logic; both take the same addresses.
    hooks: Hooks {
        /// Where notifications for members who are away are posted: an http or https address; unset, nobody is notified.
        push_url: Option<Secret> = None;
        /// Signs them: "whsec_" and base64 of 24 to 64 bytes; several, separated by spaces, while one is changed for another.
        push_secret: Option<Secret> = None;
        /// Most notifications in one request.
        push_batch: usize = 100;
        /// In groups of more members than this, those are notified who are mentioned.
        push_members: u32 = 500;
        /// Least time between two notifications of one conversation to one user.
        push_collapse: Duration = seconds(10);
        /// Whether the content of messages goes along.
        push_content: bool = false;
        /// Who is asked, after storing, whether a message may stay: an http or https address; unset, nobody.
        moderation_url: Option<Secret> = None;
        /// Signs the questions; as `push_secret`.
        moderation_secret: Option<Secret> = None;
        /// Questions of one partition that are open at a time.
        moderation_calls: usize = 8;
        /// Longest time for one try of a request.
        timeout: Duration = seconds(5);
        /// Tries of a request; after the last the message goes to the dead letters, which im-task replays.
        tries: u32 = 4;
    }

    /// What requests do on their way through the services. Each has a trace id in any case.
    trace: Trace {
        /// Who records it: an OpenTelemetry collector that takes OTLP over gRPC, "http://host:port"; unset, nobody. Of the four services.
        endpoint: Option<String> = None;
        /// The share of requests that are recorded, 0 to 1.
        sample: Share = Share(0.1);
    }

    /// Counters for Prometheus at GET /metrics.
    metrics: Metrics {
        /// Who may read them: "loopback" (this machine), "all", or "off".
        access: MetricsAccess = MetricsAccess::Loopback;
    }
}
