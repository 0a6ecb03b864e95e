//! A terminal under `tmux`, with a shell in it, for whoever reads and types.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::until;

/// Nothing around the screen, and all that there is to a key at once.
const SETTINGS: &str = "set -g status off\nset -g escape-time 0\nset -g history-limit 0\n";
/// Ends by itself if nobody is left to end it.
const SHELL: &str = "exec timeout --foreground 180 sh";
const PROMPT: &str = "ready> ";
/// How long the server may take to end.
const FAREWELL: Duration = Duration::from_secs(5);

/// A server of its own with one terminal; ended when dropped.
#[derive(Debug)]
pub(crate) struct Terminal {
    folder: TempDir,
    server: Option<Pid>,
}

/// What `tmux` knows of a terminal.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct State {
    /// The screen that programs take which want all of it.
    pub(crate) is_alternate: bool,
    pub(crate) has_cursor: bool,
    pub(crate) columns: u16,
    pub(crate) rows: u16,
}

impl Terminal {
    /// With `skerry` where the shell finds it.
    pub(crate) fn start(columns: u16, rows: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("settings"), SETTINGS).unwrap();
        let mut terminal = Self {
            folder,
            server: None,
        };
        let size = [columns, rows].map(|it| it.to_string());
        let [columns, rows] = &size;
        terminal.tmux(&["new-session", "-d", "-x", columns, "-y", rows, SHELL]);
        let server = terminal.tmux(&["display-message", "-p", "#{pid}"]);
        terminal.server = Pid::from_raw(server.trim().parse().unwrap());
        terminal.reads(PROMPT);
        terminal
    }

    /// Runs a command of `tmux`; returns what it prints.
    #[track_caller]
    fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command
            .arg("-u")
            .arg("-S")
            .arg(self.folder.path().join("socket"));
        command.arg("-f").arg(self.folder.path().join("settings"));
        command.args(arguments).current_dir(self.folder.path());
        let binary = Path::new(env!("CARGO_BIN_EXE_skerry")).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", binary.display()));
        command.env("PS1", PROMPT).env("SHELL", "/bin/sh");
        for variable in ["TMUX", "TMUX_PANE", "SKERRY_SOCKET", "ENV"] {
            command.env_remove(variable);
        }
        let ended = command.stdin(Stdio::null()).output();
        let ended = ended.expect("needs the Debian package tmux");
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "tmux {arguments:?}: {errors}");
        String::from_utf8(ended.stdout).unwrap()
    }

    /// Types a line for the shell.
    pub(crate) fn line(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
        self.key("Enter");
    }

    /// Types a key, by the name that `tmux` has for it.
    pub(crate) fn key(&self, name: &str) {
        self.tmux(&["send-keys", name]);
    }

    /// What is on the screen, a line for each row.
    pub(crate) fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// The same, with its colours as escape sequences.
    pub(crate) fn coloured_screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    /// Waits until some line of the screen begins like this.
    #[track_caller]
    pub(crate) fn reads(&self, words: &str) {
        until(words, || {
            let screen = self.screen();
            let is_there = screen.lines().any(|it| it.starts_with(words.trim_end()));
            if is_there { Ok(()) } else { Err(screen) }
        });
    }

    pub(crate) fn state(&self) -> State {
        let format = "#{alternate_on} #{cursor_flag} #{pane_width} #{pane_height}";
        let answer = self.tmux(&["display-message", "-p", format]);
        let numbers: Vec<u16> = answer
            .split_whitespace()
            .map(|it| it.parse().unwrap())
            .collect();
        State {
            is_alternate: numbers[0] == 1,
            has_cursor: numbers[1] == 1,
            columns: numbers[2],
            rows: numbers[3],
        }
    }

    /// Makes the terminal larger or smaller.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let size = [columns, rows].map(|it| it.to_string());
        self.tmux(&["resize-window", "-x", &size[0], "-y", &size[1]]);
    }

    /// A file that the shell makes.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let socket = self.folder.path().join("socket");
        let mut command = Command::new("tmux");
        command.arg("-S").arg(socket).arg("kill-server");
        drop(command.stderr(Stdio::null()).status());
        let deadline = Instant::now() + FAREWELL;
        let is_there = |it: Pid| rustix::process::test_kill_process(it).is_ok();
        while self.server.is_some_and(is_there) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        if let Some(server) = self.server.filter(|it| is_there(*it)) {
            let _just_gone = kill_process(server, Signal::KILL);
        }
    }
}
