//! One who asks the store for what is missing, while the others who miss it wait for the answer.

use std::hash::Hash;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::watch;

/// Look-ups under way. The key has to name the state of the cache in which the value was missing: who begins to ask after a
/// write must not get an answer from before it.
#[derive(Debug)]
pub(super) struct Flights<K, V>(Mutex<FxHashMap<K, watch::Receiver<Option<V>>>>);

/// Somebody's part in a look-up.
pub(super) enum Part<'a, K: Hash + Eq, V> {
    /// To ask.
    Lead(Lead<'a, K, V>),
    /// To wait.
    Follow(Follow<V>),
}

impl<K: Hash + Eq + Clone, V: Clone> Flights<K, V> {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    pub(super) fn join(&self, key: K) -> Part<'_, K, V> {
        let mut under_way = self.0.lock();
        if let Some(follow) = under_way.get(&key) {
            return Part::Follow(Follow(follow.clone()));
        }
        let (sender, follow) = watch::channel(None);
        under_way.insert(key.clone(), follow);
        Part::Lead(Lead { flights: self, key, sender })
    }
}

/// The one who asks. Dropped without an answer, it sends the others away to ask themselves.
pub(super) struct Lead<'a, K: Hash + Eq, V> {
    flights: &'a Flights<K, V>,
    key: K,
    sender: watch::Sender<Option<V>>,
}

impl<K: Hash + Eq, V> Lead<'_, K, V> {
    pub(super) fn answer(self, value: V) {
        self.sender.send_replace(Some(value));
    }
}

impl<K: Hash + Eq, V> Drop for Lead<'_, K, V> {
    fn drop(&mut self) {
        self.flights.0.lock().remove(&self.key);
    }
}

/// One who waits.
pub(super) struct Follow<V>(watch::Receiver<Option<V>>);

impl<V: Clone> Follow<V> {
    /// The answer; `None` when there will be none.
    pub(super) async fn wait(mut self) -> Option<V> {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_asks_and_all_know() {
        let flights = Flights::new();
        let Part::Lead(lead) = flights.join((1, "a")) else { panic!("the first") };
        let Part::Follow(follow) = flights.join((1, "a")) else { panic!("the second") };
        assert!(matches!(flights.join((1, "b")), Part::Lead(_)), "another state");
        lead.answer(7);
        assert_eq!(follow.wait().await, Some(7));
        let Part::Lead(lead) = flights.join((1, "a")) else { panic!("it is over") };
        let Part::Follow(follow) = flights.join((1, "a")) else { panic!("the second") };
        drop(lead);
        assert_eq!(follow.wait().await, None, "to be asked again");
    }
}
