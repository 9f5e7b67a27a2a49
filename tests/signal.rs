//! The signal report: verdicts on healthy nets and on nets with one known fault each, the measured
//! values, the rows of all layers and of custom operations. Observing a run does not change it.

#[path = "signal/custom.rs"]
mod custom;
#[path = "signal/kinds.rs"]
mod kinds;
#[path = "signal/layers.rs"]
mod layers;

use cotangent::nn::Init;
use cotangent::nn::signal::Verdict::{Dead, Exploding, Healthy, Saturated, Vanishing};
use cotangent::nn::signal::{self, Report, Signal, Verdict};
use cotangent::prelude::*;
use cotangent::{grad, state::to_bytes};

/// Draws 64 standardized samples of 30 features in 5 classes.
fn data() -> (Tensor, Indices) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let x = Tensor::normal([64, 30], 0.0, 1.0, DType::F32, &mut rng).expect("a small tensor");
    (x, (0..64).map(|i| i % 5).collect::<Vec<_>>().into())
}

type Function = fn(&Tensor) -> Tensor;

/// A net as a user writes one: the activations are calls in `forward`, not layers.
#[derive(Module, Clone, Debug)]
struct Net {
    hidden: Vec<Hidden>,
    out: Linear,
    #[module(skip)]
    activation: Function,
}

#[derive(Module, Clone, Debug)]
struct Hidden {
    linear: Linear,
    norm: Option<BatchNorm>,
}

impl Net {
    fn new(depth: usize, init: Init, normalized: bool, activation: Function) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut hidden = |i: usize| -> Result<Hidden> {
            let inputs = if i == 0 { 30 } else { 100 };
            Ok(Hidden {
                linear: Linear::builder(inputs, 100).weight(init).build(&mut rng)?,
                norm: normalized.then(|| BatchNorm::new(100)).transpose()?,
            })
        };
        let hidden = (0..depth)
            .map(&mut hidden)
            .collect::<Result<_>>()
            .expect("valid sizes");
        let out = Linear::new(100, 5, &mut rng).expect("valid sizes");
        Self {
            hidden,
            out,
            activation,
        }
    }

    /// Multiplies the weight of a hidden layer.
    fn scale(mut self, hidden: usize, factor: f64) -> Self {
        let weight = &mut self.hidden[hidden].linear.weight;
        let scaled = weight.value().mul_scalar(factor);
        weight.set(&scaled).expect("the same shape");
        self
    }

    /// Sets all biases of a hidden layer.
    fn bias(mut self, hidden: usize, value: f64) -> Self {
        let bias = self.hidden[hidden]
            .linear
            .bias
            .as_mut()
            .expect("the layer has a bias");
        let values = bias.value().mul_scalar(0.0).add_scalar(value);
        bias.set(&values).expect("the same shape");
        self
    }

    fn inspect(&self) -> Report {
        let (x, labels) = data();
        signal::inspect(self, |net, pass| {
            net.forward(&x, pass)?.cross_entropy(&labels)
        })
        .expect("a report")
    }
}

impl Layer for Net {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let mut x = x.clone();
        for hidden in &self.hidden {
            let z = hidden
                .norm
                .forward(&hidden.linear.forward(&x, pass)?, pass)?;
            x = (self.activation)(&z);
        }
        self.out.forward(&x, pass)
    }
}

fn relu(x: &Tensor) -> Tensor {
    x.relu()
}

fn elu(x: &Tensor) -> Tensor {
    x.elu(1.0)
}

/// Inspects a recurrent net whose recurrent weight is `factor` times an orthogonal matrix.
fn recurrent(factor: f64, activation: Function) -> Result<Report> {
    #[derive(Module)]
    struct Recurrent {
        cell: (Linear, Linear),
        out: Linear,
    }
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let recurrent = Linear::builder(20, 20)
        .weight(init::orthogonal().gain(factor))
        .no_bias();
    let net = Recurrent {
        cell: (Linear::new(3, 20, &mut rng)?, recurrent.build(&mut rng)?),
        out: Linear::new(20, 5, &mut rng)?,
    };
    let (x, labels) = data();
    let steps = x.reshape([64, 10, 3])?.split(1, 1)?;
    signal::inspect(&net, |net, pass| {
        let mut state = Tensor::zeros([64, 20], DType::F32)?;
        for x in &steps {
            let z = net
                .cell
                .0
                .forward(&x.squeeze(1)?, pass)?
                .add(&net.cell.1.forward(&state, pass)?)?;
            state = activation(&z);
        }
        net.out.forward(&state, pass)?.cross_entropy(&labels)
    })
}

/// Trains one step and returns its report.
fn trained(net: &mut Net, learning_rate: f64) -> Result<Report> {
    let (x, labels) = data();
    let signal = Signal::of(net);
    let pass = Pass::train(0).observed(signal.clone());
    let grads = net.forward(&x, &pass)?.cross_entropy(&labels)?.backward()?;
    Sgd::new(learning_rate).build()?.step(net, grads)?;
    Ok(signal.step(net)?.expect("every step has a report"))
}

fn he(depth: usize) -> Net {
    Net::new(depth, init::he_normal(), false, relu)
}

fn tanh(depth: usize) -> Net {
    Net::new(depth, init::glorot_uniform(), false, Tensor::tanh)
}

fn healthy() -> Result<Vec<(&'static str, Report)>> {
    let (naive, lecun) = (init::normal(1.0), init::lecun_normal());
    let normalized = |depth| Net::new(depth, init::he_normal(), true, elu);
    let selu = Net::new(30, lecun, false, Tensor::selu);
    let mended = Net::new(10, naive, true, relu);
    Ok(vec![
        ("He and ReLU", he(10).inspect()),
        ("Glorot and tanh", tanh(6).inspect()),
        ("LeCun and SELU, 30 layers", selu.inspect()),
        ("He, normalized ELU", normalized(10).inspect()),
        ("N(0, 1), normalized", mended.inspect()),
        (
            "a tiny weight, normalized",
            normalized(4).scale(2, 1e-3).inspect(),
        ),
        (
            "a recurrent weight of norm 1",
            recurrent(1.0, Tensor::tanh)?,
        ),
        ("a step of a usual size", trained(&mut he(4), 0.01)?),
    ])
}

fn sick() -> Result<Vec<(&'static str, Report, Verdict, &'static str)>> {
    let net = |depth, init, activation| Net::new(depth, init, false, activation).inspect();
    let (naive, small) = (init::normal(1.0), init::normal(0.01));
    let logistic = |init| net(10, init, Tensor::sigmoid);
    let (x, labels) = data();
    let infinite = signal::inspect(&he(2), |net, pass| {
        net.forward(&x.div_scalar(0.0), pass)?
            .cross_entropy(&labels)
    })?;
    let (first, lin2, lin3) = ("hidden.0.linear", "hidden.2.linear", "hidden.3.linear");
    Ok(vec![
        ("sigmoid and N(0, 1)", logistic(naive), Saturated, first),
        (
            "sigmoid and Glorot, 10 layers",
            logistic(init::glorot_normal()),
            Vanishing,
            first,
        ),
        (
            "one weight too small",
            he(4).scale(2, 1e-3).inspect(),
            Vanishing,
            lin2,
        ),
        (
            "one weight too small, tanh",
            tanh(6).scale(3, 1e-5).inspect(),
            Vanishing,
            lin3,
        ),
        (
            "all weights too small",
            net(8, small, relu),
            Vanishing,
            first,
        ),
        (
            "one weight too large",
            he(6).scale(2, 1e5).inspect(),
            Exploding,
            lin2,
        ),
        ("ReLU and N(0, 1)", net(8, naive, relu), Exploding, first),
        (
            "one weight not a number",
            he(5).scale(3, f64::NAN).inspect(),
            Exploding,
            lin3,
        ),
        ("an infinite input", infinite, Exploding, "input"),
        (
            "biases far below 0",
            he(5).bias(2, -100.0).inspect(),
            Dead,
            lin2,
        ),
        (
            "one weight too large, tanh",
            tanh(6).scale(3, 100.0).inspect(),
            Saturated,
            lin3,
        ),
        (
            "biases far from 0, tanh",
            tanh(4).bias(2, 50.0).inspect(),
            Saturated,
            lin2,
        ),
        (
            "a recurrent weight of norm 4",
            recurrent(4.0, relu)?,
            Exploding,
            "cell.1",
        ),
        (
            "a recurrent weight of norm 0.1",
            recurrent(0.1, relu)?,
            Vanishing,
            "cell.1",
        ),
        (
            "a step too large",
            trained(&mut he(4), 1e3)?,
            Exploding,
            "out",
        ),
    ])
}

#[test]
fn each_fault_is_reported_with_its_layer() -> Result<()> {
    let healthy = healthy()?
        .into_iter()
        .map(|(case, report)| (case, report, Healthy, ""));
    let wrong: Vec<String> = healthy
        .chain(sick()?)
        .filter_map(|(case, report, verdict, layer)| {
            let found = report.findings.first().map_or("", |finding| &finding.layer);
            let right = (report.verdict(), found) == (verdict, layer);
            (!right).then(|| format!("{case}: expected {verdict} at `{layer}`\n{report}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn observing_changes_nothing_and_frozen_layers_are_reported() -> Result<()> {
    let (x, labels) = data();
    let mut watched = Net::new(4, init::he_normal(), true, relu);
    watched.hidden[0].freeze();
    watched.hidden[1].freeze();
    let mut plain = watched.clone();
    let signal = Signal::of(&watched).every(2);
    let pass = Pass::train(1).observed(signal.clone());
    let mut reports = Vec::new();
    let mut optimizers = [(); 2].map(|()| Momentum::new(0.05).build().expect("a valid rate"));
    let [first, second] = &mut optimizers;
    for _ in 0..5 {
        let grads = watched
            .forward(&x, &pass)?
            .cross_entropy(&labels)?
            .backward()?;
        assert!(
            watched.hidden[0]
                .named_params()
                .iter()
                .all(|(_, p)| grads.get(*p).is_none())
        );
        first.step(&mut watched, grads)?;
        reports.extend(signal.step(&watched)?);
        let grads = plain
            .forward(&x, &Pass::train(1))?
            .cross_entropy(&labels)?
            .backward()?;
        second.step(&mut plain, grads)?;
    }
    assert_eq!(to_bytes(&watched)?, to_bytes(&plain)?);
    assert_eq!(
        reports.iter().map(|report| report.step).collect::<Vec<_>>(),
        [0, 2, 4]
    );
    let layer = reports[1]
        .layer("hidden.0.linear")
        .expect("frozen layers have rows");
    assert!(layer.gradient.is_some() && layer.weight_gradient.is_some());
    assert_eq!(layer.update, Some(0.0), "a frozen weight stays");
    assert!(reports[1].layer("out").and_then(|out| out.update) > Some(0.0));
    Ok(())
}

#[test]
fn reported_values_match_their_definitions() -> Result<()> {
    let mut net = Net::new(1, init::he_normal(), true, Tensor::tanh);
    let (x, labels) = data();
    let signal = Signal::of(&net);
    let pass = Pass::train(0).observed(signal.clone());
    let before = net.clone();
    let grads = net.forward(&x, &pass)?.cross_entropy(&labels)?.backward()?;
    Sgd::new(0.1).build()?.step(&mut net, grads.clone())?;
    let report = signal.step(&net)?.expect("a report of every step");

    let names: Vec<String> = report
        .layers
        .iter()
        .map(signal::LayerSignal::name)
        .collect();
    assert_eq!(names, ["hidden.0.linear", "hidden.0.norm", "out"]);
    let [linear, norm, out] = &report.layers[..] else {
        unreachable!()
    };
    assert_eq!(linear.operations, ["linear"]);
    assert_eq!(norm.operations, ["batch_norm", "tanh"]);
    assert_eq!(
        (&linear.inputs[..], &norm.inputs[..], &out.inputs[..]),
        (&[][..], &[0][..], &[1][..])
    );

    // The same values, computed from their definitions.
    let pass = Pass::train(0).hold_statistics();
    let z = before.hidden[0].linear.forward(&x, &pass)?;
    let n = before.hidden[0].norm.forward(&z, &pass)?;
    let a = n.tanh();
    let y = before.out.forward(&a, &pass)?;
    let loss = y.cross_entropy(&labels)?;
    let weight = before.out.weight.read(&pass);
    let found = grad(&loss, &[&z, &n, &a, &y])?;
    let rms = |x: &Tensor| x.square().mean().item().map(f64::sqrt);
    let close = |what: &str, found: Option<f64>, expected: f64| {
        let found = found.unwrap_or(f64::NAN);
        assert!(
            (found / expected - 1.0).abs() < 1e-5,
            "{what}: {found}, expected {expected}"
        );
    };
    close("mean", Some(norm.activation.mean), a.mean().item()?);
    close(
        "deviation",
        Some(norm.activation.standard_deviation),
        a.var_over(.., 0.0)?.item()?.sqrt(),
    );
    close(
        "gradient of z",
        linear.gradient.as_ref().map(|g| g.rms),
        rms(&found[0])?,
    );
    close(
        "gradient of n",
        norm.gradient.as_ref().map(|g| g.rms),
        rms(&found[1])?,
    );
    close("gradient of a", norm.result_gradient, rms(&found[2])?);
    close(
        "gradient of y",
        out.gradient.as_ref().map(|g| g.rms),
        rms(&found[3])?,
    );
    close("ratio", norm.ratio, rms(&found[1])? / rms(&found[3])?);
    close(
        "gradient of the weight",
        out.weight_gradient,
        rms(grads.get(&net.out.weight).unwrap_or(&weight))?,
    );
    let change = before.out.weight.value().sub(net.out.weight.value())?;
    close("update", out.update, rms(&change)? / rms(&weight)?);

    // The running statistics start at 0 and 1, and one step moves them by a tenth of the
    // difference.
    let (mean, variance) = (z.mean_over(0)?, z.var_over(0, 0.0)?);
    let unbiased = 0.1 * 64.0 / 63.0;
    let running = variance.mul_scalar(unbiased).add_scalar(0.9);
    let apart = mean
        .mul_scalar(0.9)
        .square()
        .div(&running)?
        .mean()
        .item()?
        .sqrt();
    close("drift of the mean", norm.drift.map(|d| d.mean), apart);
    let apart = variance.div(&running)?.ln().mean().item()?.exp();
    close(
        "drift of the variance",
        norm.drift.map(|d| d.variance),
        apart,
    );
    Ok(())
}

/// Returns the names and operations of the rows.
fn rows(report: &Report) -> Vec<String> {
    let row =
        |layer: &signal::LayerSignal| format!("{}: {}", layer.name(), layer.operations.join(" "));
    report.layers.iter().map(row).collect()
}

#[test]
fn reports_of_models_with_any_forward() -> Result<()> {
    #[derive(Module)]
    struct Raw {
        first: Param,
        shift: Param,
        second: Param,
        unused: Param,
        names: Embedding,
        scale: Frozen<Param>,
    }
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let (x, labels) = data();
    let mut param = |shape: &[usize]| {
        init::he_normal()
            .draw(shape, &mut rng)
            .map(|w| Param::new(&w))
    };
    let net = Raw {
        first: param(&[40, 30])?,
        shift: Param::new(&Tensor::zeros([40], DType::F32)?),
        second: param(&[5, 40])?,
        unused: param(&[2, 2])?,
        names: Embedding::new(5, 40, &mut ChaCha8Rng::seed_from_u64(3))?,
        scale: Frozen::new(Param::new(&Tensor::from([2.0f32]))),
    };
    let report = signal::inspect(&net, |net, pass| {
        let names = net.names.forward(&labels, pass)?;
        let weight = net.first.read(pass).mul_scalar(0.5).transpose(0, 1)?;
        let hidden = x
            .matmul(&weight)?
            .add(&net.shift.read(pass))?
            .add(&names)?
            .tanh();
        let hidden = pass.dropout(&hidden.mul(&net.scale.read(pass))?, 0.1)?;
        let penalty = net.second.read(pass).square().sum().mul_scalar(1e-3);
        let loss = hidden
            .linear(&net.second.read(pass), None)?
            .cross_entropy(&labels)?;
        loss.add(&penalty)
    })?;
    let expected = [
        "names: embedding",
        "first: matmul add add tanh",
        "scale: mul mul",
        "second: linear",
    ];
    assert_eq!(rows(&report), expected, "{report}");
    assert_eq!(report.unused, ["unused"]);
    assert_eq!(report.layers[1].inputs, [0], "the sum takes the embedding");

    let net = Sequential::new()
        .push(Linear::new(30, 20, &mut rng)?)
        .push(PRelu::new(1, 0.25)?)
        .push(LayerNorm::new([20])?)
        .push(Rnn::new(20, 8, &mut rng)?.last_only())
        .push(Linear::new(8, 5, &mut rng)?);
    let x = x.reshape([16, 4, 30])?;
    let labels = Indices::from((0..16).map(|i| i % 5).collect::<Vec<_>>());
    let report = signal::inspect(&net, |net, pass| {
        net.forward(&x, pass)?.cross_entropy(&labels)
    })?;
    let names: Vec<String> = report
        .layers
        .iter()
        .map(signal::LayerSignal::name)
        .collect();
    assert_eq!(names, ["0", "2", "3", "4"], "{report}");
    assert!(report.findings.is_empty(), "{report}");
    Ok(())
}

#[test]
fn a_report_needs_an_observed_backward_pass() -> Result<()> {
    let (x, labels) = data();
    let net = he(2);
    let signal = Signal::of(&net);
    let loss = net.forward(&x, &Pass::train(0))?.cross_entropy(&labels)?;
    loss.backward()?;
    assert!(signal.step(&net).is_err());
    // A clone has new parameters.
    let pass = Pass::train(0).observed(signal.clone());
    net.clone()
        .forward(&x, &pass)?
        .cross_entropy(&labels)?
        .backward()?;
    assert!(signal.step(&net).is_err());
    net.forward(&x, &pass)?.cross_entropy(&labels)?.backward()?;
    assert!(signal.step(&net)?.is_some());
    let unrelated = signal::inspect(&net, |_, _| Ok(x.mean().tracked().square()));
    assert!(unrelated.is_err());
    Ok(())
}

#[test]
fn a_detached_tensor_is_reported() -> Result<()> {
    let (x, labels) = data();
    let net = he(3);
    let report = signal::inspect(&net, |net, pass| {
        let below = net.hidden[0].linear.forward(&x, pass)?.relu();
        let aside = net.hidden[2].linear.forward(&below, pass)?;
        let above = net.hidden[1].linear.forward(&below.detach(), pass)?.relu();
        let logits = net.out.forward(&above, pass)?;
        logits
            .cross_entropy(&labels)?
            .add(&aside.mean().mul_scalar(0.0))
    })?;
    // The report cannot know that the detached tensor was the layer's result; the row's gradient
    // is 0.
    let first = report
        .layer("hidden.0.linear")
        .and_then(|layer| layer.gradient.as_ref());
    assert_eq!(first.map(|gradient| gradient.rms), Some(0.0));
    Ok(())
}

#[test]
fn the_report_is_valid_json() -> Result<()> {
    let report = he(2).inspect();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("signal.json");
    report.save_json(&path)?;
    let text = std::fs::read_to_string(&path).expect("the file");
    assert_eq!(text, report.to_json());
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["verdict"], "healthy");
    assert_eq!(json["layers"][0]["path"], "hidden.0.linear");
    assert_eq!(
        json["layers"][2]["activation"]["rms"],
        report.layers[2].activation.rms
    );
    assert_eq!(json["parameters"].as_array().map(Vec::len), Some(6));
    assert!(
        report
            .save_json(folder.path().join("missing/signal.json"))
            .is_err()
    );
    Ok(())
}
