//! A hundred layers of SELU keep mean 0 and standard deviation 1.

use anyhow::Result;
use cotangent::figure::{Chart, Charts};
use cotangent::prelude::*;

use crate::lab::{Lab, Options};
use crate::report::{Criteria, Spread, by_position, draw, from, table};

const LAYERS: usize = 100;
const UNITS: usize = 100;
/// The layers that the table shows.
const SHOWN: [usize; 5] = [1, 10, 25, 50, 100];

/// Returns the kinds of net. Each activation has its default initializer, which is the one that the
/// chapter recommends for it.
fn kinds() -> [(&'static str, Activation); 3] {
    [
        ("SELU, LeCun", Selu.into()),
        ("ELU, He", Elu::default().into()),
        ("ReLU, He", Relu.into()),
    ]
}

/// The result of one seed for one kind of net: mean and standard deviation of all outputs of a
/// layer.
struct Run {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

fn experiment(activation: &Activation, lab: &Lab) -> Result<Run> {
    let net = Mlp::builder(lab.sizes(LAYERS, UNITS))
        .activation(activation.clone())
        .build(&mut lab.rng())?;
    let (mut means, mut deviations) = (Vec::new(), Vec::new());
    let mut outputs = lab.train.inputs().clone();
    for block in &net.hidden {
        outputs = block.predict(&outputs)?;
        means.push(outputs.mean().item()?);
        deviations.push(outputs.std().item()?);
    }
    Ok(Run { means, deviations })
}

pub fn run(options: &Options) -> Result<bool> {
    println!("{LAYERS} hidden layers of {UNITS} units, untrained, on standardized digits");
    let kinds = kinds();
    let runs = options.each_seed(0, |lab| {
        let runs = kinds
            .iter()
            .map(|(_, activation)| experiment(activation, lab));
        runs.collect::<Result<Vec<Run>>>()
    })?;

    let mut rows = Vec::new();
    let mut mean_chart = Chart::new("layer", "mean of the outputs").level(0.0);
    let mut deviation_chart = Chart::new("layer", "their standard deviation")
        .log_y()
        .level(1.0);
    let mut keeps = Vec::new();
    for (i, &(name, _)) in kinds.iter().enumerate() {
        let runs: Vec<&Run> = runs.iter().map(|runs| &runs[i]).collect();
        let means = by_position(&runs, |run| &run.means, Spread::of);
        let deviations = by_position(&runs, |run| &run.deviations, Spread::of);
        for (what, spreads) in [("mean", &means), ("standard deviation", &deviations)] {
            let cells = SHOWN.iter().map(|&layer| spreads[layer - 1].to_string());
            rows.push(
                [format!("{name}: {what}")]
                    .into_iter()
                    .chain(cells)
                    .collect(),
            );
        }
        mean_chart = draw(mean_chart, name, from(1), &means);
        deviation_chart = draw(deviation_chart, name, from(1), &deviations);

        let farthest = means
            .iter()
            .map(|spread| spread.mean.abs())
            .fold(0.0, f64::max);
        let within = Spread::of(deviations.iter().map(|spread| spread.mean));
        let kept = farthest < 0.1 && within.low > 0.85 && within.high < 1.15;
        keeps.push((name, kept, farthest, within));
    }

    let header = SHOWN.map(|layer| format!("layer {layer}"));
    let header: Vec<&str> = ["net"]
        .into_iter()
        .chain(header.iter().map(String::as_str))
        .collect();
    table(&header, &rows);
    let figure = Charts::new("SELU keeps mean 0 and standard deviation 1 through a hundred layers")
        .note("Outputs of each layer before any training. Shaded: the range over all seeds.")
        .columns(2)
        .push(mean_chart)
        .push(deviation_chart);
    options.save("selu", &figure)?;

    let mut criteria = Criteria::new();
    for (name, kept, farthest, within) in keeps {
        let selu = name.starts_with("SELU");
        criteria.require(
            kept == selu,
            format!(
                "{name}: over all layers the mean {} within 0.1 of 0 and the standard deviation \
                 within 0.15 of 1 (farthest mean {farthest:.2}, standard deviations {:.2} to \
                 {:.2})",
                if selu { "stays" } else { "does not stay" },
                within.low,
                within.high,
            ),
        );
    }
    Ok(criteria.met())
}
