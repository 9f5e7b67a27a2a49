//! A formula for slices of any length and for whole tensors, compiled once for all formulas.

use super::formula::OPERANDS;
use super::loops::{LANES, Loops, Wanted};
use crate::kernel::float::Float;
use crate::kernel::isa::Tier;
use crate::kernel::strided::View;
use crate::kernel::threads::parallel::{self, GRAIN, Shared};
use smallvec::SmallVec;
use std::ops::Range;

/// The number of operands of most formulas.
const FEW: usize = 2;

impl<F: Float> dyn Loops<F> + '_ {
    /// Computes the formula for slices of any equal length.
    pub(crate) fn value(&self, tier: Tier, operands: &[&[F]], out: &mut [F]) {
        let whole = out.len() / LANES * LANES;
        let mut pieces: [&[F]; OPERANDS] = [&[]; OPERANDS];
        let count = operands.len();
        if whole > 0 {
            for (piece, operand) in pieces.iter_mut().zip(operands) {
                *piece = &operand[..whole];
            }
            self.whole_value(tier, &pieces[..count], &mut out[..whole]);
        }
        if whole < out.len() {
            let rest = operands.iter().map(|operand| &operand[whole..]);
            match count {
                0..=FEW => self.last_values::<FEW>(tier, rest, &mut out[whole..]),
                _ => self.last_values::<OPERANDS>(tier, rest, &mut out[whole..]),
            }
        }
    }

    /// Computes the formula for fewer elements than a vector loop takes, of at most `N` operands.
    fn last_values<'a, const N: usize>(
        &self,
        tier: Tier,
        operands: impl ExactSizeIterator<Item = &'a [F]>,
        out: &mut [F],
    ) {
        let count = operands.len();
        let mut padded = [[F::default(); LANES]; N];
        let mut pieces: [&[F]; N] = [&[]; N];
        for ((piece, padded), operand) in pieces.iter_mut().zip(&mut padded).zip(operands) {
            *piece = pad(padded, operand);
        }
        let mut last = [F::default(); LANES];
        self.whole_value(tier, &pieces[..count], &mut last);
        out.copy_from_slice(&last[..out.len()]);
    }

    /// Computes the cotangents of one operand, or of all, for slices of any equal length. The first
    /// slice of `out` contains the cotangent of the result before. Operands and a result that are
    /// not needed may be any slices.
    pub(crate) fn pullback(
        &self,
        tier: Tier,
        wanted: Wanted,
        operands: &[&[F]],
        result: &[F],
        out: &mut [&mut [F]],
    ) {
        let len = out[0].len();
        let whole = len / LANES * LANES;
        let mut pieces: [&[F]; OPERANDS] = [&[]; OPERANDS];
        let (count, outputs) = (operands.len(), out.len());
        if whole > 0 {
            let mut wholes: [&mut [F]; OPERANDS] = Default::default();
            for (whole_of_it, out) in wholes.iter_mut().zip(out.iter_mut()) {
                *whole_of_it = &mut out[..whole];
            }
            for (piece, operand) in pieces.iter_mut().zip(operands) {
                *piece = &operand[..whole];
            }
            let wholes = &mut wholes[..outputs];
            self.whole_pullback(tier, wanted, &pieces[..count], &result[..whole], wholes);
        }
        if whole < len {
            let rest = operands.iter().map(|operand| &operand[whole..]);
            let result = &result[whole..len];
            match count.max(outputs) {
                0..=FEW => self.last_cotangents::<FEW>(tier, wanted, rest, result, out),
                _ => self.last_cotangents::<OPERANDS>(tier, wanted, rest, result, out),
            }
        }
    }

    /// Computes the last cotangents, fewer than a vector loop takes, of at most `N` operands.
    fn last_cotangents<'a, const N: usize>(
        &self,
        tier: Tier,
        wanted: Wanted,
        operands: impl ExactSizeIterator<Item = &'a [F]>,
        result: &[F],
        out: &mut [&mut [F]],
    ) {
        let (count, first) = (operands.len(), out[0].len() - result.len());
        let mut padded = [[F::default(); LANES]; N];
        let mut pieces: [&[F]; N] = [&[]; N];
        for ((piece, padded), operand) in pieces.iter_mut().zip(&mut padded).zip(operands) {
            *piece = pad(padded, operand);
        }
        let mut last_result = [F::default(); LANES];
        let last_result = pad(&mut last_result, result);
        let mut last = [[F::default(); LANES]; N];
        pad(&mut last[0], &out[0][first..]);
        let mut lasts = last.each_mut().map(|last| &mut last[..]);
        let lasts = &mut lasts[..out.len()];
        self.whole_pullback(tier, wanted, &pieces[..count], last_result, lasts);
        for (out, last) in out.iter_mut().zip(&last) {
            out[first..].copy_from_slice(&last[..result.len()]);
        }
    }
}

/// Copies the last few elements of a slice. The numbers after them stay as they are.
fn pad<'a, F: Float>(padded: &'a mut [F; LANES], rest: &[F]) -> &'a [F] {
    padded[..rest.len()].copy_from_slice(rest);
    padded
}

/// Elements that are staged on the stack if an operand is not contiguous.
const STAGE: usize = 1024;
/// Elements whose cotangent is copied before they are computed.
const COPIED: usize = 1024;

/// Computes a formula for contiguous operands of equal length.
#[inline]
pub(crate) fn value_of_slices<F: Float>(loops: &dyn Loops<F>, operands: &[&[F]], out: &mut [F]) {
    let tier = Tier::current();
    if out.len() <= GRAIN {
        return loops.value(tier, operands, out);
    }
    parallel::chunks_mut(out, GRAIN, &|start, out| {
        let mut pieces: [&[F]; OPERANDS] = [&[]; OPERANDS];
        for (piece, operand) in pieces.iter_mut().zip(operands) {
            *piece = &operand[start..start + out.len()];
        }
        loops.value(tier, &pieces[..operands.len()], out);
    });
}

/// Computes a formula for operands of equal shape, in row-major order.
pub(crate) fn value<F: Float>(
    loops: &dyn Loops<F>,
    operands: &[Option<View<'_, F>>],
    out: &mut [F],
) {
    let tier = Tier::current();
    let operands = Operands::of(operands);
    parallel::chunks_mut(out, operands.piece_len(), &|start, out| {
        operands.blocks(start, out.len(), out.len(), &mut |range, pieces| {
            let out = &mut out[range.start - start..range.end - start];
            loops.value(tier, pieces, out);
        });
    });
}

/// Computes a formula for the elements from row-major index `start` on, on this thread.
pub(crate) fn value_from<F: Float>(
    loops: &dyn Loops<F>,
    operands: &[Option<View<'_, F>>],
    start: usize,
    out: &mut [F],
) {
    let tier = Tier::current();
    Operands::of(operands).blocks(start, out.len(), out.len(), &mut |range, pieces| {
        let out = &mut out[range.start - start..range.end - start];
        loops.value(tier, pieces, out);
    });
}

/// Computes the cotangents of one operand or of all. The first output contains the cotangent of the
/// result if `cotangent` is `None`. Operands that are not needed are `None`.
pub(crate) fn pullback<F: Float>(
    loops: &dyn Loops<F>,
    wanted: Wanted,
    cotangent: Option<&View<'_, F>>,
    operands: &[Option<View<'_, F>>],
    result: Option<&View<'_, F>>,
    out: &mut [&mut [F]],
) {
    let tier = Tier::current();
    let len = out[0].len();
    let mut views: SmallVec<[Option<View<'_, F>>; OPERANDS + 1]> = SmallVec::from(operands);
    views.push(result.copied());
    let all = Operands::of(&views);
    let shared: Vec<Shared<F>> = out.iter_mut().map(|out| Shared::of(out)).collect();
    parallel::ranges(len, all.piece_len(), &|range| {
        let limit = if cotangent.is_some() { COPIED } else { GRAIN };
        all.blocks(range.start, range.len(), limit, &mut |piece, slices| {
            let mut out: [&mut [F]; OPERANDS] = Default::default();
            for (slot, shared) in out.iter_mut().zip(&shared) {
                // SAFETY: the ranges of one call and their pieces do not overlap, and `out` is
                // borrowed until the call ends.
                *slot = unsafe { shared.piece(piece.clone()) };
            }
            if let Some(cotangent) = cotangent {
                cotangent.gather(piece.start, out[0]);
            }
            let (operands, result) = slices.split_at(slices.len() - 1);
            let out = &mut out[..shared.len()];
            loops.pullback(tier, wanted, operands, result[0], out);
        });
    });
}

/// Computes the cotangents of both operands of a formula that are the halves of rows of `2 * half`
/// elements, in the same rows, from those of its results.
pub(crate) fn pullback_of_halves<F: Float>(
    loops: &dyn Loops<F>,
    half: usize,
    xs: &[F],
    gs: &[F],
    out: &mut [F],
) {
    let tier = Tier::current();
    let out = Shared::of(out);
    parallel::ranges(gs.len(), GRAIN, &|range| {
        let mut done = range.start;
        while done < range.end {
            let (row, column) = (done / half, done % half);
            let count = (half - column).min(range.end - done);
            let a = row * 2 * half + column;
            let [a, b] = [a, a + half].map(|start| start..start + count);
            // SAFETY: the ranges of one call do not overlap, so neither do their places in the
            // first halves, nor those in the second ones, and `out` is borrowed until the call
            // ends.
            let (first, second) = unsafe { (out.piece(a.clone()), out.piece(b.clone())) };
            first.copy_from_slice(&gs[done..done + count]);
            let operands = [&xs[a], &xs[b]];
            loops.pullback(
                tier,
                Wanted::All,
                &operands,
                operands[0],
                &mut [first, second],
            );
            done += count;
        }
    });
}

/// A function of a range and the elements of all operands.
type Body<'a, F> = &'a mut dyn FnMut(Range<usize>, &[&[F]]);

/// Operands as slices where they are contiguous. Any numbers are passed for an operand that is not
/// given.
struct Operands<'a, F> {
    views: &'a [Option<View<'a, F>>],
    slices: [Option<&'a [F]>; OPERANDS + 1],
}

impl<'a, F: Float> Operands<'a, F> {
    fn of(views: &'a [Option<View<'a, F>>]) -> Self {
        let mut slices = [None; OPERANDS + 1];
        for (slice, view) in slices.iter_mut().zip(views) {
            *slice = view.as_ref().and_then(View::as_slice);
        }
        Self { views, slices }
    }

    /// Returns the number of elements of a task.
    fn piece_len(&self) -> usize {
        let given = self.views.iter().flatten();
        given.fold(GRAIN, |len, view| view.piece_len(len))
    }

    /// Calls `body` with consecutive ranges of `len` elements from `start` on, of at most `limit`
    /// elements, and with the elements of all operands.
    fn blocks(&self, start: usize, len: usize, limit: usize, body: Body<'_, F>) {
        let count = self.views.len();
        let known = self.slices.iter().flatten().next().copied();
        let is_slice = |k: usize| self.slices[k].is_some() || self.views[k].is_none();
        let (Some(known), true) = (known, (0..count).all(is_slice)) else {
            return self.staged(start..start + len, body);
        };
        let mut from = start;
        while from < start + len {
            let range = from..(start + len).min(from + limit);
            let mut pieces: [&[F]; OPERANDS + 1] = [&[]; OPERANDS + 1];
            for k in 0..count {
                pieces[k] = &self.slices[k].unwrap_or(known)[range.clone()];
            }
            from = range.end;
            body(range, &pieces[..count]);
        }
    }

    #[inline(never)]
    fn staged(&self, whole: Range<usize>, body: Body<'_, F>) {
        let count = self.views.len();
        // Several rows of a transposed operand are staged together.
        let is_transposed = |view: &View<'_, F>| view.is_transposed();
        let len = if self.views.iter().flatten().any(is_transposed) {
            whole.len()
        } else {
            STAGE
        };
        let mut stages = vec![F::default(); len * count];
        let mut from = whole.start;
        while from < whole.end {
            let range = from..whole.end.min(from + len);
            let mut pieces: [&[F]; OPERANDS + 1] = [&[]; OPERANDS + 1];
            for (k, stage) in stages.chunks_exact_mut(len).enumerate() {
                let stage = &mut stage[..range.len()];
                pieces[k] = match (self.slices[k], &self.views[k]) {
                    (Some(slice), _) => &slice[range.clone()],
                    (None, Some(view)) => {
                        if let Some(run) = view.run(range.start, range.len()) {
                            run
                        } else {
                            if range.start == whole.start || !view.is_constant() {
                                view.gather(range.start, stage);
                            }
                            stage
                        }
                    }
                    (None, None) => stage,
                };
            }
            from = range.end;
            body(range, &pieces[..count]);
        }
    }
}
