//! Linear algebra: laws that hold for any matrices, bad input, and gradients that are not defined.

use cotangent::{Backward, DType, Error, MatrixNorm, Norm, Result, Tensor};

fn identity(n: usize) -> Result<Tensor> {
    Tensor::eye([n, n], DType::F64)
}

fn transposed(x: &Tensor) -> Result<Tensor> {
    x.transpose(-2, -1)
}

#[track_caller]
fn assert_close(found: &Tensor, expected: &Tensor) {
    assert_eq!(found.shape(), expected.shape());
    for (a, b) in found.to_f64_vec().into_iter().zip(expected.to_f64_vec()) {
        assert!((a - b).abs() < 1e-10, "{a} instead of {b}");
    }
}

/// Draws matrices of normally distributed elements.
fn drawn(shape: &[usize]) -> Result<Tensor> {
    use cotangent::prelude::{ChaCha8Rng, SeedableRng};
    Tensor::normal(
        shape,
        0.0,
        1.0,
        DType::F64,
        &mut ChaCha8Rng::seed_from_u64(1),
    )
}

#[test]
fn factors_have_their_product_and_shape() -> Result<()> {
    for (m, n) in [(5, 5), (7, 4), (3, 6), (40, 40), (1, 3), (3, 1)] {
        let (a, k) = (drawn(&[2, m, n])?, m.min(n));
        let (q, r) = a.qr()?;
        assert_close(&q.matmul(&r)?, &a);
        assert_close(
            &transposed(&q)?.matmul(&q)?,
            &identity(k)?.broadcast_to([2, k, k])?,
        );
        assert_close(&r.triu(0)?, &r);
        assert!(r.diagonal(0)?.to_f64_vec().iter().all(|&x| x >= 0.0));
        let (u, s, vt) = a.svd()?;
        assert_close(&u.mul(&s.unsqueeze(-2)?)?.matmul(&vt)?, &a);
        assert_close(&a.svdvals()?, &s);
        let p = a.pinv()?;
        assert_close(&a.matmul(&p)?.matmul(&a)?, &a);
        assert_close(&p.matmul(&a)?.matmul(&p)?, &p);
    }
    let a = drawn(&[3, 12, 12])?;
    let gram = a.matmul(&transposed(&a)?)?;
    let l = gram.cholesky()?;
    assert_close(&l.matmul(&transposed(&l)?)?, &gram);
    let (values, v) = gram.eigh()?;
    assert_close(
        &v.mul(&values.unsqueeze(-2)?)?.matmul(&transposed(&v)?)?,
        &gram,
    );
    assert_close(
        &a.matmul(&a.inverse()?)?,
        &identity(12)?.broadcast_to([3, 12, 12])?,
    );
    let (sign, log) = a.slogdet()?;
    assert_close(
        &sign.mul(&log.exp())?.div(&a.det()?)?,
        &Tensor::ones([3], DType::F64)?,
    );
    Ok(())
}

#[test]
fn exponentials_of_large_and_nilpotent_matrices() -> Result<()> {
    // exp [[0, -t], [t, 0]] is the rotation by t.
    let t = 20.0f64;
    let turn = Tensor::from([[0.0, -t], [t, 0.0]]).matrix_exp()?;
    let (sin, cos) = t.sin_cos();
    assert_close(&turn, &Tensor::from([[cos, -sin], [sin, cos]]));
    let shift = Tensor::from([[0.0f64, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]);
    let expected = Tensor::from([[1.0f64, 1.0, 0.5], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]);
    assert_close(&shift.matrix_exp()?, &expected);
    assert_eq!(
        Tensor::from([[1e308f64]]).matrix_exp()?.item()?,
        f64::INFINITY
    );
    assert_eq!(Tensor::from([[-1e4f64]]).matrix_exp()?.item()?, 0.0);
    Ok(())
}

#[test]
fn matrices_without_elements() -> Result<()> {
    let empty = Tensor::zeros([0, 0], DType::F64)?;
    assert_eq!(empty.det()?.item()?, 1.0);
    let (sign, log) = empty.slogdet()?;
    assert_eq!((sign.item()?, log.item()?), (1.0, 0.0));
    assert_eq!(empty.matrix_exp()?.shape(), [0, 0]);
    let (u, s, vt) = Tensor::zeros([3, 0], DType::F64)?.svd()?;
    assert_eq!(
        (u.shape(), s.shape(), vt.shape()),
        (&[3, 0][..], &[0][..], &[0, 0][..])
    );
    let (q, r) = Tensor::zeros([0, 3], DType::F64)?.qr()?;
    assert_eq!((q.shape(), r.shape()), (&[0, 0][..], &[0, 3][..]));
    let norm = Tensor::zeros([2, 0, 3], DType::F64)?.matrix_norm(MatrixNorm::Nuclear)?;
    assert_eq!(norm.to_vec::<f64>()?, [0.0, 0.0]);
    Ok(())
}

type Function = fn(&Tensor) -> Result<Tensor>;

/// Every operation as a function of one matrix.
const ALL: [(&str, Function); 15] = [
    ("solve", |a| a.solve(a)),
    ("solve_triangular", |a| a.solve_triangular(a, true)),
    ("inverse", |a| a.inverse()),
    ("det", |a| a.det()),
    ("slogdet", |a| Ok(a.slogdet()?.1)),
    ("cholesky", |a| a.cholesky()),
    ("eigh", |a| Ok(a.eigh()?.1)),
    ("eigvalsh", |a| a.eigvalsh()),
    ("matrix_exp", |a| a.matrix_exp()),
    ("qr", |a| Ok(a.qr()?.0)),
    ("svd", |a| Ok(a.svd()?.0)),
    ("svdvals", |a| a.svdvals()),
    ("lstsq", |a| a.lstsq(a)),
    ("pinv", |a| a.pinv()),
    ("matrix_norm", |a| a.matrix_norm(MatrixNorm::Nuclear)),
];
/// The number of those that take square matrices only.
const SQUARE: usize = 9;

#[test]
fn bad_matrices_are_errors() -> Result<()> {
    let rectangle = Tensor::ones([2, 3], DType::F64)?;
    for (name, f) in ALL {
        for bad in [f64::NAN, f64::INFINITY] {
            let a = Tensor::from([[1.0f64, 0.5], [0.5, bad]]);
            assert!(
                matches!(f(&a), Err(Error::NonFinite { op, .. }) if op == name),
                "{name}"
            );
        }
        let vector = f(&Tensor::from([1.0f64, 2.0]));
        assert!(matches!(vector, Err(Error::Shape { .. })), "{name}");
        let scalar = f(&Tensor::scalar(1.0f64));
        assert!(matches!(scalar, Err(Error::Shape { .. })), "{name}");
    }
    for (name, f) in &ALL[..SQUARE] {
        let found = f(&rectangle);
        assert!(
            matches!(found, Err(Error::Shape { op, .. }) if op == *name),
            "{name}"
        );
    }
    let a = identity(2)?;
    let single = Tensor::ones([2, 2], DType::F32)?;
    for b in [
        a.solve(&single),
        a.solve_triangular(&single, true),
        a.lstsq(&single),
    ] {
        assert!(matches!(b, Err(Error::DType { .. })));
    }
    let infinite = Tensor::from([1.0f64, f64::INFINITY]);
    for b in [
        a.solve(&infinite),
        a.solve_triangular(&infinite, true),
        a.lstsq(&infinite),
    ] {
        assert!(matches!(b, Err(Error::NonFinite { .. })));
    }
    let long = Tensor::ones([3], DType::F64)?;
    for b in [
        a.solve(&long),
        a.solve_triangular(&long, true),
        a.lstsq(&long),
    ] {
        assert!(matches!(b, Err(Error::Shape { .. })));
    }
    Ok(())
}

#[track_caller]
fn assert_says(found: Result<impl std::fmt::Debug>, text: &str) {
    let error = found.expect_err(text);
    assert!(matches!(error, Error::Argument { .. }), "{error}");
    assert_eq!(error.to_string(), text);
}

#[test]
fn singular_and_indefinite_matrices_are_named() -> Result<()> {
    let singular = Tensor::from([[1.0f64, 2.0], [2.0, 4.0]]);
    let batch = Tensor::stack(&[identity(2)?, singular.clone()], 0)?;
    assert_says(singular.inverse(), "inverse: the matrix is singular");
    assert_says(batch.solve(&batch), "solve: matrix 1 of 2 is singular");
    let triangle = Tensor::from([[1.0f64, 2.0], [0.0, 0.0]]);
    let text = "solve_triangular: the matrix is singular";
    assert_says(triangle.solve_triangular(&singular, true), text);
    assert_says(
        singular.lstsq(&singular),
        "lstsq: the matrix does not have full rank",
    );
    let text = "cholesky: the matrix is not positive definite: its leading minor of order 2 is \
                not positive";
    assert_says(Tensor::from([[1.0f64, 2.0], [2.0, 1.0]]).cholesky(), text);
    assert_eq!(singular.det()?.item()?, 0.0);
    // The first and the second pivot are 0, and a row is.
    for rows in [
        [[0.0f64, 1.0, 2.0], [0.0, 3.0, 4.0], [0.0, 5.0, 7.0]],
        [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 3.0]],
        [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [4.0, 5.0, 7.0]],
    ] {
        let a = Tensor::from(rows);
        let (sign, log) = a.slogdet()?;
        let found = (a.det()?.item()?, sign.item()?, log.item()?);
        assert_eq!(found, (0.0, 0.0, f64::NEG_INFINITY));
        let a = a.tracked();
        assert_says(a.det()?.backward(), "det: the matrix is singular");
    }
    let (sign, log) = singular.slogdet()?;
    assert_eq!((sign.item()?, log.item()?), (0.0, f64::NEG_INFINITY));
    let a = singular.tracked();
    assert_says(a.det()?.backward(), "det: the matrix is singular");
    let text = "qr: the matrix does not have full rank";
    assert_says(a.qr()?.1.sum().backward(), text);
    Ok(())
}

#[test]
fn the_gradient_of_the_determinant_is_right_where_its_factors_leave_the_range() -> Result<()> {
    let cofactors = |diagonal: &[f64], dtype| {
        let diagonal = Tensor::from(diagonal).to_dtype(dtype);
        let a = diagonal.diag_embed(0)?.tracked();
        let grads = a.det()?.backward()?;
        let gradient = grads.get(&a).expect("a gradient");
        // Only the diagonal has cofactors.
        assert_eq!(
            gradient
                .triu(1)?
                .add(&gradient.tril(-1)?)?
                .abs()
                .sum()
                .item()?,
            0.0
        );
        gradient.diagonal(0)
    };
    for (diagonal, expected) in [
        // The determinant is 0.
        (&[1e-200, 2e-200][..], &[2e-200, 1e-200][..]),
        (&[1e-200, 2e-200, 1.0], &[2e-200, 1e-200, 0.0]),
        (&[1e-200, 1e-200, 1e-200], &[0.0; 3]),
        // The inverse is infinite.
        (&[1e-310, 1.0], &[1.0, 1e-310]),
        (&[1e-310, 1e200, 1e-100], &[1e100, 0.0, 1e-110]),
        // Determinants of the scaled matrices would be infinite or 0.
        (&[1e200, 1e-200, 3.0], &[3e-200, 3e200, 1.0]),
        (
            &[1e-300, 1e300, 1e-300, 2e300],
            &[2e300, 2e-300, 2e300, 1e-300],
        ),
    ] {
        let found = cofactors(diagonal, DType::F64)?.to_f64_vec();
        for (found, expected) in found.iter().zip(expected) {
            let near = (found - expected).abs() <= 1e-12 * expected.abs();
            assert!(near, "{found} instead of {expected}");
        }
    }
    let found = cofactors(&[1e-30, 3e-30], DType::F32)?.to_f64_vec();
    assert!((found[0] / 3e-30 - 1.0).abs() < 1e-6 && (found[1] / 1e-30 - 1.0).abs() < 1e-6);
    // Products of the first 40 pivots are 0.
    let regular = drawn(&[80, 80])?;
    let (sign, log) = regular.slogdet()?;
    let determinant = sign.item()? * log.item()?.exp();
    let expected = transposed(&regular.inverse()?)?.mul_scalar(determinant);
    let factors = Tensor::cat(&[[-30; 40], [30; 40]].map(powers), 0)?;
    let a = regular.mul(&factors)?.tracked();
    let grads = a.det()?.backward()?;
    let found = grads.get(&a).expect("a gradient").mul(&factors)?;
    let largest = expected.norm(Norm::LInf)?.item()?;
    let [found, expected] = [found, expected].map(|x| x.div_scalar(largest));
    assert_near(&found, &expected, "the gradient of det");
    // The second derivative, of a determinant that is 0.
    let a = scaled(&identity(2)?, -700).tracked();
    let grads = Backward::new().create_graph().run(&a.det()?)?;
    let first = grads.get(&a).expect("a gradient").diagonal(0)?;
    let second = first.narrow(0, 0, 1)?.sum().backward()?;
    let second = second.get(&a).expect("a gradient").to_f64_vec();
    assert_eq!(second, [0.0, 0.0, 0.0, 1.0]);
    Ok(())
}

/// Returns a column of powers of two.
fn powers<const N: usize>(exponents: [i32; N]) -> Tensor {
    Tensor::from(exponents.map(|exponent| [2f64.powi(exponent)]))
}

#[test]
fn gradients_of_vectors_need_distinct_values() -> Result<()> {
    let a = identity(2)?.tracked();
    let text = "eigh: the matrix has repeated eigenvalues, for which the gradient of the vectors \
                is not defined";
    let weights = Tensor::from([[1.0f64, 2.0], [3.0, 4.0]]);
    assert_says(a.eigh()?.1.mul(&weights)?.sum().backward(), text);
    let text = "svd: the matrix has repeated singular values, for which the gradient of the \
                vectors is not defined";
    assert_says(a.svd()?.0.mul(&weights)?.sum().backward(), text);
    // The values alone have a gradient.
    for values in [a.eigh()?.0, a.eigvalsh()?, a.svd()?.1, a.svdvals()?] {
        let grads = values.sum().backward()?;
        assert_close(grads.get(&a).expect("a gradient"), &identity(2)?);
    }
    // Their second derivative does not.
    for values in [a.eigvalsh()?, a.svdvals()?] {
        let grads = Backward::new().create_graph().run(&values.square().sum())?;
        let gradient = grads.get(&a).expect("a gradient");
        let second = gradient.mul(&weights)?.sum().backward();
        assert!(matches!(second, Err(Error::Argument { .. })), "{second:?}");
    }
    let flat = Tensor::from([[1.0f64, 0.0], [0.0, 0.0], [0.0, 0.0]]).tracked();
    let text = "svd: the matrix has a singular value of 0, for which the gradient of the vectors \
                is not defined";
    let weights = Tensor::from([[1.0f64, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    assert_says(flat.svd()?.0.mul(&weights)?.sum().backward(), text);
    Ok(())
}

#[test]
fn leading_axes_are_broadcast_or_refused() -> Result<()> {
    type Solve = fn(&Tensor, &Tensor) -> Result<Tensor>;
    let all: [(&str, Solve); 3] = [
        ("solve", |a, b| a.solve(b)),
        ("solve_triangular", |a, b| a.solve_triangular(b, true)),
        ("lstsq", |a, b| a.lstsq(b)),
    ];
    let (a, b) = (drawn(&[2, 1, 3, 3])?, drawn(&[4, 3, 2])?);
    for (name, solve) in all {
        let x = solve(&a, &b)?;
        assert_eq!(x.shape(), [2, 4, 3, 2], "{name}");
        for i in 0..2 {
            for j in 0..4 {
                let alone = solve(&a.select(0, i)?.select(0, 0)?, &b.select(0, j)?)?;
                assert_close(&x.select(0, i)?.select(0, j)?, &alone);
            }
        }
        let found = solve(&drawn(&[2, 3, 3])?, &drawn(&[3, 3, 1])?);
        assert!(
            matches!(found, Err(Error::Shape { op, .. }) if op == name),
            "{name}"
        );
    }
    Ok(())
}

/// Multiplies by 2^exponent.
fn scaled(x: &Tensor, exponent: i32) -> Tensor {
    let half = exponent / 2;
    x.mul_scalar(2f64.powi(half))
        .mul_scalar(2f64.powi(exponent - half))
}

#[track_caller]
fn assert_near(found: &Tensor, expected: &Tensor, what: &str) {
    let bound = if expected.dtype() == DType::F32 {
        1e-4
    } else {
        1e-12
    };
    for (a, b) in found.to_f64_vec().into_iter().zip(expected.to_f64_vec()) {
        assert!(
            (a - b).abs() <= bound * b.abs().max(1.0),
            "{what}: {a} instead of {b}"
        );
    }
}

#[test]
fn matrices_at_both_ends_of_the_range() -> Result<()> {
    // Results that are multiplied by c to this power if the matrix is multiplied by c.
    let all: [(&str, i32, Function); 12] = [
        ("solve", 0, |a| a.solve(a)),
        ("solve_triangular", 0, |a| a.solve_triangular(a, true)),
        ("inverse", -1, |a| a.inverse()),
        ("eigh", 0, |a| Ok(a.eigh()?.1.square())),
        ("eigvalsh", 1, |a| a.eigvalsh()),
        ("q", 0, |a| Ok(a.qr()?.0)),
        ("r", 1, |a| Ok(a.qr()?.1)),
        ("svd", 0, |a| Ok(a.svd()?.0.square())),
        ("svdvals", 1, |a| a.svdvals()),
        ("lstsq", 0, |a| a.lstsq(a)),
        ("pinv", -1, |a| a.pinv()),
        ("cholesky", 1, |a| {
            let l = a.cholesky()?;
            l.matmul(&transposed(&l)?)
        }),
    ];
    for (dtype, exponents) in [(DType::F64, [-1000, 1000]), (DType::F32, [-120, 120])] {
        let a = drawn(&[4, 4])?;
        let a = a.matmul(&transposed(&a)?)?.add(&identity(4)?)?;
        let a = a.div_scalar(a.max()?.item()?).to_dtype(dtype);
        for exponent in exponents {
            let large = scaled(&a, exponent);
            for (name, power, f) in all {
                let found = scaled(&f(&large)?, -power * exponent);
                assert_near(&found, &f(&a)?, &format!("{name} {dtype} {exponent}"));
            }
            let log = f64::from(4 * exponent) * std::f64::consts::LN_2;
            let expected = a.slogdet()?.1.add_scalar(log);
            assert_near(&large.slogdet()?.1, &expected, "slogdet");
            // The gradient of a function of degree 0 has the degree -1.
            let slope = |a: &Tensor| {
                let a = a.tracked();
                let weights = Tensor::arange(1.0, 5.0, 1.0, dtype)?;
                let loss = a.svd()?.0.square().mul(&weights)?.sum();
                Ok::<_, Error>(loss.backward()?.get(&a).expect("a gradient").clone())
            };
            let found = scaled(&slope(&large)?, exponent);
            assert_near(&found, &slope(&a)?, "the gradient of svd");
        }
    }
    let subnormal = scaled(&Tensor::from([[3.0f64, 1.0], [1.0, 2.0]]), -1072);
    assert_close(&subnormal.solve(&subnormal)?, &identity(2)?);
    Ok(())
}

#[test]
fn a_batch_has_the_bits_of_its_matrices_on_any_number_of_threads() -> Result<()> {
    let a = drawn(&[400, 5, 5])?;
    let a = a.matmul(&transposed(&a)?)?.add(&identity(5)?)?;
    for (name, f) in ALL {
        let bits = |x: &Tensor| {
            x.to_f64_vec()
                .into_iter()
                .map(f64::to_bits)
                .collect::<Vec<_>>()
        };
        // The result and the gradient.
        let run = |a: &Tensor| {
            let a = a.tracked();
            let y = f(&a)?;
            let grads = y.square().sum().backward()?;
            Ok::<_, Error>([bits(&y), bits(grads.get(&a).expect("a gradient"))])
        };
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("a pool").install(|| run(&a))
        };
        let whole = on(1)?;
        assert_eq!(whole, on(2)?, "{name}");
        let last = run(&a.select(0, 399)?)?;
        for (whole, last) in whole.iter().zip(&last) {
            assert_eq!(whole[whole.len() - last.len()..], last[..], "{name}");
        }
    }
    Ok(())
}
