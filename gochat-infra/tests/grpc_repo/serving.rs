//! What a server says of itself, and how it stops.

use std::sync::Arc;

use gochat_core::model::{ConversationId, MessageId, Timestamp, UserId};
use gochat_core::ports::MessageStore;
use gochat_core::testing::Memory;
use gochat_infra::grpc::serve::ServeConfig;
use gochat_infra::runtime::metrics::Metrics;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::body::Body;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tower::ServiceExt as _;

use crate::kit::{Gate, Served, config, message, ports};

fn channel(served: &Served) -> tonic::transport::Channel {
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", served.address));
    endpoint.expect("an address").connect_lazy()
}

#[tokio::test]
async fn health_is_told_and_its_watchers_do_not_keep_the_server() {
    let served = Served::start(ports(&Arc::new(Memory::new()))).await;
    let mut health = HealthClient::new(channel(&served));
    let whole = HealthCheckRequest::default;
    let status = health.check(whole()).await.expect("answers").into_inner().status;
    assert_eq!(status, i32::from(ServingStatus::Serving));
    let mut watch = health.watch(whole()).await.expect("answers").into_inner();
    let mut next = async || watch.message().await.expect("no error").map(|answer| answer.status);
    assert_eq!(next().await, Some(i32::from(ServingStatus::Serving)));
    served.health.set(false).await;
    assert_eq!(next().await, Some(i32::from(ServingStatus::NotServing)));
    served.health.set(true).await;
    assert_eq!(next().await, Some(i32::from(ServingStatus::Serving)));
    assert!(served.stop().await, "the watcher kept it");
    while next().await.is_some() {}
}

#[tokio::test]
async fn calls_under_way_end_before_the_server_does() {
    let gate = Gate::new();
    let served = Served::start(gate.ports()).await;
    let client = served.client();
    let batch = [message(1, "x")];
    let stopping = CancellationToken::new();
    let stop = async {
        gate.wait(1).await;
        stopping.cancel();
        served.stop().await
    };
    let release = async {
        stopping.cancelled().await;
        // It says no before it ends: by then it is stopping, and the call is still there.
        let mut health = HealthClient::new(channel(&served));
        while health.check(HealthCheckRequest::default()).await.is_ok() {}
        gate.go.add_permits(1);
    };
    let (append, clean, ()) = tokio::join!(client.append(&batch), stop, release);
    assert_eq!(append.expect("it was let end").len(), 1);
    assert!(clean);
}

#[tokio::test]
async fn services_can_be_asked_what_they_are() {
    let served = Served::start(ports(&Arc::new(Memory::new()))).await;
    let mut client = ServerReflectionClient::new(channel(&served));
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let asked = futures_util::stream::iter([list]);
    let mut answers = client.server_reflection_info(asked).await.expect("answers").into_inner();
    let answer = answers.message().await.expect("no error").expect("an answer").message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.iter().map(|s| s.name.as_str()).collect();
    for area in ["User", "Friend", "Login", "Conversation", "Directory", "Group", "Message", "Password"] {
        assert!(names.contains(&&*format!("gochat.repo.v1.{area}Service")), "{area} is not in {names:?}");
    }
    let mut nobody =
        gochat_proto::pb::logic::v1::friends_service_client::FriendsServiceClient::new(channel(&served));
    let status = nobody.list_friends(gochat_proto::pb::logic::v1::ListFriendsRequest::default()).await;
    assert_eq!(status.expect_err("not served here").code(), Code::Unimplemented);
}

#[tokio::test]
async fn calls_are_counted_at_both_ends() {
    let metrics = Metrics::new();
    let (mut serve, mut call) = (ServeConfig::default(), config());
    (serve.calls, call.calls) = (metrics.calls_served.clone(), metrics.calls_made.clone());
    let served = Served::start_with(ports(&Arc::new(Memory::new())), &serve).await;
    let client = served.client_with(call);
    let nobody = ConversationId::new(7).expect("in range");
    for _ in 0..3 {
        client.heads(&[nobody]).await.expect("answers");
    }
    let id = MessageId::new(7).expect("in range");
    let by = UserId::new(7).expect("in range");
    client.recall(id, by, Timestamp::from_millis(0)).await.expect_err("there is none");
    // A name that somebody made up is none of ours.
    for path in ["/made.Up/One", "/made.Up/Two"] {
        let call = http::Request::post(format!("http://{}{path}", served.address)).body(Body::empty());
        channel(&served).oneshot(call.expect("a request")).await.expect("answered");
    }
    let text = metrics.render();
    for end in ["client", "server"] {
        for line in [
            format!(
                "gochat_grpc_{end}_calls_total{{method=\"gochat.repo.v1.MessageService/GetHeads\",code=\"OK\"}} 3"
            ),
            format!(
                "gochat_grpc_{end}_calls_total{{method=\"gochat.repo.v1.MessageService/RecallMessage\",code=\"NOT_FOUND\"}} 1"
            ),
            format!("gochat_grpc_{end}_seconds_count{{method=\"gochat.repo.v1.MessageService/GetHeads\"}} 3"),
        ] {
            assert!(text.lines().any(|l| l == line), "no line {line} in\n{text}");
        }
    }
    let unknown = "gochat_grpc_server_calls_total{method=\"unknown\",code=\"UNIMPLEMENTED\"} 2";
    assert!(text.lines().any(|l| l == unknown) && !text.contains("made.Up"), "{text}");
}
