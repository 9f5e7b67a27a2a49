//! Runs every operation in `f32` on extreme values and compares it with `f64`.

use crate::optimizers::OPTIMIZERS;
use cotangent::prelude::*;
use cotangent::{Gradients, Result, Tensor};
use extremes::{Exception, Found, Seen};
use operations::{Domain, Operation};

#[path = "../support/extremes.rs"]
mod extremes;
#[path = "../support/operations/mod.rs"]
mod operations;
#[path = "../support/sources.rs"]
mod sources;

/// The cases where `f32` must differ from `f64`, with the reason. A row that excuses no difference
/// fails the test.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        operations: &[""],
        condition: "the derivative is below the range of f32, and the cotangent infinite",
        holds: |seen| seen.single.is_nan() && seen.slope.is_some_and(|slope| slope as f32 == 0.0),
        reason: "0 times infinity is NaN",
    },
    Exception {
        operations: &["sum", "nansum"],
        condition: "the sizes of the elements add up to more than the range of f32",
        holds: |seen| !seen.single.is_finite() && terms(seen, 1) > f64::from(f32::MAX),
        reason: "a partial sum is infinite, as in PyTorch",
    },
    Exception {
        operations: &["density of weights"],
        condition: "the sizes of the weights add up to more than the range of f32",
        holds: |seen| terms(seen, 1) > f64::from(f32::MAX),
        reason: "their sum is infinite, and divides",
    },
    Exception {
        operations: PRODUCTS,
        condition: "the terms, or all together, are beyond the range of f32",
        // With a single operand the terms are squares.
        holds: |seen| {
            let power = if seen.operands.len() == 1 { 2 } else { 1 };
            !seen.single.is_finite() && terms(seen, power) > f64::from(f32::MAX)
        },
        reason: "a term or a partial sum is infinite, as in PyTorch",
    },
    Exception {
        operations: &["l1_loss, mean"],
        condition: "the difference of two elements is beyond the range of f32",
        holds: |seen| {
            let mut pairs = seen.operands[0].iter().zip(&seen.operands[1]);
            let beyond = |(a, b): (&f64, &f64)| (a - b).abs() > f64::from(f32::MAX);
            seen.single == f64::INFINITY && pairs.any(beyond)
        },
        reason: "one of the losses is infinite, as in PyTorch",
    },
    Exception {
        operations: &["kl_div, batch mean", "ctc_loss"],
        condition: "the result is below the rounding of 1",
        holds: |seen| seen.single.abs().max(seen.double.abs()) < 1e-6,
        reason: "it is a difference of terms, or the logarithm of a sum, of about 1",
    },
    Exception {
        operations: &["ctc_loss"],
        condition: "there are 70 steps, and the relative difference is below 1e-4",
        holds: |seen| {
            let difference = (seen.single - seen.double).abs();
            seen.operands[0].len() > 70 && difference < 1e-4 * seen.double.abs()
        },
        reason: "the rounding errors of the log-probabilities of all steps add up",
    },
    Exception {
        operations: &["addcmul"],
        condition: "the product is beyond the range of f32",
        holds: |seen| {
            let product = largest(&seen.operands[1]) * largest(&seen.operands[2]);
            !seen.single.is_finite() && product > f64::from(f32::MAX)
        },
        reason: "it is added to infinity of the other sign, as in PyTorch",
    },
    Exception {
        operations: &["lerp"],
        condition: "the weight times an end is beyond the range of f32",
        holds: |seen| {
            let ends = largest(&seen.operands[0]).max(largest(&seen.operands[1]));
            !seen.single.is_finite() && largest(&seen.operands[2]) * ends > f64::from(f32::MAX)
        },
        reason: "it is added to infinity of the other sign, as in PyTorch",
    },
    Exception {
        operations: &["addcdiv"],
        condition: "the quotient is beyond the range of f32",
        holds: |seen| {
            let quotient = largest_of(&seen.operands[1]) / smallest_of(&seen.operands[2]);
            !seen.single.is_finite() && quotient > f64::from(f32::MAX)
        },
        reason: "it is added to a number of the other sign, as in PyTorch",
    },
    Exception {
        operations: &["addcmul of a row", "addcdiv of a row"],
        condition: "the factor or the dividend is subnormal",
        holds: |seen| smallest_of(&seen.operands[1]) < 1e-37,
        reason: "it is multiplied by 0.7 first, which loses digits",
    },
    Exception {
        operations: &["fmod of larger", "remainder of larger"],
        condition: "2.5 times the divisor is beyond the range of f32",
        holds: |seen| 2.5 * largest_of(&seen.operands[1]) > f64::from(f32::MAX),
        reason: "the dividend is infinite",
    },
    Exception {
        operations: &["focal_loss, unbalanced"],
        condition: "twice the logit is beyond the range of f32",
        holds: |seen| is_gradient(seen) && 2.0 * seen.operands[0][0].abs() > f64::from(f32::MAX),
        reason: "a factor of the derivative is infinite",
    },
    Exception {
        operations: &["poisson_nll_loss of rates"],
        condition: "the derivative is below the rounding of 1",
        holds: |seen| seen.slope.is_some_and(|slope| slope.abs() < 1e-7),
        reason: "the epsilon of 1e-8 vanishes when it is added to a rate of 1",
    },
    Exception {
        operations: &["gaussian_nll_loss"],
        condition: "the square of a mean or a target is beyond the range of f32",
        holds: |seen| {
            let largest = largest(&seen.operands[0]).max(largest(&seen.operands[1]));
            !seen.single.is_finite() && largest.powi(2) > f64::from(f32::MAX)
        },
        reason: "a loss or a derivative is infinite, as in PyTorch",
    },
    Exception {
        operations: &["triplet_margin_loss"],
        condition: "twice the sum of the sizes of the elements is beyond the range of f32",
        holds: |seen| {
            let sizes = seen.operands.iter().flatten().map(|x| x.abs());
            2.0 * sizes.filter(|x| x.is_finite()).sum::<f64>() > f64::from(f32::MAX)
        },
        reason: "a difference or a distance is infinite, as in PyTorch",
    },
    Exception {
        operations: &["einsum ij,jk,kl->il"],
        condition: "the product of two of three operands is below the normal range of f32",
        holds: |seen| {
            let [a, b, c] = [0, 1, 2].map(|operand| smallest_of(&seen.operands[operand]));
            (a * b).min(b * c) < f64::from(f32::MIN_POSITIVE)
        },
        reason: "the first product has lost digits, and the third operand makes the loss visible",
    },
    Exception {
        operations: BROADCAST,
        condition: "a gradient sums terms, one of them infinite or beyond the range of f32",
        holds: |seen| is_gradient(seen) && !seen.single.is_finite() && is_wide(seen),
        reason: "an infinite term is multiplied by 0 or added to infinity of the other sign",
    },
    Exception {
        operations: &["pow of equal shapes", "powf(1e-30)"],
        condition: "the base is subnormal",
        holds: |seen| is_gradient(seen) && seen.operands[0][0].abs() < 1e-37,
        reason: "the power with the exponent minus 1 is infinite, as in PyTorch",
    },
    Exception {
        operations: &["powf(-", "powi(-"],
        condition: "the result is subnormal",
        holds: |seen| seen.operands[0][0].abs() > 1e18 && is_below(seen),
        reason: "it is 1 divided by a power that is infinite",
    },
    Exception {
        operations: &["atanh"],
        condition: "outside of the domain",
        holds: |seen| is_gradient(seen) && seen.operands[0][0].abs() > 1e18,
        reason: "the value is NaN; the derivative's formula, as in PyTorch, gives 0",
    },
    Exception {
        operations: &["AdaGrad", "AdaDelta", "Adafactor"],
        condition: "the square of the gradient is beyond the range of f32",
        holds: |seen| largest(&seen.operands[1]).powi(2) > f64::from(f32::MAX),
        reason: "the accumulated square is infinite, as in PyTorch",
    },
    Exception {
        operations: &["RmsProp", "Adam", "NAdam", "RAdam", "Lamb"],
        condition: "the square of the gradient, times 0.001, is beyond the range of f32",
        holds: |seen| 1e-3 * largest(&seen.operands[1]).powi(2) > f64::from(f32::MAX),
        reason: "the averaged square is infinite, as in PyTorch",
    },
    Exception {
        operations: &["Nesterov"],
        condition: "twice the gradient is beyond the range of f32",
        holds: |seen| 2.0 * largest(&seen.operands[1]) > f64::from(f32::MAX),
        reason: "the sum of the momentum and the gradient is infinite",
    },
    Exception {
        operations: &["Adam", "AdaMax", "NAdam", "RAdam", "Lion", "Lamb", "Muon"],
        condition: "the gradient or the weight is subnormal",
        holds: |seen| {
            let mut all = seen.operands.iter().flatten();
            seen.single.is_finite() && all.any(|x| *x != 0.0 && x.abs() < 1e-37)
        },
        reason: "the average takes a tenth or a hundredth of it, which has lost digits",
    },
    Exception {
        operations: &["Rprop, decay"],
        condition: "the gradient is 0 and the weight is tiny",
        holds: |seen| {
            let mut pairs = seen.operands[0].iter().zip(&seen.operands[1]);
            pairs.any(|(weight, gradient)| *gradient == 0.0 && weight.abs() < 1e-35)
        },
        reason: "the sign is that of the weight decay, which vanishes in f32",
    },
    Exception {
        operations: &["Lamb", "Adafactor"],
        condition: "the weights are at the end of the range of f32",
        holds: |seen| largest(&seen.operands[0]) > 1e38,
        reason: "the step from there is beyond it",
    },
    Exception {
        operations: NORMALIZATIONS,
        condition: "the scale is infinite, above 1e19, or subnormal",
        holds: |seen| {
            let scale = seen.operands.get(1);
            scale.is_some_and(|scale| {
                scale
                    .iter()
                    .any(|x| x.abs() > 1e19 || (*x != 0.0 && x.abs() < 1e-37))
            })
        },
        reason: "a factor of it, or its quotient, leaves the range",
    },
    Exception {
        operations: NORMALIZATIONS,
        condition: "elements and the result are subnormal",
        holds: |seen| {
            let mut elements = seen.operands[0].iter();
            is_below(seen) && elements.any(|x| *x != 0.0 && x.abs() < 1e-37)
        },
        reason: "their mean is rounded to a multiple of the smallest subnormal number",
    },
    Exception {
        operations: &["batch_norm_with"],
        condition: "the terms of a gradient, or all together, are beyond the range of f32",
        holds: |seen| {
            let beyond = terms(seen, 1) > f64::from(f32::MAX);
            is_gradient(seen) && !seen.single.is_finite() && beyond
        },
        reason: "a partial sum is infinite, as in PyTorch",
    },
    Exception {
        operations: &["Lion"],
        condition: "the weight is almost 0 after steps of 0.1",
        holds: |seen| (seen.single - seen.double).abs() < 1e-8,
        reason: "the steps have been rounded",
    },
    Exception {
        operations: SQUARES,
        condition: "the cotangent is infinite or NaN",
        holds: |seen| is_gradient(seen) && seen.cotangent.iter().any(|g| !g.is_finite()),
        reason: "it multiplies derivatives that are 0 or infinite in one dtype only",
    },
    Exception {
        operations: &["cosine_"],
        condition: "the result is a millionth of the gradient's size, or an element is subnormal",
        holds: |seen| {
            let operand = usize::from(seen.result.ends_with('1'));
            let size = 1.0 / largest_of(&seen.operands[operand]);
            let mut all = seen.operands.iter().flatten();
            let subnormal = all.any(|x| *x != 0.0 && x.abs() < 1e-37);
            let cancelled = (seen.single - seen.double).abs() < 1e-6 * size;
            is_gradient(seen) && seen.single.is_finite() && (cancelled || subnormal)
        },
        reason: "it is a difference of two terms, or a quotient has lost digits",
    },
    Exception {
        operations: &["var"],
        condition: "twice a deviation is beyond the range of f32",
        holds: |seen| is_gradient(seen) && largest(&seen.operands[0]) > 1e38,
        reason: "the derivative is a multiple of it",
    },
    Exception {
        operations: &["norm L2 of pairs raw"],
        condition: "the difference is beyond the range of f32",
        holds: |seen| seen.operands.iter().all(|x| largest(x) > 1e38),
        reason: "the norm is of an infinite vector",
    },
    Exception {
        operations: LOSSES,
        condition: "the terms, or all together, are beyond the range of f32",
        holds: |seen| !seen.single.is_finite() && 4.0 * terms(seen, 1) > f64::from(f32::MAX),
        reason: "a term or a partial sum is infinite, as in PyTorch",
    },
    Exception {
        operations: LOSSES,
        condition: "the result is below the normal range of f32, or an operand is",
        holds: |seen| {
            let mut all = seen.operands.iter().flatten();
            is_below(seen) || (!seen.single.is_nan() && all.any(|x| *x != 0.0 && x.abs() < 1e-37))
        },
        reason: "a fraction of a subnormal number has lost digits",
    },
    Exception {
        operations: &["attention"],
        condition: "an element is infinite, NaN, above 1e15, or not 0 and below 1e-15",
        holds: |seen| {
            let mut all = seen.operands.iter().flatten().chain(seen.cotangent);
            all.any(|x| *x != 0.0 && !(1e-15..=1e15).contains(&x.abs()))
        },
        reason: "scores, or differences of products, leave the range or the digits of f32",
    },
    Exception {
        operations: &["cdist", "pairwise distance"],
        condition: "an element is infinite, NaN, above 1e15, or not 0 and below 1e-15",
        holds: |seen| {
            let mut all = seen.operands.iter().flatten().chain(seen.cotangent);
            all.any(|x| *x != 0.0 && !(1e-15..=1e15).contains(&x.abs()))
        },
        reason: "a difference or a distance leaves the range or the digits of f32",
    },
    Exception {
        operations: &["norm P0.5", "norm P1.5"],
        condition: "an element is below the rounding of another, or not 0 and subnormal",
        holds: |seen| {
            let largest = largest_of(&seen.operands[0]);
            let small = |x: &f64| *x != 0.0 && (x.abs() / largest).min(x.abs()) < 1e-30;
            is_gradient(seen) && seen.operands[0].iter().any(small)
        },
        reason: "the derivative is a power of a quotient that is below the range of f32",
    },
    Exception {
        operations: &["lstm", "gru", "rnn"],
        condition: "an element is infinite, NaN, above 1e15, or not 0 and below 1e-15",
        holds: |seen| {
            let mut all = seen.operands.iter().flatten().chain(seen.cotangent);
            all.any(|x| *x != 0.0 && !(1e-15..=1e15).contains(&x.abs()))
        },
        reason: "products of several steps leave the range or the digits of f32",
    },
    Exception {
        operations: &[
            "scatter_add of a part",
            "avg_pool",
            "adaptive_avg_pool",
            "fold",
            "regularize::l1",
        ],
        condition: "the sizes of the elements add up to more than the range of f32",
        holds: |seen| !seen.single.is_finite() && terms(seen, 1) > f64::from(f32::MAX),
        reason: "a partial sum is infinite",
    },
];

fn is_gradient(seen: &Seen) -> bool {
    seen.result != "y"
}

/// Returns whether the result is 0 or subnormal in both dtypes, or NaN from 0 times infinity.
fn is_below(seen: &Seen) -> bool {
    let smallest = 2.0 * f64::from(f32::MIN_POSITIVE);
    let of_infinity = seen.single.is_nan() && seen.cotangent.iter().any(|g| g.is_infinite());
    of_infinity || seen.single.abs().max(seen.double.abs()) < smallest
}

/// Returns the magnitude of the largest finite element, at least 1.
fn largest(values: &[f64]) -> f64 {
    largest_of(values).max(1.0)
}

fn largest_of(values: &[f64]) -> f64 {
    let finite = values.iter().filter(|x| x.is_finite());
    finite.fold(0.0f64, |largest, x| largest.max(x.abs()))
}

/// Returns the magnitude of the smallest element that is not 0, at most 1.
fn smallest_of(values: &[f64]) -> f64 {
    let sizes = values.iter().map(|x| x.abs()).filter(|&x| x > 0.0);
    sizes.fold(1.0, f64::min)
}

/// Returns whether elements are infinite, or quotients by their squares or sums of their products
/// leave the range of `f32`.
fn is_wide(seen: &Seen) -> bool {
    let all = || seen.operands.iter().flatten().chain(seen.cotangent);
    let sizes = || all().map(|x| x.abs()).filter(|&x| x > 0.0 && x.is_finite());
    let (smallest, largest) = (sizes().fold(1.0, f64::min), sizes().fold(1.0, f64::max));
    let infinite = all().any(|x| !x.is_finite());
    infinite
        || largest / smallest.powi(2) > f64::from(f32::MAX)
        || terms(seen, 1) > f64::from(f32::MAX)
}

/// Functions of two or three tensors, one of them broadcast: its gradient is a sum.
const BROADCAST: &[&str] = &[
    "mul of a",
    "mul with",
    "div of a",
    "div with",
    "pow of a",
    "pow with",
    "atan2 of a",
    "atan2 with",
    "fmod of a",
    "fmod with",
    "remainder of a",
    "remainder with",
    "hypot of a",
    "hypot with",
    "xlogy of a",
    "lerp of a",
    "addcmul of a",
    "addcdiv of a",
    "prelu",
];

const NORMALIZATIONS: &[&str] = &[
    "batch_norm",
    "layer_norm",
    "rms_norm",
    "group_norm",
    "instance_norm",
];

/// Operations that square deviations or elements.
const SQUARES: &[&str] = &[
    "batch_norm",
    "layer_norm",
    "rms_norm",
    "group_norm",
    "instance_norm",
    "var",
    "std",
    "norm L2",
    "norm P",
    "Frobenius",
    "cosine_",
];

const LOSSES: &[&str] = &[
    "cross_entropy",
    "nll_loss",
    "bce",
    "kl_div",
    "mse_loss",
    "huber_loss",
    "ctc_loss",
    "multi_margin_loss",
    "multilabel_",
    "poisson_nll_loss",
];

/// Products of vectors, matrices and stacks.
const PRODUCTS: &[&str] = &[
    "vector by",
    "matrix by",
    "stack by",
    "broadcast stacks",
    "x by its transpose",
    "transpose of x by x",
    "transposed stack",
    "linear",
    "dot",
    "outer",
    "addmm",
    "baddbmm",
    "tensordot",
    "kron",
    "einsum",
    "conv",
];

/// Returns a bound of a sum of products of the cotangent and the operands, each to a power.
fn terms(seen: &Seen, power: i32) -> f64 {
    let count = seen.operands.iter().map(Vec::len).max().unwrap_or(0) as f64;
    let factors = seen.operands.iter().map(|x| largest(x).powi(power));
    // The value does not depend on the cotangent.
    let cotangent = if is_gradient(seen) {
        largest(seen.cotangent)
    } else {
        1.0
    };
    count * factors.product::<f64>() * cotangent
}

/// Creates an operation on a parameter's value and its gradient, which has the same shape.
fn on_parameter(
    name: &str,
    output: fn([usize; 3]) -> Vec<usize>,
    f: impl Fn(Param, &Tensor) -> Result<Tensor> + Send + Sync + 'static,
) -> Operation {
    Operation {
        name: name.to_owned(),
        operands: |[m, k, _]| vec![vec![m, k]; 2],
        output,
        domain: Domain::Signed,
        f: Box::new(move |x| f(Param::new(&x[0].detach()), &x[1].detach())),
        refuses: |_| false,
    }
}

fn of_parameter(parameter: &Param, gradient: &Tensor) -> Gradients {
    let mut gradients = Gradients::default();
    gradients.insert(parameter, gradient.clone());
    gradients
}

/// Returns operations that give the parameter after each of three steps. Only the first step has
/// the extreme gradient; the other two show its effect on the state.
fn optimizers() -> Vec<Operation> {
    let rows = OPTIMIZERS.iter().map(|row| {
        on_parameter(
            row.name,
            |[m, k, _]| vec![m, k, 3],
            move |mut parameter, gradient| {
                let mut optimizer = row.with_rate(0.1)?;
                let one = Tensor::ones(gradient.shape(), gradient.dtype())?;
                let mut values = Vec::new();
                for gradient in [gradient, &one, &one] {
                    let gradients = of_parameter(&parameter, gradient);
                    optimizer.step(&mut parameter, gradients)?;
                    values.push(parameter.value().clone());
                }
                Tensor::stack(&values.iter().collect::<Vec<_>>(), -1)
            },
        )
    });
    rows.collect()
}

/// Returns operations for clipping, accumulation, averages, constraints and penalties.
fn optimizer_tools() -> Vec<Operation> {
    type Clips = fn() -> clip::Clip;
    let clips: [(&str, Clips); 4] = [
        ("clip::global_norm", || clip::global_norm(1.0)),
        ("clip::norm", || clip::norm(1.0)),
        ("clip::value", || clip::value(1.0)),
        ("clip::adaptive", || clip::adaptive(0.01)),
    ];
    let mut all = Vec::new();
    for (name, clip) in clips {
        all.push(on_parameter(
            name,
            |[m, k, _]| vec![m, k],
            move |parameter, gradient| {
                let mut gradients = of_parameter(&parameter, gradient);
                clip().allow_nonfinite().apply(&parameter, &mut gradients)?;
                Ok(gradients
                    .get(&parameter)
                    .expect("the gradient was inserted")
                    .clone())
            },
        ));
    }
    all.push(on_parameter(
        "Accumulator",
        |[m, k, _]| vec![m, k],
        |parameter, gradient| {
            let mut accumulator = Accumulator::new();
            accumulator.add(&parameter, of_parameter(&parameter, gradient), 3.0)?;
            let one = Tensor::ones(gradient.shape(), gradient.dtype())?;
            accumulator.add(&parameter, of_parameter(&parameter, &one), 1.0)?;
            let gradients = accumulator.take(&parameter)?;
            Ok(gradients
                .get(&parameter)
                .expect("the gradient was inserted")
                .clone())
        },
    ));
    all.push(on_parameter(
        "WeightAverage, exponential",
        |[m, k, _]| vec![m, k],
        |mut parameter, other| {
            let mut average = WeightAverage::exponential(&parameter, 0.9)?;
            parameter.set(other)?;
            average.update(&parameter)?;
            Ok(average.model().value().clone())
        },
    ));
    all.push(on_parameter(
        "WeightAverage, equal",
        |[m, k, _]| vec![m, k],
        |mut parameter, other| {
            let mut average = WeightAverage::equal(&parameter);
            average.update(&parameter)?;
            parameter.set(other)?;
            average.update(&parameter)?;
            Ok(average.model().value().clone())
        },
    ));
    all.push(on_parameter(
        "regularize::max_norm",
        |[m, k, _]| vec![m, k],
        |mut parameter, _| {
            regularize::max_norm(1.0)?.apply(&mut parameter)?;
            Ok(parameter.value().clone())
        },
    ));
    all.push(on_parameter(
        "regularize::l1",
        |_| vec![],
        |parameter, _| regularize::l1(0.5)?.penalty(&parameter, &Pass::inference()),
    ));
    all.push(on_parameter(
        "regularize::l2",
        |_| vec![],
        |parameter, _| regularize::l2(0.5)?.penalty(&parameter, &Pass::inference()),
    ));
    all
}

/// Results in `f32` are the rounded results in `f64`, except where the table says otherwise.
#[test]
fn single_precision_agrees_with_double() -> Result<()> {
    // How many digits linear algebra has depends on the matrix; `linalg` tests its range.
    let well_posed =
        |entry: &operations::Entry| entry.golden.iter().all(|golden| golden.file != "linalg");
    let entries = operations::registry().into_iter().filter(well_posed);
    let mut all: Vec<Operation> = entries
        .flat_map(|entry| entry.checked.into_iter().chain(entry.extreme))
        .collect();
    all.extend(optimizers());
    all.extend(optimizer_tools());
    let examine = |operations: &[Operation]| {
        let mut found = Found::default();
        let mut operations = operations.iter();
        operations.try_for_each(|operation| found.examine(operation, EXCEPTIONS))?;
        Ok::<_, Error>(found)
    };
    let mut found = Found::default();
    std::thread::scope(|scope| -> Result<()> {
        let parts = all.chunks(all.len().div_ceil(4));
        let parts: Vec<_> = parts
            .map(|part| scope.spawn(move || examine(part)))
            .collect();
        for part in parts {
            found.merge(part.join().expect("nothing panics")?);
        }
        Ok(())
    })?;
    found.assert_nothing(EXCEPTIONS);
    Ok(())
}

/// Fails if an optimizer of the crate is missing in the list.
#[test]
fn every_optimizer_is_tested() {
    let mut built = sources::types_with("../optim/src", "build(self)->Result<Box<dynOptimizer>>");
    built.insert("Lookahead".to_owned());
    assert!(built.len() > 10, "{built:?}");
    let missing: Vec<&String> = built
        .iter()
        .filter(|name| {
            !OPTIMIZERS
                .iter()
                .any(|row| row.name.split(',').next() == Some(name))
        })
        .collect();
    assert!(missing.is_empty(), "not run on extreme values: {missing:?}");
}
