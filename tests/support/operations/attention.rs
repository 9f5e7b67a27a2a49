//! Attention and rotary positions.

use super::Domain::Signed;
use super::Entry;
use super::golden::golden;
use cotangent::prelude::*;
use cotangent::{Attention, Mask, Result, RotaryPairs};

/// Rows of golden values: the name, our options, PyTorch's arguments, the cases.
macro_rules! attended {
    ($($name:literal |$x:ident, $of:ident| $set:expr, $torch:literal, $cases:literal;)*) => {
        vec![$(
            golden("attention", $name, |$x| {
                let $of = Attention::new();
                $set.attend(&$x[0], &$x[1], &$x[2])
            })
            .torch(concat!("attention(*operands", $torch, ")"), $cases)
            .sums()
            .unsigned_zeros(),
        )*]
    };
}

/// Attention and rotary positions.
pub fn attention() -> Vec<Entry> {
    operations! { [m, k, n]
        scaled_dot_product_attention {
            check "attention", Signed: (m, n) (k, n) (k, 3) => (m, 3),
                |x| x[0].scaled_dot_product_attention(&x[1], &x[2]);
            check "attention of heads", Signed: (2, m, n) (2, k, n) (2, k, n) => (2, m, n),
                |x| x[0].scaled_dot_product_attention(&x[1], &x[2]);
            check "attention of samples, causal",
                Signed: (2, 2, m, n) (2, 2, k, n) (2, 2, k, 3) => (2, 2, m, 3),
                |x| Attention::new().causal().attend(&x[0], &x[1], &x[2]);
            check "attention of grouped heads, causal from 1",
                Signed: (4, m, n) (2, k, n) (2, k, n) => (4, m, n),
                |x| Attention::new().causal_from(1).attend(&x[0], &x[1], &x[2]);
            check "attention of many queries, masked, scaled",
                Signed: (3, m, n) (1, k, n) (1, k, n) => (3, m, n),
                |x| {
                    let mask = every_third(x[0].shape()[1], x[1].shape()[1])?;
                    Attention::new().mask(&mask).scale(0.7).attend(&x[0], &x[1], &x[2])
                };
            check "attention with a mask of numbers, dropout",
                Signed: (2, m, n) (2, k, n) (2, k, n) (m, k) => (2, m, n),
                |x| Attention::new().additive_mask(&x[3]).dropout(0.3, 5)
                    .attend(&x[0], &x[1], &x[2]);
            check "attention with everything",
                Signed: (2, m, n) (1, k, n) (1, k, n) (2, 1, k) => (2, m, n),
                |x| {
                    let mask = every_third(x[0].shape()[1], x[1].shape()[1])?;
                    Attention::new().mask(&mask).additive_mask(&x[3]).causal_from(1).scale(-1.3)
                        .dropout(0.3, 6).attend(&x[0], &x[1], &x[2])
                };
            golden attended! {
                "attention" |x, of| of, "",
                    "normal(heads=HEADS, one=ONE, wide=WIDE, many=MANY, plane=PLANE)";
                "attention(causal)" |x, of| of.causal(), ", is_causal=True",
                    "normal(heads=HEADS, one=ONE, more_keys=MORE_KEYS, many=MANY)";
                "attention(scale)" |x, of| of.scale(0.3), ", scale=0.3", "normal(heads=HEADS)";
                "attention(groups)" |x, of| of, ", enable_gqa=True",
                    "normal(groups=GROUPS, one_key_head=ONE_KEY_HEAD)";
                "attention(groups,causal)" |x, of| of.causal(), ", is_causal=True, enable_gqa=True",
                    "normal(groups=GROUPS, one_key_head=ONE_KEY_HEAD)";
                // The third query attends to nothing.
                "attention(mask)"
                    |x, of| of.mask(&golden_mask(&x[0], &x[1])?),
                    ", attn_mask=pattern(x.shape[-2], y.shape[-2])",
                    "normal(heads=HEADS, one=ONE, many=MANY)";
                "attention(additive)"
                    |x, of| of.additive_mask(&x[3]), "",
                    "normal(heads=BIASED, of_keys=BIASED_KEYS, many=BIASED_MANY)";
            };
            golden golden("attention", "attention(causal from 2)",
                |x| Attention::new().causal_from(2).attend(&x[0], &x[1], &x[2]))
                .torch(
                    "attention(*operands, attn_mask=causal_from(2, x, y))",
                    "normal(heads=HEADS, many=MANY)",
                )
                .sums()
                .unsigned_zeros();
            draw 3 Close |x, p| x[0].scaled_dot_product_attention(&x[1], &x[2]);
            draw 3 Close |x, p| Attention::new().causal_from(p.size).mask(&p.mask).scale(p.number)
                .dropout(p.other_number, p.seed).attend(&x[0], &x[1], &x[2]);
            draw 4 Close |x, p| Attention::new().causal().additive_mask(&x[3])
                .attend(&x[0], &x[1], &x[2]);
        }
        rotary {
            check "rotary", Signed: (k, m, 4) => (k, m, 4),
                |x| turned(&x[0], RotaryPairs::Neighbours);
            check "rotary of halves", Signed: (m, 6) => (m, 6),
                |x| turned(&x[0], RotaryPairs::Halves);
            golden golden("attention", "rotary", |x| turned(&x[0], RotaryPairs::Neighbours))
                .torch("rotated(x, halves=False)", "normal(heads=[(2, 3, 5, 6)], plane=[(4, 2)])")
                .sums();
            golden golden("attention", "rotary(halves)", |x| turned(&x[0], RotaryPairs::Halves))
                .torch("rotated(x, halves=True)", "normal(heads=[(2, 3, 5, 6)], plane=[(4, 2)])")
                .sums();
            draw 3 Same |x, p| x[0].rotary(&x[1], &x[2], if p.flag {
                RotaryPairs::Neighbours
            } else {
                RotaryPairs::Halves
            });
        }
    }
}

/// Returns a mask (queries, keys) that is false at every third place.
fn every_third(queries: usize, keys: usize) -> Result<Mask> {
    let values = (0..queries * keys).map(|i| i % 3 != 1);
    Mask::from_vec(values.collect(), [queries, keys])
}

/// Returns the mask that `pattern` in `golden/cases.py` returns.
fn golden_mask(queries: &Tensor, keys: &Tensor) -> Result<Mask> {
    let [queries, keys] = [queries, keys].map(|x| x.shape()[x.rank() - 2]);
    let taking_part = |i: usize, j: usize| !(3 * i + 5 * j).is_multiple_of(4) && i != 2;
    let values = (0..queries).flat_map(|i| (0..keys).map(move |j| taking_part(i, j)));
    Mask::from_vec(values.collect(), [queries, keys])
}

/// Rotates by the angles of positions.
fn turned(x: &Tensor, pairs: RotaryPairs) -> Result<Tensor> {
    let (time, width) = (x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]);
    let table = |function: fn(f64) -> f64| {
        let mut place = 0;
        let table = Tensor::from_fn([time, width / 2], DType::F64, || {
            let (position, pair) = (place / (width / 2), place % (width / 2));
            place += 1;
            let frequency = 10_000f64.powf(-2.0 * pair as f64 / width as f64);
            function(position as f64 * frequency)
        })?;
        Ok::<_, Error>(table.to_dtype(x.dtype()))
    };
    x.rotary(&table(f64::cos)?, &table(f64::sin)?, pairs)
}
