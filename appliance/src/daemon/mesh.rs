//! Carries control messages and claims between the mesh protocol, the workers and the clock.

use std::net::SocketAddr;
use std::sync::Arc;

use skerry_overlay::{Claim, Ignored, Output, PeerStatus};
use skerry_overlay_io::{Clock, Dataplane};
use skerry_policy::{NodeId, Tables};

/// This node's end of the control protocol.
#[derive(Debug)]
pub(super) struct Mesh {
    protocol: skerry_overlay::Mesh,
    clock: Clock,
    /// The generation whose node numbers the protocol uses.
    generation: u64,
}

impl Mesh {
    /// Starts with the node.
    ///
    /// # Errors
    /// The kernel has no random numbers to give.
    pub(super) fn start(tables: &Arc<Tables>, clock: Clock) -> std::io::Result<Self> {
        let mut boot = [0; 8];
        crate::key::fill_random(&mut boot)?;
        let boot = u64::from_ne_bytes(boot);
        Ok(Self {
            protocol: skerry_overlay::Mesh::new(clock.now(), boot, Arc::clone(tables)),
            clock,
            generation: tables.generation,
        })
    }

    /// Tells the peers of the lanes that the workers have, from now on.
    pub(super) fn offer(&mut self, dataplane: &Dataplane) {
        self.protocol.offer(dataplane.lanes().to_vec());
    }

    /// Follows a new generation, which every worker runs by now.
    pub(super) fn install(&mut self, tables: &Arc<Tables>, dataplane: &Dataplane) {
        self.generation = tables.generation;
        self.protocol.install(self.clock.now(), Arc::clone(tables));
        self.tick(dataplane);
    }

    /// A message of a peer. One that was received under other tables may mean another node by the
    /// same number; it is lost, as any message may be.
    pub(super) fn control(
        &mut self,
        from: NodeId,
        at: SocketAddr,
        generation: u64,
        message: &[u8],
        dataplane: &Dataplane,
    ) {
        if generation == self.generation {
            self.protocol
                .handle_message(self.clock.now(), from, message);
            self.carry_out(dataplane, Some(at));
        }
    }

    /// What a worker learned: for the other workers and the peers.
    pub(super) fn claim(&mut self, worker: usize, claim: Claim, dataplane: &Dataplane) {
        dataplane.apply_claim(Some(worker), claim);
        self.protocol.handle_claim(self.clock.now(), &claim);
        self.carry_out(dataplane, None);
    }

    /// Resolves when [`Mesh::tick`] is due.
    pub(super) async fn due(&self) {
        match self.protocol.poll_timeout() {
            Some(at) => tokio::time::sleep(at.since(self.clock.now())).await,
            None => std::future::pending().await,
        }
    }

    /// Says what is due.
    pub(super) fn tick(&mut self, dataplane: &Dataplane) {
        self.protocol.handle_timeout(self.clock.now());
        self.carry_out(dataplane, None);
    }

    /// `at` is where the message came from that this follows from, if one did.
    fn carry_out(&mut self, dataplane: &Dataplane, at: Option<SocketAddr>) {
        while let Some(output) = self.protocol.poll_output() {
            match output {
                Output::Send { to, message } => {
                    dataplane.send_control(to, self.generation, message);
                }
                Output::Claim(claim) => dataplane.apply_claim(None, claim),
                Output::Lanes { of, boot, lanes } => {
                    // Only a message of the peer tells of its lanes.
                    if let Some(at) = at {
                        dataplane.tell_lanes(of, self.generation, at, boot, &lanes);
                    }
                }
                Output::Path { to, mtu } => dataplane.set_path(to, self.generation, mtu),
            }
        }
    }

    /// How every other node is, stock ones left out.
    pub(super) fn peers(&self) -> impl Iterator<Item = PeerStatus> {
        self.protocol.peers()
    }

    /// How one of them is.
    pub(super) fn peer(&self, node: NodeId) -> Option<PeerStatus> {
        self.peers().find(|peer| peer.node == node)
    }

    /// Messages, or parts of them, that changed nothing.
    pub(super) const fn ignored(&self) -> Ignored {
        self.protocol.ignored()
    }
}
