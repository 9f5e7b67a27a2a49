//! Synchronized batch normalization: the results of one process with the whole batch, and the same
//! bits on any number of ranks.

use super::nets::Synchronized;
use super::same_bits;
use super::steps::{data, train_at_once};
use cotangent::data::Shards;
use cotangent::gradcheck::Gradcheck;
use cotangent::parallel::Ranks;
use cotangent::prelude::*;

/// The loss, the gradients, and the running statistics after one step.
type Outcome = (f64, Vec<Tensor>, Vec<Tensor>);

fn largest_difference(left: &[Tensor], right: &[Tensor]) -> f64 {
    let pairs = left.iter().zip(right);
    let differences = pairs.map(|(left, right)| {
        let largest = left.sub(right).unwrap().abs().max().unwrap();
        largest.item().unwrap()
    });
    differences.fold(0.0, f64::max)
}

#[test]
fn it_equals_one_process_with_the_whole_batch() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut net = Synchronized::new()?;
    net.convert(DType::F64);
    // 22 samples: shards of 5 and 6.
    let x = Tensor::normal([22, 6], 3.0, 2.0, DType::F64, &mut rng)?;
    let y: Indices = (0..22).map(|i| i % 3).collect();

    let whole = net.clone();
    let loss = whole.forward(&x, &Pass::train(1))?.cross_entropy(&y)?;
    let gradients = loss.backward()?;
    let of = |gradients: &Gradients, net: &Synchronized| -> Vec<Tensor> {
        let params = net.params().into_iter();
        params
            .map(|param| gradients.get(param).unwrap().clone())
            .collect()
    };
    let buffers = |net: &Synchronized| -> Vec<Tensor> {
        let buffers = net.named_buffers().into_iter();
        buffers.map(|(_, buffer)| buffer.value()).collect()
    };
    let expected = (loss.item()?, of(&gradients, &whole), buffers(&whole));

    for (count, shards) in [(4, 4), (2, 4), (1, 4)] {
        let results: Vec<Outcome> = Ranks::builder().shards(shards).threads(count, |ranks| {
            let batch = Shards::split(&(x.clone(), y.clone()), ranks.own_shards(), shards)?;
            let net = net.clone();
            let pass = Pass::train(1);
            let loss = |net: &Synchronized, (x, y): &(Tensor, Indices), pass: &Pass| {
                net.forward(x, pass)?.cross_entropy(y)
            };
            let summed = ranks.gradients_at_once(&net, &batch, &pass, loss)?;
            Ok((summed.loss, of(&summed.gradients, &net), buffers(&net)))
        })?;
        for (loss, gradients, buffers) in results {
            assert!((loss - expected.0).abs() < 1e-13);
            assert!(largest_difference(&gradients, &expected.1) < 1e-12);
            assert!(largest_difference(&buffers, &expected.2) < 1e-12);
        }
    }
    Ok(())
}

#[test]
fn it_has_the_same_bits_on_any_number_of_ranks() {
    let data = data(36, &[6]);
    same_bits(8, &[1, 2, 4, 8], |ranks| train_at_once(ranks, &data));
}

#[test]
fn several_shards_one_by_one_are_an_error() -> Result<()> {
    let batch = Shards::split(&Tensor::ones([8, 6], DType::F32)?, 0..4, 4)?;
    let ranks = Ranks::builder().shards(4).single()?;
    let net = Synchronized::new()?;
    let result = ranks.gradients(&net, &batch, &Pass::train(1), |net, x: &Tensor, pass| {
        Ok(net.forward(x, pass)?.sum())
    });
    let text = result.unwrap_err().to_string();
    assert!(text.contains("use `Ranks::gradients_at_once`"), "{text}");
    Ok(())
}

#[test]
fn statistics_of_each_shard_and_shards_at_once_are_an_error() -> Result<()> {
    let batch = Shards::split(&Tensor::ones([8, 6], DType::F32)?, 0..4, 4)?;
    let ranks = Ranks::builder().shards(4).single()?;
    let net = BatchNorm::new(6)?;
    let result = ranks.gradients_at_once(&net, &batch, &Pass::train(1), |net, x: &Tensor, pass| {
        Ok(net.forward(x, pass)?.sum())
    });
    let text = result.unwrap_err().to_string();
    assert!(
        text.contains("make all batch normalizations of the model synchronized"),
        "{text}"
    );
    Ok(())
}

/// One process whose shards are all of the batch.
struct Alone;

impl cotangent::module::AllReduce for Alone {
    fn sum(&self, numbers: Vec<f64>) -> Result<Vec<f64>> {
        Ok(numbers)
    }
    fn shares_model(&self) -> bool {
        false
    }
}

#[test]
fn its_gradients_equal_numeric_differences_to_second_order() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let x = Tensor::normal([5, 3, 2], 1.0, 2.0, DType::F64, &mut rng)?;
    let mut norm = BatchNorm::builder(3).synchronized().build()?;
    norm.convert(DType::F64);
    let pass = Pass::train(1)
        .hold_statistics()
        .with_all_reduce(std::sync::Arc::new(Alone));
    let loss = |inputs: &[Tensor]| {
        let y = norm.forward(&inputs[0], &pass)?;
        Ok(y.mul(&y.sin())?.sum())
    };
    Gradcheck::new()
        .second_order()
        .function(&[x], loss)?
        .assert_ok();
    Ok(())
}
