//! Batch normalization allows larger learning rates, and it tolerates a bad initialization.

use anyhow::Result;
use cotangent::figure::{Chart, Charts};
use cotangent::prelude::*;

use crate::lab::{Lab, Options};
use crate::report::{Criteria, Spread, by_position, draw, table};

const LAYERS: usize = 5;
const UNITS: usize = 50;
const EPOCHS: u64 = 5;
/// The learning rate for the sweep over the scale of the weights.
const LEARNING_RATE: f64 = 0.1;
/// A net works if its test accuracy is at least this.
const WORKS: f64 = 0.85;

const LEARNING_RATES: [f64; 10] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
/// Factors of the weights that He's initializer draws.
const SCALES: [f64; 9] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 20.0, 30.0];

/// Test accuracies without and with batch normalization, for each value of the sweep.
struct Sweep([Vec<f64>; 2]);

impl Sweep {
    fn new(values: &[f64], accuracy: impl Fn(f64, bool) -> Result<f64>) -> Result<Self> {
        let with = |norm| {
            values
                .iter()
                .map(|&value| accuracy(value, norm))
                .collect::<Result<_>>()
        };
        Ok(Self([with(false)?, with(true)?]))
    }
}

/// Returns the test accuracy after a few epochs.
fn experiment(lab: &Lab, scale: f64, learning_rate: f64, batch_norm: bool) -> Result<f64> {
    let builder = Mlp::builder(lab.sizes(LAYERS, UNITS)).weight(init::he_normal().gain(scale));
    let builder = if batch_norm {
        builder.batch_norm()
    } else {
        builder
    };
    let mut net = builder.build(&mut lab.rng())?;
    let mut optimizer = Sgd::new(learning_rate).build()?;
    lab.fit(&mut net, &mut optimizer, 0..EPOCHS, |_, _| Ok(()))?;
    lab.test_accuracy(&net)
}

pub fn run(options: &Options) -> Result<bool> {
    println!(
        "{LAYERS} hidden layers of {UNITS} ReLU units, {EPOCHS} epochs of gradient descent; a net \
         works if its test accuracy is at least {WORKS}"
    );
    let trainings = 2 * (LEARNING_RATES.len() + SCALES.len()) as u64;
    let runs = options.each_seed(trainings * EPOCHS, |lab| {
        let rates = Sweep::new(&LEARNING_RATES, |rate, norm| {
            experiment(lab, 1.0, rate, norm)
        })?;
        let scales = Sweep::new(&SCALES, |scale, norm| {
            experiment(lab, scale, LEARNING_RATE, norm)
        })?;
        Ok((rates, scales))
    })?;
    let (rates, scales): (Vec<Sweep>, Vec<Sweep>) = runs.into_iter().unzip();

    let (rate_chart, [rates_without, rates_with]) =
        report("learning rate", &LEARNING_RATES, &rates);
    let (scale_chart, [scales_without, scales_with]) =
        report("scale of the weights", &SCALES, &scales);
    let figure = Charts::new("Batch normalization: more learning rates and scales work")
        .note(format!(
            "Test accuracy after {EPOCHS} epochs. Left: by the learning rate. Right: by the scale \
             of the first weights, 1 being He's, at a learning rate of {LEARNING_RATE}. Shaded: \
             the range over all seeds."
        ))
        .columns(2)
        .push(rate_chart)
        .push(scale_chart);
    options.save("batchnorm", &figure)?;

    let mut criteria = Criteria::new();
    criteria.require(
        rates_with.1 >= 4.0 * rates_without.1,
        format!(
            "the largest learning rate that works is at least 4 times larger with batch \
             normalization ({}) than without ({})",
            rates_with.1, rates_without.1
        ),
    );
    let factors = [scales_with, scales_without].map(|(low, high)| high / low);
    criteria.require(
        factors[0] >= 10.0 * factors[1],
        format!(
            "the ratio of the largest to the smallest scale that works is at least 10 times \
             larger with batch normalization ({:.0}) than without ({:.0})",
            factors[0], factors[1]
        ),
    );
    Ok(criteria.met())
}

/// Prints a sweep as a table and draws it. Returns the lowest and the highest value that works,
/// without batch normalization and with it.
fn report(what: &str, values: &[f64], sweeps: &[Sweep]) -> (Chart, [(f64, f64); 2]) {
    let spreads = [0, 1].map(|norm| by_position(sweeps, |sweep| &sweep.0[norm], Spread::of));
    let mut chart = Chart::new(what, "test accuracy")
        .log_x()
        .y_range(0.0, 1.0)
        .level(WORKS);
    let names = ["without batch norm", "with batch norm"];
    for (name, spreads) in names.iter().zip(&spreads) {
        chart = draw(chart, name, values.iter().copied(), spreads);
    }
    let rows = values.iter().enumerate().map(|(i, value)| {
        let cells = spreads.iter().map(|spreads| spreads[i].to_string());
        [value.to_string()].into_iter().chain(cells).collect()
    });
    table(&[what, names[0], names[1]], &rows.collect::<Vec<_>>());
    let ends = spreads.each_ref().map(|spreads| {
        let works = values
            .iter()
            .zip(spreads)
            .filter(|(_, spread)| spread.mean >= WORKS);
        let works = Spread::of(works.map(|(&value, _)| value));
        (works.low, works.high)
    });
    (chart, ends)
}
