//! One request's way through several processes is one tree of spans at a collector, and a collector that is away costs nothing.
#![cfg(all(feature = "otel", feature = "grpc", feature = "web"))]

mod collector;
mod processes;

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use collector::{Collected, Collector};
use gochat_infra::runtime::Supervisor;
use gochat_infra::runtime::metrics::Metrics;
use gochat_infra::runtime::trace::otlp::{Otlp, OtlpConfig};
use gochat_infra::runtime::trace::{HEADER, SpanKind, TraceContext, Tracer};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind as Kind;
use processes::{Processes, log, nowhere};
use tower::ServiceExt as _;

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

fn register(name: &str, traceparents: &[&str]) -> Request<Body> {
    let mut request = Request::post("/api/auth/register").header("content-type", "application/json");
    for traceparent in traceparents {
        request = request.header(HEADER, *traceparent);
    }
    let body = format!(r#"{{"username":"{name}","password":"secret-1"}}"#);
    request.body(Body::from(body)).expect("a request")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The part of `parent` that `service` did as `kind`.
fn part<'a>(spans: &'a [Collected], service: &str, kind: Kind, parent: &[u8]) -> &'a Collected {
    let fits =
        |s: &&Collected| s.service == service && s.span.kind() == kind && s.span.parent_span_id == parent;
    let found: Vec<_> = spans.iter().filter(fits).collect();
    assert!(!found.is_empty(), "{service} has no {kind:?} below {}: {spans:#?}", hex(parent));
    found[0]
}

#[tokio::test]
async fn a_request_is_one_tree_through_three_processes() {
    let mut collector = Collector::start().await;
    let processes = Processes::start(|service, supervisor| {
        let mut config = OtlpConfig::new(&collector.endpoint, service, "one");
        config.linger = Duration::from_millis(10);
        let exporter = Otlp::start(config, supervisor, &Metrics::new(), &log()).expect("an address");
        Tracer::new(std::sync::Arc::new(exporter), 1.0)
    })
    .await;
    let answer = processes.router.clone().oneshot(register("ada", &[GIVEN])).await.expect("an answer");
    assert_eq!(answer.status(), 201);
    // What is left is exported at the end.
    processes.stop().await;
    let spans = collector.all();

    let given = TraceContext::parse(GIVEN.as_bytes()).expect("a context");
    let request = part(&spans, "gateway", Kind::Server, &given.span_id().to_be_bytes());
    assert_eq!(hex(&request.span.trace_id), given.trace_id().to_string());
    assert_eq!(request.span.name, "POST /api/auth/register");
    let call = part(&spans, "gateway", Kind::Client, &request.span.span_id);
    assert_eq!(call.span.name, "gochat.logic.v1.AccountsService/Register");
    let handled = part(&spans, "logic", Kind::Server, &call.span.span_id);
    assert_eq!(handled.span.name, call.span.name);
    let asked = part(&spans, "logic", Kind::Client, &handled.span.span_id);
    let stored = part(&spans, "repo", Kind::Server, &asked.span.span_id);
    assert!(stored.span.name.starts_with("gochat.repo.v1."), "{}", stored.span.name);
    for one in &spans {
        assert_eq!(one.span.trace_id, request.span.trace_id, "{one:?}");
        assert!(one.span.end_time_unix_nano >= one.span.start_time_unix_nano);
        assert_eq!(one.instance, "one");
    }
    collector.stop().await;
}

#[tokio::test]
async fn contexts_follow_where_nothing_is_recorded_and_hostile_ones_are_ignored() {
    let processes = Processes::start(|_, _| Tracer::default()).await;
    let given = TraceContext::parse(GIVEN.as_bytes()).expect("a context").trace_id();
    let seen = |name: &'static str, headers: &'static [&'static str]| {
        let (router, store) = (processes.router.clone(), processes.store.clone());
        async move {
            router.oneshot(register(name, headers)).await.expect("an answer");
            store.seen.lock().pop().expect("the store was called")
        }
    };
    // The store at the far end of two calls works for the one who asked.
    assert_eq!(seen("ada", &[GIVEN]).await.trace_id(), given);
    const LONG: &[&str] =
        &["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-and-more-that-has-no-meaning"];
    let made = [
        seen("bob", &[]).await,
        seen("cat", &["garbage"]).await,
        seen("dan", LONG).await,
        seen("eve", &["00-00000000000000000000000000000000-b7ad6b7169203331-01"]).await,
        // Two are none.
        seen("fay", &[GIVEN, GIVEN]).await,
    ]
    .map(|context| context.trace_id());
    for (at, id) in made.iter().enumerate() {
        assert!(*id != given && !made[..at].contains(id), "{at}: {id}");
    }
    processes.stop().await;
}

#[tokio::test]
async fn a_failure_answers_the_id_of_its_trace() {
    let processes = Processes::start(|_, _| Tracer::default()).await;
    let ask = |headers: HeaderMap| {
        let mut request = Request::get("/api/users/info").body(Body::empty()).expect("a request");
        request.headers_mut().extend(headers);
        processes.failure(request)
    };
    let given = HeaderMap::from_iter([(HEADER.parse().expect("a name"), GIVEN.parse().expect("a value"))]);
    assert_eq!(ask(given).await, "0af7651916cd43dd8448eb211c80319c");
    let (first, second) = (ask(HeaderMap::new()).await, ask(HeaderMap::new()).await);
    assert!(first != second && first.len() == 32, "{first} {second}");
    processes.stop().await;
}

#[tokio::test]
async fn a_collector_that_is_away_costs_a_count() {
    let (supervisor, metrics) = (Supervisor::new(&log()), Metrics::new());
    let mut config = OtlpConfig::new(&nowhere(), "gateway", "one");
    (config.queue, config.batch, config.linger) = (4, 2, Duration::ZERO);
    let exporter = Otlp::start(config, &supervisor, &metrics, &log()).expect("an address");
    let tracer = Tracer::new(std::sync::Arc::new(exporter), 1.0);
    // Nobody waits: more than the queue holds, and never a word from the other side.
    for _ in 0..100 {
        drop(tracer.span(None, SpanKind::Server, || "x".into()));
    }
    assert!(metrics.spans_dropped.get() >= 90, "{}", metrics.spans_dropped.get());
    assert!(supervisor.shutdown(Duration::from_secs(20)).await.is_clean());
    assert_eq!((metrics.spans_dropped.get(), metrics.spans_exported.get()), (100, 0));
}

#[tokio::test]
async fn a_collector_that_hangs_does_not_keep_the_process() {
    // It accepts, and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", silent.local_addr().expect("bound"));
    let (supervisor, metrics) = (Supervisor::new(&log()), Metrics::new());
    let mut config = OtlpConfig::new(&endpoint, "gateway", "one");
    config.last_words = Duration::from_millis(100);
    config.timeout = Duration::from_secs(3_600);
    let exporter = Otlp::start(config, &supervisor, &metrics, &log()).expect("an address");
    let tracer = Tracer::new(std::sync::Arc::new(exporter), 1.0);
    drop(tracer.span(None, SpanKind::Server, || "x".into()));
    assert!(supervisor.shutdown(Duration::from_secs(60)).await.is_clean());
    assert_eq!(metrics.spans_dropped.get(), 1);
}
