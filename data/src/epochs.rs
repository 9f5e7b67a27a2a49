//! `Epochs`, the trait of everything that a training loop can take its batches from.

use std::hash::{DefaultHasher, Hasher};
use std::ops::Range;

use cotangent_core::Result;

use crate::sample::Sample;
use crate::shards::{Shards, check};

/// Batches by epoch, from a data set with positions or from a stream.
///
/// A training loop takes any type that implements the trait. [`Batches`](crate::Batches) does.
pub trait Epochs {
    /// A batch, such as `(Tensor, Indices)`.
    type Batch: Sample;

    /// Returns the batches of epoch `number`. The same number always gives the same batches.
    ///
    /// `.skip(n)` on the iterator is cheap where the batches allow it: those that are skipped are
    /// not assembled. After an error the iterator ends.
    fn epoch(&self, number: u64) -> Box<dyn Iterator<Item = Result<Self::Batch>> + '_>;

    /// Returns the number of batches in an epoch, if it is known before the epoch ends.
    fn batches_per_epoch(&self) -> Option<usize>;

    /// Returns the batches of epoch `number` for one of several processes that train together. Each
    /// batch is split into `of` shards of nearly equal size, in order, of which this process gets
    /// those of the numbers `own`. The shards do not depend on which process gets them.
    ///
    /// The default assembles whole batches and splits them. [`Batches`](crate::Batches) assembles
    /// only the samples of `own`, and pads [sequences](crate::Sequence) shard by shard.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if there is no shard of such a number.
    #[expect(clippy::type_complexity, reason = "a boxed iterator")]
    fn shards(
        &self,
        number: u64,
        own: Range<usize>,
        of: usize,
    ) -> Result<Box<dyn Iterator<Item = Result<Shards<Self::Batch>>> + '_>> {
        check(&own, of)?;
        let split = move |batch: Result<Self::Batch>| Shards::split(&batch?, own.clone(), of);
        Ok(Box::new(self.epoch(number).map(split)))
    }

    /// Describes epoch `number`, a property in each line: processes that train together compare
    /// these lines before they begin. The default has the number of batches, and a
    /// [hash](Sample::digest) of the first one. [`Batches`](crate::Batches) adds the number of
    /// samples.
    ///
    /// # Errors
    /// Those of the first batch.
    fn fingerprint(&self, number: u64) -> Result<Vec<String>> {
        let batches = match self.batches_per_epoch() {
            Some(batches) => batches.to_string(),
            None => "an unknown number of".to_owned(),
        };
        let first = self.epoch(number).next().transpose()?;
        let first = first.map_or_else(|| Ok("none".to_owned()), |batch| described(&batch))?;
        let lines = [
            format!("{batches} batches in an epoch"),
            format!("first batch of epoch {}: {first}", number + 1),
        ];
        Ok(lines.into())
    }
}

/// Describes a batch, with a hash of its values that is the same in all processes of one program.
fn described(batch: &impl Sample) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    batch.digest(&mut hasher);
    let (rows, hash) = (batch.rows()?, hasher.finish());
    Ok(format!("{rows} samples, hash of the values {hash:016x}"))
}

impl<E: Epochs + ?Sized> Epochs for &E {
    type Batch = E::Batch;

    fn epoch(&self, number: u64) -> Box<dyn Iterator<Item = Result<Self::Batch>> + '_> {
        (**self).epoch(number)
    }

    fn batches_per_epoch(&self) -> Option<usize> {
        (**self).batches_per_epoch()
    }

    fn shards(
        &self,
        number: u64,
        own: Range<usize>,
        of: usize,
    ) -> Result<Box<dyn Iterator<Item = Result<Shards<Self::Batch>>> + '_>> {
        (**self).shards(number, own, of)
    }

    fn fingerprint(&self, number: u64) -> Result<Vec<String>> {
        (**self).fingerprint(number)
    }
}
