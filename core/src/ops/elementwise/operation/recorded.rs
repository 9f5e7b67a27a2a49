//! Formulas in the graph: the values that they save, and their cotangents.

use super::Erased;
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp, stretch};
use crate::error::Result;
use crate::kernel::Needs;
use crate::kernel::elementwise::loops::{AllLoops, Wanted};
use crate::ops::elementwise::arithmetic::sum_of_some;
use crate::ops::elementwise::symbolic::Tape;
use crate::ops::reduce::sum::sum_each;
use crate::tensor::{Array, Shape};
use smallvec::{SmallVec, smallvec};
use std::iter;

/// A formula that was applied: the operands that the derivatives need, or the result.
pub(super) struct Recorded<const N: usize> {
    formula: Box<dyn Erased>,
    saved: [Option<Tensor>; N],
    result: Option<Tensor>,
    shape: Shape,
}

impl<const N: usize> Recorded<N> {
    /// `output` is the value; the formula of a reduction does not need it.
    pub fn new(
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
pub(super) struct RecordedReduced<const N: usize> {
    pub recorded: Recorded<N>,
    pub kept: Shape,
    pub divisor: Option<f64>,
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
