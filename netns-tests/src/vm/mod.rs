//! A virtual machine with Debian's own kernel, for what the kernel of this machine lacks: the
//! kernel's WireGuard, `tc` with its classifiers, VRF.
//!
//! QEMU runs inside a network namespace of the suite, and dies with it. It emulates the processor
//! (`accel tcg`): `/dev/kvm` may open and still not run a stock kernel.

mod cpio;
mod image;
mod modules;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

pub use image::{Contents, Image, folder};

use crate::netns::Netns;

/// How long a guest may take to start. It takes 3 to 8 seconds on a quiet machine.
const BOOT: Duration = Duration::from_secs(180);
/// How many times a guest that did not start is started: emulated timers may stop a kernel.
const ATTEMPTS: u32 = 2;
/// How much longer than the script itself its answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// MiB of memory.
const MEMORY: &str = "512";
/// Lines of the console that a failure shows.
const TAIL: usize = 40;

/// A running guest. Dropping it ends QEMU.
#[derive(Debug)]
pub struct Vm {
    child: Child,
    channel: BufReader<UnixStream>,
    console: PathBuf,
    /// The guest's kernel, `6.1.0-56-cloud-amd64`.
    pub kernel: String,
    /// How long it took until the guest answered.
    pub boot: Duration,
}

/// What a script in the guest did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// Its exit code; 143 when it was stopped for taking too long.
    pub code: i32,
    /// What it printed, both streams.
    pub text: String,
}

impl Vm {
    /// Starts a guest in a namespace, with its only network card on a TAP interface there.
    ///
    /// # Errors
    /// When QEMU cannot be run or the guest does not come up, with the console's last words.
    pub fn start(image: &Image, netns: &Netns, tap: &str, folder: &Path) -> Result<Self> {
        let root = folder.join("guest.cpio");
        fs::write(&root, &image.root)?;
        let mut failures = Vec::new();
        for attempt in 1..=ATTEMPTS {
            match Self::attempt(image, &root, netns, tap, folder) {
                Ok(vm) => return Ok(vm),
                Err(error) => failures.push(format!("attempt {attempt}: {error:#}")),
            }
        }
        bail!("the guest does not start: {}", failures.join("\n"))
    }

    fn attempt(
        image: &Image,
        root: &Path,
        netns: &Netns,
        tap: &str,
        folder: &Path,
    ) -> Result<Self> {
        let (console, socket) = (folder.join("console.log"), folder.join("guest.sock"));
        // A socket of an attempt before would be taken for this one's.
        drop(fs::remove_file(&socket));
        let mut command = qemu(image, root, tap, &console, &socket);
        let started = Instant::now();
        let child = netns.enter(|| command.spawn())?;
        let child = child.context("QEMU cannot be run: install the package qemu-system-x86")?;
        let mut guard = Guard(Some(child));
        let channel = greet(&mut guard, &socket, started)
            .map_err(|error| anyhow::anyhow!("{error:#}; its console:\n{}", tail(&console)));
        let (channel, hello) = channel?;
        let words: Vec<&str> = hello.split_whitespace().collect();
        let [_, kernel, _, bad @ ..] = words.as_slice() else {
            bail!("the guest greets with {hello:?}");
        };
        ensure!(bad.is_empty(), "modules that cannot be loaded: {bad:?}");
        let child = guard.0.take().context("QEMU is gone")?;
        Ok(Self {
            child,
            channel,
            console,
            kernel: (*kernel).to_owned(),
            boot: started.elapsed(),
        })
    }

    /// Runs a script in the guest, until its first command that fails.
    ///
    /// # Errors
    /// When the guest does not answer in time, with the console's last words.
    pub fn run(&mut self, script: &str, limit: Duration) -> Result<Answer> {
        let answer = self.exchange(script, limit);
        answer.map_err(|error| {
            anyhow::anyhow!(
                "the guest does not answer: {error:#}; its console:\n{}",
                tail(&self.console)
            )
        })
    }

    fn exchange(&mut self, script: &str, limit: Duration) -> Result<Answer> {
        let seconds = limit.as_secs().max(1);
        let stream = self.channel.get_mut();
        stream.set_read_timeout(Some(limit + PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(format!("{} {seconds}\n{script}", script.len()).as_bytes())?;
        let mut header = String::new();
        self.channel.read_line(&mut header)?;
        let (code, length) = header.trim().split_once(' ').context("a broken answer")?;
        let mut text = vec![0; length.parse()?];
        self.channel.read_exact(&mut text)?;
        Ok(Answer {
            code: code.parse()?,
            text: String::from_utf8_lossy(&text).into_owned(),
        })
    }

    /// Runs a script that must succeed, and gives back what it printed.
    ///
    /// # Errors
    /// With what it printed.
    pub fn must(&mut self, script: &str, limit: Duration) -> Result<String> {
        let Answer { code, text } = self.run(script, limit)?;
        ensure!(
            code == 0,
            "in the guest, with exit code {code}:\n{text}\nthe script was:\n{script}"
        );
        Ok(text)
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Ends a QEMU that never became a guest.
struct Guard(Option<Child>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            end(child);
        }
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    drop(child.kill());
    drop(child.wait());
}

fn qemu(image: &Image, root: &Path, tap: &str, console: &Path, socket: &Path) -> Command {
    let mut command = Command::new("qemu-system-x86_64");
    command.args(["-nodefaults", "-no-user-config", "-display", "none"]);
    command.args(["-no-reboot", "-machine", "q35", "-accel", "tcg"]);
    command.args(["-cpu", "max", "-smp", "1", "-m", MEMORY]);
    command.arg("-kernel").arg(&image.kernel);
    command.arg("-initrd").arg(root);
    command.args(["-append", "console=ttyS0 quiet panic=-1 no_timer_check"]);
    command.arg("-serial").arg(joined("file:", console, ""));
    command.arg("-netdev");
    command.arg(format!("tap,id=n,ifname={tap},script=no,downscript=no"));
    command.args(["-device", "virtio-net-pci,netdev=n,romfile="]);
    command.args(["-device", "virtio-serial-pci", "-chardev"]);
    command.arg(joined("socket,id=c,path=", socket, ",server=on,wait=off"));
    command.args(["-device", "virtserialport,chardev=c,name=skerry.ctl"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit());
    command
}

fn joined(before: &str, path: &Path, after: &str) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(before);
    text.push(path);
    text.push(after);
    text
}

/// Waits for the guest's first line.
fn greet(
    qemu: &mut Guard,
    socket: &Path,
    started: Instant,
) -> Result<(BufReader<UnixStream>, String)> {
    let left = || {
        BOOT.saturating_sub(started.elapsed())
            .max(Duration::from_millis(1))
    };
    let stream = loop {
        if let Ok(stream) = UnixStream::connect(socket) {
            break stream;
        }
        if let Some(child) = &mut qemu.0
            && let Some(status) = child.try_wait()?
        {
            bail!("QEMU ended with {status}");
        }
        ensure!(started.elapsed() < BOOT, "QEMU opens no channel");
        std::thread::sleep(Duration::from_millis(20));
    };
    stream.set_read_timeout(Some(left()))?;
    let mut channel = BufReader::new(stream);
    let mut hello = String::new();
    channel
        .read_line(&mut hello)
        .with_context(|| format!("no greeting within {BOOT:?}"))?;
    ensure!(
        hello.starts_with("HELLO "),
        "the guest greets with {hello:?}"
    );
    Ok((channel, hello))
}

fn tail(console: &Path) -> String {
    let text = fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL);
    let last = lines.get(from..).unwrap_or_default();
    last.iter().map(|line| format!("    {line}\n")).collect()
}
