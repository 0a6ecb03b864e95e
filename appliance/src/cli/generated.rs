//! `skerry completions` and `skerry man`: made from the command line itself, so never stale.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Command};
use clap_complete::Shell;

use super::output::Output;
use crate::exit::Exit;

/// For example: skerry completions bash > /etc/bash_completion.d/skerry
#[derive(Args, Debug)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// For example: skerry man --out /usr/local/share/man/man1
#[derive(Args, Debug)]
pub(super) struct ManArgs {
    /// The folder to write the pages to; made if need be
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn completions(
    args: &CompletionsArgs,
    output: &Output,
    mut command: Command,
) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "skerry", &mut script);
    output.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Good)
}

pub(super) fn man(args: &ManArgs, command: Command) -> anyhow::Result<Exit> {
    let at = || format!("cannot write manual pages to {}", args.out.display());
    std::fs::create_dir_all(&args.out).with_context(at)?;
    clap_mangen::generate_to(command, &args.out).with_context(at)?;
    Ok(Exit::Good)
}
