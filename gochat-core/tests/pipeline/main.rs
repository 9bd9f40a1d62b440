//! The send pipeline over in-memory ports that fail, forget, interfere and are counted.
//!
//! What must hold, whatever happens: a send whose receipt went out is stored, once; sequences are dense; a message is
//! delivered after it is stored, in the order of sequences, to the members of its conversation and nobody else.

mod audience;
mod counts;
mod failures;
mod friends;
mod house;
mod interference;
mod membership;
mod random;
