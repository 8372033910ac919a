//! libpcap, found when it is first needed.
//!
//! The `pcap` crate wants to be linked with libpcap, which would make its development files a
//! prerequisite of building. `sim/build.rs` satisfies the linker with an empty archive; the
//! symbols come from here. Each forwards to the function of the same name in the system's
//! libpcap, or fails in that function's own way where there is none.
//!
//! The only file of this program with `unsafe` in it. On Windows it is left out, and filters
//! with it.

#![allow(unsafe_code, reason = "calls into C; each block says why it is sound")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr::null_mut;
use std::sync::OnceLock;

use libloading::Library;

/// Names of the library: Debian's, everybody else's, that of the development files, macOS's.
const NAMES: [&str; 4] = ["libpcap.so.0.8", "libpcap.so.1", "libpcap.so", "libpcap.A.dylib"];

/// What a function with an error buffer, or `pcap_geterr`, says without the library. Shorter
/// than the 256 bytes of such a buffer (`PCAP_ERRBUF_SIZE`, checked below).
const MISSING: &CStr =
    c"libpcap not found; install it (Debian, Ubuntu: libpcap0.8; Fedora: libpcap)";
const _: () = assert!(MISSING.to_bytes_with_nul().len() <= 256);

/// Any pointer: it is passed through and, error buffers apart, never followed.
type Any = *mut c_void;

fn library() -> Option<&'static Library> {
    static LIBRARY: OnceLock<Option<Library>> = OnceLock::new();
    let load = || {
        NAMES.iter().find_map(|name| {
            // SAFETY: loading runs the library's initialisers. libpcap's have no conditions
            // on the caller, and it stays loaded until the process ends.
            unsafe { Library::new(*name) }.ok()
        })
    };
    LIBRARY.get_or_init(load).as_ref()
}

/// Whether this machine has a libpcap.
pub(super) fn available() -> bool {
    library().is_some()
}

/// What the library says about its version.
pub(super) fn version() -> Option<String> {
    type Version = unsafe extern "C" fn() -> *const c_char;
    let library = library()?;
    // SAFETY: `const char *pcap_lib_version(void)`, as in pcap/pcap.h since 0.8.
    let function = unsafe { library.get::<Version>("pcap_lib_version") }.ok()?;
    // SAFETY: called as declared above.
    let text = unsafe { function() };
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and pcap_lib_version(3PCAP) promises a string that is never freed.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// What a function does when the library, or the function in an old library, is not there.
#[derive(Clone, Copy)]
enum Excuse {
    /// Nothing but its return value.
    Silent,
    /// Writes `MISSING` into this error buffer first.
    Buffer(Any),
}

impl Excuse {
    fn tell(self) {
        if let Self::Buffer(buffer) = self
            && !buffer.is_null()
        {
            let text = MISSING.to_bytes_with_nul();
            // SAFETY: libpcap's callers give an error buffer of `PCAP_ERRBUF_SIZE` bytes, in
            // which `MISSING` fits, and a constant cannot overlap it.
            unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), text.len()) };
        }
    }
}

/// One exported function per line: its C signature with pointers as [`Any`], then what it
/// says and gives without a library.
macro_rules! forward {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $result:ty, $excuse:expr, $absent:expr;)*) => {
        $(
            /// Forwards to libpcap.
            ///
            /// # Safety
            /// That of the function of the same name in libpcap's manual.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name($($argument: $kind),*) -> $result {
                type Function = unsafe extern "C" fn($($kind),*) -> $result;
                static FUNCTION: OnceLock<Option<Function>> = OnceLock::new();
                let find = || {
                    // SAFETY: the signature is the one of pcap/pcap.h; pointers of any kind
                    // are passed alike.
                    let symbol = unsafe { library()?.get::<Function>(stringify!($name)) };
                    symbol.ok().map(|symbol| *symbol)
                };
                match *FUNCTION.get_or_init(find) {
                    // SAFETY: the caller's promise is passed on.
                    Some(function) => unsafe { function($($argument),*) },
                    None => {
                        Excuse::tell($excuse);
                        $absent
                    }
                }
            }
        )*

        /// The names of all functions here.
        #[cfg(test)]
        #[allow(dead_code, reason = "only looked at where it is the list for all systems")]
        const FORWARDED: &[&str] = &[$(stringify!($name)),*];

        /// Keeps the functions in the program although nothing in this crate calls them.
        #[used]
        static KEEP: [Kept; [$(stringify!($name)),*].len()] = [$(Kept($name as *const ())),*];
    };
}

/// Address of a function.
#[allow(dead_code, reason = "only the linker looks at it")]
struct Kept(*const ());

// SAFETY: the address of a function is never written to and never followed.
unsafe impl Sync for Kept {}

use Excuse::{Buffer, Silent};

forward! {
    pcap_create(source: Any, errbuf: Any) -> Any, Buffer(errbuf), null_mut();
    pcap_set_snaplen(p: Any, length: c_int) -> c_int, Silent, -1;
    pcap_set_promisc(p: Any, on: c_int) -> c_int, Silent, -1;
    pcap_set_timeout(p: Any, milliseconds: c_int) -> c_int, Silent, -1;
    pcap_set_buffer_size(p: Any, bytes: c_int) -> c_int, Silent, -1;
    pcap_activate(p: Any) -> c_int, Silent, -1;
    pcap_open_dead(link: c_int, snaplen: c_int) -> Any, Silent, null_mut();
    pcap_open_offline(name: Any, errbuf: Any) -> Any, Buffer(errbuf), null_mut();
    pcap_fopen_offline(file: Any, errbuf: Any) -> Any, Buffer(errbuf), null_mut();
    pcap_close(p: Any) -> (), Silent, ();
    pcap_loop(p: Any, count: c_int, handler: Any, user: Any) -> c_int, Silent, -1;
    pcap_dispatch(p: Any, count: c_int, handler: Any, user: Any) -> c_int, Silent, -1;
    pcap_next_ex(p: Any, header: Any, data: Any) -> c_int, Silent, -1;
    pcap_breakloop(p: Any) -> (), Silent, ();
    pcap_stats(p: Any, stats: Any) -> c_int, Silent, -1;
    pcap_setfilter(p: Any, program: Any) -> c_int, Silent, -1;
    pcap_setdirection(p: Any, direction: c_uint) -> c_int, Silent, -1;
    pcap_setnonblock(p: Any, on: c_int, errbuf: Any) -> c_int, Buffer(errbuf), -1;
    pcap_sendpacket(p: Any, data: Any, size: c_int) -> c_int, Silent, -1;
    pcap_geterr(p: Any) -> Any, Silent, MISSING.as_ptr().cast_mut().cast();
    pcap_compile(p: Any, program: Any, text: Any, optimise: c_int, mask: c_uint) -> c_int, Silent, -1;
    pcap_freecode(program: Any) -> (), Silent, ();
    pcap_offline_filter(program: Any, header: Any, data: Any) -> c_int, Silent, 0;
    pcap_datalink(p: Any) -> c_int, Silent, -1;
    pcap_list_datalinks(p: Any, list: Any) -> c_int, Silent, -1;
    pcap_set_datalink(p: Any, link: c_int) -> c_int, Silent, -1;
    pcap_free_datalinks(list: Any) -> (), Silent, ();
    pcap_datalink_name_to_val(name: Any) -> c_int, Silent, -1;
    pcap_datalink_val_to_name(link: c_int) -> Any, Silent, null_mut();
    pcap_datalink_val_to_description(link: c_int) -> Any, Silent, null_mut();
    pcap_major_version(p: Any) -> c_int, Silent, -1;
    pcap_minor_version(p: Any) -> c_int, Silent, -1;
    pcap_fileno(p: Any) -> c_int, Silent, -1;
    pcap_dump_open(p: Any, name: Any) -> Any, Silent, null_mut();
    pcap_dump_fopen(p: Any, file: Any) -> Any, Silent, null_mut();
    pcap_dump_flush(dumper: Any) -> c_int, Silent, -1;
    pcap_dump_close(dumper: Any) -> (), Silent, ();
    pcap_dump(dumper: Any, header: Any, data: Any) -> (), Silent, ();
    pcap_findalldevs(list: Any, errbuf: Any) -> c_int, Buffer(errbuf), -1;
    pcap_freealldevs(list: Any) -> (), Silent, ();
    pcap_get_selectable_fd(p: Any) -> c_int, Silent, -1;
    pcap_set_tstamp_type(p: Any, kind: c_int) -> c_int, Silent, -1;
    pcap_fopen_offline_with_tstamp_precision(file: Any, precision: c_uint, errbuf: Any) -> Any,
        Buffer(errbuf), null_mut();
    pcap_open_dead_with_tstamp_precision(link: c_int, snaplen: c_int, precision: c_uint) -> Any,
        Silent, null_mut();
    pcap_open_offline_with_tstamp_precision(name: Any, precision: c_uint, errbuf: Any) -> Any,
        Buffer(errbuf), null_mut();
    pcap_set_immediate_mode(p: Any, on: c_int) -> c_int, Silent, -1;
    pcap_set_tstamp_precision(p: Any, precision: c_int) -> c_int, Silent, -1;
    pcap_dump_open_append(p: Any, name: Any) -> Any, Silent, null_mut();
    pcap_set_rfmon(p: Any, on: c_int) -> c_int, Silent, -1;
}

/// Only macOS's libpcap has this one, and only there does the crate ask for it.
#[cfg(target_os = "macos")]
mod macos {
    use super::*;

    forward! {
        pcap_set_want_pktap(p: Any, on: c_int) -> c_int, Silent, -1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where cargo keeps the source of the `pcap` crate.
    fn crate_source() -> Option<std::path::PathBuf> {
        let compiler = std::process::Command::new("rustc").arg("-vV").output().ok()?;
        let compiler = String::from_utf8(compiler.stdout).ok()?;
        let host = compiler.lines().find_map(|line| line.strip_prefix("host: "))?;
        // Without the filter, crates for other systems would have to be there too.
        let output = std::process::Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--offline"])
            .args(["--filter-platform", host, "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .output()
            .ok()?;
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        let packages = metadata["packages"].as_array()?;
        let package = packages.iter().find(|package| package["name"] == "pcap")?;
        let manifest = std::path::Path::new(package["manifest_path"].as_str()?);
        Some(manifest.parent()?.join("src/raw.rs"))
    }

    /// Names of the functions that one module of the crate's source declares.
    fn imported(source: &str, module: &str) -> Vec<String> {
        let start = source.find(&format!("pub mod {module} {{")).unwrap();
        let body = source[start..].split("\n}\n").next().unwrap();
        body.lines()
            .filter_map(|line| line.trim().strip_prefix("pub fn "))
            .map(|line| line.split('(').next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn every_function_that_the_crate_imports_is_forwarded() {
        let Some(source) = crate_source().and_then(|path| std::fs::read_to_string(path).ok())
        else {
            return println!("skipped: the source of crate pcap was not found");
        };
        let mut wanted = imported(&source, "ffi");
        wanted.extend(imported(&source, "ffi_unix"));
        wanted.sort();
        let mut got: Vec<_> = FORWARDED.iter().map(|name| (*name).to_owned()).collect();
        got.sort();
        assert_eq!(got, wanted);
    }

    #[test]
    fn the_excuse_is_written_into_the_error_buffer() {
        let mut buffer = [b'x'; 256];
        Excuse::Buffer(buffer.as_mut_ptr().cast()).tell();
        assert_eq!(CStr::from_bytes_until_nul(&buffer).unwrap(), MISSING);
        Excuse::Buffer(null_mut()).tell();
    }

    #[test]
    fn the_version_is_known_where_the_library_is() {
        match version() {
            Some(version) => assert!(version.contains("libpcap"), "{version}"),
            None => {
                assert!(!available());
                println!("skipped: no libpcap on this machine");
            }
        }
    }
}
