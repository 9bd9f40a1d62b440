//! The port by which deliveries reach the gateways that hold their sessions.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::join;
use gochat_core::model::{Audience, ConversationId, Delivery, Event, GatewayId, UserId};
use gochat_core::ports::{Deliver, Result};
use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};
use slog::{Logger, info, warn};

use super::consumer::Schema;
use super::error::{is_absent, produce_error};
use super::facts::fact;
use super::{KafkaConfig, Outgoing, Producer, Topics};
use crate::routes::{Detours, Gateways, Routes};
use crate::wire;
use crate::wire::deliveries::{Bundle, To, event_part};

/// A gateway without a topic is left alone for so long.
const GONE_FOR: Duration = Duration::from_secs(5);
/// Most gateways remembered as gone.
const GONE_MAX: usize = 1_024;
/// With at least so many users for each gateway, a list goes whole to all gateways. To ask where a user is costs Redis and
/// us some microseconds; a gateway finds in a tenth of one that it has nobody of that name, and an id has eight bytes.
const WHOLE: usize = 64;
/// A record for a gateway takes in no more once it has so many bytes: what a gateway has in hand at once stays small.
const RECORD: usize = 256 << 10;
/// What a record holds.
pub(super) const SCHEMA: &str = "gochat.events.v1.Deliveries";
const OPERATION: &str = "kafka.deliver";

/// Brings deliveries to gateways: one record for each of them holds all that a call has for it, with the recipients there; or
/// with all recipients, when they are many and the gateways few. Large conversations go to the fan-out topic instead. A call
/// returns when all records are durable.
#[derive(Debug)]
pub struct KafkaDeliver {
    producer: Producer,
    routes: Arc<dyn Routes>,
    topics: Topics,
    fanout: Arc<str>,
    gone: Mutex<FxHashMap<GatewayId, Instant>>,
    detours: Option<Arc<dyn Detours>>,
    facts: Option<Arc<str>>,
    record_bytes: usize,
    log: Logger,
}

/// Where an audience is, as it goes into records: encoded once for all events of a batch that share it.
type Parts = Arc<[(GatewayId, To)]>;

impl KafkaDeliver {
    /// Over a producer made by [`Producer::for_deliveries`].
    #[must_use]
    pub fn new(producer: Producer, routes: Arc<dyn Routes>, config: &KafkaConfig, log: &Logger) -> Self {
        let topics = Topics::new(&config.prefix);
        let (fanout, gone, log) = (topics.fanout().into(), Mutex::default(), log.clone());
        let record_bytes = config.record_bytes.min(RECORD);
        Self { producer, routes, topics, fanout, gone, detours: None, facts: None, record_bytes, log }
    }

    /// Keeps the order of conversations that shrink below the limit of direct delivery in mid-stream: for whoever decides
    /// between the two ways, which is the pipeline, not the fan-out itself.
    #[must_use]
    pub fn keeping_order(mut self, detours: Arc<dyn Detours>) -> Self {
        self.detours = Some(detours);
        self
    }

    /// Writes the fact that a message is stored to the events topic, beside each delivery of a new one: for whoever delivers
    /// what was stored, which is the pipeline, not the fan-out itself.
    #[must_use]
    pub fn with_facts(mut self) -> Self {
        self.facts = Some(self.topics.events().into());
        self
    }

    /// The conversations whose messages in this batch must go through the fan-out though their members are few. Notes those
    /// that go there anyway, before they do.
    async fn detours(&self, batch: &[Delivery]) -> FxHashSet<ConversationId> {
        let Some(detours) = &self.detours else { return FxHashSet::default() };
        let (mut far, mut near) = (FxHashSet::default(), FxHashSet::default());
        for delivery in batch {
            match (&delivery.audience, &delivery.event) {
                (Audience::Members(conversation), _) => drop(far.insert(*conversation)),
                // Two are never many.
                (Audience::Users(list), Event::NewMessage(view)) if list.len() > 2 => {
                    near.insert(view.message.conversation);
                }
                _ => {}
            }
        }
        let (far, near): (Vec<_>, Vec<_>) = (far.into_iter().collect(), near.into_iter().collect());
        let noted = async { if far.is_empty() { Ok(()) } else { detours.note(&far).await } };
        let asked = async { if near.is_empty() { Ok(Vec::new()) } else { detours.lately(&near).await } };
        let (noted, lately) = join(noted, asked).await;
        let lately = noted.and(lately).unwrap_or_else(|e| {
            warn!(self.log, "messages may overtake others in groups that shrink"; "error" => %e);
            Vec::new()
        });
        near.into_iter()
            .zip(lately)
            .filter(|(_, lately)| *lately)
            .map(|(conversation, _)| conversation)
            .collect()
    }

    /// Where everybody is whom the batch names, asked for at once.
    async fn whereabouts(&self, batch: &[Delivery]) -> Result<Whereabouts> {
        let whole = WHOLE * self.routes.gateways_guess().max(1);
        let mut seen = FxHashSet::default();
        let mut lists = FxHashSet::default();
        let mut users = Vec::new();
        let mut to_all = false;
        for delivery in batch {
            match &delivery.audience {
                Audience::Everyone => to_all = true,
                Audience::Users(list) if list.len() >= whole => to_all = true,
                // Messages of one conversation share their list.
                Audience::Users(list) if lists.insert(list.as_ptr().addr()) => {
                    users.extend(list.iter().filter(|user| seen.insert(**user)));
                }
                Audience::Login(user, _) | Audience::Session(user, _) => {
                    users.extend(seen.insert(*user).then_some(*user));
                }
                _ => {}
            }
        }
        let routes =
            async { if users.is_empty() { Ok(Vec::new()) } else { self.routes.gateways_of(&users).await } };
        let all = async { if to_all { self.routes.gateways().await } else { Ok(Vec::new()) } };
        let (routes, all) = join(routes, all).await;
        Ok(Whereabouts { routes: users.iter().copied().zip(routes?).collect(), all: all?, whole })
    }

    fn is_gone(&self, gateway: &GatewayId) -> bool {
        self.gone.lock().get(gateway).is_some_and(|since| since.elapsed() < GONE_FOR)
    }

    fn note_gone(&self, gateway: &GatewayId) {
        let mut gone = self.gone.lock();
        if gone.len() >= GONE_MAX {
            gone.retain(|_, since| since.elapsed() < GONE_FOR);
        }
        if gone.len() < GONE_MAX && gone.insert(gateway.clone(), Instant::now()).is_none() {
            info!(self.log, "a gateway has no topic, so its sessions are gone"; "gateway" => gateway.as_str());
        }
    }
}

fn conversation_of(delivery: &Delivery) -> Option<ConversationId> {
    match &delivery.event {
        Event::NewMessage(view) => Some(view.message.conversation),
        _ => None,
    }
}

/// Where those are whom a batch names.
struct Whereabouts {
    routes: FxHashMap<UserId, Gateways>,
    /// All gateways, when something goes to all of them.
    all: Vec<GatewayId>,
    /// A list of so many goes to all gateways.
    whole: usize,
}

impl Whereabouts {
    fn of_everyone(&self) -> Parts {
        self.everywhere(&To::whole(&Audience::Everyone))
    }

    fn of_users(&self, users: &[UserId]) -> Parts {
        if users.len() >= self.whole {
            return self.everywhere(&To::list(users));
        }
        let mut at: FxHashMap<&GatewayId, Vec<u64>> = FxHashMap::default();
        let mut order = Vec::new();
        for user in users {
            for gateway in self.of_user(*user) {
                match at.entry(gateway) {
                    Entry::Occupied(mut list) => list.get_mut().push(user.get()),
                    Entry::Vacant(list) => {
                        order.push(gateway);
                        list.insert(vec![user.get()]);
                    }
                }
            }
        }
        let parts = order.into_iter().map(|gateway| {
            let ids = at.remove(gateway).unwrap_or_default();
            (gateway.clone(), To::numbers(ids))
        });
        parts.collect()
    }

    fn of_user(&self, user: UserId) -> &[GatewayId] {
        self.routes.get(&user).map_or(&[], |gateways| gateways)
    }

    fn everywhere(&self, to: &To) -> Parts {
        self.all.iter().map(|gateway| (gateway.clone(), to.clone())).collect()
    }
}

#[async_trait]
impl Deliver for KafkaDeliver {
    async fn deliver(&self, batch: Vec<Delivery>) -> Result<()> {
        let (known, detours) = join(self.whereabouts(&batch), self.detours(&batch)).await;
        let known = known?;
        let mut everyone: Option<Parts> = None;
        let mut lists: FxHashMap<usize, Parts> = FxHashMap::default();
        let mut bundles = Bundles { records: Vec::new(), open: Vec::new(), places: FxHashMap::default() };
        for delivery in &batch {
            let whole = |gateway: &GatewayId| (gateway.clone(), To::whole(&delivery.audience));
            let parts: Parts = match &delivery.audience {
                Audience::Users(users) => {
                    if let Some(conversation) = conversation_of(delivery).filter(|c| detours.contains(c)) {
                        let audience = Audience::Members(conversation);
                        let task = self.task(&Delivery { audience, ..delivery.clone() }, conversation);
                        bundles.records.push((task, None));
                        continue;
                    }
                    lists.entry(users.as_ptr().addr()).or_insert_with(|| known.of_users(users)).clone()
                }
                Audience::Origin(origin) => Arc::new([whole(&origin.gateway)]),
                Audience::Everyone => everyone.get_or_insert_with(|| known.of_everyone()).clone(),
                Audience::Login(user, _) | Audience::Session(user, _) => {
                    known.of_user(*user).iter().map(whole).collect()
                }
                Audience::Members(conversation) => {
                    bundles.records.push((self.task(delivery, *conversation), None));
                    continue;
                }
                _ => continue,
            };
            if parts.is_empty() {
                continue;
            }
            let event = event_part(delivery);
            for (gateway, to) in &*parts {
                bundles.add(self, gateway, &event, to);
            }
        }
        let (mut records, mut gateways): (Vec<_>, Vec<_>) = bundles.finish().into_iter().unzip();
        if let Some(topic) = &self.facts {
            records.extend(batch.iter().filter_map(|delivery| fact(topic, delivery)));
            gateways.resize(records.len(), None);
        }
        let outcomes = self.producer.produce_each(OPERATION, &records).await?;
        let mut live: Option<Vec<GatewayId>> = None;
        for (outcome, gateway) in outcomes.into_iter().zip(gateways) {
            match (outcome, gateway) {
                (Ok(()), _) => {}
                (Err(e), Some(gateway)) if is_absent(&e) => {
                    // A broker that starts again may not know a topic for a moment. A gateway is gone when its lease is, too:
                    // else its sessions would miss what nobody will send again.
                    let live = match &mut live {
                        Some(live) => live,
                        none => none.insert(self.routes.gateways().await?),
                    };
                    if live.contains(&gateway) {
                        return Err(produce_error(OPERATION, e));
                    }
                    self.note_gone(&gateway);
                }
                (Err(e), _) => return Err(produce_error(OPERATION, e)),
            }
        }
        Ok(())
    }
}

impl KafkaDeliver {
    fn task(&self, delivery: &Delivery, conversation: ConversationId) -> Outgoing {
        Outgoing {
            topic: Arc::clone(&self.fanout),
            key: Some(conversation.to_string()),
            schema: Delivery::SCHEMA,
            traceparent: None,
            payload: wire::encode(delivery),
        }
    }
}

/// The records of a call in the making.
struct Bundles {
    /// Those that are done, and the gateway that each is for, if it is for one.
    records: Vec<(Outgoing, Option<GatewayId>)>,
    open: Vec<(GatewayId, Arc<str>, Bundle)>,
    /// The place among `open` of each gateway; none of one that is gone.
    places: FxHashMap<GatewayId, Option<usize>>,
}

impl Bundles {
    /// Adds a delivery to what `gateway` gets.
    fn add(&mut self, by: &KafkaDeliver, gateway: &GatewayId, event: &[u8], to: &To) {
        let open = &mut self.open;
        let place = *self.places.entry(gateway.clone()).or_insert_with(|| {
            if by.is_gone(gateway) {
                return None;
            }
            open.push((gateway.clone(), by.topics.downstream(gateway).into(), Bundle::default()));
            Some(open.len() - 1)
        });
        let Some((gateway, topic, bundle)) = place.map(|place| &mut open[place]) else { return };
        if !bundle.is_empty() && bundle.len_with(event, to) > by.record_bytes {
            self.records.push((record(topic, std::mem::take(bundle)), Some(gateway.clone())));
        }
        bundle.push(event, to);
    }

    fn finish(self) -> Vec<(Outgoing, Option<GatewayId>)> {
        let mut records = self.records;
        let open = self.open.into_iter();
        records.extend(open.map(|(gateway, topic, bundle)| (record(&topic, bundle), Some(gateway))));
        records
    }
}

fn record(topic: &Arc<str>, bundle: Bundle) -> Outgoing {
    Outgoing {
        topic: Arc::clone(topic),
        key: None,
        schema: SCHEMA,
        traceparent: None,
        payload: bundle.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;

    fn user(n: u64) -> UserId {
        UserId::new(n).expect("in range")
    }

    fn gateway(name: &str) -> GatewayId {
        GatewayId::new(name).expect("a name")
    }

    fn read(parts: &Parts) -> Vec<(&str, Vec<u64>)> {
        let delivery = Delivery {
            event: Event::FriendOnline { user: user(9), online: true },
            audience: Audience::Everyone,
            except: None,
        };
        let ids = |to: &To| {
            let mut bundle = Bundle::default();
            bundle.push(&event_part(&delivery), to);
            let read = wire::deliveries::read(&bundle.into_bytes()).expect("deliveries");
            match &read[0].as_ref().expect("a delivery").audience {
                Audience::Users(users) => wire::numbers(users),
                other => panic!("{other:?}"),
            }
        };
        parts.iter().map(|(gateway, to)| (gateway.as_str(), ids(to))).collect()
    }

    #[test]
    fn users_are_grouped_by_gateway_in_their_order() {
        let routes = FxHashMap::from_iter([
            (user(2), smallvec![gateway("a"), gateway("b")]),
            (user(3), smallvec![]),
            (user(4), smallvec![gateway("b")]),
        ]);
        let known = Whereabouts { routes, all: Vec::new(), whole: 5 };
        let parts = known.of_users(&[user(2), user(3), user(4), user(5)]);
        assert_eq!(read(&parts), [("a", vec![2]), ("b", vec![2, 4])]);
    }

    #[test]
    fn many_users_go_whole_to_every_gateway() {
        let known =
            Whereabouts { routes: FxHashMap::default(), all: vec![gateway("a"), gateway("b")], whole: 3 };
        let parts = known.of_users(&[user(2), user(3), user(4)]);
        assert_eq!(read(&parts), [("a", vec![2, 3, 4]), ("b", vec![2, 3, 4])]);
    }
}
