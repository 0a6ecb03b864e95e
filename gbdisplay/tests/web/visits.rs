//! Places are few: who keeps one, and who makes room.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use skerry_gbdisplay::Keys;
use skerry_gbdisplay::view::Web;
use socket2::{SockFilter, SockRef};

use super::{PATIENCE, Socket, hold, open_own, plain, two_frames, until, web};

/// Takes every place and says something there; a viewer has come before, and one waits.
struct Crowd {
    web: Web,
    viewer: Socket,
    here: Vec<TcpStream>,
    waiting: TcpStream,
}

impl Crowd {
    fn new(words: &str) -> Self {
        let mut web = web();
        web.show(&two_frames()[0], "");
        let address = web.address();
        let viewer = open_own(address);
        let say = |words: &str| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(words.as_bytes()).unwrap();
            stream
        };
        let here = (0..63).map(|_| say(words)).collect();
        Self {
            web,
            viewer,
            here,
            waiting: say("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        }
    }

    /// There is room for the one who waits though nobody has left, and the viewer looks on.
    fn makes_room(&mut self) {
        let mut answer = [0; 12];
        self.waiting.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        // The page asks once: then the connection is over, though nobody said so in the request.
        self.waiting.read_to_end(&mut Vec::new()).unwrap();
        hold(&mut self.viewer, Keys::A);
        until("the viewer", || self.web.keys() == Keys::A);
    }
}

#[test]
fn connections_are_few_and_one_that_asks_for_nothing_makes_room() {
    // Whoever has begun to ask has asked for nothing yet.
    for words in ["", "G", "GET / HTTP/1.1\r\nHost: "] {
        let mut crowd = Crowd::new(words);
        let soon = Duration::from_millis(500);
        crowd.waiting.set_read_timeout(Some(soon)).unwrap();
        let error = crowd.waiting.read_exact(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        crowd.waiting.set_read_timeout(Some(PATIENCE)).unwrap();
        crowd.makes_room();
    }
}

#[test]
fn one_that_is_answered_makes_room() {
    for (request, answer) in [
        ("GET /none HTTP/1.1\r\nHost: localhost", "HTTP/1.1 404"),
        ("GET / HTTP/1.1\r\nHost: example.org", "HTTP/1.1 421"),
        ("POST / HTTP/1.1\r\nHost: localhost", "HTTP/1.1 405"),
        ("GET /screen HTTP/1.1\r\nHost: localhost", "HTTP/1.1 400"),
    ] {
        let start = Instant::now();
        let mut crowd = Crowd::new(&format!("{request}\r\n\r\n"));
        crowd.makes_room();
        for stream in &mut crowd.here {
            let mut answered = String::new();
            stream.read_to_string(&mut answered).unwrap();
            assert!(answered.starts_with(answer), "{answered}");
        }
        let took = start.elapsed();
        assert!(took < PATIENCE / 3, "{answer}: {took:?}");
    }
}

/// Eight viewers, and nobody else may look on.
fn eight(web: &mut Web) -> Vec<Socket> {
    web.show(&two_frames()[0], "");
    let mut viewers: Vec<Socket> = (0..8).map(|_| open_own(web.address())).collect();
    for viewer in &mut viewers {
        viewer.read().unwrap();
    }
    assert!(!has_room(web));
    viewers
}

/// Whether there is room for another viewer.
fn has_room(web: &Web) -> bool {
    std::thread::sleep(Duration::from_millis(100));
    open_own(web.address()).read().is_ok()
}

#[test]
fn a_viewer_who_leaves_makes_room() {
    let mut web = web();
    let mut viewers = eight(&mut web);
    drop(viewers.pop());
    until("the one who leaves to make room", || has_room(&web));
}

#[test]
fn viewers_who_do_not_read_make_room() {
    let mut web = web();
    let _viewers = eight(&mut web);
    let frames = two_frames();
    let mut turn = frames.iter().cycle();
    until("those who do not read to make room", || {
        for _ in 0..20 {
            web.show(turn.next().unwrap(), "");
            std::thread::sleep(Duration::from_millis(5));
        }
        has_room(&web)
    });
}

#[test]
fn viewers_who_vanish_make_room() {
    let mut web = web();
    // Nothing else happens on the screen.
    let viewers = eight(&mut web);
    // A filter that passes nothing is a cable that is pulled: nothing arrives, not even for the
    // kernel, which so acknowledges nothing. BPF_RET | BPF_K: so many bytes pass.
    let nothing = [SockFilter::new(0x06, 0, 0, 0)];
    let streams: Vec<SockRef<'_>> = viewers.iter().map(|it| plain(it).into()).collect();
    for stream in &streams {
        stream.attach_filter(&nothing).unwrap();
    }
    until("those who have vanished to make room", || has_room(&web));
    for stream in &streams {
        stream.detach_filter().unwrap();
    }
}
