//! Activations as layers and by name: values, gradients, gains and initializers.

use cotangent_core::module::{Layer, Pass};
use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::{DType, ModuleExt, Result, Tensor, gradcheck};
use cotangent_nn::{
    Activation, Celu, Elu, LeakyRelu, LogSoftmax, PRelu, RRelu, Relu, Softmax, init,
};

fn normal(shape: &[usize], seed: u64) -> Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Tensor::normal(shape, 0.0, 1.0, DType::F64, &mut rng)
}

fn parse(text: &str) -> Activation {
    text.parse().expect("the name is known")
}

#[test]
fn every_name_selects_its_function() -> Result<()> {
    type Function = fn(&Tensor) -> Result<Tensor>;
    let functions: [(&str, Function); 22] = [
        ("identity", |x| Ok(x.clone())),
        ("relu", |x| Ok(x.relu())),
        ("relu6", |x| Ok(x.relu6())),
        ("leaky_relu", |x| Ok(x.leaky_relu(0.01))),
        ("rrelu", |x| Ok(x.leaky_relu(11.0 / 48.0))),
        ("elu", |x| Ok(x.elu(1.0))),
        ("celu", |x| x.celu(1.0)),
        ("selu", |x| Ok(x.selu())),
        ("gelu", |x| Ok(x.gelu())),
        ("gelu_tanh", |x| Ok(x.gelu_tanh())),
        ("silu", |x| Ok(x.silu())),
        ("mish", |x| Ok(x.mish())),
        ("hard_swish", |x| Ok(x.hard_swish())),
        ("softplus", |x| Ok(x.softplus())),
        ("tanh", |x| Ok(x.tanh())),
        ("hard_tanh", |x| Ok(x.hard_tanh())),
        ("sigmoid", |x| Ok(x.sigmoid())),
        ("hard_sigmoid", |x| Ok(x.hard_sigmoid())),
        ("log_sigmoid", |x| Ok(x.log_sigmoid())),
        ("softmax", |x| x.softmax(-1)),
        ("log_softmax", |x| x.log_softmax(-1)),
        ("prelu", |x| Ok(x.leaky_relu(0.25))),
    ];
    let names = functions.map(|(name, _)| name);
    assert_eq!(Activation::NAMES, names);
    let x = normal(&[6, 7], 1)?.mul_scalar(4.0);
    for (name, function) in functions {
        let activation = parse(name).to_dtype(DType::F64);
        assert_eq!(activation.to_string(), name);
        let (found, expected) = (activation.predict(&x)?, function(&x)?);
        for (found, expected) in found.to_f64_vec().iter().zip(expected.to_f64_vec()) {
            assert!((found - expected).abs() < 1e-15, "{name}");
        }
    }
    Ok(())
}

#[test]
fn gradients_are_right_in_training_and_inference() -> Result<()> {
    let x = normal(&[4, 5], 2)?.mul_scalar(3.0);
    for name in Activation::NAMES {
        let activation = parse(name);
        let training = gradcheck::module(&activation, std::slice::from_ref(&x), |f, x, pass| {
            f.forward(&x[0], pass)
        })?;
        training.assert_ok();
        let inference = gradcheck::module(&activation, std::slice::from_ref(&x), |f, x, _| {
            f.forward(&x[0], &Pass::inference().record())
        })?;
        inference.assert_ok();
        let leaves = usize::from(*name == "prelu");
        assert_eq!(training.entries().len(), 1 + leaves, "{name}");
    }
    Ok(())
}

#[test]
fn settings_are_printed_and_read_back() -> Result<()> {
    let printed = [
        (Activation::from(Relu), "relu"),
        (LeakyRelu::default().into(), "leaky_relu"),
        (
            LeakyRelu {
                negative_slope: 0.2,
            }
            .into(),
            "leaky_relu(0.2)",
        ),
        (
            RRelu {
                lower: 0.1,
                upper: 1.0 / 3.0,
            }
            .into(),
            "rrelu(0.1, 0.3333333333333333)",
        ),
        (
            Elu { alpha: -0.5e-20 }.into(),
            "elu(-0.000000000000000000005)",
        ),
        (Softmax { axis: 0 }.into(), "softmax(0)"),
        (PRelu::new(3, 0.5)?.into(), "prelu"),
    ];
    for (activation, text) in printed {
        assert_eq!(activation.to_string(), text);
        assert_eq!(parse(text).to_string(), text);
    }
    assert_eq!(
        parse(" rrelu( 0.1 ) ").to_string(),
        "rrelu(0.1, 0.3333333333333333)"
    );
    let unreadable = [
        "",
        "ReLU",
        "relu ()",
        "relu(0)",
        "relu()",
        "elu(",
        "elu)",
        "elu(1, 2)",
        "elu(x)",
        "elu()",
        "softmax(0.5)",
        "prelu(0.1)",
        "elu(1)x",
    ];
    for text in unreadable {
        let error = text.parse::<Activation>().unwrap_err().to_string();
        assert!(error.contains(&format!("found `{text}`")), "{error}");
        assert!(error.contains("leaky_relu, rrelu"), "{error}");
    }
    Ok(())
}

#[test]
fn random_slopes_are_drawn_in_training_and_fixed_in_inference() -> Result<()> {
    let x = Tensor::full([10_000], -1.0, DType::F64)?;
    let layer = RRelu::default();
    let slopes = |pass: &Pass| layer.forward(&x, pass).map(|y| y.neg().to_f64_vec());
    let pass = Pass::train(3);
    let (first, second) = (slopes(&pass)?, slopes(&pass)?);
    assert_ne!(first, second);
    assert_eq!(first, slopes(&Pass::train(3))?);
    assert!(first.iter().all(|a| (1.0 / 8.0..=1.0 / 3.0).contains(a)));
    // Five standard errors: (1/3 - 1/8) / √(12 · 10,000) = 6e-4.
    let mean = first.iter().sum::<f64>() / 1e4;
    assert!((mean - 11.0 / 48.0).abs() < 3e-3, "{mean}");
    let predicted = slopes(&Pass::inference())?;
    assert!(predicted.iter().all(|a| (a - 11.0 / 48.0).abs() < 1e-15));
    let backwards = RRelu {
        lower: 0.5,
        upper: 0.1,
    };
    assert!(backwards.forward(&x, &Pass::train(0)).is_err());
    Ok(())
}

#[test]
fn gains_are_pytorchs_or_keep_the_mean_square() -> Result<()> {
    let root2 = 2f64.sqrt();
    let known = [
        (parse("identity"), 1.0),
        (parse("sigmoid"), 1.0),
        (parse("softmax"), 1.0),
        (parse("tanh"), 5.0 / 3.0),
        (parse("relu"), root2),
        (parse("leaky_relu(0.2)"), 1.386750490563073),
        (parse("prelu"), (2.0f64 / 1.0625).sqrt()),
        (parse("selu"), 0.75),
        // With alpha 0 this is ReLU.
        (Elu { alpha: 0.0 }.into(), root2),
    ];
    for (activation, gain) in known {
        assert!(
            (activation.gain() - gain).abs() < 1e-5,
            "{activation}: {}",
            activation.gain()
        );
    }
    let z = normal(&[1_000_000], 4)?;
    let settled_by_pytorch = ["sigmoid", "tanh", "selu", "softmax", "log_softmax"];
    for name in Activation::NAMES
        .iter()
        .filter(|name| !settled_by_pytorch.contains(name))
    {
        let activation = parse(name).to_dtype(DType::F64);
        let y = activation.forward(&z, &Pass::train(5).no_grad())?;
        let mean_square = y.mul_scalar(activation.gain()).square().mean().item()?;
        assert!((mean_square - 1.0).abs() < 0.01, "{name}: {mean_square}");
    }
    assert!(Activation::from(Celu { alpha: 0.0 }).gain().is_nan());
    Ok(())
}

#[test]
fn initializers_fit_the_activation() {
    let expected = [
        ("relu leaky_relu rrelu prelu elu", init::he_normal()),
        ("selu", init::lecun_normal()),
        ("tanh sigmoid softmax identity", init::glorot_uniform()),
    ];
    for (names, init) in expected {
        for name in names.split(' ') {
            assert_eq!(parse(name).initializer(), init, "{name}");
        }
    }
}

#[test]
fn prelu_learns_one_slope_or_one_per_channel() -> Result<()> {
    let x = normal(&[4, 3, 2], 6)?;
    for slopes in [1, 3] {
        let layer = PRelu::new(slopes, -0.5)?;
        gradcheck::module(&layer, std::slice::from_ref(&x), |f, x, pass| {
            f.forward(&x[0], pass)
        })?
        .assert_ok();
    }
    assert!(PRelu::new(0, 0.25).is_err());
    let two = PRelu::new(2, 0.25)?.to_dtype(DType::F64);
    let error = two.predict(&x).unwrap_err().to_string();
    assert!(error.contains("3, one for each channel"), "{error}");
    // Each clone of an activation learns its own slopes.
    let one = Activation::from(PRelu::default());
    let mut other = one.clone();
    other.named_params_mut()[0].1.set(&Tensor::from([0.5f32]))?;
    assert_eq!(one.named_params()[0].1.value().to_f64_vec(), [0.25]);
    assert_eq!(one.named_params()[0].0, "weight");
    Ok(())
}

#[test]
fn layers_with_settings_have_a_constructor() {
    assert_eq!(LeakyRelu::new(0.2).negative_slope, 0.2);
    assert_eq!(
        RRelu::new(0.1, 0.3),
        RRelu {
            lower: 0.1,
            upper: 0.3
        }
    );
    assert_eq!(Elu::new(2.0).alpha, 2.0);
    assert_eq!(Celu::new(1.0), Celu::default());
    assert_eq!([Softmax::new(0).axis, LogSoftmax::new(1).axis], [0, 1]);
}
