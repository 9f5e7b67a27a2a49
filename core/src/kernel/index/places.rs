//! The places of true values.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::threads::parallel::{self, GRAIN, Shared};
use std::ops::Range;

/// True values, counted by pieces.
pub(crate) struct Places<'a> {
    mask: &'a [bool],
    /// How many values are true up to the end of each piece.
    ends: Vec<usize>,
}

impl<'a> Places<'a> {
    pub(crate) fn of(mask: &'a [bool]) -> Self {
        let mut ends = parallel::collect(mask.len(), GRAIN, &|range| {
            mask[range].iter().filter(|&&value| value).count()
        });
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        Self { mask, ends }
    }

    /// Returns how many values are true.
    pub(crate) fn count(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Writes the places of true values, as many as there are, in order.
    pub(crate) fn write(&self, out: &mut [usize]) {
        self.each_piece(out, &|range, out| {
            compact(range.clone(), &self.mask[range], out);
        });
    }

    /// Writes the elements of `xs` at the places, as many as there are, in order.
    pub(crate) fn take<F: Float>(&self, xs: &[F], out: &mut [F]) {
        self.each_piece(out, &|range, out| {
            compact(xs[range.clone()].iter().copied(), &self.mask[range], out);
        });
    }

    /// Calls `body` with the pieces of the mask and the part of `out` for the true values of each.
    fn each_piece<T: Send>(&self, out: &mut [T], body: &(dyn Fn(Range<usize>, &mut [T]) + Sync)) {
        assert_eq!(out.len(), self.count(), "as many as there are true values");
        let out = Shared::of(out);
        parallel::ranges(self.mask.len(), GRAIN, &|range| {
            // SAFETY: each piece of the mask has its own range of the places, which follows on that
            // of the piece before, and `out` is borrowed until the call ends.
            let out = unsafe { out.piece(self.numbers(range.start)) };
            body(range, out);
        });
    }

    /// Writes the elements of `xs`, or zeros if there are none, of which those at the places are
    /// replaced by the elements of `source`, in order.
    pub(crate) fn merge<F: Float>(&self, xs: Option<&[F]>, source: &[F], out: &mut [F]) {
        parallel::chunks_mut(out, GRAIN, &|start, out| {
            let range = start..start + out.len();
            dispatch(Merge {
                mask: &self.mask[range.clone()],
                xs: xs.map(|xs| &xs[range]),
                source: &source[self.numbers(start)],
                out,
            });
        });
    }

    /// Returns the numbers of the true values of the piece of the mask that starts here.
    fn numbers(&self, start: usize) -> Range<usize> {
        let piece = start / GRAIN;
        let before = piece.checked_sub(1).map_or(0, |before| self.ends[before]);
        before..self.ends[piece]
    }
}

/// Elements that are handled at once, on the stack.
const BLOCK: usize = 256;

struct Merge<'a, F> {
    mask: &'a [bool],
    /// The elements elsewhere, if these are not zeros.
    xs: Option<&'a [F]>,
    /// As many elements as there are true values.
    source: &'a [F],
    out: &'a mut [F],
}

impl<F: Float> Kernel for Merge<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self {
            mask,
            xs,
            source,
            out,
        } = self;
        let Some(last) = source.len().checked_sub(1) else {
            return match xs {
                Some(xs) => out.copy_from_slice(xs),
                None => out.fill(F::zero()),
            };
        };
        let zeros = [F::zero(); BLOCK];
        let (mut spread, mut count) = ([F::default(); BLOCK], 0);
        for (block, (out, mask)) in out.chunks_mut(BLOCK).zip(mask.chunks(BLOCK)).enumerate() {
            let len = out.len();
            let xs = match xs {
                Some(xs) => &xs[block * BLOCK..][..len],
                None => &zeros[..len],
            };
            // Each place gets the next element, which counts where the value is true. That needs no
            // branch.
            for (new, &value) in spread.iter_mut().zip(mask) {
                *new = source[count.min(last)];
                count += usize::from(value);
            }
            let (spread, mask) = (&spread[..len], &mask[..len]);
            for i in 0..len {
                out[i] = if mask[i] { spread[i] } else { xs[i] };
            }
        }
    }
}

/// Writes the elements of `xs` at the true values of a mask.
fn compact<T: Copy + Default>(mut xs: impl Iterator<Item = T>, mask: &[bool], out: &mut [T]) {
    let mut done = 0;
    for mask in mask.chunks(BLOCK) {
        // Each element is written, and stays if the value is true. That needs no branch.
        let (mut taken, mut count) = ([T::default(); BLOCK], 0);
        for (&value, x) in mask.iter().zip(&mut xs) {
            taken[count] = x;
            count += usize::from(value);
        }
        out[done..done + count].copy_from_slice(&taken[..count]);
        done += count;
    }
}

#[cfg(test)]
mod tests {
    use super::Places;

    #[test]
    fn merged_elements_equal_a_plain_loop() {
        let masks: [fn(usize) -> bool; 4] = [
            |i| i * 7919 % 13 < 6,
            |_| true,
            |_| false,
            |i| i > 40_000 || i == 5,
        ];
        for (len, mask) in [0, 1, 300, 100_003]
            .into_iter()
            .flat_map(|len| masks.map(|m| (len, m)))
        {
            let mask: Vec<bool> = (0..len).map(mask).collect();
            let found = Places::of(&mask);
            let xs: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let source: Vec<f32> = (0..found.count()).map(|k| -1.0 - k as f32).collect();
            let mut out = vec![0.0; len];
            found.merge(Some(&xs), &source, &mut out);
            let mut taken = vec![0.0; source.len()];
            found.take(&out, &mut taken);
            assert_eq!(taken, source);
            let mut next = source.iter();
            let expected = xs.iter().zip(&mask);
            let expected = expected.map(|(x, &m)| if m { *next.next().unwrap() } else { *x });
            assert_eq!(out, expected.collect::<Vec<f32>>());
            assert_eq!(next.next(), None);
        }
    }
}
