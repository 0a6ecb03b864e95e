//! What an emulated panel shows, for people: all views show the pictures of the core, so none can
//! differ from another, or from a Game Boy.

mod colours;
mod gif;
mod keys;
mod letters;
mod png;
mod terminal;
mod web;
mod words;

pub use gif::Film;
pub use keys::{HOLD_START_US, HOLD_US, Hands, TAP_US, key, wants_to_leave};
pub use letters::Letters;
pub use png::png;
pub use terminal::{Screen, Style};
pub use web::Web;
pub use words::words;
