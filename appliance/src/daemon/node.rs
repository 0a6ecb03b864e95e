//! The running node: everything it owns, and how that comes and goes.

use std::collections::HashSet;
use std::sync::Arc;

use skerry_overlay_io::{
    Clock, Dataplane, Event, PortError, PortManager, PortOptions, Setup, Snapshot, WorkerGone,
};
use skerry_policy::{Fabric, Tables};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{info, warn};

use super::QUEUE;
use super::candidate::{Identity, Policy, digest, read_site};
use super::confirm::Pending;
use super::loading::Loading;
use super::mesh::Mesh;
use super::ping::Ping;
use super::start::First;
use super::trouble::{About, Trouble};
use crate::family;
use crate::generations::{Generations, StoreError};
use crate::key::Key;
use crate::node_config::NodeConfig;

/// MAC addresses a worker remembers; `max_macs` bounds what one port can take of them.
const FDB_LIMIT: usize = 1 << 20;

/// A running node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) config: NodeConfig,
    pub(super) identity: Identity,
    pub(super) started: Instant,
    pub(super) dataplane: Dataplane,
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) ports: PortManager,
    pub(super) mesh: Mesh,
    pub(super) store: Generations,
    pub(super) running: Running,
    pub(super) loading: Loading,
    pub(super) pending: Option<Pending>,
    pub(super) pings: Vec<Ping>,
    /// The last generation that came back because another was not confirmed in time: whoever
    /// confirms that one too late is told, as long as this one runs.
    pub(super) missed: Option<u64>,
    pub(super) trouble: Trouble,
    /// Site files refused since the start.
    pub(super) rejected: u64,
}

/// What every worker runs.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) policy: Policy,
    pub(super) tables: Arc<Tables>,
    /// Where its site file came from.
    pub(super) origin: String,
    /// The ports of this node, as the dataplane and the port manager name them.
    pub(super) ports: HashSet<String>,
}

impl Running {
    pub(super) fn new(policy: Policy, tables: Arc<Tables>, origin: String) -> Self {
        let ports = tables.local.ports.iter();
        Self {
            ports: ports.map(|&port| tables.fabric.port_name(port)).collect(),
            policy,
            tables,
            origin,
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.tables.generation
    }

    pub(super) fn digest(&self) -> String {
        self.policy.fabric.digest.to_string()
    }
}

impl Node {
    /// Starts workers, makes the ports, and forwards from then on.
    ///
    /// # Errors
    /// Whatever is missing, with the way out; everything made until then is removed again.
    pub(super) async fn start(
        config: NodeConfig,
        identity: Identity,
        key: &Key,
        store: Generations,
        first: First,
    ) -> anyhow::Result<Self> {
        let generation = match first.stored {
            Some(generation) => generation,
            None => store.stage(&first.source.text)?,
        };
        // The number stands beside it everywhere.
        let origin = match first.stored {
            Some(_) => "kept from before the restart".to_owned(),
            None => first.source.name,
        };
        let tables = Arc::new(first.policy.fabric.tables_for(first.policy.me, generation));
        let clock = Clock::start();
        let (sender, events) = mpsc::channel(QUEUE);
        let setup = setup(&config, key, &tables, clock);
        let mut mesh = Mesh::start(&tables, clock)?;
        let dataplane = Dataplane::start(setup, sender)?;
        mesh.offer(&dataplane);
        let (ports, waiting) = match open_ports(&config, &dataplane, &tables).await {
            Ok(ports) => ports,
            Err(error) => {
                dataplane.stop().await;
                return Err(error);
            }
        };
        let mut node = Self {
            running: Running::new(first.policy, tables, origin),
            config,
            identity,
            started: Instant::now(),
            dataplane,
            events,
            ports,
            mesh,
            store,
            loading: Loading::default(),
            pending: None,
            pings: Vec::new(),
            missed: None,
            trouble: Trouble::default(),
            rejected: 0,
        };
        node.settle(first.stored, first.trouble);
        node.note_waiting(&waiting);
        node.note_lanes();
        node.note_family();
        Ok(node)
    }

    /// Writes down what the node started with.
    fn settle(&mut self, stored: Option<u64>, trouble: Option<String>) {
        let generation = self.running.generation();
        if let Some(words) = trouble {
            self.rejected += 1;
            self.trouble.note(About::SiteFile, words);
        } else if stored != Some(generation) || self.store.pending().is_some() {
            self.remember(generation);
        }
        info!(
            node = self.config.node,
            generation,
            digest = self.running.digest(),
            listen = %self.dataplane.listen(),
            "forwarding"
        );
    }

    /// What a port is attached to may come after the node, as it may go while it runs.
    fn note_waiting(&mut self, waiting: &[PortError]) {
        for error in waiting {
            warn!("{error}; the others run, and it comes when that is there");
            let about = About::Port(error.port.clone());
            self.trouble.note(about, error.to_string());
        }
    }

    /// A worker without a port of its own forwards all the same, through the first.
    fn note_lanes(&mut self) {
        for (worker, error) in self.dataplane.unbound() {
            let words = format!("worker {worker} hands its frames to worker 0: {error}");
            self.trouble.note(About::Lane(*worker), words);
        }
    }

    /// Nodes may have endpoints of a family that this one has no socket for.
    pub(super) fn note_family(&mut self) {
        let me = self.running.tables.me;
        match family::mismatch(self.config.listen, self.fabric(), me) {
            None => self.trouble.clear(&About::Listen),
            Some(words) => {
                warn!("{words}");
                self.trouble.note(About::Listen, words);
            }
        }
    }

    /// Makes a generation the one a restart goes back to. It runs already, so a disk that refuses
    /// is a trouble to be told, not a reason to stop.
    pub(super) fn remember(&mut self, generation: u64) {
        let seen = self.seen();
        let stored = self.store.accept(generation, seen);
        self.note_store(stored);
    }

    pub(super) fn note_store(&mut self, stored: Result<(), StoreError>) {
        match stored {
            Ok(()) => self.trouble.clear(&About::Store),
            Err(error) => {
                warn!("the running generation is not on disk: {error}");
                let words = format!("the running generation is not on disk: {error}");
                self.trouble.note(About::Store, words);
            }
        }
    }

    /// The digest of the site file as it is now, so that a later edit is noticed.
    fn seen(&self) -> Option<String> {
        let site = read_site(&self.config.site).ok()?;
        Some(digest(&site.text))
    }

    pub(super) fn fabric(&self) -> &Arc<Fabric> {
        &self.running.policy.fabric
    }

    /// What the datapath says about itself.
    ///
    /// # Errors
    /// A worker is gone.
    pub(super) async fn snapshot(&self) -> Result<Snapshot, WorkerGone> {
        self.dataplane.snapshot().await
    }

    /// The same with the MAC table.
    ///
    /// # Errors
    /// A worker is gone.
    pub(super) async fn snapshot_with_fdb(&self) -> Result<Snapshot, WorkerGone> {
        self.dataplane.snapshot_with_fdb().await
    }

    /// Removes every interface it made, then stops the workers. In this order: a TAP that is closed
    /// is gone, and the port manager would make it again.
    pub(super) async fn stop(self) {
        self.ports.close().await;
        self.dataplane.stop().await;
        info!("stopped");
    }
}

fn setup(config: &NodeConfig, key: &Key, tables: &Arc<Tables>, clock: Clock) -> Setup {
    Setup {
        tables: Arc::clone(tables),
        secret: key.secret(),
        listen: config.listen,
        workers: usize::from(config.workers),
        pin: config.pin,
        offload: config.offload,
        age: config.age,
        fdb_limit: FDB_LIMIT,
        clock,
    }
}

/// Makes and attaches every port that can be had now, and gives those that are waited for; none is
/// left behind on an error.
async fn open_ports(
    config: &NodeConfig,
    dataplane: &Dataplane,
    tables: &Arc<Tables>,
) -> anyhow::Result<(PortManager, Vec<PortError>)> {
    let options = PortOptions {
        offload: config.offload,
        backend: config.backend,
        queues: usize::from(config.workers),
    };
    let mut ports = PortManager::start(&config.node, options).await?;
    match begin(&mut ports, dataplane, tables).await {
        Ok(waiting) => {
            ports.retire(tables).await;
            Ok((ports, waiting))
        }
        Err(error) => {
            ports.close().await;
            Err(error)
        }
    }
}

async fn begin(
    ports: &mut PortManager,
    dataplane: &Dataplane,
    tables: &Arc<Tables>,
) -> anyhow::Result<Vec<PortError>> {
    let begun = ports.begin(tables).await?;
    for (name, port) in begun.opened {
        dataplane.attach(&name, port).await?;
    }
    Ok(begun.waiting)
}

/// Opens what the tables list and is not open yet, and hands it to the workers.
pub(super) async fn attach(
    ports: &mut PortManager,
    dataplane: &Dataplane,
    tables: &Arc<Tables>,
) -> anyhow::Result<()> {
    for (name, port) in ports.prepare(tables).await? {
        dataplane.attach(&name, port).await?;
    }
    Ok(())
}
