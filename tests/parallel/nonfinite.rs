//! Gradients that are not finite are explained as in one process.

use cotangent::data::Table;
use cotangent::parallel::Ranks;
use cotangent::prelude::*;

/// Two weights.
#[derive(Module, Clone)]
struct Weights {
    first: Param,
    second: Param,
}

/// Trains on four samples in as many shards, and returns the error.
fn error_of(count: usize, last: f32, words: usize) -> String {
    let result = Ranks::builder().shards(4).threads(count, |ranks| {
        let net = Weights {
            first: Param::new(&Tensor::from([2.0f32])),
            second: Param::new(&Tensor::from([0.0f32])),
        };
        let loss = |net: &Weights, x: &Tensor, step: &mut Step<'_>| {
            step.weigh(words);
            let first = x.mul(&net.first.read(step.pass()))?.mean();
            if x.item()? != 4.0 {
                return Ok(first);
            }
            // The derivative of the root at 0 is infinite.
            first.add(&net.second.read(step.pass()).sqrt().sum())
        };
        let data = Table::new(Tensor::from([[1.0f32], [2.0], [3.0], [last]]))?;
        let mut task = Supervised::new(net, Sgd::new(0.1).build()?, loss);
        let fit = Fit::new(1).ranks(ranks);
        fit.run(&mut task, &Batches::new(&data, 4)?).map(drop)
    });
    result.unwrap_err().to_string()
}

#[test]
fn the_shard_and_the_operation_are_named() {
    for count in [1, 2, 4] {
        let text = error_of(count, 4.0, 1);
        let place = "epoch 1, step 1: ";
        let rank = if count == 1 {
            String::new()
        } else {
            format!("rank {} of {count}: ", count - 1)
        };
        assert!(text.contains(place) && text.contains(&rank), "{text}");
        assert!(
            text.contains("shard 3: ") && text.contains("sqrt"),
            "{text}"
        );
    }
}

#[test]
fn a_sum_that_overflows_names_the_parameter() {
    for count in [1, 2, 4] {
        // Each sample's gradient is finite, but not 100 times it.
        let text = error_of(count, 1e38, 100);
        let expected = "sum over the shards: ";
        assert!(
            text.contains(expected) && text.contains("`first`"),
            "{text}"
        );
    }
}
