//! What goes wrong with interfaces, and what becomes of it (reliability.md 5.3).

use std::net::Ipv4Addr;
use std::time::Duration;

use skerry_overlay_io::{PortCause, PortError, PortEvent, PortManager};

use crate::world::{
    PATIENCE, World, add_address, delete, link, make_pair, manager, names, on_a_machine, only_port,
    rename, set_down, set_up, tables, veth,
};

async fn next(manager: &mut PortManager) -> PortEvent {
    let event = tokio::time::timeout(PATIENCE, manager.next_event()).await;
    event.expect("an event of the port")
}

/// The next event that is no link going down or up, as it does before it goes altogether.
async fn next_news(manager: &mut PortManager) -> PortEvent {
    loop {
        match next(manager).await {
            PortEvent::Link { .. } => {}
            other => return other,
        }
    }
}

/// Skips link events until the one with this state.
async fn until_link(manager: &mut PortManager, want: bool) {
    loop {
        match next(manager).await {
            PortEvent::Link { up, .. } if up == want => return,
            PortEvent::Link { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn refused(world: &World, port: &str) -> PortError {
    let mut manager = manager().await;
    let good = veth("good", "g1");
    let error = manager
        .prepare(&world.tables(&[&good, port]))
        .await
        .unwrap_err();
    assert_eq!(
        names().await.iter().find(|name| *name == "good"),
        None,
        "half made"
    );
    manager.close().await;
    error
}

#[test]
fn a_port_that_cannot_be_had_is_named_and_nothing_is_half_made() {
    on_a_machine(async |world| {
        let guest = world.guest("g1");
        make_pair("taken", "other").await;
        let attach = |name: &str, what: &str| {
            format!("{name} = {{ as = \"blue.promiscuous\", attach = {what} }}")
        };
        let error = refused(&world, &attach("p", "{ nic = \"eth9\" }")).await;
        assert!(
            matches!(&error.cause, PortCause::NicMissing(nic) if nic == "eth9"),
            "{error}"
        );
        assert!(
            error
                .to_string()
                .starts_with("port n1/p: there is no interface \"eth9\""),
            "{error}"
        );

        let error = refused(&world, &veth("p", "nowhere")).await;
        assert!(
            matches!(error.cause, PortCause::NetnsMissing { .. }),
            "{error}"
        );

        std::fs::write(world.path("file"), "").unwrap();
        let error = refused(&world, &veth("p", "file")).await;
        assert!(
            matches!(error.cause, PortCause::NetnsClosed { .. }),
            "{error}"
        );

        let error = refused(&world, &veth("taken", "g1").replace("eth0", "eth1")).await;
        assert!(
            matches!(&error.cause, PortCause::NameTaken { name, .. } if name == "taken"),
            "{error}"
        );

        let error = refused(&world, &attach("p", "{ tap = \"taken\" }")).await;
        assert!(
            matches!(&error.cause, PortCause::NameTaken { name, .. } if name == "taken"),
            "{error}"
        );

        // The good port's guest under another path, which nothing but the kernel can see through.
        std::os::unix::fs::symlink(world.path("g1"), world.path("alias")).unwrap();
        let error = refused(&world, &veth("p", "alias")).await;
        assert!(
            matches!(&error.cause, PortCause::NameInUse { port, place, .. } if port == "n1/good" && place.contains("alias")),
            "{error}"
        );

        guest.netlink(async || make_pair("eth1", "eth2").await);
        let error = refused(&world, &veth("p", "g1").replace("eth0", "eth1")).await;
        assert!(
            matches!(&error.cause, PortCause::NameTaken { place, .. } if place.contains("g1")),
            "{error}"
        );
        assert!(link("taken").await.is_some() && guest.link("eth1").is_some());
    });
}

#[test]
fn a_killed_daemons_veth_is_adopted_with_its_guests_address() {
    on_a_machine(async |world| {
        let guest = world.guest("g1");
        let ports = world.tables(&[&veth("a", "g1"), &veth("old", "g1").replace("eth0", "eth1")]);
        let mut first = manager().await;
        first.prepare(&ports).await.unwrap();
        guest.address("eth0", Ipv4Addr::new(10, 0, 0, 1));
        let before = guest.link("eth0").unwrap();
        // As kill -9 does: nobody says goodbye.
        drop(first);
        let fewer = world.tables(&[&veth("a", "g1")]);
        let mut second = manager().await;
        let port = only_port(&mut second, &fewer).await;
        assert!(port.up);
        second.retire(&fewer).await;
        assert_eq!(guest.link("eth0"), Some(before), "the guest saw nothing");
        assert_eq!(
            names().await,
            ["a"],
            "what the site no longer lists is gone"
        );
        second.close().await;
        assert_eq!(names().await, Vec::<String>::new());
    });
}

#[test]
fn a_nic_taken_before_a_crash_is_given_back_after_it() {
    on_a_machine(async |world| {
        make_pair("nic", "wire").await;
        let before = link("nic").await;
        let nic = world.tables(&["a = { as = \"blue.promiscuous\", attach = { nic = \"nic\" } }"]);
        let mut first = manager().await;
        drop(only_port(&mut first, &nic).await);
        drop(first);
        let mut second = manager().await;
        drop(only_port(&mut second, &nic).await);
        second.close().await;
        assert_eq!(link("nic").await, before);
    });
}

#[test]
fn a_deleted_veth_comes_back() {
    on_a_machine(async |world| {
        let guest = world.guest("g1");
        let mut manager = manager().await;
        let _port = only_port(&mut manager, &world.tables(&[&veth("a", "g1")])).await;
        for deleted_by_guest in [false, true] {
            if deleted_by_guest {
                guest.netlink(async || delete("eth0").await);
            } else {
                delete("a").await;
            }
            let gone = next_news(&mut manager).await;
            assert!(
                matches!(&gone, PortEvent::Gone { name } if name == "n1/a"),
                "{gone:?}"
            );
            match next_news(&mut manager).await {
                PortEvent::Repaired { name, port } => assert!(name == "n1/a" && port.up),
                other => panic!("{other:?}"),
            }
            assert!(guest.link("eth0").is_some());
        }
        manager.close().await;
    });
}

#[test]
fn a_deleted_tap_comes_back_and_its_namespace_is_watched() {
    on_a_machine(async |world| {
        let guest = world.guest("g1");
        let tap = "a = { as = \"blue.promiscuous\", attach = { tap = \"eth0\", netns = \"@g1\" } }";
        let mut manager = manager().await;
        let port = only_port(&mut manager, &world.tables(&[tap])).await;
        guest.netlink(async || set_down("eth0").await);
        until_link(&mut manager, false).await;
        guest.netlink(async || set_up("eth0").await);
        until_link(&mut manager, true).await;
        guest.netlink(async || delete("eth0").await);
        assert!(matches!(
            next_news(&mut manager).await,
            PortEvent::Gone { .. }
        ));
        // The port is kept: a TAP lives as long as somebody has it open.
        let back = next_news(&mut manager).await;
        assert!(matches!(back, PortEvent::Repaired { .. }), "{back:?}");
        assert!(guest.link("eth0").is_some());
        drop((port, back));
        manager.close().await;
        assert_eq!(guest.link("eth0"), None);
    });
}

#[test]
fn a_port_goes_down_and_up_with_either_end_and_survives_a_new_name() {
    on_a_machine(async |world| {
        let guest = world.guest("g1");
        let mut manager = manager().await;
        let _port = only_port(&mut manager, &world.tables(&[&veth("a", "g1")])).await;
        guest.netlink(async || set_down("eth0").await);
        until_link(&mut manager, false).await;
        guest.netlink(async || set_up("eth0").await);
        until_link(&mut manager, true).await;
        set_down("a").await;
        until_link(&mut manager, false).await;
        rename("a", "b").await;
        set_up("b").await;
        until_link(&mut manager, true).await;
        manager.close().await;
        assert_eq!(names().await, Vec::<String>::new());
    });
}

#[test]
fn a_nic_that_goes_is_missed_and_taken_when_it_is_back() {
    on_a_machine(async |world| {
        make_pair("nic", "wire").await;
        set_up("wire").await;
        let mut manager = manager().await;
        let nic = "a = { as = \"blue.promiscuous\", attach = { nic = \"nic\" } }";
        let _port = only_port(&mut manager, &world.tables(&[nic])).await;
        delete("nic").await;
        assert!(matches!(
            next_news(&mut manager).await,
            PortEvent::Gone { .. }
        ));
        let failed = next_news(&mut manager).await;
        assert!(
            matches!(&failed, PortEvent::RepairFailed(error) if matches!(error.cause, PortCause::NicMissing(_))),
            "{failed:?}"
        );
        // Several attempts later it is still told only once.
        let quiet = tokio::time::timeout(Duration::from_millis(400), manager.next_event()).await;
        assert!(quiet.is_err(), "{quiet:?}");
        make_pair("nic", "wire").await;
        set_up("wire").await;
        assert!(matches!(
            next_news(&mut manager).await,
            PortEvent::Repaired { .. }
        ));
        manager.close().await;
    });
}

#[test]
fn a_near_end_taken_to_another_namespace_is_made_again() {
    on_a_machine(async |world| {
        let (guest, thief) = (world.guest("g1"), world.guest("thief"));
        let mut manager = manager().await;
        let _port = only_port(&mut manager, &world.tables(&[&veth("a", "g1")])).await;
        use std::os::fd::{AsFd, AsRawFd};
        let fd = thief.namespace.as_fd().as_raw_fd();
        let moved = rtnetlink::LinkUnspec::new_with_index(crate::world::index("a").await);
        let moved = moved.setns_by_fd(fd).build();
        crate::world::handle()
            .link()
            .set(moved)
            .execute()
            .await
            .unwrap();
        assert!(matches!(
            next_news(&mut manager).await,
            PortEvent::Gone { .. }
        ));
        assert!(matches!(
            next_news(&mut manager).await,
            PortEvent::Repaired { .. }
        ));
        assert!(guest.link("eth0").is_some() && thief.link("a").is_none());
        manager.close().await;
    });
}

#[test]
fn a_changed_port_is_made_anew_and_a_failed_change_is_taken_back() {
    on_a_machine(async |world| {
        let (one, two) = (world.guest("g1"), world.guest("g2"));
        let mut manager = manager().await;
        let _port = only_port(&mut manager, &world.tables(&[&veth("a", "g1")])).await;
        let moved = world.generation(2, &[&veth("a", "g2")]);
        let port = only_port(&mut manager, &moved).await;
        assert_eq!(port.since, Some(2));
        manager.retire(&moved).await;
        assert!(one.link("eth0").is_none() && two.link("eth0").is_some());

        let broken = world.generation(3, &[&veth("a", "g1"), &veth("b", "nowhere")]);
        let error = manager.prepare(&broken).await.unwrap_err();
        assert_eq!(error.port, "n1/b");
        assert!(matches!(
            next_news(&mut manager).await,
            PortEvent::Gone { .. }
        ));
        assert!(matches!(
            next_news(&mut manager).await,
            PortEvent::Repaired { .. }
        ));
        assert!(
            one.link("eth0").is_none() && two.link("eth0").is_some(),
            "as before"
        );
        manager.close().await;
    });
}

#[test]
fn lost_link_events_are_made_up_for_by_a_fresh_look() {
    on_a_machine(async |world| {
        let guest = world.guest("g1");
        let mut manager = manager().await;
        let ports = world.tables(&[&veth("a", "g1"), &veth("b", "g1").replace("eth0", "eth1")]);
        let _ports = manager.prepare(&ports).await.unwrap();
        make_pair("noise", "echo").await;
        // The runtime of the manager stands still while the kernel's queue overflows; the last
        // thing that happens is lost with certainty.
        let noise = crate::world::Guest { namespace: here() };
        noise.netlink(async || {
            let handle = crate::world::handle();
            let index = crate::world::index("noise").await;
            for round in 0..4_000u32 {
                let change = rtnetlink::LinkUnspec::new_with_index(index)
                    .mtu(1000 + round % 2)
                    .build();
                handle.link().set(change).execute().await.unwrap();
            }
            delete("a").await;
        });
        guest.netlink(async || set_down("eth1").await);
        let mut seen = Vec::new();
        let start = std::time::Instant::now();
        while !seen.contains(&"resynced") || !seen.contains(&"repaired") || !seen.contains(&"down")
        {
            seen.push(match next(&mut manager).await {
                PortEvent::Resynced => "resynced",
                PortEvent::Repaired { .. } => "repaired",
                PortEvent::Link { name, up: false } if name == "n1/b" => "down",
                PortEvent::Link { .. } => "link",
                PortEvent::Gone { .. } => "gone",
                other => panic!("{other:?} after {seen:?}"),
            });
        }
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{:?}",
            start.elapsed()
        );
        manager.close().await;
    });
}

/// The namespace of the calling thread, as something to run threads in.
fn here() -> skerry_overlay_io::netns::Namespace {
    skerry_overlay_io::netns::Namespace::open("/proc/thread-self/ns/net".as_ref()).unwrap()
}

#[test]
fn somebody_elses_marks_are_left_alone() {
    on_a_machine(async |world| {
        let _guest = world.guest("g1");
        make_pair("foreign", "pair").await;
        add_address("foreign", Ipv4Addr::new(192, 0, 2, 1)).await;
        let site = world.site(&[("n1", None, &[]), ("n2", None, &[&veth("x", "g1")])]);
        let mut other = PortManager::start("n2", Default::default()).await.unwrap();
        let _port = only_port(&mut other, &tables(&site, 1, 1)).await;
        let mut mine = manager().await;
        mine.retire(&tables(&site, 0, 1)).await;
        mine.close().await;
        let mut left = names().await;
        left.sort();
        assert_eq!(left, ["foreign", "pair", "x"]);
        other.close().await;
    });
}
