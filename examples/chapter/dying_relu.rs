//! ReLU units die. Units with a slope below 0 recover.

use anyhow::Result;
use cotangent::figure::{Chart, Charts};
use cotangent::prelude::*;

use crate::lab::{Lab, Options};
use crate::report::{Criteria, Spread, by_position, draw, from, table};

const LAYERS: usize = 2;
const UNITS: usize = 100;
const EPOCHS: u64 = 15;
const LEARNING_RATE: f64 = 0.05;
/// The norm that gradients are clipped to, so that nets survive a much too large learning rate.
const MAX_NORM: f64 = 5.0;

/// A way to silence units.
struct Ordeal {
    name: &'static str,
    /// The learning rate of the first epoch.
    first_rate: f64,
    /// The initial value of the biases.
    bias: f64,
}

const ORDEALS: [Ordeal; 2] = [
    Ordeal {
        name: "first epoch at rate 3",
        first_rate: 3.0,
        bias: 0.0,
    },
    Ordeal {
        name: "biases start at −3",
        first_rate: LEARNING_RATE,
        bias: -3.0,
    },
];

fn kinds() -> [(&'static str, Activation); 4] {
    let leaky = |negative_slope| LeakyRelu { negative_slope }.into();
    [
        ("ReLU", Relu.into()),
        ("leaky ReLU, slope 0.01", leaky(0.01)),
        ("leaky ReLU, slope 0.2", leaky(0.2)),
        ("ELU", Elu::default().into()),
    ]
}

/// The result of one seed, at the start and after each epoch.
#[derive(Default)]
struct Run {
    silent: Vec<f64>,
    accuracies: Vec<f64>,
}

/// Returns the share of hidden units that are above 0 for no training image. Such a ReLU unit gets
/// no gradient from any image: it is dead.
fn silent_share(net: &Mlp, images: &Tensor) -> Result<f64> {
    let (mut silent, mut units) = (0, 0);
    let mut outputs = images.clone();
    for block in &net.hidden {
        outputs = block.predict(&outputs)?;
        let highest = outputs.max_over(0)?.to_f64_vec();
        silent += highest.iter().filter(|&&highest| highest <= 0.0).count();
        units += highest.len();
    }
    Ok(silent as f64 / units as f64)
}

fn experiment(activation: &Activation, ordeal: &Ordeal, lab: &Lab) -> Result<Run> {
    let mut net = Mlp::builder(lab.sizes(LAYERS, UNITS))
        .activation(activation.clone())
        .bias(init::constant(ordeal.bias))
        .build(&mut lab.rng())?;
    let mut optimizer = Sgd::new(ordeal.first_rate).build()?;
    let mut run = Run::default();
    for epoch in 0..=EPOCHS {
        run.silent.push(silent_share(&net, lab.train.inputs())?);
        run.accuracies.push(lab.test_accuracy(&net)?);
        if epoch < EPOCHS {
            lab.fit(&mut net, &mut optimizer, epoch..epoch + 1, |net, grads| {
                clip::global_norm(MAX_NORM).apply(net, grads).map(drop)
            })?;
            optimizer.set_learning_rate(LEARNING_RATE)?;
        }
    }
    Ok(run)
}

pub fn run(options: &Options) -> Result<bool> {
    println!(
        "{LAYERS} hidden layers of {UNITS} units, {EPOCHS} epochs of gradient descent at a \
         learning rate of {LEARNING_RATE}; a unit is silent if it is above 0 for no training \
         image"
    );
    let kinds = kinds();
    let epochs = EPOCHS * (kinds.len() * ORDEALS.len()) as u64;
    let runs = options.each_seed(epochs, |lab| {
        let runs = ORDEALS.iter().map(|ordeal| {
            let runs = kinds
                .iter()
                .map(|(_, activation)| experiment(activation, ordeal, lab));
            runs.collect::<Result<Vec<Run>>>()
        });
        runs.collect::<Result<Vec<_>>>()
    })?;

    let title = "Dead ReLU units stay dead; with a slope below 0 the net still learns";
    let mut figure = Charts::new(title)
        .note(format!(
            "Left: the share of units that are above 0 for no training image. Right: the test \
             accuracy. After the first epoch the learning rate is {LEARNING_RATE}. Shaded: the \
             range over all seeds."
        ))
        .columns(2);
    let mut rows = Vec::new();
    // For each ordeal and kind: silent units after the first epoch and at the end, final accuracy.
    let mut ends = Vec::new();
    for (i, ordeal) in ORDEALS.iter().enumerate() {
        let mut silent_chart = Chart::new("epoch", "silent units")
            .title(ordeal.name)
            .y_range(0.0, 0.6);
        let mut accuracy_chart = Chart::new("epoch", "test accuracy")
            .title(ordeal.name)
            .y_range(0.0, 1.0);
        for (j, &(name, _)) in kinds.iter().enumerate() {
            let runs: Vec<&Run> = runs.iter().map(|runs| &runs[i][j]).collect();
            let silent = by_position(&runs, |run| &run.silent, Spread::of);
            let accuracy = by_position(&runs, |run| &run.accuracies, Spread::of);
            let last = EPOCHS as usize;
            rows.push(vec![
                format!("{}: {name}", ordeal.name),
                silent[0].to_string(),
                silent[1].to_string(),
                silent[last].to_string(),
                accuracy[last].to_string(),
            ]);
            ends.push((silent[1].mean, silent[last].mean, accuracy[last].mean));
            silent_chart = draw(silent_chart, name, from(0), &silent);
            accuracy_chart = draw(accuracy_chart, name, from(0), &accuracy);
        }
        figure = figure.push(silent_chart).push(accuracy_chart);
    }
    table(
        &[
            "net",
            "silent at the start",
            "after epoch 1",
            "at the end",
            "test accuracy",
        ],
        &rows,
    );
    options.save("dying-relu", &figure)?;

    let mut criteria = Criteria::new();
    for (ordeal, ends) in ORDEALS.iter().zip(ends.chunks(kinds.len())) {
        let (after, end, relu) = ends[0];
        criteria.require(
            after > 0.1 && end > 0.8 * after,
            format!(
                "{}: more than a tenth of the ReLU units are silent after epoch 1 ({after:.2}), \
                 and more than 0.8 of that at the end ({end:.2})",
                ordeal.name
            ),
        );
        let steep = ends[2].2;
        criteria.require(
            steep > relu + 0.1,
            format!(
                "{}: leaky ReLU of slope 0.2 ends with a test accuracy ({steep:.2}) more than 0.1 \
                 above ReLU's ({relu:.2})",
                ordeal.name
            ),
        );
    }
    let [relu, elu] = [0, 3].map(|kind| ends[kinds.len() + kind].2);
    criteria.require(
        elu > relu + 0.1,
        format!(
            "{}: ELU ends with a test accuracy ({elu:.2}) more than 0.1 above ReLU's ({relu:.2})",
            ORDEALS[1].name
        ),
    );
    println!(
        "A slope above 0 is no cure by itself. A slope of 0.01 is too small to revive units that \
         start far below 0 in so few epochs. A much too large learning rate silences ELU units \
         permanently too, since far below 0 their slope is almost 0."
    );
    Ok(criteria.met())
}
