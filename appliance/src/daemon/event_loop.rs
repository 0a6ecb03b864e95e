//! What the daemon waits for, in one place.

use anyhow::Context;
use skerry_overlay_io::{Event, PortEvent};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tracing::{info, warn};

use super::candidate::read_site;
use super::confirm;
use super::limit::Limit;
use super::loading::Kind;
use super::node::Node;
use super::notify;
use super::ping;
use super::trouble::About;
use crate::control_socket::Incoming;
use crate::exit::{Exit, Failed};

/// The signals a node obeys.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on these signals no longer kill the process.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        // A file that would grow beyond RLIMIT_FSIZE is an error like a full disk, and no death.
        // The handler stays when nobody listens any more.
        drop(listen(SignalKind::from_raw(
            rustix::process::Signal::XFSZ.as_raw(),
        ))?);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }
}

/// Runs a node until a signal stops it, then removes what it made.
///
/// # Errors
/// A worker has ended by itself; the service manager is to start the node again.
pub(super) async fn run(
    mut node: Node,
    mut inbox: mpsc::Receiver<Incoming>,
    mut signals: Signals,
) -> anyhow::Result<Exit> {
    notify::ready(&node.one_line());
    let mut watchdog = notify::watchdog().map(ticks);
    let mut limits = Limits::default();
    let stopped = loop {
        tokio::select! {
            _ = signals.terminate.recv() => break Ok(Exit::Good),
            _ = signals.interrupt.recv() => break Ok(Exit::Good),
            _ = signals.hangup.recv() => node.reload_by_signal().await,
            () = tick(watchdog.as_mut()) => {
                if node.snapshot().await.is_err() {
                    let words = "a worker thread has ended";
                    break Err(Failed::new(Exit::Bad, words).into());
                }
                notify::alive();
            }
            Some(incoming) = inbox.recv() => node.answer(incoming).await,
            (order, judged) = node.loading.judged() => node.finish(order, judged).await,
            () = confirm::expired(node.pending.as_ref()) => node.take_back().await,
            () = ping::expired(&node.pings) => node.give_up(),
            () = node.mesh.due() => node.mesh.tick(&node.dataplane),
            Some(event) = node.events.recv() => node.worker_event(event, &mut limits).await,
            event = node.ports.next_event() => node.port_event(event, &mut limits).await,
        }
        if node
            .loading
            .start_next(&node.identity, &node.running.policy)
        {
            notify::reloading();
        }
    };
    notify::stopping();
    // Clients get no new answers from here on; those that wait are told so by the closed queue.
    drop(inbox);
    node.stop().await;
    stopped
}

fn ticks(every: std::time::Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn tick(ticks: Option<&mut Interval>) {
    match ticks {
        Some(ticks) => {
            ticks.tick().await;
        }
        None => std::future::pending().await,
    }
}

/// Lines that guests can cause: a guest that has its end of a veth may delete it as often as it
/// likes.
#[derive(Debug, Default)]
pub(super) struct Limits {
    links: Limit,
    faults: Limit,
    losses: Limit,
    repairs: Limit,
    failures: Limit,
}

impl Node {
    /// SIGHUP: the same as `skerry reload`, with nobody to tell.
    async fn reload_by_signal(&mut self) {
        self.renew().await;
        let source = read_site(&self.config.site);
        self.order(source, Kind::SiteFile, false, None);
        if self.loading.is_idle() {
            // Refused at once; systemd waits for both words all the same (`Type=notify-reload`).
            notify::reloading();
            notify::ready(&self.one_line());
        }
    }

    async fn worker_event(&mut self, event: Event, limits: &mut Limits) {
        match event {
            Event::Control {
                from,
                at,
                generation,
                message,
            } => {
                self.mesh
                    .control(from, at, generation, &message, &self.dataplane);
                self.heard(from);
            }
            Event::Claim { worker, claim } => self.mesh.claim(worker, claim, &self.dataplane),
            // The old device of a port that a reload has just removed.
            Event::PortFault { name, .. } if !self.running.ports.contains(&name) => {}
            Event::PortFault { name, error } => {
                if let Some(left_out) = limits.faults.pass(Instant::now()) {
                    warn!(port = name, left_out, "cannot be read: {error}");
                }
                self.ports.report_fault(&name).await;
            }
        }
    }

    async fn port_event(&mut self, event: PortEvent, limits: &mut Limits) {
        if about(&event).is_some_and(|name| !self.running.ports.contains(name)) {
            // Told before a reload removed the port.
            return;
        }
        match event {
            PortEvent::Link { name, up } => {
                if let Some(left_out) = limits.links.pass(Instant::now()) {
                    let state = if up { "up" } else { "down" };
                    info!(port = name, left_out, "link is {state}");
                }
                self.dataplane.set_link(&name, up).await;
            }
            PortEvent::Gone { name } => {
                if let Some(left_out) = limits.losses.pass(Instant::now()) {
                    warn!(
                        port = name,
                        left_out, "its interface is gone; it will be made again"
                    );
                }
                let words = format!("the interface of port {name} is gone");
                self.trouble.note(About::Port(name.clone()), words);
                self.dataplane.set_link(&name, false).await;
            }
            PortEvent::Repaired { name, port } => self.repaired(&name, port, limits).await,
            PortEvent::RepairFailed(error) => {
                if let Some(left_out) = limits.failures.pass(Instant::now()) {
                    warn!(left_out, "{error}");
                }
                let words = error.to_string();
                self.trouble.note(About::Port(error.port), words);
            }
            PortEvent::Resynced => warn!("the kernel dropped link events; read them afresh"),
        }
    }

    async fn repaired(&mut self, name: &str, port: skerry_overlay_io::Port, limits: &mut Limits) {
        let about = About::Port(name.to_owned());
        let attached = self.dataplane.attach(name, port).await;
        let pass = limits.repairs.pass(Instant::now());
        match attached {
            Ok(()) => {
                if let Some(left_out) = pass {
                    info!(port = name, left_out, "repaired");
                }
                self.trouble.clear(&about);
            }
            Err(error) => {
                if let Some(left_out) = pass {
                    warn!(port = name, left_out, "cannot be attached: {error}");
                }
                self.trouble.note(about, format!("port {name}: {error}"));
            }
        }
    }
}

/// The port that an event is about.
fn about(event: &PortEvent) -> Option<&str> {
    match event {
        PortEvent::Link { name, .. }
        | PortEvent::Gone { name }
        | PortEvent::Repaired { name, .. } => Some(name),
        PortEvent::RepairFailed(error) => Some(&error.port),
        PortEvent::Resynced => None,
    }
}
