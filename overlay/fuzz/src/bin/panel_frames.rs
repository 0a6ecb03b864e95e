//! Frames that a host sends to the panel.
#![cfg_attr(fuzzing, no_main)]
skerry_fuzz::target!(skerry_panel_proto::fuzz::panel_frames);
