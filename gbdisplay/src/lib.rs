//! The Game Boy panel: its cartridge, made from source by the build, the link to it, and what is
//! shown on it. This crate knows nothing of the fabric but the facts it is given.

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
