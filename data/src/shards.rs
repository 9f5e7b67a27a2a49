//! `Shards`, the parts of a batch that one of several processes trains on.

use std::ops::Range;

use cotangent_core::{Error, Result};

use crate::sample::Sample;

/// The parts of a batch that one of several processes trains on: see
/// [`Epochs::shards`](crate::Epochs::shards).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Shards<B> {
    /// The shards of this process in their order. A shard without samples is none.
    pub parts: Vec<Option<B>>,
    /// The number of samples of the whole batch.
    pub rows: usize,
}

impl<B: Sample> Shards<B> {
    /// Splits a whole batch into `of` shards of nearly equal size, and returns those of the
    /// numbers `own`.
    ///
    /// ```
    /// use cotangent::data::Shards;
    /// use cotangent::prelude::*;
    /// let batch = Tensor::from([[0.0f32], [1.0], [2.0], [3.0], [4.0]]);
    /// let shards = Shards::split(&batch, 2..4, 4)?;
    /// let rows: Vec<_> = shards.parts.iter().flatten().map(|part| part.shape()[0]).collect();
    /// assert_eq!((rows, shards.rows), (vec![1, 2], 5));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no shard of such a number; the errors of
    /// [`Sample::rows`] and [`Sample::narrow`].
    pub fn split(batch: &B, own: Range<usize>, of: usize) -> Result<Self> {
        check(&own, of)?;
        let rows = batch.rows()?;
        let part = |shard| {
            let range = shard_rows(rows, shard, of);
            let part = (!range.is_empty()).then(|| batch.narrow(range.start, range.len()));
            part.transpose()
        };
        let parts = own.map(part).collect::<Result<_>>()?;
        Ok(Self { parts, rows })
    }
}

impl<B> Shards<B> {
    pub(crate) fn new(parts: Vec<Option<B>>, rows: usize) -> Self {
        Self { parts, rows }
    }
}

/// One batch in place of several.
impl<B> AsRef<[Shards<B>]> for Shards<B> {
    fn as_ref(&self) -> &[Self] {
        std::slice::from_ref(self)
    }
}

/// Returns the rows of a shard.
pub(crate) fn shard_rows(rows: usize, shard: usize, of: usize) -> Range<usize> {
    let bound = |shard: usize| (rows as u128 * shard as u128 / of as u128) as usize;
    bound(shard)..bound(shard + 1)
}

/// Returns an error unless there are shards of these numbers.
pub(crate) fn check(own: &Range<usize>, of: usize) -> Result<()> {
    if own.start < own.end && own.end <= of {
        return Ok(());
    }
    let reason = format!("expected at least one of the shards 0 to {of}, found {own:?}");
    Err(Error::argument("shards", reason))
}
