//! Which policy a node starts with.
//!
//! The site file counts when it was edited since a generation was last accepted; otherwise the
//! node goes on with what it ran, which may have come from `skerry apply`. A site file that is bad
//! never stops a node that has a good generation: it runs that one, and says so.

use skerry_policy::Source;
use tracing::{info, warn};

use super::candidate::{Identity, Judged, Policy, digest, judge, read_site};
use crate::exit::{Exit, Failed};
use crate::generations::Generations;
use crate::node_config::{NodeConfig, blame};

/// What a node starts with.
#[derive(Debug)]
pub(super) struct First {
    pub(super) policy: Policy,
    pub(super) source: Source,
    /// The stored generation it is; a new one when absent.
    pub(super) stored: Option<u64>,
    /// What is wrong with the site file, if this is not what it says.
    pub(super) trouble: Option<String>,
}

/// Chooses.
///
/// # Errors
/// There is no good policy at all: no policy, no forwarding.
pub(super) fn choose(
    config: &NodeConfig,
    identity: &Identity,
    store: &Generations,
) -> Result<First, Failed> {
    if let Some(pending) = store.pending() {
        warn!(
            generation = pending,
            "was not confirmed before the node stopped; it is taken back"
        );
    }
    let stored = stored(identity, store);
    let site = read_site(&config.site);
    if let (Some(stored), Ok(site)) = (&stored, &site)
        && store.seen() == Some(&*digest(&site.text))
    {
        info!(
            generation = stored.1,
            "the site file is as it was; going on"
        );
        return Ok(resume(stored, None));
    }
    let candidate = site.map(|site| {
        let running = stored.as_ref().map(|(policy, ..)| policy);
        judge(site, identity, running)
    });
    match (candidate, stored) {
        (Ok(judged), stored) => fresh(judged, stored.as_ref()),
        (Err(words), Some(stored)) => Ok(fall_back(&words, &stored)),
        (Err(words), None) => {
            let words = blame(config.file.as_deref(), "site", words);
            Err(Failed::new(Exit::Bad, words))
        }
    }
}

type Stored = (Policy, u64, Source);

/// The last good generation, if it still is one: this node's key or name may have changed since.
fn stored(identity: &Identity, store: &Generations) -> Option<Stored> {
    let generation = store.current()?;
    let text = store
        .text(generation)
        .inspect_err(|error| warn!("{error}"))
        .ok()?;
    let name = format!("generation {generation}");
    let judged = judge(Source { name, text }, identity, None);
    match judged.verdict {
        Ok(policy) => Some((policy, generation, judged.source)),
        Err(error) => {
            warn!("the last good generation cannot be used any more: {error}");
            None
        }
    }
}

fn fresh(judged: Judged, stored: Option<&Stored>) -> Result<First, Failed> {
    let words = judged.words(false);
    match (judged.verdict, stored) {
        (Ok(policy), _) => Ok(First {
            policy,
            source: judged.source,
            stored: None,
            trouble: None,
        }),
        (Err(_), Some(stored)) => Ok(fall_back(&words, stored)),
        (Err(_), None) => Err(Failed::new(Exit::Bad, words.trim_end())),
    }
}

fn fall_back(words: &str, stored: &Stored) -> First {
    let generation = stored.1;
    warn!("{}", words.trim_end());
    warn!(
        generation,
        "the site file is refused; running the last good generation instead"
    );
    let last = words.trim_end().lines().last().unwrap_or_default();
    let trouble = format!("the site file is refused, generation {generation} runs instead: {last}");
    resume(stored, Some(trouble))
}

fn resume((policy, generation, source): &Stored, trouble: Option<String>) -> First {
    First {
        policy: policy.clone(),
        source: source.clone(),
        stored: Some(*generation),
        trouble,
    }
}
