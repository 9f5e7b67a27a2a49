//! The operators `+ - * /` and `+= -= *= /=` on tensors and numbers.
//!
//! If two tensors do not fit, the operators panic at the caller's line with the text of the error
//! that the methods return. A number on the right may be `f32` or `f64`. A number on the left must
//! be `f64`: with both types the compiler could not infer that of the literal in
//! `(2.0 * &x).sum()`.

use crate::autograd::Tensor;
use crate::tensor::Element;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

macro_rules! operators {
    ($(
        $trait:ident $method:ident, $assign:ident $method_assign:ident
            |$x:ident, $c:ident| $scalar:expr, $reversed:expr;
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
        impl<T: Element> $trait<T> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: T) -> Tensor {
                let ($x, $c) = (self, other.to_f64());
                $scalar
            }
        }
        impl<T: Element> $trait<T> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: T) -> Tensor {
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
        impl<T> $assign<T> for Tensor
        where
            for<'a> &'a Tensor: $trait<T, Output = Tensor>,
        {
            /// Assigns the result to the variable. The tensor that it had before does not change,
            /// and remains an operand in the graph.
            #[track_caller]
            fn $method_assign(&mut self, other: T) {
                *self = $trait::$method(&*self, other);
            }
        }
    )*};
}

operators! {
    Add add, AddAssign add_assign |x, c| x.add_scalar(c), x.add_scalar(c);
    Sub sub, SubAssign sub_assign |x, c| x.add_scalar(-c), x.neg().add_scalar(c);
    Mul mul, MulAssign mul_assign |x, c| x.mul_scalar(c), x.mul_scalar(c);
    Div div, DivAssign div_assign |x, c| x.div_scalar(c), x.recip().mul_scalar(c);
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
    fn numbers_on_the_right_may_be_f32() {
        let (x, third) = (Tensor::from([2.0f64, 4.0]), 1.0f32 / 3.0);
        let exact = f64::from(third);
        assert_eq!((&x * third).to_f64_vec(), [2.0 * exact, 4.0 * exact]);
        assert_eq!((x / 2.0f32).sum().to_f64_vec(), [3.0]);
        // The type of a literal is inferred, whatever follows.
        let x = Tensor::from([2.0f32]);
        assert_eq!((2.0 * &x + 1.0).square().to_f64_vec(), [25.0]);
    }

    #[test]
    fn assignment_rebinds_and_leaves_the_graph_as_it_was() -> crate::Result<()> {
        let x = Tensor::from([2.0f64, 4.0]).tracked();
        let mut y = x.square();
        let squares = y.clone();
        y += &x;
        y *= 3.0;
        y -= Tensor::scalar(1.0f64);
        y /= 2.0f32;
        assert_eq!(y.to_f64_vec(), [8.5, 29.5]);
        assert_eq!(squares.to_f64_vec(), [4.0, 16.0]);
        let gradients = y.sum().backward()?;
        let gradient = gradients.get(&x).expect("x is a leaf");
        assert_eq!(gradient.to_f64_vec(), [7.5, 13.5]);
        Ok(())
    }

    #[test]
    #[should_panic(expected = "add: cannot broadcast lengths 2 and 3 of axis 0")]
    fn assignment_panics_with_the_text_of_the_error() {
        let mut x = Tensor::from([1.0f32, 2.0]);
        x += Tensor::from([1.0f32, 2.0, 3.0]);
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
