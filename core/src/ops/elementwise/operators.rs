//! `+ - * /` on tensors and numbers. Between tensors they panic where the methods return errors,
//! with the error's text and at the caller's line, as indexing does.

use crate::autograd::Tensor;
use std::ops::{Add, Div, Mul, Neg, Sub};

macro_rules! operators {
    ($(
        $trait:ident $method:ident |$x:ident, $c:ident| $scalar:expr, $reversed:expr;
    )*) => {$(
        impl $trait<&Tensor> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                match Tensor::$method(self, other) {
                    Ok(result) => result,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        impl $trait<Tensor> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                $trait::$method(self, &other)
            }
        }
        impl $trait<&Tensor> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                $trait::$method(&self, other)
            }
        }
        impl $trait<Tensor> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                $trait::$method(&self, &other)
            }
        }
        impl $trait<f64> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: f64) -> Tensor {
                let ($x, $c) = (self, other);
                $scalar
            }
        }
        impl $trait<f64> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: f64) -> Tensor {
                $trait::$method(&self, other)
            }
        }
        impl $trait<&Tensor> for f64 {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                let ($x, $c) = (other, self);
                $reversed
            }
        }
        impl $trait<Tensor> for f64 {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                $trait::$method(self, &other)
            }
        }
    )*};
}

operators! {
    Add add |x, c| x.add_scalar(c), x.add_scalar(c);
    Sub sub |x, c| x.add_scalar(-c), x.neg().add_scalar(c);
    Mul mul |x, c| x.mul_scalar(c), x.mul_scalar(c);
    Div div |x, c| x.div_scalar(c), x.recip().mul_scalar(c);
}

impl Neg for &Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        Tensor::neg(self)
    }
}

impl Neg for Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        Self::neg(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(
        expected = "add: cannot broadcast lengths 2 and 3 of axis 0 (shapes (2,) and (3,))"
    )]
    fn operators_panic_with_the_text_of_the_error() {
        let _ = &Tensor::from([1.0f32, 2.0]) + &Tensor::from([1.0f32, 2.0, 3.0]);
    }

    #[test]
    fn scalars_stand_on_either_side() {
        let x = Tensor::from([2.0f64, 4.0]);
        let results = [1.0 + &x, &x - 1.0, 1.0 - &x, 2.0 * &x, &x / 2.0, 2.0 / &x];
        let expected = [
            [3.0, 5.0],
            [1.0, 3.0],
            [-1.0, -3.0],
            [4.0, 8.0],
            [1.0, 2.0],
            [1.0, 0.5],
        ];
        for (result, expected) in results.iter().zip(expected) {
            assert_eq!(result.to_f64_vec(), expected);
        }
    }
}
