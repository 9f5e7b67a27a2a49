//! A custom operation: its forward, its vector-Jacobian product, a gradient check, and its graph.
//!
//! `cargo run --example custom_op | dot -Tsvg > graph.svg` draws the graph.

use cotangent::prelude::*;
use cotangent::{Cotangents, Dot, Op, OpKind, Vjp};

/// `y = x sin²(x)`: the Snake activation without its parameter and without the identity (Ziyin,
/// Hartwig, Ueda 2020, Neural Networks Fail to Learn Periodic Functions and How to Fix It).
struct Snake {
    x: Tensor,
}

impl Op for Snake {
    fn name(&self) -> &'static str {
        "snake"
    }

    /// Tells the signal report to look for dead and saturated units in the result.
    fn kind(&self) -> OpKind {
        OpKind::Activation
    }

    /// Computes `dx = g (sin²(x) + 2 x sin(x) cos(x))`. It can be differentiated again, since it
    /// applies tensor operations to the operand that `saved` returns.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let x = context.saved(&self.x);
        let (sin, cos) = (x.sin(), x.cos());
        let slope = sin.square().add(&x.mul(&sin)?.mul(&cos)?.mul_scalar(2.0))?;
        Ok([Some(cotangent.mul(&slope)?)].into_iter().collect())
    }
}

fn snake(x: &Tensor) -> Result<Tensor> {
    let plain = x.detach();
    let value = plain.mul(&plain.sin().square())?;
    Ok(Tensor::from_op(value, &[x], || Snake { x: x.clone() }))
}

fn main() -> Result<()> {
    // A gradient check is one line. This one checks both orders.
    let x = Tensor::from([[0.5f64, -1.0, 2.0], [0.0, 3.0, -0.25]]);
    let check = gradcheck::Gradcheck::new().second_order();
    let report = check.function(std::slice::from_ref(&x), |x| snake(&x[0]))?;
    eprintln!("{report}");
    report.assert_ok();

    // A net uses it like any other operation.
    let layer = Linear::new(3, 2, &mut ChaCha8Rng::seed_from_u64(0))?;
    let x = x.to_dtype(DType::F32);
    let loss = snake(&layer.forward(&x, &Pass::train(0))?)?.square().mean();
    print!("{}", Dot::new(&loss).params(&layer));
    let grads = loss.backward()?;
    eprintln!(
        "gradient of the weight:\n{}",
        grads.get(&layer.weight).expect("the loss depends on it")
    );
    Ok(())
}
