//! The node file, read again with every reload: its offload switches can change while a node runs.
//! They are there for kernels with a broken offload, where a restart would be one outage more.

use tracing::{info, warn};

use super::node::Node;
use super::trouble::About;
use crate::node_config::NodeConfig;

impl Node {
    /// Obeys what can be obeyed, and says of the rest that it waits for a restart.
    pub(super) async fn renew(&mut self) {
        let Some(file) = &self.config.file else {
            return;
        };
        let trouble = match NodeConfig::read(file) {
            Ok(new) => {
                let left = self.config.clone();
                self.switch_offloads(&new).await;
                let waits = NodeConfig {
                    offload: left.offload,
                    ..new
                } != left;
                waits.then(|| {
                    "the node file has changed in more than its offloads, which waits for a restart"
                        .to_owned()
                })
            }
            Err(error) => Some(format!(
                "the node file is not obeyed:\n{}",
                error.render(false).trim_end()
            )),
        };
        match trouble {
            None => self.trouble.clear(&About::NodeFile),
            Some(words) => {
                warn!("{words}");
                self.trouble.note(About::NodeFile, words);
            }
        }
    }

    async fn switch_offloads(&mut self, new: &NodeConfig) {
        if new.offload == self.config.offload {
            return;
        }
        self.config.offload = new.offload;
        // A worker that is gone is found by the watchdog, which ends the node.
        self.dataplane.switch(new.offload).await.ok();
        self.ports.switch(new.offload).await;
        let skerry_overlay_io::OffloadSwitches { tap, gso, gro } = new.offload;
        info!(?tap, ?gso, ?gro, "offloads as the node file has them now");
    }
}
