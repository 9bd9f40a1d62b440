//! History: pages of 50 from a long conversation, from both ends and from the middle.

use std::time::Instant;

use hdrhistogram::Histogram;

use super::{Outcome, Verdict, grouped, millis};
use crate::load::{Api, Http, LaneSpec, Lanes, Login, histogram};
use crate::run::Bench;

const PAGE: u64 = 50;

pub(crate) fn run(bench: &Bench) -> anyhow::Result<Outcome> {
    anyhow::ensure!(!bench.bare_only, "the bare server has no history");
    let folder = tempfile::tempdir()?;
    let server = bench.gochat(folder.path())?;
    let api = Api { to: server.at };
    let users = api.users("history", 2)?;
    let conversation = api.pairs(&users)?.remove(0);
    let begun = Instant::now();
    {
        // The partner is offline: only storing is wanted here.
        let paths = vec![users[0].path()];
        Lanes::open(server.at, &[LaneSpec { conversation: conversation.clone(), paths }])?
            .fill(bench.history, 512)?;
    }
    let filled = begun.elapsed().as_secs_f64();
    println!("{} messages sent in {filled:.1} s", grouped(bench.history as f64));
    let mut pages = Pages { http: Http::connect(server.at)?, reader: &users[0], conversation: &conversation };
    let requests = if bench.quick { 200 } else { 2_000 };
    let last = bench.history / PAGE;
    let kinds = [
        ("first page", format!("page=1&size={PAGE}"), bench.history - PAGE + 1),
        ("last page", format!("page={last}&size={PAGE}"), 1),
        (
            "middle page",
            format!("page={}&size={PAGE}", last / 2 + 1),
            bench.history - (last / 2 + 1) * PAGE + 1,
        ),
        ("afterSeq=0", format!("afterSeq=0&limit={PAGE}"), 1),
        (
            "afterSeq in the middle",
            format!("afterSeq={}&limit={PAGE}", bench.history / 2),
            bench.history / 2 + 1,
        ),
    ];
    let mut details =
        vec!["| | p50 ms | p99 ms | max ms |".to_owned(), "| --- | --- | --- | --- |".to_owned()];
    let mut worst = Vec::new();
    let mut profile = bench.profile(&server, "history")?;
    for (name, query, first_seq) in &kinds {
        let took = pages.time(query, *first_seq, requests)?;
        let (p50, p99) = (millis(took.value_at_quantile(0.5)), millis(took.value_at_quantile(0.99)));
        details.push(format!("| {name} | {p50:.2} | {p99:.2} | {:.2} |", millis(took.max())));
        worst.push((p50, p99));
    }
    profile.as_mut().map(|child| child.wait()).transpose()?;
    details.push(format!(
        "\n{requests} requests each, one after the other, on one connection. Filling went at {} messages/s: \
         one sender, 512 in flight, one conversation.",
        grouped(bench.history as f64 / filled)
    ));
    let (first, last) = (worst[0], worst[1]);
    let within = (first.0 / last.0).max(last.0 / first.0);
    let p99 = first.1.max(last.1);
    let verdict = if within > 2.0 { Verdict::Missed } else { Verdict::at_most(p99, 5.0, 1.0) };
    Ok(Outcome {
        name: "history",
        what: "page of 50 from a conversation of 1 million messages, first and last page, p99",
        reached: format!(
            "first p50 {:.2} p99 {:.2} ms, last p50 {:.2} p99 {:.2} ms; within {within:.1}x",
            first.0, first.1, last.0, last.1
        ),
        bare: "-".into(),
        others: "-",
        must: "both under 5 ms p99, within 2x",
        aim: "1 ms",
        verdict,
        clean: true,
        checks: "each page holds what it should".into(),
        details,
    })
}

struct Pages<'a> {
    http: Http,
    reader: &'a Login,
    conversation: &'a str,
}

impl Pages<'_> {
    fn time(&mut self, query: &str, first_seq: u64, requests: usize) -> anyhow::Result<Histogram<u64>> {
        let path = format!("/api/conversations/{}/messages?{query}", self.conversation);
        let answer = self.http.json("GET", &path, Some(&self.reader.token), "")?;
        let seqs: Vec<u64> =
            answer["data"].as_array().into_iter().flatten().filter_map(|m| m["seq"].as_u64()).collect();
        let wanted: Vec<u64> = (first_seq..first_seq + PAGE).collect();
        anyhow::ensure!(
            seqs == wanted,
            "{query}: expected {PAGE} messages from seq {first_seq}, got {seqs:?}"
        );
        let length = self.http.body.len();
        let mut took = histogram();
        for _ in 0..requests {
            let begun = Instant::now();
            let status = self.http.call("GET", &path, Some(&self.reader.token), "")?;
            took.saturating_record(begun.elapsed().as_nanos() as u64);
            anyhow::ensure!(
                status == 200 && self.http.body.len() == length,
                "{query}: another answer, {status}"
            );
        }
        Ok(took)
    }
}
