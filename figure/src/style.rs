//! One look for all figures: colours that colour-blind readers tell apart, and text that can be
//! read where a README shows a figure at half its width.

use crate::OP;
use cotangent_core::{Error, Result};
use plotters::prelude::*;
use plotters::style::{FontTransform, register_font};
use std::sync::OnceLock;

/// The width of a figure in pixels.
pub const WIDTH: u32 = 1600;
/// Space around a figure and between its parts, in pixels.
pub const MARGIN: i32 = 32;
/// The size of a title, in pixels as all sizes of text.
pub const TITLE: f64 = 40.0;
/// The size of all other text.
pub const TEXT: f64 = 28.0;
/// The width of the lines that show data.
pub const LINE: u32 = 5;
/// Text and axes.
pub const INK: RGBColor = RGBColor(34, 34, 34);
/// What is to be seen but not first: notes, levels to compare with.
pub const FAINT: RGBColor = RGBColor(105, 105, 105);
/// The grid.
pub const GRID: RGBColor = RGBColor(226, 226, 226);

/// The colours of Okabe and Ito (2008, Color Universal Design), without the yellow, which is hard
/// to see on white.
const PALETTE: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// The colour of the series number `index`; beyond seven they begin again.
pub fn color(index: usize) -> RGBColor {
    PALETTE[index % PALETTE.len()]
}

/// A reader of an SVG that lacks the first has one of the others, of nearly the same widths.
const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// See `assets/README.md` for where the font comes from and under which licence.
pub(crate) static FONT: &[u8] = include_bytes!("../assets/DejaVuSans-subset.ttf");

/// Makes the embedded font known to `plotters`.
pub(crate) fn register() -> Result<()> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let done = DONE.get_or_init(|| register_font(FAMILY, FontStyle::Normal, FONT).is_ok());
    if *done {
        Ok(())
    } else {
        Err(Error::argument(OP, "the embedded font is damaged"))
    }
}

/// Text of a size and a colour.
pub fn text(size: f64, color: RGBColor) -> TextStyle<'static> {
    // `plotters` counts sizes in heights of lines, 1.24 of what everyone else calls the size.
    let font = FontDesc::new(FontFamily::Name(FAMILY), size * 1.24, FontStyle::Normal);
    font.transform(FontTransform::None).color(&color)
}

/// The width of a line of text in pixels, on the generous side.
pub fn text_width(line: &str, style: &TextStyle) -> i32 {
    // A guess for text that cannot be measured: half the height a character.
    let guess = || (style.font.get_size() * 0.5 * line.chars().count() as f64) as i32;
    style
        .font
        .box_size(line)
        .map_or_else(|_| guess(), |(width, _)| width as i32)
}

/// Text broken between words into lines of at most `width` pixels.
pub fn wrap(text: &str, style: &TextStyle, width: i32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), style) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
