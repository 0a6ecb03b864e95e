//! `skerry panel`: the node on a Game Boy.

use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use skerry_gbdisplay::Model;
use skerry_gbdisplay::view::Style;

use super::control::Target;
use crate::exit::{Exit, Failed};
use crate::panel::{self, Link, Options, Press, Shared, View};

/// Pages, charts and alerts of the node, and keys that answer. Without a Game Boy at hand an
/// emulated one shows the same.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct PanelArgs {
    #[command(subcommand)]
    command: Option<PanelCommand>,
    #[command(flatten)]
    target: Target,
    /// Show facts that are made up, and say so on the screen
    #[arg(long, conflicts_with_all = ["socket", "config"])]
    demo: bool,
    /// A folder of pages (*.toml) to show instead of the built-in ones
    #[arg(long, value_name = "FOLDER")]
    pages: Option<PathBuf>,
    /// The page to begin with
    #[arg(long, value_name = "NAME")]
    page: Option<String>,
    /// Where the console is: emulated, serial:/dev/ttyACM0, spi:/dev/spidev0.0 or bgb:HOST:PORT
    #[arg(long, value_name = "LINK", default_value = "emulated")]
    link: Link,
    /// Where to show it [default: terminal; none with --json]
    #[arg(long, value_enum)]
    view: Option<ViewName>,
    /// Where the web view listens; whoever reaches it can press keys [default: 127.0.0.1:8033]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Show one picture and leave: as a file with --png, else as text
    #[arg(long, conflicts_with = "view")]
    once: bool,
    /// The file for the picture
    #[arg(long, value_name = "FILE", requires = "once")]
    png: Option<PathBuf>,
    /// Make a film
    #[arg(long, value_name = "FILE", conflicts_with_all = ["once", "view"])]
    gif: Option<PathBuf>,
    /// End after so many seconds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// Press a key by itself, such as select@2.5; may be given several times
    #[arg(long, value_name = "KEY@SECONDS")]
    press: Vec<Press>,
    /// Emulate a Game Boy Color
    #[arg(long)]
    color: bool,
    /// Print what the keys did, and how long it took, as lines of JSON
    #[arg(long)]
    json: bool,
    /// Print every picture as text as well, and the counters it was made from
    #[arg(long, requires = "json", conflicts_with = "color")]
    trace: bool,
}

/// Where the web view listens unless told otherwise.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8033);

#[derive(Debug, Subcommand)]
enum PanelCommand {
    /// Write the cartridge, for a flash cartridge or another emulator
    Rom(RomArgs),
}

#[derive(Args, Debug)]
struct RomArgs {
    /// The file to make
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum ViewName {
    /// Half blocks with colours: 160 columns, 73 rows
    Terminal,
    /// Braille dots: 80 columns, 37 rows
    Braille,
    /// A web page that looks like a Game Boy
    Web,
    /// Nowhere
    None,
}

pub(super) fn panel(args: PanelArgs) -> anyhow::Result<Exit> {
    if let Some(PanelCommand::Rom(rom)) = &args.command {
        panel::write_rom(&rom.out)?;
        return Ok(Exit::Good);
    }
    let view = view(&args)?;
    let link = args.link.clone();
    let options = Options {
        target: (!args.demo).then_some(args.target),
        pages: args.pages,
        page: args.page,
        presses: args.press,
        limit: args.seconds.map(Duration::from_secs),
        json: args.json,
        trace: args.trace,
        shared: Arc::new(Shared::new(Arc::default())),
        model: if args.color { Model::Cgb } else { Model::Dmg },
    };
    if link == Link::Emulated {
        panel::run(&options, &view)?;
    } else {
        panel::run_at(&options, &link)?;
    }
    Ok(Exit::Good)
}

fn view(args: &PanelArgs) -> anyhow::Result<View> {
    if args.listen.is_some() && args.view != Some(ViewName::Web) {
        let message = "--listen is of the web view; add --view web";
        return Err(Failed::new(Exit::Usage, message).into());
    }
    if args.link != Link::Emulated {
        let views = args.view.is_some() || args.once || args.gif.is_some();
        if views || args.color || args.trace || !args.press.is_empty() {
            let message = "views, files, --press and --trace are of the emulated console; this \
                           one shows the panel itself";
            return Err(Failed::new(Exit::Usage, message).into());
        }
        return Ok(View::None);
    }
    if let Some(path) = &args.png {
        return Ok(View::Png(path.clone()));
    }
    if args.once {
        return Ok(View::Text);
    }
    if let Some(path) = &args.gif {
        return Ok(View::Gif(path.clone()));
    }
    let name = args.view.unwrap_or(if args.json {
        ViewName::None
    } else {
        ViewName::Terminal
    });
    let is_terminal = matches!(name, ViewName::Terminal | ViewName::Braille);
    if is_terminal && args.json && io::stdout().is_terminal() {
        let message = "--json and a view in the terminal would be on top of each other; \
                       use --view none";
        return Err(Failed::new(Exit::Usage, message).into());
    }
    Ok(match name {
        ViewName::Terminal => View::Terminal(Style::Blocks),
        ViewName::Braille => View::Terminal(Style::Braille),
        ViewName::Web => View::Web(args.listen.unwrap_or(LISTEN)),
        ViewName::None => View::None,
    })
}
