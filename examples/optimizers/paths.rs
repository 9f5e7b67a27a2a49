//! The descents of Beale's and Rosenbrock's functions: tuning, a table, a figure and findings.

use anyhow::Result;
use cotangent::figure::plotters::style::RGBColor;
use cotangent::figure::style;
use cotangent::prelude::*;
use std::path::Path as FilePath;

use crate::contour::Lattice;
use crate::grid::{Axis, Grid, Look, Mark, Panel};
use crate::output;
use crate::parallel::in_parallel;
use crate::progress::progress_bar;
use crate::racers::Racer;
use crate::report::{Findings, rate, steps, three_digits};
use crate::surfaces::{MAX_STEPS, Path, Surface};
use crate::tuning::Tuned;

struct Outcome {
    racer: Racer,
    tuned: Tuned,
    path: Path,
}

/// Runs every optimizer on the surface. Returns the fastest and its steps.
pub fn run(
    surface: Surface,
    racers: &[Racer],
    out: Option<&FilePath>,
    findings: &mut Findings,
) -> Result<(Racer, f64)> {
    println!("{}", surface.describe());
    let bar = progress_bar(racers.len() as u64 * Surface::descents());
    let outcomes = in_parallel(racers, |&racer| {
        let tuned = surface.tune(racer, &bar)?;
        let path = surface.descend(racer, tuned.rate)?;
        bar.inc(1);
        Ok(Outcome { racer, tuned, path })
    });
    bar.finish_and_clear();
    let mut outcomes = outcomes?;
    outcomes.sort_by(|a, b| {
        let steps = a.path.steps.total_cmp(&b.path.steps);
        steps.then(a.path.settled.total_cmp(&b.path.settled))
    });

    let rows = outcomes.iter().map(|Outcome { racer, tuned, path }| {
        let (x, y) = path.points[path.points.len() - 1];
        vec![
            racer.name().to_owned(),
            rate(*tuned),
            steps(path.steps),
            three_digits(path.last),
            format!("({x:.4}, {y:.4})"),
        ]
    });
    let header = [
        "optimizer",
        "learning rate",
        "steps to minimum",
        "value at the end",
        "point at the end",
    ];
    output::table(&header, &rows.collect::<Vec<_>>());
    if outcomes.iter().any(|outcome| outcome.tuned.at_edge) {
        println!(
            "* the smallest or the largest rate that was tried: a better one may lie beyond it.\n"
        );
    }
    let name = match surface {
        Surface::Beale => "beale",
        Surface::Rosenbrock => "rosenbrock",
    };
    output::save(out, name, &figure(surface, &outcomes)?)?;
    judge(surface, &outcomes, findings);
    Ok((outcomes[0].racer, outcomes[0].path.steps))
}

const CONTOUR: RGBColor = RGBColor(190, 190, 190);
/// The number of lattice corners along each side.
const SIDE: usize = 121;

/// Draws the path of every optimizer in its own panel.
fn figure(surface: Surface, outcomes: &[Outcome]) -> Result<Grid> {
    let color = style::color(0);
    let [start, end, minimum] = [
        Look::Disc(style::color(6), 9.0),
        Look::Disc(style::color(0), 6.0),
        Look::Diamond(style::color(1), 16.0),
    ];
    let panels = outcomes.iter().map(|Outcome { racer, path, .. }| {
        let last = path.points[path.points.len() - 1];
        let marks = [
            (Look::Line(color, 3), path.points.clone()),
            (start, vec![surface.start()]),
            (minimum, vec![surface.minimum()]),
            (end, vec![last]),
        ];
        Panel {
            title: racer.name().to_owned(),
            note: if path.steps.is_finite() {
                format!("{} steps", steps(path.steps))
            } else {
                format!("not in {MAX_STEPS}")
            },
            marks: marks.map(|(look, points)| Mark { look, points }).into(),
        }
    });
    let axis = |label, range: &std::ops::RangeInclusive<f64>| Axis {
        label,
        range: range.clone(),
        ticks: (-9i8..=9)
            .map(f64::from)
            .filter(|tick| range.contains(tick))
            .map(|tick| (tick, tick.to_string().replace('-', "−")))
            .collect(),
    };
    let [x, y] = &surface.window();
    Ok(Grid {
        title: format!("The paths of the optimizers on {}", surface.name()),
        note: String::from(
            "In the order of the steps until the value is below 10⁻⁶, each at its own tuned \
             learning rate. Contour lines at values a factor of √10 apart.",
        ),
        columns: 3,
        axes: [axis("x", x), axis("y", y)],
        aspect: 1.5,
        keys: vec![
            (start, "start"),
            (minimum, "minimum"),
            (end, "end of the path"),
        ],
        background: contours(surface)?,
        panels: panels.collect(),
    })
}

fn contours(surface: Surface) -> Result<Vec<Mark>> {
    let window = surface.window();
    let [xs, ys] = window
        .each_ref()
        .map(|range| Lattice::coordinates(range, SIDE));
    let x = Tensor::from_vec(xs, [1, SIDE])?;
    let y = Tensor::from_vec(ys, [SIDE, 1])?;
    let shape = [SIDE, SIDE];
    let values = surface.value(&x.broadcast_to(shape)?, &y.broadcast_to(shape)?)?;
    let lattice = Lattice {
        window,
        side: SIDE,
        values: values.to_f64_vec(),
    };
    let levels = (-4..=8).map(|half| 10f64.powf(f64::from(half) / 2.0));
    let lines = levels.flat_map(|level| lattice.contours(level));
    let mark = |points| Mark {
        look: Look::Line(CONTOUR, 1),
        points,
    };
    Ok(lines.map(mark).collect())
}

/// Prints the findings on the paths of the selected optimizers.
fn judge(surface: Surface, outcomes: &[Outcome], findings: &mut Findings) {
    let of = |racer: Racer| {
        let found = outcomes.iter().find(|outcome| outcome.racer == racer);
        found.map(|outcome| outcome.path.steps)
    };
    let name = surface.name();
    for quick in [Racer::Momentum, Racer::Nesterov] {
        if let (Some(a), Some(b)) = (of(quick), of(Racer::Sgd)) {
            findings.add(
                a < 0.5 * b,
                format!(
                    "{} reaches the minimum of {name} in less than half the steps of SGD ({} and \
                     {})",
                    quick.name(),
                    steps(a),
                    steps(b)
                ),
            );
        }
    }
    if let (Some(with), Some(without)) = (of(Racer::AdamW), of(Racer::Adam)) {
        findings.add(
            with.is_infinite() && without.is_finite(),
            format!(
                "Adam reaches the minimum of {name}, and weight decay keeps AdamW away from it"
            ),
        );
    }
}
