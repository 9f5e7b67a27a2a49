//! Figures: drawings in one style, saved as SVG or PNG.
//!
//! [`Charts`] draws lines over one or more pairs of axes, which is enough for most reports of
//! training. For any other drawing implement [`Figure::draw`] with [`plotters`], in the common
//! [`style`].
//!
//! ```
//! use cotangent::figure::{Chart, Charts, Figure};
//! let loss = [2.3, 0.9, 0.4, 0.2];
//! let chart = Chart::new("epoch", "loss").log_y().line("He", (1..).map(f64::from).zip(loss));
//! let figure = Charts::new("The loss falls").push(chart);
//! assert!(figure.to_svg()?.starts_with("<svg"));
//! assert!(figure.save("loss.gif").is_err());
//! # Ok::<(), cotangent::Error>(())
//! ```

mod bitmap;
mod chart;
mod charts;
mod scale;
pub mod style;

pub use chart::Chart;
pub use charts::Charts;
pub use plotters;
pub use scale::{Kind, Scale};

use cotangent_core::{Error, Result};
use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use std::path::Path;

/// The area that a [`Figure`] draws on.
pub type Area<B> = DrawingArea<B, Shift>;
/// The result of drawing.
pub type Drawn<B> = std::result::Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

const OP: &str = "figure";

/// The longest side of a figure. It bounds the memory for the pixels.
const MAX_SIDE: u32 = 1 << 13;

/// A drawing of a fixed size.
pub trait Figure {
    /// Returns width and height in pixels, each at most 8192.
    fn size(&self) -> (u32, u32);

    /// Draws on a white area of that size.
    ///
    /// # Errors
    /// The errors of `plotters`.
    fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B>;

    /// Saves the figure as SVG or PNG, according to the path's extension. The file is replaced
    /// whole or not at all.
    ///
    /// # Errors
    /// [`Error::Argument`] for another extension, a size out of range, or a drawing that fails;
    /// [`Error::Io`] if the file cannot be written.
    fn save(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        let path = path.as_ref();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let bytes = match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("svg") => self.to_svg()?.into_bytes(),
            Some("png") => self.to_png()?,
            _ => {
                return Err(Error::argument(
                    OP,
                    format!(
                        "expected a path that ends in .svg or .png, found {}",
                        path.display()
                    ),
                ));
            }
        };
        cotangent_core::replace_file(path, &bytes)
    }

    /// Returns the figure as SVG.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    fn to_svg(&self) -> Result<String>
    where
        Self: Sized,
    {
        let mut svg = String::new();
        draw_on(self, SVGBackend::with_string(&mut svg, checked_size(self)?))?;
        Ok(svg)
    }

    /// Returns the figure as PNG.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    fn to_png(&self) -> Result<Vec<u8>>
    where
        Self: Sized,
    {
        let size = checked_size(self)?;
        bitmap::png(size, |backend| draw_on(self, backend))
    }
}

fn draw_on<B: DrawingBackend>(figure: &impl Figure, backend: B) -> Result<()> {
    style::register()?;
    let area = backend.into_drawing_area();
    let drawn = area.fill(&WHITE).and_then(|()| figure.draw(&area));
    drawn
        .and_then(|()| area.present())
        .map_err(|error| Error::argument(OP, error.to_string()))
}

fn checked_size(figure: &impl Figure) -> Result<(u32, u32)> {
    let (width, height) = figure.size();
    if (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height) {
        Ok((width, height))
    } else {
        Err(Error::argument(
            OP,
            format!("sides must be from 1 to {MAX_SIDE} pixels, found {width} and {height}"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A figure of the given size with a black diagonal.
    struct Diagonal(u32, u32);

    impl Figure for Diagonal {
        fn size(&self) -> (u32, u32) {
            (self.0, self.1)
        }

        fn draw<B: DrawingBackend>(&self, area: &Area<B>) -> Drawn<B> {
            let ends = vec![(0, 0), (self.0 as i32, self.1 as i32)];
            area.draw(&PathElement::new(ends, BLACK.stroke_width(4)))
        }
    }

    fn pixels(png: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("an image");
        (info.width, info.height, pixels)
    }

    #[test]
    fn a_png_contains_the_drawing() -> Result<()> {
        let (width, height, pixels) = pixels(&Diagonal(40, 20).to_png()?);
        assert_eq!((width, height, pixels.len()), (40, 20, 40 * 20 * 3));
        let at = |x: usize, y: usize| pixels[(y * 40 + x) * 3];
        assert_eq!((at(20, 10), at(39, 0), at(0, 19)), (0, 255, 255));
        // The line is 4 pixels wide, which gives its share of the image.
        let dark: f64 = pixels
            .iter()
            .map(|&value| 1.0 - f64::from(value) / 255.0)
            .sum();
        let share = dark / pixels.len() as f64;
        let line = 4.0 * f64::hypot(40.0, 20.0) / (40.0 * 20.0);
        assert!((share / line - 1.0).abs() < 0.1, "{share} {line}");
        Ok(())
    }

    #[test]
    fn the_extension_decides_the_format() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let figure = Diagonal(30, 30);
        for (name, start) in [("a.svg", "<svg".as_bytes()), ("a.PNG", b"\x89PNG")] {
            let path = folder.path().join(name);
            figure.save(&path)?;
            assert!(std::fs::read(&path).expect("a file").starts_with(start));
        }
        for name in ["a.gif", "a", ""] {
            let refused = figure.save(folder.path().join(name));
            assert!(matches!(refused, Err(Error::Argument { .. })), "{name}");
        }
        let nowhere = figure.save(folder.path().join("no such folder/a.svg"));
        assert!(matches!(nowhere, Err(Error::Io { .. })));
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            2
        );
        Ok(())
    }

    #[test]
    fn sizes_are_bounded() {
        for figure in [Diagonal(0, 5), Diagonal(5, u32::MAX)] {
            assert!(figure.to_svg().is_err() && figure.to_png().is_err());
        }
    }
}
