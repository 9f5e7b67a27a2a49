//! `Mask`, an array of truth values. Masks are never differentiated, so they are not tensors.

use super::axes::{Axes, Reduced};
use super::cells::{Cells, cells};
use super::checks::broadcast_shapes;
use super::storage::refusable;
use crate::error::Result;
use crate::kernel::threads::parallel::{self, GRAIN};
use crate::shape::Shape;

/// An immutable array of truth values in row-major order. Cloning shares the memory.
///
/// Comparisons of tensors return masks. They combine with `&`, `|`, `^` and `!`, which panic if the
/// shapes do not fit, or with [`and`](Self::and), [`or`](Self::or), [`xor`](Self::xor) and
/// [`not`](Self::not), which return errors. [`select`](Self::select) and
/// [`Tensor::masked_fill`](crate::Tensor::masked_fill) use masks.
///
/// ```
/// use cotangent::{Mask, Tensor};
/// let x = Tensor::from([-2.0f32, 0.5, 3.0]);
/// let inside = x.gt_scalar(-1.0) & x.lt_scalar(1.0);
/// assert_eq!(inside, Mask::from([false, true, false]));
/// assert_eq!(inside.count(), 1);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Mask(Cells<bool>);

/// # Creation
impl Mask {
    /// Creates a mask of the given shape from its row-major values.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the number of values is not the product of the
    /// lengths.
    ///
    /// ```
    /// # use cotangent::Mask;
    /// let mask = Mask::from_vec(vec![true, false], [2, 1])?;
    /// assert_eq!(mask.shape(), [2, 1]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn from_vec(values: Vec<bool>, shape: impl Into<Shape>) -> Result<Self> {
        Cells::from_vec("Mask::from_vec", values, shape.into()).map(Self)
    }

    /// Creates a mask whose values `fill` writes; they are false before.
    pub(crate) fn build(shape: Shape, fill: impl FnOnce(&mut [bool])) -> Self {
        Self(Cells::build(shape, fill))
    }
}

/// # Reductions
impl Mask {
    /// Returns the number of values that are true.
    #[doc(alias = "count_nonzero")]
    pub fn count(&self) -> usize {
        self.as_slice().iter().filter(|&&value| value).count()
    }

    /// Returns whether any value is true; false if there are no values.
    ///
    /// ```
    /// # use cotangent::Mask;
    /// assert!(Mask::from([false, true]).any());
    /// assert!(!Mask::from(vec![]).any());
    /// ```
    pub fn any(&self) -> bool {
        self.as_slice().contains(&true)
    }

    /// Returns whether all values are true; true if there are no values.
    ///
    /// ```
    /// # use cotangent::Mask;
    /// assert!(!Mask::from([false, true]).all());
    /// assert!(Mask::from(vec![]).all());
    /// ```
    pub fn all(&self) -> bool {
        !self.as_slice().contains(&false)
    }

    /// Returns whether any value over `axes` is true.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no such axis,
    /// [`Error::Argument`](crate::Error::Argument) if one is named twice.
    ///
    /// ```
    /// # use cotangent::{Axes, Mask};
    /// let mask = Mask::from([[false, true], [false, false]]);
    /// assert_eq!(mask.any_over(1)?, Mask::from([true, false]));
    /// assert_eq!(mask.any_over(Axes::keep(0))?, Mask::from([[false, true]]));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn any_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        self.reduce("any_over", &axes.into(), true)
    }

    /// Returns whether all values over `axes` are true.
    ///
    /// # Errors
    /// Those of [`any_over`](Self::any_over).
    ///
    /// ```
    /// # use cotangent::Mask;
    /// let mask = Mask::from([[true, true], [false, true]]);
    /// assert_eq!(mask.all_over(-1)?, Mask::from([true, false]));
    /// assert_eq!(mask.all_over(..)?, Mask::from(false));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn all_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        self.reduce("all_over", &axes.into(), false)
    }

    /// Computes `decisive` where some value over the axes equals it, else its opposite.
    fn reduce(&self, op: &'static str, axes: &Axes, decisive: bool) -> Result<Self> {
        let reduced = axes.resolve(op, self.shape())?;
        Ok(Self::build(reduced.result.clone(), |out| {
            out.fill(!decisive);
            self.each_group(&reduced, out, &|out, piece| {
                if piece.contains(&decisive) {
                    *out = decisive;
                }
            });
        }))
    }

    /// Calls `add` with each result of a reduction and a piece of its values, for all values.
    pub(crate) fn each_group<T: Send>(
        &self,
        reduced: &Reduced,
        out: &mut [T],
        add: &(dyn Fn(&mut T, &[bool]) + Sync),
    ) {
        let count = reduced.count;
        let layout = self.0.layout().permute(&reduced.order());
        let view = self.0.view(&layout);
        let outputs = (GRAIN / count.max(1)).max(1);
        parallel::chunks_mut(out, outputs, &|first, out| {
            let (mut place, end) = (first * count, (first + out.len()) * count);
            let mut stage = [false; STAGE];
            while place < end {
                let stage = &mut stage[..STAGE.min(end - place)];
                view.gather(place, stage);
                // The stage is divided into pieces that belong to one result each.
                let mut rest = &*stage;
                while !rest.is_empty() {
                    let (piece, later) = rest.split_at(rest.len().min(count - place % count));
                    add(&mut out[place / count - first], piece);
                    place += piece.len();
                    rest = later;
                }
            }
        });
    }
}

/// # Elementwise functions
impl Mask {
    /// Computes `self & other`, broadcast. The operator `&` does the same, but panics if the shapes
    /// do not broadcast.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast.
    ///
    /// ```
    /// # use cotangent::Mask;
    /// let both = Mask::from([[true], [false]]).and(&Mask::from([true, false]))?;
    /// assert_eq!(both, Mask::from([[true, false], [false, false]]));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "logical_and")]
    pub fn and(&self, other: &Self) -> Result<Self> {
        self.zip("and", other, |a, b| a & b)
    }

    /// Computes `self | other`, broadcast. The operator `|` does the same, but panics if the shapes
    /// do not broadcast.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast.
    ///
    /// ```
    /// # use cotangent::Mask;
    /// let either = Mask::from([true, false]).or(&Mask::from([false, false]))?;
    /// assert_eq!(either, Mask::from([true, false]));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "logical_or")]
    pub fn or(&self, other: &Self) -> Result<Self> {
        self.zip("or", other, |a, b| a | b)
    }

    /// Computes `self ^ other`, broadcast: true where exactly one mask is. The operator `^` does
    /// the same, but panics if the shapes do not broadcast.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast.
    ///
    /// ```
    /// # use cotangent::Mask;
    /// let one = Mask::from([true, false]).xor(&Mask::from(true))?;
    /// assert_eq!(one, Mask::from([false, true]));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "logical_xor")]
    pub fn xor(&self, other: &Self) -> Result<Self> {
        self.zip("xor", other, |a, b| a ^ b)
    }

    /// Computes `!self`; the operator `!` does the same.
    ///
    /// ```
    /// # use cotangent::Mask;
    /// assert_eq!(Mask::from([true, false]).not(), Mask::from([false, true]));
    /// ```
    #[doc(alias = "logical_not")]
    pub fn not(&self) -> Self {
        Self::build(self.0.shape().clone(), |out| {
            parallel::chunks_mut(out, GRAIN, &|start, out| {
                for (out, value) in out.iter_mut().zip(&self.as_slice()[start..]) {
                    *out = !value;
                }
            });
        })
    }

    fn zip(
        &self,
        op: &'static str,
        other: &Self,
        f: impl Fn(bool, bool) -> bool + Sync,
    ) -> Result<Self> {
        let shape = broadcast_shapes(op, self.shape(), other.shape())?;
        shape.checked_len(op)?;
        refusable(op, || {
            let [a, b] = [&self.0, &other.0].map(|cells| cells.stretched(&shape));
            Ok(Self::build(shape, |out| {
                parallel::chunks_mut(out, GRAIN, &|start, out| {
                    let pairs = a.as_slice()[start..].iter().zip(&b.as_slice()[start..]);
                    for (out, (&a, &b)) in out.iter_mut().zip(pairs) {
                        *out = f(a, b);
                    }
                });
            }))
        })
    }
}

cells! { Mask of bool, "Mask::from(vec![true; 6])" }

/// The number of values that a reduction copies to the stack at a time.
const STAGE: usize = 512;
