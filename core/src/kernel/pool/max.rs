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
        let width = windows.axes[2].outputs;
        dispatch(Pool {
            xs: &xs[first * inputs..(first + planes) * inputs],
            windows,
            out,
            store: &mut |start, pitch, taps| {
                let rows = places[start..].chunks_exact_mut(width);
                for (places, taps) in rows.zip(taps.chunks_exact(pitch)) {
                    let all = places.iter_mut().zip(taps);
                    all.for_each(|(place, &tap)| *place = P::of(tap));
                }
            },
        });
    });
}

struct Pool<'a, F> {
    xs: &'a [F],
    windows: &'a Windows,
    out: &'a mut [F],
    /// `store(start, pitch, taps)` stores the taps of the outputs from `start` on, whose rows are
    /// `pitch` apart. Only it depends on the type of places, for which the kernel would be compiled
    /// anew.
    store: &'a mut dyn FnMut(usize, usize, &[u32]),
}

impl<F: Float> Kernel for Pool<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        if self.windows.axes[2].adaptive {
            return self.one_by_one();
        }
        let rows = Rows::of(self.windows);
        match (rows.stride, rows.dilation, rows.taps) {
            (2, 1, 2) => self.by_rows::<2, 2>(&rows),
            (2, 1, 3) => self.by_rows::<2, 3>(&rows),
            (1, 1, 3) => self.by_rows::<1, 3>(&rows),
            (1, ..) => self.by_rows::<1, 0>(&rows),
            (2, ..) => self.by_rows::<2, 0>(&rows),
            _ => self.by_rows::<0, 0>(&rows),
        }
    }
}

impl<F: Float> Pool<'_, F> {
    /// Computes each output by itself.
    #[inline(always)]
    fn one_by_one(self) {
        let Self { xs, windows, .. } = self;
        let (inputs, outputs) = (windows.inputs(), windows.outputs());
        let columns = windows.axes[2].outputs;
        let mut found = vec![0; columns];
        let mut start = 0;
        let planes = self.out.chunks_exact_mut(outputs);
        for (plane, out) in xs.chunks_exact(inputs).zip(planes) {
            for (row, out) in out.chunks_exact_mut(columns).enumerate() {
                let lines = Lines::of(plane, windows, row);
                for o in 0..columns {
                    (out[o], found[o]) = lines.largest(o);
                }
                (self.store)(start, columns, &found);
                start += columns;
            }
        }
    }

    /// Computes the maxima of all lines of a row of windows, element by element, and then those of
    /// neighbouring elements. Both are loops over numbers that lie side by side.
    ///
    /// `S` is the stride of the rows, and `K` the number of taps if they lie side by side; 0 for
    /// any.
    #[inline(always)]
    fn by_rows<const S: usize, const K: usize>(self, rows: &Rows) {
        let Self { xs, windows, .. } = self;
        let (inputs, outputs) = (windows.inputs(), windows.outputs());
        let width = &windows.axes[2];
        let (mut values, mut taps) = rows.padded::<F>();
        let mut results = vec![F::zero(); rows.at_once * rows.outputs];
        let mut found = vec![0u32; results.len()];
        let mut start = 0;
        let planes = self.out.chunks_exact_mut(outputs);
        for (plane, out) in xs.chunks_exact(inputs).zip(planes) {
            let piece = rows.at_once * width.outputs;
            for (block, out) in out.chunks_mut(piece).enumerate() {
                let count = out.len() / width.outputs;
                for row in 0..count {
                    let lines = Lines::of(plane, windows, block * rows.at_once + row);
                    let start = row * rows.pitch + width.padding;
                    let range = start..start + rows.used;
                    lines.down(&mut values[range.clone()], &mut taps[range]);
                }
                let found = &mut found[..count * rows.outputs];
                // A row of outputs may have some more, which belong to no window.
                if rows.outputs == width.outputs {
                    rows.across::<F, S, K>(&values, &taps, out, found);
                } else {
                    let results = &mut results[..count * rows.outputs];
                    rows.across::<F, S, K>(&values, &taps, results, found);
                    let wide = results.chunks_exact(rows.outputs);
                    for (out, wide) in out.chunks_exact_mut(width.outputs).zip(wide) {
                        out.copy_from_slice(&wide[..width.outputs]);
                    }
                }
                (self.store)(start, rows.outputs, found);
                start += count * width.outputs;
            }
        }
    }
}

/// Rows of maxima over lines, with room for the padding. Element `S i` of all rows together is the
/// first tap of output `i`.
struct Rows {
    /// The number of rows that are computed together, so that they stay in the nearest cache.
    at_once: usize,
    /// The distance from one row to the next.
    pitch: usize,
    /// The number of outputs for which a row has room.
    outputs: usize,
    /// The number of elements of a line that windows reach.
    used: usize,
    stride: usize,
    taps: usize,
    dilation: usize,
}

/// A tap that is larger than all others, for the padding.
const OUTSIDE: u32 = 1 << 31;

impl Rows {
    fn of(windows: &Windows) -> Self {
        const ELEMENTS: usize = 4096;
        let width = &windows.axes[2];
        let extent = (width.taps - 1) * width.dilation + 1;
        let reach = (width.outputs - 1) * width.stride + extent;
        // The stride of a single window does not matter, and may be huge.
        let stride = if width.outputs == 1 {
            width.stride.min(reach)
        } else {
            width.stride
        };
        let outputs = reach.div_ceil(stride);
        let pitch = outputs * stride;
        Self {
            at_once: (ELEMENTS / pitch).max(1),
            pitch,
            outputs,
            used: width.len.min(pitch - width.padding),
            stride,
            taps: width.taps,
            dilation: width.dilation,
        }
    }

    /// Returns room for the rows and their taps, filled with padding, which no maximum is.
    fn padded<F: Float>(&self) -> (Vec<F>, Vec<u32>) {
        let len = self.at_once * self.pitch + (self.taps - 1) * self.dilation;
        (vec![F::neg_infinity(); len], vec![OUTSIDE; len])
    }

    /// Computes the maxima of the elements of all rows whose distance is the dilation.
    #[inline(always)]
    fn across<F: Float, const S: usize, const K: usize>(
        &self,
        xs: &[F],
        taps: &[u32],
        out: &mut [F],
        found: &mut [u32],
    ) {
        let stride = if S == 0 { self.stride } else { S };
        let count = out.len();
        let found = &mut found[..count];
        if K > 0 {
            let reach = (count - 1) * stride + K;
            let (xs, taps) = (&xs[..reach], &taps[..reach]);
            for i in 0..count {
                let mut best = (xs[i * stride], taps[i * stride]);
                for t in 1..K {
                    let place = i * stride + t;
                    best = larger(best, (xs[place], taps[place] + t as u32));
                }
                (out[i], found[i]) = best;
            }
            return;
        }
        for t in 0..self.taps {
            let start = t * self.dilation;
            let reach = start + (count - 1) * stride + 1;
            let (xs, taps) = (&xs[start..reach], &taps[start..reach]);
            for i in 0..count {
                let x = (xs[i * stride], taps[i * stride] + t as u32);
                (out[i], found[i]) = if t == 0 {
                    x
                } else {
                    larger((out[i], found[i]), x)
                };
            }
        }
    }
}

/// Returns the larger of two elements with their taps: of equal ones the first, of NaN the last.
#[inline(always)]
#[allow(
    clippy::needless_bitwise_bool,
    reason = "branches would keep loops from being vectorized"
)]
fn larger<F: Float>((best, place): (F, u32), (x, tap): (F, u32)) -> (F, u32) {
    let first = (x == best) & (tap < place);
    let last = x.is_nan() & (!best.is_nan() | (tap > place));
    let wins = (x > best) | first | last;
    (if wins { x } else { best }, if wins { tap } else { place })
}

/// The lines of a plane that a row of windows covers.
struct Lines<'a, F> {
    plane: &'a [F],
    depth: Window,
    height: Window,
    axes: &'a [Axis; 3],
}

impl<'a, F: Float> Lines<'a, F> {
    /// Returns the lines of row `row` of the outputs.
    #[inline(always)]
    fn of(plane: &'a [F], windows: &'a Windows, row: usize) -> Self {
        let [depth, height, _] = &windows.axes;
        Self {
            plane,
            depth: depth.window(row / height.outputs),
            height: height.window(row % height.outputs),
            axes: &windows.axes,
        }
    }

    /// Returns the number of lines.
    fn count(&self) -> usize {
        (self.depth.to - self.depth.from) * (self.height.to - self.height.from)
    }

    /// Returns a line and the number of its first tap.
    // No function takes a closure for each line: it would not be inlined, and not vectorized.
    #[inline(always)]
    fn line(&self, number: usize) -> (&'a [F], u32) {
        let [depth, height, width] = self.axes;
        let rows = self.height.to - self.height.from;
        let (d, h) = (
            self.depth.from + number / rows,
            self.height.from + number % rows,
        );
        let layer = (self.depth.origin + (d * depth.dilation) as isize) as usize * height.len;
        let line = (self.height.origin + (h * height.dilation) as isize) as usize;
        let start = (layer + line) * width.len;
        let tap = (d * height.taps + h) * width.taps;
        (&self.plane[start..start + width.len], tap as u32)
    }

    /// Computes the maxima of the first elements of the lines, as many as there are `values`.
    #[inline(always)]
    fn down(&self, values: &mut [F], taps: &mut [u32]) {
        let (len, count) = (values.len(), self.count());
        let (first, tap_first) = self.line(0);
        let (first, taps) = (&first[..len], &mut taps[..len]);
        if count == 1 {
            values.copy_from_slice(first);
            taps.fill(tap_first);
            return;
        }
        // The first two lines need no sweep of their own over the result.
        let (line, tap) = self.line(1);
        let line = &line[..len];
        for i in 0..len {
            let wins = (line[i] > first[i]) | line[i].is_nan();
            values[i] = if wins { line[i] } else { first[i] };
            taps[i] = if wins { tap } else { tap_first };
        }
        for number in 2..count {
            let (line, tap) = self.line(number);
            let line = &line[..len];
            for i in 0..len {
                let wins = (line[i] > values[i]) | line[i].is_nan();
                values[i] = if wins { line[i] } else { values[i] };
                taps[i] = if wins { tap } else { taps[i] };
            }
        }
    }

    /// Computes one output and its tap.
    #[inline(always)]
    fn largest(&self, o: usize) -> (F, u32) {
        let width = &self.axes[2];
        let window = width.window(o);
        let mut best = (F::neg_infinity(), OUTSIDE);
        for number in 0..self.count() {
            let (line, tap) = self.line(number);
            for t in window.from..window.to {
                let x = line[(window.origin + (t * width.dilation) as isize) as usize];
                best = larger(best, (x, tap + t as u32));
            }
        }
        best
    }
}

/// Adds each output's number to the place of its maximum, among zeros.
pub(crate) fn spread<F: Float, P: Place>(gs: &[F], places: &[P], windows: &Windows, out: &mut [F]) {
    let (inputs, outputs) = (windows.inputs(), windows.outputs());
    let planes = windows.planes_per_task(GRAIN);
    let offsets = windows.offsets();
    parallel::chunks_mut(out, planes * inputs, &|start, out| {
        let first = start / inputs * outputs;
        let planes = gs[first..].chunks_exact(outputs);
        let planes = planes.zip(places[first..].chunks_exact(outputs));
        for ((gs, places), out) in planes.zip(out.chunks_exact_mut(inputs)) {
            out.fill(F::zero());
            each_place(places, windows, &offsets, |o, place| out[place] += gs[o]);
        }
    });
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
