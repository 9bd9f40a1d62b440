//! The model of gochat-core as protobuf values, and back.
