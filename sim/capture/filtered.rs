//! A source behind a capture filter.

use std::collections::BTreeMap;

use super::{Filter, FilterError};
use crate::base::{Batch, FrameSource, LinkType};

/// Passes on the frames that match an expression; all of them where there is none.
pub struct Filtered<S> {
    source: S,
    expression: Option<String>,
    /// An expression means different code on each link type.
    compiled: BTreeMap<LinkType, Filter>,
    failed: Option<FilterError>,
    frames: u64,
}

impl<S: FrameSource> Filtered<S> {
    /// Filters `source` by `expression` (pcap-filter(7)).
    ///
    /// # Errors
    /// When libpcap is missing or refuses the expression.
    pub fn new(source: S, expression: Option<String>) -> Result<Self, FilterError> {
        let mut compiled = BTreeMap::new();
        if let Some(text) = &expression {
            compiled.insert(LinkType::ETHERNET, Filter::compile(text, LinkType::ETHERNET)?);
        }
        Ok(Self { source, expression, compiled, failed: None, frames: 0 })
    }

    /// The source, after use.
    ///
    /// # Errors
    /// When the expression means nothing on a link type that came later; the frames end there.
    pub fn into_inner(self) -> Result<S, FilterError> {
        self.failed.map_or(Ok(self.source), Err)
    }

    fn keep_matching(&mut self, expression: &str, batch: &mut Batch) -> Result<(), FilterError> {
        let mut records = std::mem::take(&mut batch.records);
        let mut result = Ok(());
        records.retain(|record| {
            let bytes = batch.frame(record).bytes;
            result.is_ok()
                && self.matches(expression, record.link, bytes).unwrap_or_else(|error| {
                    result = Err(error);
                    false
                })
        });
        batch.records = records;
        result
    }

    fn matches(
        &mut self,
        expression: &str,
        link: LinkType,
        bytes: &[u8],
    ) -> Result<bool, FilterError> {
        if let Some(filter) = self.compiled.get(&link) {
            return Ok(filter.matches(bytes));
        }
        let filter = Filter::compile(expression, link)?;
        let matches = filter.matches(bytes);
        self.compiled.insert(link, filter);
        Ok(matches)
    }
}

impl<S: FrameSource> FrameSource for Filtered<S> {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        let Some(expression) = self.expression.clone() else { return self.source.fill(batch) };
        while self.failed.is_none() && self.source.fill(batch) {
            self.failed = self.keep_matching(&expression, batch).err();
            batch.first_frame = self.frames;
            self.frames += batch.records.len() as u64;
            if !batch.records.is_empty() {
                return true;
            }
        }
        batch.records.clear();
        false
    }
}
