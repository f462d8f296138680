//! Everything with a socket, a file or a process: one binary, because linking is what costs.

mod architecture;
mod demo;
