//! The table of differentiable operations: a name, the shapes of the operands and of the result,
//! and the call. Every promise about gradients is held against all of it.

use cotangent::prelude::{ChaCha8Rng, DType, Result, Rng, SeedableRng, Tensor};

/// Rows of the table: a name, the domain of the first operand, the shapes of the operands and of the
/// result in terms of three lengths, the call, and at which lengths it must be refused.
macro_rules! operations {
    ([$m:ident, $k:ident, $n:ident] $($name:expr, $domain:ident:
        $(($($operand:expr),*))* => ($($output:expr),*), $f:expr $(, refused if $refused:expr)?;)*) => {
        vec![$({
            let f: fn(&[cotangent::Tensor]) -> cotangent::Result<cotangent::Tensor> = $f;
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

mod elementwise;
mod indexing;
mod losses;
mod normalizations;
mod products;
pub mod raw;
mod reductions;
mod shapes;

pub use elementwise::{binary, elementwise};
pub use indexing::indexing;
pub use losses::losses;
pub use normalizations::normalizations;
pub use products::products;
pub use reductions::reductions;
pub use shapes::shapes;

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

/// The whole table.
pub fn all() -> Vec<Operation> {
    [
        elementwise(),
        binary(),
        reductions(),
        products(),
        normalizations(),
        losses(),
        shapes(),
        indexing(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
