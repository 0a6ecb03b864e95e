//! The `skerry` binary; everything is in the library so that tests can use its types.

use std::process::ExitCode;

fn main() -> ExitCode {
    skerry::cli::main()
}
