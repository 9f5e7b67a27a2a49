//! Copies of windows: the matrix of all windows (im2col) and its transpose.

use super::windows::{Axis, Windows};
use crate::kernel::float::Float;
use crate::kernel::threads::parallel::{self, GRAIN};
use std::ops::Range;

/// Copies (planes, inputs) to (planes, taps, outputs). Taps in the padding are 0.
pub(crate) fn unfold<F: Float>(xs: &[F], windows: &Windows, out: &mut [F]) {
    let (inputs, outputs, taps) = (windows.inputs(), windows.outputs(), windows.taps());
    let rows = (GRAIN / outputs.max(1)).max(1);
    parallel::chunks_mut(out, rows * outputs, &|start, out| {
        for (row, out) in out.chunks_exact_mut(outputs).enumerate() {
            let row = start / outputs + row;
            let plane = &xs[row / taps * inputs..(row / taps + 1) * inputs];
            out.fill(F::zero());
            each_piece(windows, row % taps, |output, input, count, stride| {
                let out = &mut out[output..output + count];
                if stride == 1 {
                    out.copy_from_slice(&plane[input..input + count]);
                } else {
                    let xs = plane[input..].iter().step_by(stride);
                    out.iter_mut().zip(xs).for_each(|(out, &x)| *out = x);
                }
            });
        }
    });
}

/// Adds (planes, taps, outputs) up to (planes, inputs), in the order of the taps.
pub(crate) fn fold<F: Float>(xs: &[F], windows: &Windows, out: &mut [F]) {
    let (inputs, outputs, taps) = (windows.inputs(), windows.outputs(), windows.taps());
    let planes = (GRAIN / (taps * outputs).max(1)).max(1);
    parallel::chunks_mut(out, planes * inputs, &|start, out| {
        out.fill(F::zero());
        for (plane, out) in out.chunks_exact_mut(inputs).enumerate() {
            let first = (start / inputs + plane) * taps;
            for tap in 0..taps {
                let xs = &xs[(first + tap) * outputs..(first + tap + 1) * outputs];
                each_piece(windows, tap, |output, input, count, stride| {
                    let xs = &xs[output..output + count];
                    let out = out[input..].iter_mut().step_by(stride);
                    out.zip(xs).for_each(|(out, &x)| *out += x);
                });
            }
        }
    });
}

/// Calls `body(output, input, count, stride)` for each row of outputs of a plane with `count`
/// outputs for which the tap is not in the padding: their numbers follow each other from `output`
/// on, and their inputs have the distance `stride`.
#[inline(always)]
fn each_piece(windows: &Windows, tap: usize, mut body: impl FnMut(usize, usize, usize, usize)) {
    let [depth, height, width] = &windows.axes;
    let taps = [
        tap / width.taps / height.taps,
        tap / width.taps % height.taps,
        tap % width.taps,
    ];
    let range = |axis: &Axis, t: usize| -> Range<usize> { axis.outputs_of(t) };
    let input =
        |axis: &Axis, t: usize, o: usize| o * axis.stride + t * axis.dilation - axis.padding;
    let columns = range(width, taps[2]);
    if columns.is_empty() {
        return;
    }
    for d in range(depth, taps[0]) {
        for h in range(height, taps[1]) {
            let line = input(depth, taps[0], d) * height.len + input(height, taps[1], h);
            let output = (d * height.outputs + h) * width.outputs + columns.start;
            let input = line * width.len + input(width, taps[2], columns.start);
            body(output, input, columns.len(), width.stride);
        }
    }
}
