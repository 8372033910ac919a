//! Every shape of the two formats, and the product's own writers.

use headroom::base::{Frame, LinkType, Timestamp};
use headroom::capture::{
    InterfaceSpec, MAX_FRAME_BYTES, PcapWriter, PcapngWriter, Reader, Resolution, recognise,
};
use headroom::record::{Format, Interface};
use proptest::prelude::*;

use super::emit::{Blocks, Savefile, gzip, zstd};
use super::{Packet, drain, read_bytes};

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const PATCHED: u32 = 0xa1b2_cd34;

fn packet(nanos: i64, bytes: &[u8], original_length: u32) -> Packet {
    Packet { nanos, original_length, link: 1, interface: 0, bytes: bytes.to_vec() }
}

#[test]
fn savefiles_of_every_magic_order_and_version_are_read() {
    for big in [false, true] {
        for (magic, fraction_nanos) in [(MICROSECONDS, 1_000), (NANOSECONDS, 1), (PATCHED, 1_000)] {
            for version in [(2, 4), (2, 3), (2, 2), (2, 0), (543, 0)] {
                // Class bits and a frame check sequence in the upper half of the link field.
                let mut file = Savefile::new(big, magic, version, 0xf7ff_0001);
                file.swapped = !matches!(version, (2, 3..));
                file.record(1_700_000_000, 5, b"abc", 9);
                file.record(u32::MAX, 999_999, b"", 0);
                let (packets, input) = read_bytes(&file.bytes);
                let first = 1_700_000_000_000_000_000 + 5 * fraction_nanos;
                let second = i64::from(u32::MAX) * 1_000_000_000 + 999_999 * fraction_nanos;
                let wanted = [packet(first, b"abc", 9), packet(second, b"", 0)];
                assert_eq!(packets, wanted, "{magic:x} {version:?}");
                assert_eq!((input.format, input.sections), (Format::Pcap, 1));
                assert_eq!(input.damage, None);
                assert_eq!(input.interfaces[0].packets_cut, 1);
                assert_eq!(input.interfaces[0].snap_length_bytes, 65_535);
            }
        }
    }
}

#[test]
fn version_2_3_takes_the_smaller_length_as_captured() {
    let mut file = Savefile::new(false, MICROSECONDS, (2, 3), 1);
    file.swapped = true;
    file.record(1, 0, b"abc", 9);
    file.swapped = false;
    file.record(2, 0, b"abcd", 8);
    let (packets, _) = read_bytes(&file.bytes);
    assert_eq!(packets, [packet(1_000_000_000, b"abc", 9), packet(2_000_000_000, b"abcd", 8)]);
}

#[test]
fn a_frame_is_never_longer_captured_than_on_the_wire() {
    let mut file = Savefile::new(false, MICROSECONDS, (2, 4), 1);
    file.record(1, 0, b"abc", 0);
    assert_eq!(read_bytes(&file.bytes).0, [packet(1_000_000_000, b"abc", 3)]);
    let mut file = Blocks::new(true);
    file.interface(1, 0, &[]);
    file.packet(0, 1, b"abc", 0);
    assert_eq!(read_bytes(&file.bytes).0, [packet(1_000, b"abc", 3)]);
}

#[test]
fn sections_have_their_own_byte_order_and_interfaces() {
    let mut file = Blocks::new(false);
    let name = [(2, b"eth0".as_slice()), (3, b"\xffuplink\0".as_slice()), (9, &[9])];
    file.interface(1, 96, &name);
    let offset = file.order.u64((-2_i64).cast_unsigned());
    file.interface(113, 0, &[(9, &[0x80 | 1]), (14, &offset)]);
    file.packet(0, 7_000_000_001, b"first", 60);
    file.packet(1, 9, b"second", 6);
    file.block(0xbad, b"something else");
    file.section(true);
    file.interface(101, 0, &[(9, &[3])]);
    file.packet(0, 2, b"third", 5);
    let (packets, input) = read_bytes(&file.bytes);
    let of = |nanos, bytes: &[u8], original_length, link, interface| Packet {
        link,
        interface,
        ..packet(nanos, bytes, original_length)
    };
    assert_eq!(
        packets,
        [
            of(7_000_000_001, b"first", 60, 1, 0),
            of(2_500_000_000, b"second", 6, 113, 1),
            of(2_000_000, b"third", 5, 101, 2),
        ]
    );
    let blank = Interface {
        name: None,
        description: None,
        link_type: 1,
        link_name: "ETHERNET".to_owned(),
        snap_length_bytes: 0,
        tick_ns: 1.0,
        packets: 1,
        packets_cut: 0,
        dropped_by_interface: None,
        dropped_by_os: None,
    };
    let first = Interface {
        name: Some("eth0".to_owned()),
        description: Some("\u{fffd}uplink".to_owned()),
        snap_length_bytes: 96,
        packets_cut: 1,
        ..blank.clone()
    };
    let second = Interface {
        link_type: 113,
        link_name: "LINUX_SLL".to_owned(),
        tick_ns: 5e8,
        ..blank.clone()
    };
    let third = Interface { link_type: 101, link_name: "RAW".to_owned(), tick_ns: 1e6, ..blank };
    assert_eq!(input.interfaces, [first, second, third]);
    assert_eq!((input.sections, input.skipped_blocks, input.records_out_of_order), (2, 1, 2));
    assert_eq!(input.format_text, "pcapng 1.0, both byte orders");
    assert_eq!(input.damage, None);
}

#[test]
fn counts_of_lost_packets_are_kept() {
    let mut file = Blocks::new(true);
    for _ in 0..3 {
        file.interface(1, 0, &[]);
    }
    file.statistics(0, &[(4, 100), (5, 7), (7, 8)]);
    file.old_packet(1, 5, 1, b"a", 1);
    file.old_packet(1, 0xffff, 1, b"a", 1);
    file.old_packet(1, 6, 1, b"a", 1);
    let nine = file.order.u64(9);
    file.packet_with(2, 1, b"abcde", 5, &[(2, &[0; 4]), (4, &nine)]);
    file.statistics(0, &[(5, 17)]);
    let mut short = file.order.u32(0).to_vec();
    short.extend([0; 8]);
    short.extend(file.option(5, &[1, 2, 3])); // a count has eight bytes: not believed
    file.block(5, &short);
    file.statistics(77, &[(5, 99)]);
    let (packets, input) = read_bytes(&file.bytes);
    assert_eq!(packets.len(), 4);
    let lost: Vec<_> = input
        .interfaces
        .iter()
        .map(|interface| (interface.dropped_by_interface, interface.dropped_by_os))
        .collect();
    assert_eq!(lost, [(Some(17), Some(8)), (Some(11), None), (Some(9), None)]);
}

#[test]
fn simple_packets_take_the_time_of_their_neighbour() {
    let mut file = Blocks::new(false);
    file.interface(1, 6, &[]);
    file.simple_packet(b"ab", 2);
    file.simple_packet(b"abcdef", 60); // padded to eight bytes, of which six were captured
    file.packet(0, 3, b"xyz", 3);
    file.simple_packet(b"abc", 3);
    let (packets, input) = read_bytes(&file.bytes);
    let wanted = [(b"ab".as_slice(), 2), (b"abcdef", 60), (b"xyz", 3), (b"abc", 3)];
    assert_eq!(packets, wanted.map(|(bytes, original)| packet(3_000, bytes, original)));
    assert_eq!(input.first_utc, Some(Timestamp::from_nanos(3_000)));
    assert_eq!(input.interfaces[0].packets_cut, 1);
    assert_eq!(input.format_text, "pcapng 1.0, little-endian, 3 packets without a time");
}

#[test]
fn a_long_block_without_packets_is_stepped_over() {
    let mut file = Blocks::new(false);
    file.interface(1, 0, &[]);
    file.block(10, &vec![1; 3 * 1024 * 1024]);
    file.packet(0, 3, b"xyz", 3);
    let (packets, input) = read_bytes(&file.bytes);
    assert_eq!(packets, [packet(3_000, b"xyz", 3)]);
    assert_eq!((input.skipped_blocks, input.damage), (1, None));

    let whole = file.bytes.len();
    let last = whole as u64 - 36;
    let damage = read_bytes(&file.bytes[..whole - 1]).1.damage.unwrap();
    let what = "block needs 36 bytes, 35 are left; the file is cut short";
    assert_eq!((damage.offset_bytes, damage.what.as_str()), (last, what));
    let damage = read_bytes(&file.bytes[..whole - 100]).1.damage.unwrap();
    let what = "64 bytes of a block are missing; the file is cut short";
    assert_eq!((damage.offset_bytes, damage.what.as_str()), (last - 64, what));
}

#[test]
fn frames_longer_than_the_buffer_are_read() {
    let long = vec![7; MAX_FRAME_BYTES as usize];
    let mut file = Savefile::new(false, MICROSECONDS, (2, 4), 1);
    file.record(1, 0, b"before", 6);
    file.record(2, 0, &long, MAX_FRAME_BYTES);
    file.record(3, 0, b"after", 5);
    let (packets, input) = read_bytes(&file.bytes);
    assert_eq!(input.damage, None);
    let lengths: Vec<_> = packets.iter().map(|packet| packet.bytes.len()).collect();
    assert_eq!(lengths, [6, long.len(), 5]);
    assert_eq!(packets[1].bytes, long);
}

#[test]
fn compressed_files_are_recognised_by_content() {
    let mut file = Savefile::new(false, MICROSECONDS, (2, 4), 1);
    for second in 0..20_000 {
        file.record(second, 0, &second.to_le_bytes(), 4);
    }
    let (wanted, plain) = read_bytes(&file.bytes);
    let (front, back) = file.bytes.split_at(100_000);
    for (name, pack) in [("gzip", gzip as fn(&[u8]) -> Vec<u8>), ("zstd", zstd)] {
        let packed = [pack(front), pack(back)].concat();
        assert!(recognise(&packed), "{name}");
        assert!(!recognise(&pack(b"no capture")), "{name}");
        let (packets, input) = read_bytes(&packed);
        assert_eq!(packets, wanted);
        assert_eq!(input.damage, None);
        assert_eq!(input.size_bytes, packed.len() as u64);
        assert_eq!(input.format_text, format!("{}, {name}", plain.format_text));
    }
}

/// Gives as many bytes at once as it is told, again and again.
struct Dripping(std::io::Cursor<Vec<u8>>, usize);

impl std::io::Read for Dripping {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = out.len().min(self.1);
        self.0.read(&mut out[..length])
    }
}

proptest! {
    // A failure prints its input; no file is left in the tree.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(
        nanosecond in any::<bool>(),
        frames in proptest::collection::vec(
            (0..4_294_967_295_999_999_999_i64, proptest::collection::vec(any::<u8>(), 0..200),
             0..300_u32, 0..2_u32),
            0..40,
        ),
        drip in 1..5_000_usize,
    ) {
        let unit = if nanosecond { 1 } else { 1_000 };
        let links = [LinkType(1), LinkType(276)];
        let resolution =
            if nanosecond { Resolution::Nanoseconds } else { Resolution::Microseconds };
        let mut pcap = PcapWriter::new(Vec::new(), links[0], 262_144, resolution).unwrap();
        let specs = [
            InterfaceSpec { name: Some("eth0".into()), link: links[0], ..InterfaceSpec::default() },
            InterfaceSpec {
                description: Some(format!("x{}", "é".repeat(200))),
                link: links[1],
                snap_length_bytes: 300,
                ..InterfaceSpec::default()
            },
        ];
        let mut pcapng = PcapngWriter::new(Vec::new(), &specs).unwrap();
        let (mut one, mut many) = (Vec::new(), Vec::new());
        for (nanos, bytes, original_length, interface) in &frames {
            let link = links[*interface as usize];
            let frame = Frame {
                time: Timestamp::from_nanos(*nanos), link, bytes, original_length: *original_length
            };
            pcapng.write(*interface, &frame).unwrap();
            let original_length = (*original_length).max(u32::try_from(bytes.len()).unwrap());
            let packet = Packet {
                nanos: *nanos, original_length, link: link.0,
                interface: u16::try_from(*interface).unwrap(), bytes: bytes.clone(),
            };
            if *interface == 0 {
                pcap.write(&frame).unwrap();
                one.push(Packet { nanos: nanos / unit * unit, ..packet.clone() });
            }
            many.push(packet);
        }
        let pcap = pcap.finish().unwrap();
        let pcapng = pcapng.finish().unwrap();
        let (packets, input) = read_bytes(&pcap);
        prop_assert_eq!(&packets, &one);
        prop_assert_eq!(input.damage, None);
        let (packets, input) = read_bytes(&pcapng);
        prop_assert_eq!(&packets, &many);
        prop_assert_eq!(input.damage, None);
        prop_assert_eq!(input.interfaces[0].name.as_deref(), Some("eth0"));
        prop_assert_eq!(input.interfaces[1].description.clone(), Some(format!("x{}", "é".repeat(127))));
        for (bytes, wanted) in [(pcap, one), (pcapng, many)] {
            let dripping = Dripping(std::io::Cursor::new(bytes), drip);
            let mut reader = Reader::from_read("drip", dripping).unwrap();
            prop_assert_eq!(drain(&mut reader), wanted);
        }
    }
}

#[test]
fn writers_refuse_what_the_formats_cannot_hold() {
    let bytes = vec![0; MAX_FRAME_BYTES as usize + 1];
    let fine = Frame {
        time: Timestamp::from_nanos(0),
        link: LinkType(1),
        bytes: &bytes[..10],
        original_length: 10,
    };
    let bad = [
        Frame { link: LinkType(2), ..fine },
        Frame { time: Timestamp::from_nanos(-1), ..fine },
        Frame { bytes: &bytes, ..fine },
    ];
    let mut pcap = PcapWriter::new(Vec::new(), LinkType(1), 0, Resolution::Nanoseconds).unwrap();
    let spec = InterfaceSpec { link: LinkType(1), ..InterfaceSpec::default() };
    let mut pcapng = PcapngWriter::new(Vec::new(), &[spec]).unwrap();
    for frame in bad {
        assert_eq!(pcap.write(&frame).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
        assert_eq!(pcapng.write(0, &frame).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    }
    assert!(pcapng.write(1, &fine).is_err());
    let late = Frame { time: Timestamp::from_nanos(i64::MAX), ..fine };
    assert!(pcap.write(&late).is_err());
    assert!(pcapng.write(0, &late).is_ok());
    assert_eq!(read_bytes(&pcap.finish().unwrap()).0, []);
    assert_eq!(read_bytes(&pcapng.finish().unwrap()).0, [packet(i64::MAX, &bytes[..10], 10)]);
}
