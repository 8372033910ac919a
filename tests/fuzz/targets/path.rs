#![no_main]

#[path = "../checks.rs"]
mod checks;
#[path = "../path.rs"]
mod path;

libfuzzer_sys::fuzz_target!(|data: &[u8]| path::path(data));
