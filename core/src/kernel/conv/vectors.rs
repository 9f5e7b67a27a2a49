//! Vectors at the ends of slices, and copies with rows and columns exchanged.

use crate::kernel::float::Float;
use crate::kernel::linear::tile::transpose;
use std::ops::Range;

/// Copies the cotangents of some channels and of consecutive outputs: a row for each output, whose
/// length is that of the channels filled up to whole vectors with zeros.
#[inline(always)]
pub(super) fn copy_transposed<F: Float, const L: usize>(
    g: &[F],
    results: usize,
    columns: &Range<usize>,
    outputs: Range<usize>,
    copy: &mut [F],
) {
    let width = columns.len().next_multiple_of(L);
    // By squares, which are transposed in registers.
    for start in (0..outputs.len()).step_by(L) {
        let len = L.min(outputs.len() - start);
        for column in (0..width).step_by(L) {
            let mut square = [[F::zero(); L]; L];
            for j in 0..L.min(columns.len() - column) {
                let place = (columns.start + column + j) * results + outputs.start + start;
                square[j] = vector(&g[place..place + len], 0);
            }
            let square = transpose(square);
            for l in 0..len {
                copy[(start + l) * width + column..][..L].copy_from_slice(&square[l]);
            }
        }
    }
}

/// Returns `L` numbers of a slice from a place on, with zeros behind its end.
#[inline(always)]
pub(super) fn vector<F: Float, const L: usize>(slice: &[F], from: usize) -> [F; L] {
    if let Some(Ok(&whole)) = slice.get(from..from + L).map(<&[F; L]>::try_from) {
        return whole;
    }
    let mut part = [F::zero(); L];
    let rest = slice.iter().skip(from);
    part.iter_mut().zip(rest).for_each(|(out, &x)| *out = x);
    part
}

/// Stores the numbers of a vector in a slice, from a place on, as far as it has room.
#[inline(always)]
pub(super) fn store_vector<F: Float, const L: usize>(from: &[F; L], to: &mut [F], place: usize) {
    if let Some(whole) = to.get_mut(place..place + L) {
        whole.copy_from_slice(from);
    } else {
        let rest = to.iter_mut().skip(place);
        rest.zip(from).for_each(|(out, &x)| *out = x);
    }
}
