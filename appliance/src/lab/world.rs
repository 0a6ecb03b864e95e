//! The lab's world: underlay, nodes, hosts, and the way up.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use skerry_overlay_io::netns::Namespace;
use skerry_policy::Source;

use crate::lab::counts::{self, Counts, Sent};
use crate::lab::frame::Heard;
use crate::lab::host::{Ear, Host};
use crate::lab::links;
use crate::lab::logs::{self, Kept};
use crate::lab::node::{Node, NodeFiles};
use crate::lab::plan::{HOSTS, HostId, NODES};
use crate::lab::reach::Policy;
use crate::lab::sandbox::Sandbox;
use crate::lab::site::{self, Moved};
use crate::lab::story::Story;
use crate::lab::tag::Tag;
use crate::lab::wait::{self, Interrupt};

const START_LIMIT: Duration = Duration::from_secs(20);

/// Everything that runs.
#[derive(Debug)]
pub(super) struct World {
    /// Marks the frames of this run.
    pub(super) run: u64,
    pub(super) policy: Policy,
    pub(super) story: Story,
    pub(super) interrupt: Interrupt,
    // Dropped in this order: daemons stop before the hosts' ends of their ports go.
    pub(super) nodes: Vec<Node>,
    pub(super) hosts: Vec<Host>,
    keys: Vec<String>,
    sandbox: Sandbox,
}

/// How one node came up.
#[derive(Debug, Serialize)]
pub(super) struct NodeUp {
    pub(super) node: &'static str,
    pub(super) pid: u32,
    pub(super) ports: usize,
    /// From the start of the process until it answers.
    pub(super) up_ms: u128,
}

impl World {
    /// Makes namespaces, keys and files, and starts the daemons. The process must still have a
    /// single thread.
    pub(super) fn build(mut story: Story, kept: Option<&mut Kept>) -> Result<(Self, Vec<NodeUp>)> {
        let sandbox = Sandbox::enter()?;
        let interrupt = Interrupt::install()?;
        let spaces = Spaces::create(&sandbox)?;
        let (files, keys): (Vec<_>, Vec<_>) = NODES
            .iter()
            .map(|plan| NodeFiles::create(plan, sandbox.root()))
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .unzip();
        let text = site::text(&keys, &sandbox.namespaces(), Moved::Home);
        let policy = policy(&text)?;
        let mut nodes = start(files, &spaces, &text, kept.as_deref(), &sandbox)?;
        if let Some(kept) = kept {
            kept.site(&text)?;
        }
        let up = wait_up(&mut story, &interrupt, &mut nodes)?;
        let hosts = set_up_hosts(&mut story, &interrupt, spaces.hosts)?;
        let world = Self {
            run: rand()?,
            policy,
            story,
            interrupt,
            nodes,
            hosts,
            keys,
            sandbox,
        };
        Ok((world, up))
    }

    /// The site file with the moved host in either place.
    pub(super) fn site(&self, moved: Moved) -> String {
        site::text(&self.keys, &self.sandbox.namespaces(), moved)
    }

    /// The host of this name. Hosts are kept in the order of the plan.
    pub(super) fn host(&self, id: HostId) -> Result<&Host> {
        self.hosts
            .get(id.index())
            .context("every host of the plan is set up")
    }

    /// Counters of every node, now.
    pub(super) fn counts(&mut self) -> Result<Counts> {
        Counts::read(&mut self.nodes)
    }

    /// Counters of every node once what was sent has gone where it goes.
    pub(super) fn rest(&mut self, before: &Counts, sent: &Sent) -> Result<Counts> {
        counts::at_rest(
            &mut self.story,
            &self.interrupt,
            &mut self.nodes,
            before,
            sent,
        )
    }

    /// An ear at every host.
    pub(super) fn ears(&self) -> Result<Ears> {
        self.hosts
            .iter()
            .map(Host::listen)
            .collect::<Result<_>>()
            .map(Ears)
    }

    /// Stops the daemons, in order, and says whether each did as told.
    pub(super) fn stop(&mut self) -> Result<()> {
        // All are told first, so that they stop together.
        let results: Vec<Result<()>> = self.nodes.iter_mut().map(Node::stop).collect();
        results.into_iter().collect()
    }
}

/// Ears at every host.
#[derive(Debug)]
pub(super) struct Ears(Vec<Ear>);

impl Ears {
    /// Everything of this run that was heard since the last call, and by whom.
    pub(super) fn take(&self, run: u64) -> Result<Vec<(HostId, Heard)>> {
        let mut all = Vec::new();
        for ear in &self.0 {
            let heard = ear.take()?.into_iter().filter(|heard| match heard {
                Heard::Tagged(tag) => tag.run == run,
                Heard::Arp(_) => true,
            });
            all.extend(heard.map(|heard| (ear.host(), heard)));
        }
        Ok(all)
    }

    /// The tags among them.
    pub(super) fn take_tags(&self, run: u64) -> Result<Vec<(HostId, Tag)>> {
        let heard = self.take(run)?.into_iter();
        let tags = heard.filter_map(|(host, heard)| match heard {
            Heard::Tagged(tag) => Some((host, tag)),
            Heard::Arp(_) => None,
        });
        Ok(tags.collect())
    }

    /// Frames that came too fast for an ear: 0, or what was measured is worth nothing.
    pub(super) fn missed(&self) -> Result<u32> {
        self.0.iter().map(Ear::missed).sum()
    }
}

struct Spaces {
    nodes: Vec<Namespace>,
    hosts: Vec<Namespace>,
    _underlay: Namespace,
}

impl Spaces {
    fn create(sandbox: &Sandbox) -> Result<Self> {
        let named = |name: &str| {
            Namespace::create(&sandbox.namespaces().join(name))
                .with_context(|| format!("cannot make the network namespace {name}"))
        };
        let underlay = named("underlay")?;
        links::make_bridge(&underlay)?;
        let mut nodes = Vec::new();
        for plan in &NODES {
            let node = named(plan.name)?;
            links::plug(&underlay, &node, plan)
                .with_context(|| format!("cannot plug {} into the underlay", plan.name))?;
            nodes.push(node);
        }
        let hosts = HOSTS.iter().map(|host| {
            let space = named(host.name)?;
            links::ipv4_only(&space)?;
            Ok(space)
        });
        Ok(Self {
            nodes,
            hosts: hosts.collect::<Result<_>>()?,
            _underlay: underlay,
        })
    }
}

/// Compiles the site file as every node will, and reads the expectation from it.
fn policy(text: &str) -> Result<Policy> {
    let source = Source {
        name: "site.toml".to_owned(),
        text: text.to_owned(),
    };
    let checked = skerry_policy::check(&source);
    let Some(fabric) = checked.fabric else {
        bail!(
            "the lab's own site file does not pass the check: {:?}",
            checked.diagnostics
        );
    };
    Policy::of(&fabric)
}

fn start(
    files: Vec<NodeFiles>,
    spaces: &Spaces,
    site: &str,
    kept: Option<&Kept>,
    sandbox: &Sandbox,
) -> Result<Vec<Node>> {
    let mut nodes = Vec::new();
    for (index, (files, space)) in files.into_iter().zip(&spaces.nodes).enumerate() {
        files.write_site(site)?;
        let (log, path) = logs::node_log(kept, index, sandbox.root())?;
        nodes.push(Node::start(files, space, log, path)?);
    }
    Ok(nodes)
}

fn wait_up(story: &mut Story, interrupt: &Interrupt, nodes: &mut [Node]) -> Result<Vec<NodeUp>> {
    let mut up: Vec<NodeUp> = Vec::new();
    wait::until(
        story,
        interrupt,
        "starting three daemons",
        START_LIMIT,
        || {
            for node in nodes.iter_mut() {
                let known = up.iter().any(|up| up.node == node.plan().name);
                if !known && node.is_up()? {
                    up.push(NodeUp {
                        node: node.plan().name,
                        pid: node.pid(),
                        ports: HOSTS
                            .iter()
                            .filter(|host| host.node == node.plan().name)
                            .count(),
                        up_ms: Instant::now().duration_since(node.started()).as_millis(),
                    });
                }
            }
            Ok((up.len() == nodes.len()).then_some(()))
        },
    )?;
    up.sort_by_key(|up| up.node);
    Ok(up)
}

fn set_up_hosts(
    story: &mut Story,
    interrupt: &Interrupt,
    spaces: Vec<Namespace>,
) -> Result<Vec<Host>> {
    let mut hosts = Vec::new();
    for (id, space) in HostId::all().zip(spaces) {
        let what = format!("waiting for the port of {}", id.plan().name);
        wait::until(story, interrupt, &what, START_LIMIT, || {
            Ok(links::has_eth0(&space)?.then_some(()))
        })?;
        hosts.push(Host::set_up(id, space)?);
    }
    Ok(hosts)
}

fn rand() -> Result<u64> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(u64::from_ne_bytes(bytes))
}
