//! The daemon's end of the control socket.

use std::fmt;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::protocol::{REQUEST_MAX, Reply, Request, VERSION};

/// Clients at a time; the next one waits in the kernel's queue.
const CLIENTS: usize = 64;

/// How long a client may be silent, or take for a request.
const IDLE: Duration = Duration::from_secs(600);

/// How long a client may take to read its reply.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request and where its reply goes.
#[derive(Debug)]
pub struct Incoming {
    /// What is wanted.
    pub request: Request,
    /// Where the reply goes; dropping it hangs up.
    pub reply: oneshot::Sender<Reply>,
}

/// The listening socket; its file is removed when this is dropped.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    inode: u64,
}

impl Server {
    /// Makes the socket. The socket of a daemon that died is replaced, that of a live one never.
    ///
    /// # Errors
    /// Another daemon answers there, something else has the name, or it cannot be made.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let at = |error| BindError::Io(path.to_owned(), error);
        remove_stale(path)?;
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(at)?;
        }
        let listener = UnixListener::bind(path).map_err(at)?;
        let mode = std::fs::Permissions::from_mode(0o660);
        std::fs::set_permissions(path, mode).map_err(at)?;
        let inode = std::fs::symlink_metadata(path).map_err(at)?.ino();
        Ok(Self {
            listener,
            path: path.to_owned(),
            inode,
        })
    }

    /// Serves clients until the receiver is gone.
    pub async fn serve(self, commands: mpsc::Sender<Incoming>) {
        let seats = Arc::new(Semaphore::new(CLIENTS));
        while let Ok(seat) = Arc::clone(&seats).acquire_owned().await {
            let stream = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = commands.closed() => return,
            };
            let Ok((stream, _)) = stream else {
                // Out of descriptors: wait for some to come back instead of spinning.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let commands = commands.clone();
            tokio::spawn(async move {
                // A client that hangs up is its own business.
                drop(converse(stream, &commands).await);
                drop(seat);
            });
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Somebody else's socket under the same name stays.
        let ours = std::fs::symlink_metadata(&self.path).is_ok_and(|it| it.ino() == self.inode);
        if ours {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

fn remove_stale(path: &Path) -> Result<(), BindError> {
    let at = |error| BindError::Io(path.to_owned(), error);
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(at(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(BindError::NoSocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(at)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(at(error)),
        Ok(_) => Err(BindError::Busy(path.to_owned())),
    }
}

async fn converse(stream: UnixStream, commands: &mpsc::Sender<Incoming>) -> io::Result<()> {
    let credentials = stream.peer_cred()?;
    let mut stream = BufReader::new(stream);
    if !may_ask(&credentials) {
        return say(&mut stream, &Reply::refused(stranger(&credentials))).await;
    }
    while let Some(line) = timeout(IDLE, read_line(&mut stream)).await?? {
        let reply = match parse(&line) {
            Ok(request) => {
                let (reply, answer) = oneshot::channel();
                let sent = commands.send(Incoming { request, reply }).await;
                let gone = || Reply::refused("the daemon is stopping");
                match sent {
                    Ok(()) => answer.await.unwrap_or_else(|_| gone()),
                    Err(_) => gone(),
                }
            }
            Err(words) => Reply::refused(words),
        };
        say(&mut stream, &reply).await?;
    }
    Ok(())
}

/// Root, the daemon's own user, or the daemon's group.
fn may_ask(credentials: &UCred) -> bool {
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    credentials.uid() == 0 || credentials.uid() == uid || credentials.gid() == gid
}

fn stranger(credentials: &UCred) -> String {
    format!(
        "user {} may not talk to this daemon; be root, the daemon's user, or in its group",
        credentials.uid()
    )
}

/// One line without its end; `None` when the client has hung up.
async fn read_line(stream: &mut BufReader<UnixStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut bounded = stream.take(REQUEST_MAX as u64);
    bounded.read_until(b'\n', &mut line).await?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn parse(line: &[u8]) -> Result<Request, String> {
    let request: Request =
        serde_json::from_slice(line).map_err(|error| format!("not a request: {error}"))?;
    if request.version == VERSION {
        Ok(request)
    } else {
        let version = request.version;
        Err(format!(
            "this daemon speaks version {VERSION} of the control protocol, not {version}"
        ))
    }
}

async fn say(stream: &mut BufReader<UnixStream>, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    timeout(PATIENCE, stream.get_mut().write_all(&line)).await?
}

/// Why there is no control socket.
#[derive(Debug)]
pub enum BindError {
    /// A daemon answers there.
    Busy(PathBuf),
    /// A file that is no socket has the name.
    NoSocket(PathBuf),
    /// It cannot be made.
    Io(PathBuf, io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(path) => write!(
                f,
                "another daemon answers at the control socket {}; stop it, or give this node its \
                 own `control` in the node file",
                path.display()
            ),
            Self::NoSocket(path) => write!(
                f,
                "{} exists and is no socket; choose another `control` in the node file",
                path.display()
            ),
            Self::Io(path, error) => {
                write!(
                    f,
                    "cannot make the control socket {}: {error}",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for BindError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control_socket::{Client, ClientError, Command};

    /// Serves at `path`, answering every request with its command's name, until dropped.
    fn echo(path: &Path) -> std::thread::JoinHandle<()> {
        let path = path.to_owned();
        let (ready, wait) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let server = Server::bind(&path).unwrap();
                let (sender, mut receiver) = mpsc::channel(4);
                tokio::spawn(server.serve(sender));
                ready.send(()).unwrap();
                while let Some(incoming) = receiver.recv().await {
                    let stop = incoming.request.command == Command::Confirm;
                    let name = serde_json::json!(format!("{:?}", incoming.request.command));
                    incoming.reply.send(Reply::good(name)).unwrap();
                    if stop {
                        tokio::task::yield_now().await;
                        break;
                    }
                }
                drop(receiver);
                tokio::time::sleep(Duration::from_millis(50)).await;
            });
        });
        wait.recv().unwrap();
        thread
    }

    #[test]
    fn a_client_is_answered_line_by_line_and_the_socket_goes_with_the_server() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/n1.sock");
        let server = echo(&path);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o660);
        let mut client = Client::connect(&path).unwrap();
        assert_eq!(client.ask(Command::Status).unwrap().facts, "Status");
        assert_eq!(client.ask(Command::Fdb).unwrap().facts, "Fdb");
        assert_eq!(client.ask(Command::Confirm).unwrap().facts, "Confirm");
        server.join().unwrap();
        assert!(!path.exists(), "the socket is removed");
    }

    #[test]
    fn nonsense_is_answered_with_words() {
        use std::io::{BufRead, Write};
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n1.sock");
        let server = echo(&path);
        let stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let mut lines = io::BufReader::new(stream.try_clone().unwrap()).lines();
        for nonsense in [
            "hello",
            "{}",
            "{\"version\":9,\"command\":\"status\"}",
            "\u{0}",
        ] {
            writeln!(&stream, "{nonsense}").unwrap();
            let reply: Reply = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            assert_eq!(reply.exit, 1, "{nonsense:?}: {reply:?}");
            assert!(!reply.words.is_empty(), "{nonsense:?}: {reply:?}");
        }
        Client::connect(&path)
            .unwrap()
            .ask(Command::Confirm)
            .unwrap();
        server.join().unwrap();
    }

    #[test]
    fn a_live_socket_is_refused_and_a_dead_one_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n1.sock");
        let dead = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let _guard = runtime.enter();
        let error = Server::bind(&path).unwrap_err();
        assert!(matches!(error, BindError::Busy(_)), "{error}");
        drop(dead);
        let server = Server::bind(&path).unwrap();
        drop(server);
        assert!(!path.exists());
        std::fs::write(&path, "precious").unwrap();
        let error = Server::bind(&path).unwrap_err();
        assert!(matches!(error, BindError::NoSocket(_)), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn nobody_at_the_other_end_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n1.sock");
        let error = Client::connect(&path).unwrap_err();
        assert!(matches!(error, ClientError::Unreachable(..)), "{error}");
        assert!(error.to_string().contains("skerry run"), "{error}");
    }
}
