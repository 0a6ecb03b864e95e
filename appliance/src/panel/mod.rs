//! `skerry panel`: the node on a Game Boy, of plastic or emulated.
//!
//! A process of its own that only asks the control socket: whatever becomes of the cable, the
//! console or a terminal, the daemon does not notice.

mod alerts;
mod events;
mod facts;
mod link;
mod press;
mod shared;
mod show;
mod source;
mod still;
mod terminal;
mod trace;
mod violations;
mod web;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use skerry_gbdisplay::page::Pages;
use skerry_gbdisplay::panel::Panel;
use skerry_gbdisplay::port::{Desk, Emulated, News, Speed};
use skerry_gbdisplay::{Model, ROM};

use crate::cli::Target;
use crate::exit::{Exit, Failed};
pub(crate) use link::Link;
pub(crate) use press::Press;
pub(crate) use shared::Shared;
use show::Show;
pub(crate) use show::print;
use source::Source;

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Options {
    /// Whose facts; none for made-up ones.
    pub(crate) target: Option<Target>,
    /// A folder of pages instead of the built-in ones.
    pub(crate) pages: Option<PathBuf>,
    /// The page to begin with.
    pub(crate) page: Option<String>,
    /// Keys to press by themselves.
    pub(crate) presses: Vec<Press>,
    /// End after so long.
    pub(crate) limit: Option<Duration>,
    /// Print events.
    pub(crate) json: bool,
    /// Print what went in and what is shown as well.
    pub(crate) trace: bool,
    /// What whoever runs it sees of it.
    pub(crate) shared: Arc<Shared>,
    /// With colours, as a Game Boy Color has them.
    pub(crate) model: Model,
}

/// What becomes of the pictures.
#[derive(Clone, Debug)]
pub(crate) enum View {
    /// Nothing.
    None,
    /// A terminal shows them.
    Terminal(skerry_gbdisplay::view::Style),
    /// A web page shows them.
    Web(SocketAddr),
    /// The last one is printed as text.
    Text,
    /// The last one becomes a file.
    Png(PathBuf),
    /// All of them become a file.
    Gif(PathBuf),
}

/// How long a still or a film of a demo is when nobody says.
const DEMO_FOR: Duration = Duration::from_secs(5);

/// Shows the panel until the reader has seen enough, or the time is over.
///
/// # Errors
/// A page makes no sense, the daemon does not answer at first, or a file cannot be written.
pub(crate) fn run(options: &Options, view: &View) -> anyhow::Result<()> {
    let is_demo = options.target.is_none();
    let is_live = matches!(view, View::None | View::Terminal(_) | View::Web(_));
    // What a real node does in so many seconds takes those seconds: facts come by the clock on the
    // wall, and a console that is faster would take them for stale. Anything else need not.
    let takes_time = options.limit.is_some() || matches!(view, View::Gif(_));
    let speed = if is_live || (!is_demo && takes_time) {
        Speed::Real
    } else {
        Speed::Free
    };
    let panel = panel(options)?;
    let source = source(options)?;
    let port = Emulated::new(options.model, speed)?;
    let mut show = Show::new(Desk::new(panel, port), source, options);
    match view {
        View::None => show.run(),
        View::Terminal(style) => terminal::run(&mut show, *style),
        View::Web(address) => web::run(&mut show, *address),
        View::Text => still::text(&mut show),
        View::Png(path) => still::png(&mut show, path),
        View::Gif(path) => still::gif(&mut show, path),
    }
}

/// Shows it on a console that is not of this process, until the time is over.
///
/// # Errors
/// As [`run`], and when there is no adapter at first.
pub(crate) fn run_at(options: &Options, link: &Link) -> anyhow::Result<()> {
    let panel = panel(options)?;
    let source = source(options)?;
    let port = link.open()?;
    let mut show = Show::new(Desk::new(panel, port), source, options);
    show.tell_link(link.to_string());
    while !show.is_over() {
        show.go_on()?;
        while let Some(news) = show.desk.port.take_news() {
            let words = match news {
                News::Failed(error) => format!("{error}; trying again"),
                News::Back => "the adapter is back".to_owned(),
            };
            eprint(&format!("skerry: {link}: {words}\n"));
        }
    }
    Ok(())
}

fn source(options: &Options) -> anyhow::Result<Source> {
    match &options.target {
        None => Ok(Source::demo()),
        Some(target) => Source::daemon(target.clone()),
    }
}

/// Words for people. Where stderr is closed nobody is listening.
fn eprint(words: &str) {
    use std::io::Write as _;
    drop(std::io::stderr().lock().write_all(words.as_bytes()));
}

fn panel(options: &Options) -> anyhow::Result<Panel> {
    let pages = match &options.pages {
        None => Pages::built_in()?,
        Some(folder) => Pages::of_folder(folder)?,
    };
    let names: Vec<String> = pages.iter().map(|it| it.name().to_owned()).collect();
    let mut panel = Panel::new(pages);
    if let Some(name) = options.page.as_ref().filter(|it| !panel.open_page(it)) {
        let names = names.join(", ");
        let message = format!("there is no page {name:?}; there are: {names}");
        return Err(Failed::new(Exit::Usage, message).into());
    }
    Ok(panel)
}

/// Writes the cartridge for whoever has a Game Boy.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write_rom(path: &Path) -> anyhow::Result<()> {
    write(path, ROM)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).map_err(|error| {
        let message = format!("cannot write {}: {error}", path.display());
        Failed::new(Exit::Bad, message).into()
    })
}
