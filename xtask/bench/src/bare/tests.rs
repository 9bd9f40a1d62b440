//! The generator's checks against the bare server, sound and spoiled on purpose.

use std::time::Duration;

use super::*;
use crate::load::{LaneSpec, Lanes, Pace, Tally};

/// Loads a server that has `fault`, and returns what the receivers found.
fn loaded(fault: Option<Fault>, members: usize, window: u32) -> Tally {
    crate::machine::wait_when_others_work(false);
    let folder = tempfile::tempdir().unwrap();
    let listen = "127.0.0.1:0".parse().unwrap();
    let store = Some(folder.path().join("log"));
    let options = Options { listen, store, delivery_bytes: 600, ack_bytes: 300, fault };
    let mut server = Server::new(&options).unwrap();
    let at = server.listener.local_addr().unwrap();
    std::thread::spawn(move || server.run());
    let paths = vec!["/ws?room=3".to_owned(); members];
    let mut lanes = Lanes::open(at, &[LaneSpec { conversation: "1".into(), paths }]).unwrap();
    // Not a multiple of 1,000: a fault in the last message is only seen when waiting for it ends.
    lanes.fill(2_500, window).ok();
    let span = Duration::from_millis(50);
    let sample = lanes.run(Pace::Window(window), span, span, &[std::process::id()]).unwrap();
    assert_eq!(lanes.frame_bytes(), (600, 300), "frames are as long as asked");
    assert!(std::fs::metadata(folder.path().join("log")).unwrap().len() > 2_500 * 128);
    sample.tally
}

#[test]
fn a_sound_server_passes_every_check() {
    for (members, window) in [(2, 1), (2, 8), (20, 1), (20, 64)] {
        let tally = loaded(None, members, window);
        assert!(tally.is_clean(), "{members} members, {window} in flight: {tally}");
    }
}

#[test]
fn a_dropped_delivery_is_found() {
    let tally = loaded(Some(Fault::Drop), 20, 8);
    assert!(tally.missing > 0 && tally.doubled + tally.disordered == 0, "{tally}");
}

#[test]
fn a_doubled_delivery_is_found() {
    let tally = loaded(Some(Fault::Double), 20, 8);
    assert!(tally.doubled > 0 && tally.missing + tally.disordered == 0, "{tally}");
}

#[test]
fn swapped_deliveries_are_found() {
    let tally = loaded(Some(Fault::Swap), 20, 8);
    assert!(tally.disordered > 0 && tally.missing + tally.doubled == 0, "{tally}");
}
