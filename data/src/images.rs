//! Folders of image files, decoded when a batch needs them (feature `images`).

use std::fs::{self, File, Metadata};
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cotangent_core::{Indices, Result as CoreResult, Tensor};
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, ImageResult, Limits};

use crate::dataset::{Dataset, stack_of};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::source::at_most;

/// The file names that are read, by their extension.
const EXTENSIONS: [&str; 9] = [
    "png", "jpg", "jpeg", "bmp", "pbm", "pgm", "ppm", "pnm", "pam",
];

/// The largest width and height of an image. A damaged header must not decide how much memory is
/// taken.
const LONGEST_SIDE: u32 = 1 << 14;

/// The largest number of bytes of a file, and of the pixels of an image.
const MOST_MEMORY: u64 = 1 << 28;

/// Images in a folder for each class: `photos/cat/1.png`, `photos/dog/1.jpg` and so on.
///
/// Classes are the names of the folders in alphabetical order, and images follow the order of
/// classes and then of file names. A sample is an image `(channels, height, width)` of `f32` from 0
/// to 1, with the index of its class. It is decoded when a batch needs it.
///
/// PNG, JPEG, BMP and PNM files are read, by their extension, whatever its case. Other files are
/// ignored, and so are names that begin with a dot and folders inside that of a class. Links are
/// followed. An image is turned as its Exif orientation says. Transparency is dropped. An image may
/// have at most 16,384 pixels a side and 256 MiB.
///
/// The images of a batch must have equal sizes: see [`resized`](Self::resized).
///
/// A damaged file is [`Error::Image`], in the [`Error::Item`] of its position. JPEG has no
/// checksums, so that a JPEG file that was cut off is found, but not each changed byte.
///
/// ```no_run
/// use cotangent::data::ImageFolder;
/// use cotangent::prelude::*;
///
/// let photos = ImageFolder::open("photos")?.resized(64, 64);
/// for batch in Batches::new(&photos, 32)?.shuffle(42).epoch(0) {
///     let (images, labels) = batch?;
///     assert_eq!(images.shape(), [labels.len(), 3, 64, 64]);
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageFolder {
    classes: Vec<String>,
    /// The path of each image, and its class.
    files: Arc<[(PathBuf, usize)]>,
    size: Option<[u32; 2]>,
    is_grayscale: bool,
}

impl ImageFolder {
    /// Lists the images of a folder. No image is read yet.
    ///
    /// # Errors
    /// [`Error::Io`] if a folder cannot be read or a link leads nowhere,
    /// [`Error::UnexpectedContent`] if there are no classes, or a class has no image or a name that
    /// is not UTF-8.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let mut names = Vec::new();
        for path in entries(folder)? {
            if kind(&path)?.is_dir() {
                let name = path.file_name().and_then(|name| name.to_str());
                let not_text = || {
                    let (expected, found) = ("a name of a class in UTF-8", "another name");
                    Error::unexpected(&path, expected, found)
                };
                names.push((name.ok_or_else(not_text)?.to_owned(), path.clone()));
            }
        }
        if names.is_empty() {
            return Err(Error::unexpected(folder, "a folder for each class", "none"));
        }
        names.sort();
        let mut files = Vec::new();
        for (class, (_, path)) in names.iter().enumerate() {
            let mut images = Vec::new();
            for image in entries(path)? {
                if is_image(&image) && kind(&image)?.is_file() {
                    images.push(image);
                }
            }
            if images.is_empty() {
                let expected = format!("images ({})", EXTENSIONS.join(", "));
                return Err(Error::unexpected(path, expected, "none"));
            }
            images.sort();
            files.extend(images.into_iter().map(|path| (path, class)));
        }
        Ok(Self {
            classes: names.into_iter().map(|(name, _)| name).collect(),
            files: files.into(),
            size: None,
            is_grayscale: false,
        })
    }

    /// Scales every image to `(height, width)` with a triangle filter, without keeping its
    /// proportions.
    #[must_use]
    pub fn resized(mut self, height: u32, width: u32) -> Self {
        self.size = Some([height, width]);
        self
    }

    /// Converts every image to one channel instead of three: its luminance.
    #[must_use]
    pub fn grayscale(mut self) -> Self {
        self.is_grayscale = true;
        self
    }

    /// Returns the names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Returns the class of each image, of the shape `(samples)`.
    pub fn labels(&self) -> Indices {
        self.files.iter().map(|(_, class)| *class).collect()
    }

    /// Returns the path of an image.
    pub fn path(&self, position: usize) -> Option<&Path> {
        self.files.get(position).map(|(path, _)| path.as_path())
    }

    /// Adds the file to the error of an image that has another shape than the first of its batch.
    fn misfit(&self, error: cotangent_core::Error) -> cotangent_core::Error {
        if let cotangent_core::Error::Other(other) = &error
            && let Some(Error::Item { position, error }) = other.downcast_ref()
            && matches!(**error, cotangent_core::Error::Shape { .. })
            && let Some(path) = self.path(*position)
        {
            let reason = format!("{error}; `resized` gives all images the same size");
            return Error::item(*position, Error::image(path, reason).into());
        }
        error
    }

    fn decode(&self, path: &Path) -> Result<Tensor> {
        let image = read(path)?;
        let image = match self.size {
            Some([height, width]) if [image.height(), image.width()] != [height, width] => {
                check_side(path, height.max(width))?;
                image.resize_exact(width, height, FilterType::Triangle)
            }
            _ => image,
        };
        let (height, width) = (image.height() as usize, image.width() as usize);
        if self.is_grayscale {
            let values = image.to_luma32f().into_raw();
            return Ok(Tensor::from_vec(values, [1, height, width])?);
        }
        let pixels = image.into_rgb32f().into_raw();
        let channel = |channel| pixels.iter().skip(channel).step_by(3).copied();
        let values: Vec<f32> = (0..3).flat_map(channel).collect();
        Ok(Tensor::from_vec(values, [3, height, width])?)
    }
}

impl Dataset for ImageFolder {
    type Sample = (Tensor, Indices);

    fn len(&self) -> usize {
        self.files.len()
    }

    fn get(&self, position: usize) -> CoreResult<Self::Sample> {
        let samples = self.files.len();
        let Some((path, class)) = self.files.get(position) else {
            return Err(Error::SampleOutOfRange { position, samples }.into());
        };
        Ok((self.decode(path)?, Indices::from(*class)))
    }

    fn batch(&self, draws: &[(usize, Key)]) -> CoreResult<Self::Sample> {
        stack_of(self, draws).map_err(|error| self.misfit(error))
    }
}

/// Returns the paths in a folder whose names do not begin with a dot.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = || -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(folder)?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        paths.collect()
    };
    let mut paths = read().map_err(|error| Error::io(folder, error))?;
    paths.retain(|path| {
        let name = path.file_name().unwrap_or_default();
        !name.as_encoded_bytes().starts_with(b".")
    });
    Ok(paths)
}

fn kind(path: &Path) -> Result<Metadata> {
    fs::metadata(path).map_err(|error| Error::io(path, error))
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|found| {
        let mut extensions = EXTENSIONS.iter();
        extensions.any(|extension| extension.eq_ignore_ascii_case(found))
    })
}

fn read(path: &Path) -> Result<DynamicImage> {
    let limit = usize::try_from(MOST_MEMORY).unwrap_or(usize::MAX);
    let bytes = File::open(path).and_then(|file| at_most(file, limit));
    let bytes = bytes.map_err(|error| Error::io(path, error))?;
    if bytes.len() == limit {
        let reason = format!("expected a file of fewer than {limit} bytes");
        return Err(Error::image(path, reason));
    }
    // The content decides, not the extension: a PNG file named `.jpg` is common.
    let format = image::guess_format(&bytes).map_err(|_| {
        let found = if bytes.is_empty() {
            "nothing"
        } else {
            "something else"
        };
        Error::image(
            path,
            format!("expected PNG, JPEG, BMP or PNM, found {found}"),
        )
    })?;
    if format == ImageFormat::Jpeg && !has_end(&bytes) {
        let reason = "the JPEG data ends without the marker of its end: it was cut off";
        return Err(Error::image(path, reason));
    }
    decoded(&bytes, format).map_err(|error| Error::image(path, error.to_string()))
}

/// Decodes an image and turns it upright.
fn decoded(bytes: &[u8], format: ImageFormat) -> ImageResult<DynamicImage> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    limits.reserve(decoder.total_bytes())?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Returns whether JPEG data has the marker of its end. The decoder fills the rest of an image that
/// was cut off with grey.
fn has_end(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(start) = rest.iter().position(|&byte| byte == 0xff) {
        rest = match rest[start..] {
            [_, 0xd9, ..] => return true,
            // A byte 255 of an image, a marker inside it, the beginning of the file, a filler.
            [_, 0 | 0x01 | 0xd0..=0xd8, ref rest @ ..] => rest,
            [_, 0xff, ..] => &rest[start + 1..],
            // A segment, which may contain another image.
            [_, _, high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                rest.get(start + 2 + length..).unwrap_or_default()
            }
            _ => return false,
        };
    }
    false
}

fn check_side(path: &Path, side: u32) -> Result<()> {
    if side <= LONGEST_SIDE {
        return Ok(());
    }
    let reason = format!("at most {LONGEST_SIDE} pixels a side are possible, `resized` has {side}");
    Err(Error::image(path, reason))
}
