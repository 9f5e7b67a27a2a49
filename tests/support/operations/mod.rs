//! The registry of operations. An entry has the operation's gradient checks, its golden values with
//! the expressions of PyTorch that compute them, its call with drawn arguments, and the reasons for
//! omitted tests.
//!
//! Gradient checks, golden values, extreme values, robustness, laws and coverage read the registry,
//! so that a new operation needs only its source and its entry here.

#![allow(dead_code)] // Each test reads a part.
#![allow(clippy::too_many_lines)] // Tables.

use cotangent::prelude::{ChaCha8Rng, DType, Result, Rng, SeedableRng, Tensor};

/// Entries of the registry. Each has the name of a public function and contains, in this order:
///
/// - `check name, domain: (operands' shapes)… => (result's shape), call`: a gradient check with
///   shapes in terms of three lengths, and optionally the lengths at which it must be an error;
/// - `extreme …`, the same, for a call that is run on extreme values only;
/// - `golden`, one or several [`Golden`];
/// - `draw operands layout |x, p| call`: the call with drawn operands and arguments;
/// - `without tests: reason`, for tests that the function does not have.
macro_rules! operations {
    ([$m:ident, $k:ident, $n:ident] $($function:ident {
        $(check $name:expr, $domain:ident:
            $(($($operand:expr),*))* => ($($output:expr),*),
                $f:expr $(, refused if $refused:expr)?;)*
        $(extreme $extreme:expr, $place:ident:
            $(($($length:expr),*))* => ($($result:expr),*),
                $g:expr $(, refused if $refuses:expr)?;)*
        $(golden $golden:expr;)*
        $(draw $count:literal $layout:ident |$x:ident, $p:ident| $call:expr;)*
        $(without $($test:ident)+: $reason:expr;)*
    })*) => {
        vec![$({
            #[allow(unused_mut)]
            let mut golden: Vec<super::golden::Golden> = Vec::new();
            $(golden.extend(Vec::from($golden));)*
            super::Entry {
                function: stringify!($function),
                checked: vec![$(operations! { @row [$m, $k, $n] $name, $domain:
                    $(($($operand),*))* => ($($output),*), $f $(, $refused)? }),*],
                extreme: vec![$(operations! { @row [$m, $k, $n] $extreme, $place:
                    $(($($length),*))* => ($($result),*), $g $(, $refuses)? }),*],
                golden,
                drawn: vec![$(
                    #[allow(unused_variables)]
                    super::drawn::Drawn {
                        name: concat!(stringify!($function), ": ", stringify!($call)),
                        operands: $count,
                        layout: super::drawn::Layout::$layout,
                        f: |$x, $p| super::drawn::Outcome::tensors($call),
                    }
                ),*],
                without: vec![$($((super::Part::$test, $reason)),+),*],
                calls: [
                    concat!($(stringify!($f), "; "),*),
                    concat!($(stringify!($golden), "; "),*),
                    concat!($(stringify!($call), "; "),*),
                    concat!($(stringify!($g), "; "),*),
                ],
            }
        }),*]
    };
    (@row [$m:ident, $k:ident, $n:ident] $name:expr, $domain:ident:
        $(($($operand:expr),*))* => ($($output:expr),*), $f:expr $(, $refused:expr)?) => {{
        let f: fn(&[cotangent::Tensor]) -> cotangent::Result<cotangent::Tensor> = $f;
        #[allow(unused_variables)]
        super::Operation {
            name: $name.to_owned(),
            operands: |[$m, $k, $n]| vec![$(vec![$($operand),*]),*],
            output: |[$m, $k, $n]| vec![$($output),*],
            domain: $domain,
            f: Box::new(f),
            refuses: |[$m, $k, $n]| false $(|| $refused)?,
        }
    }};
}

/// A loss of two operands with each reduction: its name, the call, PyTorch's function and options,
/// and the arguments of `compared` in `golden/cases.py` or, after `in`, another list of cases.
macro_rules! compared {
    ($name:literal, |$x:ident, $reduction:ident| $call:expr, $torch:literal, $cases:literal) => {
        compared!($name, |$x, $reduction| $call, $torch, in concat!("compared(", $cases, ")"))
    };
    ($name:literal, |$x:ident, $reduction:ident| $call:expr, $torch:literal, in $cases:expr) => {
        vec![
            compared!(@ $name, "mean", |$x, $reduction = Mean| $call, $torch, $cases).sums(),
            compared!(@ $name, "sum", |$x, $reduction = Sum| $call, $torch, $cases).sums(),
            compared!(@ $name, "batchmean", |$x, $reduction = BatchMean| $call, $torch, $cases)
                .sums(),
            compared!(@ $name, "none", |$x, $reduction = None| $call, $torch, $cases)
                .unsigned_zeros(),
        ]
    };
    (@ $name:literal, $text:literal, |$x:ident, $reduction:ident = $kind:ident| $call:expr,
        $torch:literal, $cases:expr) => {
        super::golden::golden("losses", concat!($name, " ", $text), |$x| {
            let $reduction = cotangent::Reduction::$kind;
            $call
        })
        .torch(
            concat!("with_reduction(", $torch, ", reduction='", $text, "')"),
            $cases,
        )
    };
}

mod attention;
mod convolution;
mod creation;
pub mod drawn;
mod elementwise;
pub mod golden;
mod hinges;
mod indexing;
mod likelihoods;
mod linalg;
mod linear;
mod losses;
mod masks;
mod normalizations;
mod pairs;
mod pooling;
mod recurrent;
mod reductions;
mod shapes;

pub use attention::attention;
pub use convolution::convolution;
pub use creation::creation;
pub use elementwise::elementwise;
pub use hinges::hinges;
pub use indexing::indexing;
pub use likelihoods::likelihoods;
pub use linalg::linalg;
pub use linear::linear;
pub use losses::losses;
pub use masks::masks;
pub use normalizations::normalizations;
pub use pairs::binary;
pub use pooling::pooling;
pub use recurrent::recurrent;
pub use reductions::reductions;
pub use shapes::shapes;

/// Three lengths from which the shapes of an operation are built.
pub type Sizes = [usize; 3];

/// An operation as a function of its operands.
pub type Function = Box<dyn Fn(&[Tensor]) -> Result<Tensor> + Send + Sync>;

/// The domain of the first operand's elements; those of the others are `Signed`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Domain {
    /// In (-2, 2), at least 0.1 away from all multiples of 0.5, where kinks and jumps are.
    Signed,
    /// The positive numbers of `Signed`.
    Positive,
    /// The numbers of `Signed` times the first number plus the second.
    Moved(f64, f64),
}
use Domain::{Moved, Positive, Signed};

/// A part of an entry: a kind of test that an operation has or lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Check,
    Golden,
    Draw,
    /// Extreme values, for an operation without gradient checks; those are run on them too.
    Extreme,
}

/// An operation and its tests.
pub struct Entry {
    /// The name of the public function.
    pub function: &'static str,
    pub checked: Vec<Operation>,
    /// Calls that are run on extreme values, as `checked` ones are.
    pub extreme: Vec<Operation>,
    pub golden: Vec<golden::Golden>,
    pub drawn: Vec<drawn::Drawn>,
    pub without: Vec<(Part, &'static str)>,
    /// The source text of the calls of each part, in the order of [`Part`].
    pub calls: [&'static str; 4],
}

/// A differentiable operation.
pub struct Operation {
    pub name: String,
    pub operands: fn(Sizes) -> Vec<Vec<usize>>,
    pub output: fn(Sizes) -> Vec<usize>,
    pub domain: Domain,
    pub f: Function,
    /// Whether operands of these sizes must be an error.
    pub refuses: fn(Sizes) -> bool,
}

impl Operation {
    /// Returns the domain of operand `index`.
    pub fn domain_of(&self, index: usize) -> Domain {
        if index == 0 { self.domain } else { Signed }
    }

    /// Draws operands of the given sizes. A seed gives the same operands in both dtypes, up to
    /// rounding.
    pub fn make_operands(&self, sizes: Sizes, dtype: DType, seed: u64) -> Result<Vec<Tensor>> {
        let shapes = (self.operands)(sizes).into_iter().enumerate();
        shapes
            .map(|(i, shape)| values(&shape, self.domain_of(i), dtype, seed + i as u64))
            .collect()
    }
}

/// Draws elements from a domain.
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
        let value = 0.5 * cell + 0.1 + 0.3 * place;
        match domain {
            Moved(factor, shift) => factor * value + shift,
            Signed | Positive => value,
        }
    })
}

/// Returns the whole registry.
pub fn registry() -> Vec<Entry> {
    let families: [fn() -> Vec<Entry>; 17] = [
        elementwise,
        binary,
        masks,
        reductions,
        linear,
        normalizations,
        pooling,
        recurrent,
        losses,
        hinges,
        likelihoods,
        shapes,
        indexing,
        creation,
        attention,
        convolution,
        linalg,
    ];
    families.into_iter().flat_map(|family| family()).collect()
}

/// Returns the gradient checks of some entries.
pub fn checked(entries: Vec<Entry>) -> Vec<Operation> {
    let checked = entries.into_iter().map(|entry| entry.checked);
    checked.flatten().collect()
}

/// Returns all gradient checks.
pub fn all() -> Vec<Operation> {
    checked(registry())
}
