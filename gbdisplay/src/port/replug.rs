//! A port whose adapter comes and goes.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use skerry_panel_proto::Keys;

use super::{BYTE_US, Port, us_since};

/// How often it is tried again.
const AGAIN: Duration = Duration::from_millis(250);

/// Opens a port again and again. Without one it is as a cable without a console: 0xFF comes back.
pub struct Replug {
    open: Box<dyn FnMut() -> io::Result<Box<dyn Port>>>,
    port: Option<Box<dyn Port>>,
    start: Instant,
    again: Instant,
    /// Why it does not work, as was told.
    failed: Option<String>,
    news: VecDeque<News>,
}

/// What became of an adapter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum News {
    /// It does not work, for this reason, and is tried again.
    Failed(String),
    /// It works again.
    Back,
}

/// How much waits to be told; the oldest is lost.
const NEWS_MAX: usize = 8;

impl Replug {
    /// Opens it for the first time.
    ///
    /// # Errors
    /// That does not work. Later it is tried again.
    pub fn new(mut open: impl FnMut() -> io::Result<Box<dyn Port>> + 'static) -> io::Result<Self> {
        let port = Some(open()?);
        let start = Instant::now();
        Ok(Self {
            open: Box::new(open),
            port,
            start,
            again: start,
            failed: None,
            news: VecDeque::new(),
        })
    }

    /// What became of the adapter, oldest first; each reason once, as long as it is the same.
    pub fn take_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    fn fail(&mut self, error: &io::Error) {
        self.port = None;
        let reason = error.to_string();
        if self.failed.as_ref() != Some(&reason) {
            self.failed = Some(reason.clone());
            self.tell(News::Failed(reason));
        }
    }

    fn tell(&mut self, news: News) {
        if self.news.len() == NEWS_MAX {
            self.news.pop_front();
        }
        self.news.push_back(news);
    }

    fn try_again(&mut self) {
        let now = Instant::now();
        if self.port.is_none() && now >= self.again {
            self.again = now + AGAIN;
            match (self.open)() {
                Ok(port) => self.port = Some(port),
                Err(error) => self.fail(&error),
            }
        }
    }
}

impl Port for Replug {
    fn exchange(&mut self, sent: &[u8], received: &mut Vec<u8>) -> io::Result<()> {
        self.try_again();
        let before = received.len();
        if let Some(port) = &mut self.port {
            match port.exchange(sent, received) {
                Ok(()) => {
                    if self.failed.take().is_some() {
                        self.tell(News::Back);
                    }
                    return Ok(());
                }
                Err(error) => {
                    self.again = Instant::now() + AGAIN;
                    self.fail(&error);
                }
            }
        }
        received.resize(before + sent.len(), 0xFF);
        let bytes = u64::try_from(sent.len()).unwrap_or(1);
        std::thread::sleep(Duration::from_micros(bytes * BYTE_US));
        Ok(())
    }

    fn wait(&mut self, us: u64) {
        match &mut self.port {
            Some(port) => port.wait(us),
            None => std::thread::sleep(Duration::from_micros(us)),
        }
    }

    fn now_us(&mut self) -> u64 {
        us_since(self.start)
    }

    fn batch(&self) -> usize {
        self.port.as_ref().map_or(16, |it| it.batch())
    }

    fn hold(&mut self, keys: Keys) {
        if let Some(port) = &mut self.port {
            port.hold(keys);
        }
    }
}

impl fmt::Debug for Replug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut replug = f.debug_struct("Replug");
        replug.field("is_open", &self.port.is_some());
        replug.field("failed", &self.failed).finish_non_exhaustive()
    }
}
