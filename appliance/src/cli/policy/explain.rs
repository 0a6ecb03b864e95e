//! `skerry explain`: why one port reaches another or does not.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use skerry_policy::{Explanation, Flow};

use crate::cli::control::Target;
use crate::cli::output::Output;
use crate::control_socket::Command;
use crate::exit::{Exit, Failed};
use crate::view::Counters;

/// Step by step, each with the line of the file or the paragraph of the standard that says so.
#[derive(Args, Debug)]
pub(in crate::cli) struct ExplainArgs {
    /// The site file, or - for stdin
    site: PathBuf,
    /// The sending port: n1/b-i1, or n3/up0#20 on a trunk
    from: String,
    /// The receiving port
    to: String,
    /// The traffic: udp/53, tcp, icmp; any when absent
    #[arg(value_parser = flow)]
    flow: Option<Flow>,
    /// Also show what the running daemon has counted for these reasons
    #[arg(long)]
    live: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

fn flow(text: &str) -> Result<Flow, String> {
    Flow::parse(text).ok_or_else(|| "expected tcp, udp, either with /port, or icmp".to_owned())
}

pub(in crate::cli) fn explain(args: &ExplainArgs, output: &Output) -> anyhow::Result<Exit> {
    let proven = super::load(&args.site, output)?;
    let explanation = skerry_policy::explain(proven.policy(), &args.from, &args.to, args.flow)?;
    let live = args
        .live
        .then(|| Live::of(&explanation, &args.target))
        .transpose()?;
    if args.json {
        let mut facts = serde_json::to_value(&explanation)?;
        if let (Some(live), Some(object)) = (&live, facts.as_object_mut()) {
            object.insert("live".to_owned(), live.facts());
        }
        output.json(&facts)?;
    } else {
        output.data(&explanation.to_string())?;
        if let Some(live) = &live {
            output.data(&live.text())?;
        }
    }
    Ok(Exit::Good)
}

/// What the sender's node has counted for the reasons that the explanation names.
#[derive(Debug)]
struct Live {
    port: String,
    generation: u64,
    drops: Vec<(String, u64)>,
}

impl Live {
    fn of(explanation: &Explanation, target: &Target) -> anyhow::Result<Self> {
        let reply = target.ask(Command::Counters)?;
        let counters: Counters = serde_json::from_value(reply.facts)?;
        // Counters are kept by port; all tags of a trunk share them.
        let port = explanation.from.port.split('#').next().unwrap_or_default();
        let counts = counters.ports.get(port).ok_or_else(|| {
            let message = format!(
                "the daemon of {} does not serve {port}; name the right one with --socket",
                counters.node
            );
            Failed::new(Exit::Bad, message)
        })?;
        let count = |reason: &&str| {
            let n = counts.ingress_drops.get(*reason).copied();
            ((*reason).to_owned(), n.unwrap_or(0))
        };
        Ok(Self {
            port: port.to_owned(),
            generation: counters.generation,
            drops: explanation.drops.iter().map(count).collect(),
        })
    }

    fn facts(&self) -> serde_json::Value {
        let drops: serde_json::Map<_, _> = self
            .drops
            .iter()
            .map(|(reason, n)| (reason.clone(), (*n).into()))
            .collect();
        json!({ "port": self.port, "generation": self.generation, "drops": drops })
    }

    fn text(&self) -> String {
        let drops = self.drops.iter().map(|(reason, n)| format!("{reason} {n}"));
        let drops: Vec<String> = drops.collect();
        let counted = if drops.is_empty() {
            "nothing on this path drops".to_owned()
        } else {
            drops.join(", ")
        };
        format!(
            "  live       {counted} on {} (generation {})\n",
            self.port, self.generation
        )
    }
}
