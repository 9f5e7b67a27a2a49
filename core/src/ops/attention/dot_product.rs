//! Scaled dot-product attention: the options, the forward, and the vector-Jacobian product.

use super::operands::{Lengths, Stack, matrices};
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::attention::backward::{Pulled, Saved};
use crate::kernel::attention::{self as kernel, STATISTICS};
use crate::tensor::{Array, Mask, Shape, with_dtype};

pub(super) const NAME: &str = "scaled_dot_product_attention";

/// # Attention
impl Tensor {
    /// Computes `softmax(q kᵀ / √width) v`, a mean of the values for each query, weighted by how
    /// well the keys match (Vaswani et al. 2017, Attention Is All You Need). `self` holds the
    /// queries q (…, heads, queries, width), the keys k are (…, heads, keys, width) and the values
    /// v (…, heads, keys, value width). The result is (…, heads, queries, value width).
    ///
    /// [`Attention`] has the options: causal and other masks, the scale, dropout; and it says how
    /// keys can have fewer heads than queries.
    ///
    /// # Errors
    /// Those of [`Attention::attend`].
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let q = Tensor::from([[0.0f64, 0.0]]);
    /// let k = Tensor::from([[1.0f64, 2.0], [3.0, 4.0]]);
    /// let v = Tensor::from([[1.0f64], [2.0]]);
    /// // The query matches both keys equally.
    /// assert_eq!(q.scaled_dot_product_attention(&k, &v)?.to_vec::<f64>()?, [1.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn scaled_dot_product_attention(&self, keys: &Self, values: &Self) -> Result<Self> {
        Attention::new().attend(self, keys, values)
    }
}

/// Scaled dot-product attention with options.
///
/// It is computed by blocks of queries and keys, forward and backward: no matrix of all weights is
/// stored (Dao, Fu, Ermon, Rudra, Ré 2022, FlashAttention: Fast and Memory-Efficient Exact
/// Attention with IO-Awareness; Milakov, Gimelshein 2018, Online normalizer calculation for
/// softmax). Backward computes the weights again. Only second derivatives, which are computed from
/// tensor operations, store them.
///
/// The heads are the third axis from the end. Keys and values may have fewer heads than the
/// queries: then each of their heads serves a group of consecutive query heads (Ainslie et al.
/// 2023, GQA; with one head Shazeer 2019, multi-query attention). PyTorch does this with
/// `enable_gqa=True` only. All other leading axes must be equal; PyTorch broadcasts them. Operands
/// of two axes are one head.
///
/// A query that attends to no key, because all are masked or there are none, gets 0 and has
/// gradients of 0.
///
/// PyTorch: `torch.nn.functional.scaled_dot_product_attention`.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::Attention;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let mut draw = |heads| Tensor::normal([2, heads, 5, 8], 0.0, 1.0, DType::F32, &mut rng);
/// // Eight heads of queries, two of keys and values.
/// let (q, k, v) = (draw(8)?.tracked(), draw(2)?, draw(2)?);
/// let y = Attention::new().causal().attend(&q, &k, &v)?;
/// assert_eq!(y.shape(), [2, 8, 5, 8]);
/// assert!(y.mean().backward()?.get(&q).is_some());
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Attention {
    pub(super) causal: Option<usize>,
    pub(super) mask: Option<Mask>,
    pub(super) additive_mask: Option<Tensor>,
    pub(super) scale: Option<f64>,
    /// The probability and the seed.
    pub(super) dropout: (f64, u64),
}

impl Attention {
    /// Creates attention of every query to every key, with the scale 1 / √width and without
    /// dropout.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets query `i` attend to the keys up to key `i` only. The mask begins at the upper left, as
    /// in PyTorch: of 3 queries and 5 keys, the last two keys are not used.
    #[doc(alias = "is_causal")]
    pub fn causal(self) -> Self {
        self.causal_from(0)
    }

    /// Lets query `i` attend to the keys up to key `first + i` only: the queries are at the
    /// positions from `first` on. Use it if the keys of earlier positions come from a cache.
    pub fn causal_from(mut self, first: usize) -> Self {
        self.causal = Some(first);
        self
    }

    /// Lets each query attend only to the keys whose value is true. The mask broadcasts to (…,
    /// heads, queries, keys). To mask keys of each sample, give it the shape (batch, 1, 1, keys).
    ///
    /// PyTorch's function has the same meaning of true; its `MultiheadAttention` has the opposite.
    #[doc(alias = "attn_mask")]
    pub fn mask(mut self, mask: &Mask) -> Self {
        self.mask = Some(mask.clone());
        self
    }

    /// Adds `mask` to the scaled scores. It broadcasts to (…, heads, queries, keys). A key whose
    /// score is then -∞ takes no part. If the mask is tracked, it gets a gradient. To compute this,
    /// backward stores the cotangents of all scores.
    #[doc(alias = "attn_mask")]
    #[doc(alias = "attn_bias")]
    pub fn additive_mask(mut self, mask: &Tensor) -> Self {
        self.additive_mask = Some(mask.clone());
        self
    }

    /// Multiplies the scores `q kᵀ` by `scale`. Default: 1 / √width.
    pub fn scale(mut self, scale: f64) -> Self {
        self.scale = Some(scale);
        self
    }

    /// Sets each weight to 0 with probability `p`, and divides the others by `1 - p`. The same seed
    /// drops the same weights: they depend on the seed and the places of query and key only.
    pub fn dropout(mut self, p: f64, seed: u64) -> Self {
        self.dropout = (p, seed);
        self
    }

    /// Computes `softmax(scale q kᵀ + masks) v` of queries q (…, heads, queries, width), keys k (…,
    /// key heads, keys, width) and values v (…, key heads, keys, value width). The result is (…,
    /// heads, queries, value width).
    ///
    /// A key or value that is masked must be finite nevertheless, as in PyTorch: a product of 0 and
    /// infinity is NaN.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not fit, if the heads of the keys do
    /// not divide those of the queries, or if a mask does not broadcast to the shape of the scores;
    /// [`Error::DType`](crate::Error::DType) if the dtypes differ;
    /// [`Error::Argument`](crate::Error::Argument) if the scale is not finite, or the probability
    /// of dropout not in `[0, 1)`.
    pub fn attend(&self, queries: &Tensor, keys: &Tensor, values: &Tensor) -> Result<Tensor> {
        let lengths = Lengths::new(self, queries, keys, values)?;
        let stack = Stack::like(queries.array(), lengths.value_width);
        stack.reserve(queries.dtype())?;
        let rows = Shape::from([lengths.matrices(), lengths.queries, STATISTICS]);
        rows.reserve(NAME, queries.dtype())?;
        let arrays = [queries.array(), keys.array(), values.array()];
        let (output, statistics) = with_dtype!(queries.dtype(), F => {
            let operands = self.operands::<F>(&lengths, arrays);
            let mut output = stack.memory::<F>();
            let statistics = Array::build::<F>(rows, |statistics| {
                let out = output.elements_mut();
                kernel::forward::forward(&operands, stack.places, out, statistics);
            });
            (stack.seen(output), statistics)
        });
        let output = Tensor::from(output);
        let mut operands = vec![queries, keys, values];
        operands.extend(&self.additive_mask);
        Ok(Tensor::from_op(output.clone(), &operands, || DotProduct {
            options: self.clone(),
            lengths,
            operands: [queries.clone(), keys.clone(), values.clone()],
            output,
            statistics: statistics.into(),
        }))
    }
}

pub(super) struct DotProduct {
    pub options: Attention,
    pub lengths: Lengths,
    /// The queries, the keys and the values.
    pub operands: [Tensor; 3],
    pub output: Tensor,
    /// (matrices, queries, [`STATISTICS`])
    statistics: Tensor,
}

impl Op for DotProduct {
    fn name(&self) -> &'static str {
        NAME
    }
    fn kind(&self) -> OpKind {
        OpKind::Attention
    }
    fn inner_activations(&self) -> Option<[Tensor; 2]> {
        // The largest term of the sum is 1, and the second statistic is 1 / sum.
        let inverse = self.statistics.select(-1, 1).ok()?.to_f64_vec();
        let several = self.options.attending_to_several(&self.lengths);
        let largest = inverse.into_iter().zip(several);
        let largest: Vec<f64> = largest
            .filter(|(_, several)| *several)
            .map(|(w, _)| w)
            .collect();
        let largest = Tensor::from(&largest[..]);
        let slopes = largest.sub(&largest.square()).ok()?;
        Some([largest, slopes])
    }
    /// Counts the products of all queries with all keys and values, masked ones too.
    fn multiply_adds(&self, _: &[&[usize]], _: &[usize]) -> u64 {
        let lengths = &self.lengths;
        let pairs = lengths.matrices() as u64 * lengths.queries as u64 * lengths.keys as u64;
        pairs * (lengths.width + lengths.value_width) as u64
    }

    /// With the weights p, the cotangent g and h = g vᵀ: the scores have the cotangent
    /// s = p (h - Σ p h), and so has the additive mask; queries have s k, keys sᵀ q, both times the
    /// scale, and values pᵀ g.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        if context.records() {
            return self.recorded(&cotangent, context);
        }
        let lengths = &self.lengths;
        let [queries, keys, values] = self.operands.each_ref().map(Tensor::array);
        let wanted = |index: usize, like: &Array, width| {
            context.wants(index).then(|| Stack::like(like, width))
        };
        let stacks = [
            wanted(0, queries, lengths.width),
            wanted(1, keys, lengths.width),
            wanted(2, values, lengths.value_width),
        ];
        let of_bias = context.wants(3).then(|| lengths.scores());
        for stack in stacks.iter().flatten() {
            stack.reserve(cotangent.dtype())?;
        }
        if let Some(scores) = &of_bias {
            scores.reserve(NAME, cotangent.dtype())?;
        }
        Ok(with_dtype!(cotangent.dtype(), F => {
            let operands = self.options.operands::<F>(lengths, [queries, keys, values]);
            let (g, y) = (cotangent.array(), self.output.array());
            let count = lengths.matrices();
            let saved = Saved {
                outputs: matrices(y.view::<F>().data, &y.layout, count),
                statistics: &self.statistics.array().contiguous::<F>(),
                cotangents: matrices(g.view::<F>().data, &g.layout, count),
            };
            let mut arrays = stacks.each_ref().map(|stack| stack.as_ref().map(Stack::memory::<F>));
            let mut bias = of_bias.map(|scores| Array::build::<F>(scores, |_| {}));
            let mut of_operand = arrays.iter_mut().zip(&stacks).map(|(array, stack)| {
                Some((array.as_mut()?.elements_mut(), stack.as_ref()?.places))
            });
            let mut next = || of_operand.next().flatten();
            let pulled = Pulled {
                queries: next(),
                keys: next(),
                values: next(),
                bias: bias.as_mut().map(Array::elements_mut),
            };
            kernel::backward::backward(&operands, &saved, pulled);
            let seen = |(array, stack): (Option<Array>, &Option<Stack>)| {
                Some(Tensor::from(stack.as_ref()?.seen(array?)))
            };
            let mut cotangents: Cotangents = arrays.into_iter().zip(&stacks).map(seen).collect();
            if self.options.additive_mask.is_some() {
                cotangents.push(bias.map(Tensor::from));
            }
            cotangents
        }))
    }
}
