//! The signal report: its verdicts on nets that are sick in one known way each, and on healthy ones;
//! what it measures; that watching changes nothing.

use cotangent::nn::Init;
use cotangent::nn::signal::{self, Report, Signal, Verdict};
use cotangent::prelude::*;

/// 64 standardized samples of 30 features in 5 classes.
fn data() -> (Tensor, Indices) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let x = Tensor::normal([64, 30], 0.0, 1.0, DType::F32, &mut rng).expect("a small tensor");
    (x, (0..64).map(|i| i % 5).collect::<Vec<_>>().into())
}

type Function = fn(&Tensor) -> Tensor;

/// A net as a user writes one: the activations are in `forward` alone.
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
            .expect("sound sizes");
        let out = Linear::new(100, 5, &mut rng).expect("sound sizes");
        Self {
            hidden,
            out,
            activation,
        }
    }

    /// The same with the weight of a hidden layer multiplied.
    fn scale(mut self, hidden: usize, factor: f64) -> Self {
        let weight = &mut self.hidden[hidden].linear.weight;
        let scaled = weight.value().mul_scalar(factor);
        weight.set(&scaled).expect("the same shape");
        self
    }

    /// The same with all biases of a hidden layer set.
    fn bias(mut self, hidden: usize, value: f64) -> Self {
        let bias = self.hidden[hidden]
            .linear
            .bias
            .as_mut()
            .expect("there is one");
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
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
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

/// A recurrent net whose recurrent weight is `factor` times an orthogonal matrix.
fn recurrent(factor: f64, activation: Function) -> Result<Report> {
    #[derive(Module)]
    struct Recurrent {
        cell: (Linear, Linear),
        out: Linear,
    }
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let recurrent = Linear::builder(20, 20)
        .weight(init::identity().gain(factor))
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

/// One step of training at a learning rate, and its report.
fn trained(net: &mut Net, learning_rate: f64) -> Result<Report> {
    let (x, labels) = data();
    let signal = Signal::of(net);
    let pass = Pass::train(0).observed(signal.clone());
    let grads = net.forward(&x, &pass)?.cross_entropy(&labels)?.backward()?;
    Sgd::new(learning_rate).build()?.step(net, &grads)?;
    Ok(signal.step(net)?.expect("every step is watched"))
}

#[test]
fn each_sickness_is_told_with_its_layer() -> Result<()> {
    use Verdict::{Dead, Exploding, Healthy, Saturated, Vanishing};
    let (x, labels) = data();
    let he = |depth| Net::new(depth, init::he_normal(), false, relu);
    let tanh = |depth| Net::new(depth, init::glorot_uniform(), false, Tensor::tanh);
    let naive = init::normal(1.0);
    let cases: Vec<(&str, Report, Verdict, &str)> = vec![
        ("He and ReLU", he(10).inspect(), Healthy, ""),
        ("Glorot and tanh", tanh(6).inspect(), Healthy, ""),
        (
            "LeCun and SELU, deep",
            Net::new(30, init::lecun_normal(), false, Tensor::selu).inspect(),
            Healthy,
            "",
        ),
        (
            "He, normalized ELU",
            Net::new(10, init::he_normal(), true, elu).inspect(),
            Healthy,
            "",
        ),
        (
            "normalization mends N(0, 1)",
            Net::new(10, naive, true, relu).inspect(),
            Healthy,
            "",
        ),
        (
            "and tiny weights",
            he(4).scale(2, 1e-3).inspect(),
            Vanishing,
            "hidden.2.linear",
        ),
        (
            "unless there is normalization",
            Net::new(4, init::he_normal(), true, relu)
                .scale(2, 1e-3)
                .inspect(),
            Healthy,
            "",
        ),
        (
            "a recurrent net that keeps its norm",
            recurrent(1.0, Tensor::tanh)?,
            Healthy,
            "",
        ),
        (
            "a step of a usual size",
            trained(&mut he(4), 0.01)?,
            Healthy,
            "",
        ),
        (
            "sigmoid and N(0, 1)",
            Net::new(10, naive, false, Tensor::sigmoid).inspect(),
            Saturated,
            "hidden.0.linear",
        ),
        (
            "sigmoid and Glorot, deep",
            Net::new(10, init::glorot_normal(), false, Tensor::sigmoid).inspect(),
            Vanishing,
            "hidden.0.linear",
        ),
        (
            "one weight too small, tanh",
            tanh(6).scale(3, 1e-5).inspect(),
            Vanishing,
            "hidden.3.linear",
        ),
        (
            "all weights too small",
            Net::new(8, init::normal(0.01), false, relu).inspect(),
            Vanishing,
            "out",
        ),
        (
            "one weight too large",
            he(6).scale(2, 1e5).inspect(),
            Exploding,
            "hidden.2.linear",
        ),
        (
            "ReLU and N(0, 1)",
            Net::new(8, naive, false, relu).inspect(),
            Exploding,
            "out",
        ),
        (
            "one weight not a number",
            he(5).scale(3, f64::NAN).inspect(),
            Exploding,
            "hidden.3.linear",
        ),
        (
            "biases far below 0",
            he(5).bias(2, -100.0).inspect(),
            Dead,
            "hidden.2.linear",
        ),
        (
            "one weight too large, tanh",
            tanh(6).scale(4, 100.0).inspect(),
            Saturated,
            "hidden.4.linear",
        ),
        (
            "weights far apart in sizes",
            tanh(4).bias(1, 50.0).inspect(),
            Saturated,
            "hidden.1.linear",
        ),
        (
            "a recurrent net that grows",
            recurrent(4.0, relu)?,
            Exploding,
            "cell.0",
        ),
        (
            "a recurrent net that shrinks",
            recurrent(0.1, relu)?,
            Vanishing,
            "cell.0",
        ),
        (
            "a step too large",
            trained(&mut he(4), 1e3)?,
            Exploding,
            "out",
        ),
        (
            "an infinite input",
            signal::inspect(&he(2), |net, pass| {
                net.forward(&x.div_scalar(0.0), pass)?
                    .cross_entropy(&labels)
            })?,
            Exploding,
            "input",
        ),
    ];
    let mut wrong = String::new();
    for (case, report, verdict, layer) in &cases {
        let found = report.findings.first().map_or("", |finding| &finding.layer);
        if (report.verdict(), found) != (*verdict, *layer) {
            wrong += &format!("{case}: expected {verdict} at `{layer}`\n{report}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    Ok(())
}
