//! Any messages of one protocol in a dialogue: the protocol this binary is named after.

#![no_main]

#[path = "../checks.rs"]
mod checks;
#[path = "../path.rs"]
mod path;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let name = env!("CARGO_BIN_NAME");
    let id = headroom::proto::Id::from_name(name).expect("named after a protocol");
    path::observe(id, data);
});
