//! Verdicts on convolutional nets, recurrent nets and attention, sound and with one fault each.

use cotangent::Attention;
use cotangent::nn::signal::Verdict::{Dead, Exploding, Healthy, Saturated, Vanishing};
use cotangent::nn::signal::{self, Report, Verdict};
use cotangent::prelude::*;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn normal(shape: &[usize], seed: u64) -> Result<Tensor> {
    Tensor::normal(shape, 0.0, 1.0, DType::F32, &mut rng(seed))
}

fn labels(samples: usize) -> Indices {
    (0..samples).map(|i| i % 5).collect::<Vec<_>>().into()
}

/// Asserts the verdict, and the layer of the first finding.
#[track_caller]
fn expect(case: &str, report: &Report, verdict: Verdict, layer: &str) {
    let found = report.findings.first().map_or("", |finding| &finding.layer);
    let found = (report.verdict(), found);
    assert_eq!(found, (verdict, layer), "{case}\n{report}");
}

type Function = fn(&Tensor) -> Tensor;

#[derive(Module, Clone, Debug)]
struct Images {
    first: Conv2d,
    second: Conv2d,
    norm: Option<BatchNorm>,
    out: Linear,
}

impl Images {
    fn new(normalized: bool) -> Result<Self> {
        let filters = |inputs, seed| {
            let filters = Conv2d::builder(inputs, 8, 3).weight(init::he_normal());
            filters.build(&mut rng(seed))
        };
        Ok(Self {
            first: filters(1, 1)?,
            second: filters(8, 2)?,
            norm: normalized.then(|| BatchNorm::new(8)).transpose()?,
            out: Linear::new(8 * 2 * 2, 5, &mut rng(3))?,
        })
    }

    /// Multiplies the weight of the second convolution, and sets the biases of the first channels.
    fn spoil(mut self, factor: f64, channels: usize, value: f64) -> Result<Self> {
        let (weight, bias) = (&mut self.second.weight, self.second.bias.as_mut());
        weight.set(&weight.value().mul_scalar(factor))?;
        let biases = (0..8).map(|i| if i < channels { value } else { 0.0 });
        let biases = Tensor::from(&biases.collect::<Vec<f64>>()[..]).to_dtype(DType::F32);
        bias.expect("a convolution has a bias").set(&biases)?;
        Ok(self)
    }

    /// Convolution, activation, pooling; then convolution, normalization, pooling, activation.
    fn inspect(&self, x: &Tensor, activation: Function) -> Result<Report> {
        signal::inspect(self, |net, pass| {
            let x = activation(&net.first.forward(x, pass)?).max_pool([2, 2])?;
            let x = net.norm.forward(&net.second.forward(&x, pass)?, pass)?;
            let x = activation(&x.avg_pool([2, 2])?);
            let y = net.out.forward(&x.flatten_from(1)?, pass)?;
            y.cross_entropy(&labels(32))
        })
    }
}

#[test]
fn faults_of_convolutional_nets() -> Result<()> {
    let x = normal(&[32, 1, 14, 14], 7)?;
    let (relu, tanh): (Function, Function) = (Tensor::relu, Tensor::tanh);
    let net = |factor, channels, bias| Images::new(false)?.spoil(factor, channels, bias);
    let sound = net(1.0, 0, 0.0)?.inspect(&x, relu)?;
    expect("sound", &sound, Healthy, "");
    expect(
        "sound, tanh",
        &net(1.0, 0, 0.0)?.inspect(&x, tanh)?,
        Healthy,
        "",
    );
    let second = "second";
    let dead = net(1.0, 7, -100.0)?.inspect(&x, relu)?;
    expect("seven of eight channels dead", &dead, Dead, second);
    let row = dead.layer(second).expect("a row");
    assert_eq!((row.channels, row.dead), (Some(8), Some(7.0 / 8.0)));
    assert!(dead.to_string().contains("88% of its channels"), "{dead}");
    let half = net(1.0, 4, -100.0)?.inspect(&x, relu)?;
    expect("half of the channels dead", &half, Healthy, "");
    let small = net(1e-5, 0, 0.0)?.inspect(&x, relu)?;
    expect("too small", &small, Vanishing, second);
    let large = net(1e5, 0, 0.0)?.inspect(&x, relu)?;
    expect("too large", &large, Exploding, second);
    let saturated = net(50.0, 0, 0.0)?.inspect(&x, tanh)?;
    expect("saturated", &saturated, Saturated, second);
    let mended = Images::new(true)?.spoil(1e5, 0, 0.0)?.inspect(&x, tanh)?;
    expect("normalized", &mended, Healthy, "");
    Ok(())
}

/// The activation after pooling ends the row of the convolution, or of the normalization after it.
#[test]
fn pooling_continues_the_row_of_a_convolution() -> Result<()> {
    let x = normal(&[32, 1, 14, 14], 7)?;
    let rows = |report: &Report| -> Vec<String> {
        let row =
            |layer: &signal::LayerSignal| format!("{}: {}", layer.path, layer.operations.join(" "));
        report.layers.iter().map(row).collect()
    };
    let report = Images::new(false)?.inspect(&x, Tensor::relu)?;
    let expected = [
        "first: conv relu",
        "second: conv avg_pool relu",
        "out: linear",
    ];
    assert_eq!(rows(&report), expected);
    assert_eq!(report.layers[1].shape, [32, 8, 2, 2]);
    assert_eq!(report.layers[1].inputs, [0]);
    let report = Images::new(true)?.inspect(&x, Tensor::relu)?;
    let norm = report.layer("norm").expect("a row");
    assert_eq!(norm.operations, ["batch_norm", "avg_pool", "relu"]);
    assert_eq!((norm.channels, norm.dead), (Some(8), Some(0.0)));
    Ok(())
}

/// Far from the digits, images are 0 for every sample. A channel is alive if it is not 0 anywhere.
#[test]
fn a_channel_is_dead_only_if_it_is_0_everywhere() -> Result<()> {
    let spot = normal(&[32, 1, 2, 2], 7)?.pad(&[(0, 0), (0, 0), (6, 6), (6, 6)], 0.0)?;
    let mut net = Images::new(false)?;
    let bias = net.first.bias.as_mut().expect("a convolution has a bias");
    bias.set(&Tensor::full([8], -0.01, DType::F32)?)?;
    let report = net.inspect(&spot, Tensor::relu)?;
    assert_eq!(report.layers[0].dead, Some(0.0), "{report}");
    expect("a spot", &report, Healthy, "");
    Ok(())
}

/// Returns the report on a recurrent layer from (32, time, 6), whose last state is classified.
fn recurrent<L: Layer>(layer: L, hidden: usize, time: usize) -> Result<Report> {
    let net = (layer, Linear::new(hidden, 5, &mut rng(3))?);
    let x = normal(&[32, time, 6], 7)?;
    signal::inspect(&net, |net, pass| {
        let y = net.1.forward(&net.0.forward(&x, pass)?, pass)?;
        y.cross_entropy(&labels(32))
    })
}

#[test]
fn faults_of_recurrent_nets() -> Result<()> {
    let rng = &mut rng(1);
    let lstm = || Lstm::builder(6, 16).keras_default().last_only();
    let gru = || Gru::builder(6, 16).keras_default().last_only();
    let rnn = || Rnn::builder(6, 16).keras_default().last_only();
    let orthogonal = |gain: f64| init::orthogonal().gain(gain);

    let report = recurrent(lstm().build(rng)?, 16, 12)?;
    expect("LSTM", &report, Healthy, "");
    let row = &report.layers[0];
    let factor = row.per_step.expect("a recurrent layer");
    assert!((0.5..1.2).contains(&factor), "{report}");
    assert!(
        row.saturated < Some(0.01) && row.dead == Some(0.0),
        "{report}"
    );
    assert!(report.to_string().contains("per step"), "{report}");
    expect("GRU", &recurrent(gru().build(rng)?, 16, 8)?, Healthy, "");
    expect("simple", &recurrent(rnn().build(rng)?, 16, 8)?, Healthy, "");
    let two = lstm().layers(2).bidirectional();
    let report = recurrent(two.build(rng)?, 32, 10)?;
    expect("two layers, two directions", &report, Healthy, "");
    assert_eq!(
        report.layers.iter().filter_map(|row| row.per_step).count(),
        4
    );

    let report = recurrent(lstm().forget_bias(-6.0).build(rng)?, 16, 30)?;
    expect("an LSTM that forgets", &report, Vanishing, "0");
    assert!(
        report.findings[0].remedy.contains("forget bias"),
        "{report}"
    );
    let report = recurrent(rnn().recurrent_weight(orthogonal(0.1)).build(rng)?, 16, 12)?;
    expect("small recurrent weights", &report, Vanishing, "0");
    let relu = rnn().relu().recurrent_weight(orthogonal(4.0));
    let report = recurrent(relu.build(rng)?, 16, 12)?;
    expect("large recurrent weights", &report, Exploding, "0");
    assert!(report.layers[0].through_time > Some(1e3), "{report}");
    let report = recurrent(lstm().forget_bias(8.0).build(rng)?, 16, 30)?;
    expect("an LSTM with a long memory", &report, Healthy, "");
    let wide = init::uniform(-30.0, 30.0);
    for (name, report) in [
        (
            "LSTM",
            recurrent(lstm().input_weight(wide).build(rng)?, 16, 12)?,
        ),
        (
            "GRU",
            recurrent(gru().input_weight(wide).build(rng)?, 16, 12)?,
        ),
        (
            "simple",
            recurrent(rnn().input_weight(wide).build(rng)?, 16, 12)?,
        ),
    ] {
        expect(
            &format!("{name}, large input weights"),
            &report,
            Saturated,
            "0",
        );
        assert!(report.to_string().contains("of its gates"), "{report}");
    }
    let dead = rnn().relu().bias(init::constant(-50.0)).build(rng)?;
    expect(
        "ReLU with biases far below 0",
        &recurrent(dead, 16, 12)?,
        Dead,
        "0",
    );
    Ok(())
}

/// If each step has a loss, no gradient must cross all steps. The states that a layer returns
/// beside them are part of the last step.
#[test]
fn gradients_of_each_step_do_not_vanish_through_time() -> Result<()> {
    let small = Rnn::builder(6, 16).recurrent_weight(init::orthogonal().gain(0.1));
    let net = (small.build(&mut rng(1))?, Linear::new(16, 5, &mut rng(3))?);
    let x = normal(&[32, 12, 6], 7)?;
    let targets = labels(32 * 12);
    let of_steps = signal::inspect(&net, |net, pass| {
        let y = net.1.forward(&net.0.forward(&x, pass)?, pass)?;
        y.reshape([32 * 12, 5])?.cross_entropy(&targets)
    })?;
    expect("each step", &of_steps, Healthy, "");
    let of_state = signal::inspect(&net, |net, pass| {
        let (_, state) = net.0.run(&x, None, pass)?;
        let y = net.1.forward(&state.select(0, 0)?, pass)?;
        y.cross_entropy(&labels(32))
    })?;
    expect("the last state", &of_state, Vanishing, "0");
    // Sequences of unequal length.
    let lengths: Vec<usize> = (0..32).map(|i| 3 + i % 10).collect();
    let of_lengths = signal::inspect(&net, |net, pass| {
        let (_, state) = net.0.run_lengths(&x, &lengths, None, pass)?;
        let y = net.1.forward(&state.select(0, 0)?, pass)?;
        y.cross_entropy(&labels(32))
    })?;
    expect("lengths", &of_lengths, Vanishing, "0");
    Ok(())
}

/// A cell in a loop has a row for each step, which are judged as a chain of layers.
#[test]
fn cells_in_a_loop_are_judged_as_a_chain() -> Result<()> {
    let report = |forget: f64| -> Result<Report> {
        let cell = LstmCell::builder(6, 16).keras_default().forget_bias(forget);
        let net = (cell.build(&mut rng(1))?, Linear::new(16, 5, &mut rng(3))?);
        let x = normal(&[32, 10, 6], 7)?;
        signal::inspect(&net, |net, pass| {
            let zeros = || Tensor::zeros([32, 16], DType::F32);
            let mut state = LstmState {
                h: zeros()?,
                c: zeros()?,
            };
            for x in x.split(1, 1)? {
                state = net.0.step(&x.squeeze(1)?, &state, pass)?;
            }
            net.1.forward(&state.h, pass)?.cross_entropy(&labels(32))
        })
    };
    let sound = report(1.0)?;
    expect("forget bias 1", &sound, Healthy, "");
    assert_eq!(sound.layers.len(), 11, "{sound}");
    assert!(sound.layers[0].saturated.is_some() && sound.layers[0].per_step.is_none());
    expect("forget bias -8", &report(-8.0)?, Vanishing, "0");
    Ok(())
}

/// Returns the report on two encoder layers. The weights of queries and keys of the second are
/// multiplied.
fn encoder(factor: f64, causal: bool) -> Result<Report> {
    let layer = |seed| {
        let layer = TransformerEncoderLayer::builder(16, 2).hidden(32);
        let layer = if causal { layer.causal() } else { layer };
        layer.build(&mut rng(seed))
    };
    let mut net = ([layer(1)?, layer(2)?], Linear::new(16, 5, &mut rng(3))?);
    let weight = &mut net.0[1].self_attn.in_proj_weight;
    let value = weight.value();
    let parts = [
        value.narrow(0, 0, 32)?.mul_scalar(factor),
        value.narrow(0, 32, 16)?,
    ];
    weight.set(&Tensor::cat(&parts, 0)?)?;
    let x = normal(&[32, 6, 16], 7)?;
    signal::inspect(&net, |net, pass| {
        let x = net.0.forward(&x, pass)?.mean_over(1)?;
        net.1.forward(&x, pass)?.cross_entropy(&labels(32))
    })
}

#[test]
fn faults_of_attention() -> Result<()> {
    let path = "0.1.self_attn";
    let attention = |report: &Report| -> (f64, f64) {
        let mut rows = report.layers.iter().filter(|row| row.path == path);
        let row = rows.find(|row| row.largest_weight.is_some());
        let row = row.expect("the row of the values");
        (
            row.largest_weight.unwrap_or(0.0),
            row.saturated.unwrap_or(1.0),
        )
    };
    for causal in [false, true] {
        let sound = encoder(1.0, causal)?;
        expect("sound", &sound, Healthy, "");
        let (largest, saturated) = attention(&sound);
        assert!((0.2..0.75).contains(&largest) && saturated < 0.1, "{sound}");
        // Without weights of queries all keys count equally.
        let uniform = encoder(0.0, causal)?;
        let expected = if causal {
            (2..=6).map(|keys| 1.0 / f64::from(keys)).sum::<f64>() / 5.0
        } else {
            1.0 / 6.0
        };
        assert!((attention(&uniform).0 - expected).abs() < 1e-6, "{uniform}");
        let one_hot = encoder(30.0, causal)?;
        expect("one-hot", &one_hot, Saturated, path);
        assert!(attention(&one_hot).0 > 0.95, "{one_hot}");
        assert!(
            one_hot.findings[0].remedy.contains("1 / √width"),
            "{one_hot}"
        );
    }
    Ok(())
}

/// A query that can attend to one key only has the weight 1, which is no fault.
#[test]
fn masked_attention_is_not_saturated() -> Result<()> {
    let net = (
        Linear::new(8, 8, &mut rng(1))?,
        Linear::new(8, 5, &mut rng(2))?,
    );
    let x = normal(&[32, 1, 4, 8], 7)?;
    let inspect = |attention: Attention| {
        signal::inspect(&net, |net, pass| {
            let x = net.0.forward(&x, pass)?;
            let y = attention.attend(&x, &x.mul_scalar(1e-3), &x)?;
            let y = net.1.forward(&y.mean_over(2)?.squeeze(1)?, pass)?;
            y.cross_entropy(&labels(32))
        })
    };
    // Queries with one key, two, none and two.
    let t = true;
    let rows = [
        [t, false, false, false],
        [t, t, false, false],
        [false; 4],
        [t, false, t, false],
    ];
    let mask = Mask::from_vec(rows.concat(), [1, 1, 4, 4])?;
    let report = inspect(Attention::new().mask(&mask))?;
    let row = &report.layers[0];
    assert_eq!(row.saturated, Some(0.0), "{report}");
    let largest = row.largest_weight.expect("attention");
    assert!((largest - 0.5).abs() < 0.01, "{report}");
    // With the causal mask the last query has two keys of three, the second still two.
    let report = inspect(Attention::new().mask(&mask).causal())?;
    assert_eq!(report.layers[0].saturated, Some(0.0), "{report}");
    // No query has a choice.
    let none = Mask::from_vec(vec![true, false, false, false], [1, 1, 1, 4])?;
    let report = inspect(Attention::new().mask(&none))?;
    assert_eq!(report.layers[0].saturated, None, "{report}");
    Ok(())
}
