//! Graphs that lead nowhere or too far, and values that are not finite.

use super::{batch, net, rng, says, wrapped};
use cotangent::prelude::*;
use expect_test::expect;

/// Mistake 21.
#[test]
fn a_detached_model() {
    says(
        || {
            let (mut net, (x, labels)) = (net()?, batch()?);
            let mut optimizer = Sgd::new(0.1).build()?;
            let logits = net.forward(&x, &Pass::train(0))?.detach();
            optimizer.step(&mut net, logits.cross_entropy(&labels)?.backward()?)
        },
        expect![[r#"
            backward: the output depends on no tracked tensor; possible causes: a pass that
            does not record (`Pass::record`), `Param::value` in place of `read(&pass)`, only
            frozen parameters, `detach`, or inputs without `tracked()`"#]],
    );
}

/// Mistake 21. A model of which a part is detached has fewer gradients. That is no error: losses
/// may use a part of a model. One line in the loop shows it: `println!("{}", grads.audit(&net))`.
#[test]
fn a_model_of_which_half_is_detached() -> Result<()> {
    let (net, (x, labels)) = (net()?, batch()?);
    let pass = Pass::train(0);
    let hidden = net.hidden.forward(&x, &pass)?.detach();
    let logits = net.out.forward(&hidden, &pass)?;
    let grads = logits.cross_entropy(&labels)?.backward()?;
    expect![[r#"
        no gradient for 2 of 4 parameters: `hidden.0.linear.weight`,
        `hidden.0.linear.bias`"#]]
    .assert_eq(&wrapped(&grads.audit(&net).to_string()));
    Ok(())
}

/// Mistake 29.
#[test]
fn the_logarithm_of_zero() {
    says(
        || {
            let (net, (x, _)) = (net()?, batch()?);
            let hidden = net.forward(&x, &Pass::train(0))?.relu();
            hidden.ln().mean().backward()
        },
        expect![[r#"
            backward: the output is not finite (-inf); compute it under `Pass::checked` to
            find the operation that caused it, or allow it with `Backward::allow_nonfinite`"#]],
    );
    says(
        || {
            let (net, (x, _)) = (net()?, batch()?);
            let pass = Pass::train(0).checked(&net);
            let loss = net.forward(&x, &pass)?.relu().ln().mean();
            pass.check()?;
            loss.backward()
        },
        expect!["`out.weight`: ln: element [0, 0] of the output is not finite (-inf)"],
    );
}

/// Mistake 30.
#[test]
fn zero_over_zero_before_clipping() {
    says(
        || {
            let (net, (x, labels)) = (net()?, batch()?);
            // The norm of 0 has no derivative where it divides.
            let zero = &net.forward(&x, &Pass::train(0))? * 0.0;
            let scale = zero.square().sum().sqrt();
            let loss = net.forward(&x, &Pass::train(0))?.cross_entropy(&labels)?;
            let mut grads = (loss + scale).backward()?;
            clip::global_norm(1.0).apply(&net, &mut grads)
        },
        expect![[r#"
            `hidden.0.linear.bias`: clip::global_norm: the norm of the gradient is not
            finite (NaN); run the step under `Pass::checked` to find the operation that
            caused it, or allow it with `Clip::allow_nonfinite`"#]],
    );
    says(
        || {
            let (net, (x, _)) = (net()?, batch()?);
            let zero = &net.forward(&x, &Pass::train(0))? * 0.0;
            let mut grads = (&zero / &zero).mean().backward()?;
            clip::global_norm(1.0).apply(&net, &mut grads)
        },
        expect![[r#"
            backward: the output is not finite (NaN); compute it under `Pass::checked` to
            find the operation that caused it, or allow it with `Backward::allow_nonfinite`"#]],
    );
}

/// Mistake 31.
#[test]
fn nan_in_the_data() {
    let spoilt = || {
        let mut values = batch()?.0.to_vec::<f32>()?;
        values[5] = f32::NAN;
        Tensor::from_vec(values, [6, 4])
    };
    says(
        || {
            let loss = net()?
                .forward(&spoilt()?, &Pass::train(0))?
                .cross_entropy(&batch()?.1)?;
            loss.backward()
        },
        expect![[r#"
            backward: the output is not finite (NaN); compute it under `Pass::checked` to
            find the operation that caused it, or allow it with `Backward::allow_nonfinite`"#]],
    );
    says(
        || {
            let net = net()?;
            let pass = Pass::train(0).checked(&net);
            let loss = net.forward(&spoilt()?, &pass)?;
            pass.check()?;
            loss.cross_entropy(&batch()?.1)?.backward()
        },
        expect![[r#"
            `hidden.0.linear.weight`: linear: element [1, 0] of the output (operand 0, which
            is not tracked, is not finite) is not finite (NaN)"#]],
    );
}

/// Mistake 32.
#[test]
fn backward_twice() {
    says(
        || {
            let (x, labels) = batch()?;
            let loss = net()?
                .forward(&x, &Pass::train(0))?
                .cross_entropy(&labels)?;
            loss.backward()?;
            loss.backward()
        },
        expect![[r#"
            backward: the saved values of `div_scalar` were used up by an earlier backward;
            if this is a recurrent state from the step before, `detach()` it; to run
            backward twice, use `Backward::retain_graph` for the first"#]],
    );
}

/// Mistake 33.
#[test]
fn backward_of_a_vector() {
    says(
        || {
            let (x, labels) = batch()?;
            let logits = net()?.forward(&x, &Pass::train(0))?;
            CrossEntropyLoss::new()
                .reduction(Reduction::None)
                .loss(&logits, &labels)?
                .backward()
        },
        expect![[r#"
            backward: expected an output of one element; reduce it with `sum` or `mean`, or
            pass a cotangent to `backward_with` (shape (6,))"#]],
    );
}

/// Mistake 53.
#[test]
fn a_recurrent_state_that_is_not_detached() {
    says(
        || {
            let mut lstm = Lstm::new(4, 5, &mut rng())?;
            let x = batch()?.0.unsqueeze(1)?;
            let (pass, mut optimizer) = (Pass::train(0), Sgd::new(0.1).build()?);
            let mut state = None;
            for _ in 0..2 {
                let (output, last) = lstm.run(&x, state.as_ref(), &pass)?;
                let grads = output.square().mean().backward()?;
                optimizer.step(&mut lstm, grads)?;
                state = Some(last);
            }
            Ok(())
        },
        expect![[r#"
            backward: the saved values of `lstm` were used up by an earlier backward; if
            this is a recurrent state from the step before, `detach()` it; to run backward
            twice, use `Backward::retain_graph` for the first"#]],
    );
}

#[derive(Module, Clone, Debug)]
struct Shifted {
    layer: Linear,
    /// Without `params` the derive refuses to skip a parameter: `ui/fail/skip_on_param.rs`.
    #[module(skip(params))]
    shift: Param,
}

/// Mistake 54. The parameter gets a gradient, but the optimizer does not find it. `audit` does.
#[test]
fn a_parameter_that_the_derive_skips() -> Result<()> {
    let net = Shifted {
        layer: Linear::new(4, 3, &mut rng())?,
        shift: Param::new(&Tensor::zeros([3], DType::F32)?),
    };
    let ((x, labels), pass) = (batch()?, Pass::train(0));
    let logits = net.layer.forward(&x, &pass)?.add(&net.shift.read(&pass))?;
    let grads = logits.cross_entropy(&labels)?.backward()?;
    expect!["2 parameters have a gradient; 1 gradient belongs to no parameter: (3,)"]
        .assert_eq(&wrapped(&grads.audit(&net).to_string()));
    Ok(())
}
