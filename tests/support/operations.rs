//! The table of differentiable operations: a name, the shapes of the operands and of the result,
//! and the call. Every promise about gradients is held against all of it.

use cotangent::prelude::{ChaCha8Rng, DType, Indices, Mask, Result, Rng, SeedableRng, Tensor};

/// Three lengths that the shapes of an operation are made from.
pub type Sizes = [usize; 3];

/// What an operation does with its operands.
pub type Function = Box<dyn Fn(&[Tensor]) -> Result<Tensor> + Send + Sync>;

/// Where the first operand's elements lie; those of the others are `Signed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Within 2 of 0, at least 0.1 away from all multiples of 0.5, where the kinks and jumps are.
    Signed,
    /// The positive ones of these.
    Positive,
}
use Domain::{Positive, Signed};

/// A differentiable operation.
pub struct Operation {
    pub name: String,
    pub operands: fn(Sizes) -> Vec<Vec<usize>>,
    pub output: fn(Sizes) -> Vec<usize>,
    pub domain: Domain,
    pub f: Function,
    /// Whether operands of these sizes are an error.
    pub refuses: fn(Sizes) -> bool,
}

impl Operation {
    fn unary(name: &str, domain: Domain, f: fn(&Tensor) -> Tensor) -> Self {
        Self {
            name: name.to_owned(),
            operands: |[m, k, _]| vec![vec![m, k]],
            output: |[m, k, _]| vec![m, k],
            domain,
            f: Box::new(move |x| Ok(f(&x[0]))),
            refuses: |_| false,
        }
    }

    /// The domain of operand `index`.
    pub fn domain_of(&self, index: usize) -> Domain {
        if index == 0 { self.domain } else { Signed }
    }

    /// Operands of the given sizes; the same seed gives the same ones, up to rounding.
    pub fn make_operands(&self, sizes: Sizes, dtype: DType, seed: u64) -> Result<Vec<Tensor>> {
        let shapes = (self.operands)(sizes).into_iter().enumerate();
        shapes
            .map(|(i, shape)| values(&shape, self.domain_of(i), dtype, seed + i as u64))
            .collect()
    }
}

/// Random elements from a domain.
pub fn values(shape: &[usize], domain: Domain, dtype: DType, seed: u64) -> Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Tensor::from_fn(shape, dtype, || {
        let (cell, place) = (
            rng.next_u32() % 8,
            f64::from(rng.next_u32()) / 2f64.powi(32),
        );
        let cell = if domain == Positive { cell % 4 } else { cell };
        let cell = if cell < 4 {
            f64::from(cell)
        } else {
            3.0 - f64::from(cell)
        };
        0.5 * cell + 0.1 + 0.3 * place
    })
}

macro_rules! unary {
    ($($method:ident($($argument:expr),*) $domain:ident;)*) => {
        vec![$(Operation::unary(&stringify!($method($($argument),*)).replace(' ', ""), $domain, |x| x.$method($($argument),*))),*]
    };
}

/// Elementwise functions of one tensor, activations, and scalars on either side of an operator.
pub fn elementwise() -> Vec<Operation> {
    let mut all = unary! {
        neg() Signed; add_scalar(0.5) Signed; mul_scalar(-1.5) Signed; div_scalar(0.7) Signed;
        abs() Signed; square() Signed; sqrt() Positive; rsqrt() Positive; recip() Signed;
        exp() Signed; exp_m1() Signed; ln() Positive; ln_1p() Positive; sin() Signed; cos() Signed;
        erf() Signed; clamp(-0.5, 1.0) Signed; floor() Signed; round() Signed; relu() Signed;
        leaky_relu(0.01) Signed; leaky_relu(0.0) Signed; leaky_relu(-0.5) Signed;
        elu(1.0) Signed; elu(0.3) Signed; elu(0.0) Signed; elu(-0.5) Signed; selu() Signed;
        sigmoid() Signed; tanh() Signed;
    };
    all.extend([
        Operation::unary("x - 2", Signed, |x| x - 2.0),
        Operation::unary("2 - x", Signed, |x| 2.0 - x),
        Operation::unary("2 / x", Signed, |x| 2.0 / x),
    ]);
    all
}

macro_rules! operations {
    ([$m:ident, $k:ident, $n:ident] $($name:expr, $domain:ident:
        $(($($operand:expr),*))* => ($($output:expr),*), $f:expr $(, refused if $refused:expr)?;)*) => {
        vec![$({
            let f: fn(&[Tensor]) -> Result<Tensor> = $f;
            #[allow(unused_variables)]
            Operation {
                name: $name.to_owned(),
                operands: |[$m, $k, $n]| vec![$(vec![$($operand),*]),*],
                output: |[$m, $k, $n]| vec![$($output),*],
                domain: $domain,
                f: Box::new(f),
                refuses: |[$m, $k, $n]| false $(|| $refused)?,
            }
        }),*]
    };
}

macro_rules! binary {
    ($($method:ident $domain:ident;)*) => {{
        let mut all = Vec::new();
        $(all.extend(operations! { [m, k, n]
            concat!(stringify!($method), " of equal shapes"), $domain:
                (m, k) (m, k) => (m, k), |x| x[0].$method(&x[1]);
            concat!(stringify!($method), " with a row"), $domain:
                (m, k) (k) => (m, k), |x| x[0].$method(&x[1]);
            concat!(stringify!($method), " of a column and a stack"), $domain:
                (m, 1) (n, m, k) => (n, m, k), |x| x[0].$method(&x[1]);
            concat!(stringify!($method), " of a column and a row"), $domain:
                (m, 1) (1, k) => (m, k), |x| x[0].$method(&x[1]);
            concat!(stringify!($method), " of a scalar"), $domain:
                () (m, k) => (m, k), |x| x[0].$method(&x[1]);
        });)*
        all
    }};
}

/// Elementwise functions of two tensors.
pub fn binary() -> Vec<Operation> {
    binary! {
        add Signed; sub Signed; mul Signed; div Signed; pow Positive; maximum Signed;
        minimum Signed; atan2 Signed;
    }
}

/// Sums and means.
pub fn reductions() -> Vec<Operation> {
    operations! { [m, k, n]
        "sum", Signed: (m, k) => (), |x| Ok(x[0].sum());
        "mean", Signed: (m, k) => (), |x| Ok(x[0].mean());
        "sum over nothing", Signed: (m, k) => (m, k), |x| x[0].sum_axes(&[]);
        "sum over the first", Signed: (m, k) => (k), |x| x[0].sum_axes(&[0]);
        "sum over the last", Signed: (m, k) => (m), |x| x[0].sum_axes(&[-1]);
        "sum over the middle", Signed: (m, k, n) => (m, n), |x| x[0].sum_axes(&[1]);
        "sum over the outer", Signed: (m, k, n) => (k), |x| x[0].sum_axes(&[2, 0]);
        "sum over all", Signed: (m, k, n) => (), |x| x[0].sum_axes(&[0, 1, 2]);
        "sum keeping the first", Signed: (m, k) => (1, k), |x| x[0].sum_axes_keep(&[0]);
        "sum keeping the outer", Signed: (m, k, n) => (1, k, 1), |x| x[0].sum_axes_keep(&[0, 2]);
        "mean over the first", Signed: (m, k) => (k), |x| x[0].mean_axes(&[0]);
        "mean over the outer", Signed: (m, k, n) => (k), |x| x[0].mean_axes(&[0, 2]);
        "mean keeping the last", Signed: (m, k, n) => (m, k, 1), |x| x[0].mean_axes_keep(&[-1]);
        "mean of a broadcast axis", Signed: (1, k) => (k), |x| x[0].mean_axes(&[0]);
    }
}

/// Matrix products.
pub fn products() -> Vec<Operation> {
    operations! { [m, k, n]
        "vector by vector", Signed: (k) (k) => (), |x| x[0].matmul(&x[1]);
        "vector by matrix", Signed: (k) (k, n) => (n), |x| x[0].matmul(&x[1]);
        "matrix by vector", Signed: (m, k) (k) => (m), |x| x[0].matmul(&x[1]);
        "matrix by matrix", Signed: (m, k) (k, n) => (m, n), |x| x[0].matmul(&x[1]);
        "stack by stack", Signed: (2, m, k) (2, k, n) => (2, m, n), |x| x[0].matmul(&x[1]);
        "stack by matrix", Signed: (2, m, k) (k, n) => (2, m, n), |x| x[0].matmul(&x[1]);
        "matrix by stack", Signed: (m, k) (2, k, n) => (2, m, n), |x| x[0].matmul(&x[1]);
        "broadcast stacks", Signed: (2, 1, m, k) (3, k, n) => (2, 3, m, n), |x| x[0].matmul(&x[1]);
        "stack by vector", Signed: (2, m, k) (k) => (2, m), |x| x[0].matmul(&x[1]);
        "vector by stack", Signed: (k) (2, k, n) => (2, n), |x| x[0].matmul(&x[1]);
        "empty stack by matrix", Signed: (0, m, k) (k, n) => (0, m, n), |x| x[0].matmul(&x[1]);
        "x by its transpose", Signed: (m, k) => (m, m), |x| x[0].matmul(&x[0].transpose(0, 1)?);
        "transpose of x by x", Signed: (m, k) => (k, k), |x| x[0].transpose(0, 1)?.matmul(&x[0]);
        "linear", Signed: (m, k) (n, k) (n) => (m, n), |x| x[0].linear(&x[1], Some(&x[2]));
        "linear without bias", Signed: (m, k) (n, k) => (m, n), |x| x[0].linear(&x[1], None);
        "linear of a stack", Signed: (2, m, k) (n, k) (n) => (2, m, n), |x| x[0].linear(&x[1], Some(&x[2]));
        "linear of a vector", Signed: (k) (n, k) (n) => (n), |x| x[0].linear(&x[1], Some(&x[2]));
        "linear of x with x", Signed: (m, k) => (m, m), |x| x[0].linear(&x[0], None);
    }
}

/// Softmax, cross-entropy, batch normalization, dropout.
pub fn normalizations() -> Vec<Operation> {
    operations! { [m, k, n]
        "softmax", Signed: (m, k) => (m, k), |x| x[0].softmax(-1);
        "softmax of columns", Signed: (m, k) => (m, k), |x| x[0].softmax(0);
        "softmax of the middle", Signed: (m, k, n) => (m, k, n), |x| x[0].softmax(1);
        "log_softmax", Signed: (m, k) => (m, k), |x| x[0].log_softmax(-1);
        "log_softmax of columns", Signed: (m, k) => (m, k), |x| x[0].log_softmax(0);
        "log_softmax of the middle", Signed: (m, k, n) => (m, k, n), |x| x[0].log_softmax(1);
        "cross_entropy", Signed: (m, k) => (), |x| x[0].cross_entropy(&labels(&x[0])),
            refused if m == 0 || k == 0;
        "batch_norm", Signed: (m, k) => (m, k), |x| Ok(x[0].batch_norm(None, None, 0.1)?.0),
            refused if m < 2;
        "batch_norm, affine", Signed: (m, k) (k) (k) => (m, k),
            |x| Ok(x[0].batch_norm(Some(&x[1]), Some(&x[2]), 1e-3)?.0), refused if m < 2;
        "batch_norm, gamma", Signed: (m, k) (k) => (m, k),
            |x| Ok(x[0].batch_norm(Some(&x[1]), None, 0.1)?.0), refused if m < 2;
        "batch_norm, beta", Signed: (m, k) (k) => (m, k),
            |x| Ok(x[0].batch_norm(None, Some(&x[1]), 0.1)?.0), refused if m < 2;
        "batch_norm of lines", Signed: (m, k, n) => (m, k, n),
            |x| Ok(x[0].batch_norm(None, None, 0.1)?.0), refused if m * n < 2;
        "batch_norm of lines, affine", Signed: (m, k, n) (k) (k) => (m, k, n),
            |x| Ok(x[0].batch_norm(Some(&x[1]), Some(&x[2]), 1e-3)?.0), refused if m * n < 2;
        "batch_norm_with", Signed: (m, k) => (m, k), |x| given_statistics(&x[0], None, None);
        "batch_norm_with, affine", Signed: (m, k) (k) (k) => (m, k),
            |x| given_statistics(&x[0], Some(&x[1]), Some(&x[2]));
        "batch_norm_with of lines", Signed: (m, k, n) => (m, k, n), |x| given_statistics(&x[0], None, None);
        "batch_norm_with of lines, affine", Signed: (m, k, n) (k) (k) => (m, k, n),
            |x| given_statistics(&x[0], Some(&x[1]), Some(&x[2]));
        "dropout", Signed: (m, k) => (m, k), |x| x[0].dropout(0.4, 7);
        "no dropout", Signed: (m, k) => (m, k), |x| x[0].mul_scalar(2.0).dropout(0.0, 7);
    }
}

fn labels(logits: &Tensor) -> Indices {
    let classes = logits.shape()[1].max(1);
    (0..logits.shape()[0]).map(|i| i * 7 % classes).collect()
}

fn given_statistics(x: &Tensor, gamma: Option<&Tensor>, beta: Option<&Tensor>) -> Result<Tensor> {
    let channels = [x.shape()[1]];
    let mean = values(&channels, Signed, x.dtype(), 71)?;
    let variance = values(&channels, Positive, x.dtype(), 72)?;
    x.batch_norm_with(&mean, &variance, gamma, beta, 1e-5)
}

/// Views, and selection.
pub fn shapes() -> Vec<Operation> {
    operations! { [m, k, n]
        "reshape", Signed: (m, k) => (k, m), |x| x[0].reshape([x[0].shape()[1], x[0].shape()[0]]);
        "flatten", Signed: (m, k, n) => (m, k * n), |x| x[0].flatten();
        "permute", Signed: (m, k, n) => (n, m, k), |x| x[0].permute(&[2, 0, 1]);
        "transpose", Signed: (m, k) => (k, m), |x| x[0].transpose(0, 1);
        "transpose of the outer", Signed: (m, k, n) => (n, k, m), |x| x[0].transpose(-1, 0);
        "broadcast_to in front", Signed: (k) => (3, 2, k), |x| x[0].broadcast_to([3, 2, x[0].shape()[0]]);
        "broadcast_to behind", Signed: (m, 1) => (m, 4), |x| x[0].broadcast_to([x[0].shape()[0], 4]);
        "broadcast_to nothing", Signed: (m, 1) => (m, 0), |x| x[0].broadcast_to([x[0].shape()[0], 0]);
        "unsqueeze", Signed: (m, k) => (m, 1, k), |x| x[0].unsqueeze(1);
        "unsqueeze behind", Signed: (m, k) => (m, k, 1), |x| x[0].unsqueeze(-1);
        "squeeze", Signed: (m, 1, k) => (m, k), |x| x[0].squeeze(1);
        "narrow", Signed: (m, k) => (span(m).1, k),
            |x| x[0].narrow(0, span(x[0].shape()[0]).0, span(x[0].shape()[0]).1);
        "narrow of the last", Signed: (m, k) => (m, span(k).1),
            |x| x[0].narrow(-1, span(x[0].shape()[1]).0, span(x[0].shape()[1]).1);
        "narrow to nothing", Signed: (m, k) => (m, 0), |x| x[0].narrow(1, x[0].shape()[1], 0);
        "index_select", Signed: (m, k) => (picks(m).len(), k),
            |x| x[0].index_select(0, &picks(x[0].shape()[0]));
        "index_select of the last", Signed: (m, k, n) => (m, k, picks(n).len()),
            |x| x[0].index_select(-1, &picks(x[0].shape()[2]));
        "index_select of nothing", Signed: (m, k) => (m, 0), |x| x[0].index_select(1, &Indices::from([]));
        "select", Signed: (m, k) (m, k) => (m, k), |x| every_third(x[0].shape())?.select(&x[0], &x[1]);
        "select of a column and a row", Signed: (m, 1) (k) => (m, k),
            |x| every_third(&[x[0].shape()[0], 1])?.select(&x[0], &x[1]);
        "select by comparison", Signed: (m, k) (k) => (m, k), |x| x[0].lt(&x[1])?.select(&x[0], &x[1]);
        "masked_fill", Signed: (m, k) => (m, k), |x| x[0].masked_fill(&every_third(&x[0].shape()[1..])?, 0.5);
    }
}

fn every_third(shape: &[usize]) -> Result<Mask> {
    Mask::from_vec(
        (0..shape.iter().product()).map(|i| i % 3 == 1).collect(),
        shape,
    )
}

/// A part of an axis: start and length.
fn span(len: usize) -> (usize, usize) {
    (len / 3, len - len / 3 - len / 4)
}

/// Each index of an axis, out of order, and some twice.
fn picks(len: usize) -> Indices {
    (0..if len == 0 { 0 } else { len + 2 })
        .map(|i| (i * 7 + 3) % len)
        .collect()
}

/// The whole table.
pub fn all() -> Vec<Operation> {
    [
        elementwise(),
        binary(),
        reductions(),
        products(),
        normalizations(),
        shapes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
