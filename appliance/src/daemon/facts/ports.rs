//! `skerry ports`: where guests attach to this node.

use skerry_overlay_io::Superframes;
use skerry_policy::{Attach, Port, Tables};

use super::{Facts, node_name, segments, served};
use crate::view;

impl Facts<'_> {
    pub(in crate::daemon) fn ports(&self) -> view::Ports {
        view::Ports {
            node: self.name(),
            ports: served(self.tables).map(|port| self.port(port)).collect(),
        }
    }

    fn port(&self, port: &Port) -> view::Port {
        let name = self.tables.fabric.port_name(port.id);
        let open = self.open.get(name.as_str());
        view::Port {
            segment: segments(self.tables, port),
            attach: attach(self.tables, port),
            up: self.is_up(port),
            backend: open.map_or_else(String::new, |it| it.backend.to_owned()),
            superframes: open.is_some_and(|it| it.superframes != Superframes::None),
            worker: open.map_or(0, |it| it.worker),
            queues: open.map_or(0, |it| it.queues),
            gateway: port.gateway,
            macs: port.macs.iter().map(ToString::to_string).collect(),
            ips: port.ips.iter().map(ToString::to_string).collect(),
            name,
        }
    }
}

fn attach(tables: &Tables, port: &Port) -> String {
    match &port.attach {
        Attach::Tap { name, netns } => {
            let name = name.as_ref().unwrap_or(&port.name);
            match netns {
                Some(netns) => format!("tap {name} in {netns}"),
                None => format!("tap {name}"),
            }
        }
        Attach::Nic(name) => format!("nic {name}"),
        Attach::Veth { name, netns } => format!("veth {name} in {netns}"),
        Attach::Edge(edge) => format!("edge {}", node_name(tables, *edge)),
    }
}
