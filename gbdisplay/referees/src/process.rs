//! mGBA and PyBoy, as processes that take a script and give answers.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use skerry_dmg::Model;
use tempfile::TempDir;

use crate::script::{Answers, Script};

/// mGBA, from the Debian package `libmgba-dev`.
#[derive(Debug)]
pub struct Mgba {
    program: PathBuf,
    _folder: TempDir,
}

impl Mgba {
    /// Builds the program that drives it.
    ///
    /// # Errors
    /// There is no C compiler, or no mGBA.
    pub fn build() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let source = folder.path().join("mgba.c");
        let program = folder.path().join("mgba");
        fs::write(&source, include_str!("mgba_referee.c"))?;
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"]);
        compiler.arg(&program).arg(&source).arg("-lmgba");
        let ended = compiler.output().context("cannot run cc")?;
        let text = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "needs libmgba-dev: {text}");
        Ok(Self {
            program,
            _folder: folder,
        })
    }

    /// Runs a ROM.
    ///
    /// # Errors
    /// mGBA does not take the ROM, or ends badly.
    pub fn run(&self, rom: &[u8], model: Model, script: &Script) -> Result<Answers> {
        run(&mut Command::new(&self.program), rom, model, script)
    }
}

/// PyBoy, from PyPI.
#[derive(Debug)]
pub struct PyBoy {
    python: OsString,
    folder: TempDir,
}

impl PyBoy {
    /// With the Python that `SKERRY_PYBOY_PYTHON` names, else the one called `python3`.
    ///
    /// # Errors
    /// That one has no PyBoy.
    pub fn find() -> Result<Self> {
        let python = std::env::var_os("SKERRY_PYBOY_PYTHON").unwrap_or_else(|| "python3".into());
        let mut probe = Command::new(&python);
        let ended = probe.args(["-c", "import pyboy"]).output();
        let ended = ended.with_context(|| format!("cannot run {}", python.display()))?;
        let text = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "needs pyboy: {text}");
        let folder = tempfile::tempdir()?;
        fs::write(
            folder.path().join("referee.py"),
            include_str!("pyboy_referee.py"),
        )?;
        Ok(Self { python, folder })
    }

    /// Runs a ROM. Bytes come when the program waits for them, none before its time.
    ///
    /// # Errors
    /// PyBoy does not take the ROM, or ends badly.
    pub fn run(&self, rom: &[u8], model: Model, script: &Script) -> Result<Answers> {
        let mut command = Command::new(&self.python);
        command.arg(self.folder.path().join("referee.py"));
        run(&mut command, rom, model, script)
    }
}

fn run(command: &mut Command, rom: &[u8], model: Model, script: &Script) -> Result<Answers> {
    let model = match model {
        Model::Dmg => "dmg",
        Model::Cgb => "cgb",
    };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("rom.gb");
    fs::write(&path, rom)?;
    let name = Path::new(command.get_program()).display().to_string();
    let mut child = command
        .arg(&path)
        .arg(model)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {name}"))?;
    let mut input = child.stdin.take().context("a pipe was asked for")?;
    let text = script.to_string();
    // Answers may fill their pipe before the script is through.
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let ended = child.wait_with_output()?;
    let errors = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "{name}: {errors}");
    if let Ok(written) = writer.join() {
        written.with_context(|| format!("{name} did not read its script: {errors}"))?;
    }
    Answers::parse(&String::from_utf8(ended.stdout)?)
}
