//! Scripts for a whole fabric with live keys.
#![cfg_attr(fuzzing, no_main)]
skerry_fuzz::target!(skerry_overlay::fuzz::forwarder);
