//! Servers that hang, drip, bomb, lie and reset: each costs one run its timeout and at most 4 MiB.

mod addresses;
mod bodies;
mod expressions;
mod floods;
mod heads;
pub(crate) mod memory;
mod quic;
mod resolvers;
mod silent;
mod time;
