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
    /// Returns where a key takes no part for a query, given the scores and their additive mask.
    fn excluded(&self, lengths: &Lengths, scores: &Tensor) -> Result<Mask> {
        let mut excluded = scores.eq_scalar(f64::NEG_INFINITY);
        if let Some(mask) = &self.mask {
            excluded = excluded.or(&mask.not())?;
        }
        if let Some(mask) = &self.additive_mask {
            excluded = excluded.or(&mask.eq_scalar(f64::NEG_INFINITY))?;
        }
        if let Some(first) = self.causal {
            excluded = excluded.or(&lengths.causal(first).not())?;
        }
        Ok(excluded)
    }
}

impl DotProduct {
    /// Computes the same as the kernels, also for numbers that overflow, but with all weights
    /// stored.
    pub(super) fn recorded(&self, cotangent: &Tensor, context: &Vjp) -> Result<Cotangents> {
        let lengths = &self.lengths;
        let factor = self.options.factor(lengths.width);
        let grouped = |x: &Tensor, rows, columns| x.reshape(lengths.grouped(rows, columns));
        let shared = |x: &Tensor, width| {
            let last = [lengths.key_heads, 1, lengths.keys, width];
            let shape: Shape = lengths.leading.iter().copied().chain(last).collect();
            context.saved(x).reshape(shape)
        };
        let [queries, keys, values] = &self.operands;
        let scaled = context.saved(queries).mul_scalar(factor);
        let scaled = grouped(&scaled, lengths.queries, lengths.width)?;
        let (keys, values) = (
            shared(keys, lengths.width)?,
            shared(values, lengths.value_width)?,
        );
        let mut scores = scaled.matmul(&keys.transpose(-2, -1)?)?;
        scores = scores.reshape(lengths.scores())?;
        if let Some(mask) = &self.options.additive_mask {
            scores = scores.add(&context.saved(mask))?;
        }
        let excluded = self.options.excluded(lengths, &scores)?;
        let scores = scores.masked_fill(&excluded, f64::NEG_INFINITY)?;
        // The softmax of a query without keys is NaN.
        let weights = scores.softmax(-1)?.masked_fill(&excluded, 0.0)?;
        let alone = excluded.all_over(Axes::keep(-1))?;
        let per_query = [lengths.heads, lengths.queries, lengths.value_width];
        let per_query: Shape = lengths.leading.iter().copied().chain(per_query).collect();
        let mut cotangent = cotangent.reshape(&per_query)?;
        if alone.any() {
            cotangent = cotangent.masked_fill(&alone, 0.0)?;
        }
        let output = context.output(&self.output).reshape(&per_query)?;
        let dots = cotangent.mul(&output)?.sum_over(Axes::keep(-1))?;
        let cotangent = grouped(&cotangent, lengths.queries, lengths.value_width)?;
        let kept = self.kept()?;
        let dropped = |x: &Tensor| match &kept {
            Some(kept) => x.mul(kept),
            None => Ok(x.clone()),
        };
        let of_weights = cotangent.matmul(&values.transpose(-2, -1)?)?;
        let of_weights = dropped(&of_weights.reshape(lengths.scores())?)?;
        let of_scores = weights.mul(&of_weights.sub(&dots)?)?;
        let of_scores = of_scores.masked_fill(&weights.eq_scalar(0.0), 0.0)?;
        let of_grouped = grouped(&of_scores, lengths.queries, lengths.keys)?;
        // The sum over the group, in the shape of the operand.
        let summed = |x: &Tensor, like: &Tensor| x.sum_over(-3)?.reshape(like.shape());
        let mut cotangents: Cotangents = smallvec![None; 3];
        if context.wants(0) {
            let pulled = of_grouped.matmul(&keys)?.mul_scalar(factor);
            cotangents[0] = Some(pulled.reshape(self.operands[0].shape())?);
        }
        if context.wants(1) {
            let pulled = of_grouped.transpose(-2, -1)?.matmul(&scaled)?;
            cotangents[1] = Some(summed(&pulled, &self.operands[1])?);
        }
        if context.wants(2) {
            let weights = grouped(&dropped(&weights)?, lengths.queries, lengths.keys)?;
            let pulled = weights.transpose(-2, -1)?.matmul(&cotangent)?;
            cotangents[2] = Some(summed(&pulled, &self.operands[2])?);
        }
        if self.options.additive_mask.is_some() {
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
