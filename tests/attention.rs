//! Attention equals the plain formula for any sizes and options, on any number of threads, and a
//! sequence continued with a cache equals the whole sequence.

use cotangent::gradcheck::Gradcheck;
use cotangent::nn::{MultiHeadAttentionBuilder, key_mask};
use cotangent::prelude::*;
use cotangent::{Attention, RotaryPairs};
use proptest::prelude::*;

/// The sizes and options of a call.
#[derive(Clone, Debug)]
struct Case {
    samples: usize,
    key_heads: usize,
    group: usize,
    queries: usize,
    keys: usize,
    width: usize,
    value_width: usize,
    causal: Option<usize>,
    /// Whether the heads of one position are next to each other, as after a projection.
    projected: bool,
    masks: [bool; 2],
    seed: u64,
}

/// Lengths around those of blocks: 16 lanes, 48 queries, 64 keys.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        Just(1),
        2..8usize,
        prop::sample::select(vec![13, 16, 17, 47, 48, 49, 53, 63, 64, 65, 97, 131]),
    ]
}

fn width() -> impl Strategy<Value = usize> {
    prop_oneof![1..9usize, prop::sample::select(vec![16, 17, 31, 32, 33])]
}

fn cases() -> impl Strategy<Value = Case> {
    let heads = (1..3usize, 1..4usize, 1..4usize);
    let lengths = (length(), length(), width(), width());
    let options = (prop::option::of(0..70usize), any::<[bool; 3]>(), 0..1000u64);
    (heads, lengths, options).prop_map(|(heads, lengths, options)| Case {
        samples: heads.0,
        key_heads: heads.1,
        group: heads.2,
        queries: lengths.0,
        keys: lengths.1,
        width: lengths.2,
        value_width: lengths.3,
        causal: options.0,
        projected: options.1[0],
        masks: [options.1[1], options.1[2]],
        seed: options.2,
    })
}

impl Case {
    fn draw(&self, heads: usize, time: usize, width: usize, seed: u64) -> Result<Tensor> {
        let rng = &mut ChaCha8Rng::seed_from_u64(self.seed + seed);
        let mut normal = |shape| Tensor::normal(shape, 0.0, 1.0, DType::F64, rng);
        if self.projected {
            normal([self.samples, time, heads, width])?.transpose(1, 2)
        } else {
            normal([self.samples, heads, time, width])
        }
    }

    fn operands(&self) -> Result<[Tensor; 3]> {
        let heads = self.key_heads * self.group;
        Ok([
            self.draw(heads, self.queries, self.width, 0)?,
            self.draw(self.key_heads, self.keys, self.width, 1000)?,
            self.draw(self.key_heads, self.keys, self.value_width, 2000)?,
        ])
    }

    /// Returns the mask, in which some queries attend to nothing.
    fn mask(&self) -> Result<Option<Mask>> {
        let count = self.samples * self.queries * self.keys;
        let rng = &mut ChaCha8Rng::seed_from_u64(self.seed);
        let values = (0..count).map(|i| rng.next_u32() % 3 > 0 && i / self.keys % 5 != 1);
        let shape = [self.samples, 1, self.queries, self.keys];
        self.masks[0]
            .then(|| Mask::from_vec(values.collect(), shape))
            .transpose()
    }

    /// Returns numbers for each key, one of which is -∞.
    fn bias(&self) -> Result<Option<Tensor>> {
        let mut value = 0.0f64;
        let bias = Tensor::from_fn([1, self.keys], DType::F64, || {
            value += 1.0;
            if value == 3.0 {
                f64::NEG_INFINITY
            } else {
                (value * 0.7).sin()
            }
        });
        self.masks[1].then_some(bias).transpose()
    }

    fn attention(&self) -> Result<Attention> {
        let mut attention = Attention::new();
        if let Some(first) = self.causal {
            attention = attention.causal_from(first);
        }
        if let Some(mask) = self.mask()? {
            attention = attention.mask(&mask);
        }
        Ok(attention)
    }

    /// Computes attention by the plain formula: each head of keys repeated for its group.
    fn plain(&self, x: &[Tensor; 3], bias: Option<&Tensor>) -> Result<Tensor> {
        let repeated = |x: &Tensor| {
            let shape = [self.samples, self.key_heads, 1, self.keys, x.shape()[3]];
            let mut wide = shape;
            wide[2] = self.group;
            let heads = self.key_heads * self.group;
            let x = x.reshape(shape)?.broadcast_to(wide)?;
            x.reshape([self.samples, heads, self.keys, shape[4]])
        };
        let (keys, values) = (repeated(&x[1])?, repeated(&x[2])?);
        let scale = 1.0 / (self.width as f64).sqrt();
        let mut scores = x[0].matmul(&keys.transpose(-2, -1)?)?.mul_scalar(scale);
        if let Some(bias) = bias {
            scores = scores.add(bias)?;
        }
        let mut hidden = scores.eq_scalar(f64::NEG_INFINITY);
        if let Some(mask) = self.mask()? {
            hidden = hidden.or(&mask.not())?;
        }
        if let Some(first) = self.causal {
            let places = (0..self.queries * self.keys).map(|i| (i / self.keys, i % self.keys));
            let future = places.map(|(query, key)| key > first + query);
            let shape = [self.queries, self.keys];
            hidden = hidden.or(&Mask::from_vec(future.collect(), shape)?)?;
        }
        let weights = scores
            .masked_fill(&hidden, f64::NEG_INFINITY)?
            .softmax(-1)?;
        weights.masked_fill(&hidden, 0.0)?.matmul(&values)
    }
}

/// Returns the largest difference, relative to the larger of 1 and the largest expected element.
fn difference(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let expected = expected.to_f64_vec();
    let largest = expected
        .iter()
        .fold(1.0, |largest: f64, x| largest.max(x.abs()));
    let pairs = found.to_f64_vec().into_iter().zip(expected);
    // A NaN is a difference.
    pairs.fold(0.0, |worst: f64, (a, b)| {
        let off = (a - b).abs() / largest;
        if off <= worst { worst } else { off }
    })
}

fn compare(case: &Case) -> Result<()> {
    let x = case.operands()?.map(|x| x.tracked());
    let bias = case.bias()?.map(|bias| bias.tracked());
    let mut attention = case.attention()?;
    if let Some(bias) = &bias {
        attention = attention.additive_mask(bias);
    }
    let found = attention.attend(&x[0], &x[1], &x[2])?;
    let expected = case.plain(&x, bias.as_ref())?;
    assert!(difference(&found, &expected) < 1e-12, "output of {case:?}");
    let g = case.draw(
        case.key_heads * case.group,
        case.queries,
        case.value_width,
        3000,
    )?;
    let expected = expected.backward_with(&g)?;
    let recorded = Backward::new().create_graph().run_with(&found, &g)?;
    let found = found.backward_with(&g)?;
    for (i, x) in x.iter().chain(&bias).enumerate() {
        let expected = expected.get(x).expect("a gradient");
        for gradients in [&found, &recorded] {
            let off = difference(gradients.get(x).expect("a gradient"), expected);
            assert!(off < 1e-12, "gradient {i} of {case:?}: {off}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn attention_equals_the_plain_formula(case in cases()) {
        compare(&case)?;
    }
}

fn bits(x: &Tensor) -> Vec<u64> {
    x.to_f64_vec().into_iter().map(f64::to_bits).collect()
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() -> anyhow::Result<()> {
    let case = Case {
        samples: 2,
        key_heads: 2,
        group: 2,
        queries: 131,
        keys: 150,
        width: 16,
        value_width: 8,
        causal: Some(19),
        projected: true,
        masks: [true, true],
        seed: 3,
    };
    let run = |dtype| -> Result<Vec<Vec<u64>>> {
        let x = case.operands()?.map(|x| x.to_dtype(dtype).tracked());
        let bias = case.bias()?.expect("a bias").to_dtype(dtype).tracked();
        let attention = case.attention()?.additive_mask(&bias).dropout(0.2, 1);
        let y = attention.attend(&x[0], &x[1], &x[2])?;
        let gradients = y.square().sum().backward()?;
        let leaves = x.iter().chain([&bias]).filter_map(|x| gradients.get(x));
        Ok(leaves.chain([&y]).map(bits).collect())
    };
    for dtype in [DType::F32, DType::F64] {
        let mut found = Vec::new();
        for threads in [1, 2, 4] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()?;
            found.push(pool.install(|| run(dtype))?);
        }
        assert_eq!(found[0].len(), 5);
        assert!(found[0] == found[1] && found[0] == found[2], "{dtype}");
    }
    Ok(())
}

/// With values that are unit vectors, the result has the weights.
#[test]
fn dropout_drops_the_expected_share_and_keeps_the_mean() -> Result<()> {
    let (queries, keys, p) = (100, 90, 0.3);
    let zeros = |time| Tensor::zeros([2, time, 4], DType::F64);
    let (q, k, v) = (
        zeros(queries)?,
        zeros(keys)?,
        Tensor::eye(keys, DType::F64)?,
    );
    let v = v.unsqueeze(0)?.broadcast_to([2, keys, keys])?;
    let weights = |seed| Attention::new().dropout(p, seed).attend(&q, &k, &v);
    let drawn = weights(1)?;
    let kept = 1.0 / keys as f64 / (1.0 - p);
    let values = drawn.to_f64_vec();
    let dropped = values.iter().filter(|&&w| w == 0.0).count() as f64 / values.len() as f64;
    assert!(values.iter().all(|&w| w == 0.0 || (w - kept).abs() < 1e-15));
    // Five standard errors.
    let bound = 5.0 * (p * (1.0 - p) / values.len() as f64).sqrt();
    assert!((dropped - p).abs() < bound, "{dropped}");
    assert_eq!(bits(&drawn), bits(&weights(1)?));
    assert_ne!(bits(&drawn), bits(&weights(2)?));
    let heads = drawn.to_f64_vec();
    let (first, second) = heads.split_at(queries * keys);
    assert_ne!(first, second, "the heads drop the same weights");
    Ok(())
}

/// Backward draws the same weights again, and so does the derivative of backward.
#[test]
fn dropout_has_the_gradients_of_what_it_kept() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut draw = |time| Tensor::normal([1, 2, time, 3], 0.0, 1.0, DType::F64, &mut rng);
    let x = [draw(5)?, draw(7)?, draw(7)?];
    let attention = Attention::new().causal_from(1).dropout(0.4, 9);
    let attend = |x: &[Tensor]| Ok(attention.attend(&x[0], &x[1], &x[2])?.square().sum());
    Gradcheck::new()
        .second_order()
        .function(&x, attend)?
        .assert_ok();
    Ok(())
}

#[test]
fn a_query_without_keys_gets_zero_and_has_no_gradient() -> Result<()> {
    let x = Tensor::from([[1.0f64, -2.0], [3.0, 0.5]]).tracked();
    let none = Mask::from([[false, false], [true, true]]);
    let y = Attention::new()
        .mask(&none)
        .attend(&x, &x.detach(), &x.detach())?;
    assert_eq!(y.to_f64_vec()[..2], [0.0, 0.0]);
    let infinite = Tensor::from([[f64::INFINITY, 1.0], [1.0, 1.0]]);
    let gradients = y.backward_with(&infinite)?;
    let gradient = gradients.get(&x).expect("a gradient").to_f64_vec();
    assert_eq!(gradient[..2], [0.0, 0.0]);
    assert!(gradient[2] != 0.0 && gradient[3].is_finite());
    // Without keys at all.
    let no_keys = Tensor::zeros([0, 2], DType::F64)?;
    let y = x.scaled_dot_product_attention(&no_keys, &no_keys)?;
    assert_eq!(y.to_f64_vec(), [0.0; 4]);
    assert_eq!(
        y.sum()
            .backward()?
            .get(&x)
            .expect("a gradient")
            .to_f64_vec(),
        [0.0; 4]
    );
    Ok(())
}

/// Queries far behind the last key see all keys, however large their positions are.
#[test]
fn queries_at_the_largest_position_see_all_keys() -> Result<()> {
    let x = Tensor::from([[1.0f32, 2.0], [3.0, -1.0], [0.5, 0.0]]);
    let plain = Attention::new().attend(&x, &x, &x)?;
    for first in [3, usize::MAX - 1, usize::MAX] {
        let masked = Attention::new().causal_from(first).attend(&x, &x, &x)?;
        assert_eq!(bits(&masked), bits(&plain));
    }
    Ok(())
}

#[test]
fn large_scores_neither_overflow_nor_lose_digits() -> Result<()> {
    let q = Tensor::from([[1e4f32], [-1e4]]).tracked();
    let k = Tensor::from([[1.0f32], [1.0], [-1.0]]);
    let v = Tensor::from([[1.0f32], [2.0], [30.0]]);
    let y = q.scaled_dot_product_attention(&k, &v)?;
    assert_eq!(y.to_vec::<f32>()?, [1.5, 30.0]);
    let gradients = y.sum().backward()?;
    assert_eq!(
        gradients.get(&q).expect("a gradient").to_vec::<f32>()?,
        [0.0, 0.0]
    );
    Ok(())
}

#[track_caller]
fn says<T>(result: Result<T>, parts: &[&str]) {
    let Err(error) = result else {
        panic!("no error")
    };
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{text:?} lacks {part:?}");
    }
}

#[test]
fn errors_have_all_sizes() -> Result<()> {
    let x = |shape: &[usize]| Tensor::zeros(shape, DType::F32);
    let attend =
        |q: &[usize], k: &[usize], v: &[usize]| Attention::new().attend(&x(q)?, &x(k)?, &x(v)?);
    let shapes = ["(2, 3, 4, 8)", "(2, 2, 5, 8)"];
    says(
        attend(&[2, 3, 4, 8], &[2, 2, 5, 8], &[2, 2, 5, 8]),
        &[
            &shapes[..],
            &["multiple of the 2 heads of the keys, found 3"],
        ]
        .concat(),
    );
    says(
        attend(&[2, 2, 4, 8], &[2, 2, 5, 7], &[2, 2, 5, 8]),
        &["width 8, keys 7", "(2, 2, 5, 7)"],
    );
    says(
        attend(&[2, 2, 4, 8], &[2, 2, 5, 8], &[2, 2, 6, 8]),
        &["each of 5 keys, found 6 values"],
    );
    says(
        attend(&[2, 2, 4, 8], &[2, 2, 5, 8], &[2, 1, 5, 8]),
        &["keys have 2 heads, values 1"],
    );
    says(
        attend(&[3, 2, 4, 8], &[2, 2, 5, 8], &[2, 2, 5, 8]),
        &["in front of the heads differ", "(3, 2, 4, 8)"],
    );
    says(
        attend(&[8], &[8], &[8]),
        &["(…, heads, time, width)", "(8,)"],
    );
    let [q, k] = [x(&[2, 4, 8])?, x(&[2, 5, 8])?];
    let mask = Mask::from_vec(vec![true; 16], [4, 4])?;
    says(
        Attention::new().mask(&mask).attend(&q, &k, &k),
        &["mask (4, 4) does not broadcast to (2, 4, 5)", "(2, 5, 8)"],
    );
    says(
        Attention::new()
            .additive_mask(&x(&[3, 1, 5])?)
            .attend(&q, &k, &k),
        &["additive mask (3, 1, 5) does not broadcast to (2, 4, 5)"],
    );
    says(
        Attention::new().attend(&q, &k.to_dtype(DType::F64), &k),
        &["keys is f64, queries and values are f32"],
    );
    says(
        Attention::new().scale(f64::NAN).attend(&q, &k, &k),
        &["scale must be finite"],
    );
    says(
        Attention::new().dropout(1.0, 0).attend(&q, &k, &k),
        &["p must be in [0, 1)"],
    );
    Ok(())
}

#[test]
fn errors_of_layers_have_all_sizes() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let build =
        |builder: MultiHeadAttentionBuilder| builder.build(&mut ChaCha8Rng::seed_from_u64(1));
    let builder = MultiHeadAttention::builder;
    says(build(builder(10, 3)), &["3 heads and 10 features"]);
    says(
        build(builder(12, 4).key_heads(3)),
        &["3 key heads and 4 heads"],
    );
    says(
        build(builder(12, 4).rotary(&Rotary::new(9, 4)?)),
        &["width 3 of a head, found 4"],
    );
    says(build(builder(12, 4).dropout(1.0)), &["p must be in [0, 1)"]);
    let attention = MultiHeadAttention::new(8, 2, rng)?;
    let x = |shape: &[usize]| Tensor::zeros(shape, DType::F32);
    says(
        attention.predict(&x(&[2, 3, 9])?),
        &["(batch, time, 8)", "(2, 3, 9)"],
    );
    let pass = Pass::inference();
    says(
        attention.attend(&x(&[2, 3, 8])?, &x(&[1, 5, 8])?, None, &pass),
        &["as many samples", "(2, 3, 8)", "(1, 5, 8)"],
    );
    says(
        attention.attend(
            &x(&[2, 3, 8])?,
            &x(&[2, 5, 8])?,
            Some(&key_mask(&[4, 1], 4)?),
            &pass,
        ),
        &["mask (2, 1, 1, 4) does not broadcast to (2, 2, 3, 5)"],
    );
    says(key_mask(&[2, 5], 4), &["up to 4, found 5 of sample 1"]);
    let mut cache = KeyValueCache::new();
    let _ = attention.step(&x(&[2, 3, 8])?, &mut cache, &pass)?;
    says(
        attention.step(&x(&[3, 1, 8])?, &mut cache, &pass),
        &["cache of this layer and this batch"],
    );
    assert_eq!(cache.len(), 3, "an error must not change the cache");
    says(
        LearntPositions::new(4, 8, rng)?.forward_from(&x(&[1, 3, 8])?, 2, &pass),
        &["at most 4 positions, found 3 from 2 on"],
    );
    says(Rotary::new(4, 3), &["even width"]);
    says(SinusoidalPositions::new(4, 3), &["even width"]);
    says(
        x(&[2, 4])?.rotary(&x(&[3, 2])?, &x(&[2, 2])?, RotaryPairs::Halves),
        &["cosines and sines (2, 2)", "(3, 2)"],
    );
    Ok(())
}

/// A small language model of one kind of block.
fn continued(
    features: usize,
    whole: impl Fn(&Tensor) -> Result<Tensor>,
    step: impl Fn(&Tensor, &mut KeyValueCache) -> Result<Tensor>,
) -> Result<()> {
    let time = 41;
    let rng = &mut ChaCha8Rng::seed_from_u64(2);
    let x = Tensor::normal([2, time, features], 0.0, 1.0, DType::F64, rng)?;
    let expected = whole(&x)?;
    // One by one, a beginning at once and then one by one, and in pieces.
    for pieces in [
        vec![1; time],
        [&[20][..], &[1; 21]].concat(),
        vec![7, 5, 1, 17, 11],
    ] {
        let mut cache = KeyValueCache::new();
        let mut parts = Vec::new();
        for len in pieces {
            parts.push(step(&x.narrow(1, cache.len(), len)?, &mut cache)?);
        }
        assert_eq!(cache.len(), time);
        assert!(difference(&Tensor::cat(&parts, 1)?, &expected) < 1e-12);
    }
    Ok(())
}

#[test]
fn a_continued_sequence_equals_the_whole() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let pass = Pass::inference();
    let rotary = Rotary::new(64, 4)?.pairs(RotaryPairs::Halves);
    let mut attention = MultiHeadAttention::builder(16, 4)
        .causal()
        .key_heads(2)
        .rotary(&rotary)
        .build(rng)?;
    attention.convert(DType::F64);
    continued(
        16,
        |x| attention.predict(x),
        |x, cache| attention.step(x, cache, &pass),
    )?;
    let mut encoder = TransformerEncoderLayer::builder(16, 2)
        .causal()
        .norm_first()
        .build(rng)?;
    encoder.convert(DType::F64);
    continued(
        16,
        |x| encoder.predict(x),
        |x, cache| encoder.step(x, cache, &pass),
    )?;
    let mut block = TransformerBlock::builder(16, 4)
        .rotary(&rotary)
        .build(rng)?;
    block.convert(DType::F64);
    continued(
        16,
        |x| block.predict(x),
        |x, cache| block.step(x, cache, &pass),
    )?;
    let mut decoder = TransformerDecoderLayer::new(16, 2, rng)?;
    decoder.convert(DType::F64);
    let memory = Tensor::normal([2, 5, 16], 0.0, 1.0, DType::F64, rng)?;
    continued(
        16,
        |x| decoder.forward(x, &memory, None, &pass),
        |x, cache| decoder.step(x, &memory, None, cache, &pass),
    )
}

#[test]
fn a_cleared_cache_takes_another_batch_and_a_clone_continues_alone() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let attention = MultiHeadAttention::builder(8, 2).causal().build(rng)?;
    let x = Tensor::normal([2, 6, 8], 0.0, 1.0, DType::F32, rng)?;
    let (mut cache, pass) = (KeyValueCache::new(), Pass::inference());
    let part = |start, len| x.narrow(1, start, len);
    let _ = attention.step(&part(0, 4)?, &mut cache, &pass)?;
    let mut other = cache.clone();
    let first = attention.step(&part(4, 1)?, &mut cache, &pass)?;
    let second = attention.step(&part(5, 1)?, &mut other, &pass)?;
    assert_ne!(first.to_f64_vec(), second.to_f64_vec());
    assert_eq!((cache.len(), other.len()), (5, 5));
    let again = attention.step(&part(5, 1)?, &mut cache, &pass)?;
    let expected = attention.predict(&x)?.narrow(1, 5, 1)?;
    assert!(difference(&again, &expected) < 1e-5);
    cache.clear();
    assert!(cache.is_empty());
    let _ = attention.step(&Tensor::ones([5, 1, 8], DType::F32)?, &mut cache, &pass)?;
    assert_eq!(cache.len(), 1);
    Ok(())
}

/// The keys of new positions are stored detached, but their gradients are not lost.
#[test]
fn a_step_has_the_gradients_of_its_own_positions() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let mut attention = MultiHeadAttention::builder(8, 2).causal().build(rng)?;
    attention.convert(DType::F64);
    let x = Tensor::normal([2, 6, 8], 0.0, 1.0, DType::F64, rng)?.tracked();
    let pass = Pass::train(1);
    let whole = attention.forward(&x, &pass)?.square().sum().backward()?;
    let y = attention.step(&x, &mut KeyValueCache::new(), &pass)?;
    let continued = y.square().sum().backward()?;
    for (path, param) in attention.named_params() {
        let [a, b] = [&whole, &continued].map(|gradients| gradients.get(param));
        let off = difference(a.expect("a gradient"), b.expect("a gradient"));
        assert!(off < 1e-12, "{path}: {off}");
    }
    // After earlier positions, those of the new ones only.
    let (earlier, new) = (
        x.detach().narrow(1, 0, 4)?,
        x.detach().narrow(1, 4, 2)?.tracked(),
    );
    let mut cache = KeyValueCache::new();
    let _ = attention.step(&earlier, &mut cache, &Pass::inference())?;
    let y = attention.step(&new, &mut cache, &pass)?;
    let continued = y.square().sum().backward()?;
    let joined = Tensor::cat(&[&earlier, &new], 1)?;
    let y = attention.forward(&joined, &pass)?.narrow(1, 4, 2)?;
    let whole = y.square().sum().backward()?;
    let [a, b] = [&whole, &continued].map(|gradients| gradients.get(&new));
    assert!(difference(a.expect("a gradient"), b.expect("a gradient")) < 1e-12);
    Ok(())
}

fn check<L: Layer + Clone>(layer: &L, x: &Tensor) -> Result<()> {
    let check = Gradcheck::new().second_order();
    let report = check.module(layer, std::slice::from_ref(x), |layer, x, pass| {
        Ok(layer.forward(&x[0], pass)?.square().sum())
    });
    report?.assert_ok();
    Ok(())
}

#[test]
fn layers_pass_gradient_checks() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let x = Tensor::normal([2, 3, 4], 0.0, 1.0, DType::F64, rng)?;
    let gelu = TransformerEncoderLayer::builder(4, 2)
        .hidden(5)
        .activation(Gelu)
        .dropout(0.2);
    let encoder = gelu.causal().build(rng)?;
    check(&encoder, &x)?;
    let rotary = Rotary::new(8, 2)?;
    let block = TransformerBlock::builder(4, 2)
        .key_heads(1)
        .rotary(&rotary)
        .hidden(5)
        .build(rng)?;
    check(&block, &x)
}

#[test]
fn dropout_of_layers_depends_on_the_pass() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let attention = MultiHeadAttention::builder(8, 2).dropout(0.5).build(rng)?;
    let x = Tensor::normal([2, 6, 8], 0.0, 1.0, DType::F32, rng)?;
    let run = |pass: Pass| Ok::<_, Error>(bits(&attention.forward(&x, &pass)?));
    assert_eq!(run(Pass::train(1))?, run(Pass::train(1))?);
    assert_ne!(run(Pass::train(1))?, run(Pass::train(2))?);
    assert_eq!(run(Pass::inference())?, bits(&attention.predict(&x)?));
    assert_ne!(run(Pass::train(1))?, run(Pass::inference())?);
    let pass = Pass::train(1);
    let _ = attention.forward(&x, &pass)?;
    assert_eq!(pass.draws(), 1);
    Ok(())
}

/// The scalar product of a rotated query and key depends on the distance of their positions only.
#[test]
fn rotations_depend_on_distances() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let [q, k] = [(); 2].map(|()| Tensor::normal([1, 8], 0.0, 1.0, DType::F64, rng));
    let (q, k) = (q?, k?);
    for pairs in [RotaryPairs::Neighbours, RotaryPairs::Halves] {
        let rotary = Rotary::new(50, 8)?.pairs(pairs);
        let score = |a, b| {
            let (q, k) = (rotary.rotate(&q, a)?, rotary.rotate(&k, b)?);
            q.mul(&k)?.sum().item()
        };
        let near: Result<Vec<f64>> = [0, 7, 40].map(|a| score(a + 3, a)).into_iter().collect();
        let near = near?;
        assert!(
            near.iter().all(|score| (score - near[0]).abs() < 1e-12),
            "{near:?}"
        );
        assert!((score(9, 0)? - near[0]).abs() > 1e-3);
    }
    Ok(())
}
