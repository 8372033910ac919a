//! The ZIP container of a workbook, opened with limits.
//!
//! A workbook is hostile until proven otherwise: a few kilobytes can unpack to gigabytes, and
//! what the directory declares need not be true. So every part is unpacked here, against both
//! its declared size and ours, and the spreadsheet library is given a new archive in which the
//! parts are merely stored. It never sees the original, and none of the parts that can be
//! multiplied (styles, themes, drawings).
//!
//! Structures: PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (directory entry),
//! 4.3.16 (end of directory).

use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::DeflateDecoder;

/// Largest workbook in bytes as it lies on disk. The vendor's results for 1,000 domain
/// controllers are well below 1 MB.
pub(super) const MAX_WORKBOOK_BYTES: usize = 16 << 20;

/// All parts together, unpacked, in bytes.
const MAX_UNPACKED_BYTES: u64 = 32 << 20;

/// Most parts; a workbook of the sizing tool has about 15.
const MAX_PARTS: usize = 1_000;

const LOCAL: &[u8; 4] = b"PK\x03\x04";
const ENTRY: &[u8; 4] = b"PK\x01\x02";
const END: &[u8; 4] = b"PK\x05\x06";
const LOCAL_LENGTH: usize = 30;
const ENTRY_LENGTH: usize = 46;
const END_LENGTH: usize = 22;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// True where `head` is the start of a ZIP archive with a part that every workbook has.
pub(super) fn looks_like_workbook(head: &[u8]) -> bool {
    let parts: [&[u8]; 3] = [b"[Content_Types].xml", b"_rels/.rels", b"xl/"];
    head.starts_with(LOCAL) && parts.iter().any(|part| memchr::memmem::find(head, part).is_some())
}

/// A part as the directory declares it.
struct Entry<'a> {
    name: &'a str,
    method: u16,
    packed_length: usize,
    unpacked_length: u64,
    local_offset: usize,
}

/// Unpacks the parts of `archive` that carry cell values and stores them in a new archive.
///
/// # Errors
/// What is wrong with the archive, in words.
pub(super) fn repack(archive: &[u8]) -> Result<Vec<u8>, String> {
    let entries = directory(archive)?;
    let declared: u64 = entries.iter().map(|entry| entry.unpacked_length).sum();
    if declared > MAX_UNPACKED_BYTES {
        return Err(format!(
            "it declares {declared} bytes unpacked, the limit is {MAX_UNPACKED_BYTES}"
        ));
    }
    let mut names = BTreeSet::new();
    let mut new = Writer::default();
    for entry in entries.iter().filter(|entry| is_needed(entry.name)) {
        if !names.insert(entry.name.to_ascii_lowercase()) {
            return Err(format!("it has two parts `{}`", super::shown(entry.name)));
        }
        let part = unpack(archive, entry)?;
        new.add(entry.name, &part);
    }
    Ok(new.finish())
}

/// Numbers and text of cells; not how they look.
fn is_needed(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_xml = name.ends_with(".xml") || name.ends_with(".rels");
    is_xml
        && !["styles", "theme", "drawing", "chart", "media"].iter().any(|part| name.contains(part))
}

/// Entries of the directory.
fn directory(archive: &[u8]) -> Result<Vec<Entry<'_>>, String> {
    let cut = || "its directory is missing or cut short".to_owned();
    // The end record is followed by a comment of at most 65,535 bytes.
    let tail_start = archive.len().saturating_sub(END_LENGTH + usize::from(u16::MAX));
    let tail = archive.get(tail_start..).unwrap_or_default();
    let end = tail_start + memchr::memmem::rfind(tail, END).ok_or_else(cut)?;
    if archive.len() < end + END_LENGTH {
        return Err(cut());
    }
    let count = usize::from(u16_at(archive, end + 10).ok_or_else(cut)?);
    if count > MAX_PARTS {
        return Err(format!("it has {count} parts, the limit is {MAX_PARTS}"));
    }
    let mut at = u32_at(archive, end + 16).ok_or_else(cut)? as usize;
    let mut entries = Vec::new();
    for _ in 0..count {
        let (entry, next) = directory_entry(archive, at).ok_or_else(cut)?;
        at = next;
        entries.extend(entry?);
    }
    Ok(entries)
}

type EntryResult<'a> = Result<Option<Entry<'a>>, String>;

/// The entry at `at` (none where its name is no text) and where the next one begins.
fn directory_entry(archive: &[u8], at: usize) -> Option<(EntryResult<'_>, usize)> {
    if archive.get(at..)?.get(..4)? != ENTRY {
        return None;
    }
    let name_length = usize::from(u16_at(archive, at + 28)?);
    let extra_length = usize::from(u16_at(archive, at + 30)?);
    let comment_length = usize::from(u16_at(archive, at + 32)?);
    let name = archive.get(at + ENTRY_LENGTH..at + ENTRY_LENGTH + name_length)?;
    let next = at + ENTRY_LENGTH + name_length + extra_length + comment_length;
    let (packed, unpacked) = (u32_at(archive, at + 20)?, u32_at(archive, at + 24)?);
    let flags = u16_at(archive, at + 8)?;
    let entry = match std::str::from_utf8(name) {
        Ok(_) if flags & 1 != 0 => Err("it is encrypted; save it without a password".to_owned()),
        // ZIP64 (4.5.3): nothing within our limits needs it.
        Ok(_) if packed == u32::MAX || unpacked == u32::MAX => {
            Err("a part declares more than 4 GB".to_owned())
        }
        Ok(name) => Ok(Some(Entry {
            name,
            method: u16_at(archive, at + 10)?,
            packed_length: packed as usize,
            unpacked_length: u64::from(unpacked),
            local_offset: u32_at(archive, at + 42)? as usize,
        })),
        Err(_) => Ok(None),
    };
    Some((entry, next))
}

/// The bytes of one part: exactly as many as declared.
fn unpack(archive: &[u8], entry: &Entry<'_>) -> Result<Vec<u8>, String> {
    let name = super::shown(entry.name);
    let packed = packed_bytes(archive, entry)
        .ok_or_else(|| format!("part `{name}` lies outside of the file"))?;
    let mut part = Vec::new();
    // One byte more than declared tells a lie from the truth without unpacking the rest.
    let limit = entry.unpacked_length + 1;
    let read = match entry.method {
        STORED => packed.take(limit).read_to_end(&mut part),
        DEFLATED => DeflateDecoder::new(packed).take(limit).read_to_end(&mut part),
        other => {
            return Err(format!("part `{name}` is packed by method {other}, expected deflate"));
        }
    };
    read.map_err(|error| format!("part `{name}` cannot be unpacked ({error})"))?;
    if part.len() as u64 != entry.unpacked_length {
        return Err(format!(
            "part `{name}` declares {} bytes and unpacks to {}{}",
            entry.unpacked_length,
            if part.len() as u64 > entry.unpacked_length { "at least " } else { "" },
            part.len()
        ));
    }
    Ok(part)
}

fn packed_bytes<'a>(archive: &'a [u8], entry: &Entry<'_>) -> Option<&'a [u8]> {
    let local = archive.get(entry.local_offset..)?;
    if local.get(..4)? != LOCAL {
        return None;
    }
    let name_length = usize::from(u16_at(local, 26)?);
    let extra_length = usize::from(u16_at(local, 28)?);
    let start = LOCAL_LENGTH + name_length + extra_length;
    local.get(start..start.checked_add(entry.packed_length)?)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|field| u16::from_le_bytes(*field))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|field| u32::from_le_bytes(*field))
}

/// Writes an archive whose parts are stored. All lengths fit: they are within our limits.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    parts: u16,
}

impl Writer {
    fn add(&mut self, name: &str, part: &[u8]) {
        let mut crc = flate2::Crc::new();
        crc.update(part);
        let offset = length32(self.bytes.len());
        let mut common = Vec::new();
        // Version 2.0, no flags, stored, 1980-01-01.
        for field in [20, 0, STORED, 0, 0x21] {
            common.extend(u16::to_le_bytes(field));
        }
        for field in [crc.sum(), length32(part.len()), length32(part.len()), length32(name.len())] {
            // The last one is two fields: length of the name, and of no extra field.
            common.extend(field.to_le_bytes());
        }
        self.bytes.extend([LOCAL.as_slice(), common.as_slice(), name.as_bytes(), part].concat());
        self.directory.extend([ENTRY.as_slice(), &[20, 0], common.as_slice()].concat());
        // No comment, disk 0, no attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.parts += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        let offset = length32(self.bytes.len());
        let length = length32(self.directory.len());
        self.bytes.append(&mut self.directory);
        self.bytes.extend([END.as_slice(), &[0; 4]].concat());
        self.bytes.extend([self.parts.to_le_bytes(), self.parts.to_le_bytes()].concat());
        self.bytes.extend([length.to_le_bytes(), offset.to_le_bytes()].concat());
        self.bytes.extend([0; 2]);
        self.bytes
    }
}

fn length32(length: usize) -> u32 {
    u32::try_from(length).expect("parts are limited to MAX_UNPACKED_BYTES")
}

/// An archive of `parts`, for tests.
#[cfg(test)]
pub(super) fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = Writer::default();
    parts.iter().for_each(|(name, part)| writer.add(name, part));
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One deflated part that declares `declared` bytes.
    fn deflated(name: &str, part: &[u8], declared: u32) -> Vec<u8> {
        let mut packed = Vec::new();
        let level = flate2::Compression::best();
        flate2::read::DeflateEncoder::new(part, level).read_to_end(&mut packed).unwrap();
        let mut bytes = archive(&[(name, &packed)]);
        let entry = memchr::memmem::find(&bytes, ENTRY).unwrap();
        bytes[entry + 10] = 8;
        bytes[entry + 24..entry + 28].copy_from_slice(&declared.to_le_bytes());
        bytes
    }

    #[test]
    fn keeps_the_parts_with_values_and_drops_the_rest() {
        let all =
            archive(&[("xl/workbook.xml", b"<a/>"), ("xl/styles.xml", b"<s/>"), ("x.bin", b"1")]);
        assert_eq!(repack(&all), Ok(archive(&[("xl/workbook.xml", b"<a/>")])));
        let packed = deflated("xl/workbook.xml", b"<aaaaaaaaaaaaaaaaaaa/>", 22);
        assert_eq!(repack(&packed), Ok(archive(&[("xl/workbook.xml", b"<aaaaaaaaaaaaaaaaaaa/>")])));
    }

    #[test]
    fn a_bomb_is_refused_whatever_it_declares() {
        let zeros = vec![0; 64 << 20];
        let honest = deflated("a.xml", &zeros, 64 << 20);
        assert!(honest.len() < 100_000);
        assert_eq!(
            repack(&honest),
            Err("it declares 67108864 bytes unpacked, the limit is 33554432".to_owned())
        );
        let lying = deflated("a.xml", &zeros, 1_000);
        assert_eq!(
            repack(&lying),
            Err("part `a.xml` declares 1000 bytes and unpacks to at least 1001".to_owned())
        );
        let short = deflated("a.xml", b"abc", 4);
        assert_eq!(
            repack(&short),
            Err("part `a.xml` declares 4 bytes and unpacks to 3".to_owned())
        );
    }

    #[test]
    fn twins_encryption_and_missing_parts_are_refused() {
        let twins = archive(&[("a.xml", b"1"), ("A.xml", b"2")]);
        assert_eq!(repack(&twins), Err("it has two parts `A.xml`".to_owned()));
        let mut locked = archive(&[("a.xml", b"1")]);
        let entry = memchr::memmem::find(&locked, ENTRY).unwrap();
        locked[entry + 8] = 1;
        assert_eq!(repack(&locked), Err("it is encrypted; save it without a password".to_owned()));
        let mut outside = archive(&[("a.xml", b"1")]);
        outside[entry + 42] = 0xff;
        assert_eq!(repack(&outside), Err("part `a.xml` lies outside of the file".to_owned()));
        assert!(repack(b"PK\x03\x04").is_err());
    }

    #[test]
    fn no_prefix_and_no_changed_byte_panics() {
        let whole = deflated("xl/workbook.xml", b"<workbook>text</workbook>", 25);
        for length in 0..whole.len() {
            assert!(repack(&whole[..length]).is_err());
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                // Any answer is right as long as there is one.
                let _ = repack(&changed);
            }
        }
    }
}
