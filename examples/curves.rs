//! Draws the curves of TensorBoard's event files: a chart for each tag, with a line for each run.
//! The files may be those of other programs.
//!
//! `cargo run --release --example curves -- runs/a runs/b --tags loss --out curves.svg`

use anyhow::{Context, ensure};
use clap::Parser;
use cotangent::figure::{Chart, Charts, Figure};
use cotangent::train::TensorBoard;
use std::collections::BTreeSet;
use std::path::PathBuf;

#[derive(Parser)]
struct Args {
    /// Event files, or the folders of runs.
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Draws only tags that contain this text.
    #[arg(long, default_value = "")]
    tags: String,
    /// Makes the values logarithmic.
    #[arg(long)]
    log: bool,
    /// The figure, as SVG or PNG.
    #[arg(long, default_value = "curves.svg")]
    out: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut runs = Vec::new();
    for path in &args.runs {
        let scalars = TensorBoard::read_scalars(path)?;
        let name = path.file_name().context("a run needs a name")?;
        runs.push((name.to_string_lossy().into_owned(), scalars));
    }
    let tags = runs.iter().flat_map(|(_, scalars)| scalars.keys());
    let tags: BTreeSet<&String> = tags.filter(|tag| tag.contains(&args.tags)).collect();
    ensure!(!tags.is_empty(), "no scalar has a tag with `{}`", args.tags);

    let mut charts = Charts::new("").columns(tags.len().min(2));
    for &tag in &tags {
        let mut chart = Chart::new("step", "").title(tag);
        if args.log {
            chart = chart.log_y();
        }
        for (name, scalars) in &runs {
            let points = scalars.get(tag).map_or(&[][..], |points| points);
            println!(
                "{name}  {tag}: {} points, last {:?}",
                points.len(),
                points.last()
            );
            let points = points.iter().map(|&(step, value)| (step as f64, value));
            chart = chart.line(name, points);
        }
        charts = charts.push(chart);
    }
    charts.save(&args.out)?;
    println!("{} charts in {}", tags.len(), args.out.display());
    Ok(())
}
