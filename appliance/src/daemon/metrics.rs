//! The counters for Prometheus: a text page over HTTP, made from what `skerry counters` and
//! `skerry status` say, so the two can never differ.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::control_socket::{Command, Incoming, Request, VERSION};
use crate::exposition;
use crate::view::{Counters, Status};

/// Scrapers at a time.
const CLIENTS: usize = 4;

/// How long a scraper may take to ask, and to read.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest request head that is read, in bytes.
const HEAD_MAX: usize = 8192;

/// Makes the listening socket, if the node file wants one.
///
/// # Errors
/// The address is taken, or not one of this machine.
pub(super) async fn bind(address: Option<SocketAddr>) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = address else {
        return Ok(None);
    };
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot serve metrics on {address}; change `metrics` in the node file")
    })?;
    Ok(Some(listener))
}

/// Serves until the daemon no longer takes commands.
pub(super) async fn serve(listener: TcpListener, commands: mpsc::Sender<Incoming>) {
    let seats = Arc::new(Semaphore::new(CLIENTS));
    while let Ok(seat) = Arc::clone(&seats).acquire_owned().await {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            () = commands.closed() => return,
        };
        let Ok((stream, _)) = stream else {
            // Out of descriptors: wait for some to come back instead of spinning.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let commands = commands.clone();
        tokio::spawn(async move {
            // A scraper that hangs up, or takes too long, tries again by itself.
            drop(converse(stream, &commands).await);
            drop(seat);
        });
    }
}

async fn converse(mut stream: TcpStream, commands: &mpsc::Sender<Incoming>) -> std::io::Result<()> {
    let head = timeout(PATIENCE, read_head(&mut stream)).await??;
    let answer = match parse(&head) {
        Parsed::Metrics => match page(commands).await {
            Some(page) => response("200 OK", "text/plain; version=0.0.4; charset=utf-8", &page),
            None => plain("503 Service Unavailable"),
        },
        Parsed::NotFound => plain("404 Not Found"),
        Parsed::OtherMethod => plain("405 Method Not Allowed"),
        Parsed::Nonsense => plain("400 Bad Request"),
    };
    timeout(PATIENCE, stream.write_all(answer.as_bytes())).await??;
    stream.shutdown().await
}

/// Reads up to the blank line, or to the limit.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while head.len() < HEAD_MAX && !head.windows(4).any(|it| it == b"\r\n\r\n") {
        let n = stream.read(&mut chunk).await?;
        if n == 0 {
            break;
        }
        head.extend_from_slice(chunk.get(..n).unwrap_or_default());
    }
    Ok(head)
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Parsed {
    Metrics,
    NotFound,
    OtherMethod,
    Nonsense,
}

/// Looks at the request line alone (RFC 9112 section 3): nothing in the fields changes the answer.
fn parse(head: &[u8]) -> Parsed {
    let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|&byte| byte == b' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(method), Some(target), Some(version), None) if version.starts_with(b"HTTP/1.") => {
            let path = target
                .split(|&byte| byte == b'?')
                .next()
                .unwrap_or_default();
            match (method, path) {
                (b"GET", b"/metrics") => Parsed::Metrics,
                (b"GET", _) => Parsed::NotFound,
                _ => Parsed::OtherMethod,
            }
        }
        _ => Parsed::Nonsense,
    }
}

async fn page(commands: &mpsc::Sender<Incoming>) -> Option<String> {
    let counters: Counters = ask(commands, Command::Counters).await?;
    let status: Status = ask(commands, Command::Status).await?;
    Some(exposition::page(&counters, &status))
}

async fn ask<V: DeserializeOwned>(
    commands: &mpsc::Sender<Incoming>,
    command: Command,
) -> Option<V> {
    let request = Request {
        version: VERSION,
        colour: false,
        command,
    };
    let (reply, answer) = oneshot::channel();
    commands.send(Incoming { request, reply }).await.ok()?;
    serde_json::from_value(answer.await.ok()?.facts).ok()
}

fn plain(status: &str) -> String {
    response(status, "text/plain; charset=utf-8", &format!("{status}\n"))
}

fn response(status: &str, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &str, expect: Parsed) {
        assert_eq!(parse(head.as_bytes()), expect, "{head:?}");
    }

    #[test]
    fn only_the_metrics_page_is_served() {
        check("GET /metrics HTTP/1.1\r\nHost: n1\r\n\r\n", Parsed::Metrics);
        check("GET /metrics?x=y HTTP/1.0\r\n\r\n", Parsed::Metrics);
        check("GET / HTTP/1.1\r\n\r\n", Parsed::NotFound);
        check("POST /metrics HTTP/1.1\r\n\r\n", Parsed::OtherMethod);
        for nonsense in [
            "",
            "\r\n",
            "GET",
            "GET /metrics",
            "GET  /metrics HTTP/1.1",
            "\u{1}\u{2} x y",
        ] {
            check(nonsense, Parsed::Nonsense);
        }
    }

    #[tokio::test]
    async fn a_scrape_is_answered_from_the_daemons_own_facts() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (commands, mut inbox) = mpsc::channel(4);
        tokio::spawn(serve(listener, commands));
        tokio::spawn(async move {
            while let Some(incoming) = inbox.recv().await {
                let facts = serde_json::json!({"node": "n1", "generation": 7});
                incoming
                    .reply
                    .send(crate::control_socket::Reply::good(facts))
                    .unwrap();
            }
        });
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            answer.contains("\nskerry_policy_generation 7\n"),
            "{answer}"
        );
    }
}
