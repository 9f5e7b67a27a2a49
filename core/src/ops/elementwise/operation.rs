//! Differentiable operations made of a formula: `#[elementwise]` writes calls of the functions
//! here.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp, stretch};
use crate::error::{Error, Result};
use crate::kernel::elementwise::loops::{AllLoops, Compiled, Wanted};
use crate::kernel::threads::parallel::GRAIN;
use crate::kernel::{Formula, Needs};
use crate::ops::elementwise::arithmetic::sum_of_some;
use crate::ops::elementwise::symbolic::{Symbol, Tape};
use crate::ops::loss::reduction::expect_losses;
use crate::ops::reduce::sum::{mean_to_shape, sum_each};
use crate::tensor::{Array, Axes, Reduced as Over, Shape, broadcast_shapes};
use smallvec::{SmallVec, smallvec};
use std::iter;

/// A formula with a name.
pub trait Operation<const N: usize>: Formula<N> {
    /// The name, for errors and drawings.
    const NAME: &'static str;
    /// The role in a net, for an observer such as the signal report.
    const KIND: OpKind;
    /// Returns the name of this formula, for a type that has several.
    fn name(self) -> &'static str {
        Self::NAME
    }
}

/// How the elements of a formula are reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduced {
    /// The sum.
    Sum,
    /// The mean.
    Mean,
}

/// Applies a formula of one operand.
#[doc(hidden)]
#[track_caller]
pub fn apply_one<E: Operation<1>>(formula: E, x: &Tensor) -> Tensor {
    record(&Compiled(formula), [x], x.array().shape())
}

/// Applies a formula to operands of one dtype, broadcast.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not broadcast, [`Error::DType`] if the dtypes differ.
#[doc(hidden)]
pub fn apply<const N: usize, E: Operation<N>>(
    formula: E,
    operands: [&Tensor; N],
) -> Result<Tensor> {
    let shape = joint_shape(formula.name(), &operands)?;
    Ok(record(&Compiled(formula), operands, &shape))
}

/// Applies a formula to operands of one dtype, whose shapes are known to broadcast.
pub(crate) fn apply_known<const N: usize, E: Operation<N>>(
    formula: E,
    operands: [&Tensor; N],
) -> Tensor {
    let mut shape = operands[0].array().shape().clone();
    for operand in &operands[1..] {
        if *operand.array().shape() != shape {
            let joint = broadcast_shapes(E::NAME, &shape, operand.shape());
            shape = joint.expect("the caller knows that the shapes fit");
        }
    }
    record(&Compiled(formula), operands, &shape)
}

/// Applies a formula of one operand and returns the sum of the elements.
#[doc(hidden)]
#[track_caller]
pub fn sum_one<E: Operation<1>>(formula: E, x: &Tensor) -> Tensor {
    record_reduced(
        &Compiled(formula),
        [x],
        x.array().shape(),
        &Over::all(x.shape()),
        Reduced::Sum,
    )
}

/// Applies a formula and reduces the elements, over all axes if none are given. The operands are
/// broadcast to the shape of the first one.
///
/// # Errors
/// [`Error::Shape`] if an operand does not broadcast to the shape of the first one, or if there is
/// nothing to take the mean of; [`Error::DType`] if the dtypes differ; those of the axes.
#[doc(hidden)]
pub fn reduce<const N: usize, E: Operation<N>>(
    formula: E,
    reduced: Reduced,
    axes: Option<Axes>,
    operands: [&Tensor; N],
) -> Result<Tensor> {
    let shape = joint_shape(E::NAME, &operands)?;
    let over = checked_reduction(E::NAME, &shape, reduced, axes, operands[0])?;
    let formula = Compiled(formula);
    Ok(record_reduced(&formula, operands, &shape, &over, reduced))
}

/// Returns the shape to which the operands broadcast. There is memory for a result of this shape.
fn joint_shape(op: &'static str, operands: &[&Tensor]) -> Result<Shape> {
    let first = operands[0];
    let mut shape = first.array().shape().clone();
    let mut is_larger = false;
    for operand in &operands[1..] {
        first.expect_same_dtype(op, operand)?;
        if *operand.array().shape() != shape {
            shape = broadcast_shapes(op, &shape, operand.shape())?;
            is_larger = true;
        }
    }
    // Only for large results: the check is most of the cost of an operation on scalars.
    if is_larger || shape.element_count() > GRAIN {
        shape.reserve(op, first.dtype())?;
    }
    Ok(shape)
}

fn checked_reduction(
    op: &'static str,
    shape: &Shape,
    reduced: Reduced,
    axes: Option<Axes>,
    first: &Tensor,
) -> Result<Over> {
    if first.shape() != &shape[..] {
        let reason = "a reduction broadcasts to the shape of the first operand only";
        return Err(Error::shape(op, reason, &[first.shape(), &shape[..]]));
    }
    let over = match axes {
        Some(axes) => axes.resolve(op, shape)?,
        None => Over::all(shape),
    };
    if reduced == Reduced::Mean {
        expect_losses(op, over.count, shape)?;
    }
    Ok(over)
}

/// A formula without its type: what is recorded of all formulas is compiled once.
trait Erased: AllLoops + Send {
    fn name(&self) -> &'static str;
    fn kind(&self) -> OpKind;
    fn needs(&self) -> &'static [Needs];
    fn factor(&self, operand: usize) -> Option<f64>;
    /// Returns the cotangent of operand `k`, recorded.
    fn pull_symbols<'t>(
        &self,
        k: usize,
        g: Symbol<'t>,
        operands: &[Symbol<'t>],
        result: Symbol<'t>,
    ) -> Tensor;
    fn loops(&self) -> &dyn AllLoops;
    /// Returns a copy, which allocates nothing if the formula has no constants.
    fn boxed(&self) -> Box<dyn Erased>;
}

impl<E: Operation<N>, const N: usize> Erased for Compiled<E, N> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn kind(&self) -> OpKind {
        E::KIND
    }

    fn needs(&self) -> &'static [Needs] {
        const { &E::NEEDS }
    }

    fn factor(&self, operand: usize) -> Option<f64> {
        self.0.factor(operand)
    }

    fn pull_symbols<'t>(
        &self,
        k: usize,
        g: Symbol<'t>,
        operands: &[Symbol<'t>],
        result: Symbol<'t>,
    ) -> Tensor {
        let mut symbols = [result; N];
        symbols.copy_from_slice(operands);
        macro_rules! one {
            ($($k:literal)*) => {
                match k {
                    $($k if Exists::<N, $k>::YES => {
                        pull_symbols::<E, N, { 1 << $k }>(self.0, g, symbols, result)
                    })*
                    _ => unreachable!("an operand"),
                }
            };
        }
        one!(0 1 2 3 4 5 6 7)
    }

    fn loops(&self) -> &dyn AllLoops {
        self
    }

    fn boxed(&self) -> Box<dyn Erased> {
        Box::new(*self)
    }
}

#[track_caller]
fn record<const N: usize>(formula: &dyn Erased, operands: [&Tensor; N], shape: &Shape) -> Tensor {
    let output = evaluated(formula.loops(), &operands, shape);
    Tensor::from_array_op(output, &operands, |output| {
        Recorded::new(formula, &operands, shape, Some(output))
    })
}

#[track_caller]
fn evaluated(loops: &dyn AllLoops, operands: &[&Tensor], shape: &Shape) -> Array {
    let operands: SmallVec<[&Array; 3]> = operands.iter().map(|x| x.array()).collect();
    Array::formula(loops, &operands, shape)
}

#[track_caller]
fn record_reduced<const N: usize>(
    formula: &dyn Erased,
    operands: [&Tensor; N],
    shape: &Shape,
    over: &Over,
    reduced: Reduced,
) -> Tensor {
    let output = evaluated_reduced(formula.loops(), &operands, shape, over, reduced);
    Tensor::from_array_op(output, &operands, |_| RecordedReduced {
        recorded: Recorded::new(formula, &operands, shape, None),
        kept: over.kept.clone(),
        divisor: divisor(reduced, over),
    })
}

fn divisor(reduced: Reduced, over: &Over) -> Option<f64> {
    (reduced == Reduced::Mean).then_some(over.count as f64)
}

#[track_caller]
fn evaluated_reduced(
    loops: &dyn AllLoops,
    operands: &[&Tensor],
    shape: &Shape,
    over: &Over,
    reduced: Reduced,
) -> Array {
    let arrays: SmallVec<[&Array; 3]> = operands.iter().map(|x| x.array()).collect();
    let sum = Array::sum_of_formula(loops, &arrays, shape, &over.reduced, &over.kept);
    let sum = Tensor::from(sum);
    let result = match divisor(reduced, over) {
        None => sum,
        Some(divisor) => {
            let mean = sum.div_scalar(divisor);
            if mean.to_f64_vec().iter().all(|mean| mean.is_finite()) {
                mean
            } else {
                // The sum of finite elements may have overflowed, which the mean handles.
                let elements = Tensor::from(Array::formula(loops, &arrays, shape));
                mean_to_shape(&elements, &over.kept, divisor)
            }
        }
    };
    result.reshaped(over.result.clone()).into_array()
}

/// A formula that was applied: the operands that the derivatives need, or the result.
struct Recorded<const N: usize> {
    formula: Box<dyn Erased>,
    saved: [Option<Tensor>; N],
    result: Option<Tensor>,
    shape: Shape,
}

impl<const N: usize> Recorded<N> {
    /// `output` is the value; the formula of a reduction does not need it.
    fn new(
        formula: &dyn Erased,
        operands: &[&Tensor; N],
        shape: &Shape,
        output: Option<&Array>,
    ) -> Self {
        let (mask, result) = needed(formula.needs(), operands);
        let mut saved = [const { None }; N];
        for k in 0..N {
            if mask & (1 << k) != 0 {
                saved[k] = Some(operands[k].clone());
            }
        }
        Self {
            formula: formula.boxed(),
            saved,
            result: output
                .filter(|_| result)
                .map(|output| Tensor::from(output.clone())),
            shape: shape.clone(),
        }
    }

    /// Computes the cotangents from that of the elements.
    fn pulled(&self, cotangent: Tensor, context: &Vjp) -> Cotangents {
        if context.records() {
            return self.recorded(&cotangent, context);
        }
        pulled(
            &*self.formula,
            &self.saved,
            self.result.as_ref(),
            cotangent,
            context,
        )
    }

    /// Computes the cotangents by operations on tensors, so that they can be differentiated again.
    fn recorded(&self, cotangent: &Tensor, context: &Vjp) -> Cotangents {
        let tape = Tape::default();
        let unused = tape.symbol(&cotangent.detach());
        let symbols = self.saved.each_ref().map(|saved| match saved {
            Some(saved) => tape.symbol(&stretch(&context.saved(saved), &self.shape)),
            None => unused,
        });
        let result = match &self.result {
            Some(result) => tape.symbol(&context.output(result)),
            None => unused,
        };
        let g = tape.symbol(cotangent);
        let one = |k: usize| self.formula.pull_symbols(k, g, &symbols, result);
        (0..N).map(|k| context.wants(k).then(|| one(k))).collect()
    }
}

/// Whether there are more than `K` operands.
struct Exists<const N: usize, const K: usize>;

impl<const N: usize, const K: usize> Exists<N, K> {
    const YES: bool = K < N;
}

fn pull_symbols<E: Formula<N>, const N: usize, const WANTED: u32>(
    formula: E,
    g: Symbol<'_>,
    operands: [Symbol<'_>; N],
    result: Symbol<'_>,
) -> Tensor {
    let k = WANTED.trailing_zeros() as usize;
    formula.pullback::<_, WANTED>(g, operands, result)[k].tensor()
}

/// Returns what the cotangents of the tracked operands need: a bit for each operand, and whether
/// they need the result.
fn needed(needs: &[Needs], operands: &[&Tensor]) -> (u32, bool) {
    let (mut mask, mut result) = (0, false);
    for (needs, operand) in needs.iter().zip(operands) {
        if operand.is_tracked() {
            mask |= needs.operands;
            result |= needs.result;
        }
    }
    (mask, result)
}

/// Computes the cotangents that are wanted, not recorded.
fn pulled(
    formula: &dyn Erased,
    saved: &[Option<Tensor>],
    result: Option<&Tensor>,
    cotangent: Tensor,
    context: &Vjp,
) -> Cotangents {
    let (needs, loops) = (formula.needs(), formula.loops());
    let mut all: Cotangents = smallvec![None; needs.len()];
    let mut rest: SmallVec<[usize; 8]> = SmallVec::new();
    let mut scaled: SmallVec<[(usize, f64); 8]> = SmallVec::new();
    for k in 0..needs.len() {
        if context.wants(k) {
            match formula.factor(k) {
                Some(factor) => scaled.push((k, factor)),
                None => rest.push(k),
            }
        }
    }
    // The last one may be computed in the storage of the cotangent.
    let mut cotangent = Some(cotangent);
    let mut left = scaled.len()
        + if rest.len() == needs.len() {
            1
        } else {
            rest.len()
        };
    let mut take = || {
        left -= 1;
        let last = if left == 0 {
            cotangent.take()
        } else {
            cotangent.clone()
        };
        last.expect("one cotangent for each use")
    };
    for (k, factor) in scaled {
        all[k] = Some(take().scaled_in_place(factor));
    }
    let operands = |mask: u32| -> SmallVec<[Option<&Array>; 3]> {
        let chosen = saved.iter().enumerate();
        chosen
            .map(|(k, saved)| {
                saved
                    .as_ref()
                    .filter(|_| mask & (1 << k) != 0)
                    .map(Tensor::array)
            })
            .collect()
    };
    let result = result.map(Tensor::array);
    if rest.len() == needs.len() && rest.len() > 1 {
        let mask = needs.iter().fold(0, |mask, needs| mask | needs.operands);
        let pulled = pulled_all(loops, take(), &operands(mask), result);
        return pulled.into_iter().map(Some).collect();
    }
    for k in rest {
        let mut pulled = take();
        Array::pullback(
            &mut [pulled.array_mut()],
            loops,
            Wanted::One(k),
            &operands(needs[k].operands),
            result.filter(|_| needs[k].result),
        );
        all[k] = Some(pulled);
    }
    all
}

/// Computes the cotangents of all operands of a formula, not recorded.
pub(crate) fn pulled_all(
    loops: &dyn AllLoops,
    cotangent: Tensor,
    operands: &[Option<&Array>],
    result: Option<&Array>,
) -> SmallVec<[Tensor; 3]> {
    let (dtype, shape) = (cotangent.dtype(), cotangent.array().shape().clone());
    let others = operands[1..].iter();
    let others = others.map(|_| Tensor::from(Array::unfilled(dtype, shape.clone())));
    let mut all: SmallVec<[Tensor; 3]> = iter::once(cotangent).chain(others).collect();
    let mut arrays: SmallVec<[&mut Array; 3]> = all.iter_mut().map(Tensor::array_mut).collect();
    Array::pullback(&mut arrays, loops, Wanted::All, operands, result);
    drop(arrays);
    all
}

impl<const N: usize> Op for Recorded<N> {
    fn name(&self) -> &'static str {
        self.formula.name()
    }

    fn kind(&self) -> OpKind {
        self.formula.kind()
    }

    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        Ok(self.pulled(cotangent, context))
    }

    /// The Jacobian for each operand is diagonal, so that its transpose is itself.
    fn jvp(&self, tangents: &[Option<Tensor>], context: &Vjp) -> Result<Option<Tensor>> {
        let mut sum: Option<Tensor> = None;
        for (k, tangent) in tangents.iter().enumerate() {
            let Some(tangent) = tangent else {
                continue;
            };
            let mut parents = context.parents.clone();
            for (j, parent) in parents.iter_mut().enumerate() {
                *parent = parent.take().filter(|_| j == k);
            }
            let alone = Vjp {
                node: None,
                parents: &parents,
            };
            let tangent = stretch(tangent, &self.shape);
            let part = self.pulled(tangent, &alone)[k].take();
            sum = sum_of_some(sum, part)?;
        }
        Ok(sum)
    }

    fn shares(&self, _: usize, shape: &[usize], output: &[usize]) -> bool {
        shape.len() < output.len() || shape.first() != output.first()
    }

    fn vjp_each(
        &self,
        cotangent: &Tensor,
        samples: usize,
        context: &Vjp,
    ) -> Result<Option<Cotangents>> {
        let pulled = self.pulled(cotangent.clone(), context);
        let pairs = pulled.into_iter().zip(context.parents);
        let each = pairs.map(|(pulled, parent)| match (pulled, parent) {
            (Some(pulled), Some(parent)) => {
                let pulled = stretch(&pulled, &self.shape);
                Some(sum_each(&pulled, samples, &parent.shape))
            }
            _ => None,
        });
        let each: SmallVec<[Option<Option<Tensor>>; 3]> = each.collect();
        if each.iter().any(|each| matches!(each, Some(None))) {
            return Ok(None);
        }
        Ok(Some(each.into_iter().map(Option::flatten).collect()))
    }
}

/// A formula whose elements were summed and divided.
struct RecordedReduced<const N: usize> {
    recorded: Recorded<N>,
    kept: Shape,
    divisor: Option<f64>,
}

impl<const N: usize> Op for RecordedReduced<N> {
    fn name(&self) -> &'static str {
        self.recorded.formula.name()
    }

    fn kind(&self) -> OpKind {
        self.recorded.formula.kind()
    }

    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let cotangent = spread(&cotangent, &self.kept, self.divisor, &self.recorded.shape);
        Ok(self.recorded.pulled(cotangent, context))
    }
}

/// Returns the cotangent of all elements from that of their sums or means.
fn spread(cotangent: &Tensor, kept: &Shape, divisor: Option<f64>, shape: &Shape) -> Tensor {
    let cotangent = cotangent.reshaped(kept.clone());
    let cotangent = match divisor {
        Some(divisor) => cotangent.div_scalar(divisor),
        None => cotangent,
    };
    stretch(&cotangent, shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Real;
    use crate::tensor::DType;
    use rayon::ThreadPoolBuilder;

    /// a sigmoid(b), written by hand.
    #[derive(Clone, Copy)]
    struct Gated;

    impl Formula<2> for Gated {
        const NEEDS: [Needs; 2] = [
            Needs {
                operands: 2,
                result: false,
            },
            Needs {
                operands: 3,
                result: false,
            },
        ];

        #[inline(always)]
        fn value<T: Real>(self, [a, b]: [T; 2]) -> T {
            a * b.sigmoid()
        }

        #[inline(always)]
        fn pullback<T: Real, const WANTED: u32>(self, g: T, [a, b]: [T; 2], _: T) -> [T; 2] {
            let gate = b.sigmoid();
            [g * gate, g * a * gate * (gate.one() - gate)]
        }
    }

    impl Operation<2> for Gated {
        const NAME: &'static str = "gated";
        const KIND: OpKind = OpKind::Elementwise;
    }

    fn numbers(shape: &[usize], scale: f64) -> Tensor {
        let mut i = 0u32;
        let next = || {
            i += 1;
            f64::from(i * 37 % 101) * scale - 1.5
        };
        Tensor::from_fn(shape, DType::F64, next).unwrap()
    }

    fn composed(a: &Tensor, b: &Tensor) -> Tensor {
        a.mul(&b.sigmoid()).unwrap()
    }

    fn assert_close(found: &Tensor, expected: &Tensor, what: &str) {
        assert_eq!(found.shape(), expected.shape(), "{what}");
        for (found, expected) in found.to_f64_vec().into_iter().zip(expected.to_f64_vec()) {
            let size = expected.abs().max(1.0);
            assert!(
                (found - expected).abs() <= 1e-12 * size,
                "{what}: {found} {expected}"
            );
        }
    }

    #[test]
    fn reductions_over_any_axes_equal_the_composed_ones() -> Result<()> {
        let shapes: [&[usize]; 8] = [
            &[],
            &[5],
            &[3, 4, 5],
            &[2, 1, 3],
            &[0, 3],
            &[3, 0],
            &[0],
            &[600, 130],
        ];
        for shape in shapes {
            let (a, b) = (
                numbers(shape, 0.03).tracked(),
                numbers(shape, 0.05).tracked(),
            );
            for mask in 0..1u32 << shape.len() {
                let axes: Axes = (0..shape.len() as isize)
                    .filter(|i| mask >> i & 1 == 1)
                    .collect();
                for axes in [axes.clone(), Axes::keep(axes)] {
                    let what = format!("{shape:?} over {axes:?}");
                    let found = reduce(Gated, Reduced::Sum, Some(axes.clone()), [&a, &b])?;
                    let expected = composed(&a, &b).sum_over(axes.clone())?;
                    assert_close(&found, &expected, &what);
                    let weights = numbers(found.shape(), 0.02);
                    let found = found.mul(&weights)?.sum().backward()?;
                    let expected = expected.mul(&weights)?.sum().backward()?;
                    for x in [&a, &b] {
                        assert_close(found.get(x).unwrap(), expected.get(x).unwrap(), &what);
                    }
                    let mean = reduce(Gated, Reduced::Mean, Some(axes.clone()), [&a, &b]);
                    let count: usize = (0..shape.len())
                        .filter(|i| mask >> i & 1 == 1)
                        .map(|i| shape[i])
                        .product();
                    if count == 0 {
                        assert!(mean.is_err(), "{what}");
                    } else {
                        assert_close(&mean?, &composed(&a, &b).mean_over(axes)?, &what);
                    }
                }
            }
        }
        Ok(())
    }

    #[test]
    fn reductions_have_the_same_bits_on_any_number_of_threads() {
        for shape in [
            &[50_000usize][..],
            &[3, 40_000],
            &[40_000, 3],
            &[300, 5000],
            &[9, 70, 80],
        ] {
            let (a, b) = (numbers(shape, 0.03), numbers(shape, 0.05));
            for axes in [Axes::from(0), Axes::from(-1), Axes::from(..)] {
                let run = |threads| {
                    let pool = ThreadPoolBuilder::new()
                        .num_threads(threads)
                        .build()
                        .unwrap();
                    pool.install(|| {
                        let sum = reduce(Gated, Reduced::Sum, Some(axes.clone()), [&a, &b]);
                        let bits = |x: f64| x.to_bits();
                        sum.unwrap()
                            .to_f64_vec()
                            .into_iter()
                            .map(bits)
                            .collect::<Vec<_>>()
                    })
                };
                let one = run(1);
                for threads in [2, 3, 8] {
                    assert_eq!(run(threads), one, "{shape:?} over {axes:?}");
                }
            }
        }
    }

    #[test]
    fn joint_pullbacks_equal_single_ones() -> Result<()> {
        // Around the vector width, and the lengths of blocks, stages and tasks.
        for len in [
            1,
            2,
            7,
            15,
            16,
            17,
            63,
            64,
            65,
            511,
            513,
            4097,
            16 * 1024 + 3,
        ] {
            let (a, b) = (numbers(&[len], 0.03), numbers(&[len], 0.05));
            let (both_a, both_b) = (a.tracked(), b.tracked());
            let both = apply(Gated, [&both_a, &both_b])?.sum().backward()?;
            for (k, tracked) in [&both_a, &both_b].into_iter().enumerate() {
                let x = [&a, &b][k].tracked();
                let operands = if k == 0 { [&x, &b] } else { [&a, &x] };
                let alone = apply(Gated, operands)?.sum().backward()?;
                let what = format!("{len} elements, operand {k}");
                assert_close(both.get(tracked).unwrap(), alone.get(&x).unwrap(), &what);
            }
        }
        Ok(())
    }
}
