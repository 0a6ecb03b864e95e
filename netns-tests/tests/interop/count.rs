//! Frames that reach the guest, by sender: counted by its own kernel, before anybody answers.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::Value;
use skerry_netns_tests::stock::Member;
use skerry_netns_tests::vm::Vm;

use crate::world::SCRIPT;

/// Begins to count frames of these MAC addresses.
pub(crate) fn from_now(
    vm: &mut Vm,
    member: Member,
    senders: impl Iterator<Item = String>,
) -> Result<()> {
    let (namespace, device) = member.guest();
    let tc = format!("ip netns exec {namespace} tc");
    let mut script = format!(
        "{tc} qdisc del dev {device} clsact 2>/dev/null || true\n\
         {tc} qdisc add dev {device} clsact\n"
    );
    for (index, mac) in senders.enumerate() {
        let priority = index + 1;
        script += &format!(
            "{tc} filter add dev {device} ingress protocol all prio {priority} flower \
             src_mac {mac} action pass\n"
        );
    }
    vm.must(&script, SCRIPT)?;
    Ok(())
}

/// What was counted since then, by MAC address.
pub(crate) fn so_far(vm: &mut Vm, member: Member) -> Result<BTreeMap<String, u64>> {
    let (namespace, device) = member.guest();
    let show = format!("ip netns exec {namespace} tc -j -s filter show dev {device} ingress\n");
    let text = vm.must(&show, SCRIPT)?;
    let filters: Vec<Value> = serde_json::from_str(&text).with_context(|| text.clone())?;
    let counts = filters.iter().filter_map(|filter| {
        let options = &filter["options"];
        let mac = options["keys"]["src_mac"].as_str()?;
        let packets = options["actions"][0]["stats"]["packets"].as_u64()?;
        Some((mac.to_owned(), packets))
    });
    Ok(counts.collect())
}
