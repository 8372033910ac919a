//! The README's first command, and the example report that it makes.

use std::path::Path;

use super::headroom;

/// Where the command of the README writes to.
const FOLDER: &str = "headroom-report";

/// The arguments behind `--` in the README's first command.
fn arguments() -> Vec<String> {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let line = readme.lines().find(|line| line.starts_with("cargo run ")).expect("command one");
    let (_, arguments) = line.split_once(" -- ").expect("arguments for the program");
    arguments.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_example_report_is_what_the_readmes_first_command_makes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join(FOLDER);
    let here = folder.to_str().unwrap();
    let arguments = arguments();
    assert_eq!(arguments.last().map(String::as_str), Some(FOLDER), "the command writes there");
    let given: Vec<&str> =
        arguments.iter().map(|word| if word == FOLDER { here } else { word }).collect();
    let run = headroom(&given).ends_with(0);
    assert!(run.out.contains(&format!("report: {here}/report.html")), "{run:?}");

    let example = Path::new("reports/example/report.html");
    let made = std::fs::read_to_string(folder.join("report.html")).unwrap().replace(here, FOLDER);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(example, &made).unwrap();
    }
    let kept = std::fs::read_to_string(example).unwrap();
    assert!(made == kept, "reports/example/report.html is of another version; run with BLESS=1");
    assert!(Path::new("reports/example/report.png").is_file(), "the picture in the README");
}
