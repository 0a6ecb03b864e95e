//! The command line: what can be asked, and how the process ends.

mod bundle;
mod control;
mod doctor;
mod generated;
mod keys;
mod output;
mod panel;
mod policy;
mod run;
mod top;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::exit::{Exit, Failed};
pub(crate) use control::Target;
use output::Output;

/// A layer-2 overlay: private VLANs across machines that do not trust the network between them, or
/// each other's guests.
#[derive(Debug, Parser)]
#[command(
    name = "skerry",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Part of the interface: scripts read them.
const EXIT_CODES: &str = "\
Exit codes:
  0  good
  1  the answer is bad news, or the work failed
  2  the command line makes no sense
  4  no daemon answers
  5  the daemon is degraded (status)
  6  the confirmation came too late, and the old generation is back";

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch real hosts on real nodes reach exactly whom the policy lets them reach; needs no root
    Lab(crate::lab::LabArgs),
    #[command(hide = true)]
    LabNode(crate::lab::LabNodeArgs),
    /// Run the daemon of one node
    Run(run::RunArgs),
    /// Make a WireGuard key
    Keygen(keys::KeygenArgs),
    /// Print the public half of a key
    Pubkey(keys::PubkeyArgs),
    /// Check a site file: every error at once, then the proof
    Check(policy::CheckArgs),
    /// Print who reaches whom
    Matrix(policy::MatrixArgs),
    /// Say why one port reaches another or does not
    Explain(policy::ExplainArgs),
    /// Print what to type on a stock Linux member
    Peer(policy::PeerArgs),
    /// Print the pairs that a new site file gains and loses
    Diff(policy::DiffArgs),
    #[command(flatten)]
    Control(control::ControlCommand),
    /// Watch the node at work
    Top(top::TopArgs),
    /// Show the node on a Game Boy, a real or an emulated one
    Panel(panel::PanelArgs),
    /// Check what this machine offers, and say how to fix what is missing
    Doctor(doctor::DoctorArgs),
    /// Make a support bundle without keys
    Bundle(bundle::BundleArgs),
    /// Print the completion script of a shell
    Completions(generated::CompletionsArgs),
    /// Write the manual pages
    Man(generated::ManArgs),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::of_process();
    let exit = run(cli.command, &output).unwrap_or_else(|error| explain(&error, &output));
    exit.into()
}

fn run(command: Command, output: &Output) -> anyhow::Result<Exit> {
    match command {
        Command::Lab(args) => crate::lab::run(&args),
        Command::LabNode(args) => crate::lab::run_node(&args),
        Command::Run(args) => run::run(&args, output),
        Command::Keygen(args) => keys::keygen(&args, output),
        Command::Pubkey(args) => keys::pubkey(&args, output),
        Command::Check(args) => policy::check(&args, output),
        Command::Matrix(args) => policy::matrix(&args, output),
        Command::Explain(args) => policy::explain(&args, output),
        Command::Peer(args) => policy::peer(&args, output),
        Command::Diff(args) => policy::diff(&args, output),
        Command::Control(command) => control::run(command, output),
        Command::Top(args) => top::top(&args),
        Command::Panel(args) => panel::panel(args),
        Command::Doctor(args) => doctor::doctor(&args, output),
        Command::Bundle(args) => bundle::bundle(&args, output),
        Command::Completions(args) => generated::completions(&args, output, Cli::command()),
        Command::Man(args) => generated::man(&args, Cli::command()),
    }
}

/// Says what went wrong, unless that has been said, and picks the exit code.
fn explain(error: &anyhow::Error, output: &Output) -> Exit {
    let failed = error.downcast_ref::<Failed>();
    let exit = failed.map_or(Exit::Bad, |failed| failed.exit);
    let text = format!("{error:#}");
    if !text.is_empty() {
        output.words(&format!("skerry: {text}\n"));
    }
    exit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }
}
