//! Gradients explode in a recurrent net, and clipping makes it train.

use anyhow::Result;
use cotangent::figure::{Chart, Charts};
use cotangent::grad;
use cotangent::nn::RnnCell;
use cotangent::prelude::*;

use crate::lab::{GUESSING, Lab, Options};
use crate::report::{Criteria, Spread, by_position, draw, from, table};

/// The number of pixels in a step. An image is read row by row.
const PIXELS: usize = 2;
const STEPS: usize = 64 / PIXELS;
const UNITS: usize = 64;
const EPOCHS: u64 = 15;
const LEARNING_RATE: f64 = 0.2;
const MAX_NORM: f64 = 1.0;
/// The spectral radii for which gradients are measured. The last one is too large; nets with it are
/// trained.
const RADII: [f64; 3] = [0.5, 1.0, 1.75];

/// A net that reads an image step by step and predicts the digit from the last state.
#[derive(Module, Clone, Debug)]
struct Reader {
    cell: RnnCell,
    out: Linear,
}

impl Reader {
    fn new(radius: f64, lab: &Lab) -> cotangent::Result<Self> {
        let rng = &mut lab.rng();
        // All singular values of an orthogonal matrix are 1, and so is its spectral radius.
        let cell = RnnCell::builder(PIXELS, UNITS)
            .recurrent_weight(init::orthogonal().gain(radius))
            .build(rng)?;
        Ok(Self {
            cell,
            out: Linear::new(UNITS, lab.train.classes(), rng)?,
        })
    }

    /// Returns the states after each step of images (batch, 64), from zeros on. The layer `Rnn`
    /// would be faster, but the gradients of its states do not show the steps in between.
    fn states(&self, images: &Tensor, pass: &Pass) -> cotangent::Result<Vec<Tensor>> {
        let batch = images.shape()[0];
        let mut state = Tensor::zeros([batch, UNITS], images.dtype())?;
        let mut states = Vec::with_capacity(STEPS);
        for pixels in images.split(1, PIXELS)? {
            state = self.cell.step(&pixels, &state, pass)?;
            states.push(state.clone());
        }
        Ok(states)
    }
}

impl Layer for Reader {
    fn compute(&self, images: &Tensor, pass: &Pass) -> cotangent::Result<Tensor> {
        let states = self.states(images, pass)?;
        self.out.forward(&states[STEPS - 1], pass)
    }
}

/// Returns the norm of the loss's gradient with respect to the state after each step.
fn gradient_norms(net: &Reader, lab: &Lab) -> Result<Vec<f64>> {
    let pass = Pass::train(lab.seed);
    let states = net.states(lab.train.inputs(), &pass)?;
    let logits = net.out.forward(&states[STEPS - 1], &pass)?;
    let loss = logits.cross_entropy(lab.train.labels())?;
    let gradients = grad(&loss, &states.iter().collect::<Vec<_>>())?;
    let norms = gradients
        .iter()
        .map(|gradient| gradient.to_dtype(DType::F64).norm(Norm::L2)?.item());
    Ok(norms.collect::<cotangent::Result<_>>()?)
}

/// The result of one seed for one way of training.
struct Training {
    losses: Vec<f64>,
    /// The largest norm of all gradients of a step, before clipping.
    largest_norm: f64,
    accuracy: f64,
}

fn train(max_norm: f64, lab: &Lab) -> Result<Training> {
    let mut net = Reader::new(RADII[2], lab)?;
    let mut optimizer = Sgd::new(LEARNING_RATE).build()?;
    let mut largest_norm = 0.0;
    let losses = lab.fit(&mut net, &mut optimizer, 0..EPOCHS, |net, grads| {
        // An infinite bound clips nothing, but `apply` still returns the norm.
        largest_norm = clip::global_norm(max_norm)
            .apply(net, grads)?
            .max(largest_norm);
        Ok(())
    })?;
    Ok(Training {
        losses,
        largest_norm,
        accuracy: lab.test_accuracy(&net)?,
    })
}

/// The result of one seed.
struct Run {
    /// For each radius, the gradient's norm by step.
    norms: Vec<Vec<f64>>,
    /// Trainings without clipping and with clipping.
    trainings: [Training; 2],
}

pub fn run(options: &Options) -> Result<bool> {
    println!(
        "images of 64 pixels read {PIXELS} at a time, a recurrent layer of {UNITS} tanh units, \
         {EPOCHS} epochs of gradient descent at a learning rate of {LEARNING_RATE}"
    );
    let runs = options.each_seed(2 * EPOCHS, |lab| {
        let norms = RADII.map(|radius| gradient_norms(&Reader::new(radius, lab)?, lab));
        Ok(Run {
            norms: norms.into_iter().collect::<Result<_>>()?,
            trainings: [train(f64::INFINITY, lab)?, train(MAX_NORM, lab)?],
        })
    })?;
    let (norm_chart, growths) = report_norms(&runs);
    let (loss_chart, accuracies) = report_trainings(&runs);
    let title = "Exploding gradients: a recurrent net learns once they are clipped";
    let figure = Charts::new(title)
        .note(format!(
            "Left: the gradient of the loss with respect to the state after each of {STEPS} \
             steps, before training; it runs from the last step to the first. Right: training \
             with spectral radius {}; dashed, the loss of guessing. Shaded: the range over all \
             seeds.",
            RADII[2]
        ))
        .columns(2)
        .push(norm_chart)
        .push(loss_chart);
    options.save("exploding", &figure)?;

    let mut criteria = Criteria::new();
    criteria.require(
        growths[2] > 10.0,
        format!(
            "with spectral radius {} the gradient grows more than tenfold from the last step to \
             the first ({:.0})",
            RADII[2], growths[2]
        ),
    );
    criteria.require(
        growths[0] < 0.1,
        format!(
            "with spectral radius {} the gradient shrinks more than tenfold ({:.0e})",
            RADII[0], growths[0]
        ),
    );
    let [without, with] = accuracies;
    criteria.require(
        without < 0.6 && with > 0.8,
        format!(
            "with spectral radius {} the test accuracy stays below 0.6 without clipping \
             ({without:.3}) and gets above 0.8 with it ({with:.3})",
            RADII[2]
        ),
    );
    Ok(criteria.met())
}

/// Prints and draws the gradient by time step. Returns for each radius the growth from the last
/// step to the first.
fn report_norms(runs: &[Run]) -> (Chart, [f64; 3]) {
    let mut chart = Chart::new("time step", "norm of the gradient").log_y();
    let (mut rows, mut growths) = (Vec::new(), RADII);
    for (i, radius) in RADII.iter().enumerate() {
        let norms = by_position(runs, |run| &run.norms[i], Spread::of_ratios);
        chart = draw(chart, &format!("spectral radius {radius}"), from(1), &norms);
        let (first, last) = (norms[0].mean, norms[STEPS - 1].mean);
        growths[i] = first / last;
        let cells = [last, first, growths[i]].map(|value| format!("{value:.1e}"));
        rows.push([radius.to_string()].into_iter().chain(cells).collect());
    }
    let last = format!("gradient, step {STEPS}");
    table(&["spectral radius", &last, "step 1", "growth"], &rows);
    (chart, growths)
}

/// Prints and draws the trainings without and with clipping. Returns their mean test accuracies.
fn report_trainings(runs: &[Run]) -> (Chart, [f64; 2]) {
    let mut chart = Chart::new("epoch", "training loss").level(GUESSING);
    let (mut rows, mut accuracies) = (Vec::new(), [0.0; 2]);
    let names = [
        "without clipping".to_owned(),
        format!("clipped to norm {MAX_NORM}"),
    ];
    for (i, name) in names.iter().enumerate() {
        let trainings: Vec<&Training> = runs.iter().map(|run| &run.trainings[i]).collect();
        let losses = by_position(&trainings, |training| &training.losses, Spread::of);
        chart = draw(chart, name, from(1), &losses);
        let accuracy = Spread::of(trainings.iter().map(|training| training.accuracy));
        let largest = Spread::of_ratios(trainings.iter().map(|training| training.largest_norm));
        rows.push(vec![
            format!("spectral radius {}, {name}", RADII[2]),
            format!("{:.1e}", largest.mean),
            losses[losses.len() - 1].to_string(),
            accuracy.to_string(),
        ]);
        accuracies[i] = accuracy.mean;
    }
    let header = [
        "training",
        "largest norm",
        "loss at the end",
        "test accuracy",
    ];
    table(&header, &rows);
    (chart, accuracies)
}
