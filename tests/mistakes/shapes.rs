//! Shapes that do not fit.

use super::{batch, net, rng, says, wrapped};
use cotangent::prelude::*;
use expect_test::expect;
use std::panic::catch_unwind;

/// Mistake 1.
#[test]
fn wrong_width_in_a_sequential() {
    says(
        || {
            let net = Sequential::new()
                .push(Linear::new(4, 8, &mut rng())?)
                .push(Relu)
                .push(Linear::new(9, 3, &mut rng())?);
            net.predict(&batch()?.0)
        },
        expect!["`2`: linear: input has 8 features, weight expects 9 (shapes (6, 8) and (3, 9))"],
    );
}

#[derive(Module, Clone, Debug)]
struct ByHand {
    hidden: Linear,
    out: Linear,
}

impl Layer for ByHand {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.out
            .forward(&self.hidden.forward(x, pass)?.relu(), pass)
    }
}

/// Mistake 2.
#[test]
fn wrong_width_in_a_forward_written_by_hand() {
    says(
        || {
            let net = ByHand {
                hidden: Linear::new(4, 8, &mut rng())?,
                out: Linear::new(9, 3, &mut rng())?,
            };
            net.forward(&batch()?.0, &Pass::train(0))
        },
        expect!["`out`: linear: input has 8 features, weight expects 9 (shapes (6, 8) and (3, 9))"],
    );
}

#[derive(Module, Layer, Clone, Debug)]
struct Derived {
    hidden: Linear,
    activation: Relu,
    out: Linear,
}

/// Mistake 3.
#[test]
fn wrong_width_in_a_derived_forward() {
    says(
        || {
            let net = Derived {
                hidden: Linear::new(4, 8, &mut rng())?,
                activation: Relu,
                out: Linear::new(9, 3, &mut rng())?,
            };
            net.forward(&batch()?.0, &Pass::train(0))
        },
        expect!["`out`: linear: input has 8 features, weight expects 9 (shapes (6, 8) and (3, 9))"],
    );
}

/// Mistake 4.
#[test]
fn wrong_width_of_the_input() {
    says(
        || {
            let net = Mlp::builder([64, 8, 3]).build(&mut rng())?;
            net.predict(&batch()?.0)
        },
        expect![[r#"
            `hidden.0.linear`: linear: input has 4 features, weight expects 64 (shapes (6,
            4) and (8, 64))"#]],
    );
}

/// Mistake 5.
#[test]
fn a_sample_without_a_batch_axis() {
    says(
        || {
            let logits = net()?.predict(&Tensor::from([0.1f32, 0.2, 0.3, 0.4]))?;
            logits.cross_entropy(&Indices::from([2]))
        },
        expect![[r#"
            cross_entropy: expected labels of shape (), one for each row of 3 classes, the
            last axis (shapes (3,) and (1,))"#]],
    );
    says(
        || {
            let sample = batch()?.0.slice(0, 0, 1, 1)?.squeeze(0)?;
            let net = Sequential::new()
                .push(Linear::new(4, 8, &mut rng())?)
                .push(BatchNorm::new(8)?);
            net.forward(&sample, &Pass::train(0))
        },
        expect![[r#"
            `1`: batch_norm: expected input (samples, 8, …), one value per channel (shape
            (8,))"#]],
    );
}

/// Mistake 40. Operators panic, as indexing does; the methods `add`, `mul`, … return the error.
#[test]
fn operators_on_shapes_that_do_not_fit() {
    let panic = catch_unwind(|| {
        let (x, w) = (
            Tensor::from([1.0f32, 2.0]),
            Tensor::from([1.0f32, 2.0, 3.0]),
        );
        &x + &w
    });
    let message = panic.expect_err("the shapes do not fit");
    let message = message.downcast_ref::<String>().expect("a formatted text");
    expect!["add: cannot broadcast lengths 2 and 3 of axis 0 (shapes (2,) and (3,))"]
        .assert_eq(&wrapped(message));
    says(
        || Tensor::from([1.0f32, 2.0]).add(&Tensor::from([1.0f32, 2.0, 3.0])),
        expect!["add: cannot broadcast lengths 2 and 3 of axis 0 (shapes (2,) and (3,))"],
    );
}

/// Mistake 45.
#[test]
fn the_item_of_a_vector() {
    says(
        || batch()?.0.sum_over(1)?.item(),
        expect!["item: expected one element, found 6 (shape (6,))"],
    );
}
