//! What several processes share and may lose.
