//! Whole fabrics on a clock of their own: random sites, random faults, hostile hosts and nodes,
//! one run for every seed. No root, no sockets; the product's own forwarder and control protocol,
//! boringtun's own handshakes, smoltcp's stacks as guests.
//!
//! `cargo test -p skerry-overlay --release --features simulation --test simulation`
//!
//! | variable | meaning |
//! |---|---|
//! | `SKERRY_SEEDS` | how many seeds, 1,000 unless given |
//! | `SKERRY_FIRST` | the first of them, 0 unless given |
//! | `SKERRY_SEED` | only this one, with everything that happened |

#[cfg(test)]
mod capture;
#[cfg(test)]
mod chat;
#[cfg(test)]
mod checker;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod forgery;
#[cfg(test)]
mod host;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod intruder;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod liveness;
#[cfg(test)]
mod network;
#[cfg(test)]
mod node;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod rng;
#[cfg(test)]
mod run;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod site;
#[cfg(test)]
mod tag;
#[cfg(test)]
mod traffic;
#[cfg(test)]
mod world;
