//! Local sessions and their bounded queues.
