//! `skerry lab --panel`: a node of the lab on an emulated Game Boy, while guests talk and try
//! what they must not.
//!
//! The panel is the one of `skerry panel`. It asks the daemon's control socket like any other, so
//! what it shows is what the daemon has counted.

mod film;
mod flow;
mod scene;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use skerry_gbdisplay::Model;
use skerry_gbdisplay::view::Style;

use crate::cli::Target;
use crate::exit::{Exit, Failed};
use crate::lab::fabric;
use crate::lab::node::Node;
use crate::lab::world::{NodeUp, World};
use crate::panel::{self, Options, Press, Shared, View};
pub(super) use film::Film;
use scene::Scene;

/// The node that is shown: the one with the most guests.
const NODE: &str = "n1";
/// How long a film is when nobody says: the traffic, and the first attack.
const FILM_FOR: u64 = 16;

/// What goes with `--panel`.
#[derive(Args, Debug)]
pub(super) struct PanelArgs {
    /// Show node n1 on an emulated Game Boy, with traffic and attacks, and measure nothing
    #[arg(long, conflicts_with_all = ["once", "print_site"])]
    pub(super) panel: bool,
    /// The page to begin with
    #[arg(long, value_name = "NAME", requires = "panel")]
    page: Option<String>,
    /// Make a film
    #[arg(long, value_name = "FILE", requires = "panel")]
    gif: Option<PathBuf>,
    /// End after so many seconds
    #[arg(long, value_name = "N", requires = "panel")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// Press a key by itself, such as a@2.5; may be given several times
    #[arg(long, value_name = "KEY@SECONDS", requires = "panel")]
    press: Vec<Press>,
    /// Print every picture as text as well, and the counters it was made from
    #[arg(long, requires_all = ["panel", "json"])]
    trace: bool,
}

impl PanelArgs {
    /// Opens what the panel needs outside of the lab, whose own file system may cover it later.
    ///
    /// # Errors
    /// The file cannot be written, or nobody would see anything.
    pub(super) fn open(&self, json: bool) -> Result<Option<Film>> {
        if !self.panel {
            return Ok(None);
        }
        if let Some(path) = &self.gif {
            return Film::create(path).map(Some);
        }
        if !json && !std::io::stdout().is_terminal() {
            let message = "the panel needs a terminal; --gif makes a film, --json prints lines";
            return Err(Failed::new(Exit::Usage, message).into());
        }
        Ok(None)
    }

    fn options(&self, json: bool, socket: PathBuf, shared: Arc<Shared>) -> Options {
        let film = self.gif.as_ref().map(|_| FILM_FOR);
        Options {
            target: Some(Target::at(socket)),
            pages: None,
            page: self.page.clone(),
            presses: self.press.clone(),
            limit: self.seconds.or(film).map(Duration::from_secs),
            json,
            trace: self.trace,
            shared,
            model: Model::Dmg,
        }
    }
}

/// Shows it until somebody has seen enough, or the time is over.
pub(super) fn run(
    args: &PanelArgs,
    json: bool,
    film: Option<&Film>,
    world: &mut World,
    up: Vec<NodeUp>,
) -> Result<Exit> {
    fabric::converge(world, up)?;
    let node = world.nodes.iter().find(|it| it.plan().name == NODE);
    let socket = node.context("the lab has that node")?.control();
    let view = match film {
        Some(film) => View::Gif(film.path()),
        None if json => View::None,
        None => View::Terminal(Style::Blocks),
    };
    let shared = Arc::new(Shared::new(world.interrupt.flag()));
    let scene = Scene::start(world, Arc::clone(&shared), json)?;
    let shown = panel::run(&args.options(json, socket, shared), &view);
    scene.stop().and(shown)?;
    world.nodes.iter_mut().try_for_each(Node::check)?;
    Ok(Exit::Good)
}
