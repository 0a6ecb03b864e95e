//! What comes out of a tunnel: IP, UDP and VXLAN.
#![cfg_attr(fuzzing, no_main)]
skerry_fuzz::target!(skerry_overlay::fuzz::carrier);
