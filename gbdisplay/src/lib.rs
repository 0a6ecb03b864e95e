//! The Game Boy panel: its cartridge, made from source by the build, the link to it, and what is
//! shown on it.
//!
//! [`Facts`][facts::Facts] go into a [`Panel`][panel::Panel], whose [pages][page] say what is
//! shown where. A [`Session`][session::Session] has it at its [link], a [`Desk`][port::Desk] at a
//! [port]: a Game Boy of plastic or the emulated one. What an emulated one shows is what every
//! [view] shows. This crate knows nothing of the fabric but the facts it is given.

#![forbid(unsafe_code)]

pub mod demo;
pub mod facts;
pub mod font;
pub mod label;
pub mod link;
pub mod page;
pub mod paint;
pub mod panel;
pub mod picture;
pub mod port;
pub mod session;
pub mod view;

pub use skerry_dmg::{Frame, Model};
pub use skerry_panel_proto::{Keys, VERSION as PROTOCOL};

/// The cartridge: 32 KiB, for a console with or without colour.
pub const ROM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/panel.gb"));

/// What the cartridge calls its addresses and numbers, in order of name.
pub const SYMBOLS: &[(&str, u16)] = include!(concat!(env!("OUT_DIR"), "/symbols.rs"));

/// The value of a symbol of the cartridge.
#[must_use]
pub fn symbol(name: &str) -> Option<u16> {
    let place = SYMBOLS.binary_search_by_key(&name, |(name, _)| name);
    place
        .ok()
        .and_then(|it| SYMBOLS.get(it))
        .map(|(_, value)| *value)
}
