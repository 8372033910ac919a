//! What a stranger gets: licences, a manifest that says enough, samples of bearable size, no
//! trace of the machine it was written on. Walks folders, so that it works without git.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that belong to the package; others are a user's.
const FOLDERS: [&str; 6] = [".ci", "benches", "captures", "reports", "sim", "tests"];

/// Files at the top that belong to the package.
const FILES: [&str; 6] =
    ["Cargo.toml", "Cargo.lock", "LICENSE-MIT", "LICENSE-APACHE", "README.md", "deny.toml"];

/// What building and fuzzing leave behind inside [`FOLDERS`].
const GENERATED: [&str; 4] = ["target", "corpus", "artifacts", "coverage"];

/// Most bytes of one sample, and of all: a clone stays small.
const SAMPLE_BYTES_MAX: u64 = 1_000_000;
const SAMPLES_BYTES_MAX: u64 = 8_000_000;

/// Where things lie on machines of ours. Shell scripts may use the temporary folder.
const MACHINE_PATHS: [&[&str]; 4] =
    [&["/wo", "rk/"], &["/tm", "p/"], &["/ro", "ot/"], &["/ho", "me/"]];

#[test]
fn everything_that_a_package_needs_is_there() {
    for file in FILES {
        let length = fs::metadata(root().join(file)).unwrap_or_else(|_| panic!("no {file}")).len();
        assert!(length > 0, "{file} is empty");
    }
}

#[test]
fn the_licences_are_the_ones_the_manifest_names() {
    assert!(read("Cargo.toml").contains("license = \"MIT OR Apache-2.0\""));
    let mit = read("LICENSE-MIT");
    assert!(mit.starts_with("MIT License\n") && mit.contains("(c) Headroom contributors"));
    let apache = read("LICENSE-APACHE");
    assert!(apache.contains("Version 2.0, January 2004"));
    assert!(apache.contains("END OF TERMS AND CONDITIONS"), "the text is cut short");
}

#[test]
fn the_manifest_says_which_compiler_and_no_file_fetches_another() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    assert!(manifest["package"]["rust-version"].is_str());
    for file in ["rust-toolchain", "rust-toolchain.toml"] {
        assert!(!root().join(file).exists(), "{file} makes rustup download a compiler");
    }
}

#[test]
fn samples_stay_small() {
    let mut total = 0;
    for path in files("captures") {
        let length = fs::metadata(&path).unwrap().len();
        assert!(length < SAMPLE_BYTES_MAX, "{} has {length} bytes", path.display());
        total += length;
    }
    assert!(total < SAMPLES_BYTES_MAX, "captures has {total} bytes");
}

#[test]
fn no_file_names_a_path_of_our_machines() {
    let mut found = Vec::new();
    let top = FILES.iter().map(|file| root().join(file));
    for path in top.chain(FOLDERS.iter().flat_map(|folder| files(folder))) {
        let script = path.extension().is_some_and(|extension| extension == "sh");
        let Ok(text) = String::from_utf8(fs::read(&path).unwrap()) else { continue };
        for (number, line) in text.lines().enumerate().filter(|_| !script) {
            if MACHINE_PATHS.iter().any(|parts| line.contains(&parts.concat())) {
                found.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_readme_gives_the_test_command_that_is_run_on_every_change() {
    let script = read(".ci/run");
    let command = script.lines().find_map(|line| line.strip_prefix("step 'tests' ")).unwrap();
    assert!(
        read("README.md").lines().any(|line| line == command),
        "`{command}` is not in README.md"
    );
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// All files below `folder`.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if !path.is_dir() {
                files.push(path);
            } else if !GENERATED.iter().any(|name| path.ends_with(name)) {
                folders.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "{folder} is empty");
    files
}
