//! `skerry keygen` and `skerry pubkey`.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;

use super::output::Output;
use crate::exit::{Exit, Failed};
use crate::key::{Key, public_text};

/// Without --out the private key goes to stdout, as `wg genkey` does. With --out it goes to a new
/// file of mode 0600, and the public key to stdout.
#[derive(Args, Debug)]
pub(super) struct KeygenArgs {
    /// The file to make; one that exists is never overwritten
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Reads the private key from a file, or from stdin as `wg pubkey` does.
#[derive(Args, Debug)]
pub(super) struct PubkeyArgs {
    /// The key file
    file: Option<PathBuf>,
}

pub(super) fn keygen(args: &KeygenArgs, output: &Output) -> anyhow::Result<Exit> {
    let key = Key::generate()?;
    match &args.out {
        None => {
            output.data(&key.to_base64())?;
            output.data("\n")?;
        }
        Some(path) => {
            key.create(path)?;
            output.data(&format!("{}\n", public_text(&key.public())))?;
        }
    }
    Ok(Exit::Good)
}

pub(super) fn pubkey(args: &PubkeyArgs, output: &Output) -> anyhow::Result<Exit> {
    let key = match &args.file {
        Some(path) => Key::read(path)?,
        None => {
            let stdin = std::io::stdin();
            if stdin.is_terminal() {
                let message = "expected a key file, or a private key on stdin: \
                               skerry pubkey n1.key";
                return Err(Failed::new(Exit::Usage, message).into());
            }
            Key::read_from(stdin.lock())?
        }
    };
    output.data(&format!("{}\n", public_text(&key.public())))?;
    Ok(Exit::Good)
}
