//! `skerry check`: every error at once, then the proof.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use skerry_policy::{Checked, Severity};

use crate::cli::output::Output;
use crate::exit::{Exit, Failed};
use crate::key::Key;
use crate::node_config::{NodeConfig, blame};

/// Diagnostics go to stderr with their places; what was proven goes to stdout. Exit 1 on errors.
#[derive(Args, Debug)]
pub(in crate::cli) struct CheckArgs {
    /// The site file, or - for stdin; with --config, what the node file says when absent
    #[arg(required_unless_present = "config")]
    site: Option<PathBuf>,
    /// Also check a node file, its key, and that the site file knows this key under this name
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn check(args: &CheckArgs, output: &Output) -> anyhow::Result<Exit> {
    let node = args.config.as_deref().map(NodeConfig::read).transpose();
    let node = node.map_err(|error| {
        output.words(&error.render(output.colour_words));
        let way_out = error.way_out();
        Failed::new(
            Exit::Bad,
            format!("the node file cannot be used; {way_out}"),
        )
    })?;
    // Without a node file the command line demands a site file.
    let listed = || node.as_ref().map(|node| node.site.as_path());
    let site = args.site.as_deref().or_else(listed);
    // Without a node file the command line demands a site file.
    let source = super::read(site.unwrap_or_else(|| Path::new("site.toml")));
    let asked_by_node = args.site.is_none();
    let file = args.config.as_deref();
    let source = source.map_err(|error| {
        let words = format!("{error:#}");
        let words = if asked_by_node {
            blame(file, "site", words)
        } else {
            words
        };
        Failed::new(Exit::Bad, words)
    })?;
    let checked = skerry_policy::check(&source);
    let rendered = skerry_policy::render(&source, &checked.diagnostics, output.colour_words);
    let facts = facts(&checked);
    if args.json {
        output.json(&facts)?;
    } else {
        output.words(&rendered);
        output.data(&summary(&checked, &source.name))?;
    }
    let Some(fabric) = &checked.fabric else {
        return Ok(Exit::Bad);
    };
    if let Some(node) = &node {
        let wrong = |key, error: &dyn Display| Failed::new(Exit::Bad, blame(file, key, error));
        let key = Key::read(&node.key).map_err(|error| wrong("key", &error))?;
        crate::identity::find(fabric, &node.node, &key.public())
            .map_err(|error| wrong(error.asked_by(), &error))?;
    }
    Ok(Exit::Good)
}

fn facts(checked: &Checked) -> serde_json::Value {
    let mut facts = json!({
        "schema": "skerry.check/1",
        "ok": checked.fabric.is_some(),
        "errors": count(checked, Severity::Error),
        "warnings": count(checked, Severity::Warning),
        "diagnostics": checked.diagnostics,
    });
    if let Some(object) = facts.as_object_mut() {
        let digest = checked.fabric.as_ref().map(|it| it.digest.to_string());
        object.extend(digest.map(|it| ("digest".to_owned(), it.into())));
        let proof = checked.proof.as_ref().map(|it| json!(it));
        object.extend(proof.map(|it| ("proof".to_owned(), it)));
    }
    facts
}

fn summary(checked: &Checked, name: &str) -> String {
    let warnings = match count(checked, Severity::Warning) {
        0 => String::new(),
        1 => ", 1 warning".to_owned(),
        n => format!(", {n} warnings"),
    };
    let (Some(fabric), Some(proof)) = (&checked.fabric, &checked.proof) else {
        let errors = count(checked, Severity::Error);
        return format!("{name}: {errors} error(s){warnings}; nothing is loaded\n");
    };
    let digest = fabric.digest.to_string();
    format!(
        "ok: {} attachments, {} ordered pairs, {} permitted, V1-V6 hold (digest {}){warnings}\n",
        proof.attachments,
        proof.ordered_pairs,
        proof.permitted,
        digest.get(..12).unwrap_or(&digest),
    )
}

fn count(checked: &Checked, severity: Severity) -> usize {
    let of = checked
        .diagnostics
        .iter()
        .filter(|it| it.severity == severity);
    of.count()
}
