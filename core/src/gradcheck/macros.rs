//! The macro `assert_gradients!`: a gradient check in one line.

use super::{Report, function};
use crate::autograd::Tensor;
use crate::error::Result;
use crate::tensor::DType;
use chacha20::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// An operand of [`assert_gradients!`](crate::assert_gradients): a tensor, or a shape for random
/// numbers of either sign with magnitudes from 0.1 to 2.
#[derive(Clone, Debug)]
pub enum Operand {
    /// A given tensor.
    Tensor(Tensor),
    /// A random tensor of this shape.
    Random(Vec<usize>),
}

impl From<Tensor> for Operand {
    fn from(tensor: Tensor) -> Self {
        Self::Tensor(tensor)
    }
}

impl From<&Tensor> for Operand {
    fn from(tensor: &Tensor) -> Self {
        Self::Tensor(tensor.clone())
    }
}

impl<const N: usize> From<[usize; N]> for Operand {
    fn from(shape: [usize; N]) -> Self {
        Self::Random(shape.to_vec())
    }
}

impl Operand {
    fn into_tensor(self, seed: u64) -> Result<Tensor> {
        let shape = match self {
            Self::Tensor(tensor) => return Ok(tensor),
            Self::Random(shape) => shape,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Tensor::from_fn(shape, DType::F64, || {
            let draw = rng.next_u32();
            let magnitude = 0.1 + 1.9 * f64::from(draw >> 1) / 2f64.powi(31);
            if draw & 1 == 0 { magnitude } else { -magnitude }
        })
    }
}

#[doc(hidden)]
pub fn of_operands(
    operands: impl IntoIterator<Item = Operand>,
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<Report> {
    let operands = operands.into_iter().zip(0..);
    let tensors: Result<Vec<Tensor>> = operands
        .map(|(operand, seed)| operand.into_tensor(seed))
        .collect();
    function(&tensors?, f)
}

/// Asserts that the gradients of a function of tensors match numeric differences.
///
/// The function takes references to tensors and returns `Result<Tensor>`. After it comes one
/// operand for each parameter: a tensor, or a shape for random numbers (see
/// [`gradcheck::Operand`](crate::gradcheck::Operand)).
///
/// ```
/// use cotangent::{Tensor, assert_gradients};
/// assert_gradients!(|x, w| x.tanh().matmul(w), [2, 3], [3, 4]);
/// assert_gradients!(|x| Ok(x.ln()), Tensor::from([0.5f64, 3.0]));
/// ```
///
/// # Panics
/// Panics at the caller's line, with the report, unless all gradients match, and if the function
/// fails. An inconclusive result panics too: the report says what helps.
#[macro_export]
macro_rules! assert_gradients {
    (|$($parameter:ident),+ $(,)?| $body:expr, $($operand:expr),+ $(,)?) => {{
        let operands = [$($crate::gradcheck::Operand::from($operand)),+];
        let parameters = [$(stringify!($parameter)),+];
        assert_eq!(parameters.len(), operands.len(), "one operand for each parameter");
        let report = $crate::gradcheck::of_operands(operands, |operands| {
            let mut operands = operands.iter();
            $(let Some($parameter) = operands.next() else { unreachable!() };)+
            $body
        });
        match report {
            Ok(report) => report.assert_ok(),
            Err(error) => panic!("{error}"),
        }
    }};
}
