//! The operations: shapes, dtypes, storage, threads, and their place in a model.

use cotangent::gradcheck::Gradcheck;
use cotangent::prelude::*;
use cotangent::{Axes, Error};

#[elementwise]
fn swish(x: Tensor, beta: f64) -> Tensor {
    x * sigmoid(beta * x)
}

#[elementwise(kind = Activation)]
fn gated(a: Tensor, b: Tensor) -> Tensor {
    a * sigmoid(b)
}

#[elementwise]
fn energy(x: Tensor, t: Tensor) -> Mean {
    square(x - t)
}

#[elementwise]
fn rows(x: Tensor, t: Tensor, axes: Axes) -> Sum {
    x * x * t
}

#[elementwise]
fn total(x: Tensor) -> Sum {
    x * x
}

#[elementwise]
#[expect(clippy::too_many_arguments)]
fn eight(
    a: Tensor,
    b: Tensor,
    c: Tensor,
    d: Tensor,
    e: Tensor,
    f: Tensor,
    g: Tensor,
    h: Tensor,
) -> Tensor {
    a * b + c * d + sin(e * f) + max(g, h) * a
}

/// Returns numbers that are all different, between about -2 and 2.
fn numbers(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Tensor::uniform(shape, -2.0, 2.0, DType::F64, &mut rng).expect("the range is not empty")
}

#[test]
#[allow(clippy::many_single_char_names)]
fn eight_operands_have_gradients() -> Result<()> {
    let x: Vec<Tensor> = (0..8).map(|seed| numbers(&[3], seed)).collect();
    Gradcheck::new()
        .second_order()
        .function(&x, |x| {
            eight(&x[0], &x[1], &x[2], &x[3], &x[4], &x[5], &x[6], &x[7])
        })?
        .assert_ok();
    // Any subset may be tracked.
    for mask in [0b0000_0001u32, 0b1000_0000, 0b0101_0101, 0b1111_1110] {
        let tracked: Vec<Tensor> = (0..8)
            .map(|k| {
                if mask & (1 << k) == 0 {
                    x[k].clone()
                } else {
                    x[k].tracked()
                }
            })
            .collect();
        let [a, b, c, d, e, f, g, h] = std::array::from_fn(|k| &tracked[k]);
        let gradients = eight(a, b, c, d, e, f, g, h)?.sum().backward()?;
        let all: Vec<Tensor> = x.iter().map(Tensor::tracked).collect();
        let [a, b, c, d, e, f, g, h] = std::array::from_fn(|k| &all[k]);
        let expected = eight(a, b, c, d, e, f, g, h)?.sum().backward()?;
        for k in 0..8 {
            let found = gradients.get(&tracked[k]).map(Tensor::to_f64_vec);
            let expected = expected.get(&all[k]).map(Tensor::to_f64_vec);
            assert_eq!(
                found,
                expected.filter(|_| mask & (1 << k) != 0),
                "operand {k}"
            );
        }
    }
    Ok(())
}

#[test]
fn operands_broadcast_and_may_be_empty_strided_or_scalars() -> Result<()> {
    let (column, row) = (numbers(&[3, 1], 1), numbers(&[4], 2));
    let y = gated(&column, &row)?;
    assert_eq!(y.shape(), [3, 4]);
    let expected = column.mul(&row.sigmoid())?;
    assert_eq!(y.to_f64_vec(), expected.to_f64_vec());
    let check = Gradcheck::new().second_order();
    check
        .function(&[column, row], |x| gated(&x[0], &x[1]))?
        .assert_ok();

    let empty = Tensor::zeros([0, 3], DType::F32)?.tracked();
    let y = gated(&empty, &Tensor::from([1.0f32, 2.0, 3.0]))?;
    assert_eq!(y.shape(), [0, 3]);
    assert_eq!(
        y.sum().backward()?.get(&empty).expect("a gradient").shape(),
        [0, 3]
    );

    let scalar = Tensor::from(0.5f64);
    assert!(swish(&scalar, 1.0).shape().is_empty());
    check
        .function(&[scalar], |x| Ok(swish(&x[0], 1.5)))?
        .assert_ok();

    let m = numbers(&[3, 5], 3);
    let strided = m.permute([1, 0])?;
    let copied = Tensor::from_vec(strided.to_f64_vec(), [5, 3])?;
    assert_eq!(
        swish(&strided, 1.5).to_f64_vec(),
        swish(&copied, 1.5).to_f64_vec()
    );
    check
        .function(&[m], |x| {
            gated(&x[0].permute([1, 0])?, &x[0].permute([1, 0])?)
        })?
        .assert_ok();
    Ok(())
}

#[test]
fn the_dtype_is_that_of_the_operands() -> Result<()> {
    let double = numbers(&[5], 4);
    let single = double.to_dtype(DType::F32);
    assert_eq!(swish(&single, 1.5).dtype(), DType::F32);
    assert_eq!(energy(&single, &single)?.dtype(), DType::F32);
    let mixed = gated(&single, &double);
    assert!(matches!(mixed, Err(Error::DType { .. })), "{mixed:?}");
    let mixed = energy(&single, &double);
    assert!(matches!(mixed, Err(Error::DType { .. })), "{mixed:?}");
    Ok(())
}

#[test]
fn shapes_that_do_not_fit_are_errors() -> Result<()> {
    let (a, b) = (numbers(&[3], 5), numbers(&[4], 6));
    let found = gated(&a, &b);
    assert!(matches!(found, Err(Error::Shape { .. })), "{found:?}");
    // A reduction broadcasts to the first operand only.
    let found = energy(&numbers(&[3, 1], 7), &a);
    assert!(matches!(found, Err(Error::Shape { .. })), "{found:?}");
    let found = energy(&a, &numbers(&[2, 3], 7));
    assert!(matches!(found, Err(Error::Shape { .. })), "{found:?}");
    assert!(energy(&numbers(&[2, 3], 7), &a)?.shape().is_empty());
    let empty = Tensor::zeros([0], DType::F64)?;
    assert!(energy(&empty, &empty).is_err(), "a mean of nothing");
    assert!(total(&empty).item()?.abs() < f64::MIN_POSITIVE);
    Ok(())
}

#[test]
fn reductions_take_axes() -> Result<()> {
    let (x, t) = (numbers(&[3, 4], 8), numbers(&[4], 9));
    let all = x.square().mul(&t)?;
    for axis in [0, 1, -1] {
        let (found, expected) = (rows(&x, &t, axis)?, all.sum_over(axis)?);
        assert_eq!(found.shape(), expected.shape());
        for (found, expected) in found.to_f64_vec().into_iter().zip(expected.to_f64_vec()) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }
    assert_eq!(rows(&x, &t, Axes::keep(0))?.shape(), [1, 4]);
    assert!(rows(&x, &t, 2).is_err(), "there are two axes");
    let check = Gradcheck::new().second_order();
    check
        .function(&[x.clone(), t.clone()], |x| rows(&x[0], &x[1], 0))?
        .assert_ok();
    check
        .function(&[x.clone(), t], |x| energy(&x[0], &x[1]))?
        .assert_ok();
    check.function(&[x], |x| Ok(total(&x[0])))?.assert_ok();
    Ok(())
}

#[test]
fn an_operand_may_be_given_twice() -> Result<()> {
    let x = numbers(&[4], 10);
    Gradcheck::new()
        .second_order()
        .function(std::slice::from_ref(&x), |x| gated(&x[0], &x[0]))?
        .assert_ok();
    let tracked = x.tracked();
    let gradients = gated(&tracked, &tracked)?.sum().backward()?;
    let expected = x.tracked();
    let silu = expected.silu().sum().backward()?;
    let (found, expected) = (gradients.get(&tracked), silu.get(&expected));
    let (found, expected) = (found.expect("a gradient"), expected.expect("a gradient"));
    for (found, expected) in found.to_f64_vec().into_iter().zip(expected.to_f64_vec()) {
        assert!((found - expected).abs() < 1e-14, "{found} {expected}");
    }
    Ok(())
}

#[test]
fn operands_without_gradients_record_nothing() -> Result<()> {
    let x = numbers(&[4], 11);
    assert!(!swish(&x, 1.0).is_tracked());
    assert!(!gated(&x, &x)?.is_tracked());
    assert!(gated(&x, &x.tracked())?.is_tracked());
    assert!(!swish(&x.tracked().detach(), 1.0).is_tracked());
    Ok(())
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() -> Result<()> {
    // Larger than one task.
    let (x, t) = (numbers(&[300, 1000], 12), numbers(&[1000], 13));
    let run = || -> Result<Vec<u64>> {
        let (x, t) = (x.tracked(), t.tracked());
        let loss = rows(&x, &t, 1)?.sum().add(&energy(&gated(&x, &t)?, &t)?)?;
        let gradients = loss.backward()?;
        let mut bits = vec![loss.item()?.to_bits()];
        for operand in [&x, &t] {
            let gradient = gradients.get(operand).expect("a gradient").to_f64_vec();
            bits.extend(gradient.into_iter().map(f64::to_bits));
        }
        Ok(bits)
    };
    let mut first = None;
    for threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let bits = pool.expect("threads").install(run)?;
        let first = first.get_or_insert_with(|| bits.clone());
        assert!(*first == bits, "{threads} threads");
    }
    Ok(())
}

/// A layer whose activation is a formula.
#[derive(Module, Clone, Debug)]
struct Gate {
    value: Linear,
    gate: Linear,
}

impl Layer for Gate {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        gated(&self.value.forward(x, pass)?, &self.gate.forward(x, pass)?)
    }
}

#[test]
fn a_layer_uses_a_formula() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(14);
    let mut gate = Gate {
        value: Linear::new(3, 4, &mut rng)?,
        gate: Linear::new(3, 4, &mut rng)?,
    };
    let x = numbers(&[5, 3], 15);
    Gradcheck::new()
        .second_order()
        .module(&gate, std::slice::from_ref(&x), |gate, x, pass| {
            gate.forward(&x[0], pass)
        })?
        .assert_ok();
    let (x, pass) = (x.to_dtype(DType::F32), Pass::train(16));
    let target = Tensor::zeros([5, 4], DType::F32)?;
    let mut optimizer = Adam::new(0.05).build()?;
    let before = energy(&gate.forward(&x, &pass)?, &target)?.item()?;
    for _ in 0..20 {
        let loss = energy(&gate.forward(&x, &pass)?, &target)?;
        optimizer.step(&mut gate, loss.backward()?)?;
    }
    let after = energy(&gate.forward(&x, &pass)?, &target)?.item()?;
    assert!(after < 0.5 * before, "{before} {after}");
    Ok(())
}

#[elementwise]
fn power(x: Tensor, n: i32, scale: f64) -> Tensor {
    scale * powi(x, n)
}

const CUBE: i32 = 3;
const QUARTER: f64 = 0.25;

/// Calls with an integer: a parameter, literals, and a constant.
#[elementwise(check(x = 0.5..2.0, y = -2.0..2.0, n = 1..5))]
fn powers(x: Tensor, y: Tensor, n: i32) -> Tensor {
    power(x, n, 2.0)
        + power(x, -1, QUARTER) * power(y, CUBE, n as f64)
        + power(QUARTER, 2, 16.0) * y
}

/// Calls with nothing but numbers, which are computed once.
#[elementwise(check(x = -2.0..2.0, p = 0.1..1.0, n = 1..4))]
fn slopes(x: Tensor, p: f64, n: i32) -> Tensor {
    let slope = tan(p) + swish(p, power(p, n, 0.5));
    leaky_relu(x, slope) + clamp(x, -softplus(p), atan2(p, 2.0))
}

#[elementwise]
fn wave(x: Tensor) -> Tensor {
    sin(x)
}

#[elementwise]
fn waves(x: Tensor, p: f64) -> Tensor {
    x * wave(p)
}

#[test]
fn formulas_call_functions_of_integers() -> Result<()> {
    let (x, y) = (Tensor::from([0.5f64, 2.0]), Tensor::from([-1.0f64, 3.0]));
    let found = powers(&x, &y, 4)?.to_f64_vec();
    let expected = [(0.5f64, -1.0f64), (2.0, 3.0)]
        .map(|(x, y)| 2.0 * x.powi(4) + 0.25 / x * 4.0 * y.powi(3) + y);
    assert_eq!(found, expected);
    Gradcheck::new()
        .second_order()
        .function(&[x, y], |x| powers(&x[0], &x[1], -2))?
        .assert_ok();
    Ok(())
}

#[test]
fn calls_of_numbers_alone_are_numbers() {
    let x = Tensor::from([-3.0f64, 0.25, 3.0]);
    let p = 0.75f64;
    let slope = p.tan() + p / (1.0 + (-0.5 * p * p * p).exp());
    let (low, high) = (-(1.0 + p.exp()).ln(), p.atan2(2.0));
    let found = slopes(&x, p, 2).to_f64_vec();
    for (x, found) in x.to_f64_vec().into_iter().zip(found) {
        let expected = x.max(0.0) + slope * x.min(0.0) + x.clamp(low, high);
        assert!((found - expected).abs() < 1e-14, "{found} {expected}");
    }
    // Angles of any size are reduced, and numbers have 64 bits for every dtype.
    let found = waves(&Tensor::from([1.0f32]), 1e9).to_f64_vec()[0];
    assert!((found - 1e9f64.sin()).abs() < 1e-7, "{found}");
}
