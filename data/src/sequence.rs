//! `Sequence`, a sample whose first axis is time and has another length in each sample.

use std::hash::Hasher;

use cotangent_core::{Error, Indices, Mask, Result, Shape, Tensor};

use crate::sample::{Sample, batch_shape};

/// A sequence, or a batch of sequences that are padded to the length of the longest one.
///
/// A sequence has values `(time, …)`, and a batch has values `(batch, time, …)`, lengths `(batch)`
/// and padding at the ends. The values are a `Tensor`, `Indices` such as tokens, or a `Mask`. The
/// padding is 0 or false unless [`fill`](Self::fill) sets another value.
///
/// Recurrent layers take the values and [`lengths`](Self::lengths) in `run_lengths`. `key_mask` of
/// the lengths is the mask of attention. Losses skip the padding by
/// [`mask`](Self::mask), or by an index of the padding that they ignore.
/// [`Batches::bucketed`](crate::Batches::bucketed) puts sequences of similar lengths together, so
/// that little is padded.
///
/// ```
/// use cotangent::data::{Sample, Sequence};
/// use cotangent::prelude::*;
///
/// let short = Sequence::new(Indices::from([5, 6]))?;
/// let long = Sequence::new(Indices::from([1, 2, 3]))?;
/// let batch = Sequence::stack(&[short, long])?;
/// assert_eq!(batch.values(), &Indices::from([[5, 6, 0], [1, 2, 3]]));
/// assert_eq!(batch.lengths(), [2, 3]);
/// assert_eq!(batch.mask()?, Mask::from([[true, true, false], [true, true, true]]));
/// assert_eq!(batch.row(0)?.values().as_slice(), [5, 6]);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "pad_sequence")]
#[derive(Clone, Debug)]
pub struct Sequence<T: Padded = Tensor> {
    values: T,
    /// A scalar for one sequence, `(batch)` for a batch.
    lengths: Indices,
    fill: T::Value,
}

/// Values that a [`Sequence`] can pad.
pub trait Padded: Sample {
    /// A value of the padding.
    type Value: Copy + Default + Send + Sync + std::fmt::Debug + 'static;

    /// Returns the lengths of the axes.
    fn lengths_of_axes(&self) -> &[usize];

    /// Adds `missing` entries of `fill` at the end of the first axis.
    ///
    /// # Errors
    /// [`Error::Shape`] if there is no axis, or memory cannot hold the result.
    fn padded(&self, missing: usize, fill: Self::Value) -> Result<Self>;

    /// Returns the first `len` entries of the second axis.
    ///
    /// # Errors
    /// [`Error::Index`] if there are no such entries.
    fn cut(&self, len: usize) -> Result<Self>;
}

impl<T: Padded> Sequence<T> {
    /// Creates a sequence of values `(time, …)`.
    ///
    /// # Errors
    /// [`Error::Shape`] if there is no axis.
    pub fn new(values: T) -> Result<Self> {
        let length = values.rows()?;
        Ok(Self {
            values,
            lengths: Indices::from(length),
            fill: T::Value::default(),
        })
    }

    /// Creates a batch of values `(batch, time, …)`, of which sequence `i` has the first
    /// `lengths[i]`.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are less than two axes or not one length for each sequence,
    /// [`Error::Argument`] for a length above the number of steps.
    pub fn from_padded(values: T, lengths: &[usize]) -> Result<Self> {
        const OP: &str = "Sequence::from_padded";
        let shape = values.lengths_of_axes();
        let &[batch, time, ..] = shape else {
            let reason = "expected the axes (batch, time, …)";
            return Err(Error::shape(OP, reason, &[shape]));
        };
        if lengths.len() != batch {
            let reason = format!("expected {batch} lengths, found {}", lengths.len());
            return Err(Error::shape(OP, reason, &[shape]));
        }
        if let Some(long) = lengths.iter().find(|&&length| length > time) {
            let reason = format!("a length is {long}, but there are {time} steps");
            return Err(Error::argument(OP, reason));
        }
        Ok(Self {
            values,
            lengths: Indices::from(lengths),
            fill: T::Value::default(),
        })
    }

    /// Sets the value of the padding that later batches add, such as the index of a padding token.
    pub fn fill(mut self, value: T::Value) -> Self {
        self.fill = value;
        self
    }

    /// Returns the values, `(time, …)` or `(batch, time, …)`.
    pub fn values(&self) -> &T {
        &self.values
    }

    /// Returns the length of each sequence.
    pub fn lengths(&self) -> &[usize] {
        self.lengths.as_slice()
    }

    /// Returns a mask `(batch, time)`, or `(time)` for one sequence, that is true where the values
    /// are no padding.
    ///
    /// # Errors
    /// [`Error::Shape`] if memory cannot hold it.
    pub fn mask(&self) -> Result<Mask> {
        let batch = self.lengths.rank();
        let time = self.values.lengths_of_axes()[batch];
        let rows = self.lengths().iter();
        let mask = rows.flat_map(|&length| (0..time).map(move |step| step < length));
        let shape: Shape = self.values.lengths_of_axes()[..=batch].into();
        Mask::from_vec(mask.collect(), shape)
    }

    /// Shortens a batch to its longest sequence.
    fn trimmed(self) -> Result<Self> {
        let longest = self.lengths().iter().copied().max().unwrap_or(0);
        let values = self.values.cut(longest)?;
        Ok(Self { values, ..self })
    }
}

/// A batch of some rows is as long as the longest of them.
impl<T: Padded> Sample for Sequence<T> {
    fn stack(samples: &[Self]) -> Result<Self> {
        if let Some(batch) = samples.iter().find(|sample| sample.lengths.rank() > 0) {
            let reason = "expected single sequences, found a batch of them";
            let shape = batch.values.lengths_of_axes();
            return Err(Error::shape("stack", reason, &[shape]));
        }
        let lengths: Vec<usize> = samples.iter().map(|sample| sample.lengths()[0]).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let padded = |sample: &Self| match longest - sample.lengths()[0] {
            0 => Ok(sample.values.clone()),
            missing => sample.values.padded(missing, sample.fill),
        };
        let values = samples.iter().map(padded).collect::<Result<Vec<T>>>()?;
        Ok(Self {
            values: T::stack(&values)?,
            lengths: Indices::from(lengths),
            fill: samples[0].fill,
        })
    }

    fn rows(&self) -> Result<usize> {
        self.lengths.rank().checked_sub(1).ok_or_else(|| {
            let reason = "expected a batch of sequences, found one sequence";
            Error::shape("rows", reason, &[self.values.lengths_of_axes()])
        })?;
        Ok(self.lengths.len())
    }

    fn select(&self, rows: &[usize]) -> Result<Self> {
        self.rows()?;
        let selected = Self {
            values: self.values.select(rows)?,
            lengths: self.lengths.select(rows)?,
            fill: self.fill,
        };
        selected.trimmed()
    }

    fn narrow(&self, start: usize, len: usize) -> Result<Self> {
        self.rows()?;
        let narrowed = Self {
            values: self.values.narrow(start, len)?,
            lengths: Sample::narrow(&self.lengths, start, len)?,
            fill: self.fill,
        };
        narrowed.trimmed()
    }

    fn row(&self, row: usize) -> Result<Self> {
        self.rows()?;
        let lengths = self.lengths.row(row)?;
        let values = self.values.row(row)?.narrow(0, lengths.as_slice()[0])?;
        Ok(Self {
            values,
            lengths,
            fill: self.fill,
        })
    }

    fn digest(&self, digest: &mut dyn Hasher) {
        self.values.digest(digest);
        self.lengths.digest(digest);
    }
}

impl Padded for Tensor {
    type Value = f64;

    fn lengths_of_axes(&self) -> &[usize] {
        self.shape()
    }

    fn padded(&self, missing: usize, fill: f64) -> Result<Self> {
        let mut around = vec![(0, 0); self.rank()];
        if let Some(time) = around.first_mut() {
            time.1 = missing;
        }
        self.pad(&around, fill)
    }

    fn cut(&self, len: usize) -> Result<Self> {
        self.narrow(1, 0, len)
    }
}

/// Implements [`Padded`] for an array of whole values.
macro_rules! cells {
    ($($type:ty, $value:ty;)*) => {$(
        impl Padded for $type {
            type Value = $value;

            fn lengths_of_axes(&self) -> &[usize] {
                self.shape()
            }

            fn padded(&self, missing: usize, fill: $value) -> Result<Self> {
                let length = Sample::rows(self)?.saturating_add(missing);
                let inner = &self.shape()[1..];
                let len = inner.iter().fold(length, |len, axis| len.saturating_mul(*axis));
                let mut values = Vec::new();
                values.try_reserve_exact(len).map_err(Error::other)?;
                values.extend_from_slice(self.as_slice());
                values.resize(len, fill);
                Self::from_vec(values, batch_shape(length, inner))
            }

            fn cut(&self, len: usize) -> Result<Self> {
                self.narrow(1, 0, len)
            }
        }
    )*};
}

cells! {
    Indices, usize;
    Mask, bool;
}
