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
    /// The numbers that were sent and received of the present exchange.
    sent: usize,
    received: usize,
}

impl Values {
    fn new(values: Tensor, tag: Tag, result: Sender<Tensor>) -> Self {
        Self {
            values,
            tag,
            result,
            sent: 0,
            received: 0,
        }
    }

    /// Sends one part of the values to a rank, and replaces another part by the results of
    /// `combine` for its values and those that the rank sends. Returns whether all is done.
    fn exchange<T: Number>(
        &mut self,
        net: &mut Net<'_>,
        with: usize,
        send: &Range<usize>,
        receive: &Range<usize>,
        combine: impl Fn(T, T) -> T,
    ) -> Result<bool> {
        let piece = PIECE / T::BYTES;
        loop {
            if self.sent < send.len() {
                let end = send.len().min(self.sent + piece);
                let values = self.values.as_mut_slice::<T>()?;
                let range = send.start + self.sent..send.start + end;
                net.send(with, self.tag, bytemuck::cast_slice(&values[range]));
                self.sent = end;
            }
            while self.received < receive.len() {
                let Some(bytes) = net.desk.take(with, self.tag) else {
                    break;
                };
                let len = piece.min(receive.len() - self.received);
                self.check::<T>(&bytes, len, with)?;
                let start = receive.start + self.received;
                let values = &mut self.values.as_mut_slice::<T>()?[start..start + len];
                let numbers = bytes.chunks_exact(T::BYTES).map(T::from_bytes);
                for (value, number) in values.iter_mut().zip(numbers) {
                    *value = combine(*value, number);
                }
                net.engine.recycle(bytes);
                self.received += len;
            }
            if self.sent == send.len() {
                break;
            }
        }
        let is_done = self.received == receive.len();
        if is_done {
            (self.sent, self.received) = (0, 0);
        }
        Ok(is_done)
    }

    /// Returns an error unless a message has so many numbers.
    fn check<T: Number>(&self, bytes: &[u8], len: usize, from: usize) -> Result<()> {
        let (expected, found) = (len * T::BYTES, bytes.len());
        if found == expected {
            return Ok(());
        }
        let reason = format!(
            "expected {expected} bytes of {} from rank {from}, found {found}",
            self.values.dtype()
        );
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
    combine: fn(T, T) -> T,
}

impl<T: Number> SumByPairs<T> {
    pub fn new(values: Tensor, tag: Tag, result: Sender<Tensor>) -> Self {
        Self {
            stage: 0,
            parts: std::iter::once(0..values.len()).collect(),
            combine: |left, right| left + right,
            values: Values::new(values, tag, result),
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
            let is_done = if sums {
                let combine = self.combine;
                self.values
                    .exchange(net, partner, &theirs, &mine, combine)?
            } else {
                let sum = |_: T, sum| sum;
                self.values.exchange(net, partner, &mine, &theirs, sum)?
            };
            if !is_done {
                return Ok(false);
            }
            if sums {
                self.parts.push(mine);
            }
            self.stage += 1;
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
            values: Values::new(values, tag, result),
            is_sent: false,
            received: Vec::new(),
            sums: None,
        }
    }

    fn send(&mut self, net: &mut Net<'_>, to: usize, range: Range<usize>) -> Result<()> {
        let values = self.values.values.as_mut_slice::<T>()?;
        net.send_vector(to, self.values.tag, bytemuck::cast_slice(&values[range]));
        Ok(())
    }

    /// Takes so many numbers that a rank has sent, which may be in several messages.
    fn take(&self, net: &mut Net<'_>, from: usize, len: usize) -> Result<Option<Vec<T>>> {
        let messages = (len * T::BYTES).div_ceil(PIECE).max(1);
        let Some(bytes) = net.desk.take_all(from, self.values.tag, messages) else {
            return Ok(None);
        };
        self.values.check::<T>(&bytes, len, from)?;
        let numbers = bytes.chunks_exact(T::BYTES).map(T::from_bytes);
        Ok(Some(numbers.collect()))
    }

    /// Sums the part of this rank. Returns whether all of it has arrived.
    fn sum(&mut self, net: &mut Net<'_>) -> Result<bool> {
        let (rank, ranks) = (net.engine.rank(), net.engine.ranks());
        let len = self.values.values.len();
        if !std::mem::replace(&mut self.is_sent, true) {
            for other in (0..ranks).filter(|&other| other != rank) {
                self.send(net, other, part(len, other, ranks))?;
            }
        }
        let own = part(len, rank, ranks);
        while self.received.len() < ranks {
            let from = self.received.len();
            let numbers = if from == rank {
                self.values.values.as_mut_slice()?[own.clone()].to_vec()
            } else if let Some(numbers) = self.take(net, from, own.len())? {
                numbers
            } else {
                return Ok(false);
            };
            self.received.push(numbers);
        }
        let sum = in_order(std::mem::take(&mut self.received));
        self.values.values.as_mut_slice()?[own.clone()].copy_from_slice(&sum);
        for other in (0..ranks).filter(|&other| other != rank) {
            self.send(net, other, own.clone())?;
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
            if from != rank {
                let range = part(self.values.values.len(), from, ranks);
                let Some(sums) = self.take(net, from, range.len())? else {
                    break;
                };
                self.values.values.as_mut_slice()?[range].copy_from_slice(&sums);
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
