//! What the panel answers.
#![cfg_attr(fuzzing, no_main)]
skerry_fuzz::target!(skerry_panel_proto::fuzz::panel_status);
