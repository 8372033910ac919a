//! Bytes of one input: counted, hashed when asked for, decompressed where they need it.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use super::content::{HEAD_BYTES, PLAIN_HEAD_BYTES};
use super::gzip::read_retrying;
use super::unpack::{Packing, Unpacker, Worker};
use crate::base::hex;

/// Blocks on their way to the hashing thread.
const HASH_BLOCKS: usize = 4;
/// Bytes read at once when the rest of a file is only hashed.
const DRAIN_BYTES: usize = 256 * 1024;

/// Anything that can be read, by any thread.
pub(super) type AnyRead = Box<dyn Read + Send>;

/// How an input is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Hash every byte on disk.
    pub sha256: bool,
    /// Decompress on a thread of its own.
    pub threaded: bool,
}

/// The bytes as they lie on disk.
pub(super) struct Raw {
    inner: io::Chain<Cursor<Vec<u8>>, AnyRead>,
    count: Arc<AtomicU64>,
    hasher: Option<Hasher>,
}

impl Raw {
    /// The rest of the input, read for its hash only.
    fn hash(mut self) -> Option<String> {
        self.hasher.as_ref()?;
        let mut buffer = vec![0; DRAIN_BYTES];
        while let Ok(1..) = read_retrying(&mut self, &mut buffer) {}
        self.hasher.and_then(Hasher::finish)
    }
}

impl Read for Raw {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(out)?;
        self.count.fetch_add(length as u64, Ordering::Relaxed);
        if let Some(hasher) = &self.hasher {
            hasher.update(out.get(..length).unwrap_or_default());
        }
        Ok(length)
    }
}

/// SHA-256 on a thread of its own: it costs as much as analysing the packets.
struct Hasher {
    send: SyncSender<Vec<u8>>,
    spent: Receiver<Vec<u8>>,
    handle: JoinHandle<String>,
}

impl Hasher {
    fn start() -> io::Result<Self> {
        let (send, blocks) = sync_channel::<Vec<u8>>(HASH_BLOCKS);
        let (back, spent) = sync_channel(HASH_BLOCKS);
        let work = move || {
            let mut state = Sha256::new();
            while let Ok(block) = blocks.recv() {
                state.update(&block);
                let _ = back.try_send(block);
            }
            hex(&state.finalize())
        };
        let handle = std::thread::Builder::new().name("sha256".to_owned()).spawn(work)?;
        Ok(Self { send, spent, handle })
    }

    fn update(&self, bytes: &[u8]) {
        let mut block = self.spent.try_recv().unwrap_or_default();
        block.clear();
        block.extend_from_slice(bytes);
        // The thread takes blocks until the sender is gone.
        let _ = self.send.send(block);
    }

    fn finish(self) -> Option<String> {
        drop(self.send);
        self.handle.join().ok()
    }
}

/// The bytes of the capture itself.
pub(super) struct Source {
    bytes: Bytes,
    count: Arc<AtomicU64>,
    hashing: bool,
}

enum Bytes {
    Plain(Raw),
    Unpacked(Box<Unpacker<Raw>>),
    Worker(Worker<Raw>),
}

/// What remains to be known about an input when it has been read.
pub(super) struct Spent {
    pub size_bytes: u64,
    pub sha256: Option<String>,
}

impl Source {
    /// Reads the head of `inner` and prepares to read all of it, head included.
    pub(super) fn open(mut inner: AnyRead, manner: Manner) -> io::Result<(Self, Vec<u8>)> {
        let mut head = Vec::with_capacity(PLAIN_HEAD_BYTES);
        (&mut inner).take(PLAIN_HEAD_BYTES as u64).read_to_end(&mut head)?;
        let packing = Packing::of(&head);
        if packing == Some(Packing::Zstd) {
            let rest = (HEAD_BYTES - PLAIN_HEAD_BYTES) as u64;
            (&mut inner).take(rest).read_to_end(&mut head)?;
        }
        let count = Arc::<AtomicU64>::default();
        let hasher = if manner.sha256 { Some(Hasher::start()?) } else { None };
        let inner = Cursor::new(head.clone()).chain(inner);
        let raw = Raw { inner, count: Arc::clone(&count), hasher };
        let bytes = match packing {
            None => Bytes::Plain(raw),
            Some(packing) if manner.threaded => Bytes::Worker(Worker::start(packing, raw)?),
            Some(packing) => Bytes::Unpacked(Box::new(Unpacker::new(packing, raw)?)),
        };
        Ok((Self { bytes, count, hashing: manner.sha256 }, head))
    }

    /// Bytes read from disk so far; a decoder's are a little ahead of what it has decoded.
    pub(super) fn raw_bytes(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Closes the input. Where a hash was asked for, reads it to its end first.
    pub(super) fn finish(self) -> Spent {
        let sha256 = self.hashing.then(|| {
            let raw = match self.bytes {
                Bytes::Plain(raw) => Some(raw),
                Bytes::Unpacked(unpacker) => Some(unpacker.into_inner()),
                Bytes::Worker(worker) => worker.into_inner(),
            };
            raw.and_then(Raw::hash)
        });
        Spent { size_bytes: self.count.load(Ordering::Relaxed), sha256: sha256.flatten() }
    }
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.bytes {
            Bytes::Plain(raw) => read_retrying(raw, out),
            Bytes::Unpacked(unpacker) => read_retrying(unpacker, out),
            Bytes::Worker(worker) => worker.read(out),
        }
    }
}
