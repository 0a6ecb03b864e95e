//! The client's end of the control socket.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::protocol::{Command, REPLY_MAX, Reply, Request, VERSION};
use crate::node_config::{ConfigError, NodeConfig};

/// How long an answer may take, unless the command waits for something on purpose. Loading the
/// largest site takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where node sockets are unless the node file says otherwise.
const RUN: &str = "/run/skerry";

/// A connection to a daemon.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    stream: BufReader<UnixStream>,
    /// Whether replies may be coloured.
    pub colour: bool,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there, or this user may not.
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        let at = |error| ClientError::Unreachable(path.to_owned(), error);
        let stream = UnixStream::connect(path).map_err(at)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(at)?;
        Ok(Self {
            path: path.to_owned(),
            stream: BufReader::new(stream),
            colour: false,
        })
    }

    /// Asks, and waits for the reply.
    ///
    /// # Errors
    /// The daemon went away, does not answer, or answers something else.
    pub fn ask(&mut self, command: Command) -> Result<Reply, ClientError> {
        let patience = (command != Command::AwaitConfirm).then_some(PATIENCE);
        let request = Request {
            version: VERSION,
            colour: self.colour,
            command,
        };
        self.exchange(&request, patience)
            .map_err(|error| ClientError::Unreachable(self.path.clone(), error))
    }

    fn exchange(&mut self, request: &Request, patience: Option<Duration>) -> io::Result<Reply> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        let stream = self.stream.get_mut();
        stream.set_read_timeout(patience)?;
        // A daemon that refuses a client says why and hangs up, maybe before it has read all.
        let written = stream.write_all(&line);
        let mut answer = Vec::new();
        let read = self
            .stream
            .by_ref()
            .take(REPLY_MAX)
            .read_until(b'\n', &mut answer);
        match read {
            Ok(0) => written.and_then(|()| Err(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(serde_json::from_slice(&answer)?),
            Err(error) => written.and(Err(error)),
        }
    }
}

/// The socket to use: the one given, the one the node file names, or the only one there is.
///
/// # Errors
/// The node file is wrong, or there is no single candidate.
pub fn find_socket(socket: Option<PathBuf>, config: Option<&Path>) -> Result<PathBuf, ClientError> {
    if let Some(socket) = socket {
        return Ok(socket);
    }
    if let Some(config) = config {
        let config = NodeConfig::read(config).map_err(ClientError::Config)?;
        return Ok(config.control);
    }
    only_socket(Path::new(RUN))
}

fn only_socket(run: &Path) -> Result<PathBuf, ClientError> {
    let entries = std::fs::read_dir(run).into_iter().flatten().flatten();
    let sockets: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|it| it == "sock"))
        .collect();
    match sockets.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(ClientError::NoSocket(run.to_owned())),
        _ => Err(ClientError::Several(sockets)),
    }
}

/// Why the daemon cannot be asked.
#[derive(Debug)]
pub enum ClientError {
    /// The node file that should name the socket is wrong.
    Config(ConfigError),
    /// No socket was named, and none was found.
    NoSocket(PathBuf),
    /// No socket was named, and there are several.
    Several(Vec<PathBuf>),
    /// The daemon does not answer.
    Unreachable(PathBuf, io::Error),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let choose = "name one with --socket PATH, --config node.toml or SKERRY_SOCKET";
        match self {
            Self::Config(error) => f.write_str(error.render(false).trim_end()),
            Self::NoSocket(run) => write!(
                f,
                "no daemon runs here: there is no control socket in {}; {choose}",
                run.display()
            ),
            Self::Several(sockets) => {
                let names: Vec<_> = sockets.iter().map(|it| it.display().to_string()).collect();
                write!(
                    f,
                    "several daemons run here: {}; {choose}",
                    names.join(", ")
                )
            }
            Self::Unreachable(path, error) => {
                write!(
                    f,
                    "{}",
                    unreachable_text(&path.display().to_string(), error)
                )
            }
        }
    }
}

fn unreachable_text(path: &str, error: &io::Error) -> String {
    let kind = error.kind();
    if kind == io::ErrorKind::NotFound {
        format!("no daemon listens at {path}; start it with: skerry run --config node.toml")
    } else if kind == io::ErrorKind::ConnectionRefused {
        format!("the daemon that made {path} is gone; start it with: skerry run --config node.toml")
    } else if kind == io::ErrorKind::PermissionDenied {
        format!("this user may not talk to {path}; be root, the daemon's user, or in its group")
    } else if matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
        format!("the daemon at {path} does not answer")
    } else {
        format!("the daemon at {path} broke off: {error}")
    }
}

impl std::error::Error for ClientError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_socket_is_found_and_several_are_listed() {
        let dir = tempfile::tempdir().unwrap();
        let error = only_socket(dir.path()).unwrap_err();
        assert!(matches!(error, ClientError::NoSocket(_)), "{error}");
        std::fs::write(dir.path().join("n1.sock"), "").unwrap();
        std::fs::write(dir.path().join("other"), "").unwrap();
        assert_eq!(only_socket(dir.path()).unwrap(), dir.path().join("n1.sock"));
        std::fs::write(dir.path().join("n2.sock"), "").unwrap();
        let error = only_socket(dir.path()).unwrap_err();
        assert!(matches!(error, ClientError::Several(_)), "{error}");
    }
}
