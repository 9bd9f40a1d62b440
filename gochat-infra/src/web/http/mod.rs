//! The HTTP half of the client contract.
