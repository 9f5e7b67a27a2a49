//! The operands of attention: their lengths, checked, and the matrices that the kernels read.

use super::dot_product::{Attention, NAME};
use crate::autograd::Tensor;
use crate::error::{Error, Interval, Result};
use crate::kernel::attention::dropout::Dropout;
use crate::kernel::attention::{self as kernel, Places, Sizes};
use crate::kernel::linear::matrix::Matrix;
use crate::tensor::{Array, DType, Element, Layout, Mask, Shape, broadcast_shapes};

/// The lengths of the operands.
#[derive(Clone, Debug)]
pub(super) struct Lengths {
    /// The leading axes, without the heads.
    pub leading: Shape,
    pub heads: usize,
    pub key_heads: usize,
    pub queries: usize,
    pub keys: usize,
    pub width: usize,
    pub value_width: usize,
}

impl Lengths {
    /// Checks that the operands fit together.
    pub(super) fn new(
        options: &Attention,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
    ) -> Result<Self> {
        let operands = [
            ("queries", Some(queries)),
            ("keys", Some(keys)),
            ("values", Some(values)),
            ("the additive mask", options.additive_mask.as_ref()),
        ];
        Tensor::expect_one_dtype(NAME, &operands)?;
        let shapes = [queries.shape(), keys.shape(), values.shape()];
        let refuse = |reason: String| Err(Error::shape(NAME, reason, &shapes));
        let rank = queries.rank();
        if rank < 2 || keys.rank() != rank || values.rank() != rank {
            return refuse("expected queries, keys and values (…, heads, time, width)".to_owned());
        }
        // Without an axis of heads there is one head.
        let heads_of = |shape: &[usize]| if rank > 2 { shape[rank - 3] } else { 1 };
        let leading = |shape: &[usize]| Shape::from(&shape[..rank.saturating_sub(3)]);
        let lengths = Self {
            leading: leading(queries.shape()),
            heads: heads_of(queries.shape()),
            key_heads: heads_of(keys.shape()),
            queries: queries.shape()[rank - 2],
            keys: keys.shape()[rank - 2],
            width: queries.shape()[rank - 1],
            value_width: values.shape()[rank - 1],
        };
        let Self {
            heads, key_heads, ..
        } = lengths;
        if [keys, values]
            .iter()
            .any(|x| leading(x.shape()) != lengths.leading)
        {
            return refuse("the axes in front of the heads differ".to_owned());
        }
        if heads_of(values.shape()) != key_heads {
            let found = heads_of(values.shape());
            return refuse(format!("keys have {key_heads} heads, values {found}"));
        }
        if heads > 0 && (key_heads == 0 || !heads.is_multiple_of(key_heads)) {
            return refuse(format!(
                "expected a multiple of the {key_heads} heads of the keys, found {heads} heads of \
                 the queries"
            ));
        }
        if heads == 0 && key_heads > 0 {
            return refuse(format!("queries have no heads, keys {key_heads}"));
        }
        if keys.shape()[rank - 1] != lengths.width {
            let (width, found) = (lengths.width, keys.shape()[rank - 1]);
            return refuse(format!("queries have the width {width}, keys {found}"));
        }
        if values.shape()[rank - 2] != lengths.keys {
            let (keys, found) = (lengths.keys, values.shape()[rank - 2]);
            return refuse(format!(
                "expected a value for each of {keys} keys, found {found} values"
            ));
        }
        let scores = lengths.scores();
        let masks = [
            ("mask", options.mask.as_ref().map(Mask::shape)),
            (
                "additive mask",
                options.additive_mask.as_ref().map(Tensor::shape),
            ),
        ];
        for (name, shape) in masks {
            let Some(shape) = shape else { continue };
            let fits = shape.len() <= scores.len()
                && broadcast_shapes(NAME, shape, &scores).is_ok_and(|both| both == scores);
            if !fits {
                let reason = format!(
                    "the {name} {} does not broadcast to {scores}",
                    Shape::from(shape)
                );
                return Err(Error::shape(NAME, reason, &shapes));
            }
        }
        if let Some(scale) = options.scale
            && !scale.is_finite()
        {
            return Err(Error::argument(
                NAME,
                format!("scale must be finite, found {scale}"),
            ));
        }
        Interval::Below1.check(NAME, "p", options.dropout.0)?;
        Ok(lengths)
    }

    /// Returns the number of matrices of queries.
    pub(super) fn matrices(&self) -> usize {
        self.leading.element_count() * self.heads
    }

    /// Returns the number of query heads that share a key head.
    pub(super) fn group(&self) -> usize {
        self.heads.checked_div(self.key_heads).unwrap_or(1)
    }

    /// Returns the shape of the scores, (…, heads, queries, keys). It has an axis of heads even if
    /// the operands have none.
    pub(super) fn scores(&self) -> Shape {
        let last = [self.heads, self.queries, self.keys];
        self.leading.iter().copied().chain(last).collect()
    }

    fn sizes(&self) -> Sizes {
        Sizes {
            queries: self.queries,
            keys: self.keys,
            width: self.width,
            value_width: self.value_width,
            group: self.group(),
        }
    }
}

impl Attention {
    /// Returns, for each query of each matrix, whether the masks of truth values leave it more than
    /// one key.
    pub(super) fn attending_to_several(&self, lengths: &Lengths) -> Vec<bool> {
        let layout = self.mask.as_ref().map(|mask| {
            Layout::row_major(Shape::from(mask.shape())).broadcast_to(&lengths.scores())
        });
        let mut several = Vec::new();
        for matrix in 0..lengths.matrices() {
            let mask = self.mask.as_ref().zip(layout.as_ref());
            let mask = mask.map(|(mask, layout)| layout.matrix(mask.as_slice(), matrix));
            for query in 0..lengths.queries {
                let end = self.causal.map_or(lengths.keys, |first| {
                    lengths
                        .keys
                        .min(first.saturating_add(query).saturating_add(1))
                });
                several.push(match &mask {
                    None => end > 1,
                    Some(mask) => {
                        let place = |key: usize| {
                            let row = query as isize * mask.row_stride;
                            mask.offset as isize + row + key as isize * mask.column_stride
                        };
                        let open = (0..end).filter(|&key| mask.data[place(key) as usize]);
                        open.take(2).count() > 1
                    }
                });
            }
        }
        several
    }

    /// Returns the factor of the scores.
    pub(super) fn factor(&self, width: usize) -> f64 {
        // Without elements, all scores are 0 whatever the factor is.
        self.scale.unwrap_or(1.0 / (width.max(1) as f64).sqrt())
    }

    /// Returns the dropout of the weights, if it drops any.
    pub(super) fn dropped(&self) -> Option<Dropout> {
        let (p, seed) = self.dropout;
        (p > 0.0).then(|| Dropout::new(p, seed))
    }

    /// Returns the operands and options as the kernels read them.
    pub(super) fn operands<'a, F: Element>(
        &'a self,
        lengths: &Lengths,
        [queries, keys, values]: [&'a Array; 3],
    ) -> kernel::Attention<'a, F> {
        let scores = lengths.scores();
        let of_scores = |layout: Layout| layout.broadcast_to(&scores);
        let count = lengths.matrices();
        let key_count = lengths.leading.element_count() * lengths.key_heads;
        kernel::Attention {
            sizes: lengths.sizes(),
            queries: matrices(queries.view::<F>().data, &queries.layout, count),
            keys: matrices(keys.view::<F>().data, &keys.layout, key_count),
            values: matrices(values.view::<F>().data, &values.layout, key_count),
            scale: F::from_f64(self.factor(lengths.width)),
            causal: self.causal,
            mask: self.mask.as_ref().map(|mask| {
                let layout = of_scores(Layout::row_major(Shape::from(mask.shape())));
                matrices(mask.as_slice(), &layout, count)
            }),
            bias: self.additive_mask.as_ref().map(|mask| {
                let layout = of_scores(mask.array().layout.clone());
                matrices(mask.array().view::<F>().data, &layout, count)
            }),
            dropout: self.dropped(),
        }
    }
}

/// Returns the first `count` matrices of a stack.
pub(super) fn matrices<'a, F>(data: &'a [F], layout: &Layout, count: usize) -> Vec<Matrix<'a, F>> {
    (0..count).map(|i| layout.matrix(data, i)).collect()
}

/// A stack of matrices that a kernel writes, in the memory order of an operand: if the heads of
/// that are next to each other, as those of a projection are, so are those of the result. Then no
/// copy is needed before the next product.
#[derive(Clone, Debug)]
pub(super) struct Stack {
    shape: Shape,
    pub places: Places,
}

impl Stack {
    /// Creates a stack with the heads and rows of `like`, whose rows have `width` elements.
    pub(super) fn like(like: &Array, width: usize) -> Self {
        let rank = like.shape().len();
        let mut shape = like.shape().clone();
        shape.as_mut()[rank - 1] = width;
        let strides = &like.layout.strides;
        let heads = if rank > 2 { shape[rank - 3] } else { 1 };
        let places = Places {
            heads,
            rows: shape[rank - 2],
            width,
            rows_first: heads > 1 && strides[rank - 3].abs() < strides[rank - 2].abs(),
        };
        Self { shape, places }
    }

    /// Returns an error if the system refuses the memory.
    pub(super) fn reserve(&self, dtype: DType) -> Result<()> {
        self.shape.reserve(NAME, dtype)
    }

    /// Creates an array in the memory order of the stack, whose elements are to be written. After
    /// that, [`seen`](Self::seen) has the order of its axes.
    pub(super) fn memory<F: Element>(&self) -> Array {
        let mut stored = self.shape.clone();
        if self.places.rows_first {
            let rank = stored.len();
            stored.as_mut().swap(rank - 3, rank - 2);
        }
        Array::build::<F>(stored, |_| {})
    }

    /// Returns the array with the axes of the stack.
    pub(super) fn seen(&self, array: Array) -> Array {
        if !self.places.rows_first {
            return array;
        }
        let rank = self.shape.len();
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(rank - 3, rank - 2);
        array.with_layout(array.layout.permute(&order))
    }
}
