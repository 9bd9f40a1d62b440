//! The wire types of GoChat: the JSON of the client contract.
