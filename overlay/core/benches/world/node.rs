//! A node of the site: its forwarder, with every port up.

use std::sync::Arc;
use std::time::Duration;

use skerry_overlay::{Forwarder, Joins, Setup, Time};
use skerry_policy::{Fabric, LocalPort};

use super::sinks::Wire;
use super::site::secret;

/// When everything happens: what a frame costs does not hang on it.
pub(crate) const NOW: Time = Time(1_000_000_000);

/// Addresses in the table of a node that is set up as the daemon does it.
pub(crate) const FDB_LIMIT: usize = 65_536;

/// The forwarder of node `n<number>`.
pub(crate) fn forwarder(fabric: &Arc<Fabric>, number: u32, fdb_limit: usize) -> Forwarder {
    let id = fabric.node_named(&format!("n{number}")).unwrap();
    let setup = Setup {
        tables: Arc::new(fabric.tables_for(id, 1)),
        secret: secret(number),
        worker: 0,
        owns_lanes: true,
        seed: 0x5eed_0000 + number,
        age: Duration::from_secs(300),
        fdb_limit,
        joins: Joins::All,
        shares: false,
    };
    let mut forwarder = Forwarder::new(NOW, setup);
    for port in 0..forwarder.tables().local.ports.len() {
        let port = LocalPort(u32::try_from(port).unwrap());
        forwarder.set_port_up(port, true, &mut Wire::default());
    }
    forwarder
}
