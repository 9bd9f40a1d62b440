//! What is too large or too much is refused, and nothing else suffers.

use gochat_core::model::{ConversationId, PageLimit, Seq};
use gochat_core::ports::{ErrorKind, MessageStore, PageFrom, Retry};
use gochat_infra::grpc::serve::ServeConfig;

use crate::kit::{Gate, Served, config, message};

#[tokio::test]
async fn what_is_too_large_is_named_so_on_every_way() {
    let gate = Gate::new();
    gate.go.add_permits(10);
    let mut bounds = ServeConfig::default();
    bounds.message_max = 10_000;
    let served = Served::start_with(gate.ports(), &bounds).await;
    let mut narrow = config();
    narrow.message_max = 5_000;
    let (narrow, wide) = (served.client_with(narrow), served.client());
    let large = [message(1, &"x".repeat(20_000))];
    let mid = [message(1, &"x".repeat(7_000))];
    let page = |n| {
        let limit = PageLimit::new(n, n).expect("at least 1");
        (ConversationId::WORLD, PageFrom::After(Seq::ZERO), limit)
    };
    // More than the client sends; more than the server takes.
    for result in [narrow.append(&mid).await, wide.append(&large).await] {
        let error = result.expect_err("too large");
        assert_eq!((error.kind(), error.retry()), (ErrorKind::TooLarge, Retry::Never), "{error:?}");
    }
    // More than the client takes; more than the server sends.
    let (conversation, from, limit) = page(7);
    let error = narrow.page(conversation, from, limit).await.expect_err("too large");
    assert_eq!((error.kind(), error.retry()), (ErrorKind::TooLarge, Retry::Never), "{error:?}");
    let (conversation, from, limit) = page(70);
    let error = wide.page(conversation, from, limit).await.expect_err("too large");
    assert_eq!((error.kind(), error.retry()), (ErrorKind::TooLarge, Retry::Never), "{error:?}");
    // What fits goes on as if nothing had been.
    let (conversation, from, limit) = page(3);
    assert_eq!(narrow.page(conversation, from, limit).await.expect("fits").len(), 3);
    assert_eq!(wide.append(&mid).await.expect("fits").len(), 1);
    assert_eq!(narrow.append(&[message(1, "x")]).await.expect("fits").len(), 1);
}

#[tokio::test]
async fn too_many_calls_are_refused_undone() {
    let gate = Gate::new();
    let mut bounds = ServeConfig::default();
    bounds.calls_max = 2;
    let served = Served::start_with(gate.ports(), &bounds).await;
    // Each client has a connection of its own: the bound is over all of them.
    let clients = [served.client(), served.client(), served.client()];
    let batch = [message(1, "x")];
    let under_way = async { tokio::join!(clients[0].append(&batch), clients[1].append(&batch)) };
    let one_more = async {
        gate.wait(2).await;
        let refused = clients[2].append(&batch).await.expect_err("refused");
        assert_eq!((refused.kind(), refused.retry()), (ErrorKind::Overloaded, Retry::Safe), "{refused:?}");
        gate.go.add_permits(3);
    };
    let ((first, second), ()) = tokio::join!(under_way, one_more);
    assert!(first.is_ok() && second.is_ok());
    assert!(clients[2].append(&batch).await.is_ok(), "there is room again");
}

#[tokio::test]
async fn more_connections_than_allowed_wait_their_turn() {
    let gate = Gate::new();
    let mut bounds = ServeConfig::default();
    bounds.connections_max = 1;
    let served = Served::start_with(gate.ports(), &bounds).await;
    let (first, second) = (served.client(), served.client());
    gate.go.add_permits(2);
    let batch = [message(1, "x")];
    assert!(first.append(&batch).await.is_ok());
    let waits = second.append(&batch);
    tokio::pin!(waits);
    // The second gets nowhere while the first is connected, whose calls go on.
    tokio::select! {
        biased;
        _ = &mut waits => panic!("it was let in"),
        heads = first.by_keys(&[]) => assert!(heads.is_ok()),
    }
    drop(first);
    assert!(waits.await.is_ok());
}
