//! The recurrent layer: its formula, its gradients through time, and how they vanish or explode.

use cotangent_core::gradcheck::{self, Gradcheck};
use cotangent_core::module::{Layer, Pass};
use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::{Backward, DType, Error, ModuleExt, Result, Tensor};
use cotangent_nn::{Rnn, RnnCell, init};

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Draws every parameter, so that none is 0.
fn drawn(in_features: usize, hidden: usize) -> cotangent_nn::RnnCellBuilder {
    RnnCell::builder(in_features, hidden)
        .recurrent_weight(init::normal(0.5))
        .bias(init::normal(0.5))
}

/// Computes the states after each step by loops over numbers.
fn naive(cell: &RnnCell, x: &Tensor, h0: &Tensor, activation: fn(f64) -> f64) -> Vec<Vec<f64>> {
    let (w_ih, w_hh) = (
        cell.weight_ih.value().to_f64_vec(),
        cell.weight_hh.value().to_f64_vec(),
    );
    let bias = |b: &Option<cotangent_core::module::Param>, i: usize| {
        b.as_ref().map_or(0.0, |b| b.value().to_f64_vec()[i])
    };
    let &[batch, time, inputs] = x.shape() else {
        return Vec::new();
    };
    let hidden = cell.weight_hh.shape()[0];
    let (x, mut h) = (x.to_f64_vec(), h0.to_f64_vec());
    let mut states = Vec::new();
    for t in 0..time {
        let mut next = Vec::new();
        for n in 0..batch {
            for i in 0..hidden {
                let mut sum = bias(&cell.bias_ih, i) + bias(&cell.bias_hh, i);
                for j in 0..inputs {
                    sum += w_ih[i * inputs + j] * x[(n * time + t) * inputs + j];
                }
                for j in 0..hidden {
                    sum += w_hh[i * hidden + j] * h[n * hidden + j];
                }
                next.push(activation(sum));
            }
        }
        h.clone_from(&next);
        states.push(next);
    }
    states
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= tolerance, "{found:?} {expected:?}");
    }
}

#[test]
fn states_match_the_formula() -> Result<()> {
    let builders = [drawn(3, 4), drawn(3, 4).relu(), drawn(3, 4).no_bias()];
    let activations: [fn(f64) -> f64; 3] = [f64::tanh, |x| x.max(0.0), f64::tanh];
    for (builder, activation) in builders.into_iter().zip(activations) {
        let mut rnn = Rnn::from(builder.build(&mut rng(1))?);
        rnn.convert(DType::F64);
        let x = Tensor::normal([2, 7, 3], 0.0, 1.0, DType::F64, &mut rng(2))?;
        let h0 = Tensor::normal([2, 4], 0.0, 1.0, DType::F64, &mut rng(3))?;
        let pass = Pass::inference();
        let expected = naive(&rnn.cell, &x, &h0, activation);
        let states = rnn.states(&x, Some(&h0), &pass)?;
        assert_eq!(states.len(), 7);
        for (state, expected) in states.iter().zip(&expected) {
            assert_close(&state.to_f64_vec(), expected, 1e-14);
        }

        let zero = Tensor::zeros([2, 4], DType::F64)?;
        let expected = naive(&rnn.cell, &x, &zero, activation);
        let all = rnn.predict(&x)?;
        assert_eq!(all.shape(), [2, 7, 4]);
        for (t, expected) in expected.iter().enumerate() {
            assert_close(&all.narrow(1, t, 1)?.to_f64_vec(), expected, 1e-14);
        }
        let last = rnn.clone().last_only().predict(&x)?;
        assert_eq!(last.shape(), [2, 4]);
        assert_close(&last.to_f64_vec(), &expected[6], 1e-14);

        let mut h = h0.clone();
        for (t, state) in states.iter().enumerate() {
            h = rnn.cell.step(&x.narrow(1, t, 1)?.squeeze(1)?, &h, &pass)?;
            assert_close(&h.to_f64_vec(), &state.to_f64_vec(), 1e-14);
        }
    }
    Ok(())
}

#[test]
fn a_sequence_in_two_parts_equals_the_whole() -> Result<()> {
    let rnn = Rnn::new(2, 3, &mut rng(4))?;
    let x = Tensor::normal([2, 6, 2], 0.0, 1.0, DType::F32, &mut rng(5))?;
    let pass = Pass::inference();
    let whole = rnn.states(&x, None, &pass)?;
    let first = rnn.states(&x.narrow(1, 0, 4)?, None, &pass)?;
    let second = rnn.states(&x.narrow(1, 4, 2)?, first.last(), &pass)?;
    assert_close(&second[1].to_f64_vec(), &whole[5].to_f64_vec(), 1e-6);
    Ok(())
}

#[test]
fn gradients_through_time_match_numeric_differences() -> Result<()> {
    let x = Tensor::normal([2, 5, 3], 0.0, 1.0, DType::F64, &mut rng(6))?;
    let h0 = Tensor::normal([2, 4], 0.0, 1.0, DType::F64, &mut rng(7))?;
    for builder in [drawn(3, 4), drawn(3, 4).relu(), drawn(3, 4).no_bias()] {
        let rnn = Rnn::from(builder.build(&mut rng(8))?);
        gradcheck::module(&rnn, std::slice::from_ref(&x), |rnn, x, pass| {
            rnn.forward(&x[0], pass)
        })?
        .assert_ok();
        let last = rnn.clone().last_only();
        gradcheck::module(&last, std::slice::from_ref(&x), |rnn, x, pass| {
            rnn.forward(&x[0], pass)
        })?
        .assert_ok();
        let inputs = [x.clone(), h0.clone()];
        gradcheck::module(&rnn, &inputs, |rnn, x, pass| {
            Ok(rnn.states(&x[0], Some(&x[1]), pass)?.swap_remove(4))
        })?
        .assert_ok();
    }
    let cell = drawn(3, 4).build(&mut rng(9))?;
    let inputs = [x.narrow(1, 0, 1)?.squeeze(1)?, h0];
    Gradcheck::new()
        .second_order()
        .module(&cell, &inputs, |cell, x, pass| {
            cell.step(&x[0], &x[1], pass)
        })?
        .assert_ok();
    Ok(())
}

/// Returns the growth per step of the gradient of a random combination of the last state with
/// respect to the first. The recurrent weight is `norm` times a rotation, and the states are near
/// the origin, where the derivative of tanh is 1.
fn growth(norm: f64, steps: usize) -> Result<f64> {
    let mut rnn = Rnn::from(RnnCell::builder(1, 2).no_bias().build(&mut rng(10))?);
    let (sin, cos) = 0.7f64.sin_cos();
    rnn.convert(DType::F64);
    let rotation = Tensor::from([[cos, -sin], [sin, cos]]);
    rnn.cell.weight_hh.set(&rotation.mul_scalar(norm))?;
    let first = Tensor::from([[1e-12f64, 1e-12]]).tracked();
    let x = Tensor::zeros([1, steps, 1], DType::F64)?;
    let states = rnn.states(&x, Some(&first), &Pass::train(0))?;
    let cotangent = Tensor::from([[0.6f64, -0.8]]);
    let gradients = Backward::new().run_with(&states[steps - 1], &cotangent)?;
    let norm = gradients.get(&first).map_or(0.0, Tensor::sum_of_squares);
    Ok(norm.sqrt().powf(1.0 / steps as f64))
}

#[test]
fn the_gradient_shrinks_or_grows_with_the_recurrent_weight_at_every_step() -> Result<()> {
    for norm in [0.5, 0.9, 1.0, 1.1, 1.5] {
        // 1.5^25 is 25,000 and 0.5^25 is 3e-8.
        let found = growth(norm, 25)?;
        assert!((found / norm - 1.0).abs() < 1e-9, "{norm}: {found}");
    }
    Ok(())
}

#[test]
fn far_from_the_origin_a_gradient_grows_no_faster_than_the_norm() -> Result<()> {
    let (sin, cos) = 0.7f64.sin_cos();
    let mut rnn = Rnn::from(RnnCell::builder(1, 2).build(&mut rng(11))?);
    rnn.convert(DType::F64);
    let weight = Tensor::from([[cos, -sin], [sin, cos]]).mul_scalar(1.5);
    rnn.cell.weight_hh.set(&weight)?;
    let first = Tensor::from([[0.3f64, -0.2]]).tracked();
    let x = Tensor::normal([1, 25, 1], 0.0, 1.0, DType::F64, &mut rng(12))?;
    let states = rnn.states(&x, Some(&first), &Pass::train(0))?;
    let gradients = states[24].sum().backward()?;
    let norm = gradients
        .get(&first)
        .map_or(f64::NAN, Tensor::sum_of_squares)
        .sqrt();
    // Saturated units shrink the gradient. The bound is √2 · 1.5^25.
    assert!(norm < 0.1 * 2f64.sqrt() * 1.5f64.powi(25), "{norm}");
    Ok(())
}

#[test]
fn parameters_have_pytorchs_names_and_shapes() -> Result<()> {
    let rnn = Rnn::new(3, 4, &mut rng(13))?;
    let leaves: Vec<(String, Vec<usize>)> = rnn
        .named_params()
        .into_iter()
        .map(|(path, param)| (path, param.shape().to_vec()))
        .collect();
    let expected = [
        ("weight_ih", vec![4, 3]),
        ("weight_hh", vec![4, 4]),
        ("bias_ih", vec![4]),
        ("bias_hh", vec![4]),
    ];
    assert_eq!(
        leaves,
        expected.map(|(path, shape)| (path.to_owned(), shape))
    );
    assert_eq!(
        RnnCell::builder(3, 4)
            .no_bias()
            .build(&mut rng(13))?
            .named_params()
            .len(),
        2
    );
    Ok(())
}

#[test]
fn weights_start_as_in_keras_or_as_in_pytorch() -> Result<()> {
    let cell = RnnCell::new(3, 16, &mut rng(15))?;
    let w = cell.weight_hh.value();
    let difference = w
        .matmul(&w.transpose(0, 1)?)?
        .sub(&Tensor::eye(16, DType::F32)?)?;
    assert!(difference.abs().max()?.item()? < 1e-5);
    let bias = cell.bias_ih.map(|bias| bias.value().to_f64_vec());
    assert_eq!(bias, Some(vec![0.0; 16]));
    let pytorch = RnnCell::builder(3, 16)
        .pytorch_default()
        .build(&mut rng(16))?;
    let params = pytorch.named_params();
    assert_eq!(params.len(), 4);
    for (path, param) in params {
        let largest = param.value().abs().max()?.item()?;
        // 16 draws from ±1/4, or more.
        assert!(largest <= 0.25 && largest > 0.18, "{path}: {largest}");
    }
    Ok(())
}

#[test]
fn invalid_arguments_are_errors() -> Result<()> {
    let rnn = Rnn::new(3, 4, &mut rng(14))?;
    let pass = Pass::inference();
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32);
    let unfit = |error: &Error| matches!(error.root(), Error::Shape { .. });
    for shape in [&[2, 3][..], &[2, 0, 3], &[2, 5, 4], &[2, 5, 3, 1], &[]] {
        let result = rnn.forward(&zeros(shape)?, &pass);
        assert!(result.as_ref().is_err_and(unfit), "{shape:?}: {result:?}");
    }
    let x = zeros(&[2, 5, 3])?;
    for shape in [&[4][..], &[1, 4], &[2, 3], &[2, 1, 4]] {
        let result = rnn.states(&x, Some(&zeros(shape)?), &pass);
        assert!(result.as_ref().is_err_and(unfit), "{shape:?}: {result:?}");
        let result = rnn.cell.step(&zeros(&[2, 3])?, &zeros(shape)?, &pass);
        assert!(result.as_ref().is_err_and(unfit), "{shape:?}: {result:?}");
    }
    let error = rnn.forward(&x.to_dtype(DType::F64), &pass).unwrap_err();
    assert!(matches!(error.root(), Error::DType { .. }), "{error}");
    let state = Tensor::zeros([2, 4], DType::F64)?;
    let error = rnn.states(&x, Some(&state), &pass).unwrap_err();
    assert!(matches!(error.root(), Error::DType { .. }), "{error}");
    assert!(rnn.cell.step(&x, &zeros(&[2, 4])?, &pass).is_err());
    for (inputs, hidden) in [(0, 4), (3, 0)] {
        assert!(matches!(
            Rnn::new(inputs, hidden, &mut rng(0)),
            Err(Error::Argument { .. })
        ));
    }
    assert_eq!(rnn.predict(&zeros(&[0, 5, 3])?)?.shape(), [0, 5, 4]);
    Ok(())
}
