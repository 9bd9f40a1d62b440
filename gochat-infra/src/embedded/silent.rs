//! For programs without a gateway: nothing goes to sockets.

use gochat_core::model::{Event, MessageView, Origin};

use crate::hub::{CloseReason, Encoder, SessionInfo};

/// Encodes nothing.
#[derive(Debug)]
#[cfg_attr(feature = "web", expect(dead_code, reason = "with the web feature frames are JSON"))]
pub(super) struct Silent;

impl Encoder for Silent {
    fn event(&self, _: &Event, _: &mut Vec<u8>) {}
    fn receipt(&self, _: &Event, _: &Origin, _: &SessionInfo, _: &mut Vec<u8>) {}
    fn sent(&self, _: &MessageView, _: &mut Vec<u8>) {}
    fn close(&self, _: CloseReason, _: &SessionInfo, _: &mut Vec<u8>) {}
}
