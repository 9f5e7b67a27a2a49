//! The error about a pattern that matches nothing suggests one that does, in all functions that
//! take patterns.

// Expected texts are written as `UPDATE_EXPECT` writes them.
#![allow(clippy::needless_raw_string_hashes)]

use cotangent::nn::regularize;
use cotangent::prelude::*;
use cotangent::state::{Loader, to_bytes};
use expect_test::{Expect, expect};

#[derive(Clone, Module, Layer)]
struct Net {
    hidden: Vec<Linear>,
    out: Linear,
}

fn net() -> Result<Net> {
    let linear = || Linear::new(2, 2, &mut super::rng());
    Ok(Net {
        hidden: vec![linear()?, linear()?],
        out: linear()?,
    })
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, expected: &Expect) {
    let text = result.expect_err("nothing matches").to_string();
    expected.assert_eq(&super::wrapped::wrapped(&text));
}

#[test]
fn suggestions_match_and_else_the_nearest_paths_are_listed() -> Result<()> {
    let mut net = net()?;
    for (pattern, suggested) in [
        ("hidden", r"hidden\..*"),
        ("weight", r".*\.weight"),
        ("1", r".*\.1\..*"),
        ("hidden.0|out", r"(hidden.0|out)\..*"),
        ("hid", "hid.*"),
        ("ght", ".*ght"),
        ("dde", ".*dde.*"),
    ] {
        let text = net.select(pattern).expect_err(pattern).to_string();
        let end = format!("patterns match whole paths; did you mean `{suggested}`?");
        assert!(text.ends_with(&end), "{text}");
        net.select(suggested)?;
    }
    refused(
        net.select("out.wieght"),
        &expect![[r#"
        select: the pattern `out.wieght` matches nothing among the model's parameters:
        the nearest of 6 are `out.weight`, `out.bias`, `hidden.0.weight`"#]],
    );
    refused(
        net.select(""),
        &expect![[r#"
        select: the pattern `` matches nothing among the model's parameters: the nearest
        of 6 are `out.bias`, `out.weight`, `hidden.0.bias`"#]],
    );
    refused(
        Counter::new(0).select("a"),
        &expect![[r#"
        select: the pattern `a` matches nothing among the model's parameters: there are
        none"#]],
    );
    refused(
        net.out.freeze_where(|path: &str| path == "scale"),
        &expect![[r#"
        freeze_where: the closure matches nothing among the model's parameters and
        buffers: these are `weight`, `bias`"#]],
    );
    Ok(())
}

#[test]
fn groups_clipping_regularizers_loaders_and_optimizers_suggest_too() -> Result<()> {
    let mut net = net()?;
    let pass = Pass::train(0);
    let loss = net.forward(&super::zeros(&[1, 2]), &pass)?.sum();
    let mut gradients = loss.backward()?;
    refused(
        clip::norm(1.0).of("out")?.apply(&net, &mut gradients),
        &expect![[r#"
            clip::norm: the pattern `out` matches nothing among the model's parameters:
            patterns match whole paths; did you mean `out\..*`?"#]],
    );
    refused(
        regularize::l2(0.1)?.of("weight")?.penalty(&net, &pass),
        &expect![[r#"
            penalty: the pattern `weight` matches nothing among the model's parameters:
            patterns match whole paths; did you mean `.*\.weight`?"#]],
    );
    refused(
        regularize::max_norm(1.0)?.of("weight")?.apply(&mut net),
        &expect![[r#"
            max_norm: the pattern `weight` matches nothing among the model's parameters:
            patterns match whole paths; did you mean `.*\.weight`?"#]],
    );
    let bytes = to_bytes(&net)?;
    refused(
        Loader::new().select("hidden")?.load_bytes(&mut net, &bytes),
        &expect![[r#"
            load: the pattern `hidden` matches nothing among the model's leaves: patterns
            match whole paths; did you mean `hidden\..*`?"#]],
    );
    let mut optimizer = Momentum::new(0.1).build()?;
    optimizer.add_group(Group::of("out")?.frozen());
    refused(
        optimizer.step(&mut net, gradients.clone()),
        &expect![[r#"
            optimizer group: the pattern `out` matches nothing among the model's parameters:
            patterns match whole paths; did you mean `out\..*`?"#]],
    );
    let mut optimizer = Muon::new(0.1).exclude("out")?.build()?;
    refused(
        optimizer.step(&mut net, gradients.clone()),
        &expect![[r#"
            Muon: the pattern `out` matches nothing among the model's parameters: patterns
            match whole paths; did you mean `out\..*`?"#]],
    );
    let mut optimizer = Momentum::new(0.1).build()?;
    optimizer.step(&mut net, gradients.clone())?;
    refused(
        optimizer.forget_where("out"),
        &expect![[r#"
            forget_where: the pattern `out` matches nothing among the parameters that the
            optimizer has state of: patterns match whole paths; did you mean `out\..*`?"#]],
    );
    Ok(())
}
