//! A backend of `plotters` that draws pixels. It covers each pixel by the exact share of its area.
//!
//! The backend of `plotters` itself places glyphs and joins of lines at whole pixels only.

use crate::{OP, style};
use ab_glyph::{Font, FontRef, PxScale, ScaleFont};
use ab_glyph_rasterizer::{Point, Rasterizer, point};
use cotangent_core::{Error, Result};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    text_anchor::{HPos, VPos},
};
use std::collections::HashMap;
use std::convert::Infallible;
use std::f32::consts::TAU;

type Drawn = std::result::Result<(), DrawingErrorKind<Infallible>>;

/// An image of RGB pixels, initially white.
pub(crate) struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
    font: FontRef<'static>,
}

/// Returns the drawing as a PNG file.
pub(crate) fn png(
    (width, height): (u32, u32),
    draw: impl FnOnce(&mut Canvas) -> Result<()>,
) -> Result<Vec<u8>> {
    let failed =
        |error: &dyn std::error::Error| -> Error { Error::argument(OP, error.to_string()) };
    let font = FontRef::try_from_slice(style::FONT).map_err(|error| failed(&error))?;
    let mut canvas = Canvas {
        width,
        height,
        pixels: vec![255; width as usize * height as usize * 3],
        font,
    };
    draw(&mut canvas)?;
    encode(&canvas).map_err(|error| failed(&error))
}

/// Encodes with a palette if there are few colors, which takes a third of the bytes.
fn encode(canvas: &Canvas) -> std::result::Result<Vec<u8>, png::EncodingError> {
    let mut colors = HashMap::new();
    let mut palette = Vec::new();
    let index = canvas.pixels.as_chunks::<3>().0.iter().map(|color| {
        *colors.entry(color).or_insert_with(|| {
            palette.extend_from_slice(color);
            palette.len() / 3 - 1
        })
    });
    let indices: Option<Vec<u8>> = index.map(|index| index.try_into().ok()).collect();

    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, canvas.width, canvas.height);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    if indices.is_some() {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(palette);
    } else {
        encoder.set_color(png::ColorType::Rgb);
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(indices.as_deref().unwrap_or(&canvas.pixels))?;
    writer.finish()?;
    Ok(file)
}

impl Canvas {
    /// Blends a color over a pixel, weighted by `coverage`.
    fn blend(&mut self, x: i32, y: i32, color: BackendColor, coverage: f32) {
        if x < 0 || y < 0 || x >= self.width as i32 || y >= self.height as i32 {
            return;
        }
        // Few levels give few colors, and few colors a small file.
        let share = color.alpha as f32 * (coverage.min(1.0) * 15.0).round() / 15.0;
        let start = (y as usize * self.width as usize + x as usize) * 3;
        let (r, g, b) = color.rgb;
        for (old, new) in self.pixels[start..start + 3].iter_mut().zip([r, g, b]) {
            *old = (f32::from(*old) * (1.0 - share) + f32::from(new) * share).round() as u8;
        }
    }

    /// Fills closed outlines. Overlaps are filled once if all outlines run in one direction.
    fn fill(&mut self, outlines: &[Vec<Point>], color: BackendColor) {
        // Clamping points that are far outside changes no pixel and bounds the allocation below.
        let near = |value: f32, side: u32| value.clamp(-64.0, side as f32 + 64.0);
        let near = |p: Point| point(near(p.x, self.width), near(p.y, self.height));
        let all = || outlines.iter().flatten().copied().map(near);
        let (left, top) = all().fold((f32::MAX, f32::MAX), |(x, y), p| (x.min(p.x), y.min(p.y)));
        let (right, bottom) = all().fold((left, top), |(x, y), p| (x.max(p.x), y.max(p.y)));
        if left >= right || top >= bottom {
            return;
        }
        let (left, top) = (left.floor(), top.floor());
        let (width, height) = ((right - left).ceil() + 1.0, (bottom - top).ceil() + 1.0);
        let mut rasterizer = Rasterizer::new(width as usize, height as usize);
        let local = |p: Point| point(near(p).x - left, near(p).y - top);
        for outline in outlines {
            let ends = outline.iter().cycle().skip(1);
            for (&from, &to) in outline.iter().zip(ends) {
                rasterizer.draw_line(local(from), local(to));
            }
        }
        rasterizer.for_each_pixel_2d(|x, y, coverage| {
            if coverage > 0.0 {
                self.blend(
                    x as i32 + left as i32,
                    y as i32 + top as i32,
                    color,
                    coverage,
                );
            }
        });
    }

    /// Draws a line through the points, with round joins.
    fn stroke(&mut self, points: &[Point], style: &impl BackendStyle) {
        let half = style.stroke_width() as f32 / 2.0;
        let mut outlines = Vec::new();
        for ends in points.windows(2) {
            let (from, to) = (ends[0], ends[1]);
            let (dx, dy) = (to.x - from.x, to.y - from.y);
            let length = dx.hypot(dy);
            if length > 0.0 {
                let (nx, ny) = (dy / length * half, -dx / length * half);
                outlines.push(vec![
                    point(from.x + nx, from.y + ny),
                    point(to.x + nx, to.y + ny),
                    point(to.x - nx, to.y - ny),
                    point(from.x - nx, from.y - ny),
                ]);
            }
        }
        for &join in points.iter().skip(1).rev().skip(1) {
            // The radius is a little smaller, so that the edges of line and join do not add up.
            outlines.push(circle(join, half - 0.3));
        }
        self.fill(&outlines, style.color());
    }
}

fn circle(center: Point, radius: f32) -> Vec<Point> {
    let corners = (radius.max(1.0) * 4.0).clamp(12.0, 200.0) as u16;
    let corner = |i: u16| {
        let (sin, cos) = (f32::from(i) / f32::from(corners) * TAU).sin_cos();
        point(center.x + radius * cos, center.y + radius * sin)
    };
    (0..corners).map(corner).collect()
}

fn exact((x, y): BackendCoord) -> Point {
    point(x as f32, y as f32)
}

impl DrawingBackend for &mut Canvas {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.blend(x, y, color, 1.0);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.stroke(&[exact(from), exact(to)], style);
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<_> = path.into_iter().map(exact).collect();
        self.stroke(&points, style);
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        let mut corners = corners.map(exact).to_vec();
        if fill {
            self.fill(&[corners], style.color());
        } else {
            // The first side is repeated at the end, so that every corner is a join.
            corners.extend_from_within(..2);
            self.stroke(&corners, style);
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let mut outline = circle(exact(center), radius as f32);
        if fill {
            self.fill(&[outline], style.color());
        } else {
            outline.extend_from_within(..2);
            self.stroke(&outline, style);
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn {
        let outline = corners.into_iter().map(exact).collect();
        self.fill(&[outline], style.color());
        Ok(())
    }

    /// Places text where the SVG backend of `plotters` places it. Every family is the embedded
    /// font.
    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Drawn {
        let size = (style.size() / 1.24) as f32;
        let font = self.font.clone();
        let units = font.units_per_em().unwrap_or(1000.0);
        let scale = PxScale::from(size * font.height_unscaled() / units);
        let scaled = font.as_scaled(scale);

        let mut width = 0.0;
        let mut glyphs = Vec::new();
        for glyph in text.chars().map(|character| font.glyph_id(character)) {
            glyphs.push((glyph, width));
            width += scaled.h_advance(glyph);
        }
        let left = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -width / 2.0,
            HPos::Right => -width,
        };
        let baseline = match style.anchor().v_pos {
            VPos::Top => 0.76,
            VPos::Center => 0.27,
            VPos::Bottom => -0.27,
        };
        let turn = style.transform();
        for (glyph, at) in glyphs {
            let glyph = glyph.with_scale_and_position(scale, point(left + at, baseline * size));
            let Some(outline) = font.outline_glyph(glyph) else {
                continue; // A space.
            };
            let corner = outline.px_bounds().min;
            outline.draw(|dx, dy, coverage| {
                let pixel = (corner.x as i32 + dx as i32, corner.y as i32 + dy as i32);
                let (dx, dy) = turn.transform(pixel.0, pixel.1);
                self.blend(x + dx, y + dy, style.color(), coverage);
            });
        }
        Ok(())
    }
}
