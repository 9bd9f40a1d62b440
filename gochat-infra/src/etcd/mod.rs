//! Who is there: registration, discovery, node ids, live configuration.
