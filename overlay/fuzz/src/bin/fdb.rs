//! Scripts for the MAC table, beside a naive one.
#![cfg_attr(fuzzing, no_main)]
skerry_fuzz::target!(skerry_overlay::fuzz::fdb);
