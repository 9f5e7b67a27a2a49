//! Linear maps of planes that are products of one map for each axis: average pooling, upsampling,
//! and their transposes.
//!
//! All axes of a plane are mapped while it is in the cache.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::threads::parallel::{self, GRAIN};
use std::ops::Range;

/// A linear map along one axis. Each output is a weighted sum of neighbouring inputs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AxisMap {
    /// The number of inputs.
    len: usize,
    /// The inputs of each output.
    runs: Vec<Range<usize>>,
    /// The weights of all runs one after the other, or ones.
    weights: Option<Vec<f64>>,
    /// The number that each output is divided by. An exact sum is rounded once then.
    divisors: Option<Vec<f64>>,
}

impl AxisMap {
    /// Returns the map that copies the axis.
    pub(crate) fn identity(len: usize) -> Self {
        Self::sums(len, (0..len).map(|i| i..i + 1).collect())
    }

    /// Returns the map of unweighted sums.
    pub(crate) fn sums(len: usize, runs: Vec<Range<usize>>) -> Self {
        Self {
            len,
            runs,
            weights: None,
            divisors: None,
        }
    }

    /// Returns the map of weighted sums.
    pub(crate) fn weighted(len: usize, runs: Vec<Range<usize>>, weights: Vec<f64>) -> Self {
        Self {
            weights: Some(weights),
            ..Self::sums(len, runs)
        }
    }

    /// Divides each output by a number.
    pub(crate) fn divided(self, divisors: Vec<f64>) -> Self {
        Self {
            divisors: Some(divisors),
            ..self
        }
    }

    pub(crate) fn outputs(&self) -> usize {
        self.runs.len()
    }

    fn is_identity(&self) -> bool {
        let copies = |(i, run): (usize, &Range<usize>)| *run == (i..i + 1);
        self.weights.is_none()
            && self.divisors.is_none()
            && self.len == self.runs.len()
            && self.runs.iter().enumerate().all(copies)
    }

    /// Returns the transpose. Both ends of the runs must ascend: then the outputs that use an input
    /// are neighbours.
    pub(crate) fn transposed(&self) -> Self {
        let mut runs: Vec<Range<usize>> = vec![0..0; self.len];
        let mut terms: Vec<Vec<f64>> = vec![Vec::new(); self.len];
        let mut place = 0;
        for (o, run) in self.runs.iter().enumerate() {
            for i in run.clone() {
                if terms[i].is_empty() {
                    runs[i] = o..o;
                }
                let weight = self.weights.as_ref().map_or(1.0, |weights| weights[place]);
                let divisor = self.divisors.as_ref().map_or(1.0, |divisors| divisors[o]);
                terms[i].push(weight / divisor);
                runs[i].end = o + 1;
                place += 1;
            }
        }
        let weights = terms.concat();
        let is_weighted = weights.iter().any(|&weight| weight != 1.0);
        Self {
            len: self.runs.len(),
            runs,
            weights: is_weighted.then_some(weights),
            divisors: None,
        }
    }
}

/// Maps the axes of each plane, of which there are `xs.len()` divided by the inputs of a plane.
pub(crate) fn map<F: Float>(xs: &[F], axes: &[AxisMap; 3], out: &mut [F]) {
    let inputs: usize = axes.iter().map(|axis| axis.len).product();
    let outputs: usize = axes.iter().map(AxisMap::outputs).product();
    let planes = (GRAIN / inputs.max(outputs).max(1)).max(1);
    let coefficients = axes.each_ref().map(Coefficients::<F>::of);
    // Axes that become shorter are mapped from the first to the last, so that the last one, along
    // which numbers lie side by side, is the shortest sweep; axes that become longer in reverse.
    let mut order = [0, 1, 2];
    if outputs > inputs {
        order.reverse();
    }
    let order: Vec<usize> = order
        .into_iter()
        .filter(|&a| !axes[a].is_identity())
        .collect();
    parallel::chunks_mut(out, planes * outputs, &|start, out| {
        let first = start / outputs * inputs;
        dispatch(Planes {
            xs: &xs[first..first + out.len() / outputs * inputs],
            steps: Steps {
                axes,
                coefficients: &coefficients,
                order: &order,
            },
            out,
        });
    });
}

/// The numbers of an [`AxisMap`] in the type of the elements. Empty ones are all 1.
struct Coefficients<F> {
    weights: Vec<F>,
    divisors: Vec<F>,
}

impl<F: Float> Coefficients<F> {
    fn of(axis: &AxisMap) -> Self {
        let converted = |values: &Option<Vec<f64>>| {
            let values = values.iter().flatten();
            values.map(|&value| F::from_f64(value)).collect()
        };
        Self {
            weights: converted(&axis.weights),
            divisors: converted(&axis.divisors),
        }
    }
}

struct Planes<'a, F> {
    xs: &'a [F],
    steps: Steps<'a, F>,
    out: &'a mut [F],
}

#[derive(Clone, Copy)]
struct Steps<'a, F> {
    axes: &'a [AxisMap; 3],
    coefficients: &'a [Coefficients<F>; 3],
    /// The axes that are mapped, in order.
    order: &'a [usize],
}

impl<F: Float> Kernel for Planes<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { xs, steps, out } = self;
        let lengths = steps.axes.each_ref().map(|axis| axis.len);
        let inputs: usize = lengths.iter().product();
        let outputs: usize = steps.axes.iter().map(AxisMap::outputs).product();
        let Some((&last, before)) = steps.order.split_last() else {
            out.copy_from_slice(xs);
            return;
        };
        let [mut from, mut to] = steps.scratch();
        let planes = xs.chunks_exact(inputs);
        for (xs, out) in planes.zip(out.chunks_exact_mut(outputs)) {
            let mut sizes = lengths;
            for (i, &axis) in before.iter().enumerate() {
                let source = if i == 0 { xs } else { &from };
                steps.map(axis, sizes, source, &mut to);
                sizes[axis] = steps.axes[axis].outputs();
                std::mem::swap(&mut from, &mut to);
            }
            let source = if before.is_empty() { xs } else { &from };
            steps.map(last, sizes, source, out);
        }
    }
}

impl<F: Float> Steps<'_, F> {
    /// Returns room for the planes between the steps.
    fn scratch(self) -> [Vec<F>; 2] {
        let mut sizes = self.axes.each_ref().map(|axis| axis.len);
        let mut most = 0;
        for &axis in self.order.iter().rev().skip(1).rev() {
            sizes[axis] = self.axes[axis].outputs();
            most = most.max(sizes.iter().product());
        }
        [(); 2].map(|()| vec![F::zero(); most])
    }

    /// Maps one axis of a plane of these sizes.
    #[inline(always)]
    fn map(self, axis: usize, sizes: [usize; 3], xs: &[F], out: &mut [F]) {
        let inner: usize = sizes[axis + 1..].iter().product();
        let outer: usize = sizes[..axis].iter().product();
        let (map, coefficients) = (&self.axes[axis], &self.coefficients[axis]);
        let blocks = xs.chunks_exact(map.len * inner).take(outer);
        let results = out.chunks_exact_mut(map.outputs() * inner);
        for (xs, out) in blocks.zip(results) {
            if inner == 1 {
                line(xs, map, coefficients, out);
            } else {
                rows(xs, inner, map, coefficients, out);
            }
        }
    }
}

/// Maps a line of elements.
#[inline(always)]
fn line<F: Float>(xs: &[F], map: &AxisMap, coefficients: &Coefficients<F>, out: &mut [F]) {
    let mut place = 0;
    for (run, out) in map.runs.iter().zip(out.iter_mut()) {
        let xs = &xs[run.clone()];
        *out = if coefficients.weights.is_empty() {
            sum(xs)
        } else {
            let weights = &coefficients.weights[place..place + xs.len()];
            place += xs.len();
            let mut sum = F::zero();
            for (&x, &weight) in xs.iter().zip(weights) {
                sum += x * weight;
            }
            sum
        };
    }
    for (out, &divisor) in out.iter_mut().zip(&coefficients.divisors) {
        *out /= divisor;
    }
}

/// Adds up elements: in order if they are few, else with several sums side by side.
#[inline(always)]
fn sum<F: Float>(xs: &[F]) -> F {
    const LANES: usize = 8;
    if let [x] = xs {
        return *x;
    }
    let mut total = F::zero();
    let mut rest = xs;
    if xs.len() >= 2 * LANES {
        let mut sums = [F::zero(); LANES];
        let chunks = xs.chunks_exact(LANES);
        rest = chunks.remainder();
        for chunk in chunks {
            for i in 0..LANES {
                sums[i] += chunk[i];
            }
        }
        for sum in sums {
            total += sum;
        }
    }
    for &x in rest {
        total += x;
    }
    total
}

/// Maps rows of `inner` elements side by side.
#[inline(always)]
fn rows<F: Float>(
    xs: &[F],
    inner: usize,
    map: &AxisMap,
    coefficients: &Coefficients<F>,
    out: &mut [F],
) {
    let mut place = 0;
    for (o, (run, out)) in map.runs.iter().zip(out.chunks_exact_mut(inner)).enumerate() {
        let rows = xs[run.start * inner..run.end * inner].chunks_exact(inner);
        for (i, row) in rows.enumerate() {
            match coefficients.weights.get(place + i) {
                None if i == 0 => out.copy_from_slice(row),
                None => {
                    for (out, &x) in out.iter_mut().zip(row) {
                        *out += x;
                    }
                }
                Some(&weight) if i == 0 => {
                    for (out, &x) in out.iter_mut().zip(row) {
                        *out = x * weight;
                    }
                }
                Some(&weight) => {
                    for (out, &x) in out.iter_mut().zip(row) {
                        *out += x * weight;
                    }
                }
            }
        }
        if run.is_empty() {
            out.fill(F::zero());
        }
        place += run.len();
        if let Some(&divisor) = coefficients.divisors.get(o) {
            for out in out.iter_mut() {
                *out /= divisor;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transpose_of_a_map() {
        let map = AxisMap::weighted(4, vec![0..2, 1..3, 3..4], vec![0.5, 0.25, 2.0, 3.0, 4.0])
            .divided(vec![1.0, 2.0, 1.0]);
        let matrix = |map: &AxisMap| {
            let mut columns = Vec::new();
            for i in 0..map.len {
                let unit: Vec<f64> = (0..map.len).map(|j| f64::from(u8::from(i == j))).collect();
                let mut out = vec![f64::NAN; map.outputs()];
                let axes = [AxisMap::identity(1), AxisMap::identity(1), map.clone()];
                super::map(&unit, &axes, &mut out);
                columns.push(out);
            }
            columns
        };
        let (forward, backward) = (matrix(&map), matrix(&map.transposed()));
        for (i, column) in forward.iter().enumerate() {
            for (o, &x) in column.iter().enumerate() {
                assert_eq!(x, backward[o][i], "{i} {o}");
            }
        }
        assert_eq!(map.transposed().transposed().transposed(), map.transposed());
    }

    #[test]
    fn axes_of_a_plane() {
        // Sums of neighbours along all three axes.
        let sums = AxisMap::sums(3, vec![0..2, 1..3]);
        let xs: Vec<f64> = (0..54).map(f64::from).collect();
        let mut out = vec![f64::NAN; 16];
        map(&xs, &[sums.clone(), sums.clone(), sums], &mut out);
        for (o, &found) in out.iter().enumerate() {
            let (plane, d, h, w) = (o / 8, o / 4 % 2, o / 2 % 2, o % 2);
            let corner = plane * 27 + d * 9 + h * 3 + w;
            assert_eq!(found, (8 * corner + 4 * (9 + 3 + 1)) as f64);
        }
    }
}
