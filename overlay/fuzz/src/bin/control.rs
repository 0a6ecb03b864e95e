//! Control messages, and what a node makes of them.
#![cfg_attr(fuzzing, no_main)]
skerry_fuzz::target!(skerry_overlay::fuzz::control);
