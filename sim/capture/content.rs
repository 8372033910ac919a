//! What a file is, told by its first bytes and never by its name.

use std::borrow::Cow;
use std::io::Read;

use super::unpack::{Packing, Unpacker};
use super::{pcap, pcapng};

/// Bytes from the front of a file that suffice for every question asked here: one zstd block,
/// which has up to 128 KiB and gives nothing before it is whole (RFC 8878 3.1.1.2.4), a frame
/// header and a page to spare.
pub const HEAD_BYTES: usize = 132 * 1024;
/// Bytes that suffice where the file is not zstd; also what is unpacked of those that are.
pub(super) const PLAIN_HEAD_BYTES: usize = 4_096;
/// Bytes of a text file that an error message quotes.
const QUOTED_BYTES: usize = 24;

/// Beginnings of formats that are no captures we read, and what to do about it.
const OTHERS: [(&[u8], &str); 16] = [
    (b"PK\x03\x04", "a ZIP archive or office workbook; unpack it first if captures are inside"),
    (b"BZh", "bzip2-compressed data; decompress it with `bunzip2`"),
    (b"\xfd7zXZ\0", "xz-compressed data; decompress it with `unxz`"),
    (b"\x04\x22\x4d\x18", "lz4-compressed data; decompress it with `unlz4`"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"RTSS", "a Network Monitor 1 capture; convert it with `editcap -F pcapng`"),
    (b"GMBU", "a Network Monitor 2 capture; convert it with `editcap -F pcapng`"),
    (b"snoop\0\0\0", "a snoop capture; convert it with `editcap -F pcapng`"),
    (b"TRSNIFF data", "a Sniffer capture; convert it with `editcap -F pcapng`"),
    (b"XCP\0", "a NetXRay capture; convert it with `editcap -F pcapng`"),
    (b"TZSP", "a TZSP stream; record it as pcapng"),
    (b"\xa1\x2b\x3c\x4d", "a Navtel capture; convert it where it was made"),
    (b"\x4d\x3c\x2b\xa1", "a Navtel capture; convert it where it was made"),
    (b"ElfFile\0", "a Windows event log; export a capture instead"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"%PDF", "a PDF document"),
];

/// Whether `head`, the first bytes of a file ([`HEAD_BYTES`] of them where it has as many),
/// begins a capture: pcap or pcapng, plain or wrapped in gzip or zstd.
pub fn recognise(head: &[u8]) -> bool {
    is_pcap_family(&unwrap_head(head))
}

/// Whether these bytes, plain, begin a pcap or pcapng file.
pub fn is_pcap_family(plain: &[u8]) -> bool {
    plain.first_chunk::<4>().is_some_and(|magic| {
        u32::from_be_bytes(*magic) == pcapng::SECTION_HEADER || pcap::order_of(*magic).is_some()
    })
}

/// The first bytes of what a compressed `head` holds, at most 4 KiB; a `head` that
/// is not compressed, as it is. Empty where the compressed data is damaged from the start.
pub fn unwrap_head(head: &[u8]) -> Cow<'_, [u8]> {
    let Some(packing) = Packing::of(head) else { return Cow::Borrowed(head) };
    let mut plain = Vec::with_capacity(PLAIN_HEAD_BYTES);
    if let Ok(unpacker) = Unpacker::new(packing, Box::new(std::io::Cursor::new(head.to_vec()))) {
        // The head ends in the middle of the stream: the error that gives is expected.
        let _ = unpacker.take(PLAIN_HEAD_BYTES as u64).read_to_end(&mut plain);
    }
    Cow::Owned(plain)
}

/// What `head` is, in words that follow "found", with the next step where one is known.
pub fn describe(head: &[u8]) -> String {
    let plain = unwrap_head(head);
    let inside = match Packing::of(head) {
        Some(packing) => format!("{} data that holds ", packing.text()),
        None => String::new(),
    };
    if plain.is_empty() {
        return format!("{inside}nothing readable");
    }
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| plain.starts_with(magic)) {
        return format!("{inside}{what}");
    }
    let quoted = plain.get(..QUOTED_BYTES).unwrap_or(&plain);
    if is_text(&plain) {
        let quoted = String::from_utf8_lossy(quoted);
        return format!("{inside}text that begins {:?}", quoted.trim_end_matches('\u{fffd}'));
    }
    let magic: Vec<String> = plain.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{inside}unknown data that begins with the bytes {}", magic.join(" "))
}

/// Text in UTF-8 or an 8-bit code page, or UTF-16 with its mark: no control characters but
/// white space.
fn is_text(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe")
        || bytes.starts_with(b"\xfe\xff")
        || bytes.iter().all(|byte| *byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_magic_is_recognised_and_its_neighbour_is_not() {
        for magic in [
            [0xa1, 0xb2, 0xc3, 0xd4],
            [0xd4, 0xc3, 0xb2, 0xa1],
            [0xa1, 0xb2, 0x3c, 0x4d],
            [0x4d, 0x3c, 0xb2, 0xa1],
            [0xa1, 0xb2, 0xcd, 0x34],
            [0x34, 0xcd, 0xb2, 0xa1],
            [0x0a, 0x0d, 0x0d, 0x0a],
        ] {
            assert!(recognise(&magic), "{magic:x?}");
            assert!(!recognise(&magic[..3]));
            assert!(!recognise(&[magic[0] ^ 1, magic[1], magic[2], magic[3]]));
        }
        assert!(!recognise(b""));
    }

    #[test]
    fn other_content_is_named() {
        assert_eq!(
            describe(b"\"(PDH-CSV 4.0)\",\"x\"\r\n"),
            "text that begins \"\\\"(PDH-CSV 4.0)\\\",\\\"x\\\"\\r\\n\""
        );
        assert_eq!(
            describe(b"GMBU\0\0"),
            "a Network Monitor 2 capture; convert it with `editcap -F pcapng`"
        );
        assert_eq!(
            describe(&[1, 2, 3, 4, 5]),
            "unknown data that begins with the bytes 01 02 03 04"
        );
        assert_eq!(describe(&[0x1f, 0x8b, 8, 9]), "gzip data that holds nothing readable");
    }
}
