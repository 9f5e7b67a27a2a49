//! Pictures of small images and of points, and the options of the examples that draw them.
#![allow(dead_code, reason = "each example draws one kind of picture")]

use anyhow::{Context, Result};
use clap::Parser;
use cotangent::Tensor;
use cotangent::figure::plotters::prelude::*;
use cotangent::figure::{Area, Drawn, Figure};
use std::path::PathBuf;

/// Train on embedded or generated data, and draw the result.
#[derive(Parser, Debug)]
pub struct Options {
    /// The number of epochs.
    #[arg(long, default_value_t = 150)]
    pub epochs: u64,
    /// The folder for a picture.
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Options {
    /// Saves a picture as PNG, if a folder is given.
    pub fn save(&self, name: &str, picture: &Picture) -> Result<()> {
        let Some(folder) = &self.out else {
            return Ok(());
        };
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let path = folder.join(name).with_extension("png");
        picture.save(&path)?;
        println!("saved {}", path.display());
        Ok(())
    }
}

/// Squares or discs on white, each with its place, size and colour.
#[derive(Debug)]
pub struct Picture {
    size: (u32, u32),
    squares: Vec<((i32, i32), i32, RGBColor)>,
    discs: Vec<((i32, i32), i32, RGBColor)>,
}

/// Draws the first images of 8x8 pixels of each set in a row.
pub fn images(rows: &[&Tensor]) -> Result<Picture> {
    const PIXEL: i32 = 8;
    const COLUMNS: usize = 14;
    let mut squares = Vec::new();
    for (row, images) in rows.iter().enumerate() {
        let values = images.narrow(0, 0, COLUMNS)?.to_vec::<f32>()?;
        for (i, grey) in values.into_iter().enumerate() {
            let (image, y, x) = (i / 64, i % 64 / 8, i % 8);
            let place = |cell: usize, pixel: usize| (cell * 9 + pixel + 1) as i32 * PIXEL;
            let grey = 255 - (grey.clamp(0.0, 1.0) * 255.0) as u8;
            let corner = (place(image, x), place(row, y));
            squares.push((corner, PIXEL, RGBColor(grey, grey, grey)));
        }
    }
    let side = |cells: usize| (cells * 9 + 1) as u32 * PIXEL as u32;
    Ok(Picture {
        size: (side(COLUMNS), side(rows.len())),
        squares,
        discs: Vec::new(),
    })
}

/// Draws points between -3 and 3: the first set in grey, the second in red.
pub fn points(sets: [&Tensor; 2]) -> Result<Picture> {
    let colors = [RGBColor(180, 180, 180), RGBColor(200, 50, 30)];
    let mut discs = Vec::new();
    for (points, color) in sets.into_iter().zip(colors) {
        for point in points.to_vec::<f32>()?.chunks(2) {
            let place = |value: f32| ((value / 3.0 + 1.0) * 300.0) as i32;
            discs.push(((place(point[0]), place(point[1])), 2, color));
        }
    }
    Ok(Picture {
        size: (600, 600),
        squares: Vec::new(),
        discs,
    })
}

impl Figure for Picture {
    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
        for &((x, y), side, color) in &self.squares {
            let corners = [(x, y), (x + side, y + side)];
            area.draw(&Rectangle::new(corners, color.filled()))?;
        }
        for &(centre, radius, color) in &self.discs {
            area.draw(&Circle::new(centre, radius, color.filled()))?;
        }
        Ok(())
    }
}
