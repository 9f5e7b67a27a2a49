//! Running sums and products along an axis.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::Float;
use crate::kernel::reduce::product::Factors;
use crate::kernel::reduce::scan::{self, scan};
use crate::tensor::{Array, Contiguous, Element, resolve_axis, with_dtype};
use smallvec::smallvec;
use std::sync::Arc;

/// # Reductions
impl Tensor {
    /// Computes the running sums `yᵢ = x₀ + … + xᵢ` along an axis, accumulated in `f64`. Negative
    /// axes count from the end.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no such axis.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]);
    /// assert_eq!(x.cumsum(0)?.to_vec::<f32>()?, [1.0, 3.0, 6.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn cumsum(&self, axis: isize) -> Result<Self> {
        if let Some(vector) = self.as_vector() {
            return Ok(vector.cumsum(axis)?.as_scalar());
        }
        let axis = resolve_axis("cumsum", axis, self.rank())?;
        self.reserve_like("cumsum")?;
        Ok(running_sum(self, axis, false))
    }

    /// Computes the running products `yᵢ = x₀ · … · xᵢ` along an axis. Negative axes count from the
    /// end. The products are accumulated in `f64` with an exponent of any size and rounded once: an
    /// element of 0 gives 0 even after a product that overflows. An infinite element times 0 is
    /// NaN.
    ///
    /// The derivative is computed without a division, so that it is right if elements are 0.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no such axis.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([2.0f32, 3.0, 4.0]);
    /// assert_eq!(x.cumprod(0)?.to_vec::<f32>()?, [2.0, 6.0, 24.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn cumprod(&self, axis: isize) -> Result<Self> {
        if let Some(vector) = self.as_vector() {
            return Ok(vector.cumprod(axis)?.as_scalar());
        }
        let axis = resolve_axis("cumprod", axis, self.rank())?;
        self.reserve_like("cumprod")?;
        Ok(running_product(self, &[], &Lines::Axis(axis)))
    }
}

/// The lines along which results are accumulated.
#[derive(Clone)]
pub(crate) enum Lines {
    /// Those along an axis.
    Axis(usize),
    /// Runs of a vector, which end in front of these places.
    Runs(Arc<[usize]>),
}

impl Lines {
    fn of(&self, x: &Tensor) -> scan::Lines<'_> {
        match self {
            &Self::Axis(axis) => {
                scan::Lines::Axis([x.shape()[axis], x.shape()[axis + 1..].iter().product()])
            }
            Self::Runs(ends) => scan::Lines::Runs(ends),
        }
    }
}

/// Computes the sums up to each element, or with `reverse` from each element on.
fn running_sum(x: &Tensor, axis: usize, reverse: bool) -> Tensor {
    let array = with_dtype!(x.dtype(), F => {
        let xs = &*x.array().contiguous::<F>();
        Array::build::<F>(x.array().shape().clone(), |out| {
            scan(reverse, Lines::Axis(axis).of(x), 0.0, out, &|sum: &mut f64, i, _| {
                *sum += xs[i].to_f64();
                F::from_f64(*sum)
            });
        })
    });
    Tensor::from_op(array.into(), &[x], || RunningSum { axis, reverse })
}

/// Saves nothing.
struct RunningSum {
    axis: usize,
    reverse: bool,
}

impl Op for RunningSum {
    fn name(&self) -> &'static str {
        "cumsum"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    /// Computes the running sum of the cotangent in the opposite direction.
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(running_sum(
            &cotangent,
            self.axis,
            !self.reverse
        ))])
    }
}

/// Computes the derivative of x₀ · … · xᵢ along the directions for each i. Without directions it is
/// the product.
pub(crate) fn running_product(x: &Tensor, directions: &[Tensor], lines: &Lines) -> Tensor {
    let array = with_dtype!(x.dtype(), F => {
        let xs = &*x.array().contiguous::<F>();
        let directions = contiguous::<F>(directions);
        let directions: Vec<&[F]> = directions.iter().map(|along| &**along).collect();
        let factors = Factors { xs, directions: &directions, lines: lines.of(x) };
        Array::build::<F>(x.array().shape().clone(), |out| factors.running(out))
    });
    let inputs: Vec<&Tensor> = [x].into_iter().chain(directions).collect();
    Tensor::from_op(array.into(), &inputs, || RunningProduct {
        x: x.clone(),
        directions: directions.to_vec(),
        lines: lines.clone(),
    })
}

/// A derivative of the running product. Saves x and the directions.
struct RunningProduct {
    x: Tensor,
    directions: Vec<Tensor>,
    lines: Lines,
}

impl Op for RunningProduct {
    fn name(&self) -> &'static str {
        "cumprod"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    /// The products are linear in each factor, and so are their derivatives.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let x = context.saved(&self.x);
        let directions: Vec<Tensor> = self.directions.iter().map(|c| context.saved(c)).collect();
        let pull = |directions: &[Tensor]| pulled_product(&x, &cotangent, directions, &self.lines);
        let mut pulled = smallvec![context.wants(0).then(|| pull(&directions))];
        for a in 0..directions.len() {
            pulled.push(context.wants(a + 1).then(|| {
                let mut others = directions.clone();
                let _ = others.remove(a);
                pull(&others)
            }));
        }
        Ok(pulled)
    }
}

/// Computes the derivative of Σᵢ gᵢ times the [`running_product`] with respect to each element of
/// x.
pub(crate) fn pulled_product(
    x: &Tensor,
    g: &Tensor,
    directions: &[Tensor],
    lines: &Lines,
) -> Tensor {
    let array = with_dtype!(x.dtype(), F => {
        let xs = &*x.array().contiguous::<F>();
        let directions = contiguous::<F>(directions);
        let directions: Vec<&[F]> = directions.iter().map(|along| &**along).collect();
        let factors = Factors { xs, directions: &directions, lines: lines.of(x) };
        Array::build::<F>(x.array().shape().clone(), |out| {
            factors.pullback(&g.array().contiguous::<F>(), out);
        })
    });
    let inputs: Vec<&Tensor> = [x, g].into_iter().chain(directions).collect();
    Tensor::from_op(array.into(), &inputs, || PulledProduct {
        x: x.clone(),
        g: g.clone(),
        directions: directions.to_vec(),
        lines: lines.clone(),
    })
}

/// The gradient of a [`RunningProduct`]. Saves all its operands.
struct PulledProduct {
    x: Tensor,
    g: Tensor,
    directions: Vec<Tensor>,
    lines: Lines,
}

impl Op for PulledProduct {
    fn name(&self) -> &'static str {
        "cumprod"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    /// The product of this gradient with w is Σᵢ gᵢ times the derivative of the running product
    /// along w.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let (x, g) = (context.saved(&self.x), context.saved(&self.g));
        let directions: Vec<Tensor> = self.directions.iter().map(|c| context.saved(c)).collect();
        let mut along = directions.clone();
        along.push(cotangent.clone());
        let mut pulled = smallvec![
            (context.wants(0)).then(|| pulled_product(&x, &g, &along, &self.lines)),
            (context.wants(1)).then(|| running_product(&x, &along, &self.lines)),
        ];
        for a in 0..directions.len() {
            pulled.push(context.wants(a + 2).then(|| {
                let mut along = directions.clone();
                along[a] = cotangent.clone();
                pulled_product(&x, &g, &along, &self.lines)
            }));
        }
        Ok(pulled)
    }
}

fn contiguous<F: Element>(tensors: &[Tensor]) -> Vec<Contiguous<'_, F>> {
    tensors.iter().map(|x| x.array().contiguous()).collect()
}
