//! What the control task tells a worker, between two of its batches.

use std::sync::Arc;

use skerry_overlay::{Claim, Told};
use skerry_policy::{NodeId, Tables};
use tokio::sync::oneshot;

use crate::port::{Capabilities, RxHalf, TxHalf};
use crate::snapshot::View;
use crate::switch::OffloadSwitches;

/// One order to one worker. Dropping a reply channel means: the worker is gone.
#[derive(Debug)]
pub(crate) enum Command {
    /// Run these tables from now on.
    Install(Arc<Tables>, oneshot::Sender<()>),
    /// Write to this port; also read it, if the reading side comes along.
    Attach(Attachment, oneshot::Sender<()>),
    /// Forget the port.
    Detach(String, oneshot::Sender<()>),
    /// The port's link went up or down.
    SetLink(String, bool),
    /// Send a control message through the tunnel to a node of this generation.
    Control(NodeId, u64, Vec<u8>),
    /// What a node of this generation has told of its lane to this worker, or that it has none.
    Lane(NodeId, u64, Option<Told>),
    /// The path to a node of this generation carries IP packets of so many bytes.
    Path(NodeId, u64, u16),
    /// Another worker or a peer learned something.
    Claim(Claim),
    /// Use these offloads from now on.
    Switch(OffloadSwitches, oneshot::Sender<()>),
    /// Say how things stand; with the MAC table, if it is asked for.
    Snapshot(WithFdb, oneshot::Sender<View>),
    /// End the loop.
    Stop,
}

/// Whether the MAC table is to be copied too. It may have a million entries, and no frame moves while
/// a worker does that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WithFdb {
    No,
    Yes,
}

/// A port, as one worker gets it.
#[derive(Debug)]
pub(crate) struct Attachment {
    pub(crate) name: String,
    /// The queue that this worker reads, if it reads one.
    pub(crate) rx: Option<Box<dyn RxHalf>>,
    /// It is the port's first, which tells when the device fails: they fail together.
    pub(crate) first: bool,
    pub(crate) tx: Box<dyn TxHalf>,
    pub(crate) capabilities: Capabilities,
    pub(crate) up: bool,
    pub(crate) since: Option<u64>,
}
