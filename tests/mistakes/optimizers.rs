//! Gradients and optimizers of another model; patterns that match nothing.

use super::{batch, net, rng, says};
use cotangent::prelude::*;
use expect_test::expect;

fn gradients(net: &Mlp) -> Result<Gradients> {
    let (x, labels) = batch()?;
    let logits = net.forward(&x, &Pass::train(0))?;
    logits.cross_entropy(&labels)?.backward()
}

/// Mistake 18. A clone has new parameters: gradients of the original are not its gradients.
#[test]
fn gradients_from_before_a_clone() {
    says(
        || {
            let net = net()?;
            let grads = gradients(&net)?;
            let mut best = net.clone();
            Sgd::new(0.1).build()?.step(&mut best, grads)
        },
        expect![[r#"
            optimizer step: no gradient belongs to a parameter of the model; they are those
            of a clone of this model, or of the model that it was cloned from: a clone has
            parameters of its own"#]],
    );
}

/// Mistake 19.
#[test]
fn gradients_of_another_model() {
    says(
        || {
            let mut other = Linear::new(4, 3, &mut rng())?;
            Sgd::new(0.1).build()?.step(&mut other, gradients(&net()?)?)
        },
        expect![[r#"
            optimizer step: no gradient belongs to a parameter of the model; they are those
            of another model"#]],
    );
}

/// Mistake 20.
#[test]
fn clipping_with_another_model() {
    says(
        || {
            let (net, other) = (net()?, Linear::new(4, 3, &mut rng())?);
            let mut grads = gradients(&net)?;
            clip::global_norm(1.0).apply(&other, &mut grads)
        },
        expect![[r#"
            clip::global_norm: no gradient belongs to a parameter of the model; they are
            those of another model"#]],
    );
    says(
        || {
            let net = net()?;
            let mut grads = gradients(&net)?;
            clip::value(1.0).apply(&net.clone(), &mut grads)
        },
        expect![[r#"
            clip::value: no gradient belongs to a parameter of the model; they are those of
            a clone of this model, or of the model that it was cloned from: a clone has
            parameters of its own"#]],
    );
}

/// Mistake 34. It raises no error and does no harm if the paths of the parameters differ: state is
/// kept by path, so the second model trains as with a new optimizer.
#[test]
fn an_optimizer_of_another_model() -> Result<()> {
    let train = |optimizer: &mut dyn Optimizer| {
        let mut other = Linear::new(4, 3, &mut rng())?;
        let (x, labels) = batch()?;
        let logits = other.forward(&x, &Pass::train(0))?;
        optimizer.step(&mut other, logits.cross_entropy(&labels)?.backward()?)?;
        Ok::<_, Error>(other.weight.value().to_f64_vec())
    };
    let (mut net, mut optimizer) = (net()?, Adam::new(0.01).build()?);
    let grads = gradients(&net)?;
    optimizer.step(&mut net, grads)?;
    assert_eq!(
        train(&mut optimizer)?,
        train(&mut Adam::new(0.01).build()?)?
    );
    Ok(())
}

/// Mistake 35.
#[test]
fn one_optimizer_for_two_models() {
    says(
        || {
            let (mut first, mut second) = (net()?, net()?);
            let mut optimizer = Adam::new(0.01).build()?;
            let grads = gradients(&first)?;
            optimizer.step(&mut first, grads)?;
            let grads = gradients(&second)?;
            optimizer.step(&mut second, grads)
        },
        expect![[r#"
            `hidden.0.linear.weight`: optimizer step: the optimizer's state belongs to
            another model, or to the model that this one was cloned from: build an optimizer
            for each model, or call `adopt` to go on with this one; if a layer was replaced,
            `forget_where` drops its state"#]],
    );
}

/// Mistake 41.
#[test]
fn patterns_that_match_nothing() {
    says(
        || {
            let mut net = net()?;
            let mut optimizer = Adam::new(0.01).build()?;
            optimizer.add_group(Group::of("bias")?.weight_decay(0.0)?);
            let grads = gradients(&net)?;
            optimizer.step(&mut net, grads)
        },
        expect![[r#"
            optimizer group: the pattern `bias` matches nothing among the model's
            parameters: patterns match whole paths; did you mean `.*\.bias`?"#]],
    );
    says(
        || net()?.freeze_where("hidden"),
        expect![[r#"
            freeze_where: the pattern `hidden` matches nothing among the model's parameters
            and buffers: patterns match whole paths; did you mean `hidden\..*`?"#]],
    );
    says(
        || net()?.freeze_where(r"head\..*"),
        expect![[r#"
            freeze_where: the pattern `head\..*` matches nothing among the model's
            parameters and buffers: the nearest of 4 are `out.bias`, `out.weight`,
            `hidden.0.linear.bias`"#]],
    );
    says(
        || Ok(net()?.select("hidden.weight")?.len()),
        expect![[r#"
            select: the pattern `hidden.weight` matches nothing among the model's
            parameters: the nearest of 4 are `out.weight`, `hidden.0.linear.weight`,
            `out.bias`"#]],
    );
}
