//! Recurrent layers: their formulas, their gradients through time, lengths, states and parameters.

use cotangent_core::gradcheck::{self, Gradcheck};
use cotangent_core::module::{Layer, Module, Param, Pass};
use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::state::Stateful;
use cotangent_core::{Backward, DType, Error, ModuleExt, Result, Tensor};
use cotangent_nn::{Gru, GruCell, Lstm, LstmCell, LstmState, Rnn, RnnCell, init};

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn normal(shape: &[usize], seed: u64) -> Result<Tensor> {
    Tensor::normal(shape, 0.0, 1.0, DType::F64, &mut rng(seed))
}

/// Draws every parameter, so that none is 0, and converts it to `f64`.
macro_rules! drawn {
    ($layer:ident($inputs:expr, $hidden:expr) $(.$option:ident($($argument:expr),*))*) => {{
        let builder = $layer::builder($inputs, $hidden).bias(init::normal(0.5));
        let mut layer = builder$(.$option($($argument),*))*.build(&mut rng(1))?;
        layer.convert(DType::F64);
        layer
    }};
}

fn assert_close(found: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(found.shape(), expected.shape());
    for (f, e) in found.to_f64_vec().into_iter().zip(expected.to_f64_vec()) {
        assert!((f - e).abs() <= tolerance, "{found} {expected}");
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Computes one step of one sample by loops over numbers, with the state (h, c).
fn naive(
    kind: &str,
    weights: [&Param; 4],
    x: &[f64],
    (h, c): (&[f64], &[f64]),
) -> (Vec<f64>, Vec<f64>) {
    let [w, u, b, d] = weights.map(|param| param.value().to_f64_vec());
    let sum = |row: usize, weights: &[f64], bias: &[f64], x: &[f64]| {
        let row_of = weights[row * x.len()..].iter().zip(x);
        bias[row] + row_of.map(|(w, x)| w * x).sum::<f64>()
    };
    let n = h.len();
    let (mut next, mut cell) = (Vec::new(), Vec::new());
    for j in 0..n {
        let of = |gate: usize| {
            let row = gate * n + j;
            (sum(row, &w, &b, x), sum(row, &u, &d, h))
        };
        let both = |gate: usize| of(gate).0 + of(gate).1;
        match kind {
            "lstm" => {
                let new = sigmoid(both(1)) * c[j] + sigmoid(both(0)) * both(2).tanh();
                cell.push(new);
                next.push(sigmoid(both(3)) * new.tanh());
            }
            "gru" => {
                let (r, z) = (sigmoid(both(0)), sigmoid(both(1)));
                let n = (of(2).0 + r * of(2).1).tanh();
                next.push((1.0 - z) * n + z * h[j]);
            }
            "relu" => next.push(both(0).max(0.0)),
            _ => next.push(both(0).tanh()),
        }
    }
    (next, cell)
}

/// Compares the states of a layer, of a loop over its cell, and of the formula.
macro_rules! compare_with_the_formula {
    ($($kind:literal $layer:ident $cell:ident $(.$option:ident())?:
        |$h:ident, $c:ident| $state:expr,
        |$found:ident| $tensor:expr;)*) => {$(
        let cell = drawn!($cell(3, 17) $(.$option())?);
        let layer = $layer::from(cell.clone());
        let x = normal(&[2, 7, 3], 2)?;
        let ($h, $c) = (normal(&[2, 17], 3)?, normal(&[2, 17], 4)?);
        let weights = &cell.weights;
        let (b, d) = (weights.bias_ih.as_ref(), weights.bias_hh.as_ref());
        let (Some(b), Some(d)) = (b, d) else { panic!("no bias") };
        let parts = [&weights.weight_ih, &weights.weight_hh, b, d];
        let pass = Pass::inference();
        let mut by_hand = vec![];
        for sample in 0..2 {
            let row = |x: &Tensor| -> Result<Vec<f64>> {
                Ok(x.narrow(0, sample, 1)?.to_f64_vec())
            };
            let mut state = (row(&$h)?, row(&$c)?);
            for time in 0..7 {
                let x = row(&x.narrow(1, time, 1)?)?;
                state = naive($kind, parts, &x, (&state.0, &state.1));
                by_hand.extend(state.0.clone());
            }
        }
        let by_hand = Tensor::from_vec(by_hand, [2, 7, 17])?;
        let initial = { let ($h, $c) = ($h.unsqueeze(0)?, $c.unsqueeze(0)?); let _ = &$c; $state };
        let (output, last) = layer.run(&x, Some(&initial), &pass)?;
        assert_close(&output, &by_hand, 1e-14);
        let $found = &last;
        assert_close(&$tensor.squeeze(0)?, &output.select(1, -1)?, 0.0);

        let _ = &$c;
        let mut state = $state;
        for time in 0..7 {
            state = cell.step(&x.select(1, time)?, &state, &pass)?;
            let $found = &state;
            assert_close(&$tensor, &output.select(1, time)?, 1e-14);
        }
        // A sequence in two parts equals the whole.
        let (_, middle) = layer.run(&x.narrow(1, 0, 4)?, Some(&initial), &pass)?;
        let (rest, _) = layer.run(&x.narrow(1, 4, 3)?, Some(&middle), &pass)?;
        assert_close(&rest, &output.narrow(1, 4, 3)?, 1e-14);
        let only_last = layer.clone().last_only().run(&x, Some(&initial), &pass)?.0;
        assert_close(&only_last, &output.select(1, -1)?, 0.0);
    )*};
}

#[test]
fn states_match_the_formula() -> Result<()> {
    compare_with_the_formula! {
        "lstm" Lstm LstmCell: |h, c| LstmState { h: h.clone(), c: c.clone() }, |state| state.h;
        "gru" Gru GruCell: |h, c| h.clone(), |state| state;
        "tanh" Rnn RnnCell: |h, c| h.clone(), |state| state;
        "relu" Rnn RnnCell .relu(): |h, c| h.clone(), |state| state;
    }
    Ok(())
}

#[test]
fn time_may_be_the_first_axis() -> Result<()> {
    let batch_first = drawn!(Gru(3, 5).bidirectional().layers(2));
    let mut time_first = Gru::builder(3, 5)
        .bidirectional()
        .layers(2)
        .time_first()
        .build(&mut rng(2))?;
    time_first.convert(DType::F64);
    time_first.load_state(&batch_first.state()?)?;
    let x = normal(&[2, 4, 3], 5)?;
    let expected = batch_first.predict(&x)?;
    let found = time_first.predict(&x.transpose(0, 1)?)?;
    assert_close(&found.transpose(0, 1)?, &expected, 0.0);
    Ok(())
}

/// Runs each sequence by itself, and compares outputs, states and gradients with those of the
/// padded batch.
macro_rules! compare_lengths {
    ($($layer:ident: |$state:ident| $tensors:expr;)*) => {$(
        let layer = drawn!($layer(3, 5).bidirectional().layers(2));
        let lengths = [4, 1, 6, 3];
        let x = normal(&[4, 6, 3], 6)?;
        // The padding may be anything.
        let mut rows = Vec::new();
        for (i, &length) in lengths.iter().enumerate() {
            let row = x.narrow(0, i, 1)?;
            let padding = Tensor::full([1, 6 - length, 3], f64::NAN, DType::F64)?;
            rows.push(Tensor::cat(&[row.narrow(1, 0, length)?, padding], 1)?);
        }
        let x = Tensor::cat(&rows, 0)?.tracked();
        let pass = Pass::train(0);
        let (output, last) = layer.run_lengths(&x, &lengths, None, &pass)?;
        let $state = &last;
        let tensors: Vec<Tensor> = $tensors;
        let loss = tensors.iter().try_fold(output.square().sum(), |sum, state| {
            sum.add(&state.square().sum())
        })?;
        let gradients = loss.backward()?;
        let mut sums: Vec<Option<Tensor>> = vec![None; layer.named_params().len()];
        for (i, &length) in lengths.iter().enumerate() {
            let alone = x.detach().narrow(0, i, 1)?.narrow(1, 0, length)?.tracked();
            let (own, last) = layer.run(&alone, None, &pass)?;
            assert_close(&output.narrow(0, i, 1)?.narrow(1, 0, length)?, &own, 1e-14);
            let rest = output.narrow(0, i, 1)?.narrow(1, length, 6 - length)?;
            assert!(rest.to_f64_vec().iter().all(|&x| x == 0.0), "{rest}");
            let $state = &last;
            let own_states: Vec<Tensor> = $tensors;
            let mut loss = own.square().sum();
            for (all, own) in tensors.iter().zip(&own_states) {
                assert_close(&all.narrow(1, i, 1)?, own, 1e-14);
                loss = loss.add(&own.square().sum())?;
            }
            let own = loss.backward()?;
            let (Some(of_all), Some(of_own)) = (gradients.get(&x), own.get(&alone)) else {
                panic!("no gradient of the input")
            };
            let of_all = of_all.narrow(0, i, 1)?;
            assert_close(&of_all.narrow(1, 0, length)?, of_own, 1e-13);
            let padding = of_all.narrow(1, length, 6 - length)?;
            assert!(padding.to_f64_vec().iter().all(|&x| x == 0.0), "{padding}");
            for ((_, param), sum) in layer.named_params().into_iter().zip(&mut sums) {
                let Some(gradient) = own.get(param) else { panic!("no gradient") };
                *sum = Some(match sum.take() {
                    Some(sum) => sum.add(gradient)?,
                    None => gradient.clone(),
                });
            }
        }
        for ((path, param), sum) in layer.named_params().into_iter().zip(sums) {
            let (Some(found), Some(sum)) = (gradients.get(param), sum) else {
                panic!("no gradient of {path}")
            };
            assert_close(found, &sum, 1e-13);
        }
    )*};
}

#[test]
fn unequal_lengths_equal_one_sequence_at_a_time() -> Result<()> {
    compare_lengths! {
        Lstm: |state| vec![state.h.clone(), state.c.clone()];
        Gru: |state| vec![state.clone()];
        Rnn: |state| vec![state.clone()];
    }
    Ok(())
}

#[test]
fn gradients_through_time_match_numeric_differences() -> Result<()> {
    fn check(layer: &(impl Layer + Clone), x: &Tensor) -> Result<()> {
        let inputs = std::slice::from_ref(x);
        Gradcheck::new()
            .second_order()
            .module(layer, inputs, |layer, x, pass| layer.forward(&x[0], pass))?
            .assert_ok();
        Ok(())
    }
    let x = normal(&[2, 2, 2], 7)?;
    check(&drawn!(Lstm(2, 2).layers(2).bidirectional()), &x)?;
    check(&drawn!(Lstm(2, 2).no_bias().last_only()), &x)?;
    check(&drawn!(Gru(2, 2).layers(2).bidirectional()), &x)?;
    check(&drawn!(Gru(2, 2).no_bias().last_only()), &x)?;
    check(&drawn!(Rnn(2, 2).layers(2).bidirectional()), &x)?;
    check(&drawn!(Rnn(2, 2).relu().last_only()), &x)?;
    Ok(())
}

#[test]
fn gradients_of_states_match_numeric_differences() -> Result<()> {
    let x = normal(&[3, 4, 2], 8)?;
    let (h, c) = (normal(&[2, 3, 3], 9)?, normal(&[2, 3, 3], 10)?);
    let inputs = [x.clone(), h.clone(), c];
    let lstm = drawn!(Lstm(2, 3).bidirectional());
    gradcheck::module(&lstm, &inputs, |lstm, x, pass| {
        let state = LstmState {
            h: x[1].clone(),
            c: x[2].clone(),
        };
        let (output, last) = lstm.run_lengths(&x[0], &[2, 4, 1], Some(&state), pass)?;
        let parts = [output, last.h, last.c].map(|part| part.flatten());
        Tensor::cat(&parts, 0)
    })?
    .assert_ok();
    let gru = drawn!(Gru(2, 3).bidirectional());
    gradcheck::module(&gru, &[x, h], |gru, x, pass| {
        let (output, last) = gru.run_lengths(&x[0], &[2, 4, 1], Some(&x[1]), pass)?;
        Tensor::cat(&[output.flatten(), last.flatten()], 0)
    })?
    .assert_ok();
    let (x, h, c) = (
        normal(&[2, 3], 11)?,
        normal(&[2, 4], 12)?,
        normal(&[2, 4], 13)?,
    );
    let cell = drawn!(LstmCell(3, 4));
    Gradcheck::new()
        .second_order()
        .module(&cell, &[x, h, c], |cell, x, pass| {
            let state = LstmState {
                h: x[1].clone(),
                c: x[2].clone(),
            };
            let next = cell.step(&x[0], &state, pass)?;
            next.h.mul(&next.c)
        })?
        .assert_ok();
    Ok(())
}

#[test]
fn dropout_acts_between_layers_in_training() -> Result<()> {
    let lstm = drawn!(Lstm(3, 8).layers(2).dropout(0.5));
    let plain = drawn!(Lstm(3, 8).layers(2));
    let x = normal(&[2, 5, 3], 14)?;
    assert_close(&lstm.predict(&x)?, &plain.predict(&x)?, 0.0);
    let trained = |seed| lstm.forward(&x, &Pass::train(seed));
    assert_close(&trained(1)?, &trained(1)?, 0.0);
    assert_ne!(trained(1)?.to_f64_vec(), trained(2)?.to_f64_vec());
    // The output of the last layer is not dropped.
    assert!(trained(1)?.to_f64_vec().iter().all(|&x| x != 0.0));
    let one = drawn!(Lstm(3, 8).dropout(0.5));
    assert_close(&one.forward(&x, &Pass::train(1))?, &one.predict(&x)?, 0.0);
    Ok(())
}

/// Returns the growth per step of the gradient of a random combination of the last state with
/// respect to the first. The recurrent weight is `norm` times a rotation, and the states are near
/// the origin, where the derivative of tanh is 1.
fn growth(norm: f64, steps: usize) -> Result<f64> {
    let mut rnn = Rnn::builder(1, 2).no_bias().build(&mut rng(10))?;
    let (sin, cos) = 0.7f64.sin_cos();
    rnn.convert(DType::F64);
    let rotation = Tensor::from([[cos, -sin], [sin, cos]]);
    rnn.weights_mut()[0]
        .weight_hh
        .set(&rotation.mul_scalar(norm))?;
    let first = Tensor::from([[[1e-12f64, 1e-12]]]).tracked();
    let x = Tensor::zeros([1, steps, 1], DType::F64)?;
    let (_, last) = rnn.run(&x, Some(&first), &Pass::train(0))?;
    let gradients = Backward::new().run_with(&last, &Tensor::from([[[0.6f64, -0.8]]]))?;
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

fn names(module: &(impl Module + ?Sized)) -> Vec<(String, Vec<usize>)> {
    let params = module.named_params().into_iter();
    params
        .map(|(path, param)| (path, param.shape().to_vec()))
        .collect()
}

#[test]
fn parameters_have_pytorchs_names_and_shapes() -> Result<()> {
    let lstm = Lstm::builder(3, 4)
        .layers(2)
        .bidirectional()
        .build(&mut rng(13))?;
    let mut expected = Vec::new();
    for (layer, inputs) in [(0, 3), (1, 8)] {
        for direction in ["", "_reverse"] {
            let name = |kind: &str| format!("{kind}_l{layer}{direction}");
            expected.push((name("weight_ih"), vec![16, inputs]));
            expected.push((name("weight_hh"), vec![16, 4]));
            expected.push((name("bias_ih"), vec![16]));
            expected.push((name("bias_hh"), vec![16]));
        }
    }
    assert_eq!(names(&lstm), expected);
    let cell = GruCell::builder(3, 4).no_bias().build(&mut rng(13))?;
    let expected = [("weight_ih", vec![12, 3]), ("weight_hh", vec![12, 4])];
    assert_eq!(
        names(&cell),
        expected.map(|(name, shape)| (name.to_owned(), shape))
    );
    Ok(())
}

#[test]
fn weights_start_as_in_pytorch_or_as_in_keras() -> Result<()> {
    let lstm = Lstm::new(3, 16, &mut rng(16))?;
    assert_eq!(lstm.named_params().len(), 4);
    for (path, param) in lstm.named_params() {
        let largest = param.value().abs().max()?.item()?;
        assert!(largest <= 0.25 && largest > 0.22, "{path}: {largest}");
    }
    let keras = LstmCell::builder(3, 16)
        .keras_default()
        .build(&mut rng(15))?
        .weights;
    let w = keras.weight_hh.value();
    let difference = w
        .transpose(0, 1)?
        .matmul(w)?
        .sub(&Tensor::eye(16, DType::F32)?)?;
    assert!(difference.abs().max()?.item()? < 1e-5);
    let limit = (6.0f64 / 67.0).sqrt();
    let largest = keras.weight_ih.value().abs().max()?.item()?;
    assert!(largest <= limit && largest > 0.9 * limit, "{largest}");
    let values = |bias: Option<Param>| bias.map(|bias| bias.value().to_f64_vec());
    let forget: Vec<f64> = (0..64).map(|i| f64::from(i / 16 == 1)).collect();
    assert_eq!(values(keras.bias_ih), Some(forget));
    assert_eq!(values(keras.bias_hh), Some(vec![0.0; 64]));

    let gru = GruCell::builder(3, 4)
        .keras_default()
        .build(&mut rng(15))?
        .weights;
    assert_eq!(values(gru.bias_ih), Some(vec![0.0; 12]));
    let no_bias = Lstm::builder(3, 4)
        .no_bias()
        .keras_default()
        .build(&mut rng(1))?;
    assert_eq!(no_bias.named_params().len(), 2);
    Ok(())
}

#[test]
fn invalid_arguments_are_errors() -> Result<()> {
    let lstm = Lstm::builder(3, 4).layers(2).build(&mut rng(14))?;
    let pass = Pass::inference();
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32);
    let unfit = |error: &Error| matches!(error.root(), Error::Shape { .. });
    for shape in [&[2, 3][..], &[2, 0, 3], &[2, 5, 4], &[2, 5, 3, 1], &[]] {
        let result = lstm.forward(&zeros(shape)?, &pass);
        assert!(result.as_ref().is_err_and(unfit), "{shape:?}: {result:?}");
    }
    let x = zeros(&[2, 5, 3])?;
    let cell = LstmCell::new(3, 4, &mut rng(14))?;
    for shape in [&[4][..], &[1, 2, 4], &[2, 1, 4], &[2, 2, 3], &[2, 2, 4, 1]] {
        for (h, c) in [(shape, &[2, 2, 4][..]), (&[2, 2, 4], shape)] {
            let state = LstmState {
                h: zeros(h)?,
                c: zeros(c)?,
            };
            let result = lstm.run(&x, Some(&state), &pass);
            assert!(result.as_ref().is_err_and(unfit), "{shape:?}: {result:?}");
            let result = cell.step(&zeros(&[2, 3])?, &state, &pass);
            assert!(result.as_ref().is_err_and(unfit), "{shape:?}: {result:?}");
        }
    }
    let text = |result: Result<(Tensor, LstmState)>| result.map(drop).unwrap_err().to_string();
    assert_eq!(
        text(lstm.run_lengths(&x, &[5, 0], None, &pass)),
        "lstm: expected lengths from 1 to the 5 steps of the input, found 0 for sample 1"
    );
    assert_eq!(
        text(lstm.run_lengths(&x, &[6, 1], None, &pass)),
        "lstm: expected lengths from 1 to the 5 steps of the input, found 6 for sample 0"
    );
    assert_eq!(
        text(lstm.run_lengths(&x, &[5, 5, 5], None, &pass)),
        "lstm: expected 2 lengths, one for each sample, found 3 (shape (5, 2, 3))"
    );
    let state = LstmState {
        h: zeros(&[1, 2, 4])?,
        c: zeros(&[2, 2, 4])?,
    };
    assert_eq!(
        text(lstm.run(&x, Some(&state), &pass)),
        "lstm: expected initial states (layers · directions, batch, hidden), here (2, 2, 4) \
         (shape (1, 2, 4))"
    );
    let error = lstm.forward(&x.to_dtype(DType::F64), &pass).unwrap_err();
    assert!(matches!(error.root(), Error::DType { .. }), "{error}");
    let state = Tensor::zeros([1, 2, 4], DType::F64)?;
    let error = Gru::new(3, 4, &mut rng(1))?.run(&x, Some(&state), &pass);
    let error = error.map(drop).unwrap_err();
    assert!(matches!(error.root(), Error::DType { .. }), "{error}");
    for (inputs, hidden) in [(0, 4), (3, 0)] {
        assert!(matches!(
            Rnn::new(inputs, hidden, &mut rng(0)),
            Err(Error::Argument { .. })
        ));
    }
    assert_eq!(lstm.predict(&zeros(&[0, 5, 3])?)?.shape(), [0, 5, 4]);
    Ok(())
}

#[test]
fn a_state_that_was_not_detached_is_an_error_that_says_so() -> Result<()> {
    let lstm = Lstm::new(3, 4, &mut rng(17))?;
    let x = Tensor::ones([2, 5, 3], DType::F32)?;
    let pass = Pass::train(0);
    let (output, state) = lstm.run(&x, None, &pass)?;
    output.sum().backward()?;
    let (again, _) = lstm.run(&x, Some(&state), &pass)?;
    let error = again.sum().backward().unwrap_err().to_string();
    assert!(
        error.contains("recurrent state") && error.contains("`detach()`"),
        "{error}"
    );
    let (again, _) = lstm.run(&x, Some(&state.detach()), &pass)?;
    again.sum().backward()?;
    Ok(())
}
