//! One node number: free, taken, and reserved ahead.

use etcd_client::{Compare, CompareOp, GetOptions, KeyValue, PutOptions, Txn, TxnOp, TxnOpResponse};
use gochat_core::model::Timestamp;
use slog::{Logger, warn};

use super::super::client::Etcd;
use super::super::error::EtcdError;
use super::super::lease::chance;
use super::{AHEAD_MAX, NodeOptions, span};
use crate::runtime::snowflake::{moment, ticks};

/// A mark as it is written: of one length, so that etcd compares marks as numbers.
fn mark(tick: u64) -> String {
    format!("{:020}", moment(tick).as_millis())
}

fn read_mark(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok().filter(|t| t.len() == 20)?;
    text.parse().ok().map(|ms| ticks(Timestamp::from_millis(ms)))
}

/// A number that is held.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) number: u16,
    pub(super) lease: i64,
    /// The revision at which it was taken: the same key, taken again, has another.
    taken: i64,
    pub(super) start: u64,
    /// The first tick that is not ours; whole milliseconds.
    pub(super) end: u64,
    /// The largest mark that was ever asked for; what is asked for later is never less.
    asked: u64,
}

/// A number that could be taken.
#[derive(Debug)]
struct Free {
    number: u16,
    /// The revision of its mark; 0 when there is none.
    seen: i64,
    start: u64,
}

fn node_key(etcd: &Etcd, number: u16) -> String {
    etcd.key(format_args!("nodes/{number}"))
}

fn mark_key(etcd: &Etcd, number: u16) -> String {
    etcd.key(format_args!("node-marks/{number}"))
}

impl Node {
    /// Takes a free number; `now` is the present tick, or the last used one.
    pub(super) async fn take(
        etcd: &Etcd,
        options: &NodeOptions,
        now: u64,
        log: &Logger,
    ) -> Result<Self, EtcdError> {
        let lease = etcd.grant().await?;
        let taken = Self::take_under(etcd, options, now, lease, log).await;
        if taken.is_err() {
            // What may have been taken without our knowing is free again; or else when the lease ends.
            let _ = etcd.revoke(lease).await;
        }
        taken
    }

    async fn take_under(
        etcd: &Etcd,
        options: &NodeOptions,
        now: u64,
        lease: i64,
        log: &Logger,
    ) -> Result<Self, EtcdError> {
        let mut held;
        // Others may be faster, number by number: each round one of us is.
        for _ in 0..8 {
            let free;
            (free, held) = Self::free(etcd, options, now, log).await?;
            if free.is_empty() {
                let (nodes, key) = (options.nodes.len(), etcd.key(format_args!("nodes/")));
                return Err(EtcdError::NoNode { held, nodes, key });
            }
            for free in free.iter().take(16) {
                if let Some(node) = Self::try_take(etcd, options, free, lease).await? {
                    return Ok(node);
                }
            }
        }
        Err(etcd.odd("taking a node number", "others were faster each time"))
    }

    /// The numbers nobody holds, the best first, and how many are held.
    async fn free(
        etcd: &Etcd,
        options: &NodeOptions,
        now: u64,
        log: &Logger,
    ) -> Result<(Vec<Free>, usize), EtcdError> {
        let all = |path| {
            let prefix = Some(GetOptions::new().with_prefix().with_limit(4_096));
            TxnOp::get(etcd.key(path), prefix)
        };
        let both = Txn::new().and_then([all(format_args!("nodes/")), all(format_args!("node-marks/"))]);
        let found = etcd.call("list of nodes", etcd.kv().txn(both)).await?.op_responses();
        let [TxnOpResponse::Get(nodes), TxnOpResponse::Get(marks)] = &found[..] else {
            return Err(etcd.odd("list of nodes", "an answer to something else"));
        };
        let number = |kv: &KeyValue| kv.key_str().ok()?.rsplit('/').next()?.parse::<u16>().ok();
        let held: std::collections::HashSet<u16> = nodes.kvs().iter().filter_map(number).collect();
        let marks: std::collections::HashMap<u16, &KeyValue> =
            marks.kvs().iter().filter_map(|kv| Some((number(kv)?, kv))).collect();
        // From a place of chance: those who start together don't ask for the same, and a number rests for long.
        let count = options.nodes.len();
        let first = (chance() * count as f64) as usize;
        let mut free = Vec::new();
        for number in options.nodes.clone().cycle().skip(first).take(count).filter(|n| !held.contains(n)) {
            let (seen, start, rank) = match marks.get(&number) {
                // Nobody had it, or etcd has lost its data and somebody still has it: past what that one has reserved.
                None => (0, now + span(options.reserve) * 2, 1),
                Some(kv) => match read_mark(kv.value()) {
                    Some(mark) if mark <= now => (kv.mod_revision(), now, 0),
                    Some(mark) if mark - now <= span(AHEAD_MAX) => (kv.mod_revision(), mark, 2),
                    _ => {
                        warn!(log, "a node number is left alone: its mark is far ahead of this clock, or unreadable";
                            "node" => number, "key" => mark_key(etcd, number));
                        continue;
                    }
                },
            };
            free.push((rank, Free { number, seen, start }));
        }
        free.sort_by_key(|(rank, _)| *rank);
        let held = held.iter().filter(|n| options.nodes.contains(n)).count();
        Ok((free.into_iter().map(|(_, free)| free).collect(), held))
    }

    /// `None` when somebody was faster.
    async fn try_take(
        etcd: &Etcd,
        options: &NodeOptions,
        free: &Free,
        lease: i64,
    ) -> Result<Option<Self>, EtcdError> {
        let (node, marked) = (node_key(etcd, free.number), mark_key(etcd, free.number));
        // From a whole millisecond on, and to one.
        let start = free.start.next_multiple_of(1 << 12);
        let end = start + span(options.reserve);
        let nobody = Compare::create_revision(&*node, CompareOp::Equal, 0);
        let unchanged = Compare::mod_revision(&*marked, CompareOp::Equal, free.seen);
        let put = [
            TxnOp::put(&*node, &*options.holder, Some(PutOptions::new().with_lease(lease))),
            TxnOp::put(&*marked, mark(end), None),
        ];
        let txn = Txn::new().when([nobody, unchanged]).and_then(put);
        let done = etcd.call("taking a node number", etcd.kv().txn(txn)).await?;
        if !done.succeeded() {
            return Ok(None);
        }
        let header =
            done.header().ok_or_else(|| etcd.odd("taking a node number", "an answer without a revision"))?;
        let (number, taken) = (free.number, header.revision());
        Ok(Some(Self { number, lease, taken, start, end, asked: end }))
    }

    /// Reserves up to `end`; `false` when the number is no longer ours.
    pub(super) async fn reserve(&mut self, etcd: &Etcd, end: u64) -> Result<bool, EtcdError> {
        let (node, marked) = (node_key(etcd, self.number), mark_key(etcd, self.number));
        self.asked = self.asked.max(end.next_multiple_of(1 << 12));
        let end = self.asked;
        // Only ever upwards: an attempt that was thought lost may arrive after a later one.
        let ours = Compare::create_revision(&*node, CompareOp::Equal, self.taken);
        let more = Compare::value(&*marked, CompareOp::Less, mark(end));
        let txn = Txn::new()
            .when([ours, more])
            .and_then([TxnOp::put(&*marked, mark(end), None)])
            .or_else([TxnOp::get(node, None), TxnOp::get(marked, None)]);
        let done = etcd.call("reserving identifiers", etcd.kv().txn(txn)).await?;
        if !done.succeeded() {
            let found = done.op_responses();
            let [TxnOpResponse::Get(node), TxnOpResponse::Get(marked)] = &found[..] else {
                return Err(etcd.odd("reserving identifiers", "an answer to something else"));
            };
            let ours = node.kvs().first().is_some_and(|kv| kv.create_revision() == self.taken);
            // An attempt that was thought lost has done it.
            let there = marked.kvs().first().and_then(|kv| read_mark(kv.value())).is_some_and(|m| m >= end);
            if !(ours && there) {
                return Ok(false);
            }
        }
        self.end = end;
        Ok(true)
    }
}
