//! An empty archive named `libpcap.a` answers the `-lpcap` of the `pcap` crate, so that the
//! project links on machines without libpcap's development files. The symbols come from
//! `sim/capture/libpcap.rs`, which forwards them to the system's libpcap at run time.

fn main() {
    println!("cargo:rerun-if-changed=sim/build.rs");
    if std::env::var_os("CARGO_CFG_UNIX").is_none() {
        return; // The `pcap` crate is used on Unix only.
    }
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    std::fs::write(format!("{out}/libpcap.a"), b"!<arch>\n").expect("OUT_DIR is writable");
    println!("cargo:rustc-link-search=native={out}");
}
