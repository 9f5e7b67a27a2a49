//! Linear algebra behind the feature `linalg`: solutions, factorizations, eigenvalues, singular
//! values, the exponential.

use super::Domain::Signed;
use super::golden::{Bound, Golden, golden};
use cotangent::{MatrixNorm, Result, Tensor};

/// Returns the numbers 1 to n on a diagonal.
fn numbers(x: &Tensor) -> Result<Tensor> {
    let n = x.shape()[x.rank() - 1].min(x.shape()[x.rank() - 2]);
    Tensor::arange(1.0, n as f64 + 1.0, 1.0, x.dtype())?.diag_embed(0)
}

/// Returns matrices far from singular ones, with distinct singular values.
fn regular(x: &Tensor) -> Result<Tensor> {
    let [m, n] = [x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]];
    let k = m.min(n);
    numbers(x)?
        .pad(&[(0, m - k), (0, n - k)], 0.0)?
        .add(&(x * 0.2))
}

/// Returns symmetric matrices with distinct eigenvalues.
fn symmetric(x: &Tensor) -> Result<Tensor> {
    numbers(x)?.add(&(&x.add(&x.transpose(-2, -1)?)? * 0.1))
}

/// Returns positive definite matrices.
fn definite(x: &Tensor) -> Result<Tensor> {
    numbers(x)?.add(&(&x.matmul(&x.transpose(-2, -1)?)? * 0.1))
}

/// Joins the values with what does not depend on the signs of the vectors: (…, n, n + 1).
fn decomposed(values: &Tensor, vectors: &Tensor) -> Result<Tensor> {
    Tensor::cat(&[values.unsqueeze(-1)?, vectors.square()], -1)
}

/// Returns `U S² Vᵀ`, which does not depend on the signs of the vectors.
fn cubed(u: &Tensor, s: &Tensor, vt: &Tensor) -> Result<Tensor> {
    u.mul(&s.square().unsqueeze(-2)?)?.matmul(vt)
}

/// Returns `Q R∘R + Q R`, which depends on both.
fn stacked(q: &Tensor, r: &Tensor) -> Result<Tensor> {
    q.matmul(&r.square()).and_then(|y| y.add(&q.matmul(r)?))
}

/// Sets tolerances for results that depend on the condition of the matrices.
fn conditioned(golden: Golden) -> Vec<Golden> {
    let bound = Bound {
        f64: 1e-12,
        f32: 2e-4,
        ..golden.sums_bound()
    };
    vec![Golden {
        output: bound,
        gradient: bound,
        ..golden
    }]
}

const BAD_INPUT: &str = "is run on bad input by tests/linalg.rs";

pub fn linalg() -> Vec<super::Entry> {
    operations! { [m, k, n]
        solve {
            check "solve", Signed: (m, m) (m, n) => (m, n),
                |x| regular(&x[0])?.solve(&x[1]);
            check "solve, broadcast", Signed: (k, 1, n, n) (m, n, k) => (k, m, n, k),
                |x| regular(&x[0])?.solve(&x[1]);
            check "solve of a vector", Signed: (k, n, n) (n) => (k, n),
                |x| regular(&x[0])?.solve(&x[1]);
            golden conditioned(golden("linalg", "solve", |x| regular(&x[0])?.solve(&x[1]))
                .torch("torch.linalg.solve(regular(x), y)", "systems()"));
            without Draw: BAD_INPUT;
        }
        solve_triangular {
            check "solve_triangular, lower", Signed: (m, m) (m, n) => (m, n),
                |x| regular(&x[0])?.solve_triangular(&x[1], false);
            check "solve_triangular, upper", Signed: (k, n, n) (n, m) => (k, n, m),
                |x| regular(&x[0])?.solve_triangular(&x[1], true);
            golden conditioned(golden("linalg", "solve_triangular, lower",
                |x| regular(&x[0])?.solve_triangular(&x[1], false))
                .torch("torch.linalg.solve_triangular(regular(x), y, upper=False)", "systems()"));
            golden conditioned(golden("linalg", "solve_triangular, upper",
                |x| regular(&x[0])?.solve_triangular(&x[1], true))
                .torch("torch.linalg.solve_triangular(regular(x), y, upper=True)", "systems()"));
            without Draw: BAD_INPUT;
        }
        inverse {
            check "inverse", Signed: (m, m) => (m, m), |x| regular(&x[0])?.inverse();
            check "inverse, batch", Signed: (k, n, n) => (k, n, n), |x| regular(&x[0])?.inverse();
            golden conditioned(golden("linalg", "inverse", |x| regular(&x[0])?.inverse())
                .torch("torch.linalg.inv(regular(x))", "squares()"));
            without Draw: BAD_INPUT;
        }
        det {
            check "det", Signed: (m, m) => (), |x| regular(&x[0])?.det();
            check "det, batch", Signed: (k, n, n) => (k), |x| regular(&x[0])?.det();
            golden conditioned(golden("linalg", "det", |x| regular(&x[0])?.det())
                .torch("torch.linalg.det(regular(x))", "squares()"));
            without Draw: BAD_INPUT;
        }
        slogdet {
            check "slogdet", Signed: (m, m) => (), |x| Ok(regular(&x[0])?.slogdet()?.1);
            check "slogdet, batch", Signed: (k, n, n) => (k),
                |x| Ok(regular(&x[0])?.slogdet()?.1);
            golden conditioned(golden("linalg", "slogdet", |x| {
                let (sign, log) = regular(&x[0])?.neg().slogdet()?;
                sign.add(&log)
            }).torch("sum(torch.linalg.slogdet(-regular(x)))", "squares()"));
            without Draw: BAD_INPUT;
        }
        cholesky {
            check "cholesky", Signed: (m, m) => (m, m), |x| definite(&x[0])?.cholesky();
            check "cholesky, batch", Signed: (k, n, n) => (k, n, n),
                |x| numbers(&x[0])?.add(&(&x[0] * 0.1))?.cholesky();
            golden conditioned(golden("linalg", "cholesky", |x| definite(&x[0])?.cholesky())
                .torch("torch.linalg.cholesky(definite(x))", "squares()"));
            without Draw: BAD_INPUT;
        }
        qr {
            check "qr", Signed: (m, m) => (m, m),
                |x| { let (q, r) = regular(&x[0])?.qr()?; stacked(&q, &r) };
            check "qr, tall", Signed: (k, n, n) => (k, n + 1, n), |x| {
                let tall = Tensor::cat(&[regular(&x[0])?, x[0].narrow(-2, 0, 1)?], -2)?;
                let (q, r) = tall.qr()?;
                stacked(&q, &r)
            }, refused if n == 0;
            check "qr, wide", Signed: (k, n, n + 1) => (k, n, n + 1),
                |x| { let (q, r) = regular(&x[0])?.qr()?; stacked(&q, &r) };
            golden conditioned(golden("linalg", "qr",
                |x| { let (q, r) = regular(&x[0])?.qr()?; stacked(&q, &r) })
                .torch("recombined(*torch.linalg.qr(regular(x)))", "rectangles()"));
            without Draw: BAD_INPUT;
        }
        eigh {
            check "eigh", Signed: (m, m) => (m, m + 1), |x| {
                let (values, vectors) = symmetric(&x[0])?.eigh()?;
                decomposed(&values, &vectors)
            };
            check "eigh, batch", Signed: (k, n, n) => (k, n, n + 1), |x| {
                let (values, vectors) = numbers(&x[0])?.add(&(&x[0] * 0.1))?.eigh()?;
                decomposed(&values, &vectors)
            };
            golden conditioned(golden("linalg", "eigh", |x| {
                let (values, vectors) = symmetric(&x[0])?.eigh()?;
                decomposed(&values, &vectors)
            }).torch("decomposed(*torch.linalg.eigh(symmetric(x)))", "squares()"));
            without Draw: BAD_INPUT;
        }
        eigvalsh {
            check "eigvalsh", Signed: (m, m) => (m), |x| symmetric(&x[0])?.eigvalsh();
            check "eigvalsh, batch", Signed: (k, n, n) => (k, n),
                |x| symmetric(&x[0])?.eigvalsh();
            golden conditioned(golden("linalg", "eigvalsh", |x| symmetric(&x[0])?.eigvalsh())
                .torch("torch.linalg.eigvalsh(symmetric(x))", "squares()"));
            without Draw: BAD_INPUT;
        }
        svd {
            check "svd", Signed: (m, m) => (m, m), |x| {
                let (u, s, vt) = regular(&x[0])?.svd()?;
                cubed(&u, &s, &vt)
            };
            check "svd, wide", Signed: (k, n, n + 1) => (k, n, n + 1), |x| {
                let (u, s, vt) = regular(&x[0])?.svd()?;
                cubed(&u, &s, &vt)
            };
            check "svd, tall", Signed: (k, n + 1, n) => (k, n + 1, n), |x| {
                let (u, s, vt) = regular(&x[0])?.svd()?;
                cubed(&u, &s, &vt)
            };
            golden conditioned(golden("linalg", "svd", |x| {
                let (u, s, vt) = regular(&x[0])?.svd()?;
                cubed(&u, &s, &vt)
            }).torch("cubed(*torch.linalg.svd(regular(x), full_matrices=False))", "rectangles()"));
            without Draw: BAD_INPUT;
        }
        svdvals {
            check "svdvals", Signed: (m, m) => (m), |x| regular(&x[0])?.svdvals();
            check "svdvals, wide", Signed: (k, n, n + 1) => (k, n),
                |x| regular(&x[0])?.svdvals();
            golden conditioned(golden("linalg", "svdvals", |x| regular(&x[0])?.svdvals())
                .torch("torch.linalg.svdvals(regular(x))", "rectangles()"));
            without Draw: BAD_INPUT;
        }
        lstsq {
            check "lstsq", Signed: (k, n + 1, n) (n + 1, m) => (k, n, m),
                |x| regular(&x[0])?.lstsq(&x[1]);
            check "lstsq, wide", Signed: (k, n, n + 1) (n) => (k, n + 1),
                |x| regular(&x[0])?.lstsq(&x[1]);
            golden conditioned(golden("linalg", "lstsq", |x| regular(&x[0])?.lstsq(&x[1]))
                .torch("torch.linalg.lstsq(regular(x), y, driver='gels').solution",
                    "least_squares()"));
            without Draw: BAD_INPUT;
        }
        pinv {
            check "pinv", Signed: (m, m) => (m, m), |x| regular(&x[0])?.pinv();
            check "pinv, wide", Signed: (k, n, n + 1) => (k, n + 1, n),
                |x| regular(&x[0])?.pinv();
            check "pinv, tall", Signed: (k, n + 1, n) => (k, n, n + 1),
                |x| regular(&x[0])?.pinv();
            golden conditioned(golden("linalg", "pinv", |x| regular(&x[0])?.pinv())
                .torch("torch.linalg.pinv(regular(x))", "rectangles()"));
            without Draw: BAD_INPUT;
        }
        matrix_exp {
            check "matrix_exp", Signed: (m, m) => (m, m),
                |x| (&x[0] * (1.0 / (1.0 + x[0].shape()[0] as f64))).matrix_exp();
            check "matrix_exp, batch", Signed: (k, n, n) => (k, n, n), |x| x[0].matrix_exp();
            golden conditioned(golden("linalg", "matrix_exp", |x| x[0].matrix_exp())
                .torch("torch.linalg.matrix_exp(x)", "squares()"));
            without Draw: BAD_INPUT;
        }
        matrix_norm {
            check "matrix_norm(Nuclear)", Signed: (k, n, n + 1) => (k),
                |x| regular(&x[0])?.matrix_norm(MatrixNorm::Nuclear);
            check "matrix_norm(Spectral)", Signed: (k, n + 1, n) => (k),
                |x| regular(&x[0])?.matrix_norm(MatrixNorm::Spectral), refused if n == 0;
            check "matrix_norm(MinusSpectral)", Signed: (k, n, n + 1) => (k),
                |x| regular(&x[0])?.matrix_norm(MatrixNorm::MinusSpectral), refused if n == 0;
            golden conditioned(golden("linalg", "matrix_norm(Nuclear)",
                |x| regular(&x[0])?.matrix_norm(MatrixNorm::Nuclear))
                .torch("torch.linalg.matrix_norm(regular(x), 'nuc')", "rectangles()"));
            golden conditioned(golden("linalg", "matrix_norm(Spectral)",
                |x| regular(&x[0])?.matrix_norm(MatrixNorm::Spectral))
                .torch("torch.linalg.matrix_norm(regular(x), 2)", "rectangles()"));
            golden conditioned(golden("linalg", "matrix_norm(MinusSpectral)",
                |x| regular(&x[0])?.matrix_norm(MatrixNorm::MinusSpectral))
                .torch("torch.linalg.matrix_norm(regular(x), -2)", "rectangles()"));
        }
    }
}
