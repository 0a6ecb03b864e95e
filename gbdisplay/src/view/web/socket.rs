//! The WebSocket of a viewer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use skerry_panel_proto::Keys;
use tokio::sync::watch;

use super::is_by_address;

/// How many viewers there may be.
const VIEWERS_MAX: usize = 8;
/// A message is one byte: the keys that are held.
const MESSAGE_MAX: usize = 16;

/// What all viewers share.
pub(super) type Shared = (watch::Receiver<Arc<[u8]>>, Arc<Viewers>);

/// Who looks on, and which keys each of them holds.
#[derive(Debug, Default)]
pub(super) struct Viewers(Mutex<(u64, BTreeMap<u64, u8>)>);

impl Viewers {
    pub(super) fn keys(&self) -> Keys {
        Keys(self.lock().1.values().fold(0, |all, keys| all | keys))
    }

    /// A number for somebody new; none if there are too many.
    fn enter(&self) -> Option<u64> {
        let mut viewers = self.lock();
        if viewers.1.len() >= VIEWERS_MAX {
            return None;
        }
        viewers.0 += 1;
        let number = viewers.0;
        viewers.1.insert(number, 0);
        Some(number)
    }

    fn hold(&self, viewer: u64, keys: u8) {
        self.lock().1.insert(viewer, keys);
    }

    fn leave(&self, viewer: u64) {
        self.lock().1.remove(&viewer);
    }

    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, u8>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody wants to look on: the page itself, and nobody else's.
pub(super) async fn upgrade(
    State((pictures, viewers)): State<Shared>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_by_address(&headers) || !is_own(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let upgrade = upgrade.max_message_size(MESSAGE_MAX);
    upgrade.on_upgrade(move |socket| async move {
        if let Some(number) = viewers.enter() {
            watch_on(socket, pictures, &viewers, number).await;
            viewers.leave(number);
        }
    })
}

/// True if the page that asks came from here.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|it| it.to_str().ok());
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin.strip_prefix("http://") == Some(host),
        _ => false,
    }
}

/// Sends pictures and takes keys until either end has enough.
async fn watch_on(
    mut socket: WebSocket,
    mut pictures: watch::Receiver<Arc<[u8]>>,
    viewers: &Viewers,
    number: u64,
) {
    pictures.mark_changed();
    loop {
        tokio::select! {
            changed = pictures.changed() => {
                if changed.is_err() {
                    return;
                }
                let picture = Arc::clone(&pictures.borrow_and_update());
                if picture.is_empty() {
                    continue;
                }
                let picture = Message::Binary(Bytes::copy_from_slice(&picture));
                if socket.send(picture).await.is_err() {
                    return;
                }
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    if let [keys] = *bytes {
                        viewers.hold(number, keys);
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
        }
    }
}
