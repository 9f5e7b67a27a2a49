//! Rotary positions: pairs of elements rotated by an angle that grows with the position.

use super::operands::{Stack, matrices};
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::attention::rotary::{self, Angles};
use crate::tensor::with_dtype;
use smallvec::smallvec;

const NAME: &str = "rotary";

/// The elements that form a pair of [`Tensor::rotary`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RotaryPairs {
    /// Elements 2i and 2i + 1, as in the paper and in torchtune.
    #[default]
    Neighbours,
    /// Elements i and i + width / 2, as in the models of Hugging Face's transformers.
    Halves,
}

/// # Attention
impl Tensor {
    /// Rotates each pair of elements (a, b) of the last axis: to (a cos - b sin, a sin + b cos)
    /// (Su, Lu, Pan, Murtadha, Wen, Liu 2021, RoFormer: Enhanced Transformer with Rotary Position
    /// Embedding). `self` is (…, time, width) with an even width; `cosines` and `sines` are (time,
    /// width / 2). No gradient flows to them.
    ///
    /// If the angles are proportional to the position, the scalar product of a rotated query and a
    /// rotated key depends on the distance of their positions.
    ///
    /// # Errors
    /// [`Error::Shape`] if the width is odd or the tables have other shapes, [`Error::DType`] if
    /// the dtypes differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::RotaryPairs;
    /// let x = Tensor::from([[1.0f64, 2.0, 3.0, 4.0]]);
    /// // A quarter turn, and none.
    /// let (cosines, sines) = (Tensor::from([[0.0f64, 1.0]]), Tensor::from([[1.0f64, 0.0]]));
    /// let y = x.rotary(&cosines, &sines, RotaryPairs::Neighbours)?;
    /// assert_eq!(y.to_vec::<f64>()?, [-2.0, 1.0, 3.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn rotary(&self, cosines: &Self, sines: &Self, pairs: RotaryPairs) -> Result<Self> {
        let operands = [
            ("input", Some(self)),
            ("cosines", Some(cosines)),
            ("sines", Some(sines)),
        ];
        Tensor::expect_one_dtype(NAME, &operands)?;
        let shapes = [self.shape(), cosines.shape(), sines.shape()];
        let &[.., time, width] = self.shape() else {
            return Err(Error::shape(
                NAME,
                "expected input (…, time, width)",
                &shapes,
            ));
        };
        if !width.is_multiple_of(2) {
            let reason = format!("expected an even width, found {width}");
            return Err(Error::shape(NAME, reason, &shapes));
        }
        let table = [time, width / 2];
        if cosines.shape() != table || sines.shape() != table {
            let reason = format!("expected cosines and sines ({time}, {})", width / 2);
            return Err(Error::shape(NAME, reason, &shapes));
        }
        Stack::like(self.array(), width).reserve(self.dtype())?;
        let rotation = Rotary {
            tables: [cosines.detach(), sines.detach()],
            pairs,
            backwards: false,
        };
        Ok(rotation.apply(self))
    }
}

#[derive(Clone)]
struct Rotary {
    tables: [Tensor; 2],
    pairs: RotaryPairs,
    backwards: bool,
}

impl Rotary {
    fn apply(self, x: &Tensor) -> Tensor {
        let array = x.array();
        let stack = Stack::like(array, x.shape()[x.rank() - 1]);
        let matrix = stack.places.rows * stack.places.width;
        let count = x.len().checked_div(matrix).unwrap_or(0);
        let output = with_dtype!(x.dtype(), F => {
            let xs = matrices(array.view::<F>().data, &array.layout, count);
            let [cosines, sines] = self.tables.each_ref().map(|x| x.array().contiguous::<F>());
            let angles = Angles {
                cosines: &cosines,
                sines: &sines,
                halves: self.pairs == RotaryPairs::Halves,
                backwards: self.backwards,
            };
            let mut output = stack.memory::<F>();
            rotary::rotate(&xs, angles, stack.places, output.elements_mut());
            stack.seen(output)
        });
        Tensor::from_op(output.into(), &[x], || self)
    }
}

impl Op for Rotary {
    fn name(&self) -> &'static str {
        NAME
    }
    fn kind(&self) -> OpKind {
        OpKind::Blend
    }

    /// Rotates the cotangent backwards.
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        let back = Self {
            backwards: !self.backwards,
            ..self.clone()
        };
        Ok(smallvec![Some(back.apply(&cotangent))])
    }
}
