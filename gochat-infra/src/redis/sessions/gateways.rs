//! Which gateways live, as it was known a moment ago.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::Value;
use gochat_core::model::GatewayId;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::super::answer;

/// What was known at one time.
#[derive(Debug, Clone)]
pub(super) struct View {
    fetched: Instant,
    pub(super) live: Vec<GatewayId>,
    pub(super) dead: Vec<GatewayId>,
    /// The living by name, and `None` for the dead.
    by_name: FxHashMap<Box<str>, Option<GatewayId>>,
}

/// What is known of a gateway that a session names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    Lives(&'a GatewayId),
    Dead,
    /// It began after the view was made, or nobody remembers it.
    Unknown,
}

impl View {
    /// Reads an answer of the `gateways` script.
    fn read(answer: &Value, fetched: Instant) -> Option<Self> {
        let mut names = answer::list(answer)?.iter();
        let count = usize::try_from(answer::number(names.next()?)?).ok()?;
        let mut ids = names.filter_map(|name| GatewayId::new(answer::text(name)?));
        let live: Vec<_> = ids.by_ref().take(count).collect();
        let dead: Vec<_> = ids.collect();
        let lives = live.iter().map(|id| (id.as_str().into(), Some(id.clone())));
        let by_name = dead.iter().map(|id| (id.as_str().into(), None)).chain(lives).collect();
        Some(Self { fetched, live, dead, by_name })
    }

    pub(super) fn standing(&self, name: &str) -> Standing<'_> {
        match self.by_name.get(name) {
            Some(Some(id)) => Standing::Lives(id),
            Some(None) => Standing::Dead,
            None => Standing::Unknown,
        }
    }

    /// Adds what was found out about gateways that it did not know.
    pub(super) fn learn(&mut self, id: GatewayId, lives: bool) {
        self.by_name.insert(id.as_str().into(), lives.then_some(id));
    }
}

/// The newest view.
#[derive(Debug)]
pub(super) struct Gateways {
    age: Duration,
    view: Mutex<Option<Arc<View>>>,
}

impl Gateways {
    pub(super) fn new(age: Duration) -> Self {
        Self { age, view: Mutex::new(None) }
    }

    /// The view, if it is new enough to go by.
    pub(super) fn fresh(&self) -> Option<Arc<View>> {
        self.newest().filter(|view| view.fetched.elapsed() < self.age)
    }

    /// The view, whatever its age.
    pub(super) fn newest(&self) -> Option<Arc<View>> {
        self.view.lock().clone()
    }

    /// Takes an answer that was asked for at `asked`.
    pub(super) fn take(&self, answer: &Value, asked: Instant) -> Option<Arc<View>> {
        let view = Arc::new(View::read(answer, asked)?);
        self.put(view.clone());
        Some(view)
    }

    /// Keeps a view unless there is a newer one.
    pub(super) fn put(&self, view: Arc<View>) {
        let mut kept = self.view.lock();
        if kept.as_ref().is_none_or(|kept| kept.fetched <= view.fetched) {
            *kept = Some(view);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_tells_the_living_from_the_dead() {
        let names = ["2", "gw-1", "gw-2", "gw-0", "no name"];
        let answer = names.map(|name| Value::BulkString(name.into())).to_vec();
        let now = Instant::now();
        let mut view = View::read(&Value::Array(answer), now).expect("an answer");
        assert_eq!(view.live.iter().map(GatewayId::as_str).collect::<Vec<_>>(), ["gw-1", "gw-2"]);
        assert_eq!(view.dead.iter().map(GatewayId::as_str).collect::<Vec<_>>(), ["gw-0"]);
        assert_eq!(view.standing("gw-1"), Standing::Lives(&view.live[0]));
        assert_eq!(view.standing("gw-0"), Standing::Dead);
        assert_eq!(view.standing("gw-9"), Standing::Unknown);
        view.learn(GatewayId::new("gw-9").expect("a name"), true);
        assert!(matches!(view.standing("gw-9"), Standing::Lives(_)));
        assert!(View::read(&Value::Nil, now).is_none());
        let cache = Gateways::new(Duration::ZERO);
        cache.put(Arc::new(view));
        assert!(cache.fresh().is_none(), "too old at once");
    }
}
