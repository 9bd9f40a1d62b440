//! What looks after processes, on programs that are scripts.

use std::os::unix::fs::PermissionsExt;

use super::*;

/// A cluster of one im-task, which is this script.
async fn of(script: &str) -> Cluster {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("im-task");
    std::fs::write(&program, format!("#!/bin/sh\necho im-task is at x\n{script}\n")).expect("written");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).expect("may be run");
    let own = folder.path().to_owned();
    let spec = node::Spec { programs: own.clone(), env: Vec::new(), folder: own, linked: false };
    let mut links = Links::new();
    let mut node = Node::start(&spec, "im-task", 1, &mut links).await.expect("it starts");
    node.ready().await.expect("it is up");
    let nodes = BTreeMap::from([(node.name().to_owned(), node)]);
    Cluster { nodes, urls: Vec::new(), links, spec, name: "test".to_owned(), _folder: folder }
}

/// Waits until it has ended, however.
async fn ended(cluster: &mut Cluster) {
    let _however = cluster.node("im-task-1").expect("it is there").ended_well().await;
}

#[tokio::test]
async fn who_fell_of_its_own_fault_is_started_again() {
    let once = format!("[ -e fell ] && exec sleep 60\ntouch fell\necho 'im-task: {OWN_FAULT}'\nexit 1");
    let mut cluster = of(&once).await;
    ended(&mut cluster).await;
    assert_eq!(cluster.look_after().await.expect("it is up again"), 1);
    assert_eq!(cluster.look_after().await.expect("it still is"), 0);
}

#[tokio::test]
async fn who_ended_in_another_way_crashed() {
    let failed = "echo im-task: something did not stop in time\nexit 1";
    for crash in ["kill -SEGV $$", "exit 101", "exit 0", failed] {
        let mut cluster = of(crash).await;
        ended(&mut cluster).await;
        let told = cluster.look_after().await.expect_err(crash);
        assert!(told.to_string().contains("im-task-1"), "{told}");
    }
}
