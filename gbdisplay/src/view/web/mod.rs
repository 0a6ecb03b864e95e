//! The panel as a web page that looks like a Game Boy: pictures and words out, keys in, over a
//! WebSocket.
//!
//! Whoever reaches the page can press keys, so:
//! - it listens on the loopback unless told otherwise;
//! - a request must name an address or `localhost` as its host, so that no name that somebody else
//!   controls leads here, and a WebSocket must come from the page itself;
//! - viewers and connections are few, what they send is short, and one that is slow misses pictures:
//!   hardly anything is kept for anybody;
//! - keys are lent: whoever does not say again that he holds one lets go of it after three seconds,
//!   whether he is gone, was stopped or is out of reach, and takes it again by letting go.

mod connection;
mod socket;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use skerry_dmg::Frame;
use skerry_panel_proto::Keys;
use tokio::sync::watch;

use super::colours::indexed;
use connection::{Door, Stay};
use socket::{Shown, Viewers};

/// The page: everything in one file, nothing from elsewhere.
const PAGE: &str = include_str!("page.html");
/// No script, style or picture but the page's own, and no page around it.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'";
/// What whoever comes by a name is told.
const BY_ADDRESS: &str = "Name the panel by its address, or as localhost.\n";

/// A web server in a thread of its own, for as long as the process runs.
#[derive(Debug)]
pub struct Web {
    address: SocketAddr,
    shown: watch::Sender<Shown>,
    viewers: Arc<Viewers>,
    last: Option<Frame>,
}

impl Web {
    /// Listens at an address.
    ///
    /// # Errors
    /// Somebody else does, or it is not this machine's.
    pub fn listen(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (shown, seen) = watch::channel(Shown::default());
        let viewers = Arc::new(Viewers::default());
        let app = Router::new()
            .route("/", get(page))
            .route("/screen", get(socket::upgrade))
            .with_state((seen, Arc::clone(&viewers)))
            .layer(map_response(closing));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let app = app.into_make_service_with_connect_info::<Stay>();
            axum::serve(Door::new(listener), app).await
        };
        let thread = thread::Builder::new().name("web".to_owned());
        // It ends with the process: a server that fails leaves a panel without viewers.
        thread.spawn(move || runtime.block_on(serve))?;
        Ok(Self {
            address,
            shown,
            viewers,
            last: None,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows every viewer a picture and says what is on it, if either is another one than before.
    pub fn show(&mut self, frame: &Frame, words: &str) {
        let is_said = self.shown.borrow().words.as_str() == words;
        if is_said && self.last.as_ref() == Some(frame) {
            return;
        }
        self.last = Some(frame.clone());
        self.shown.send_replace(Shown {
            picture: picture(frame).into(),
            words: words.into(),
        });
    }

    /// The keys that any viewer holds.
    #[must_use]
    pub fn keys(&self) -> Keys {
        self.viewers.keys()
    }

    /// The keys that went down since this was last asked, even if nobody holds them any more: a
    /// tap may be shorter than the pause between two looks.
    pub fn take_taps(&mut self) -> Keys {
        self.viewers.take_taps()
    }
}

/// A picture as it is sent: how many colours less one, then these in three bytes each, then the
/// pixels: two bits each, the leftmost highest, if there are no more than four colours, else a byte.
fn picture(frame: &Frame) -> Vec<u8> {
    let (pixels, palette) = indexed(frame, 1);
    let mut bytes = vec![u8::try_from(palette.len().saturating_sub(1)).unwrap_or(u8::MAX)];
    bytes.extend(palette.as_flattened());
    if palette.len() > 4 {
        bytes.extend(pixels);
    } else {
        let packed = pixels.chunks(4);
        bytes.extend(packed.map(|it| it.iter().fold(0, |byte, pixel| byte << 2 | pixel)));
    }
    bytes
}

async fn page(headers: HeaderMap) -> impl IntoResponse {
    if !is_by_address(&headers) {
        return Err((StatusCode::MISDIRECTED_REQUEST, BY_ADDRESS));
    }
    let head = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((head, PAGE))
}

/// Whatever the answer is, nobody asks for more on the same connection: the WebSocket has one of its
/// own.
async fn closing(mut response: Response) -> Response {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// True if the request names its host by address, or as `localhost`.
fn is_by_address(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|it| it.to_str().ok()) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok()
}
