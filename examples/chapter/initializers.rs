//! The effect of each initializer on the variance of the signal, forwards and backwards.

use anyhow::Result;
use cotangent::figure::{Chart, Charts};
use cotangent::grad;
use cotangent::nn::init::Init;
use cotangent::prelude::*;

use crate::lab::{Lab, Options};
use crate::report::{Criteria, Spread, by_position, draw, from, table};

const LAYERS: usize = 10;
const UNITS: usize = 100;
/// The factor by which a variance may change and still counts as kept.
const KEPT: f64 = 10.0;

fn initializers() -> [(&'static str, Init); 5] {
    [
        ("N(0, 1)", init::normal(1.0)),
        ("N(0, 0.01²)", init::normal(0.01)),
        ("Glorot", init::glorot_normal()),
        ("He", init::he_normal()),
        ("LeCun", init::lecun_normal()),
    ]
}

/// Returns each activation with the initializer that the chapter recommends for it.
fn activations() -> [(&'static str, Activation, &'static str); 4] {
    [
        ("sigmoid", Sigmoid.into(), "Glorot"),
        ("tanh", Tanh.into(), "Glorot"),
        ("ReLU", Relu.into(), "He"),
        ("SELU", Selu.into(), "LeCun"),
    ]
}

/// The result of one seed for one activation with one initializer.
struct Run {
    /// The variance of each layer's outputs, relative to the first layer's.
    outputs: Vec<f64>,
    /// The variance of the loss's gradient with respect to them, relative to the last layer's.
    gradients: Vec<f64>,
}

fn experiment(activation: &Activation, weight: Init, lab: &Lab) -> Result<Run> {
    let net = Mlp::builder(lab.sizes(LAYERS, UNITS))
        .activation(activation.clone())
        .weight(weight)
        .build(&mut lab.rng())?;
    let pass = Pass::train(lab.seed);
    let mut outputs: Vec<Tensor> = Vec::new();
    for block in &net.hidden {
        let inputs = outputs.last().unwrap_or(lab.train.inputs());
        outputs.push(block.forward(inputs, &pass)?);
    }
    let logits = net.out.forward(&outputs[LAYERS - 1], &pass)?;
    let loss = logits.cross_entropy(lab.train.labels())?;
    let gradients = grad(&loss, &outputs.iter().collect::<Vec<_>>())?;
    let (outputs, gradients) = (variances(&outputs)?, variances(&gradients)?);
    let relative =
        |values: &[f64], to: usize| values.iter().map(|value| value / values[to]).collect();
    Ok(Run {
        outputs: relative(&outputs, 0),
        gradients: relative(&gradients, LAYERS - 1),
    })
}

/// Returns the variances, computed in `f64` because some squares are too small for `f32`.
fn variances(tensors: &[Tensor]) -> Result<Vec<f64>> {
    let variances = tensors
        .iter()
        .map(|tensor| tensor.to_dtype(DType::F64).var().item());
    Ok(variances.collect::<cotangent::Result<_>>()?)
}

/// The effect of an initializer on the nets of an activation.
struct Verdict {
    activation: &'static str,
    initializer: &'static str,
    recommended: bool,
    /// The change of the outputs' variance from the first layer to the last, as a factor.
    forwards: f64,
    /// The change of the gradients' variance from the last layer to the first, as a factor.
    backwards: f64,
}

impl Verdict {
    fn keeps_both(&self) -> bool {
        let kept = 1.0 / KEPT..=KEPT;
        kept.contains(&self.forwards) && kept.contains(&self.backwards)
    }
}

pub fn run(options: &Options) -> Result<bool> {
    println!("{LAYERS} hidden layers of {UNITS} units, untrained, on standardized digits");
    let (activations, initializers) = (activations(), initializers());
    let runs = options.each_seed(0, |lab| {
        let mut runs = Vec::new();
        for (_, activation, _) in &activations {
            for &(_, weight) in &initializers {
                runs.push(experiment(activation, weight, lab)?);
            }
        }
        Ok(runs)
    })?;

    let title = "Forwards: the right initializer keeps the variance of the outputs";
    let mut forwards = Charts::new(title)
        .note(
            "Variance of each layer's outputs, relative to the first layer's, before training. In \
             brackets: the recommended initializer. Curves that leave the picture explode or die. \
             Glorot's and LeCun's nearly coincide, since layers have as many inputs as units. \
             Shaded: the range over all seeds.",
        )
        .columns(2);
    let title = "Backwards: the right initializer keeps the variance of the gradients";
    let mut backwards = Charts::new(title)
        .note(
            "Variance of the gradient with respect to each layer's outputs, relative to the last \
             layer's, before training. In brackets: the recommended initializer. Gradients run \
             from right to left. Shaded: the range over all seeds.",
        )
        .columns(2);
    let mut verdicts = Vec::new();
    for (i, &(activation, _, recommended)) in activations.iter().enumerate() {
        let chart = || {
            let title = format!("{activation} ({recommended})");
            let chart = Chart::new("hidden layer", "relative variance").title(title);
            chart.log_y().y_range(1e-6, 1e6).level(1.0)
        };
        let (mut outputs, mut gradients) = (chart(), chart());
        for (j, &(initializer, _)) in initializers.iter().enumerate() {
            let number = i * initializers.len() + j;
            let runs: Vec<&Run> = runs.iter().map(|runs| &runs[number]).collect();
            let by_layer = by_position(&runs, |run| &run.outputs, Spread::of_ratios);
            outputs = draw(outputs, initializer, from(1), &by_layer);
            let last = by_layer[LAYERS - 1].mean;
            let by_layer = by_position(&runs, |run| &run.gradients, Spread::of_ratios);
            gradients = draw(gradients, initializer, from(1), &by_layer);
            verdicts.push(Verdict {
                activation,
                initializer,
                recommended: initializer == recommended,
                forwards: last,
                backwards: by_layer[0].mean,
            });
        }
        forwards = forwards.push(outputs);
        backwards = backwards.push(gradients);
    }

    let rows = verdicts.iter().map(|verdict| {
        vec![
            format!("{}, {}", verdict.activation, verdict.initializer),
            format!("{:.1e}", verdict.forwards),
            format!("{:.1e}", verdict.backwards),
            if verdict.keeps_both() { "yes" } else { "no" }.to_owned(),
        ]
    });
    let header = [
        "net",
        "outputs, layer 1 to 10",
        "gradients, layer 10 to 1",
        "both kept",
    ];
    table(&header, &rows.collect::<Vec<_>>());
    options.save("initializers-forwards", &forwards)?;
    options.save("initializers-backwards", &backwards)?;
    Ok(judge(&verdicts))
}

fn judge(verdicts: &[Verdict]) -> bool {
    let mut criteria = Criteria::new();
    for verdict in verdicts
        .iter()
        .filter(|verdict| verdict.activation != "sigmoid")
    {
        let fixed = verdict.initializer.starts_with("N(");
        if !verdict.recommended && !fixed {
            continue; // The chapter makes no claim about these.
        }
        criteria.require(
            verdict.keeps_both() == verdict.recommended,
            format!(
                "{}, {}: {} within a factor of {KEPT} over {LAYERS} layers (outputs \
                 {:.1e}, gradients {:.1e})",
                verdict.activation,
                verdict.initializer,
                if verdict.recommended {
                    "both variances stay"
                } else {
                    "not both variances stay"
                },
                verdict.forwards,
                verdict.backwards
            ),
        );
    }
    println!(
        "Sigmoid is not among the criteria: the chapter recommends Glorot's initializer for it \
         too, but it does not compensate a slope of at most 1/4."
    );
    criteria.met()
}
