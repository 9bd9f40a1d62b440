//! A connection between two parts of the system that can be cut, stalled and slowed: a proxy in between.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What becomes of bytes on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// They arrive.
    Fair,
    /// They arrive so much later.
    Slow(Duration),
    /// They arrive when it is over, and nobody is told: as when packets are dropped.
    Still,
    /// What callers say arrives when it is over; what they are told arrives at once.
    Unheard,
    /// What callers say arrives at once, and is acted on; what they are told arrives when it is over.
    Unanswered,
    /// Connections break, and new ones are closed at once.
    Cut,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the one who called.
    There,
    /// To the one who called.
    Back,
}

impl Weather {
    /// Whether what goes this way waits until it is over.
    fn holds(self, way: Way) -> bool {
        match self {
            Self::Still => true,
            Self::Unheard => way == Way::There,
            Self::Unanswered => way == Way::Back,
            Self::Fair | Self::Slow(_) | Self::Cut => false,
        }
    }
}

/// A way to one address, or to several that have the same weather.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    /// They end with this.
    tasks: JoinSet<()>,
}

impl Link {
    /// Listens on a free port of this machine, and passes everything on to `target`.
    ///
    /// # Errors
    /// No port is free.
    pub async fn to(target: String) -> Result<Self> {
        Self::between("127.0.0.1:0", target).await
    }

    /// The same, at an address of which somebody was told before.
    ///
    /// # Errors
    /// It is taken.
    pub async fn between(listen: &str, target: String) -> Result<Self> {
        let listener = TcpListener::bind(listen).await.with_context(|| listen.to_owned())?;
        let address = listener.local_addr()?;
        let (weather, _) = watch::channel(Weather::Fair);
        let mut link = Self { address, weather, tasks: JoinSet::new() };
        link.serve(listener, target);
        Ok(link)
    }

    /// Leads from one more address to one more, under the same weather.
    ///
    /// # Errors
    /// The address is taken.
    pub async fn and(mut self, listen: &str, target: String) -> Result<Self> {
        let listener = TcpListener::bind(listen).await.with_context(|| listen.to_owned())?;
        self.serve(listener, target);
        Ok(self)
    }

    fn serve(&mut self, listener: TcpListener, target: String) {
        let seen = self.weather.subscribe();
        self.tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let (target, seen) = (target.clone(), seen.clone());
                connections.spawn(async move {
                    if *seen.borrow() != Weather::Cut
                        && let Ok(far) = TcpStream::connect(target).await
                    {
                        carry(near, far, seen).await;
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
    }

    /// Where to connect instead.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the weather, for connections that are open too.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

async fn carry(near: TcpStream, far: TcpStream, weather: watch::Receiver<Weather>) {
    let _ = near.set_nodelay(true);
    let _ = far.set_nodelay(true);
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    let mut cut = weather.clone();
    tokio::select! {
        () = pump(Way::There, near_in, far_out, weather.clone()) => {}
        () = pump(Way::Back, far_in, near_out, weather) => {}
        _ = cut.wait_for(|now| *now == Weather::Cut) => {}
    }
}

async fn pump(
    way: Way,
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let n = match from.read(&mut buffer).await {
            Ok(n) if n > 0 => n,
            _ => return,
        };
        let now = *weather.borrow();
        if let Weather::Slow(by) = now {
            tokio::time::sleep(by).await;
        }
        if weather.wait_for(|now| !now.holds(way)).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

/// All links of a cluster, by what they lead to: `primary`, `redis`, `etcd`, `im-repo-1`; and `kafka`, which is the way of
/// `im-gateway-1` alone.
pub type Links = BTreeMap<String, Link>;

/// The same URL, by way of a link.
pub(super) async fn through(url: &str, name: &str, links: &mut Links) -> Result<String> {
    let after = url.find("://").map_or(0, |at| at + 3);
    let begin = url[after..].find('@').map_or(after, |at| after + at + 1);
    let end = url[begin..].find('/').map_or(url.len(), |at| begin + at);
    let link = Link::to(url[begin..end].to_owned()).await.with_context(|| name.to_owned())?;
    let changed = format!("{}{}{}", &url[..begin], link.address(), &url[end..]);
    links.insert(name.to_owned(), link);
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_link_carries_stalls_and_cuts() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let target = listener.local_addr().expect("an address").to_string();
        let mut links = Links::new();
        let url = through(&format!("redis://user:pw@{target}/3"), "redis", &mut links).await.expect("a link");
        let link = &links["redis"];
        assert_eq!(url, format!("redis://user:pw@{}/3", link.address()));

        let mut near = TcpStream::connect(link.address()).await.expect("connected");
        let (mut far, _) = listener.accept().await.expect("connected on");
        near.write_all(b"one").await.expect("written");
        let mut read = [0; 3];
        far.read_exact(&mut read).await.expect("carried");

        link.set(Weather::Still);
        near.write_all(b"two").await.expect("written");
        let stalled = tokio::time::timeout(Duration::from_millis(100), far.read_exact(&mut read)).await;
        assert!(stalled.is_err(), "nothing arrives");
        link.set(Weather::Fair);
        far.read_exact(&mut read).await.expect("it arrives when it is over");
        assert_eq!(&read, b"two");

        for (weather, word) in [(Weather::Unheard, *b"six"), (Weather::Unanswered, *b"ten")] {
            link.set(weather);
            let (from, to) = match weather {
                Weather::Unheard => (&mut near, &mut far),
                _ => (&mut far, &mut near),
            };
            from.write_all(&word).await.expect("written");
            to.write_all(b"yes").await.expect("written");
            from.read_exact(&mut read).await.expect("the other way it arrives");
            assert_eq!(&read, b"yes");
            let stalled = tokio::time::timeout(Duration::from_millis(100), to.read_exact(&mut read)).await;
            assert!(stalled.is_err(), "{weather:?} lets nothing through this way");
            link.set(Weather::Fair);
            to.read_exact(&mut read).await.expect("it arrives when it is over");
            assert_eq!(read, word);
        }

        link.set(Weather::Cut);
        assert_eq!(far.read(&mut read).await.unwrap_or(0), 0, "cut");
    }
}
