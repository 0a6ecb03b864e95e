//! F14: a stock kernel as a VTEP of the mesh, by either recipe and in every role.

use libtest_mimic::Trial;
use skerry_netns_tests::stock::{Kind, Member};
use skerry_netns_tests::suite::row;
use skerry_netns_tests::topology::Role;

use crate::world;

pub(crate) fn trials() -> Vec<Trial> {
    let roles = [Role::Isolated, Role::Community("web"), Role::Promiscuous];
    let kinds = [(Kind::Bridge, "bridge"), (Kind::Tc, "tc")];
    kinds
        .into_iter()
        .flat_map(|(kind, name)| {
            roles.map(|role| {
                let title = format!("F14 {name} recipe, {role:?}: reaches whom its role lets it");
                row(&title, move || {
                    world::with(Member { kind, role }, |world, member| {
                        world.reaches_as_its_role_says(member)
                    })
                })
            })
        })
        .collect()
}
