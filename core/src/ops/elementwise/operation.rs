//! Differentiable operations made of a formula: `#[elementwise]` writes calls of the functions
//! here.

mod recorded;
#[cfg(test)]
mod tests;

pub(crate) use self::recorded::pulled_all;
use self::recorded::{Recorded, RecordedReduced};
use crate::autograd::{OpKind, Tensor};
use crate::error::{Error, Result};
use crate::kernel::elementwise::loops::{AllLoops, Compiled};
use crate::kernel::threads::parallel::GRAIN;
use crate::kernel::{Formula, Needs};
use crate::ops::elementwise::symbolic::Symbol;
use crate::ops::loss::reduction::expect_losses;
use crate::ops::reduce::sum::mean_to_shape;
use crate::tensor::{Array, Axes, Reduced as Over, Shape, broadcast_shapes};
use smallvec::SmallVec;

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
