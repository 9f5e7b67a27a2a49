//! The embedded data set, so that a first model needs no download.

use std::io::Read;

use cotangent_core::{Indices, Tensor};
use flate2::read::GzDecoder;

use crate::error::{Error, Result};
use crate::labeled::Labeled;

/// The origin and the licences of the file are in `assets/README.md`.
static COMPRESSED: &[u8] = include_bytes!("../assets/digits.csv.gz");

const SAMPLES: usize = 1797;
const PIXELS: usize = 64;
const BRIGHTEST: u8 = 16;
const CLASSES: usize = 10;

/// Returns the 1,797 handwritten digits of E. Alpaydin and C. Kaynak (1998), Optical Recognition of
/// Handwritten Digits, UCI Machine Learning Repository, <https://doi.org/10.24432/C50P49>, as
/// scikit-learn distributes them (`sklearn.datasets.load_digits`).
///
/// Inputs are `f32` of the shape `(1797, 64)`: images of 8x8 pixels, row by row, with 17 levels of
/// grey from 0 to 1. Labels are 0 to 9; each class has 174 to 183 samples.
///
/// ```
/// let digits = cotangent::data::digits()?;
/// assert_eq!(digits.inputs().shape(), [1797, 64]);
/// assert_eq!(digits.class_counts(), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
///
/// let first = digits.select(&[0])?.inputs().to_vec::<f32>()?;
/// let row: String = first[..8].iter().map(|&grey| if grey > 0.5 { '#' } else { '.' }).collect();
/// assert_eq!(row, "...##...");
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// # Errors
/// [`Error::EmbeddedData`], only if the build is damaged.
#[doc(alias = "load_digits")]
pub fn digits() -> Result<Labeled> {
    let (pixels, labels) = decode(COMPRESSED)?;
    let scale = f32::from(BRIGHTEST).recip();
    let images = pixels
        .into_iter()
        .map(|grey| f32::from(grey) * scale)
        .collect();
    let images = Tensor::from_vec::<f32>(images, [SAMPLES, PIXELS])?;
    Labeled::new(images, Indices::from(labels))?.with_class_count(CLASSES)
}

/// Decodes the pixels and the labels of all samples.
fn decode(compressed: &[u8]) -> Result<(Vec<u8>, Vec<usize>)> {
    let damaged = |found: String| Error::EmbeddedData { found };
    let mut text = String::new();
    GzDecoder::new(compressed)
        .read_to_string(&mut text)
        .map_err(|error| damaged(error.to_string()))?;

    let mut pixels = Vec::with_capacity(SAMPLES * PIXELS);
    let mut labels = Vec::with_capacity(SAMPLES);
    for (line, number) in text.lines().zip(1..) {
        let values = line
            .split(',')
            .map(str::parse::<u8>)
            .collect::<Result<Vec<_>, _>>();
        match values.as_deref() {
            Ok([image @ .., label])
                if image.len() == PIXELS
                    && image.iter().all(|&grey| grey <= BRIGHTEST)
                    && usize::from(*label) < CLASSES =>
            {
                pixels.extend_from_slice(image);
                labels.push(usize::from(*label));
            }
            _ => return Err(damaged(format!("line {number} is `{line}`"))),
        }
    }
    if labels.len() != SAMPLES {
        return Err(damaged(format!(
            "{} lines instead of {SAMPLES}",
            labels.len()
        )));
    }
    Ok((pixels, labels))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn the_embedded_file_is_the_published_one() {
        let (pixels, labels) = decode(COMPRESSED).unwrap();
        assert_eq!(
            pixels.iter().map(|&grey| u32::from(grey)).sum::<u32>(),
            561_718
        );
        assert_eq!(pixels[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
        assert_eq!(labels[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn damage_is_reported() {
        let gzip = |text: &str| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        let message = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
        let good = format!("{}3\n", "0,".repeat(PIXELS));
        assert!(message(&gzip(&good)).contains("1 lines instead of 1797"));
        assert!(message(&gzip(&good.replacen('0', "17", 1))).contains("line 1"));
        assert!(message(&gzip(&good.replace('3', "10"))).contains("line 1"));
        assert!(message(&gzip(&format!("{good}1,2,x\n"))).contains("line 2 is `1,2,x`"));
        assert!(message(&COMPRESSED[..1000]).contains("damaged"));
    }
}
