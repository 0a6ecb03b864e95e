//! Control data of packet sockets.
#![cfg_attr(fuzzing, no_main)]
skerry_fuzz::target!(skerry_overlay_io::fuzz::auxdata);
