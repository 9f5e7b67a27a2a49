//! Folders of image files, decoded when a batch needs them (feature `images`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cotangent_core::{Indices, Result as CoreResult, Tensor};
use image::imageops::FilterType;
use image::{DynamicImage, ImageError, ImageReader, Limits};

use crate::dataset::Dataset;
use crate::error::{Error, Result};

/// The file names that are read, by their extension.
const EXTENSIONS: [&str; 9] = [
    "png", "jpg", "jpeg", "bmp", "pbm", "pgm", "ppm", "pnm", "pam",
];

/// The largest width and height of an image. A damaged header must not decide how much memory is
/// taken.
const LONGEST_SIDE: u32 = 1 << 14;

/// The largest number of bytes that decoding an image may take.
const MOST_MEMORY: u64 = 1 << 28;

/// Images in a folder for each class: `photos/cat/1.png`, `photos/dog/1.jpg` and so on.
///
/// Classes are the names of the folders in alphabetical order, and images follow the order of
/// classes and then of file names. A sample is an image `(channels, height, width)` of `f32` from 0
/// to 1, with the index of its class. It is decoded when a batch needs it.
///
/// PNG, JPEG, BMP and PNM files are read, by their extension, whatever its case. Other files are
/// ignored, and so are names that begin with a dot and folders inside that of a class. Transparency
/// is dropped. An image may have at most 16,384 pixels a side.
///
/// The images of a batch must have equal sizes: see [`resized`](Self::resized).
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
    /// [`Error::Io`] if a folder cannot be read, [`Error::UnexpectedContent`] if there are no
    /// classes, or a class has no image or a name that is not UTF-8.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let mut names = Vec::new();
        for path in entries(folder)? {
            if path.is_dir() {
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
            let mut images = entries(path)?;
            images.retain(|path| is_image(path) && path.is_file());
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

fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|found| {
        let mut extensions = EXTENSIONS.iter();
        extensions.any(|extension| extension.eq_ignore_ascii_case(found))
    })
}

fn read(path: &Path) -> Result<DynamicImage> {
    let io = |error| Error::io(path, error);
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    // The content decides, not the extension: a PNG file named `.jpg` is common.
    let mut reader = ImageReader::open(path).map_err(io)?;
    reader = reader.with_guessed_format().map_err(io)?;
    reader.limits(limits);
    reader.decode().map_err(|error| match error {
        ImageError::IoError(error) if error.raw_os_error().is_some() => io(error),
        error => Error::Image {
            path: path.to_owned(),
            reason: error.to_string(),
        },
    })
}

fn check_side(path: &Path, side: u32) -> Result<()> {
    if side <= LONGEST_SIDE {
        return Ok(());
    }
    let reason = format!("at most {LONGEST_SIDE} pixels a side are possible, `resized` has {side}");
    Err(Error::Image {
        path: path.to_owned(),
        reason,
    })
}
