//! Whole fabrics in memory: the rows of the conformance matrix that need no kernel, run on the
//! product's own forwarders with real tunnels between them.

mod attacks;
mod matrix;
mod reload;
mod tunnels;
mod world;
