//! IP packets of both versions.
#![cfg_attr(fuzzing, no_main)]
skerry_fuzz::target!(skerry_overlay::fuzz::ip);
