//! Damaged, cut and hostile input: used up to the damage, never a panic.

use headroom::base::{FrameSource, Random};
use headroom::capture::{CaptureError, Reader};
use headroom::record::{Damage, InputFile};
use proptest::prelude::*;

use super::emit::{Blocks, Savefile, gzip, zstd};
use super::{Packet, drain, read_bytes};

const MICROSECONDS: u32 = 0xa1b2_c3d4;

fn savefile() -> Vec<u8> {
    let mut file = Savefile::new(true, MICROSECONDS, (2, 4), 1);
    for second in 0..4_u32 {
        file.record(second, 1, &vec![b'x'; second as usize * 3], 60);
    }
    file.bytes
}

fn blocks() -> Vec<u8> {
    let mut file = Blocks::new(false);
    file.interface(1, 5, &[(2, b"eth0"), (9, &[9]), (14, &[1; 8])]);
    file.packet(0, 5, b"first", 60);
    let three = file.order.u64(3);
    file.packet_with(0, 6, b"second", 6, &[(4, &three)]);
    file.simple_packet(b"third", 9);
    file.block(4, b"names");
    file.section(true);
    file.interface(113, 0, &[]);
    file.old_packet(0, 2, 6, b"fourth", 6);
    file.statistics(0, &[(5, 1), (7, 2)]);
    file.bytes
}

fn damage(offset_bytes: u64, what: &str) -> Option<Damage> {
    Some(Damage { offset_bytes, what: what.to_owned() })
}

/// Whether one file's packets are the first of another's.
fn is_prefix(packets: &[Packet], all: &[Packet]) -> bool {
    // A simple packet's time comes from its neighbour, which may have been cut off.
    packets.len() <= all.len()
        && packets.iter().zip(all).all(|(one, other)| one.bytes == other.bytes)
}

#[test]
fn a_file_cut_anywhere_gives_what_is_whole_and_says_where_it_ends() {
    for whole in [savefile(), blocks()] {
        let (all, input) = read_bytes(&whole);
        assert_eq!(input.damage, None);
        assert_eq!(all.len(), 4);
        let mut undamaged = 0;
        for cut in 4..whole.len() {
            let (packets, input) = read_bytes(&whole[..cut]);
            assert!(is_prefix(&packets, &all), "cut at {cut}");
            match input.damage {
                None => undamaged += 1,
                Some(damage) => {
                    assert!(damage.offset_bytes < cut as u64);
                    assert!(damage.what.ends_with("the file is cut short"), "{}", damage.what);
                }
            }
        }
        // Behind the header and behind each record; behind each block.
        assert_eq!(undamaged, if whole[0] == 0x0a { 9 } else { 4 });
    }
}

#[test]
fn damage_names_its_place_and_its_numbers() {
    let mut file = savefile();
    let whole = file.len();
    file.truncate(whole - 2);
    let (packets, input) = read_bytes(&file);
    assert_eq!(packets.len(), 3);
    let third = (24 + 3 * 16 + 9) as u64;
    let what = "record needs 25 bytes, 23 are left; the file is cut short";
    assert_eq!(input.damage, damage(third, what));

    let mut file = savefile();
    file[24 + 16 + 8] = 0x10;
    let (packets, input) = read_bytes(&file);
    assert_eq!(packets.len(), 1);
    let what = "record says 268435459 bytes, more than any frame has (1048576)";
    assert_eq!(input.damage, damage(24 + 16, what));

    let mut file = savefile();
    file[5] = 9;
    let what = "the header says version 9.4, known are 2.0 to 2.4; the header is damaged or \
                the format is newer than this program";
    assert_eq!(read_bytes(&file).1.damage, damage(0, what));
}

#[test]
fn contradictions_in_blocks_are_named() {
    let told = |change: &dyn Fn(&mut Blocks)| {
        let mut file = Blocks::new(true);
        file.interface(1, 0, &[]);
        let offset = file.bytes.len() as u64;
        change(&mut file);
        file.packet(0, 1, b"behind", 6);
        let (packets, input) = read_bytes(&file.bytes);
        assert_eq!(packets, []);
        let damage = input.damage.unwrap();
        assert_eq!(damage.offset_bytes, offset);
        damage.what
    };
    assert_eq!(
        told(&|file| file.packet(1, 1, b"x", 1)),
        "packet of interface 1, but the section has described 1"
    );
    assert_eq!(told(&|file| file.block(6, &[0; 16])), "packet block has 16 bytes, needs 20");
    assert_eq!(
        told(&|file| file.block(1, &[0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 200, 6, 0, 0, 0])),
        "interface description: option 9 says 200 bytes, 4 are left"
    );
    assert_eq!(
        told(&|file| {
            file.packet(0, 1, b"x", 1);
            *file.bytes.last_mut().unwrap() = 99;
        }),
        "block says 36 bytes in front and 99 behind"
    );
    assert_eq!(
        told(&|file| file.bytes.extend([0, 0, 0, 6, 0, 0, 0, 13])),
        "block says 13 bytes; a length is a multiple of 4 and at least 12"
    );
    assert_eq!(
        told(&|file| file.bytes.extend([0, 0, 0, 6, 0xff, 0xff, 0xff, 0xfc])),
        "block of type 6 says 4294967292 bytes, more than any has (2097152)"
    );
    assert_eq!(
        told(&|file| {
            let mut fixed = [0; 20];
            fixed[15] = 200;
            file.block(6, &fixed);
        }),
        "packet says 200 bytes, its block has room for 0, the largest frame has 1048576"
    );
}

#[test]
fn damaged_compression_gives_everything_in_front_of_it() {
    let mut file = Savefile::new(false, MICROSECONDS, (2, 4), 1);
    let mut random = Random::new(3);
    for second in 0..40_000 {
        file.record(second, 0, &random.next_u64().to_le_bytes(), 8);
    }
    let (all, _) = read_bytes(&file.bytes);
    for pack in [gzip, zstd] {
        let packed = pack(&file.bytes);
        let (packets, input) = read_bytes(&packed[..packed.len() / 2]);
        assert!(is_prefix(&packets, &all));
        assert!(packets.len() > all.len() / 4, "{} of {}", packets.len(), all.len());
        let damage = input.damage.unwrap();
        assert_eq!(damage.offset_bytes, 24 + 24 * packets.len() as u64);
        assert!(damage.what.contains("cut short") || damage.what.contains("damaged"));

        // Damage in the middle costs no more than the block it is in.
        let whole_blocks = packets.len() * 24;
        let mut packed = packed;
        let middle = packed.len() / 2;
        packed[middle..].fill(0xff);
        let (packets, input) = read_bytes(&packed);
        assert!(input.damage.is_some());
        assert!(packets.len() * 24 + 4_096 + 24 >= whole_blocks);
    }
}

#[test]
fn what_is_no_capture_is_named() {
    let open = |bytes: &'static [u8]| Reader::from_read("x", bytes).err().unwrap().to_string();
    assert_eq!(
        open(b""),
        "read x: the file is empty; was the capture stopped before it was written?"
    );
    assert_eq!(
        open(b"time,host,packets_per_second\n"),
        "read x: expected a pcap or pcapng capture, found text that begins \
         \"time,host,packets_per_se\""
    );
    assert_eq!(
        open(b"\x00\x01\x02\x03\x04"),
        "read x: expected a pcap or pcapng capture, found unknown data that begins with the \
         bytes 00 01 02 03"
    );
    let packed = gzip(b"hello");
    let error = Reader::from_read("x", std::io::Cursor::new(packed)).err().unwrap();
    assert!(error.to_string().ends_with("found gzip data that holds text that begins \"hello\""));
}

/// Fails after some bytes.
struct Failing(std::io::Cursor<Vec<u8>>);

impl std::io::Read for Failing {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(out)? {
            0 => Err(std::io::Error::other("the disk is gone")),
            length => Ok(length),
        }
    }
}

#[test]
fn a_failing_disk_is_damage_and_not_the_end_of_the_run() {
    let mut file = savefile();
    file.resize(5_000, 0);
    let (all, _) = read_bytes(&file);
    let mut reader = Reader::from_read("x", Failing(std::io::Cursor::new(file))).unwrap();
    assert_eq!(drain(&mut reader), all);
    assert_eq!(reader.finish().damage.unwrap().what, "the disk is gone");
}

/// Reads whatever `bytes` are; checks the promises that hold for any input.
fn check(bytes: &[u8]) -> Option<(Vec<Packet>, InputFile)> {
    let mut reader = match Reader::from_read("x", std::io::Cursor::new(bytes.to_vec())) {
        Ok(reader) => reader,
        Err(CaptureError::Empty { .. } | CaptureError::Unknown { .. }) => return None,
        Err(CaptureError::Open { source, .. }) => panic!("{source}"),
    };
    let packets = drain(&mut reader);
    let mut batch = headroom::base::Batch::default();
    assert!(!reader.fill(&mut batch), "the end stays the end");
    let input = reader.finish();
    assert_eq!(input.records, packets.len() as u64);
    let by_interface: u64 = input.interfaces.iter().map(|interface| interface.packets).sum();
    assert_eq!(by_interface, input.records);
    Some((packets, input))
}

proptest! {
    // A failure prints its input; no file is left in the tree.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_lead_out_of_the_file(
        which in any::<bool>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = if which { savefile() } else { blocks() };
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some((_, input)) = check(&bytes) {
            let inside = input.damage.is_none_or(|damage| damage.offset_bytes <= bytes.len() as u64);
            prop_assert!(inside);
        }
    }

    #[test]
    fn any_bytes_behind_a_magic_are_survived(
        magic in prop::sample::select(vec![
            [0xa1, 0xb2, 0xc3, 0xd4], [0x4d, 0x3c, 0xb2, 0xa1], [0x34, 0xcd, 0xb2, 0xa1],
            [0x0a, 0x0d, 0x0d, 0x0a], [0x1f, 0x8b, 8, 0], [0x28, 0xb5, 0x2f, 0xfd],
        ]),
        rest in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        check(&[magic.to_vec(), rest].concat());
    }
}

#[test]
fn many_random_changes_are_survived() {
    let seeds = [savefile(), blocks(), gzip(&blocks()), zstd(&savefile())];
    for seed in 0..20_000 {
        let mut random = Random::new(seed);
        let mut bytes = seeds[random.below(4) as usize].clone();
        for _ in 0..=random.below(4) {
            let place = random.below(u32::try_from(bytes.len()).unwrap()) as usize;
            match random.below(4) {
                0 => bytes[place] ^= 1 << random.below(8),
                1 => bytes[place] = [0, 1, 0x7f, 0x80, 0xff][random.below(5) as usize],
                2 => bytes.truncate(place.max(4)),
                _ => {
                    let copy = bytes[place..].to_vec();
                    bytes.extend(copy);
                }
            }
        }
        let survived = std::panic::catch_unwind(|| check(&bytes));
        assert!(survived.is_ok(), "seed {seed}");
    }
}
