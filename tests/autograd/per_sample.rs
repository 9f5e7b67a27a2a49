//! The gradients of each sample equal those of a loop over samples.

use cotangent::prelude::*;
use cotangent::transform;
use std::ops::Range;

/// Compares the gradients of each sample with those of a loop.
fn check(net: &impl Module, samples: usize, losses: impl Fn(Range<usize>) -> Result<Tensor>) {
    let each = transform::per_sample(samples, &losses).unwrap();
    for sample in 0..samples {
        let alone = losses(sample..sample + 1).unwrap().sum().backward();
        let alone = alone.unwrap();
        assert_eq!(alone.len(), each.len());
        for (name, param) in net.named_params() {
            let Some(expected) = alone.get(param) else {
                continue;
            };
            let found = each.get(param).unwrap().select(0, sample as isize).unwrap();
            assert_eq!(found.shape(), expected.shape(), "{name}");
            for (found, expected) in found.to_f64_vec().into_iter().zip(expected.to_f64_vec()) {
                let bound = 1e-10 * expected.abs().max(1e-3);
                assert!(
                    (found - expected).abs() < bound,
                    "{name}: {found} {expected}"
                );
            }
        }
    }
}

fn normal(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Tensor::normal(shape, 0.0, 1.0, DType::F64, &mut rng).unwrap()
}

/// Checks a net that gives the scores of three classes.
fn check_classes(net: &impl Layer, x: &Tensor) {
    check(net, x.shape()[0], |range| {
        let labels: Indices = range.clone().map(|i| i * 5 % 3).collect();
        let x = x.narrow(0, range.start, range.len())?;
        let scores = net.forward(&x, &Pass::train(1))?;
        CrossEntropyLoss::new()
            .reduction(Reduction::None)
            .loss(&scores, &labels)
    });
}

#[test]
fn dense_nets() {
    let net = Mlp::builder([5, 7, 3]).activation(Tanh);
    let net = net.build(&mut ChaCha8Rng::seed_from_u64(2)).unwrap();
    // As many samples as units, and one.
    for samples in [1, 6, 7, 14] {
        check_classes(&net.to_dtype(DType::F64), &normal(&[samples, 5], 1));
    }
}

#[test]
fn convolutional_nets() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let net = Sequential::new()
        .push(
            Conv2d::builder(4, 6, 3)
                .padding(1)
                .groups(2)
                .build(&mut rng)?,
        )
        .push(GroupNorm::builder(3, 6).build()?)
        .push(Relu)
        .push(Conv2d::builder(6, 4, 2).stride(2).build(&mut rng)?)
        .push(MaxPool2d::new(2))
        .push(Flatten::new())
        .push(Linear::new(16, 3, &mut rng)?);
    check_classes(&net.to_dtype(DType::F64), &normal(&[4, 4, 8, 8], 1));
    Ok(())
}

#[test]
fn recurrent_nets_and_attention() -> Result<()> {
    #[derive(Module, Clone)]
    struct Net {
        recurrent: Lstm,
        attention: MultiHeadAttention,
        norm: LayerNorm,
        head: Linear,
    }
    impl Layer for Net {
        fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
            let x = self.recurrent.forward(x, pass)?;
            let x = self.attention.forward(&x, pass)?;
            let x = self.norm.forward(&x, pass)?;
            self.head.forward(&x.mean_over(1)?, pass)
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let net = Net {
        recurrent: Lstm::new(3, 4, &mut rng)?,
        attention: MultiHeadAttention::new(4, 2, &mut rng)?,
        norm: LayerNorm::new([4])?,
        head: Linear::new(4, 3, &mut rng)?,
    };
    check_classes(&net.to_dtype(DType::F64), &normal(&[5, 6, 3], 1));
    Ok(())
}

#[test]
fn weights_that_are_computed() {
    #[derive(Module)]
    struct Net {
        weight: Param,
        scale: Param,
        bias: Param,
    }
    let net = Net {
        weight: Param::new(&normal(&[4, 6], 1)),
        scale: Param::new(&normal(&[6], 2)),
        bias: Param::new(&normal(&[1, 4], 3)),
    };
    let x = normal(&[6, 3, 6], 4);
    let pass = Pass::train(1);
    check(&net, 6, |range| {
        let x = x.narrow(0, range.start, range.len())?;
        // The weight's first axis is as long as the batch, and so is the scale.
        let weight = net.weight.read(&pass).transpose(0, 1)?;
        let x = x.mul(&net.scale.read(&pass).exp())?.matmul(&weight)?;
        let x = x.add(&net.bias.read(&pass))?.softmax(-1)?;
        x.square().sum_over([1, 2])
    });
}

#[test]
fn losses_that_are_not_of_one_sample_are_an_error() {
    let w = Tensor::from([[0.5f64, -1.0]]).tracked();
    let x = normal(&[4, 2], 1);
    let scores = |range: &Range<usize>| {
        let x = x.narrow(0, range.start, range.len())?;
        x.linear(&w, None)?.squeeze(1)
    };
    let error = |losses: &dyn Fn(Range<usize>) -> Result<Tensor>| {
        transform::per_sample(4, losses)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    // Divided by the mean of the batch.
    let found = error(&|range| {
        let scores = scores(&range)?.square();
        scores.div(&scores.mean().detach())
    });
    assert!(
        found.contains("must not depend on other samples"),
        "{found}"
    );
    let found = error(&|range| {
        let scores = scores(&range)?.square();
        scores.div(&scores.mean())
    });
    assert!(found.contains("by all samples"), "{found}");
    // The value is that of one sample, the gradient is not.
    let found = error(&|range| {
        let scores = scores(&range)?.square();
        let other = scores.cumsum(0)?;
        scores.add(&other)?.sub(&other.detach())
    });
    assert!(found.contains("other gradients"), "{found}");
    let found = error(&|range| Ok(scores(&range)?.sum()));
    assert!(
        found.contains("expected one loss for each of 4 samples"),
        "{found}"
    );
    let found = error(&|range| Ok(scores(&range)?.detach()));
    assert!(found.contains("track"), "{found}");
    assert!(transform::per_sample(0, |range| scores(&range)).is_err());
}

/// A sample that is not finite changes its own gradients only; if it changes others, that is found.
#[test]
fn values_that_are_not_finite_stay_with_their_sample() -> Result<()> {
    for special in [f64::NAN, f64::INFINITY] {
        let w = Tensor::from([[0.5f64, -1.0]]).tracked();
        for place in 0..3 {
            let mut x = [[1.0, 2.0], [3.0, -1.0], [0.5, 0.25]];
            x[place][0] = special;
            let x = Tensor::from(x);
            let scores = |range: &Range<usize>| {
                let x = x.narrow(0, range.start, range.len())?;
                x.linear(&w, None)?.squeeze(1)
            };
            let each = transform::per_sample(3, |range| scores(&range))?;
            let found = each.get(&w).map(Tensor::to_f64_vec).unwrap_or_default();
            for (i, found) in found.into_iter().enumerate() {
                assert_eq!(
                    found.is_finite(),
                    i != 2 * place,
                    "{special} at {place}: {i}"
                );
            }
            let mixed = transform::per_sample(3, |range| {
                let scores = scores(&range)?;
                scores.sub(&scores.mean().detach())
            });
            // Only the sample in the middle is compared, and only its own loss may be special.
            assert!(mixed.is_err() || place == 1, "{special} at {place}");
        }
    }
    Ok(())
}
