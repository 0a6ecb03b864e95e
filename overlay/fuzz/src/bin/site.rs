//! Site files.
#![cfg_attr(fuzzing, no_main)]
skerry_fuzz::target!(skerry_policy::fuzz::site);
