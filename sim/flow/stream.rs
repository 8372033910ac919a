//! Interim: in-order segments only.
#![allow(missing_docs, clippy::cast_possible_truncation, clippy::indexing_slicing)]
pub struct Segment<'a> {
    pub sequence: u32,
    pub flags: u8,
    pub payload: &'a [u8],
    pub missing: u32,
}
pub struct Take {
    pub consumed: usize,
    pub need: usize,
}
pub trait Consumer {
    fn data(&mut self, bytes: &[u8]) -> Take;
    fn gap(&mut self, held: &[u8], lost: u64);
}
#[derive(Debug, Default)]
pub struct Pool {}
#[derive(Debug, Default)]
pub struct Stream {
    next: Option<u32>,
    held: Vec<u8>,
    need: usize,
    skip: usize,
}
impl Stream {
    pub fn segment(&mut self, s: &Segment<'_>, _pool: &mut Pool, c: &mut impl Consumer) {
        let sequence = s.sequence.wrapping_add(u32::from(s.flags & 2 != 0));
        let next = *self.next.get_or_insert(sequence);
        let ahead = sequence.wrapping_sub(next) as i32;
        if ahead > 0 {
            c.gap(&self.held, ahead as u64);
            self.held.clear();
            self.need = 0;
            self.next = Some(sequence);
        }
        let old = (-ahead.min(0)) as usize;
        if old >= s.payload.len() {
            return;
        }
        let payload = &s.payload[old..];
        self.next = Some(self.next.unwrap_or(0).wrapping_add(payload.len() as u32));
        let skipped = self.skip.min(payload.len());
        self.skip -= skipped;
        let payload = &payload[skipped..];
        if !payload.is_empty() {
            self.held.extend_from_slice(payload);
            if self.held.len() >= self.need {
                let take = c.data(&self.held);
                self.need = take.need;
                self.skip = take.consumed.saturating_sub(self.held.len());
                self.held.drain(..take.consumed.min(self.held.len()));
            }
        }
        if s.missing > 0 {
            c.gap(&self.held, s.missing.into());
            self.held.clear();
            self.need = 0;
            self.next = self.next.map(|n| n.wrapping_add(s.missing));
        }
    }
    pub fn end(&mut self, _pool: &mut Pool, _c: &mut impl Consumer) {
        self.held.clear();
    }
}
