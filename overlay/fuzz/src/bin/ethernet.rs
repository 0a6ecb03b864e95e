//! Ethernet headers and their tags.
#![cfg_attr(fuzzing, no_main)]
skerry_fuzz::target!(skerry_overlay::fuzz::ethernet);
