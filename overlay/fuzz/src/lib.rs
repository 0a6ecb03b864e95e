//! The fuzz targets: one program each in `src/bin`, two lines long. What a target does is a
//! plain function in the crate it tests (`src/fuzz` there), so that ordinary tests can run it on
//! every input that was kept: `corpus` holds what is worth starting from, `crashes` what once
//! failed.
//!
//! `cargo xtask fuzz` builds and runs them.

use std::fs;
use std::path::{Path, PathBuf};

#[doc(hidden)]
#[cfg(fuzzing)]
pub use libfuzzer_sys as libfuzzer;

/// Makes a program of a target; an empty one unless it is built for fuzzing.
#[macro_export]
macro_rules! target {
    ($body:path) => {
        #[cfg(fuzzing)]
        $crate::libfuzzer::fuzz_target!(|bytes: &[u8]| $body(bytes));
        #[cfg(not(fuzzing))]
        fn main() {}
    };
}

/// Runs a target on its corpus and on every input that once failed. The last file named on
/// standard error before a panic is the culprit; the harness shows it.
///
/// # Panics
/// The target has no corpus: a replay of nothing would prove nothing.
#[expect(
    clippy::print_stderr,
    clippy::panic,
    reason = "called by tests only, which show it when they fail"
)]
pub fn replay(target: &str, body: impl Fn(&[u8])) {
    let mut replayed = 0;
    for folder in ["corpus", "crashes"] {
        for file in files(&here().join(folder).join(target)) {
            eprintln!("{}", file.display());
            match fs::read(&file) {
                Ok(bytes) => body(&bytes),
                Err(error) => panic!("cannot read {}: {error}", file.display()),
            }
            replayed += 1;
        }
    }
    assert!(replayed > 0, "{target} has no corpus");
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder in order; none when it is not there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(folder: &str) -> BTreeSet<String> {
        let name = |file: &PathBuf| file.file_stem().unwrap().to_string_lossy().into_owned();
        files(&here().join(folder)).iter().map(name).collect()
    }

    #[test]
    fn every_target_has_a_corpus_and_every_input_a_target() {
        let targets = names("src/bin");
        assert_eq!(names("corpus"), targets);
        let stray: Vec<_> = names("crashes").difference(&targets).cloned().collect();
        assert_eq!(stray, Vec::<String>::new(), "crashes of no target");
    }

    #[test]
    fn a_corpus_stays_small() {
        for target in names("src/bin") {
            let files = files(&here().join("corpus").join(&target));
            let bytes: u64 = files.iter().map(|it| it.metadata().unwrap().len()).sum();
            assert!(files.len() <= 1_000, "{target}: {} files", files.len());
            assert!(bytes <= 1 << 20, "{target}: {bytes} bytes");
        }
    }
}
