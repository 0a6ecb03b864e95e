//! The conformance suite's own tools: namespaces, frames, probes, and an oracle that shares
//! nothing with the product. The product is met only as a binary, its sockets and its frames.

#![forbid(unsafe_code)]

pub mod counters;
pub mod daemon;
pub mod fabric;
pub mod frame;
pub mod guest;
pub mod hosts;
pub mod injector;
pub mod intruder;
pub mod joined;
pub mod machine;
pub mod message;
pub mod netns;
pub mod oracle;
pub mod packet;
pub mod probe;
pub mod relay;
pub mod site;
pub mod stock;
pub mod stream;
pub mod suite;
pub mod tag;
pub mod tagging;
pub mod topology;
pub mod traces;
pub mod underlay;
pub mod vm;
pub mod volley;
