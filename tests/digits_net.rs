//! The net of the example `digits`: its gradients, a wrong derivative in it, and its memory use
//! over many steps.

#[path = "../examples/common/net.rs"]
mod net;

use cotangent::gradcheck::Verdict;
use cotangent::prelude::*;
use cotangent::{Cotangents, Op, Vjp, memory_use};
use net::DeepNet;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn images(count: usize) -> Result<(Tensor, Indices)> {
    let x = Tensor::uniform([count, 64], 0.0, 1.0, DType::F32, &mut rng(1))?;
    Ok((x, (0..count).map(|i| i % 10).collect()))
}

#[test]
fn gradients_of_the_example_net_match_numeric_differences() -> Result<()> {
    // The check runs batch normalization and dropout in training mode.
    let net = DeepNet::new(64, &[20, 20, 20, 20, 20], 10, 0.2, &mut rng(0))?;
    let (x, labels) = images(12)?;
    let report = gradcheck::module(&net, &[x], |net, x, pass| {
        net.forward(&x[0], pass)?.cross_entropy(&labels)
    })?;
    report.assert_ok();
    // Five times (weight, gamma, beta), the last weight and bias, and the input.
    assert_eq!(report.entries().len(), 18);
    assert!(
        report
            .entries()
            .iter()
            .all(|entry| entry.verdict == Verdict::Pass),
        "{report}"
    );
    Ok(())
}

/// Computes `x wᵀ`; the derivative for `w` is wrong by a factor.
struct WrongByAFactor {
    x: Tensor,
    weight: Tensor,
    factor: f64,
}

impl Op for WrongByAFactor {
    fn name(&self) -> &'static str {
        "wrong by a factor"
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let dx = cotangent.matmul(&context.saved(&self.weight))?;
        let dw = cotangent.transpose(0, 1)?.matmul(&context.saved(&self.x))? * self.factor;
        Ok([Some(dx), Some(dw)].into_iter().collect())
    }
}

#[derive(Module, Clone, Debug)]
struct Suspect {
    first: Linear,
    second: Linear,
    third: Linear,
    #[module(skip)]
    factor: f64,
}

impl Layer for Suspect {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let x = self.first.forward(x, pass)?.tanh();
        let weight = self.second.weight.read(pass);
        let z = x.detach().matmul(&weight.detach().transpose(0, 1)?)?;
        let factor = self.factor;
        let z = Tensor::from_op(z, &[&x, &weight], || WrongByAFactor {
            x: x.clone(),
            weight: weight.clone(),
            factor,
        });
        self.third.forward(&z.tanh(), pass)
    }
}

#[test]
fn a_wrong_derivative_is_reported_with_its_path() -> Result<()> {
    let mut net = Suspect {
        first: Linear::new(6, 8, &mut rng(2))?,
        second: Linear::builder(8, 8).no_bias().build(&mut rng(3))?,
        third: Linear::new(8, 4, &mut rng(4))?,
        factor: 1.0,
    };
    let x = Tensor::normal([5, 6], 0.0, 1.0, DType::F32, &mut rng(5))?;
    let check = |net: &Suspect| {
        gradcheck::module(net, std::slice::from_ref(&x), |net, x, pass| {
            net.forward(&x[0], pass)?
                .cross_entropy(&Indices::from([0, 1, 2, 3, 0]))
        })
    };
    check(&net)?.assert_ok();
    net.factor = 1.001;
    let report = check(&net)?;
    let failed: Vec<&str> = report.failures().map(|entry| entry.path.as_str()).collect();
    assert_eq!(failed, ["second.weight"], "{report}");
    let panic =
        std::panic::catch_unwind(|| report.assert_ok()).expect_err("a failed check must panic");
    let text = panic
        .downcast_ref::<String>()
        .expect("the panic has a text");
    assert!(
        text.lines()
            .any(|line| line.starts_with("second.weight") && line.contains("FAIL")),
        "{text}"
    );
    Ok(())
}

#[test]
fn memory_does_not_grow_over_two_thousand_steps() -> Result<()> {
    let mut net = DeepNet::new(64, &[32, 32], 10, 0.1, &mut rng(0))?;
    let mut optimizer = Adam::new(1e-3).build()?;
    let (x, labels) = images(32)?;
    let pass = Pass::train(0);
    let mut step = || -> Result<()> {
        let grads = net.forward(&x, &pass)?.cross_entropy(&labels)?.backward()?;
        optimizer.step(&mut net, grads)
    };
    for _ in 0..10 {
        step()?;
    }
    // Other tests of this program share the counters, so only growth in every round counts.
    let mut smallest_growth = usize::MAX;
    for _ in 0..4 {
        let before = memory_use();
        for _ in 0..500 {
            step()?;
        }
        smallest_growth = smallest_growth.min(memory_use().live.saturating_sub(before.live));
    }
    assert_eq!(smallest_growth, 0);
    Ok(())
}
