//! The web view as a browser meets it: the page, pictures, keys, and who is turned away.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is a test"
)]

mod visits;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use skerry_dmg::{Frame, HEIGHT, WIDTH};
use skerry_gbdisplay::demo::Demo;
use skerry_gbdisplay::page::Pages;
use skerry_gbdisplay::panel::Panel;
use skerry_gbdisplay::port::{Emulated, Port as _, Speed};
use skerry_gbdisplay::view::{Web, words};
use skerry_gbdisplay::{Keys, Model};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket, connect};

const PATIENCE: Duration = Duration::from_secs(20);

type Socket = WebSocket<MaybeTlsStream<TcpStream>>;

fn web() -> Web {
    Web::listen("127.0.0.1:0".parse().unwrap()).unwrap()
}

/// A request, with what a browser says of itself.
fn open(address: SocketAddr, host: &str, origin: Option<&str>) -> Result<Socket, String> {
    let request = format!("ws://{address}/screen").into_client_request();
    let mut request = request.unwrap();
    let headers = request.headers_mut();
    headers.insert("host", host.parse().unwrap());
    if let Some(origin) = origin {
        headers.insert("origin", origin.parse().unwrap());
    }
    let (socket, _) = connect(request).map_err(|error| error.to_string())?;
    plain(&socket).set_read_timeout(Some(PATIENCE)).unwrap();
    Ok(socket)
}

fn plain(socket: &Socket) -> &TcpStream {
    match socket.get_ref() {
        MaybeTlsStream::Plain(stream) => stream,
        other => unreachable!("{other:?}"),
    }
}

fn open_own(address: SocketAddr) -> Socket {
    let host = address.to_string();
    open(address, &host, Some(&format!("http://{host}"))).unwrap()
}

fn get(address: SocketAddr, host: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn picture(socket: &mut Socket) -> Vec<u8> {
    loop {
        if let Message::Binary(bytes) = socket.read().unwrap() {
            return bytes.to_vec();
        }
    }
}

/// The next picture that is another one: one that stays comes again every second.
fn other_picture(socket: &mut Socket, than: &[u8]) -> Vec<u8> {
    let mut pictures = (0..20).map(|_| picture(socket));
    pictures.find(|it| it != than).unwrap()
}

/// The next words.
fn text(socket: &mut Socket) -> String {
    let mut messages = (0..30).map(|_| socket.read().unwrap());
    let words = messages.find_map(|it| {
        if let Message::Text(words) = it {
            Some(words.to_string())
        } else {
            None
        }
    });
    words.unwrap()
}

/// Undoes what the server did, as the page does.
fn assert_is(bytes: &[u8], frame: &Frame) {
    let colours = usize::from(bytes[0]) + 1;
    let pixels = &bytes[1 + colours * 3..];
    let mut seen = std::collections::BTreeMap::new();
    for at in 0..WIDTH * HEIGHT {
        let number = if colours > 4 {
            pixels[at]
        } else {
            pixels[at / 4] >> (6 - at % 4 * 2) & 3
        };
        let at_colour = 1 + usize::from(number) * 3;
        let shown = &bytes[at_colour..at_colour + 3];
        let meant = frame.rgb555(at % WIDTH, at / WIDTH).unwrap();
        assert_eq!(*seen.entry(meant).or_insert(shown), shown, "{at}");
    }
    assert_eq!(seen.len(), colours);
    assert!(colours > 1);
}

#[test]
fn the_page_is_served_with_everything_in_it() {
    let web = web();
    let answer = get(web.address(), &web.address().to_string());
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("default-src 'none'"), "{answer}");
    assert!(answer.contains("<canvas"), "{answer}");
    for elsewhere in ["https://", "src=", "@import", "url("] {
        assert!(!answer.contains(elsewhere), "{elsewhere}");
    }
}

#[test]
fn pictures_come_as_the_core_draws_them() {
    for model in [Model::Dmg, Model::Cgb] {
        let mut web = web();
        let mut console = Emulated::new(model, Speed::Free).unwrap();
        console.wait(1_000_000);
        web.show(console.machine().frame(), "");
        let mut socket = open_own(web.address());
        let drawn = picture(&mut socket);
        assert_is(&drawn, console.machine().frame());
        let first = console.machine().frame().clone();
        console.restart().unwrap();
        console.wait(30_000);
        let second = console.machine().frame().clone();
        assert_ne!(first, second);
        web.show(&second, "");
        let other = other_picture(&mut socket, &drawn);
        web.show(&first, "");
        assert_eq!(other_picture(&mut socket, &other), drawn);
        // One that stays comes again: so a page knows that the panel is there.
        assert_eq!(picture(&mut socket), drawn);
    }
}

#[test]
fn whoever_cannot_see_the_screen_has_its_words() {
    let mut web = web();
    let mut viewer = open_own(web.address());
    let frames = two_frames();
    let mut demo = Demo::default();
    let mut panel = Panel::new(Pages::built_in().unwrap());
    panel.handle_facts(0, demo.facts());
    let page = words(&panel, 0);
    let begins = "\n OVERVIEW  DEMO  1/7\n\n NODE              n1\n";
    assert!(page.starts_with(begins), "{page}");
    assert!(page.ends_with("\n ✓ NO ALERTS"), "{page}");
    // That time goes on is nothing new.
    for now_us in (0..1_500_000).step_by(50_000) {
        assert_eq!(words(&panel, now_us), page);
    }
    web.show(&frames[0], &page);
    assert_eq!(text(&mut viewer), page);
    (0..40).for_each(|_| panel.handle_facts(0, demo.facts()));
    let alert = words(&panel, 0);
    let begins = "ALERT 1: violation at b-i2: pvlan_deny\n ALERT     DEMO  1/7\n";
    assert!(alert.starts_with(begins), "{alert}");
    assert!(alert.contains("\n  A: ACKNOWLEDGE\n"), "{alert}");
    assert!(!alert.contains(['│', '─']), "{alert}");
    // The same words are not said again with another picture, nor are others kept back by the same.
    web.show(&frames[1], &page);
    picture(&mut viewer);
    web.show(&frames[1], &alert);
    assert_eq!(text(&mut viewer), alert);
}

#[test]
fn bars_are_not_read_out() {
    let mut panel = Panel::new(Pages::built_in().unwrap());
    let mut demo = Demo::default();
    assert!(panel.open_page("throughput"));
    (0..20).for_each(|_| panel.handle_facts(0, demo.facts()));
    let drawn = panel.picture(0).text();
    assert!(drawn.contains("████"), "{drawn}");
    let words = words(&panel, 0);
    assert!(!words.contains(['█', '▁', '·']), "{words}");
    assert!(words.contains("\n> blue"), "{words}");
}

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn hold(socket: &mut Socket, keys: Keys) {
    let message = Message::Binary(vec![keys.0].into());
    socket.send(message).unwrap();
}

#[test]
fn keys_of_all_viewers_are_held_until_they_let_go_or_leave() {
    let web = web();
    let (mut one, mut other) = (open_own(web.address()), open_own(web.address()));
    hold(&mut one, Keys::A);
    hold(&mut other, Keys::UP);
    until("both", || web.keys() == Keys(Keys::A.0 | Keys::UP.0));
    hold(&mut one, Keys::default());
    until("one to let go", || web.keys() == Keys::UP);
    // What makes no sense changes nothing.
    one.send(Message::Binary(vec![1, 2].into())).unwrap();
    one.send(Message::text("A")).unwrap();
    hold(&mut one, Keys::B);
    until("B", || web.keys() == Keys(Keys::B.0 | Keys::UP.0));
    drop(other);
    until("the other to leave", || web.keys() == Keys::B);
}

/// What the console shows at first, and a little later.
fn two_frames() -> [Frame; 2] {
    let mut console = Emulated::new(Model::Dmg, Speed::Free).unwrap();
    let frames = [30_000, 1_000_000].map(|us| {
        console.wait(us);
        console.machine().frame().clone()
    });
    assert_ne!(frames[0], frames[1]);
    frames
}

#[test]
fn keys_are_held_for_as_long_as_somebody_says_so() {
    let mut web = web();
    let (mut one, mut other) = (open_own(web.address()), open_own(web.address()));
    // Longer than without a word.
    for _ in 0..5 {
        hold(&mut one, Keys::A);
        until("A", || web.keys() == Keys::A);
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(web.keys(), Keys::A);
    // One who was stopped is still connected, and his kernel answers for him.
    until("the one who says nothing to let go", || {
        web.keys() == Keys::default()
    });
    // He stands in nobody's way.
    assert_eq!(web.take_taps(), Keys::A);
    hold(&mut other, Keys::A);
    until("A of the other", || web.keys() == Keys::A);
    assert_eq!(web.take_taps(), Keys::A);
    hold(&mut other, Keys::default());
    until("the other to let go", || web.keys() == Keys::default());
    // What he still holds when he goes on is no press, and what he did not hold is one.
    hold(&mut one, Keys(Keys::A.0 | Keys::UP.0));
    until("UP", || web.keys() == Keys::UP);
    hold(&mut one, Keys::UP);
    hold(&mut one, Keys(Keys::A.0 | Keys::UP.0));
    until("A", || web.keys() == Keys(Keys::A.0 | Keys::UP.0));
    assert_eq!(web.take_taps(), Keys(Keys::A.0 | Keys::UP.0));
}

#[test]
fn one_who_announces_too_much_is_let_go() {
    let web = web();
    let mut viewer = open_own(web.address());
    hold(&mut viewer, Keys::A);
    until("A", || web.keys() == Keys::A);
    // RFC 6455 section 5.2: the last frame of a binary message, masked, of a mebibyte. No byte of
    // that comes.
    let mut frame = vec![0x82, 0xFF];
    frame.extend((1_u64 << 20).to_be_bytes());
    frame.extend([0; 4]);
    plain(&viewer).write_all(&frame).unwrap();
    // He is not answered any more, and not waited for.
    match plain(&viewer).read_to_end(&mut Vec::new()) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    until("the one who announces too much to let go", || {
        web.keys() == Keys::default()
    });
}

#[test]
fn a_tap_counts_however_short_it_is() {
    let mut web = web();
    let mut viewer = open_own(web.address());
    for keys in [Keys::A.0 | Keys::UP.0, Keys::UP.0, 0, Keys::B.0] {
        viewer.send(Message::Binary(vec![keys].into())).unwrap();
    }
    until("the last of them", || web.keys() == Keys::B);
    assert_eq!(web.take_taps(), Keys(Keys::A.0 | Keys::UP.0 | Keys::B.0));
    // B is still held, and no new tap.
    assert_eq!(web.take_taps(), Keys::default());
}

#[test]
fn other_peoples_pages_and_names_are_turned_away() {
    let web = web();
    let address = web.address();
    let own = address.to_string();
    let port = address.port();
    for (host, origin) in [
        (own.as_str(), None),
        (own.as_str(), Some("http://example.org")),
        (own.as_str(), Some("null")),
        ("panel.example.org", Some("http://panel.example.org")),
    ] {
        let error = open(address, host, origin).unwrap_err();
        assert!(error.contains("403"), "{host} {origin:?}: {error}");
    }
    let answer = get(address, "panel.example.org");
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    assert!(answer.contains("\r\n\r\nName the panel by its address"));
    let local = format!("localhost:{port}");
    open(address, &local, Some(&format!("http://{local}"))).unwrap();
    assert!(get(address, &local).starts_with("HTTP/1.1 200"));
}

#[test]
fn viewers_are_few() {
    let mut web = web();
    let mut console = Emulated::new(Model::Dmg, Speed::Free).unwrap();
    console.wait(1_000_000);
    web.show(console.machine().frame(), "");
    let mut viewers: Vec<Socket> = (0..8).map(|_| open_own(web.address())).collect();
    for viewer in &mut viewers {
        picture(viewer);
    }
    let mut one_too_many = open_own(web.address());
    one_too_many.read().unwrap_err();
    let busy = Web::listen(web.address()).unwrap_err();
    assert_eq!(busy.kind(), std::io::ErrorKind::AddrInUse);
}
