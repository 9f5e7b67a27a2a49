//! Layers other than activations: gradients in training and inference, shapes, paths and errors.

use cotangent_core::module::{Layer, Module, Param, Pass};
use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::{DType, Error, ModuleExt, Result, Shape, Tensor, gradcheck};
use cotangent_nn::{
    AlphaDropout, Dropout, Flatten, Identity, LayerNorm, Linear, Relu, Residual, RmsNorm,
    Sequential, Tanh,
};

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn normal(shape: &[usize]) -> Result<Tensor> {
    Tensor::normal(shape, 0.5, 1.5, DType::F64, &mut rng())
}

/// Checks the gradients of the layer in training and in inference.
fn check<L: Layer + Clone>(layer: &L, x: &Tensor) -> Result<()> {
    let x = std::slice::from_ref(x);
    gradcheck::module(layer, x, |layer, x, pass| layer.forward(&x[0], pass))?.assert_ok();
    gradcheck::module(layer, x, |layer, x, _| {
        layer.forward(&x[0], &Pass::inference().record())
    })?
    .assert_ok();
    Ok(())
}

fn paths(module: &impl Module) -> Vec<String> {
    let params = module.named_params().into_iter();
    params.map(|(path, _)| path).collect()
}

/// Returns the layer with its parameters moved away from 1 and 0, which could hide mistakes.
fn moved<L: Module + Clone>(layer: &L) -> Result<L> {
    let mut layer = layer.to_dtype(DType::F64);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for (_, param) in layer.named_params_mut() {
        let noise = Tensor::normal(param.shape(), 0.5, 1.5, DType::F64, &mut rng)?;
        param.set(&noise)?;
    }
    Ok(layer)
}

#[test]
fn norms_have_right_gradients() -> Result<()> {
    let x = normal(&[3, 4, 5])?;
    for normalized in [Shape::from(5), Shape::from([4, 5])] {
        check(&moved(&LayerNorm::new(&normalized)?)?, &x)?;
        check(
            &moved(&LayerNorm::builder(&normalized).no_bias().build()?)?,
            &x,
        )?;
        check(&LayerNorm::builder(&normalized).no_affine().build()?, &x)?;
        check(&moved(&RmsNorm::new(&normalized)?)?, &x)?;
        check(&RmsNorm::builder(&normalized).no_affine().build()?, &x)?;
    }
    Ok(())
}

#[test]
fn norms_follow_their_formulas_sample_by_sample() -> Result<()> {
    let x = normal(&[3, 4])?;
    let (layer_norm, rms_norm) = (
        moved(&LayerNorm::builder(4).epsilon(0.1).build()?)?,
        moved(&RmsNorm::builder(4).epsilon(0.1).build()?)?,
    );
    let values = |param: &Option<Param>| param.as_ref().map(|param| param.value().to_f64_vec());
    let coefficients = [&layer_norm.weight, &layer_norm.bias, &rms_norm.weight].map(values);
    let [Some(gamma), Some(beta), Some(rms_gamma)] = coefficients else {
        panic!("affine layers have coefficients");
    };
    let (found, found_rms) = (
        layer_norm.predict(&x)?.to_f64_vec(),
        rms_norm.predict(&x)?.to_f64_vec(),
    );
    for (row, xs) in x.to_f64_vec().chunks(4).enumerate() {
        let mean = xs.iter().sum::<f64>() / 4.0;
        let variance = xs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 4.0;
        let square = xs.iter().map(|x| x * x).sum::<f64>() / 4.0;
        for (i, x) in xs.iter().enumerate() {
            let expected = (x - mean) / (variance + 0.1).sqrt() * gamma[i] + beta[i];
            assert!((found[row * 4 + i] - expected).abs() < 1e-14);
            let expected = x / (square + 0.1).sqrt() * rms_gamma[i];
            assert!((found_rms[row * 4 + i] - expected).abs() < 1e-14);
        }
    }
    Ok(())
}

/// The inputs are so small that epsilon matters. The values are from PyTorch 2.15.
#[test]
fn default_epsilons_are_pytorchs() -> Result<()> {
    let y = LayerNorm::new(2)?.predict(&Tensor::from([[-0.004f32, 0.002]]))?;
    let y_rms = RmsNorm::new(2)?.predict(&Tensor::from([[-0.0004f32, 0.0002]]))?;
    let found = [y.to_f64_vec(), y_rms.to_f64_vec()].concat();
    let expected = [-0.688247204, 0.688247263, -0.854339540, 0.427169770];
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
    Ok(())
}

#[test]
fn norms_have_pytorchs_names_and_check_their_arguments() -> Result<()> {
    assert_eq!(paths(&LayerNorm::new([4, 5])?), ["weight", "bias"]);
    assert_eq!(paths(&LayerNorm::builder(5).no_bias().build()?), ["weight"]);
    assert_eq!(paths(&LayerNorm::builder(5).no_affine().build()?), [""; 0]);
    assert_eq!(paths(&RmsNorm::new(5)?), ["weight"]);
    assert_eq!(LayerNorm::new([4, 5])?.named_params()[0].1.shape(), [4, 5]);
    for wrong in [normal(&[3, 4])?, normal(&[])?] {
        // A tensor with a single feature could be broadcast.
        for features in [1, 5] {
            let errors = [
                LayerNorm::builder(features)
                    .no_affine()
                    .build()?
                    .predict(&wrong),
                RmsNorm::builder(features)
                    .no_affine()
                    .build()?
                    .predict(&wrong),
            ];
            for error in errors {
                let error = error.unwrap_err();
                assert!(matches!(error.root(), Error::Shape { .. }), "{error}");
                assert!(
                    error.to_string().contains(&format!("({features},)")),
                    "{error}"
                );
            }
        }
    }
    let x = normal(&[3, 5])?;
    for y in [LayerNorm::new(5)?.predict(&x), RmsNorm::new(5)?.predict(&x)] {
        assert!(matches!(y.unwrap_err().root(), Error::DType { .. }));
    }
    let refused = [
        LayerNorm::new(Shape::default()).err(),
        LayerNorm::new([3, 0]).err(),
        LayerNorm::builder(3).epsilon(-1e-9).build().err(),
        LayerNorm::builder(3).epsilon(f64::NAN).build().err(),
        RmsNorm::new(0).err(),
        RmsNorm::builder(3).epsilon(f64::INFINITY).build().err(),
    ];
    for error in refused {
        assert!(matches!(error, Some(Error::Argument { .. })), "{error:?}");
    }
    Ok(())
}

#[test]
fn dropouts_draw_in_training_and_do_nothing_in_inference() -> Result<()> {
    let x = normal(&[5, 6])?;
    let (plain, alpha) = (Dropout::new(0.4)?, AlphaDropout::new(0.4)?);
    check(&plain, &x)?;
    check(&alpha, &x)?;
    let layers: [&dyn Layer; 2] = [&plain, &alpha];
    for layer in layers {
        let pass = Pass::train(2);
        let first = layer.forward(&x, &pass)?.to_f64_vec();
        assert_ne!(first, layer.forward(&x, &pass)?.to_f64_vec());
        assert_eq!(first, layer.forward(&x, &Pass::train(2))?.to_f64_vec());
        assert_eq!(layer.predict(&x)?.to_f64_vec(), x.to_f64_vec());
    }
    for p in [-0.1, 1.0, f64::NAN] {
        assert!(matches!(Dropout::new(p), Err(Error::Argument { .. })));
        let error = AlphaDropout::new(p).unwrap_err().to_string();
        assert!(
            error.contains("alpha_dropout") && error.contains("[0, 1)"),
            "{error}"
        );
    }
    Ok(())
}

#[test]
fn flatten_joins_axes() -> Result<()> {
    let x = normal(&[2, 3, 4])?;
    check(&Flatten::default(), &x)?;
    for (start_axis, shape) in [(0, &[24][..]), (1, &[2, 12]), (2, &[2, 3, 4])] {
        let y = Flatten { start_axis }.predict(&x)?;
        assert_eq!(y.shape(), shape);
        assert_eq!(y.to_f64_vec(), x.to_f64_vec());
    }
    let empty = Tensor::zeros([0, 3, 4], DType::F32)?;
    assert_eq!(Flatten::default().predict(&empty)?.shape(), [0, 12]);
    for start_axis in [3, usize::MAX] {
        let error = Flatten { start_axis }.predict(&x).unwrap_err();
        assert!(matches!(error.root(), Error::Shape { .. }), "{error}");
    }
    Ok(())
}

#[test]
fn residual_adds_its_input_or_a_projection() -> Result<()> {
    let x = normal(&[3, 4])?;
    let body = |units| {
        let linear = Linear::new(4, units, &mut rng())?;
        Ok::<_, Error>(Sequential::new().push(linear).push(Tanh))
    };
    let plain = Residual::new(body(4)?);
    check(&plain, &x)?;
    let projected = Residual::new(body(2)?).with_shortcut(Linear::new(4, 2, &mut rng())?);
    check(&projected, &x)?;
    let expected = [
        "body.0.weight",
        "body.0.bias",
        "shortcut.weight",
        "shortcut.bias",
    ];
    assert_eq!(paths(&projected), expected);
    let (projected, x) = (projected.to_dtype(DType::F64), &x);
    let sum = projected
        .body
        .predict(x)?
        .add(&projected.shortcut.predict(x)?)?;
    assert_eq!(projected.predict(x)?.to_f64_vec(), sum.to_f64_vec());
    // A body of zeros makes the block the identity, as the paper intends.
    let mut off = plain.to_dtype(DType::F64);
    for (_, param) in off.named_params_mut() {
        param.set(&Tensor::zeros(param.shape(), DType::F64)?)?;
    }
    assert_eq!(off.predict(x)?.to_f64_vec(), x.to_f64_vec());
    Ok(())
}

#[test]
fn residual_does_not_broadcast_and_its_errors_have_paths() -> Result<()> {
    let x = normal(&[3, 4])?.to_dtype(DType::F32);
    // A single unit could be broadcast to the four inputs.
    let error = Residual::new(Linear::new(4, 1, &mut rng())?)
        .predict(&x)
        .unwrap_err();
    let shapes = [Shape::from([3, 4]), Shape::from([3, 1])];
    assert!(
        matches!(error.root(), Error::Shape { shapes: found, .. } if *found == shapes),
        "{error}"
    );
    let error = Residual::new(Linear::new(5, 4, &mut rng())?)
        .predict(&x)
        .unwrap_err();
    assert!(error.to_string().starts_with("`body`: linear"), "{error}");
    let shortcut = Linear::new(5, 4, &mut rng())?;
    let error = Residual::new(Identity)
        .with_shortcut(shortcut)
        .predict(&x)
        .unwrap_err();
    assert!(
        error.to_string().starts_with("`shortcut`: linear"),
        "{error}"
    );
    Ok(())
}

#[test]
fn names_of_sequential_appear_in_paths_and_errors() -> Result<()> {
    let net = Sequential::new()
        .named("in", Linear::new(4, 3, &mut rng())?)?
        .push(Relu)
        .push(Linear::new(3, 3, &mut rng())?)
        .named("out", Linear::new(5, 2, &mut rng())?)?;
    let expected = [
        "in.weight",
        "in.bias",
        "2.weight",
        "2.bias",
        "out.weight",
        "out.bias",
    ];
    assert_eq!(paths(&net), expected);
    assert_eq!(paths(&net.clone()), expected);
    assert_eq!((net.len(), net.is_empty()), (4, false));
    let error = net
        .predict(&Tensor::zeros([1, 4], DType::F32)?)
        .unwrap_err();
    assert!(error.to_string().starts_with("`out`: linear"), "{error}");
    let problems = [
        ("", "is empty"),
        ("a.b", "has a dot"),
        (".", "has a dot"),
        ("7", "is a number"),
        ("in", "is taken by another layer"),
    ];
    for (name, problem) in problems {
        let error = net.clone().named(name, Relu).unwrap_err();
        assert!(matches!(error, Error::Argument { .. }), "{error:?}");
        assert!(
            error.to_string().contains(&format!("`{name}` {problem}")),
            "{error}"
        );
    }
    Ok(())
}

#[test]
fn sequential_has_right_gradients() -> Result<()> {
    let net = Sequential::new()
        .push(Linear::new(4, 5, &mut rng())?)
        .named("norm", LayerNorm::new(5)?)?
        .push(Tanh)
        .push(Dropout::new(0.3)?)
        .named("out", Linear::new(5, 2, &mut rng())?)?;
    check(&net, &normal(&[3, 4])?)
}
