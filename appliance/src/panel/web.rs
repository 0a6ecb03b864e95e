//! The panel as a web page.

use std::net::SocketAddr;

use skerry_gbdisplay::port::Emulated;
use skerry_gbdisplay::view::{TAP_US, Web, words};

use super::eprint;
use super::show::Show;
use crate::exit::{Exit, Failed};

/// Pictures of the console between two that are sent: 30 a second.
const EVERY: u64 = 2;

/// Serves it until the time is over.
pub(super) fn run(show: &mut Show<Emulated>, address: SocketAddr) -> anyhow::Result<()> {
    let mut web = Web::listen(address).map_err(|error| {
        let message = format!("cannot listen at {address}: {error}");
        Failed::new(Exit::Bad, message)
    })?;
    eprint(&format!("the panel is at http://{}/\n", web.address()));
    let mut sent = None;
    while !show.is_over() {
        let now_us = show.now_us();
        show.hands.press(now_us, web.take_taps(), TAP_US);
        show.hands.hold(web.keys());
        show.step()?;
        let machine = show.desk.port.machine();
        let picture = machine.frames() / EVERY;
        if sent != Some(picture) {
            sent = Some(picture);
            let words = words(show.desk.session.panel(), now_us);
            web.show(machine.frame(), &words);
        }
    }
    Ok(())
}
