//! Many files as one stream.

use std::path::{Path, PathBuf};

use headroom::base::Random;
use headroom::capture::{CaptureSet, Options};
use proptest::prelude::*;

use super::emit::{Blocks, Savefile, gzip, zstd};
use super::{Packet, read_set};

/// Writes savefiles whose records hold their file's number, and have the times given.
fn write(folder: &Path, files: &[Vec<u32>]) -> Vec<PathBuf> {
    let each = files.iter().enumerate().map(|(number, times)| {
        let mut file = Savefile::new(number % 2 == 1, 0xa1b2_c3d4, (2, 4), 1);
        for time in times {
            file.record(*time, 0, &u32::try_from(number).unwrap().to_le_bytes(), 60);
        }
        let bytes = match number % 3 {
            0 => file.bytes,
            1 => gzip(&file.bytes),
            _ => zstd(&file.bytes),
        };
        let path = folder.join(format!("{number}.pcap"));
        std::fs::write(&path, bytes).unwrap();
        path
    });
    each.collect()
}

/// Second and file of each record.
fn origins(packets: &[Packet]) -> Vec<(i64, u32)> {
    let origin = |packet: &Packet| {
        let file = u32::from_le_bytes(packet.bytes.clone().try_into().unwrap());
        (packet.nanos / 1_000_000_000, file)
    };
    packets.iter().map(origin).collect()
}

#[test]
fn rotated_files_follow_each_other_whatever_their_order_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write(folder.path(), &[vec![7, 8, 9], vec![], vec![1, 2, 3], vec![3, 4, 7]]);
    let (packets, files) = read_set(&paths, Options::default());
    let wanted = [(1, 2), (2, 2), (3, 2), (3, 3), (4, 3), (7, 3), (7, 0), (8, 0), (9, 0)];
    assert_eq!(origins(&packets), wanted);
    // Numbered as they are met, also for a file without records.
    let interfaces: Vec<_> = packets.iter().map(|packet| packet.interface).collect();
    assert_eq!(interfaces, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
    let told: Vec<_> = files.iter().map(|file| (file.path.clone(), file.records)).collect();
    let named: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    assert_eq!(
        told,
        [3, 0, 3, 3]
            .into_iter()
            .enumerate()
            .map(|(place, records)| (named[place].clone(), records))
            .collect::<Vec<_>>()
    );
}

proptest! {
    // A failure prints its input; no file is left in the tree.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_that_overlap_are_merged_by_time(
        mut files in proptest::collection::vec(
            proptest::collection::vec(0..50_u32, 0..30), 1..7),
        sorted in any::<bool>(),
    ) {
        if sorted {
            files.iter_mut().for_each(|times| times.sort_unstable());
        }
        let folder = tempfile::tempdir().unwrap();
        let paths = write(folder.path(), &files);
        let (packets, inputs) = read_set(&paths, Options::default());
        let got = origins(&packets);
        for (number, times) in files.iter().enumerate() {
            let of_file: Vec<u32> = got.iter().filter(|(_, file)| *file as usize == number)
                .map(|(time, _)| u32::try_from(*time).unwrap()).collect();
            prop_assert_eq!(&of_file, times, "the file's own order");
            let backwards = times.windows(2).filter(|pair| pair[1] < pair[0]).count();
            prop_assert_eq!(inputs[number].records_out_of_order, backwards as u64);
        }
        if sorted {
            // The slow way: all of them, sorted by time, then by start, then as given.
            let mut wanted: Vec<_> = files.iter().enumerate()
                .flat_map(|(number, times)| times.iter().map(move |time| {
                    (i64::from(*time), times[0], u32::try_from(number).unwrap())
                }))
                .collect();
            wanted.sort();
            let wanted: Vec<_> = wanted.into_iter().map(|(time, _, file)| (time, file)).collect();
            prop_assert_eq!(got, wanted);
        }
    }
}

#[test]
fn a_file_merged_a_second_time_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // Long enough that its batches alternate between handed over and merged.
    let long: Vec<u32> = (0..100_000).collect();
    let files = [long, vec![10_000, 10_001], vec![], vec![60_000, 60_001], vec![], vec![90_000]];
    let paths = write(folder.path(), &files);
    let (packets, _) = read_set(&paths, Options::default());
    let got = origins(&packets);
    assert_eq!(got.len(), 100_005);
    assert!(got.is_sorted());
}

#[test]
fn large_files_that_overlap_are_merged_over_many_batches() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(11);
    let files: Vec<Vec<u32>> = (0..3)
        .map(|_| {
            let mut time = 100;
            (0..40_000)
                .map(|_| {
                    time += random.below(3);
                    time
                })
                .collect()
        })
        .collect();
    let paths = write(folder.path(), &files);
    let (packets, _) = read_set(&paths, Options::default());
    let got = origins(&packets);
    let mut wanted: Vec<_> = (0..3_u32)
        .flat_map(|file| files[file as usize].iter().map(move |time| (i64::from(*time), file)))
        .collect();
    let start = |file: u32| files[file as usize][0];
    wanted.sort_by_key(|(time, file)| (*time, start(*file), *file));
    assert_eq!(got.len(), wanted.len());
    assert!(got == wanted);
}

#[test]
fn a_damaged_file_does_not_stop_the_others_and_is_hashed_whole() {
    let folder = tempfile::tempdir().unwrap();
    let paths = write(folder.path(), &[vec![1, 2], vec![3, 4], vec![5]]);
    let mut bytes = std::fs::read(&paths[0]).unwrap();
    let second = 24 + 20;
    bytes[second + 11] = 0x7f;
    bytes.resize(1_000_000, 0x55);
    std::fs::write(&paths[0], &bytes).unwrap();
    let options = Options { sha256: true };
    let (packets, files) = read_set(&paths, options);
    assert_eq!(origins(&packets), [(1, 0), (3, 1), (4, 1), (5, 2)]);
    assert_eq!(files[0].damage.as_ref().unwrap().offset_bytes, second as u64);
    for (file, path) in files.iter().zip(&paths) {
        use sha2::Digest;
        let bytes = std::fs::read(path).unwrap();
        let wanted: String =
            sha2::Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file.sha256.as_ref(), Some(&wanted));
        assert_eq!(file.size_bytes, bytes.len() as u64);
    }
}

#[test]
fn what_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: PathBuf| {
        let text = CaptureSet::open(std::slice::from_ref(&path), Options::default())
            .err()
            .unwrap()
            .to_string();
        text.replace(&path.display().to_string(), "PATH")
    };
    let text = folder.path().join("a.pcap");
    std::fs::write(&text, "hello").unwrap();
    assert!(error(text).starts_with("read PATH: expected a pcap or pcapng capture, found text"));
    let empty = folder.path().join("b.pcap");
    std::fs::write(&empty, "").unwrap();
    assert!(error(empty).starts_with("read PATH: the file is empty"));
    assert!(error(folder.path().join("c.pcap")).starts_with("open PATH: No such file"));
    let folder = folder.path().to_owned();
    assert_eq!(error(folder), "open PATH: this is a folder; give the files in it");
}

#[test]
fn more_files_at_once_than_can_be_open_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for number in 0..260_u32 {
        let mut file = Blocks::new(false);
        file.interface(1, 0, &[]);
        file.packet(0, u64::from(number), b"start", 5);
        file.packet(0, 1_000, b"end", 3);
        let path = folder.path().join(number.to_string());
        std::fs::write(&path, file.bytes).unwrap();
        paths.push(path);
    }
    let (packets, files) = read_set(&paths, Options::default());
    assert_eq!(packets.len(), 2 * 256);
    assert!(packets.is_sorted_by_key(|packet| packet.nanos));
    let unread: Vec<_> = files.iter().filter(|file| file.damage.is_some()).collect();
    assert_eq!(unread.len(), 4);
    assert!(unread[0].damage.as_ref().unwrap().what.starts_with("256 other captures overlap"));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_once() {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    let folder = tempfile::tempdir().unwrap();
    let paths = write(folder.path(), &[vec![1, 5], vec![2, 6]]);
    let bytes = std::fs::read(&paths[1]).unwrap();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let thread = std::thread::spawn(move || writer.write_all(&bytes));
    let pipe = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
    if !pipe.exists() {
        return println!("skipped: no /dev/fd");
    }
    let mut set = CaptureSet::open(&[paths[0].clone(), pipe], Options::default()).unwrap();
    assert_eq!(set.total_bytes(), None);
    thread.join().unwrap().unwrap();
    drop(reader);
    let packets = super::drain(&mut set);
    assert_eq!(origins(&packets), [(1, 0), (2, 1), (5, 0), (6, 1)]);
    let files = set.finish();
    assert_eq!(files[1].records, 2);
}

#[test]
fn one_time_far_ahead_does_not_open_all_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<Vec<u32>> = (0..300).map(|number| vec![number, number]).collect();
    files[0] = vec![0, 4_000_000_000, 1];
    let paths = write(folder.path(), &files);
    let (packets, inputs) = read_set(&paths, Options::default());
    assert_eq!(packets.len(), 601);
    assert!(inputs.iter().all(|input| input.damage.is_none()));
    let last: Vec<_> = origins(&packets).into_iter().skip(599).collect();
    assert_eq!(last, [(4_000_000_000, 0), (1, 0)]);
}
