//! The sum of a tensor over the ranks.

use super::{Job, Net, PIECE};
use crate::engine::Tag;
use crate::tree::Tree;
use cotangent_core::{Element, Error, Result, Tensor};
use std::convert::Infallible;
use std::ops::Range;
use std::sync::mpsc::Sender;

/// A number that can be summed over ranks. All ranks have processors with the same order of bytes.
pub(crate) trait Number: Element + bytemuck::Pod {
    const BYTES: usize;
    fn from_bytes(bytes: &[u8]) -> Self;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Number for $number {
            const BYTES: usize = size_of::<Self>();
            fn from_bytes(bytes: &[u8]) -> Self {
                Self::from_ne_bytes(bytes.first_chunk().copied().unwrap_or_default())
            }
        }
    )*};
}

numbers!(f32, f64);

/// The values that are summed, and their messages.
struct Values {
    values: Tensor,
    tag: Tag,
    result: Sender<Tensor>,
}

impl Values {
    fn send<T: Number>(&mut self, net: &mut Net<'_>, to: usize, range: Range<usize>) -> Result<()> {
        let values = self.values.as_mut_slice::<T>()?;
        net.send_vector(to, self.tag, bytemuck::cast_slice(&values[range]));
        Ok(())
    }

    /// Replaces a part of the values by the results of `combine` for them and for those in a
    /// message. Returns whether the message has arrived.
    fn receive<T: Number>(
        &mut self,
        net: &mut Net<'_>,
        from: usize,
        range: Range<usize>,
        combine: impl Fn(T, T) -> T,
    ) -> Result<bool> {
        let Some(bytes) = self.take::<T>(net, from, range.len())? else {
            return Ok(false);
        };
        let values = &mut self.values.as_mut_slice::<T>()?[range];
        let numbers = bytes.chunks_exact(T::BYTES).map(T::from_bytes);
        for (value, number) in values.iter_mut().zip(numbers) {
            *value = combine(*value, number);
        }
        net.engine.recycle(bytes);
        Ok(true)
    }

    /// Takes a message of so many numbers, which may be in several pieces.
    fn take<T: Number>(
        &self,
        net: &mut Net<'_>,
        from: usize,
        len: usize,
    ) -> Result<Option<Vec<u8>>> {
        let expected = len * T::BYTES;
        let pieces = expected.div_ceil(PIECE).max(1);
        let Some(bytes) = net.desk.take_all(from, self.tag, pieces) else {
            return Ok(None);
        };
        if bytes.len() == expected {
            return Ok(Some(bytes));
        }
        let found = bytes.len();
        let reason = format!("expected {expected} bytes from rank {from}, found {found}");
        Err(Error::argument("Ranks::gradients", reason))
    }

    fn finish(&mut self) -> bool {
        let values = std::mem::replace(&mut self.values, Tensor::scalar(0.0f32));
        // If nobody waits for the result, nobody needs it.
        let _ = self.result.send(values);
        true
    }
}

/// The sum over a power of two of ranks.
///
/// Ranks at distance 1 exchange halves of the vector first, then those at distance 2 quarters, and
/// so on: the order of the [`Tree`]. So each rank has the sum of one part, and the parts are
/// exchanged in the reverse order (R. Thakur, R. Rabenseifner and W. Gropp 2005, "Optimization of
/// collective communication operations in MPICH").
pub(crate) struct SumByPairs<T> {
    values: Values,
    /// The number of exchanges so far.
    stage: u32,
    /// The parts that this rank sums: the whole, a half, a quarter and so on.
    parts: Vec<Range<usize>>,
    is_sent: bool,
    combine: fn(T, T) -> T,
}

impl<T: Number> SumByPairs<T> {
    pub fn new(values: Tensor, tag: Tag, result: Sender<Tensor>) -> Self {
        Self {
            stage: 0,
            parts: std::iter::once(0..values.len()).collect(),
            is_sent: false,
            combine: |left, right| left + right,
            values: Values {
                values,
                tag,
                result,
            },
        }
    }
}

impl<T: Number> Job for SumByPairs<T> {
    fn advance(&mut self, net: &mut Net<'_>) -> Result<bool> {
        let (rank, stages) = (net.engine.rank(), net.engine.ranks().trailing_zeros());
        while self.stage < 2 * stages {
            let sums = self.stage < stages;
            let level = if sums {
                self.stage
            } else {
                2 * stages - 1 - self.stage
            };
            let partner = rank ^ (1 << level);
            let whole = self.parts[level as usize].clone();
            let middle = whole.start + whole.len() / 2;
            let (low, high) = (whole.start..middle, middle..whole.end);
            let (mine, theirs) = if rank < partner {
                (low, high)
            } else {
                (high, low)
            };
            if sums {
                if !std::mem::replace(&mut self.is_sent, true) {
                    self.values.send::<T>(net, partner, theirs)?;
                }
                if !self
                    .values
                    .receive(net, partner, mine.clone(), self.combine)?
                {
                    return Ok(false);
                }
                self.parts.push(mine);
            } else {
                if !std::mem::replace(&mut self.is_sent, true) {
                    self.values.send::<T>(net, partner, mine)?;
                }
                if !self.values.receive(net, partner, theirs, |_: T, sum| sum)? {
                    return Ok(false);
                }
            }
            self.stage += 1;
            self.is_sent = false;
        }
        Ok(self.values.finish())
    }
}

/// The sum over any number of ranks, each of which sums one part of the vector in the order of the
/// [`Tree`].
pub(crate) struct SumByParts<T> {
    values: Values,
    is_sent: bool,
    /// The parts of the first ranks, to be summed by this one.
    received: Vec<Vec<T>>,
    /// The number of ranks whose sums are there, once this one has its own.
    sums: Option<usize>,
}

impl<T: Number> SumByParts<T> {
    pub fn new(values: Tensor, tag: Tag, result: Sender<Tensor>) -> Self {
        Self {
            values: Values {
                values,
                tag,
                result,
            },
            is_sent: false,
            received: Vec::new(),
            sums: None,
        }
    }

    /// Sums the part of this rank. Returns whether all of it has arrived.
    fn sum(&mut self, net: &mut Net<'_>) -> Result<bool> {
        let (rank, ranks) = (net.engine.rank(), net.engine.ranks());
        let len = self.values.values.len();
        if !std::mem::replace(&mut self.is_sent, true) {
            for other in (0..ranks).filter(|&other| other != rank) {
                self.values.send::<T>(net, other, part(len, other, ranks))?;
            }
        }
        let own = part(len, rank, ranks);
        while self.received.len() < ranks {
            let from = self.received.len();
            let numbers = if from == rank {
                self.values.values.as_mut_slice()?[own.clone()].to_vec()
            } else if let Some(bytes) = self.values.take::<T>(net, from, own.len())? {
                bytes.chunks_exact(T::BYTES).map(T::from_bytes).collect()
            } else {
                return Ok(false);
            };
            self.received.push(numbers);
        }
        let sum = in_order(std::mem::take(&mut self.received));
        self.values.values.as_mut_slice()?[own.clone()].copy_from_slice(&sum);
        for other in (0..ranks).filter(|&other| other != rank) {
            self.values.send::<T>(net, other, own.clone())?;
        }
        Ok(true)
    }
}

impl<T: Number> Job for SumByParts<T> {
    fn advance(&mut self, net: &mut Net<'_>) -> Result<bool> {
        let (rank, ranks) = (net.engine.rank(), net.engine.ranks());
        if self.sums.is_none() && !self.sum(net)? {
            return Ok(false);
        }
        let mut from = self.sums.unwrap_or(0);
        while from < ranks {
            let range = part(self.values.values.len(), from, ranks);
            if from != rank && !self.values.receive(net, from, range, |_: T, sum| sum)? {
                break;
            }
            from += 1;
        }
        self.sums = Some(from);
        Ok(from == ranks && self.values.finish())
    }
}

/// Returns the part of a vector that a rank sums.
fn part(len: usize, rank: usize, ranks: usize) -> Range<usize> {
    let bound = |rank: usize| (len as u128 * rank as u128 / ranks as u128) as usize;
    bound(rank)..bound(rank + 1)
}

/// Adds up vectors in the order of the tree.
fn in_order<T: Number>(vectors: Vec<Vec<T>>) -> Vec<T> {
    let add = |mut left: Vec<T>, right: Vec<T>| {
        for (left, right) in left.iter_mut().zip(right) {
            *left += right;
        }
        Ok::<_, Infallible>(left)
    };
    let mut tree = Tree::new();
    for vector in vectors {
        let Ok(()) = tree.push(vector, add);
    }
    let Ok(sum) = tree.sum(add);
    sum.unwrap_or_default()
}
