//! The multilayer perceptron in each of its settings: gradients, paths, order, initialization; and
//! the moments of a self-normalizing network.

use cotangent_core::module::{Layer, Pass};
use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::{DType, Error, ModuleExt, Result, Tensor, gradcheck};
use cotangent_nn::{
    Activation, Celu, Elu, Linear, Mlp, MlpBuilder, Normalization, PRelu, RRelu, Selu, Tanh, init,
};

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

/// Drawn from another generator than the weights.
fn normal(shape: &[usize]) -> Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    Tensor::normal(shape, 0.0, 1.0, DType::F64, &mut rng)
}

fn paths(net: &Mlp) -> Vec<String> {
    let params = net.named_params().into_iter();
    params.map(|(path, _)| path).collect()
}

const SIZES: [usize; 4] = [4, 5, 3, 2];

type Setting = fn(MlpBuilder) -> MlpBuilder;
const NORMS: [Setting; 4] = [
    |net| net,
    MlpBuilder::batch_norm,
    MlpBuilder::layer_norm,
    MlpBuilder::rms_norm,
];

#[test]
fn gradients_are_right_in_every_setting() -> Result<()> {
    let x = [normal(&[6, 4])?];
    for activation in [
        Elu::default().into(),
        Selu.into(),
        Activation::from(PRelu::default()),
    ] {
        for norm in NORMS {
            for order in [|net| net, MlpBuilder::norm_after_activation] {
                for p in [0.0, 0.3] {
                    let net = Mlp::builder(SIZES)
                        .activation(activation.clone())
                        .dropout(p);
                    let net = order(norm(net)).build(&mut rng())?;
                    gradcheck::module(&net, &x, |net, x, pass| net.forward(&x[0], pass))?
                        .assert_ok();
                    gradcheck::module(&net, &x, |net, x, _| {
                        net.forward(&x[0], &Pass::inference().record())
                    })?
                    .assert_ok();
                    assert_eq!(net.predict(&x[0].to_dtype(DType::F32))?.shape(), [6, 2]);
                }
            }
        }
    }
    Ok(())
}

#[test]
fn paths_name_only_existing_parts() -> Result<()> {
    let with = |setting: Setting| {
        Ok::<_, Error>(paths(&setting(Mlp::builder([4, 3, 2])).build(&mut rng())?))
    };
    let out = ["out.weight", "out.bias"];
    let check = |setting: Setting, hidden: &[&str]| {
        let expected: Vec<String> = hidden
            .iter()
            .map(|leaf| format!("hidden.0.{leaf}"))
            .chain(out.map(str::to_owned))
            .collect();
        assert_eq!(with(setting)?, expected);
        Ok::<_, Error>(())
    };
    let (weight, bias) = ("linear.weight", "linear.bias");
    check(|net| net, &[weight, bias])?;
    check(
        MlpBuilder::batch_norm,
        &[weight, "norm.weight", "norm.bias"],
    )?;
    check(
        MlpBuilder::layer_norm,
        &[weight, "norm.weight", "norm.bias"],
    )?;
    check(MlpBuilder::rms_norm, &[weight, bias, "norm.weight"])?;
    check(
        |net| net.batch_norm().norm_after_activation(),
        &[weight, bias, "norm.weight", "norm.bias"],
    )?;
    check(
        |net| net.activation(PRelu::default()).dropout(0.5),
        &[weight, bias, "activation.weight"],
    )?;
    assert_eq!(paths(&Mlp::builder([4, 2]).build(&mut rng())?), out);
    let net = Mlp::builder([4, 3, 2]).batch_norm().build(&mut rng())?;
    assert_eq!(net.named_buffers()[0].0, "hidden.0.norm.running_mean");
    Ok(())
}

#[test]
fn normalization_is_before_or_after_the_activation() -> Result<()> {
    let x = normal(&[6, 4])?.to_dtype(DType::F32);
    let tanh = || Mlp::builder([4, 3, 2]).activation(Tanh).layer_norm();
    let (before, after) = (
        tanh().build(&mut rng())?,
        tanh().norm_after_activation().build(&mut rng())?,
    );
    let norm = |net: &Mlp, x: &Tensor| match &net.hidden[0].norm {
        Some(Normalization::Layer(norm)) => norm.predict(x),
        other => panic!("{other:?}"),
    };
    let z = before.hidden[0].linear.predict(&x)?;
    let expected = norm(&before, &z)?.tanh().to_f64_vec();
    assert_eq!(before.hidden[0].predict(&x)?.to_f64_vec(), expected);
    let z = after.hidden[0].linear.predict(&x)?;
    let expected = norm(&after, &z.tanh())?.to_f64_vec();
    assert_eq!(after.hidden[0].predict(&x)?.to_f64_vec(), expected);
    Ok(())
}

#[test]
fn weights_use_the_initializer_of_the_activation_or_the_given_one() -> Result<()> {
    let weights = |net: &Mlp| {
        let layers = net.hidden.iter().map(|block| &block.linear);
        let layers = layers.chain([&net.out]);
        layers
            .map(|layer| layer.weight.value().to_f64_vec())
            .collect::<Vec<_>>()
    };
    let drawn = |hidden: init::Init, out: init::Init| {
        let mut rng = rng();
        let sizes = [(4, 5, hidden), (5, 3, hidden), (3, 2, out)];
        let layers = sizes.map(|(inputs, units, init)| {
            let layer = Linear::builder(inputs, units)
                .weight(init)
                .build(&mut rng)?;
            Ok::<_, Error>(layer.weight.value().to_f64_vec())
        });
        layers.into_iter().collect::<Result<Vec<_>>>()
    };
    let (he, lecun, glorot) = (
        init::he_normal(),
        init::lecun_normal(),
        init::glorot_uniform(),
    );
    let net = Mlp::builder(SIZES).build(&mut rng())?;
    assert_eq!(weights(&net), drawn(he, glorot)?);
    let net = Mlp::builder(SIZES).activation(Selu).build(&mut rng())?;
    assert_eq!(weights(&net), drawn(lecun, glorot)?);
    let net = Mlp::builder(SIZES).activation(Tanh).build(&mut rng())?;
    assert_eq!(weights(&net), drawn(glorot, glorot)?);
    let naive = init::normal(1.0);
    let net = Mlp::builder(SIZES)
        .weight(naive)
        .bias(init::constant(0.5))
        .build(&mut rng())?;
    assert_eq!(weights(&net), drawn(naive, naive)?);
    for (path, param) in net.named_params() {
        if path.ends_with("bias") {
            assert!(
                param.value().to_f64_vec().iter().all(|b| *b == 0.5),
                "{path}"
            );
        }
    }
    Ok(())
}

/// In training both kinds of dropout draw the same elements. Plain dropout sets them to 0, alpha
/// dropout does not.
#[test]
fn selu_gets_alpha_dropout() -> Result<()> {
    let x = normal(&[50, 4])?.to_dtype(DType::F32);
    let block = |activation: Activation| {
        let net = Mlp::builder([4, 20, 2]).activation(activation).dropout(0.4);
        Ok::<_, Error>(net.build(&mut rng())?.hidden.remove(0))
    };
    let (plain, selu) = (block(Elu::default().into())?, block(Selu.into())?);
    let y = plain
        .predict(&x)?
        .dropout(0.4, Pass::train(3).next_seed())?;
    assert_eq!(
        plain.forward(&x, &Pass::train(3))?.to_f64_vec(),
        y.to_f64_vec()
    );
    let y = selu
        .predict(&x)?
        .alpha_dropout(0.4, Pass::train(3).next_seed())?;
    assert_eq!(
        selu.forward(&x, &Pass::train(3))?.to_f64_vec(),
        y.to_f64_vec()
    );
    Ok(())
}

#[test]
fn invalid_settings_are_errors_with_paths() -> Result<()> {
    let refused = |builder: MlpBuilder, text: &str| {
        let error = builder.build(&mut rng()).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    };
    refused(
        Mlp::builder([]),
        "mlp: expected at least two sizes, found []",
    );
    refused(Mlp::builder([4]), "at least two sizes, found [4]");
    refused(
        Mlp::builder([4, 3, 0, 2]),
        "`hidden.1`: linear: expected in_features and out_features above 0",
    );
    refused(
        Mlp::builder([4, 0]),
        "`out`: linear: expected in_features and out_features above 0",
    );
    refused(
        Mlp::builder([4, 3, 2]).dropout(1.0),
        "`hidden.0`: dropout: p must be",
    );
    refused(Mlp::builder([4, 3, 2]).dropout(-0.5), "p must be");
    refused(
        Mlp::builder([4, 3, 2]).weight(init::normal(-1.0)),
        "`hidden.0`",
    );
    refused(
        Mlp::builder([4, 3, 2]).activation(Celu::new(0.0)),
        "`hidden.0.activation`: celu",
    );
    refused(
        Mlp::builder([4, 3, 2]).activation(RRelu::new(1.0, 0.0)),
        "`hidden.0.activation`: rrelu",
    );
    refused(Mlp::builder([4, 2]).dropout(1.0), "dropout: p must be");
    let net = Mlp::builder([4, 3, 2]).build(&mut rng())?;
    for shape in [&[5, 3][..], &[]] {
        let error = net.predict(&Tensor::zeros(shape, DType::F32)?).unwrap_err();
        assert!(
            error.to_string().starts_with("`hidden.0.linear`: linear"),
            "{error}"
        );
    }
    Ok(())
}

/// Returns mean and variance of all outputs of each hidden layer, for 20 SELU layers and
/// standardized inputs.
fn moments(weight: init::Init, p: f64, pass: &Pass) -> Result<Vec<(f64, f64)>> {
    let sizes = [vec![200; 21], vec![10]].concat();
    let net = Mlp::builder(sizes)
        .activation(Selu)
        .weight(weight)
        .dropout(p);
    let net = net.build(&mut rng())?;
    let mut x = normal(&[500, 200])?.to_dtype(DType::F32);
    let mut moments = Vec::new();
    for block in &net.hidden {
        x = block.forward(&x, pass)?;
        moments.push((x.mean().item()?, x.var().item()?));
    }
    Ok(moments)
}

#[test]
fn twenty_selu_layers_keep_mean_0_and_variance_1_with_alpha_dropout_too() -> Result<()> {
    let pass = Pass::train(7).no_grad();
    for p in [0.0, 0.1] {
        let moments = moments(init::lecun_normal(), p, &pass)?;
        for (i, (mean, variance)) in moments.into_iter().enumerate() {
            // Observed: within 0.02 of 0, and 0.05 of 1.
            assert!(mean.abs() < 0.1, "p {p}, layer {i}: mean {mean}");
            assert!(
                (0.85..1.15).contains(&variance),
                "p {p}, layer {i}: variance {variance}"
            );
        }
    }
    // Other weights do not keep the variance. Observed: 28.
    let he = moments(init::he_normal(), 0.0, &pass)?;
    assert!(he[19].1 > 10.0, "{he:?}");
    Ok(())
}
