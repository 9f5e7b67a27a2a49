//! Recurrent layers: all steps of one direction, forward and backward.
//!
//! A step is one parallel region. Each task computes the products for some units of some samples
//! and then the equations of the cell for them, while the products are in the cache.

pub(crate) mod cells;
pub(crate) mod product;

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::threads::parallel;
use cells::{Cell, Reverse, Step, UNITS, Units};
use product::{Panels, Plane, Product, Rows};
use std::marker::PhantomData;
use std::ops::Range;

/// Multiplications that pay for waking a thread.
const TASK: usize = 1 << 19;
/// Samples that are computed together: their products stay in the cache.
const SAMPLES: usize = 48;
/// Samples of a thread that pay for reading the whole weight.
const OWN_SAMPLES: usize = 12;

/// The sizes of a sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes<'a> {
    pub time: usize,
    pub batch: usize,
    pub hidden: usize,
    /// The number of steps of each sequence, all from 1 to `time`; `time` if absent.
    pub lengths: Option<&'a [usize]>,
}

impl Sizes<'_> {
    /// Returns the number of elements of the states of one step.
    pub(crate) fn states(&self) -> usize {
        self.batch * self.hidden
    }

    #[inline(always)]
    fn steps(&self, sample: usize) -> usize {
        self.lengths.map_or(self.time, |lengths| lengths[sample])
    }

    /// Calls `body(samples, units)` for all parts of the states of a step. Units begin with a
    /// panel.
    ///
    /// If each thread has enough samples, it has the same ones at every step, and finds their
    /// states in its own cache. Otherwise the threads share the units, and each reads a part of the
    /// weight only.
    fn parts(&self, panels: &Panels, body: &(dyn Fn(Range<usize>, Range<usize>) + Sync)) {
        let (batch, hidden) = (self.batch, self.hidden);
        let width = UNITS.max(panels.units_per_panel());
        let columns = hidden.div_ceil(width);
        let per_sample = panels.depth * panels.groups * width;
        let own = batch.div_ceil(parallel::threads());
        let (rows, together) = if own >= OWN_SAMPLES {
            let rows = own.div_ceil(own.div_ceil(SAMPLES));
            (rows.max(TASK / (columns * per_sample).max(1)), columns)
        } else {
            let cost = SAMPLES.min(batch) * per_sample;
            (SAMPLES, TASK / cost.max(1))
        };
        let together = together.max(1);
        let across = columns.div_ceil(together);
        parallel::ranges(across * batch.div_ceil(rows), 1, &|task| {
            let (row, column) = (task.start / across * rows, task.start % across * together);
            let (end, units) = (
                batch.min(row + rows),
                column * width..hidden.min((column + together) * width),
            );
            for first in (row..end).step_by(SAMPLES) {
                body(first..end.min(first + SAMPLES), units.clone());
            }
        });
    }
}

/// The recurrent weight in panels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight<'a, F> {
    pub panels: &'a Panels,
    /// None if the memory of products has those of the only step already. A copy of the weight
    /// pays only if several steps read it.
    pub elements: Option<&'a [F]>,
}

/// Returns some elements of a row, padded with zeros.
#[inline(always)]
fn load<F: Float>(xs: &[F], row: usize, width: usize, columns: &Range<usize>) -> Units<F> {
    let xs = &xs[row * width + columns.start..row * width + columns.end];
    if let Ok(whole) = <&Units<F>>::try_from(xs) {
        return *whole;
    }
    let mut units = [F::zero(); UNITS];
    units.iter_mut().zip(xs).for_each(|(unit, &x)| *unit = x);
    units
}

#[inline(always)]
fn store<F: Float>(out: &mut [F], units: &Units<F>) {
    if let Ok(whole) = <&mut Units<F>>::try_from(&mut *out) {
        *whole = *units;
        return;
    }
    out.iter_mut()
        .zip(units)
        .for_each(|(out, &unit)| *out = unit);
}

/// Returns the columns of the same units in another block of a row.
#[inline(always)]
fn block(number: usize, hidden: usize, units: &Range<usize>) -> Range<usize> {
    number * hidden + units.start..number * hidden + units.end
}

/// The memory of the forward pass.
pub(crate) struct Forward<'a, F> {
    /// The projected inputs (time, batch, gates · hidden), which the gates replace.
    pub gates: &'a mut [F],
    /// The values kept for backward (time + 1, batch, hidden), from the initial cell state on.
    /// Empty if the cell keeps none.
    pub kept: &'a mut [F],
    /// The states (time + 1, batch, hidden) from the initial state on, then the last state of each
    /// sequence (batch, hidden), then the last cell state if the cell has one.
    pub states: &'a mut [F],
    /// Memory for (batch, gates · hidden) products.
    pub products: &'a mut [F],
}

/// The biases of a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Biases<'a, F> {
    /// The bias of each gate's sum (gates · hidden), or empty.
    pub gates: &'a [F],
    /// The bias of the product of the last gate (hidden), if a gate scales that product; or empty.
    pub product: &'a [F],
}

/// Computes all steps.
pub(crate) fn forward<C: Cell, F: Float>(
    cell: C,
    sizes: Sizes<'_>,
    weight: Weight<'_, F>,
    biases: Biases<'_, F>,
    memory: &mut Forward<'_, F>,
) {
    let (len, width) = (sizes.states(), C::GATES * sizes.hidden);
    let (states, last) = memory.states.split_at_mut((sizes.time + 1) * len);
    let last = Plane::of(last, sizes.hidden);
    let products = Plane::of(memory.products, width);
    for time in 0..sizes.time {
        let (before, state) = states.split_at_mut((time + 1) * len);
        let before = &before[time * len..];
        let (kept_before, kept) = if C::KEEPS {
            let (before, kept) = memory.kept.split_at_mut((time + 1) * len);
            (&before[time * len..], &mut kept[..len])
        } else {
            Default::default()
        };
        let gates = &mut memory.gates[time * len * C::GATES..(time + 1) * len * C::GATES];
        let gates = Plane::of(gates, width);
        let (kept, state) = (
            Plane::of(kept, sizes.hidden),
            Plane::of(&mut state[..len], sizes.hidden),
        );
        sizes.parts(weight.panels, &|samples, units| {
            if let Some(elements) = weight.elements {
                dispatch(Product {
                    panels: weight.panels,
                    weight: elements,
                    a: Rows {
                        data: before,
                        stride: sizes.hidden,
                    },
                    rows: samples.clone(),
                    units: units.clone(),
                    out: &products,
                });
            }
            dispatch(ForwardPart {
                cell,
                sizes,
                time,
                samples,
                units,
                before,
                kept_before,
                biases,
                products: &products,
                gates: &gates,
                kept: &kept,
                state: &state,
                last: &last,
            });
        });
    }
}

/// The equations of some units of some samples at one step of the forward pass. No other thread
/// uses these units and samples of the planes.
struct ForwardPart<'a, C, F> {
    cell: C,
    sizes: Sizes<'a>,
    time: usize,
    samples: Range<usize>,
    units: Range<usize>,
    before: &'a [F],
    kept_before: &'a [F],
    biases: Biases<'a, F>,
    products: &'a Plane<F>,
    gates: &'a Plane<F>,
    kept: &'a Plane<F>,
    state: &'a Plane<F>,
    last: &'a Plane<F>,
}

impl<C: Cell, F: Float> Kernel for ForwardPart<'_, C, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let hidden = self.sizes.hidden;
        for sample in self.samples.clone() {
            let steps = self.sizes.steps(sample);
            for start in self.units.clone().step_by(UNITS) {
                let units = start..(start + UNITS).min(self.units.end);
                self.part::<I>(sample, steps, hidden, units);
            }
        }
    }
}

impl<C: Cell, F: Float> ForwardPart<'_, C, F> {
    #[inline(always)]
    fn part<I: Isa>(&self, sample: usize, steps: usize, hidden: usize, units: Range<usize>) {
        let zeros = [F::zero(); UNITS];
        let mut x = Step {
            inputs: [zeros; 4],
            biases: [zeros; 4],
            products: [zeros; 4],
            bias: zeros,
            before: load(self.before, sample, hidden, &units),
            kept_before: zeros,
        };
        if C::HAS_CELL_STATE {
            x.kept_before = load(self.kept_before, sample, hidden, &units);
        }
        if !self.biases.product.is_empty() {
            x.bias = load(self.biases.product, 0, 0, &units);
        }
        for gate in 0..C::GATES {
            let columns = block(gate, hidden, &units);
            let whole = 0..columns.len();
            if !self.biases.gates.is_empty() {
                x.biases[gate] = load(self.biases.gates, 0, 0, &columns);
            }
            // SAFETY: no other thread uses these elements, and the slices live for one line each.
            unsafe {
                x.inputs[gate] = load(self.gates.piece(sample, columns.clone()), 0, 0, &whole);
                x.products[gate] = load(self.products.piece(sample, columns), 0, 0, &whole);
            }
        }
        let is_past = self.time >= steps;
        let y = if is_past {
            cells::Stepped {
                gates: [zeros; 4],
                kept: zeros,
                state: zeros,
            }
        } else {
            self.cell.step::<F, I>(&x)
        };
        // SAFETY: as above.
        unsafe {
            // The state of a simple cell is its gate.
            if C::GATES > 1 {
                for gate in 0..C::GATES {
                    let columns = block(gate, hidden, &units);
                    store(self.gates.piece(sample, columns), &y.gates[gate]);
                }
            }
            if C::KEEPS {
                store(self.kept.piece(sample, units.clone()), &y.kept);
            }
            store(self.state.piece(sample, units.clone()), &y.state);
            if self.time + 1 == steps {
                store(self.last.piece(sample, units.clone()), &y.state);
                if C::HAS_CELL_STATE {
                    let row = self.sizes.batch + sample;
                    store(self.last.piece(row, units), &y.kept);
                }
            }
        }
    }
}

/// A cotangent (time, batch, hidden) whose units are contiguous.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cotangent<'a, F> {
    pub data: &'a [F],
    pub offset: usize,
    /// The strides of time and batch.
    pub strides: [isize; 2],
}

/// The values that the backward pass reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saved<'a, F> {
    pub gates: &'a [F],
    pub kept: &'a [F],
    pub states: &'a [F],
    /// The cotangent of the states of all steps, if there is one.
    pub cotangent: Option<Cotangent<'a, F>>,
    /// The cotangents of the last states, or empty.
    pub last: &'a [F],
}

/// The memory of the backward pass.
pub(crate) struct Backward<'a, F> {
    /// The cotangents of the sums (time, batch, sums · hidden), which the pass computes.
    pub sums: &'a mut [F],
    /// The cotangent that goes from a step to the one before it, besides that through the product:
    /// (batch, hidden), at the end that of the initial cell state, or a part of that of the
    /// initial state.
    pub carry: &'a mut [F],
    /// Memory for (batch, hidden) products.
    pub products: &'a mut [F],
}

/// Computes the cotangents of the sums of all steps.
pub(crate) fn backward<C: Cell, F: Float>(
    cell: C,
    sizes: Sizes<'_>,
    weight: Weight<'_, F>,
    saved: Saved<'_, F>,
    memory: &mut Backward<'_, F>,
) {
    let (len, width) = (sizes.states(), C::SUMS * sizes.hidden);
    memory.carry.fill(F::zero());
    let carry = Plane::of(memory.carry, sizes.hidden);
    let products = Plane::of(memory.products, sizes.hidden);
    for time in (0..sizes.time).rev() {
        let (sums, later) = memory.sums.split_at_mut((time + 1) * len * C::SUMS);
        let sums = Plane::of(&mut sums[time * len * C::SUMS..], width);
        let elements = weight.elements.filter(|_| time + 1 < sizes.time);
        sizes.parts(weight.panels, &|samples, units| {
            if let Some(elements) = elements {
                dispatch(Product {
                    panels: weight.panels,
                    weight: elements,
                    a: Rows {
                        data: later,
                        stride: width,
                    },
                    rows: samples.clone(),
                    units: units.clone(),
                    out: &products,
                });
            }
            dispatch(BackwardPart {
                cell,
                sizes,
                time,
                samples,
                units,
                saved,
                products: elements.map(|_| &products),
                carry: &carry,
                sums: &sums,
                kind: PhantomData,
            });
        });
    }
}

/// The cotangents of some units of some samples at one step. No other thread uses these units and
/// samples of the planes.
struct BackwardPart<'a, C, F> {
    cell: C,
    sizes: Sizes<'a>,
    time: usize,
    samples: Range<usize>,
    units: Range<usize>,
    saved: Saved<'a, F>,
    products: Option<&'a Plane<F>>,
    carry: &'a Plane<F>,
    sums: &'a Plane<F>,
    kind: PhantomData<F>,
}

impl<C: Cell, F: Float> Kernel for BackwardPart<'_, C, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        for sample in self.samples.clone() {
            let steps = self.sizes.steps(sample);
            for start in self.units.clone().step_by(UNITS) {
                let units = start..(start + UNITS).min(self.units.end);
                self.part::<I>(sample, steps, units);
            }
        }
    }
}

impl<C: Cell, F: Float> BackwardPart<'_, C, F> {
    #[inline(always)]
    fn part<I: Isa>(&self, sample: usize, steps: usize, units: Range<usize>) {
        let zeros = [F::zero(); UNITS];
        let (hidden, batch) = (self.sizes.hidden, self.sizes.batch);
        if self.time >= steps {
            // The products of later steps and the carry are 0 too.
            for sum in 0..C::SUMS {
                // SAFETY: no other thread uses these elements.
                let out = unsafe { self.sums.piece(sample, block(sum, hidden, &units)) };
                out.fill(F::zero());
            }
            return;
        }
        let (saved, whole) = (&self.saved, 0..units.len());
        let row = self.time * batch + sample;
        let mut x = Reverse {
            gates: [zeros; 4],
            before: load(saved.states, row, hidden, &units),
            kept_before: zeros,
            kept: zeros,
            state: load(saved.states, row + batch, hidden, &units),
            cotangent: zeros,
            carry: zeros,
        };
        if C::GATES > 1 {
            for gate in 0..C::GATES {
                let columns = block(gate, hidden, &units);
                x.gates[gate] = load(saved.gates, row, C::GATES * hidden, &columns);
            }
        }
        if C::HAS_CELL_STATE {
            x.kept_before = load(saved.kept, row, hidden, &units);
        }
        if C::KEEPS {
            x.kept = load(saved.kept, row + batch, hidden, &units);
        }
        // SAFETY: no other thread uses these elements, and the slices live for one line each.
        unsafe {
            x.carry = load(self.carry.piece(sample, units.clone()), 0, 0, &whole);
            if let Some(products) = self.products {
                x.cotangent = load(products.piece(sample, units.clone()), 0, 0, &whole);
            }
        }
        let mut add = |to_carry: bool, more: Units<F>| {
            let sum = if to_carry {
                &mut x.carry
            } else {
                &mut x.cotangent
            };
            for l in 0..UNITS {
                sum[l] += more[l];
            }
        };
        if let Some(g) = &saved.cotangent {
            let [of_time, of_sample] = g.strides;
            let place = self.time as isize * of_time + sample as isize * of_sample;
            let start = (g.offset as isize + place) as usize;
            add(false, load(&g.data[start..], 0, 0, &units));
        }
        if self.time + 1 == steps && !saved.last.is_empty() {
            add(false, load(saved.last, sample, hidden, &units));
            if C::HAS_CELL_STATE {
                add(true, load(saved.last, batch + sample, hidden, &units));
            }
        }
        let y = self.cell.reverse::<F, I>(&x);
        // SAFETY: as above.
        unsafe {
            for sum in 0..C::SUMS {
                store(
                    self.sums.piece(sample, block(sum, hidden, &units)),
                    &y.sums[sum],
                );
            }
            store(self.carry.piece(sample, units), &y.carry);
        }
    }
}
