//! Attacks on the policy, from a host that is allowed nothing but its gateway. Each must reach
//! nobody and be counted for the one reason that names it.

mod list;

use anyhow::Result;
use serde::Serialize;

use list::Mark;
pub(super) use list::{Attack, attacks, detour};

use crate::lab::counts::Sent;
use crate::lab::frame::{Arp, Heard, Probe};
use crate::lab::plan::{HostId, cast};
use crate::lab::tag::{Kind, Tag};
use crate::lab::world::{Ears, World};
use crate::view::Drops;

/// What became of one attack.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) name: &'static str,
    pub(super) from: String,
    /// The drop reason that must be counted, once.
    pub(super) expected: &'static str,
    /// What the node counted at the attacker's port.
    pub(super) counted: Drops,
    /// Who heard it: nobody, or the attack succeeded.
    pub(super) heard_by: Vec<&'static str>,
    /// Whether the attacker was answered.
    pub(super) answered: bool,
    /// What was tried afterwards, and whether it worked as it must.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aftermath: Option<Aftermath>,
}

/// An honest frame after an attack.
#[derive(Debug, Serialize)]
pub(super) struct Aftermath {
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) heard_by: Vec<&'static str>,
    pub(super) holds: bool,
}

impl Outcome {
    /// Nobody heard it, nobody answered, it was counted for what it is, and no harm was done.
    pub(super) fn held(&self) -> bool {
        self.heard_by.is_empty()
            && !self.answered
            && self.counted == Drops::from([(self.expected.to_owned(), 1)])
            && self.aftermath.as_ref().is_none_or(|after| after.holds)
    }
}

/// Runs every attack.
pub(super) fn run(world: &mut World) -> Result<Vec<Outcome>> {
    let attacker = cast::ATTACKER.plan().port();
    world.story.chapter(
        "attacks",
        &format!("{attacker} is isolated: it may talk to its gateways and to nobody else"),
    );
    let ears = world.ears()?;
    let mut outcomes = Vec::new();
    for attack in attacks(world.run) {
        world.interrupt.check()?;
        let outcome = try_one(world, &ears, &attack)?;
        tell(world, &attack, &outcome);
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn try_one(world: &mut World, ears: &Ears, attack: &Attack) -> Result<Outcome> {
    let port = cast::ATTACKER.plan().port();
    ears.take(world.run)?;
    let before = world.counts()?;
    world.host(cast::ATTACKER)?.send(&attack.frame)?;
    let after = world.rest(&before, &Sent::from([(port.clone(), 1)]))?;
    let heard = ears.take(world.run)?;
    let aftermath = match attack.then {
        Some((from, to)) => Some(honest(world, ears, from, to)?),
        None => None,
    };
    Ok(Outcome {
        name: attack.name,
        counted: after.dropped_since(&before, &port),
        from: port,
        expected: attack.expected,
        heard_by: heard_by(&heard, &attack.mark),
        answered: answered(&heard, &attack.mark),
        aftermath,
    })
}

fn honest(world: &mut World, ears: &Ears, from: HostId, to: HostId) -> Result<Aftermath> {
    let tag = Tag {
        run: world.run,
        source: from,
        target: Some(to),
        kind: Kind::Attack,
        sequence: 0,
    };
    let before = world.counts()?;
    world.host(from)?.send(&Probe::honest(tag).bytes())?;
    world.rest(&before, &Sent::from([(from.plan().port(), 1)]))?;
    let heard_by = heard_by(&ears.take(world.run)?, &Mark::Tag(tag));
    Ok(Aftermath {
        from: from.plan().name,
        to: to.plan().name,
        holds: heard_by == [to.plan().name],
        heard_by,
    })
}

fn heard_by(heard: &[(HostId, Heard)], mark: &Mark) -> Vec<&'static str> {
    let same = |heard: &Heard| match (heard, mark) {
        (Heard::Tagged(heard), Mark::Tag(sent)) => heard == sent,
        (Heard::Arp(heard), Mark::Arp(sent)) => heard == sent,
        (Heard::Tagged(_), Mark::Arp(_)) | (Heard::Arp(_), Mark::Tag(_)) => false,
    };
    let hosts = heard.iter().filter(|(_, heard)| same(heard));
    hosts.map(|(host, _)| host.plan().name).collect()
}

/// Whether the attacker heard an ARP answer to its question.
fn answered(heard: &[(HostId, Heard)], mark: &Mark) -> bool {
    let Mark::Arp(question) = mark else {
        return false;
    };
    heard.iter().any(|(host, heard)| {
        let answers = |arp: &Arp| arp.operation == 2 && arp.sender_ip == question.target_ip;
        *host == cast::ATTACKER && matches!(heard, Heard::Arp(arp) if answers(arp))
    })
}

fn tell(world: &mut World, attack: &Attack, outcome: &Outcome) {
    let paint = world.story.paint();
    let counted: Vec<String> = outcome
        .counted
        .iter()
        .map(|(reason, count)| format!("{reason} +{count}"))
        .collect();
    let counted = if counted.is_empty() {
        "nothing counted".to_owned()
    } else {
        counted.join(", ")
    };
    let fate = match (outcome.heard_by.as_slice(), outcome.answered) {
        ([], false) => "reached nobody".to_owned(),
        ([], true) => "was answered".to_owned(),
        (hosts, _) => format!("reached {}", hosts.join(", ")),
    };
    let about = attack.about;
    world.story.verdict(
        outcome.held(),
        format!(
            "{:<8} {about:<45} {fate}   {}",
            attack.name,
            paint.bold(counted)
        ),
    );
    if let Some(after) = &outcome.aftermath {
        let heard = if after.heard_by.is_empty() {
            "nobody".to_owned()
        } else {
            after.heard_by.join(", ")
        };
        let text = format!("then {} to {}: arrives at {heard}", after.from, after.to);
        world.story.say(paint.dim(format!("         {text}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        Outcome {
            name: "hairpin",
            from: "n1/b-i1".to_owned(),
            expected: "hairpin_up",
            counted: Drops::from([("hairpin_up".to_owned(), 1)]),
            heard_by: Vec::new(),
            answered: false,
            aftermath: None,
        }
    }

    #[test]
    fn an_attack_is_held_only_when_everything_is_as_it_must_be() {
        assert!(outcome().held());
        type Spoil = fn(&mut Outcome);
        let spoils: [(&str, Spoil); 5] = [
            ("heard", |o| o.heard_by.push("b-gw")),
            ("answered", |o| o.answered = true),
            ("not counted", |o| o.counted.clear()),
            ("counted for another reason as well", |o| {
                o.counted.insert("pvlan_deny".to_owned(), 1);
            }),
            ("harm done", |o| {
                o.aftermath = Some(Aftermath {
                    from: "b-i3",
                    to: "b-gw",
                    heard_by: vec!["b-i1"],
                    holds: false,
                });
            }),
        ];
        for (what, spoil) in spoils {
            let mut outcome = outcome();
            spoil(&mut outcome);
            assert!(!outcome.held(), "{what}");
        }
    }

    #[test]
    fn every_attack_can_be_told_from_the_others() {
        let all = attacks(1);
        for (index, attack) in all.iter().enumerate() {
            let heard = Heard::parse(&attack.frame).expect("an attack's frame carries its mark");
            let everywhere = [(cast::GATEWAY, heard)];
            for (other, against) in all.iter().enumerate() {
                let found = heard_by(&everywhere, &against.mark);
                assert_eq!(
                    !found.is_empty(),
                    index == other,
                    "{} {}",
                    attack.name,
                    against.name
                );
            }
        }
    }

    #[test]
    fn an_answer_is_one_for_the_question() {
        let question = Arp::request(cast::ATTACKER.plan(), cast::NEIGHBOUR.plan().ip);
        let answer = Arp {
            operation: 2,
            sender_mac: cast::NEIGHBOUR.plan().mac(),
            sender_ip: cast::NEIGHBOUR.plan().ip,
            target_ip: cast::ATTACKER.plan().ip,
        };
        let mark = Mark::Arp(question);
        assert!(answered(&[(cast::ATTACKER, Heard::Arp(answer))], &mark));
        assert!(!answered(&[(cast::GATEWAY, Heard::Arp(answer))], &mark));
        assert!(!answered(&[(cast::ATTACKER, Heard::Arp(question))], &mark));
    }
}
