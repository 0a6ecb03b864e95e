//! The WebSocket of a viewer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use skerry_panel_proto::Keys;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::connection::Stay;
use super::is_by_address;

/// How many viewers there may be.
const VIEWERS_MAX: usize = 8;
/// A message is one byte: the keys that are held.
const MESSAGE_MAX: usize = 16;
/// A picture that stays comes again after so long: whoever looks on knows from it that the panel is
/// there, and the kernel from what becomes of it that he is.
const AGAIN: Duration = Duration::from_secs(1);

/// For how long a viewer holds what he said that he holds: the page says it again every second.
const LEASE: Duration = Duration::from_secs(3);

/// What all viewers share.
pub(super) type Shared = (watch::Receiver<Shown>, Arc<Viewers>);

/// What there is to see, and to hear.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// Empty before the first one.
    pub(super) picture: Bytes,
    pub(super) words: Utf8Bytes,
}

/// Who looks on, and what they press.
#[derive(Debug, Default)]
pub(super) struct Viewers(Mutex<Hands>);

#[derive(Debug, Default)]
struct Hands {
    /// How many viewers there were so far.
    number: u64,
    /// Which keys each of them holds.
    held: BTreeMap<u64, Hold>,
    /// Keys that went down since somebody asked.
    tapped: u8,
}

/// The keys that a viewer holds.
#[derive(Debug)]
struct Hold {
    /// As he said it last, and when.
    keys: u8,
    since: Instant,
    /// What he holds of these for longer than anybody heard of him: a key counts again when it was
    /// let go.
    lapsed: u8,
}

impl Hold {
    /// Nothing.
    fn none() -> Self {
        Self {
            keys: 0,
            since: Instant::now(),
            lapsed: 0,
        }
    }

    /// What he holds and may.
    fn counting(&self) -> u8 {
        if self.since.elapsed() < LEASE {
            self.keys & !self.lapsed
        } else {
            0
        }
    }

    /// Takes what he says that he holds; gives what went down.
    fn take(&mut self, keys: u8) -> u8 {
        let before = self.counting();
        let is_over = self.since.elapsed() >= LEASE;
        let lapsed = if is_over { self.keys } else { self.lapsed };
        *self = Self {
            keys,
            since: Instant::now(),
            lapsed: lapsed & keys,
        };
        self.counting() & !before
    }
}

impl Viewers {
    pub(super) fn keys(&self) -> Keys {
        let hands = self.lock();
        let keys = hands.held.values().map(Hold::counting);
        Keys(keys.fold(0, |all, keys| all | keys))
    }

    pub(super) fn take_taps(&self) -> Keys {
        Keys(std::mem::take(&mut self.lock().tapped))
    }

    /// A number for somebody new; none if there are too many.
    fn enter(&self) -> Option<u64> {
        let mut hands = self.lock();
        if hands.held.len() >= VIEWERS_MAX {
            return None;
        }
        hands.number += 1;
        let number = hands.number;
        hands.held.insert(number, Hold::none());
        Some(number)
    }

    fn hold(&self, viewer: u64, keys: u8) {
        let mut hands = self.lock();
        let hold = hands.held.entry(viewer).or_insert_with(Hold::none);
        let taps = hold.take(keys);
        hands.tapped |= taps;
    }

    fn leave(&self, viewer: u64) {
        self.lock().held.remove(&viewer);
    }

    fn lock(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody wants to look on: the page itself, and nobody else's.
pub(super) async fn upgrade(
    State((shown, viewers)): State<Shared>,
    ConnectInfo(stay): ConnectInfo<Stay>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_by_address(&headers) || !is_own(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    // A frame too: its length alone would have room made for it.
    let upgrade = upgrade.max_message_size(MESSAGE_MAX);
    let upgrade = upgrade.max_frame_size(MESSAGE_MAX);
    upgrade.on_upgrade(move |socket| async move {
        if let Some(number) = viewers.enter() {
            stay.for_long();
            watch_on(socket, shown, &viewers, number).await;
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

/// Sends pictures, and words that are others than before, and takes keys, until either end has
/// enough.
async fn watch_on(
    mut socket: WebSocket,
    mut shown: watch::Receiver<Shown>,
    viewers: &Viewers,
    number: u64,
) {
    let mut said = Utf8Bytes::default();
    let mut again = interval(AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            changed = shown.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            // The first time at once.
            _ = again.tick() => {}
            message = socket.recv() => {
                match message {
                    Some(Ok(Message::Binary(bytes))) => {
                        if let [keys] = *bytes {
                            viewers.hold(number, keys);
                        }
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                }
                continue;
            }
        }
        again.reset();
        let Shown { picture, words } = shown.borrow_and_update().clone();
        if picture.is_empty() {
            continue;
        }
        if socket.send(Message::Binary(picture)).await.is_err() {
            return;
        }
        if words != said {
            said = words.clone();
            if socket.send(Message::Text(words)).await.is_err() {
                return;
            }
        }
    }
}
