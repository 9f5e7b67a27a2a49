//! Maxima over windows, and the movement of values between the outputs and the places of their
//! maxima.

use super::windows::{Axis, Window, Windows};
use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::threads::parallel::{self, GRAIN};

/// The number of a tap in its window. The type is as small as the number of taps allows.
pub(crate) trait Place: Copy + Default + Send + Sync + 'static {
    fn of(tap: u32) -> Self;
    fn tap(self) -> usize;
}

macro_rules! places {
    ($($name:ident)*) => {$(
        impl Place for $name {
            #[inline(always)]
            fn of(tap: u32) -> Self {
                tap as $name
            }
            #[inline(always)]
            fn tap(self) -> usize {
                self as usize
            }
        }
    )*};
}
places! { u8 u16 u32 }

/// Computes the largest element of each window and its tap: of equal elements the first, of several
/// NaN the last. Every window has an element.
pub(crate) fn pool<F: Float, P: Place>(
    xs: &[F],
    windows: &Windows,
    out: &mut [F],
    places: &mut [P],
) {
    let (inputs, outputs) = (windows.inputs(), windows.outputs());
    let planes = windows.planes_per_task(GRAIN);
    parallel::pairs_mut([outputs; 2], planes, out, places, &|first, out, places| {
        let planes = out.len() / outputs;
        dispatch(Pool {
            xs: &xs[first * inputs..(first + planes) * inputs],
            windows,
            out,
            places,
        });
    });
}

struct Pool<'a, F, P> {
    xs: &'a [F],
    windows: &'a Windows,
    out: &'a mut [F],
    places: &'a mut [P],
}

impl<F: Float, P: Place> Kernel for Pool<'_, F, P> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Axis {
            stride,
            dilation,
            taps,
            ..
        } = self.windows.axes[2];
        match (stride, dilation, taps) {
            (1, ..) => self.planes::<1, 0>(),
            (2, 1, 2) => self.planes::<2, 2>(),
            (2, ..) => self.planes::<2, 0>(),
            _ => self.planes::<0, 0>(),
        }
    }
}

impl<F: Float, P: Place> Pool<'_, F, P> {
    /// `S` is the stride of the last axis and `K` its number of taps, which lie side by side; 0 for
    /// any.
    #[inline(always)]
    fn planes<const S: usize, const K: usize>(self) {
        let [depth, height, width] = &self.windows.axes;
        let (inputs, outputs) = (self.windows.inputs(), self.windows.outputs());
        let interior = width.interior();
        let planes = self.xs.chunks_exact(inputs);
        let results = self.out.chunks_exact_mut(outputs);
        let results = results.zip(self.places.chunks_exact_mut(outputs));
        for (plane, (out, places)) in planes.zip(results) {
            let rows = out.chunks_exact_mut(width.outputs);
            let rows = rows.zip(places.chunks_exact_mut(width.outputs));
            for (row, (out, places)) in rows.enumerate() {
                let lines = Lines {
                    plane,
                    depth: depth.window(row / height.outputs),
                    height: height.window(row % height.outputs),
                    axes: &self.windows.axes,
                };
                for o in (0..interior.start).chain(interior.end..width.outputs) {
                    (out[o], places[o]) = lines.largest(o);
                }
                let mut o = interior.start;
                while o < interior.end {
                    // The last block overlaps the one before.
                    let rest = interior.end - o;
                    if interior.len() >= 8 {
                        o -= 8usize.saturating_sub(rest);
                        lines.block::<P, S, K, 8>(o, out, places);
                        o += 8;
                    } else if interior.len() >= 4 {
                        o -= 4usize.saturating_sub(rest);
                        lines.block::<P, S, K, 4>(o, out, places);
                        o += 4;
                    } else {
                        (out[o], places[o]) = lines.largest(o);
                        o += 1;
                    }
                }
            }
        }
    }
}

/// The lines of a plane that the windows of a row of outputs cover.
struct Lines<'a, F> {
    plane: &'a [F],
    depth: Window,
    height: Window,
    axes: &'a [Axis; 3],
}

impl<F: Float> Lines<'_, F> {
    /// Calls `body(line, tap)` for each line, with the number of its first tap.
    #[inline(always)]
    fn each(&self, mut body: impl FnMut(&[F], usize)) {
        let [depth, height, width] = self.axes;
        for d in self.depth.from..self.depth.to {
            let layer = (self.depth.origin + (d * depth.dilation) as isize) as usize * height.len;
            for h in self.height.from..self.height.to {
                let line = (self.height.origin + (h * height.dilation) as isize) as usize;
                let start = (layer + line) * width.len;
                let tap = (d * height.taps + h) * width.taps;
                body(&self.plane[start..start + width.len], tap);
            }
        }
    }

    /// Returns the number of the first tap of all outputs of which no tap of the last axis is in
    /// the padding.
    #[inline(always)]
    fn first(&self) -> usize {
        (self.depth.from * self.axes[1].taps + self.height.from) * self.axes[2].taps
    }

    /// Computes one output.
    #[inline(always)]
    fn largest<P: Place>(&self, o: usize) -> (F, P) {
        let width = &self.axes[2];
        let window = width.window(o);
        let (mut best, mut place) = (F::neg_infinity(), self.first() + window.from);
        self.each(|line, tap| {
            for t in window.from..window.to {
                let x = line[(window.origin + (t * width.dilation) as isize) as usize];
                if x > best || x.is_nan() {
                    (best, place) = (x, tap + t);
                }
            }
        });
        (best, P::of(place as u32))
    }

    /// Computes the `B` outputs from `o` on. No tap of theirs along the last axis is in the padding.
    #[inline(always)]
    fn block<P: Place, const S: usize, const K: usize, const B: usize>(
        &self,
        o: usize,
        out: &mut [F],
        places: &mut [P],
    ) {
        let width = &self.axes[2];
        let stride = if S == 0 { width.stride } else { S };
        let (taps, dilation) = if K == 0 {
            (width.taps, width.dilation)
        } else {
            (K, 1)
        };
        let start = o * stride - width.padding;
        let reach = (B - 1) * stride + 1;
        let mut best = [F::neg_infinity(); B];
        let mut place = [self.first() as u32; B];
        self.each(|line, tap| {
            let line = &line[start..start + (taps - 1) * dilation + reach];
            for t in 0..taps {
                let xs = &line[t * dilation..t * dilation + reach];
                for i in 0..B {
                    let x = xs[i * stride];
                    let wins = (x > best[i]) | x.is_nan();
                    best[i] = if wins { x } else { best[i] };
                    place[i] = if wins { (tap + t) as u32 } else { place[i] };
                }
            }
        });
        out[o..o + B].copy_from_slice(&best);
        for (out, &place) in places[o..o + B].iter_mut().zip(&place) {
            *out = P::of(place);
        }
    }
}

/// Adds each output's number to the place of its maximum, among zeros.
pub(crate) fn spread<F: Float, P: Place>(gs: &[F], places: &[P], windows: &Windows, out: &mut [F]) {
    let (inputs, outputs) = (windows.inputs(), windows.outputs());
    let planes = windows.planes_per_task(GRAIN);
    parallel::chunks_mut(out, planes * inputs, &|start, out| {
        let first = start / inputs * outputs;
        let range = first..first + out.len() / inputs * outputs;
        dispatch(Spread {
            gs: &gs[range.clone()],
            places: &places[range],
            windows,
            out,
        });
    });
}

struct Spread<'a, F, P> {
    gs: &'a [F],
    places: &'a [P],
    windows: &'a Windows,
    out: &'a mut [F],
}

impl<F: Float, P: Place> Kernel for Spread<'_, F, P> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let (inputs, outputs) = (self.windows.inputs(), self.windows.outputs());
        let in_pairs = is_in_pairs(self.windows);
        let offsets = self.windows.offsets();
        let planes = self.gs.chunks_exact(outputs);
        let planes = planes.zip(self.places.chunks_exact(outputs));
        for ((gs, places), out) in planes.zip(self.out.chunks_exact_mut(inputs)) {
            if in_pairs {
                spread_in_pairs(gs, places, self.windows, out);
                continue;
            }
            out.fill(F::zero());
            each_place(places, self.windows, &offsets, |o, place| {
                out[place] += gs[o];
            });
        }
    }
}

/// Returns whether the windows are those of 2 × 2 with stride 2 and without padding.
fn is_in_pairs(windows: &Windows) -> bool {
    let pairs = |axis: &Axis| {
        (axis.taps, axis.stride, axis.padding, axis.dilation) == (2, 2, 0, 1)
            && !axis.adaptive
            && axis.len / 2 == axis.outputs
    };
    let [depth, height, width] = &windows.axes;
    *depth == Axis::whole(1) && pairs(height) && pairs(width)
}

/// Writes each element of a plane of 2 × 2 windows once.
#[inline(always)]
fn spread_in_pairs<F: Float, P: Place>(gs: &[F], places: &[P], windows: &Windows, out: &mut [F]) {
    const B: usize = 8;
    let (len, outputs) = (windows.axes[2].len, windows.axes[2].outputs);
    let rows = gs.chunks_exact(outputs).zip(places.chunks_exact(outputs));
    let mut lines = out.chunks_exact_mut(2 * len);
    for ((gs, places), lines) in rows.zip(&mut lines) {
        let (upper, lower) = lines.split_at_mut(len);
        for (half, line) in [upper, lower].into_iter().enumerate() {
            // The last element of an odd length.
            line[len - 1] = F::zero();
            let tap = 2 * half;
            let mut o = 0;
            while o < outputs {
                if outputs < B {
                    line[2 * o] = if places[o].tap() == tap {
                        gs[o]
                    } else {
                        F::zero()
                    };
                    line[2 * o + 1] = if places[o].tap() == tap + 1 {
                        gs[o]
                    } else {
                        F::zero()
                    };
                    o += 1;
                    continue;
                }
                // The last block overlaps the one before.
                o = o.min(outputs - B);
                let (gs, places) = (&gs[o..o + B], &places[o..o + B]);
                let line = &mut line[2 * o..2 * o + 2 * B];
                for i in 0..B {
                    let place = places[i].tap() as u32;
                    line[2 * i] = if place == tap as u32 {
                        gs[i]
                    } else {
                        F::zero()
                    };
                    line[2 * i + 1] = if place == tap as u32 + 1 {
                        gs[i]
                    } else {
                        F::zero()
                    };
                }
                o += B;
            }
        }
    }
    lines.into_remainder().fill(F::zero());
}

/// Copies to each output the element at the place of its maximum.
pub(crate) fn pick<F: Float, P: Place>(xs: &[F], places: &[P], windows: &Windows, out: &mut [F]) {
    let (inputs, outputs) = (windows.inputs(), windows.outputs());
    let planes = windows.planes_per_task(GRAIN);
    let offsets = windows.offsets();
    parallel::chunks_mut(out, planes * outputs, &|start, out| {
        let planes = xs[start / outputs * inputs..].chunks_exact(inputs);
        let places = places[start..start + out.len()].chunks_exact(outputs);
        for ((xs, places), out) in planes.zip(places).zip(out.chunks_exact_mut(outputs)) {
            each_place(places, windows, &offsets, |o, place| out[o] = xs[place]);
        }
    });
}

/// Returns the places of the maxima in their planes.
pub(crate) fn indices<P: Place>(places: &[P], windows: &Windows) -> Vec<usize> {
    let mut found = vec![0; places.len()];
    let (outputs, offsets) = (windows.outputs(), windows.offsets());
    let planes = places.chunks_exact(outputs);
    for (places, found) in planes.zip(found.chunks_exact_mut(outputs)) {
        each_place(places, windows, &offsets, |o, place| found[o] = place);
    }
    found
}

/// Calls `body(output, place)` for the outputs of a plane in order.
#[inline(always)]
fn each_place<P: Place>(
    places: &[P],
    windows: &Windows,
    offsets: &[usize],
    mut body: impl FnMut(usize, usize),
) {
    let width = &windows.axes[2];
    windows.rows(|first, origin| {
        let places = &places[first..first + width.outputs];
        for (o, place) in places.iter().enumerate() {
            let start = if width.adaptive {
                width.window(o).origin
            } else {
                (o * width.stride) as isize - width.padding as isize
            };
            let place = origin + start + offsets[place.tap()] as isize;
            body(first + o, place as usize);
        }
    });
}
