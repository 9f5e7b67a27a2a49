//! The output of the examples: tables on the terminal, figures in a folder.

use anyhow::{Context, Result};
use cotangent::figure::Figure;
use std::path::Path;

/// Saves a figure as SVG and as PNG, if a folder is given.
pub fn save(folder: Option<&Path>, name: &str, figure: &impl Figure) -> Result<()> {
    let Some(folder) = folder else {
        return Ok(());
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    for extension in ["svg", "png"] {
        let path = folder.join(name).with_extension(extension);
        figure.save(&path)?;
        println!("saved {}", path.display());
    }
    Ok(())
}

/// Prints rows of cells under a header. The first column is aligned left, the others right.
pub fn table(header: &[&str], rows: &[Vec<String>]) {
    let header: Vec<String> = header.iter().map(|&cell| cell.to_owned()).collect();
    let all = || std::iter::once(&header).chain(rows);
    let width = |column: usize| {
        all()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    println!();
    for row in all() {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(i, (cell, &width))| match i {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
        println!("{}", cells.collect::<Vec<_>>().join("   "));
    }
    println!();
}
