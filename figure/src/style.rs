//! The common style of all figures: colours that colour-blind readers can tell apart, and text that
//! stays readable if a phone shows a figure at a third of its width.

use crate::OP;
use cotangent_core::{Error, Result};
use plotters::prelude::*;
use plotters::style::{FontTransform, register_font};
use std::sync::OnceLock;

/// The width of a figure in pixels. If it is shown 350 pixels wide, the text is 9 pixels high.
pub const WIDTH: u32 = 1080;
/// The space around a figure and between its parts, in pixels.
pub const MARGIN: i32 = 32;
/// The size of a title in pixels, the unit of all sizes of text.
pub const TITLE: f64 = 40.0;
/// The size of all other text.
pub const TEXT: f64 = 28.0;
/// The width of lines of data.
pub const LINE: u32 = 5;
/// The colour of text and axes.
pub const INK: RGBColor = RGBColor(34, 34, 34);
/// The colour of notes and of lines for comparison, which should not catch the eye first.
pub const FAINT: RGBColor = RGBColor(105, 105, 105);
/// The colour of the grid.
pub const GRID: RGBColor = RGBColor(226, 226, 226);

/// The colours of Okabe and Ito (2008, Color Universal Design) without yellow, which is hard to see
/// on white.
const PALETTE: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// Returns the colour of series number `index`. Colours repeat after seven.
pub fn color(index: usize) -> RGBColor {
    PALETTE[index % PALETTE.len()]
}

/// A system without the first font shows an SVG in one of the others, whose widths are nearly
/// equal.
const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// The origin and the licence of the font are in `assets/README.md`.
pub(crate) static FONT: &[u8] = include_bytes!("../assets/DejaVuSans-subset.ttf");

/// Registers the embedded font with `plotters`.
pub(crate) fn register() -> Result<()> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let done = DONE.get_or_init(|| register_font(FAMILY, FontStyle::Normal, FONT).is_ok());
    if *done {
        Ok(())
    } else {
        Err(Error::argument(OP, "the embedded font is damaged"))
    }
}

/// Returns the style of text of a size and a colour.
pub fn text(size: f64, color: RGBColor) -> TextStyle<'static> {
    // `plotters` measures sizes in line heights, which are 1.24 times the usual size.
    let font = FontDesc::new(FontFamily::Name(FAMILY), size * 1.24, FontStyle::Normal);
    font.transform(FontTransform::None).color(&color)
}

/// Returns the width of a line of text in pixels, rounded up generously.
pub fn text_width(line: &str, style: &TextStyle) -> i32 {
    // For text that cannot be measured, the guess is half the height for each character.
    let guess = || (style.font.get_size() * 0.5 * line.chars().count() as f64) as i32;
    style
        .font
        .box_size(line)
        .map_or_else(|_| guess(), |(width, _)| width as i32)
}

/// Breaks text between words into lines of at most `width` pixels.
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
