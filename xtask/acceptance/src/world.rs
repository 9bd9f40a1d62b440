//! What a case is given: the server, and fresh people on it.

use std::sync::Arc;

use anyhow::{Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::{OnceCell, RwLock};

use crate::client::{Base, Call, Http, Socket};
use crate::json::Json;
use crate::user::{Group, User};

/// Every user's password here.
pub const PASSWORD: &str = "correct horse 1";

/// The server under test. Cloning shares it.
#[derive(Clone, Debug)]
pub struct World {
    /// Calls without a token.
    pub http: Http,
    /// Held shared by each case, and exclusively by those that need the server to themselves.
    pub alone: Arc<RwLock<()>>,
    /// One case at a time writes in the world conversation and counts there.
    pub world_room: Arc<tokio::sync::Mutex<()>>,
    crowd: Arc<OnceCell<Crowd>>,
}

/// A group above the limit of direct delivery (500), made once for all cases that want one.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// Its owner.
    pub owner: User,
    /// The group.
    pub group: Group,
    /// Members who can log in with [`PASSWORD`]: id and name.
    pub members: Vec<(String, String)>,
}

/// How many members the crowd has besides its owner.
pub const CROWD: usize = 520;

/// Twelve random letters and digits after `prefix`.
pub fn fresh(prefix: &str) -> String {
    let mut bytes = [0u8; 8];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    let mut number = u64::from_le_bytes(bytes);
    let mut text = prefix.to_owned();
    for _ in 0..12 {
        text.push(char::from(b"abcdefghijklmnopqrstuvwxyz012345"[(number & 31) as usize]));
        number >>= 5;
    }
    text
}

impl World {
    /// The server at `base`.
    pub fn new(base: Base) -> Self {
        Self {
            http: Http::new(base),
            alone: Arc::default(),
            world_room: Arc::default(),
            crowd: Arc::new(OnceCell::new()),
        }
    }

    /// Where the server is.
    pub fn base(&self) -> &Base {
        self.http.base()
    }

    /// Begins a call without a token.
    pub fn call(&self, method: &str, path: &str) -> Call {
        self.http.call(method, path)
    }

    /// A new user, logged in.
    pub async fn user(&self) -> Result<User> {
        self.user_named(&fresh("u_")).await
    }

    /// A new user of this name, logged in.
    pub async fn user_named(&self, name: &str) -> Result<User> {
        self.register(name).await?;
        self.login(name, PASSWORD).await
    }

    /// Registers, and gives the user object.
    pub async fn register(&self, name: &str) -> Result<Value> {
        let body = json!({"username": name, "password": PASSWORD});
        let reply = self.call("POST", "/auth/register").json(&body).send().await?;
        Ok(reply.ok(201)?.at("user")?.clone())
    }

    /// Logs in.
    pub async fn login(&self, name: &str, password: &str) -> Result<User> {
        let body = json!({"username": name, "password": password});
        let reply = self.call("POST", "/auth/login").json(&body).send().await?;
        User::from_login(&self.http, reply.ok(200)?, password)
    }

    /// A guest with a chosen name.
    pub async fn guest(&self) -> Result<User> {
        let body = json!({"guestName": fresh("g_")});
        let reply = self.call("POST", "/auth/guest").json(&body).send().await?;
        User::from_login(&self.http, reply.fine()?, "")
    }

    /// Two users.
    pub async fn two(&self) -> Result<(User, User)> {
        tokio::try_join!(self.user(), self.user())
    }

    /// Three users.
    pub async fn three(&self) -> Result<(User, User, User)> {
        tokio::try_join!(self.user(), self.user(), self.user())
    }

    /// Many users, made a few at a time.
    pub async fn users(&self, count: usize) -> Result<Vec<User>> {
        stream::iter(0..count).map(|_| self.user()).buffered(8).try_collect().await
    }

    /// Two friends and their conversation.
    pub async fn two_friends(&self) -> Result<(User, User, String)> {
        let (alice, bob) = self.two().await?;
        let chat = alice.befriend(&bob).await?;
        Ok((alice, bob, chat))
    }

    /// An owner, two members, and their group.
    pub async fn group_of_three(&self) -> Result<(User, User, User, Group)> {
        let (owner, ann, ben) = self.three().await?;
        let group = owner.group(&[&ann, &ben]).await?;
        Ok((owner, ann, ben, group))
    }

    /// An owner, an admin, a member, and their group.
    pub async fn ranks(&self) -> Result<(User, User, User, Group)> {
        let (owner, admin, member, group) = self.group_of_three().await?;
        let path = format!("/groups/{}/members/{}", group.id, admin.id);
        owner.put(&path, json!({"role": "admin"})).await?.ok(200)?;
        Ok((owner, admin, member, group))
    }

    /// A group of more than 500.
    pub async fn crowd(&self) -> Result<Crowd> {
        self.crowd.get_or_try_init(|| self.gather()).await.cloned()
    }

    async fn gather(&self) -> Result<Crowd> {
        let owner = self.user().await?;
        let joining = stream::iter(0..CROWD).map(|_| async {
            let name = fresh("m_");
            let user = self.register(&name).await?;
            Ok::<_, anyhow::Error>((user.text("userId")?.to_owned(), name))
        });
        let members: Vec<(String, String)> = joining.buffered(8).try_collect().await?;
        let group = owner.group_named("crowd", &[]).await?;
        for part in members.chunks(100) {
            let ids: Vec<&str> = part.iter().map(|(id, _)| id.as_str()).collect();
            owner.post(&format!("/groups/{}/members", group.id), json!({"members": ids})).await?.fine()?;
        }
        Ok(Crowd { owner, group, members })
    }

    /// A socket by any path and headers; a refusal gives its status.
    pub async fn dial(&self, path: &str, headers: &[(&str, &str)]) -> Result<Result<Socket, u16>> {
        Socket::dial(self.base(), path, headers).await
    }

    /// The server is well: `GET /healthz` says so, and a fresh user can chat.
    pub async fn healthy(&self) -> Result<()> {
        let reply = self.http.outside("GET", "/healthz").send().await?;
        ensure!(reply.status.is_success(), "GET /healthz{}", reply.shown());
        let (alice, bob, chat) = self.two_friends().await?;
        let (mut a, mut b) = (alice.connect().await?, bob.connect().await?);
        a.say(&chat, "still there?").await?;
        b.hears("still there?").await?;
        Ok(())
    }
}
