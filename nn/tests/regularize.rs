//! Penalties: values, gradients, and the parameters that they apply to. The bound on the norms of
//! rows.

use cotangent_core::gradcheck;
use cotangent_core::module::{Param, Pass};
use cotangent_core::{Backward, DType, Error, Gradients, ModuleExt, Result, Tensor};
use cotangent_macros::Module;
use cotangent_nn::regularize::{self, Penalty};

/// Two weights, a bias, a scale.
#[derive(Clone, Module)]
#[module(crate = "cotangent_core")]
struct Net {
    hidden: Dense,
    kernel: Param,
    scale: Param,
}

#[derive(Clone, Module)]
#[module(crate = "cotangent_core")]
struct Dense {
    weight: Param,
    bias: Param,
}

fn net() -> Result<Net> {
    let kernel = Tensor::from([0.5f64, -0.25, 3.0, 4.0]).reshape([2, 1, 2])?;
    Ok(Net {
        hidden: Dense {
            weight: Param::new(&Tensor::from([[1.0f64, -2.0], [0.0, 4.0]])),
            bias: Param::new(&Tensor::from([10.0f64, -20.0])),
        },
        kernel: Param::new(&kernel),
        scale: Param::new(&Tensor::from(100.0f64)),
    })
}

fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-12 * expected.abs().max(1.0),
        "{found} {expected}"
    );
}

fn gradient(gradients: &Gradients, param: &Param) -> Option<Vec<f64>> {
    gradients.get(param).map(Tensor::to_f64_vec)
}

/// Returns whether the weights of the hidden layer and the kernel have gradients, and whether any
/// other parameter has one.
fn touches(penalty: &Penalty, net: &Net) -> Result<[bool; 4]> {
    let gradients = penalty.penalty(net, &Pass::train(0))?.backward()?;
    let params = [
        &net.hidden.weight,
        &net.kernel,
        &net.hidden.bias,
        &net.scale,
    ];
    Ok(params.map(|param| gradients.get(param).is_some()))
}

#[test]
fn penalties_have_the_values_and_gradients_of_their_formulas() -> Result<()> {
    let (net, pass) = (net()?, Pass::train(0));
    // Σ |w| = 7 + 7.75, Σ w² = 21 + 25.3125.
    let l1 = regularize::l1(0.1)?.penalty(&net, &pass)?;
    close(l1.item()?, 0.1 * 14.75);
    assert_eq!(l1.shape(), [] as [usize; 0]);
    let gradients = l1.backward()?;
    let expected = vec![0.1, -0.1, 0.0, 0.1];
    assert_eq!(gradient(&gradients, &net.hidden.weight), Some(expected));

    let l2 = regularize::l2(0.25)?.penalty(&net, &pass)?;
    close(l2.item()?, 0.25 * 46.3125);
    let gradients = l2.backward()?;
    // 2 lambda w, which a weight decay of 2 lambda adds to a gradient.
    let expected = vec![0.5, -1.0, 0.0, 2.0];
    assert_eq!(gradient(&gradients, &net.hidden.weight), Some(expected));
    let expected = vec![0.25, -0.125, 1.5, 2.0];
    assert_eq!(gradient(&gradients, &net.kernel), Some(expected));

    let both = regularize::elastic_net(0.1, 0.25)?.penalty(&net, &pass)?;
    close(both.item()?, 0.1 * 14.75 + 0.25 * 46.3125);
    close(regularize::l2(0.0)?.penalty(&net, &pass)?.item()?, 0.0);
    Ok(())
}

#[test]
fn gradients_match_numeric_differences() -> Result<()> {
    let net = net()?;
    for penalty in [
        regularize::l1(0.3)?,
        regularize::l2(0.3)?,
        regularize::elastic_net(0.2, 0.1)?.of(|path: &str| path.starts_with("hidden"))?,
    ] {
        gradcheck::module(&net, &[], |net, _, pass| penalty.penalty(net, pass))?.assert_ok();
    }
    Ok(())
}

#[test]
fn a_pattern_selects_parameters() -> Result<()> {
    let mut net = net()?;
    assert_eq!(
        touches(&regularize::l2(1.0)?, &net)?,
        [true, true, false, false]
    );
    let of = |pattern| regularize::l2(1.0)?.of(pattern);
    assert_eq!(
        touches(&of(r"hidden\..*")?, &net)?,
        [true, false, true, false]
    );
    assert_eq!(touches(&of("scale")?, &net)?, [false, false, false, true]);

    net.hidden.freeze();
    assert_eq!(
        touches(&regularize::l2(1.0)?, &net)?,
        [false, true, false, false]
    );
    let pass = Pass::train(0);
    close(regularize::l2(1.0)?.penalty(&net, &pass)?.item()?, 25.3125);
    let frozen = of(r"hidden\..*")?.penalty(&net, &pass)?;
    assert!(frozen.item()? == 0.0 && !frozen.is_tracked());

    for (pattern, message) in [("hiden.*", "`hiden.*` matches nothing"), ("(", "`(`")] {
        let error = of(pattern).and_then(|penalty| penalty.penalty(&net, &pass));
        let error = error.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        let error = regularize::max_norm(1.0)?
            .of(pattern)
            .and_then(|bound| bound.apply(&mut net));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let scale = &net.scale;
    assert!(matches!(
        regularize::l1(1.0)?.penalty(scale, &pass),
        Err(Error::Argument { .. })
    ));
    Ok(())
}

#[test]
fn without_recording_the_penalty_has_no_graph() -> Result<()> {
    let penalty = regularize::l1(1.0)?.penalty(&net()?, &Pass::inference())?;
    assert!(!penalty.is_tracked());
    close(penalty.item()?, 14.75);
    Ok(())
}

#[test]
fn invalid_factors_and_mixed_dtypes_are_errors() -> Result<()> {
    let mut net = net()?;
    let pass = Pass::train(0);
    for (l1, l2) in [
        (-1.0, 0.0),
        (0.0, -1.0),
        (f64::NAN, 0.0),
        (0.0, f64::INFINITY),
    ] {
        let result = regularize::elastic_net(l1, l2);
        assert!(matches!(result, Err(Error::Argument { .. })), "{l1} {l2}");
    }
    net.kernel.convert(DType::F32);
    let result = regularize::l2(1.0)?.penalty(&net, &pass);
    assert!(matches!(result, Err(Error::DType { .. })));
    Ok(())
}

#[test]
fn rows_above_the_bound_are_scaled_to_it_and_others_keep_their_bits() -> Result<()> {
    let mut net = net()?;
    // Norms √5 and 4; √0.3125 and 5.
    regularize::max_norm(2.5)?.apply(&mut net)?;
    let weight = net.hidden.weight.value().to_f64_vec();
    assert_eq!(weight[..2], [1.0, -2.0]);
    assert_eq!(weight[2], 0.0);
    close(weight[3], 2.5);
    let kernel = net.kernel.value();
    assert_eq!(kernel.shape(), [2, 1, 2]);
    let kernel = kernel.to_f64_vec();
    assert_eq!(kernel[..2], [0.5, -0.25]);
    close(kernel[2], 1.5);
    close(kernel[3], 2.0);
    assert_eq!(net.hidden.bias.value().to_f64_vec(), [10.0, -20.0]);
    assert_eq!(net.scale.value().item()?, 100.0);

    let mut zero = Param::new(&Tensor::from([[0.0f32, 0.0], [30.0, 40.0]]));
    regularize::max_norm(5.0)?.apply(&mut zero)?;
    assert_eq!(zero.value().to_f64_vec(), [0.0, 0.0, 3.0, 4.0]);
    Ok(())
}

#[test]
fn a_bound_applies_to_matching_parameters_unless_frozen() -> Result<()> {
    let mut net = net()?;
    let before = net.clone();
    let values = |param: &Param| param.value().to_f64_vec();
    regularize::max_norm(0.1)?.of("kernel")?.apply(&mut net)?;
    assert_eq!(values(&net.hidden.weight), values(&before.hidden.weight));
    assert_ne!(values(&net.kernel), values(&before.kernel));
    net.hidden.weight.freeze();
    regularize::max_norm(0.1)?.apply(&mut net)?;
    assert_eq!(values(&net.hidden.weight), values(&before.hidden.weight));
    Ok(())
}

#[test]
fn an_impossible_bound_changes_nothing() -> Result<()> {
    for bound in [0.0, -1.0, f64::NAN] {
        let result = regularize::max_norm(bound);
        assert!(matches!(result, Err(Error::Argument { .. })), "{bound}");
    }
    let mut net = net()?;
    let before = net.hidden.weight.value().to_f64_vec();
    let error = regularize::max_norm(1.0)?
        .of(r"hidden\..*")?
        .apply(&mut net)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`hidden.bias`: max_norm: expected a weight"),
        "{error}"
    );
    net.kernel
        .set(&Tensor::full([2, 1, 2], f64::NAN, DType::F64)?)?;
    let error = regularize::max_norm(1.0)?.apply(&mut net).unwrap_err();
    assert!(error.to_string().contains("`kernel`: max_norm"), "{error}");
    assert_eq!(net.hidden.weight.value().to_f64_vec(), before);
    Ok(())
}

#[test]
fn a_live_graph_keeps_the_values_it_was_built_with() -> Result<()> {
    let mut net = net()?;
    let loss = regularize::l2(1.0)?.penalty(&net, &Pass::train(0))?;
    regularize::max_norm(0.1)?.apply(&mut net)?;
    let gradients = Backward::new().run(&loss)?;
    let found = gradient(&gradients, &net.hidden.weight);
    assert_eq!(found, Some(vec![2.0, -4.0, 0.0, 8.0]));
    Ok(())
}
