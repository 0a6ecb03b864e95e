//! The commands that ask the running daemon.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::output::Output;
use crate::control_socket::{CONFIRM_MAX, Client, ClientError, Command, Reply, find_socket};
use crate::exit::{Exit, Failed};
use crate::view::{self, View};

#[derive(Debug, Subcommand)]
pub(super) enum ControlCommand {
    /// How the node is: generation, peers, what is degraded (exit 5)
    Status(Ask),
    /// The ports of this node and their links
    Ports(Ask),
    /// Every counter
    Counters(Ask),
    /// Who is where: MAC addresses, segments, places
    Fdb(Ask),
    /// The other nodes and the tunnels to them
    Peers(Ask),
    /// One round trip to a node, or to the node of a port
    Ping(Ping),
    /// Load the site file again
    Reload(Ask),
    /// Load a site file now
    Apply(Apply),
    /// Keep what was applied with --confirm
    Confirm(Ask),
    /// Load an earlier generation
    Rollback(Rollback),
}

/// Where the daemon is, and how to print.
#[derive(Args, Debug)]
pub(super) struct Ask {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Which daemon. Without any of these: the only one with a socket in /run/skerry.
#[derive(Args, Clone, Debug)]
pub(crate) struct Target {
    /// The daemon's control socket
    #[arg(long, env = "SKERRY_SOCKET", value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The daemon's node file, which names its control socket
    #[arg(long, value_name = "FILE", conflicts_with = "socket")]
    config: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Ping {
    /// A node (n2) or a port (n2/b-i3)
    target: String,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Args, Debug)]
pub(super) struct Apply {
    /// The site file, or - for stdin
    site: PathBuf,
    /// Go back to the old generation unless `skerry confirm` comes in time
    #[arg(long, value_name = "TIME", value_parser = confirm_time)]
    confirm: Option<Duration>,
    /// Wait until it is confirmed (exit 0) or taken back (exit 6)
    #[arg(long, requires = "confirm")]
    wait: bool,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Args, Debug)]
pub(super) struct Rollback {
    /// Which generation; the one before when absent
    generation: Option<u64>,
    #[command(flatten)]
    ask: Ask,
}

fn confirm_time(text: &str) -> Result<Duration, String> {
    let time = crate::duration::parse(text);
    time.filter(|time| !time.is_zero() && *time <= CONFIRM_MAX)
        .ok_or_else(|| "expected a time up to 24h, such as 60s, 5m or 1h".to_owned())
}

impl Target {
    /// The daemon that listens there.
    pub(crate) const fn at(socket: PathBuf) -> Self {
        Self {
            socket: Some(socket),
            config: None,
        }
    }

    /// Connects to the daemon.
    pub(crate) fn connect(&self) -> anyhow::Result<Client> {
        let socket = find_socket(self.socket.clone(), self.config.as_deref());
        let client = socket.and_then(|path| Client::connect(&path));
        Ok(client.map_err(|error| unreachable(&error))?)
    }
}

impl Target {
    /// Asks the daemon once.
    pub(crate) fn ask(&self, command: Command) -> anyhow::Result<Reply> {
        let reply = self.connect()?.ask(command);
        Ok(reply.map_err(|error| unreachable(&error))?)
    }
}

fn unreachable(error: &ClientError) -> Failed {
    let exit = match error {
        ClientError::Config(_) => Exit::Bad,
        ClientError::NoSocket(_) | ClientError::Several(_) | ClientError::Unreachable(..) => {
            Exit::Unreachable
        }
    };
    Failed::new(exit, error.to_string())
}

pub(super) fn run(command: ControlCommand, output: &Output) -> anyhow::Result<Exit> {
    match command {
        ControlCommand::Status(ask) => ask.view::<view::Status>(Command::Status, output),
        ControlCommand::Ports(ask) => ask.view::<view::Ports>(Command::Ports, output),
        ControlCommand::Counters(ask) => ask.view::<view::Counters>(Command::Counters, output),
        ControlCommand::Fdb(ask) => ask.view::<view::Fdb>(Command::Fdb, output),
        ControlCommand::Peers(ask) => ask.view::<view::Peers>(Command::Peers, output),
        ControlCommand::Ping(Ping { target, ask }) => {
            ask.view::<view::Ping>(Command::Ping { target }, output)
        }
        ControlCommand::Reload(ask) => ask.view::<view::Load>(Command::Reload, output),
        ControlCommand::Apply(args) => apply(&args, output),
        ControlCommand::Confirm(ask) => ask.view::<view::Confirmation>(Command::Confirm, output),
        ControlCommand::Rollback(Rollback { generation, ask }) => {
            ask.view::<view::Load>(Command::Rollback { generation }, output)
        }
    }
}

impl Ask {
    /// Asks once and prints the answer.
    fn view<V: View>(&self, command: Command, output: &Output) -> anyhow::Result<Exit> {
        let mut client = self.target.connect()?;
        client.colour = output.colour_words;
        let reply = client.ask(command).map_err(|error| unreachable(&error))?;
        show::<V>(&reply, self.json, output)
    }
}

fn show<V: View>(reply: &Reply, json: bool, output: &Output) -> anyhow::Result<Exit> {
    output.words(&reply.words);
    if !reply.words.is_empty() && !reply.words.ends_with('\n') {
        output.words("\n");
    }
    if !reply.facts.is_null() {
        output.view::<V>(&reply.facts, json)?;
    }
    Ok(Exit::from_code(reply.exit))
}

fn apply(args: &Apply, output: &Output) -> anyhow::Result<Exit> {
    let text = crate::file::read_site(&args.site)?;
    let mut client = args.ask.target.connect()?;
    client.colour = output.colour_words;
    let confirm_ms = args
        .confirm
        .map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let command = Command::Apply {
        name: args.site.display().to_string(),
        text,
        confirm_ms,
    };
    let reply = client.ask(command).map_err(|error| unreachable(&error))?;
    let exit = show::<view::Load>(&reply, args.ask.json, output)?;
    if exit != Exit::Good || !args.wait {
        return Ok(exit);
    }
    let reply = client
        .ask(Command::AwaitConfirm)
        .map_err(|error| unreachable(&error))?;
    show::<view::Confirmation>(&reply, args.ask.json, output)
}
