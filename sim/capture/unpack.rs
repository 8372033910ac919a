//! Compressed captures: gzip and zstd, decoded in a thread of their own.
//!
//! Decoding is several times slower than walking records, so the two overlap; a few blocks go
//! round between them and bound the memory.

use std::io::{self, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::gzip::{self, Gzip, read_retrying};

/// First bytes of a zstd frame (RFC 8878 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// First bytes of a skippable zstd frame, whose first byte has 16 values (RFC 8878 3.1.2).
const ZSTD_SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
/// Decoded bytes asked of zstd at once. Small, because a call that fails takes its output
/// with it.
const ZSTD_STEP_BYTES: usize = 4_096;
/// Decoded bytes per block between the threads.
const BLOCK_BYTES: usize = 128 * 1024;
/// Blocks that go round.
const BLOCKS: usize = 4;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    /// The compression whose data begins like `head`.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        if head.starts_with(&gzip::MAGIC) {
            return Some(Self::Gzip);
        }
        let magic = head.first_chunk::<4>()?;
        let [kind, rest @ ..] = *magic;
        (*magic == ZSTD_MAGIC || (kind & 0xf0 == 0x50 && rest == ZSTD_SKIPPABLE))
            .then_some(Self::Zstd)
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Decodes on the calling thread.
pub(super) enum Unpacker<R: Read> {
    Gzip(Box<Gzip<R>>),
    /// The window is limited to 128 MiB by zstd's own default.
    Zstd(zstd::stream::read::Decoder<'static, BufReader<R>>),
}

impl<R: Read> Unpacker<R> {
    pub(super) fn new(packing: Packing, inner: R) -> io::Result<Self> {
        Ok(match packing {
            Packing::Gzip => Self::Gzip(Box::new(Gzip::new(inner))),
            Packing::Zstd => {
                let buffered = BufReader::with_capacity(BLOCK_BYTES, inner);
                Self::Zstd(zstd::stream::read::Decoder::with_buffer(buffered)?)
            }
        })
    }

    /// The compressed input, read as far as decoding needed it.
    pub(super) fn into_inner(self) -> R {
        match self {
            Self::Gzip(gzip) => gzip.into_inner(),
            Self::Zstd(zstd) => zstd.finish().into_inner(),
        }
    }
}

impl<R: Read> Read for Unpacker<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(gzip) => gzip.read(out),
            Self::Zstd(zstd) => {
                let step = out.len().min(ZSTD_STEP_BYTES);
                zstd.read(out.get_mut(..step).unwrap_or_default()).map_err(|error| {
                    io::Error::new(error.kind(), format!("the zstd data is damaged: {error}"))
                })
            }
        }
    }
}

/// Decodes on a thread of its own.
pub(super) struct Worker<R: Read> {
    /// An empty block is the end.
    blocks: Receiver<io::Result<Vec<u8>>>,
    returned: SyncSender<Vec<u8>>,
    current: Vec<u8>,
    position: usize,
    ended: bool,
    handle: JoinHandle<R>,
}

impl<R: Read + Send + 'static> Worker<R> {
    pub(super) fn start(packing: Packing, inner: R) -> io::Result<Self> {
        let unpacker = Unpacker::new(packing, inner)?;
        let (send, blocks) = sync_channel(BLOCKS);
        let (returned, free) = sync_channel(BLOCKS);
        for _ in 0..BLOCKS {
            // There is room for all of them.
            let _ = returned.try_send(Vec::new());
        }
        let handle = std::thread::Builder::new()
            .name("unpack".to_owned())
            .spawn(move || work(unpacker, &free, &send))?;
        Ok(Self { blocks, returned, current: Vec::new(), position: 0, ended: false, handle })
    }

    /// Stops decoding and gives the compressed input back, read as far as it was needed.
    /// Waits for a `read` of that input to return. None after a panic in a decoder.
    pub(super) fn into_inner(self) -> Option<R> {
        let Self { blocks, returned, handle, .. } = self;
        drop((blocks, returned)); // The thread ends when nobody takes its blocks.
        handle.join().ok()
    }
}

impl<R: Read> Read for Worker<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.position >= self.current.len() {
            if self.ended {
                return Ok(0);
            }
            let stopped = |_| io::Error::other("the decompressor has stopped without a reason");
            let block = self.blocks.recv().map_err(stopped)?;
            self.ended = !matches!(&block, Ok(bytes) if !bytes.is_empty());
            let spent = std::mem::replace(&mut self.current, block?);
            self.position = 0;
            // Nobody takes it back once the thread has ended.
            let _ = self.returned.try_send(spent);
        }
        let rest = self.current.get(self.position..).unwrap_or_default();
        let length = rest.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        self.position += length;
        Ok(length)
    }
}

/// Decodes until the end, an error, or nobody listening; gives back the input.
fn work<R: Read>(
    mut unpacker: Unpacker<R>,
    free: &Receiver<Vec<u8>>,
    send: &SyncSender<io::Result<Vec<u8>>>,
) -> R {
    while let Ok(mut block) = free.recv() {
        block.resize(BLOCK_BYTES, 0);
        let (filled, result) = read_full(&mut unpacker, &mut block);
        block.truncate(filled);
        let end = match result {
            Ok(end) => end.then(|| Ok(Vec::new())),
            Err(error) => Some(Err(error)),
        };
        if filled > 0 && send.send(Ok(block)).is_err() {
            break;
        }
        if let Some(end) = end {
            // Nobody listens any more, perhaps; it is over in any case.
            let _ = send.send(end);
            break;
        }
    }
    unpacker.into_inner()
}

/// Fills `block`: how far, and whether that was the end.
fn read_full(input: &mut impl Read, block: &mut [u8]) -> (usize, io::Result<bool>) {
    let mut filled = 0;
    while let Some(room) = block.get_mut(filled..).filter(|room| !room.is_empty()) {
        match read_retrying(input, room) {
            Ok(0) => return (filled, Ok(true)),
            Ok(length) => filled += length,
            Err(error) => return (filled, Err(error)),
        }
    }
    (filled, Ok(false))
}
