//! Gradients vanish in a deep net of sigmoid units, and four remedies help.

use anyhow::Result;
use clap::Args;
use cotangent::figure::{Chart, Charts};
use cotangent::nn::init::Init;
use cotangent::nn::signal::{self, Report};
use cotangent::prelude::*;

use crate::lab::{GUESSING, Lab, Options};
use crate::report::{Criteria, Spread, by_position, draw, from, table};

const LAYERS: usize = 10;
const EPOCHS: u64 = 20;
const LEARNING_RATE: f64 = 0.05;

#[derive(Args, Debug)]
pub struct Choices {
    /// The number of units in each hidden layer. The effect of weights from N(0, 1) depends on it:
    /// the slopes of saturated units are almost 0, but a gradient is a sum over many large weights.
    /// With 100 units the two effects nearly cancel, and the net learns (mostly its training set by
    /// heart). With Glorot's weights the gradients vanish at any size.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..=1000))]
    units: u64,
}

/// A kind of net.
struct Kind {
    name: &'static str,
    activation: Activation,
    weight: Init,
    batch_norm: bool,
    /// Whether the chapter calls it healthy.
    healthy: bool,
}

fn kinds() -> Vec<Kind> {
    let kind = |name, activation, weight, batch_norm, healthy| Kind {
        name,
        activation,
        weight,
        batch_norm,
        healthy,
    };
    let (naive, glorot, he) = (init::normal(1.0), init::glorot_normal(), init::he_normal());
    vec![
        kind("sigmoid, N(0, 1)", Sigmoid.into(), naive, false, false),
        kind("sigmoid, Glorot", Sigmoid.into(), glorot, false, false),
        kind("tanh, Glorot", Tanh.into(), glorot, false, true),
        kind("ReLU, He", Relu.into(), he, false, true),
        kind(
            "sigmoid, N(0, 1), batch norm",
            Sigmoid.into(),
            naive,
            true,
            true,
        ),
        kind(
            "sigmoid, Glorot, batch norm",
            Sigmoid.into(),
            glorot,
            true,
            true,
        ),
    ]
}

/// The result of one seed for one kind of net.
struct Run {
    /// The root mean square of the gradient of each hidden layer's weight, before training.
    gradients: Vec<f64>,
    /// The signal report before training.
    report: Report,
    losses: Vec<f64>,
    train_accuracy: f64,
    test_accuracy: f64,
}

fn experiment(kind: &Kind, units: usize, lab: &Lab) -> Result<Run> {
    let builder = Mlp::builder(lab.sizes(LAYERS, units))
        .activation(kind.activation.clone())
        .weight(kind.weight);
    let builder = if kind.batch_norm {
        builder.batch_norm()
    } else {
        builder
    };
    let mut net = builder.build(&mut lab.rng())?;

    // One batch of all training images, before the first step.
    let report = signal::inspect(&net, |net, pass| {
        let logits = net.forward(lab.train.inputs(), pass)?;
        logits.cross_entropy(lab.train.labels())
    })?;
    let weights = report.parameters.iter();
    let weights = weights.filter(|parameter| parameter.path.ends_with(".linear.weight"));
    let gradients = weights.filter_map(|weight| weight.gradient).collect();

    let mut optimizer = Sgd::new(LEARNING_RATE).build()?;
    let losses = lab.fit(&mut net, &mut optimizer, 0..EPOCHS, |_, _| Ok(()))?;
    Ok(Run {
        gradients,
        report,
        losses,
        train_accuracy: lab.train_accuracy(&net)?,
        test_accuracy: lab.test_accuracy(&net)?,
    })
}

pub fn run(choices: &Choices, options: &Options) -> Result<bool> {
    let units = choices.units as usize;
    let kinds = kinds();
    println!(
        "{LAYERS} hidden layers of {units} units, {EPOCHS} epochs of gradient descent at a \
         learning rate of {LEARNING_RATE}"
    );
    let runs = options.each_seed(EPOCHS * kinds.len() as u64, |lab| {
        let runs = kinds.iter().map(|kind| experiment(kind, units, lab));
        runs.collect::<Result<Vec<Run>>>()
    })?;

    let mut rows = Vec::new();
    let mut gradients = Chart::new("hidden layer", "gradient RMS").log_y();
    let mut losses = Chart::new("epoch", "training loss").level(GUESSING);
    let mut criteria = Vec::new();
    for (i, kind) in kinds.iter().enumerate() {
        let runs: Vec<&Run> = runs.iter().map(|runs| &runs[i]).collect();
        let by_layer = by_position(&runs, |run| &run.gradients, Spread::of_ratios);
        let by_epoch = by_position(&runs, |run| &run.losses, Spread::of);
        let ratio = Spread::of_ratios(
            runs.iter()
                .map(|run| run.gradients[0] / run.gradients[LAYERS - 1]),
        );
        let train = Spread::of(runs.iter().map(|run| run.train_accuracy));
        let test = Spread::of(runs.iter().map(|run| run.test_accuracy));
        rows.push(vec![
            kind.name.to_owned(),
            format!("{:.1e}", by_layer[0].mean),
            format!("{:.1e}", by_layer[LAYERS - 1].mean),
            format!("{:.1e}", ratio.mean),
            verdicts(&runs),
            train.to_string(),
            test.to_string(),
        ]);
        gradients = draw(gradients, kind.name, from(1), &by_layer);
        losses = draw(losses, kind.name, from(1), &by_epoch);
        criteria.push((kind, ratio, train));
    }

    table(
        &[
            "net",
            "gradient, layer 1",
            "layer 10",
            "ratio",
            "signal report",
            "training accuracy",
            "test accuracy",
        ],
        &rows,
    );
    let figure = Charts::new("Vanishing gradients: what gets no gradient does not learn")
        .note(format!(
            "{LAYERS} hidden layers of {units} units. Left: the gradient of each layer's weights \
             at the start. Right: the loss while training; dashed, that of guessing. Shaded: the \
             range over all seeds."
        ))
        .columns(2)
        .push(gradients.title("Before training"))
        .push(losses.title("While training"));
    options.save("vanishing", &figure)?;
    // The signal reports of the same weights without batch normalization and with it.
    options.save("signal-sick", &runs[0][0].report)?;
    options.save("signal-cured", &runs[0][4].report)?;

    let mut all = Criteria::new();
    for (kind, ratio, train) in criteria {
        let name = kind.name;
        if kind.healthy {
            all.require(
                ratio.mean > 0.1 && train.mean > 0.8,
                format!(
                    "{name}: layer 1 gets more than a tenth of the gradient of layer {LAYERS} \
                     ({:.2}), and the net learns, training accuracy above 0.8 ({:.3})",
                    ratio.mean, train.mean
                ),
            );
        } else {
            all.require(
                ratio.mean < 0.01 && train.mean < 0.5,
                format!(
                    "{name}: layer 1 gets less than a hundredth of the gradient of layer {LAYERS} \
                     ({:.0e}), and the net does not learn, training accuracy below 0.5 ({:.3})",
                    ratio.mean, train.mean
                ),
            );
        }
    }
    println!(
        "Glorot's initializer alone does not cure a net of sigmoid units: their slope is at most \
         1/4, which shrinks the gradient in each layer. It does for units whose slope at 0 is 1, \
         such as tanh."
    );
    Ok(all.met())
}

/// Returns the different verdicts of the seeds.
fn verdicts(runs: &[&Run]) -> String {
    let mut all: Vec<String> = runs
        .iter()
        .map(|run| run.report.verdict().to_string())
        .collect();
    all.sort();
    all.dedup();
    all.join(" or ")
}
