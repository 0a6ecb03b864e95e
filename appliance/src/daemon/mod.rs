//! The daemon of one node: wires the policy, the datapath, the ports, the mesh and the control
//! socket together. It decides nothing about frames; it only carries tables to those who do.

mod answer;
mod candidate;
mod confirm;
mod event_loop;
mod facts;
mod limit;
mod loading;
mod logging;
mod mesh;
mod metrics;
mod node;
mod notify;
mod ping;
mod renew;
mod start;
mod swap;
mod trouble;

use candidate::Identity;
use node::Node;

use crate::control_socket::Server;
use crate::exit::{Exit, Failed};
use crate::generations::Generations;
use crate::key::Key;
use crate::node_config::{NodeConfig, blame};

/// Requests and events that may queue up before their senders have to wait.
const QUEUE: usize = 1024;

/// Runs a node until it is told to stop.
///
/// # Errors
/// What keeps it from starting, with the way out; then nothing is left behind.
pub fn run(config: NodeConfig, colour: bool) -> anyhow::Result<Exit> {
    logging::start(colour);
    raise_file_limit();
    let file = config.file.as_deref();
    let key = Key::read(&config.key)
        .map_err(|error| Failed::new(Exit::Bad, blame(file, "key", error)))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(config, &key))
}

/// A port takes a descriptor for every worker; the soft limit is a relic of select(2).
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        // A port that is one too many says so by itself.
        tracing::debug!("the limit of open files stays as it is: {error}");
    }
}

async fn serve(config: NodeConfig, key: &Key) -> anyhow::Result<Exit> {
    let identity = Identity {
        node: config.node.clone(),
        public: key.public(),
        file: config.file.clone(),
    };
    // The socket comes first: it is what tells a second daemon of the same node to go away.
    let server = Server::bind(&config.control)?;
    let metrics = metrics::bind(config.metrics).await?;
    let store = Generations::open(&config.state)?;
    let first = start::choose(&config, &identity, &store)?;
    let signals = event_loop::Signals::listen()?;
    let (commands, inbox) = tokio::sync::mpsc::channel(QUEUE);
    let node = Node::start(config, identity, key, store, first).await?;
    let serving = tokio::spawn(server.serve(commands.clone()));
    let scraping = metrics.map(|listener| tokio::spawn(metrics::serve(listener, commands)));
    let stopped = event_loop::run(node, inbox, signals).await;
    // The socket's file goes with the server, however many clients it has.
    for task in std::iter::once(serving).chain(scraping) {
        task.abort();
        drop(task.await);
    }
    stopped
}
