//! The race on the digits: tuning, runs, a table, a figure and findings.

use anyhow::Result;
use cotangent::figure::plotters::style::RGBColor;
use cotangent::figure::style;
use std::path::Path;

use crate::digits::{Run, TARGET, Track, WINDOW};
use crate::grid::{Axis, Grid, Look, Mark, Panel};
use crate::output;
use crate::parallel::in_parallel;
use crate::progress::progress_bar;
use crate::racers::Racer;
use crate::report::{Findings, largest, median, rate, smallest, steps, three_digits};
use crate::tuning::Tuned;

/// The results of an optimizer over all seeds.
struct Outcome {
    racer: Racer,
    tuned: Tuned,
    runs: Vec<Run>,
    /// The median of the steps to the target.
    steps: f64,
}

/// Runs the race. Returns the winner and its steps.
pub fn run(
    racers: &[Racer],
    seeds: u64,
    seed: u64,
    epochs: u64,
    out: Option<&Path>,
    findings: &mut Findings,
) -> Result<(Racer, f64)> {
    let bar = progress_bar(racers.len() as u64 * Track::trainings(seeds));
    let track = Track::new(seed, epochs, bar.clone())?;
    println!("{}", track.describe(seeds));
    let tuned = in_parallel(racers, |&racer| track.tune(racer))?;
    let jobs: Vec<_> = racers
        .iter()
        .zip(&tuned)
        .flat_map(|(&racer, tuned)| (0..seeds).map(move |number| (racer, tuned.rate, number)))
        .collect();
    let runs = in_parallel(&jobs, |&(racer, rate, number)| {
        track.race(racer, rate, number)
    })?;
    bar.finish_and_clear();

    let mut runs = runs.into_iter();
    let outcomes = racers.iter().zip(tuned).map(|(&racer, tuned)| {
        let runs: Vec<Run> = runs.by_ref().take(seeds as usize).collect();
        Outcome {
            racer,
            tuned,
            steps: median(runs.iter().map(|run| run.steps)),
            runs,
        }
    });
    let mut outcomes: Vec<Outcome> = outcomes.collect();
    outcomes.sort_by(|a, b| {
        let loss = |outcome: &Outcome| median(outcome.runs.iter().map(|run| run.loss));
        let steps = a.steps.total_cmp(&b.steps);
        steps.then(loss(a).total_cmp(&loss(b)))
    });

    print(&outcomes);
    output::save(out, "optimizers", &figure(&outcomes))?;
    judge(&outcomes, findings);
    Ok((outcomes[0].racer, outcomes[0].steps))
}

fn print(outcomes: &[Outcome]) {
    let rows = outcomes.iter().map(|outcome| {
        let runs = &outcome.runs;
        let of = |value: fn(&Run) -> f64| runs.iter().map(value);
        let reached = runs.iter().filter(|run| run.steps.is_finite()).count();
        vec![
            outcome.racer.name().to_owned(),
            rate(outcome.tuned),
            steps(outcome.steps),
            format!(
                "{} to {}",
                steps(smallest(of(|run| run.steps))),
                steps(largest(of(|run| run.steps)))
            ),
            format!("{reached}/{}", runs.len()),
            three_digits(median(of(|run| run.loss))),
            format!("{:.3}", median(of(|run| run.accuracy))),
            format!(
                "{:.3} to {:.3}",
                smallest(of(|run| run.accuracy)),
                largest(of(|run| run.accuracy))
            ),
        ]
    });
    output::table(
        &[
            "optimizer",
            "learning rate",
            "steps to target",
            "of all seeds",
            "reached",
            "final loss",
            "test accuracy",
            "of all seeds",
        ],
        &rows.collect::<Vec<_>>(),
    );
    if outcomes.iter().any(|outcome| outcome.tuned.at_edge) {
        println!(
            "* the smallest or the largest rate that was tried: a better one may lie beyond it.\n"
        );
    }
}

const REFERENCE: RGBColor = RGBColor(150, 150, 150);
const BAND: RGBColor = RGBColor(183, 214, 236);

/// Draws the losses of every optimizer in its own panel.
fn figure(outcomes: &[Outcome]) -> Grid {
    let color = style::color(0);
    let length = outcomes.iter().flat_map(|outcome| &outcome.runs);
    let length = length.map(|run| run.losses.len()).max().unwrap_or(0);
    let sgd = outcomes.iter().find(|outcome| outcome.racer == Racer::Sgd);
    let panels = outcomes.iter().map(|outcome| {
        let [low, middle, high] = [smallest, median, largest].map(|of| curve(outcome, length, of));
        let outline = low.into_iter().chain(high.into_iter().rev());
        let mut marks = vec![Mark {
            look: Look::Area(BAND),
            points: outline.collect(),
        }];
        marks.extend(sgd.map(|sgd| Mark {
            look: Look::Line(REFERENCE, 4),
            points: curve(sgd, length, median),
        }));
        marks.push(Mark {
            look: Look::Line(color, 4),
            points: middle,
        });
        Panel {
            title: outcome.racer.name().to_owned(),
            note: format!("{} steps", steps(outcome.steps)),
            marks,
        }
    });
    let level = TARGET.log10();
    let target = Look::Line(style::color(1), 3);
    let every = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];
    let every = every.into_iter().find(|every| length / every <= 3);
    Grid {
        title: "The race of the optimizers: training loss, step by step".to_owned(),
        note: format!(
            "One net on handwritten digits, each optimizer at its own tuned learning rate. In the \
             order of the steps until the loss, a mean over {WINDOW} steps, stays below {TARGET}: \
             the median over all seeds."
        ),
        columns: 3,
        axes: [
            Axis {
                label: "step",
                range: 0.0..=length as f64,
                ticks: (0..length)
                    .step_by(every.unwrap_or(length.max(1)))
                    .map(|step| (step as f64, step.to_string()))
                    .collect(),
            },
            Axis {
                label: "training loss",
                range: -4.2..=0.7,
                ticks: ["10⁰", "10⁻¹", "10⁻²", "10⁻³", "10⁻⁴"]
                    .iter()
                    .enumerate()
                    .map(|(i, &label)| (-(i as f64), label.to_owned()))
                    .collect(),
            },
        ],
        aspect: 1.5,
        keys: vec![
            (Look::Line(color, 4), "median"),
            (Look::Area(BAND), "range over seeds"),
            (Look::Line(REFERENCE, 4), "SGD"),
            (target, "target"),
        ],
        background: vec![Mark {
            look: target,
            points: vec![(0.0, level), (length as f64, level)],
        }],
        panels: panels.collect(),
    }
}

/// Returns for each step the logarithm of `of` over the losses of all seeds. Losses of diverged
/// runs are infinite.
fn curve(outcome: &Outcome, length: usize, of: fn(Vec<f64>) -> f64) -> Vec<(f64, f64)> {
    let loss = |run: &Run, step: usize| run.losses.get(step).copied().unwrap_or(f64::INFINITY);
    let at = |step| of(outcome.runs.iter().map(|run| loss(run, step)).collect());
    (0..length)
        .map(|step| (step as f64 + 1.0, at(step).log10()))
        .collect()
}

/// Prints the findings on the selected optimizers.
fn judge(outcomes: &[Outcome], findings: &mut Findings) {
    let of = |racer: Racer| {
        let found = outcomes.iter().find(|outcome| outcome.racer == racer);
        found.map(|outcome| outcome.steps)
    };
    let mut faster = |quick: Racer, slow: Racer, share: f64, words: &str| {
        if let (Some(a), Some(b)) = (of(quick), of(slow)) {
            let (quick, slow) = (quick.name(), slow.name());
            findings.add(
                a < share * b,
                format!(
                    "{quick} reaches the target in {words} {slow} ({} and {})",
                    steps(a),
                    steps(b)
                ),
            );
        }
    };
    for quick in [Racer::Momentum, Racer::Nesterov] {
        faster(quick, Racer::Sgd, 0.5, "less than half the steps of");
    }
    for slow in [Racer::Sgd, Racer::RmsProp] {
        faster(Racer::Adam, slow, 1.0, "fewer steps than");
    }
    let all = outcomes.iter().all(|outcome| outcome.steps.is_finite());
    findings.add(
        all,
        "every optimizer reaches the target, in the median over all seeds",
    );
}
