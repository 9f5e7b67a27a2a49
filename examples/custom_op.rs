//! An operation of your own: its forward, its vector-Jacobian product, a gradient check, and what
//! the graph looks like.
//!
//! `cargo run --example custom_op | dot -Tsvg > graph.svg` draws the graph.

use cotangent::prelude::*;
use cotangent::{Cotangents, Dot, Op, OpKind, Vjp};

/// y = x sin²(x): the Snake activation without its parameter, less the identity (Ziyin, Hartwig,
/// Ueda 2020, Neural Networks Fail to Learn Periodic Functions and How to Fix It).
struct Snake {
    x: Tensor,
}

impl Op for Snake {
    fn name(&self) -> &'static str {
        "snake"
    }

    /// The signal report looks for dead and saturated units behind an activation.
    fn kind(&self) -> OpKind {
        OpKind::Activation
    }

    /// dx = g (sin²(x) + 2 x sin(x) cos(x)). Written with tensor operations on what `saved` gives,
    /// it can be differentiated again.
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
    // A gradient check is one line, here of both orders.
    let x = Tensor::from([[0.5f64, -1.0, 2.0], [0.0, 3.0, -0.25]]);
    let check = gradcheck::Gradcheck::new().second_order();
    let report = check.function(std::slice::from_ref(&x), |x| snake(&x[0]))?;
    eprintln!("{report}");
    report.assert_ok();

    // In a net like any other operation.
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
