//! Vectors at the ends of slices, and copies with rows and columns exchanged.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Lanes, dispatch};
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
    for column in (0..columns.len()).step_by(L) {
        let planes = L.min(columns.len() - column);
        let first = (columns.start + column) * results;
        copy_pixels(
            &g[first..first + planes * results],
            [planes, results],
            outputs.clone(),
            Rectangle {
                width: outputs.len(),
                step: width,
                pitch: 0,
            },
            &mut copy[column..],
        );
    }
}

/// The place of a rectangle of pixels in padded planes, whose pixels are vectors.
#[derive(Clone, Copy)]
pub(super) struct Rectangle {
    /// The pixels of a row.
    pub width: usize,
    /// The distance of pixels, and of rows.
    pub step: usize,
    pub pitch: usize,
}

/// Copies consecutive pixels of planes, `distance` apart and at most as many as a vector has lanes,
/// to a rectangle: a lane for each plane, and zeros in the other lanes.
// Kernels call this kernel: it is large, and compiled for itself wherever it is inlined.
pub(super) fn copy_pixels<F: Float>(
    source: &[F],
    [planes, distance]: [usize; 2],
    pixels: Range<usize>,
    rectangle: Rectangle,
    to: &mut [F],
) {
    if pixels.is_empty() {
        return;
    }
    dispatch(Pixels {
        source,
        planes,
        distance,
        pixels,
        rectangle,
        to,
    });
}

struct Pixels<'a, F> {
    source: &'a [F],
    planes: usize,
    distance: usize,
    pixels: Range<usize>,
    rectangle: Rectangle,
    to: &'a mut [F],
}

impl<F: Float> Kernel for Pixels<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        match Lanes::<I, F>::COUNT {
            16 => self.copy::<16>(),
            8 => self.copy::<8>(),
            4 => self.copy::<4>(),
            _ => self.copy::<2>(),
        }
    }
}

impl<F: Float> Pixels<'_, F> {
    #[inline(always)]
    fn copy<const L: usize>(self) {
        let Self {
            source,
            planes,
            distance,
            pixels,
            rectangle: Rectangle { width, step, pitch },
            to,
        } = self;
        let rows = pixels.len() / width;
        let last_plane = (planes - 1) * distance;
        assert!(
            rows * width == pixels.len()
                && (rows - 1) * pitch + (width - 1) * step + L <= to.len()
                && last_plane + pixels.end <= source.len(),
            "pixels outside of their memory"
        );
        let mut row = to.as_mut_ptr();
        let mut x = 0;
        for start in pixels.clone().step_by(L) {
            let mut copy = [[F::zero(); L]; L];
            let (from, distance) = if planes == L && last_plane + start + L <= source.len() {
                (source[start..].as_ptr(), distance)
            } else {
                for j in 0..planes {
                    copy[j] = vector(&source[j * distance..][..pixels.end], start);
                }
                (copy.as_flattened().as_ptr(), L)
            };
            // SAFETY: the vector of the last plane was just checked, and the copy has this size.
            let square = transpose(unsafe { square::<F, L>(from, distance) });
            let mut store = |l: usize| {
                // SAFETY: the last pixel of the last row was checked above.
                unsafe { *row.add(x * step).cast::<[F; L]>() = square[l] };
                x += 1;
                if x == width {
                    (x, row) = (0, row.wrapping_add(pitch));
                }
            };
            if start + L <= pixels.end {
                for l in 0..L {
                    store(l);
                }
            } else {
                for l in 0..pixels.end - start {
                    store(l);
                }
            }
        }
    }
}

/// Returns `L` vectors, `distance` apart.
///
/// # Safety
/// There must be as many elements.
#[inline(always)]
pub(super) unsafe fn square<F: Float, const L: usize>(
    from: *const F,
    distance: usize,
) -> [[F; L]; L] {
    let mut square = [[F::zero(); L]; L];
    for j in 0..L {
        // SAFETY: guaranteed by the caller.
        square[j] = unsafe { *from.add(j * distance).cast::<[F; L]>() };
    }
    square
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
