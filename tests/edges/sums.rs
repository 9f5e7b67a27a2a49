//! Results that are in range although the squares they sum are not; variances around a large mean.

use cotangent::data::{self, Standardizer};
use cotangent::nn::BatchNorm;
use cotangent::{Axes, Backward, DType, Error, Norm, Result, Tensor};

type Function = fn(&Tensor) -> Result<Tensor>;

/// Returns the value of a function, its gradient for the cotangent 1, 2, 3, … from a plain and from
/// a recorded backward pass, and the gradient of that gradient for the cotangent 1, -2, 3, -4, ….
fn parts(f: Function, x: &Tensor) -> Result<[Vec<f64>; 4]> {
    let ramp = |like: &Tensor, sign: f64| {
        let values = (0..like.len()).map(|i| (i + 1) as f64 * sign.powi(i as i32));
        Ok::<_, cotangent::Error>(
            Tensor::from_vec(values.collect(), like.shape())?.to_dtype(like.dtype()),
        )
    };
    let x = x.tracked();
    let y = f(&x)?;
    let cotangent = ramp(&y, 1.0)?;
    let of = |backward: Backward| backward.retain_graph().grad_with(&y, &cotangent, &[&x]);
    let plain = of(Backward::new())?;
    let recorded = of(Backward::new().create_graph())?;
    let second = recorded[0].backward_with(&ramp(&x, -1.0)?)?;
    let second = second.get(&x).map(Tensor::to_f64_vec);
    Ok([
        y.to_f64_vec(),
        plain[0].to_f64_vec(),
        recorded[0].to_f64_vec(),
        second.unwrap_or_default(),
    ])
}

/// Returns the largest magnitude of the finite numbers.
fn largest(numbers: &[f64]) -> f64 {
    let finite = numbers.iter().filter(|x| x.is_finite());
    finite.fold(0.0, |largest, x| largest.max(x.abs()))
}

/// Returns whether `found` equals `expected` in `f32`, up to the rounding of numbers of size
/// `scale`.
fn close(found: &[f64], expected: &[f64], scale: f64) -> bool {
    let rounded: Vec<f64> = expected.iter().map(|&x| f64::from(x as f32)).collect();
    let allowed = 3e-6 * scale + f64::from(f32::from_bits(8));
    found.len() == expected.len()
        && found.iter().zip(&rounded).all(|(found, expected)| {
            found == expected
                || (found - expected).abs() <= allowed
                || (found.is_nan() && expected.is_nan())
        })
}

/// Compares a function in `f32` with the same function in `f64`, where the squares are in range.
fn check(name: &str, f: Function, x: &[f32], shape: &[usize]) -> Result<()> {
    let x = Tensor::from_vec(x.to_vec(), shape)?;
    let found = parts(f, &x)?;
    let expected = parts(f, &x.to_dtype(DType::F64))?;
    let names = [
        "value",
        "gradient",
        "recorded gradient",
        "second derivative",
    ];
    let [value, gradient, ..] = &expected;
    // The size of the terms that cancel in the second derivative.
    let smallest = x.abs().min()?.item()?;
    let curvature = largest(gradient) / smallest;
    for (i, part) in names.into_iter().enumerate() {
        let (found, expected) = (&found[i], &expected[i]);
        // Beyond the range, a second derivative is infinite or NaN from a difference of infinities.
        if i == 3 && !expected.iter().all(|&x| (x as f32).is_finite()) {
            continue;
        }
        let scale = [
            largest(value),
            largest(gradient),
            largest(gradient),
            curvature,
        ][i];
        assert!(
            close(found, expected, scale.max(largest(expected))),
            "{name} of {x:?}, {part}: {found:?}, expected {expected:?}"
        );
    }
    Ok(())
}

const SPREADS: [(&str, Function); 6] = [
    ("std", |x| Ok(x.std())),
    ("var", |x| Ok(x.var())),
    ("std over 0", |x| x.std_over(0, 0.0)),
    ("std over 1", |x| x.std_over(Axes::keep(1), 1.0)),
    ("var over 1", |x| x.var_over(1, 0.0)),
    ("std of a view", |x| x.transpose(0, 1)?.std_over(1, 1.0)),
];

const NORMS: [(&str, Function); 4] = [
    ("norm", |x| x.norm(Norm::L2)),
    ("norm over 0", |x| x.norm_over(0, Norm::L2)),
    ("norm over 1", |x| x.norm_over(Axes::keep(1), Norm::L2)),
    ("norm of a view", |x| {
        x.transpose(0, 1)?.norm_over(1, Norm::L2)
    }),
];

const NORMALIZATIONS: [(&str, Function); 6] = [
    ("layer_norm", |x| x.layer_norm([3], None, None, 0.0)),
    ("layer_norm, epsilon", |x| {
        x.layer_norm([3], None, None, 1e-5)
    }),
    ("rms_norm", |x| x.rms_norm([3], None, 0.0)),
    ("rms_norm, epsilon", |x| x.rms_norm([3], None, 1e-5)),
    ("batch_norm", |x| {
        Ok(x.transpose(0, 1)?.batch_norm(None, None, 0.0)?.0)
    }),
    ("batch_norm, epsilon", |x| {
        Ok(x.transpose(0, 1)?.batch_norm(None, None, 1e-5)?.0)
    }),
];

/// Returns matrices of two rows and three columns with elements of very different sizes.
fn operands() -> Vec<[f32; 6]> {
    let units = [1.0, -2.0, 4.0, 3.0, 5.0, -1.5];
    let mut all: Vec<[f32; 6]> = [1e-38, 1e-30, 1e-24, 1e-18, 1.0, 1e18, 1e24, 1e30, 1e36]
        .map(|size| units.map(|x| x * size))
        .to_vec();
    // Only one row, or each column, has an extreme size.
    all.push([1e-30, 3e-30, 2e-30, 1.0, -2.0, 5.0]);
    all.push([1e30, 3e30, 2e30, 1.0, -2.0, 5.0]);
    all.push([1e30, 3.0, 2e-30, -1e30, -2.0, 5e-30]);
    all
}

#[test]
fn spreads_and_norms_of_known_inputs() -> Result<()> {
    let value_and_gradient = |x: [f32; 2], f: Function| {
        let x = Tensor::from(x).tracked();
        let y = f(&x)?;
        let gradients = Backward::new().allow_nonfinite().run(&y)?;
        let gradient = gradients.get(&x).expect("a gradient").to_vec::<f32>()?;
        Ok::<_, cotangent::Error>((y.to_vec::<f32>()?[0], gradient))
    };
    let root = std::f32::consts::FRAC_1_SQRT_2;
    let std: Function = |x| Ok(x.std());
    let found = value_and_gradient([1e-30, 3e-30], std)?;
    assert_eq!(found, (1.414_213_6e-30, vec![-root, root]));
    let found = value_and_gradient([1e30, 3e30], std)?;
    assert_eq!(found, (1.414_213_5e30, vec![-root, root]));
    let norm: Function = |x| x.norm(Norm::L2);
    let found = value_and_gradient([3e-24, 4e-24], norm)?;
    let near = |(norm, slopes): (f32, Vec<f32>), expected: f32| {
        let slopes = (slopes[0] - 0.6).abs() < 2e-7 && (slopes[1] - 0.8).abs() < 2e-7;
        (norm / expected - 1.0).abs() < 2e-7 && slopes
    };
    assert!(near(found, 5e-24));
    assert!(near(value_and_gradient([3e30, 4e30], norm)?, 5e30));
    let var: Function = |x| Ok(x.var());
    let found = value_and_gradient([16_777_216.0, 16_777_218.0], var)?;
    assert_eq!(found, (2.0, vec![-2.0, 2.0]));
    // The variance underflows or overflows; its gradient 2 (x - mean) / (n - 1) is in range.
    for (size, expected) in [(1e-30, 0.0), (1e30, f32::INFINITY)] {
        let (y, slopes) = value_and_gradient([size, 3.0 * size], var)?;
        assert_eq!(y, expected);
        assert!((slopes[0] / size + 2.0).abs() < 1e-6 && (slopes[1] / size - 2.0).abs() < 1e-6);
    }
    Ok(())
}

#[test]
fn spreads_and_norms_in_f64() -> Result<()> {
    for size in [1e-300, 1e300] {
        let x = Tensor::from([3.0 * size, 4.0 * size]).tracked();
        for (y, expected, slopes) in [
            (x.norm(Norm::L2)?, 5.0, [0.6, 0.8]),
            (x.std(), 0.5f64.sqrt(), [-(0.5f64.sqrt()), 0.5f64.sqrt()]),
        ] {
            assert!((y.item()? / (expected * size) - 1.0).abs() < 1e-15);
            let found = y.backward()?.get(&x).expect("a gradient").to_f64_vec();
            let near = |(found, expected): (&f64, f64)| (found - expected).abs() < 1e-15;
            assert!(found.iter().zip(slopes).all(near), "{found:?}");
        }
        let rows = x.reshape([1, 2])?;
        let normalized = rows.layer_norm([2], None, None, 0.0)?.to_f64_vec();
        assert!((normalized[0] + 1.0).abs() < 1e-15 && (normalized[1] - 1.0).abs() < 1e-15);
    }
    let x = Tensor::from([9_007_199_254_740_992.0, 9_007_199_254_740_994.0]).tracked();
    let y = x.var();
    assert_eq!(y.item()?, 2.0);
    assert_eq!(
        y.backward()?.get(&x).expect("a gradient").to_f64_vec(),
        [-2.0, 2.0]
    );
    Ok(())
}

#[test]
fn spreads_and_norms_of_any_size() -> Result<()> {
    for x in operands() {
        for (name, f) in SPREADS.into_iter().chain(NORMS) {
            check(name, f, &x, &[2, 3])?;
        }
    }
    Ok(())
}

#[test]
fn normalizations_of_any_size() -> Result<()> {
    for x in operands() {
        for (name, f) in NORMALIZATIONS {
            check(name, f, &x, &[2, 3])?;
        }
    }
    Ok(())
}

/// Numbers whose spacing in `f32` is 2; their mean is no `f32`.
const LARGE: [f32; 6] = [
    16_777_216.0,
    16_777_220.0,
    16_777_218.0,
    16_777_218.0,
    16_777_224.0,
    16_777_226.0,
];

#[test]
fn deviations_from_a_mean_that_cannot_be_stored() -> Result<()> {
    let centred = NORMALIZATIONS
        .into_iter()
        .filter(|(name, _)| !name.starts_with("rms"));
    for x in [LARGE, LARGE.map(|x| -x)] {
        let centred = centred.clone();
        for (name, f) in SPREADS.into_iter().chain(centred) {
            let x64 = Tensor::from_vec(x.to_vec(), [2, 3])?.to_dtype(DType::F64);
            let (found, expected) = (parts(f, &x64.to_dtype(DType::F32))?, parts(f, &x64)?);
            for i in 0..3 {
                assert!(
                    close(&found[i], &expected[i], largest(&expected[i])),
                    "{name}, {i}: {:?}, expected {:?}",
                    found[i],
                    expected[i]
                );
            }
        }
    }
    // The coefficients of batch normalization, for one pair and for many.
    for pairs in [1, 1000] {
        let x = Tensor::from_vec(
            [16_777_216.0f32, 16_777_218.0].repeat(pairs),
            [2 * pairs, 1],
        )?;
        let gamma = Tensor::from([3.0f32]).tracked();
        let (y, statistics) = x.batch_norm(Some(&gamma), None, 0.0)?;
        assert_eq!(y.to_vec::<f32>()?, [-3.0, 3.0].repeat(pairs));
        assert_eq!(statistics.variance.to_vec::<f32>()?, [1.0]);
        let weights = Tensor::from_vec([0.0f32, 1.0].repeat(pairs), [2 * pairs, 1])?;
        for recorded in [false, true] {
            let mut backward = Backward::new().retain_graph();
            if recorded {
                backward = backward.create_graph();
            }
            let slopes = backward.grad_with(&y, &weights, &[&gamma])?;
            assert_eq!(slopes[0].to_vec::<f32>()?, [pairs as f32]);
        }
    }
    Ok(())
}

#[test]
fn equal_elements_have_no_deviation() -> Result<()> {
    for (value, count) in [
        (14.62f32, 1000),
        (1.0 / 3.0, 7),
        (0.1, 3),
        (3e38, 5),
        (1e-45, 2),
    ] {
        let x = Tensor::full([count], f64::from(value), DType::F32)?.tracked();
        for y in [x.std(), x.var()] {
            assert_eq!(y.item()?, 0.0, "{value}");
            let slopes = y.backward()?.get(&x).expect("a gradient").to_f64_vec();
            assert_eq!(slopes, vec![0.0; count], "{value}");
        }
    }
    // Rows of equal elements and other rows do not influence each other.
    let x = Tensor::from([[14.62f32; 3], [1.0, 2.0, 3.0], [1e30, 3e30, 2e30]]);
    let together = x.std_over(1, 1.0)?.to_vec::<f32>()?;
    assert_eq!(together[..2], [0.0, 1.0]);
    assert!((together[2] / 1e30 - 1.0).abs() < 1e-6);
    Ok(())
}

#[test]
fn infinity_and_nan_stay_visible() -> Result<()> {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    for x in [
        [nan, 1.0, 2.0],
        [inf, 1.0, 2.0],
        [inf, inf, inf],
        [inf, -inf, 1.0],
    ] {
        let x = Tensor::from(x);
        assert!(
            x.std().item()?.is_nan() && x.var().item()?.is_nan(),
            "{x:?}"
        );
        let norm = x.norm(Norm::L2)?.item()?;
        assert!(if x.sum().item()?.is_nan() && x.max()?.item()?.is_nan() {
            norm.is_nan()
        } else {
            norm == f64::INFINITY
        });
        let rows = x.reshape([1, 3])?;
        assert!(
            rows.layer_norm([3], None, None, 1e-5)?
                .to_f64_vec()
                .iter()
                .any(|y| y.is_nan())
        );
        assert!(
            rows.rms_norm([3], None, 1e-5)?
                .to_f64_vec()
                .iter()
                .any(|y| y.is_nan())
        );
        let columns = x.reshape([3, 1])?;
        let (y, _) = columns.batch_norm(None, None, 1e-5)?;
        assert!(y.to_f64_vec().iter().any(|y| y.is_nan()));
    }
    Ok(())
}

#[test]
fn rows_do_not_change_the_bits_of_other_rows() -> Result<()> {
    let usual = [0.3f32, -1.7, 2.9];
    for odd in [
        [1e30f32, 3e30, 2e30],
        [1e-30, 3e-30, 2e-30],
        [0.0; 3],
        [f32::NAN; 3],
    ] {
        let (alone, both) = (Tensor::from([usual]), Tensor::from([usual, odd]));
        for (name, f) in [
            ("std", (|x| x.std_over(1, 1.0)) as Function),
            ("var", |x| x.var_over(1, 1.0)),
            ("norm", |x| x.norm_over(1, Norm::L2)),
            ("layer_norm", |x| x.layer_norm([3], None, None, 0.0)),
            ("rms_norm", |x| x.rms_norm([3], None, 0.0)),
            ("batch_norm", |x| {
                x.transpose(0, 1)?
                    .batch_norm(None, None, 0.0)?
                    .0
                    .transpose(0, 1)
            }),
        ] {
            let (alone, both) = (parts(f, &alone)?, parts(f, &both)?);
            for (alone, both) in alone.iter().zip(&both).take(3) {
                assert_eq!(alone[..], both[..alone.len()], "{name} beside {odd:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn cosines_of_vectors_of_any_size() -> Result<()> {
    for x in operands() {
        check(
            "cosine",
            |x| {
                let other =
                    Tensor::from([[2.0f64, -1.0, 3.0], [1.0, 1.0, -4.0]]).to_dtype(x.dtype());
                x.cosine_similarity(&other, 1, 1e-44)
            },
            &x,
            &[2, 3],
        )?;
        check(
            "cosine with its own flip",
            |x| x.cosine_similarity(&x.flip([1])?, 1, 0.0),
            &x,
            &[2, 3],
        )?;
    }
    let (x, zero) = (
        Tensor::from([3e30f32, 4e30]),
        Tensor::from([0.0f32, 0.0]).tracked(),
    );
    let y = zero.cosine_similarity(&x, 0, 1e-8)?;
    assert_eq!(y.item()?, 0.0);
    let slopes = y
        .backward()?
        .get(&zero)
        .expect("a gradient")
        .to_vec::<f32>()?;
    assert!((slopes[0] / 6e7 - 1.0).abs() < 1e-6 && (slopes[1] / 8e7 - 1.0).abs() < 1e-6);
    Ok(())
}

/// Creates samples with one feature.
fn column(values: &[f64], dtype: DType) -> data::Result<Tensor> {
    Ok(Tensor::from_vec(values.to_vec(), [values.len(), 1])?.to_dtype(dtype))
}

#[test]
fn a_constant_column_is_shifted_but_not_scaled() -> data::Result<()> {
    for value in [14.62, -14.62, 0.1, 1.0 / 3.0, 0.0, 1e8 + 0.1, 1e-300, 1e300] {
        for rows in [1, 3, 1000, 4097] {
            let standardizer = Standardizer::fit(&column(&vec![value; rows], DType::F64)?)?;
            assert_eq!(
                (standardizer.mean(), standardizer.std()),
                (&[value][..], &[0.0][..])
            );
            let seen = standardizer.apply(&column(&[value, value + 0.01], DType::F64)?)?;
            let expected = [0.0, (value + 0.01) - value];
            assert_eq!(seen.to_f64_vec(), expected, "{value}");
        }
    }
    let standardizer = Standardizer::fit(&column(&[14.62; 1000], DType::F64)?)?;
    let unseen = standardizer
        .apply(&column(&[14.63], DType::F64)?)?
        .to_f64_vec();
    assert!((unseen[0] - 0.01).abs() < 1e-14);
    // A column is constant if its values differ only by rounding.
    let twice = [0.3, 0.1 + 0.2, 0.3, 0.3];
    assert_eq!(
        Standardizer::fit(&column(&twice, DType::F64)?)?.std(),
        [0.0]
    );
    let single = Standardizer::fit(&column(&[14.62; 1000], DType::F32)?)?;
    assert_eq!(single.std(), [0.0]);
    Ok(())
}

#[test]
fn a_column_that_varies_little_is_scaled() -> data::Result<()> {
    let columns: [(Vec<f64>, DType); 4] = [
        (vec![16_777_216.0, 16_777_218.0], DType::F32),
        (
            vec![9_007_199_254_740_992.0, 9_007_199_254_740_994.0],
            DType::F64,
        ),
        (vec![1e-200, 3e-200], DType::F64),
        (vec![1e200, 3e200], DType::F64),
    ];
    for (values, dtype) in columns {
        let train = column(&values, dtype)?;
        let scaled = Standardizer::fit(&train)?.apply(&train)?.to_f64_vec();
        assert!(
            (scaled[0] + 1.0).abs() < 1e-7 && (scaled[1] - 1.0).abs() < 1e-7,
            "{scaled:?}"
        );
    }
    // Seconds since 1970 over a few seconds, in many rows.
    let times: Vec<f64> = (0..100_000).map(|i| 1.7e9 + f64::from(i % 3)).collect();
    let std = Standardizer::fit(&column(&times, DType::F64)?)?.std()[0];
    assert!((std - (2.0f64 / 3.0).sqrt()).abs() < 1e-4, "{std}");
    Ok(())
}

#[test]
fn recalibration_refuses_a_variance_beyond_the_dtype() -> Result<()> {
    let norm = BatchNorm::new(1)?;
    let large = Tensor::from([
        [16_777_216.0f32],
        [16_777_218.0],
        [16_777_216.0],
        [16_777_218.0],
    ]);
    let variance = |norm: &BatchNorm| {
        let variance = norm.running_var.as_ref().expect("it has one");
        variance.value().to_f64_vec()
    };
    norm.recalibrate([&large])?;
    assert_eq!(variance(&norm), [f64::from(4.0f32 / 3.0)]);
    let constant = Tensor::full([1000, 1], 14.62, DType::F32)?;
    norm.recalibrate([&constant, &constant])?;
    assert_eq!(variance(&norm), [0.0]);
    // The variance of this batch is about 1e60.
    let error = norm
        .recalibrate([&Tensor::from([[1e30f32], [3e30]])])
        .unwrap_err();
    assert!(matches!(error.root(), Error::NonFinite { .. }), "{error}");
    assert_eq!(variance(&norm), [0.0]);
    Ok(())
}
