//! Shards that differ: parameters that only some of them use, frozen ones, losses over other counts
//! than samples.

use cotangent::data::Shards;
use cotangent::parallel::Ranks;
use cotangent::prelude::*;

/// Three branches of one weight each.
#[derive(Module, Clone)]
struct Branches {
    first: Param,
    second: Param,
    unused: Param,
    frozen: Param,
}

impl Branches {
    fn new() -> Self {
        let param = || Param::new(&Tensor::from([2.0f64]));
        let mut frozen = param();
        frozen.freeze();
        Self {
            first: param(),
            second: param(),
            unused: param(),
            frozen,
        }
    }
}

/// Returns the gradients of the branches. Samples below 0 use the first one, others the second.
fn gradients(ranks: &Ranks, samples: &Tensor) -> Result<Vec<Option<f64>>> {
    let net = Branches::new();
    let batch = Shards::split(samples, ranks.own_shards(), ranks.shards())?;
    let summed = ranks.gradients(&net, &batch, &Pass::train(1), |net, x: &Tensor, pass| {
        let is_first = x.sum().item()? < 0.0;
        let branch = if is_first { &net.first } else { &net.second };
        let weight = branch.read(pass).mul(&net.frozen.read(pass))?;
        Ok(x.mul(&weight)?.mean())
    })?;
    let params = [&net.first, &net.second, &net.unused, &net.frozen];
    let gradient = |param: &Param| summed.gradients.get(param).map(Tensor::item).transpose();
    params.into_iter().map(gradient).collect()
}

#[test]
fn parameters_that_only_some_shards_use_get_their_gradients() -> Result<()> {
    // Each shard has two samples: three shards use the first branch, one the second.
    let samples = Tensor::from([-1.0f64, -3.0, -1.0, -1.0, 4.0, 4.0, -2.0, -2.0]).unsqueeze(1)?;
    let sums = [-10.0, 8.0].map(|sum: f64| Some(sum / 8.0 * 2.0));
    let expected = [sums[0], sums[1], None, None];
    for count in [1, 2, 4] {
        let all = Ranks::builder()
            .shards(4)
            .threads(count, |ranks| gradients(ranks, &samples))?;
        for found in all {
            assert_eq!(found, expected, "{count} ranks");
        }
    }
    Ok(())
}

#[test]
fn losses_may_be_means_over_other_things_than_samples() -> Result<()> {
    // Four samples with 1, 2, 3 and 4 words.
    let samples = Tensor::from([[1.0f64], [2.0], [3.0], [4.0]]);
    for count in [1, 2, 4] {
        let all = Ranks::builder().shards(4).threads(count, |ranks| {
            let net = Branches::new();
            let batch = Shards::split(&samples, ranks.own_shards(), 4)?;
            let pass = Pass::train(1);
            let summed = ranks.gradients(&net, &batch, &pass, |net, x: &Tensor, pass| {
                let words = x.sum().item()?;
                // The mean over the words of a loss of 3 w for each.
                Ok((net.first.read(pass).mul_scalar(3.0).sum(), words))
            })?;
            let gradient = summed.gradients.get(&net.first).map(Tensor::item);
            Ok((summed.loss, summed.count, gradient.transpose()?))
        })?;
        for (loss, words, gradient) in all {
            assert_eq!(words, 10.0);
            assert!((loss - 6.0).abs() < 1e-12);
            assert!((gradient.unwrap() - 3.0).abs() < 1e-12, "{gradient:?}");
        }
    }
    Ok(())
}

#[test]
fn different_calls_end_the_job() {
    let patience = std::time::Duration::from_millis(300);
    let result = Ranks::builder().patience(patience).threads(2, |ranks| {
        if ranks.is_first() {
            ranks.gather(&[1])?;
        }
        // Rank 1 takes part in nothing, and ends.
        Ok(())
    });
    let text = result.unwrap_err().to_string();
    assert_eq!(text, "rank 1 of 2: it has ended, and other ranks have not");
}

#[test]
fn different_settings_are_an_error_before_the_first_step() {
    let result = Ranks::builder().threads(2, |ranks| {
        let net = Linear::new(64, 10, &mut ChaCha8Rng::seed_from_u64(1))?;
        let loss = |net: &Linear, (x, y): &(Tensor, Indices), step: &mut Step<'_>| {
            net.forward(x, step.pass())?.cross_entropy(y)
        };
        let mut task = Supervised::new(net, Sgd::new(0.1).build()?, loss);
        let batches = Batches::new(digits()?, 100)?;
        let fit = Fit::new(1).setting("data", format!("digits {}", ranks.rank()));
        fit.ranks(ranks).run(&mut task, &batches).map(drop)
    });
    let text = result.unwrap_err().to_string();
    let expected = "rank 1 of 2: Ranks::agree: the settings of the run differ from those of rank \
                    0: data = digits 1; there: data = digits 0";
    assert_eq!(text, expected);
}
