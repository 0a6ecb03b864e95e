//! Whole fabrics in memory: the rows of the conformance matrix that need no kernel, run on the
//! product's own forwarders with real tunnels between them.

#[cfg(test)]
mod allocations;
#[cfg(test)]
mod attacks;
#[cfg(test)]
#[cfg(feature = "captures")]
mod captures;
#[cfg(test)]
mod congestion;
#[cfg(test)]
mod control_traffic;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod joining;
#[cfg(test)]
mod listening;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod mtu;
#[cfg(test)]
mod peerings;
#[cfg(test)]
mod queues;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod storms;
#[cfg(test)]
mod trunks;
#[cfg(test)]
mod tunnels;
#[cfg(test)]
mod workers;
#[cfg(test)]
mod world;
