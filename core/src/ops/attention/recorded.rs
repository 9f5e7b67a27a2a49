//! The vector-Jacobian product from tensor operations, which can be differentiated again.

use super::dot_product::{Attention, DotProduct, NAME};
use super::operands::Lengths;
use crate::autograd::{Cotangents, Tensor, Vjp};
use crate::error::Result;
use crate::tensor::{Array, Axes, Mask, Shape, with_dtype};
use smallvec::smallvec;

impl Lengths {
    /// Returns the shape (…, key heads, group, rows, columns), in which the matrices of a group are
    /// next to each other.
    fn grouped(&self, rows: usize, columns: usize) -> Shape {
        let last = [self.key_heads, self.group(), rows, columns];
        self.leading.iter().copied().chain(last).collect()
    }

    /// Returns the mask that is true where a causal query may attend to the key.
    fn causal(&self, first: usize) -> Mask {
        Mask::build(Shape::from([self.queries, self.keys]), |out| {
            for (query, row) in out.chunks_mut(self.keys.max(1)).enumerate() {
                let seen = first.saturating_add(query).saturating_add(1);
                let seen = seen.min(self.keys);
                row[..seen].fill(true);
            }
        })
    }
}

impl Attention {
    /// Returns the weights, (…, heads, queries, keys), of operands in the shape of
    /// [`Lengths::grouped`].
    fn weights(&self, lengths: &Lengths, scores: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let mut scores = scores.reshape(lengths.scores())?;
        if let Some(mask) = mask {
            scores = scores.add(mask)?;
        }
        // Keys that take no part: those whose score is -∞, and those that are masked.
        let mut excluded = scores.eq_scalar(f64::NEG_INFINITY);
        if let Some(mask) = &self.mask {
            excluded = excluded.or(&mask.not())?;
        }
        if let Some(first) = self.causal {
            excluded = excluded.or(&lengths.causal(first).not())?;
        }
        let scores = scores.masked_fill(&excluded, f64::NEG_INFINITY)?;
        // The softmax of a query without keys is NaN.
        scores.softmax(-1)?.masked_fill(&excluded, 0.0)
    }
}

impl DotProduct {
    pub(super) fn recorded(&self, cotangent: &Tensor, context: &Vjp) -> Result<Cotangents> {
        let lengths = &self.lengths;
        let grouped = |x: &Tensor, rows, columns| x.reshape(lengths.grouped(rows, columns));
        let [queries, keys, values] = self.operands.each_ref().map(|x| context.saved(x));
        let mask = self
            .options
            .additive_mask
            .as_ref()
            .map(|mask| context.saved(mask));
        let factor = self.options.factor(lengths.width);
        let shared = |x: &Tensor, width| {
            let last = [lengths.key_heads, 1, lengths.keys, width];
            let shape: Shape = lengths.leading.iter().copied().chain(last).collect();
            x.reshape(shape)
        };
        let queries = grouped(&queries, lengths.queries, lengths.width)?;
        let (keys, values) = (
            shared(&keys, lengths.width)?,
            shared(&values, lengths.value_width)?,
        );
        let cotangent = grouped(cotangent, lengths.queries, lengths.value_width)?;
        let scores = queries.matmul(&keys.transpose(-2, -1)?)?.mul_scalar(factor);
        let weights = self.options.weights(lengths, &scores, mask.as_ref())?;
        let kept = self.kept()?;
        let dropped = |x: &Tensor| match &kept {
            Some(kept) => x.mul(kept),
            None => Ok(x.clone()),
        };
        let of_weights = cotangent.matmul(&values.transpose(-2, -1)?)?;
        let of_weights = dropped(&of_weights.reshape(lengths.scores())?)?;
        let dots = weights.mul(&of_weights)?.sum_over(Axes::keep(-1))?;
        let of_scores = weights.mul(&of_weights.sub(&dots)?)?;
        let of_grouped = grouped(&of_scores, lengths.queries, lengths.keys)?;
        // The sum over the group, in the shape of the operand.
        let summed = |x: &Tensor, like: &Tensor| x.sum_over(-3)?.reshape(like.shape());
        let [of_queries, of_keys, of_values] = &self.operands;
        let scaled = of_grouped.mul_scalar(factor);
        let mut cotangents: Cotangents = smallvec![None; 3];
        if context.wants(0) {
            cotangents[0] = Some(scaled.matmul(&keys)?.reshape(of_queries.shape())?);
        }
        if context.wants(1) {
            let pulled = scaled.transpose(-2, -1)?.matmul(&queries)?;
            cotangents[1] = Some(summed(&pulled, of_keys)?);
        }
        if context.wants(2) {
            let weights = grouped(&dropped(&weights)?, lengths.queries, lengths.keys)?;
            let pulled = weights.transpose(-2, -1)?.matmul(&cotangent)?;
            cotangents[2] = Some(summed(&pulled, of_values)?);
        }
        if mask.is_some() {
            cotangents.push(context.wants(3).then_some(of_scores));
        }
        Ok(cotangents)
    }

    /// Returns the factors of dropout, (…, heads, queries, keys).
    fn kept(&self) -> Result<Option<Tensor>> {
        let Some(dropout) = self.options.dropped() else {
            return Ok(None);
        };
        let (lengths, dtype) = (&self.lengths, self.output.dtype());
        lengths.scores().reserve(NAME, dtype)?;
        let kept = with_dtype!(dtype, F => Array::build::<F>(lengths.scores(), |out| {
            dropout.all(lengths.queries, lengths.keys, out);
        }));
        Ok(Some(kept.into()))
    }
}
