//! Folders of images: their classes, their values, and their errors.

use std::fs;
use std::path::Path;

use cotangent_core::Tensor;
use cotangent_data::{Batches, Dataset, Error, ImageFolder};
use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage};

/// Creates the classes `cat` and `dog` with two images each, of 4 x 3 pixels.
pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for class in ["dog", "cat"] {
        fs::create_dir(folder.path().join(class)).unwrap();
    }
    let colours = RgbImage::from_fn(4, 3, |x, y| Rgb([x as u8 * 10, y as u8 * 10, 255]));
    let greys = GrayImage::from_fn(4, 3, |x, _| Luma([x as u8 * 85]));
    colours.save(folder.path().join("cat/b.PNG")).unwrap();
    greys.save(folder.path().join("cat/a.png")).unwrap();
    colours.save(folder.path().join("dog/c.bmp")).unwrap();
    colours.save(folder.path().join("dog/d.jpg")).unwrap();
    fs::write(folder.path().join("dog/notes.txt"), "no image").unwrap();
    fs::write(folder.path().join("dog/.hidden.png"), "no image").unwrap();
    fs::write(folder.path().join("licence.txt"), "no class").unwrap();
    folder
}

pub(crate) fn message<T: std::fmt::Debug>(result: Result<T, impl ToString>) -> String {
    match result {
        Err(error) => error.to_string(),
        Ok(value) => panic!("expected an error, found {value:?}"),
    }
}

#[test]
fn folders_are_classes_and_images_are_tensors() {
    let folder = folder();
    let images = ImageFolder::open(folder.path()).unwrap();
    assert_eq!(images.classes(), ["cat", "dog"]);
    assert_eq!(
        (images.len(), images.labels().as_slice()),
        (4, &[0, 0, 1, 1][..])
    );
    assert!(images.path(0).unwrap().ends_with("cat/a.png"));
    assert!(images.path(4).is_none());

    let (grey, label) = images.get(0).unwrap();
    assert_eq!((grey.shape(), label.as_slice()), (&[3, 3, 4][..], &[0][..]));
    let line = [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0];
    for (value, expected) in grey.to_f64_vec().iter().zip(line.iter().cycle()) {
        assert!((value - expected).abs() < 1e-6);
    }
    for position in [1, 2] {
        let (colours, _) = images.get(position).unwrap();
        let values = colours.to_vec::<f32>().unwrap();
        let red = (0..12).map(|i| (i % 4) as f32 * 10.0 / 255.0);
        let green = (0..12).map(|i| (i / 4) as f32 * 10.0 / 255.0);
        let blue = (0..12).map(|_| 1.0);
        for (value, expected) in values.iter().zip(red.chain(green).chain(blue)) {
            assert!((value - expected).abs() < 1e-6);
        }
    }
    let grey = images.clone().grayscale().get(3).unwrap().0;
    assert_eq!(grey.shape(), [1, 3, 4]);
    let small = images.resized(2, 6);
    let batches = Batches::new(&small, 4).unwrap();
    let (batch, labels) = batches.epoch(0).next().unwrap().unwrap();
    assert_eq!(
        (batch.shape(), labels.as_slice()),
        (&[4, 3, 2, 6][..], &[0, 0, 1, 1][..])
    );
}

#[test]
fn errors_name_the_file() {
    let folder = folder();
    let images = ImageFolder::open(folder.path()).unwrap();
    let path = folder.path().join("dog/c.bmp");
    let good = fs::read(&path).unwrap();
    fs::write(&path, &good[..good.len() - 1]).unwrap();
    assert!(message(images.get(2)).contains("c.bmp"));
    fs::write(&path, "not an image").unwrap();
    assert!(message(images.get(2)).contains("c.bmp"));
    fs::remove_file(&path).unwrap();
    assert!(message(images.get(2)).contains("c.bmp"));
    assert!(message(images.get(4)).contains("below 4"));
    let batches = Batches::new(&images, 4).unwrap();
    let error = message(batches.epoch(0).next().unwrap());
    assert!(error.contains("c.bmp") && error.contains('2'), "{error}");
    let huge = images.resized(1 << 15, 1);
    assert!(message(huge.get(0)).contains("16384 pixels"));

    let empty = tempfile::tempdir().unwrap();
    let found = message(ImageFolder::open(empty.path()));
    assert!(found.contains("a folder for each class"), "{found}");
    fs::create_dir(empty.path().join("none")).unwrap();
    let found = message(ImageFolder::open(empty.path()));
    assert!(found.contains("none") && found.contains("png"), "{found}");
    let missing = ImageFolder::open(Path::new("no such folder"));
    assert!(matches!(missing, Err(Error::Io { .. })));
}

/// Returns the file of a 12 x 10 image of changing colours.
pub(crate) fn encoded(format: ImageFormat) -> Vec<u8> {
    let colours = RgbImage::from_fn(12, 10, |x, y| {
        Rgb([x as u8 * 20, y as u8 * 25, (x * y * 37 % 256) as u8])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    colours.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Returns the image in a file of a folder of one class.
pub(crate) fn only(name: &str, bytes: &[u8]) -> cotangent_core::Result<Tensor> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("class")).unwrap();
    fs::write(folder.path().join("class").join(name), bytes).unwrap();
    let images = ImageFolder::open(folder.path()).unwrap();
    let (image, _) = images.get(0)?;
    Ok(image)
}

/// Returns the bytes that are written with two digits each.
fn hex(digits: &str) -> Vec<u8> {
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.iter().map(byte).collect()
}

#[test]
fn every_kind_of_pixel_becomes_values_from_0_to_1() {
    use image::{DynamicImage, ImageBuffer, LumaA, Rgba};
    let bytes = |image: DynamicImage, format| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    };
    let grey16 = ImageBuffer::from_pixel(2, 1, Luma([0x8000_u16]));
    let colour16 = ImageBuffer::from_pixel(2, 1, Rgb([0xffff_u16, 0x3333, 0]));
    let clear = ImageBuffer::from_pixel(2, 1, Rgba([255_u8, 51, 0, 0]));
    let clear_grey = ImageBuffer::from_pixel(2, 1, LumaA([51_u8, 7]));
    // Made with Pillow: an image of three colours in a palette, and one of cyan, magenta, yellow
    // and black, whose inks are 200, 30, 100, 60 of 255.
    let palette = "89504e470d0a1a0a0000000d4948445200000003000000010203000000668efc2700000009504c54\
        45ff000000ff00000033bf9843110000000a49444154789c6368010000860085bcf5cdd600000000\
        49454e44ae426082";
    let inks = "ffd8ffee000e41646f626500640000000000ffdb0043000201010101010201010102020202020403\
        020202020504040304060506060605060606070908060709070606080b08090a0a0a0a0a06080b0c\
        0b0a0c090a0a0affc000140800080008044311004d11005911004b1100ffc4001500010100000000\
        000000000000000000000907ffc40014100100000000000000000000000000000000ffda000e0443\
        004d0059004b00003f0036cc22d8431fffd9";
    let half = f64::from(0x8000) / f64::from(0xffff);
    for (bytes, first, tolerance) in [
        (
            bytes(grey16.clone().into(), ImageFormat::Png),
            [half; 3],
            1e-6,
        ),
        (bytes(grey16.into(), ImageFormat::Pnm), [half; 3], 1e-6),
        (
            bytes(colour16.clone().into(), ImageFormat::Png),
            [1.0, 0.2, 0.0],
            1e-6,
        ),
        (
            bytes(colour16.into(), ImageFormat::Pnm),
            [1.0, 0.2, 0.0],
            1e-6,
        ),
        (
            bytes(clear.clone().into(), ImageFormat::Png),
            [1.0, 0.2, 0.0],
            1e-6,
        ),
        (bytes(clear.into(), ImageFormat::Bmp), [1.0, 0.2, 0.0], 1e-6),
        (bytes(clear_grey.into(), ImageFormat::Png), [0.2; 3], 1e-6),
        (hex(palette), [0.0, 0.0, 0.2], 1e-6),
        (b"P1 2 1 1 0".to_vec(), [0.0; 3], 1e-6),
        (b"P2 2 1 5 1 0".to_vec(), [0.2; 3], 1e-2),
        (b"P3 1 1 255 255 51 0".to_vec(), [1.0, 0.2, 0.0], 1e-6),
        // Pillow decodes (42, 172, 119).
        (
            hex(inks),
            [42.0 / 255.0, 172.0 / 255.0, 119.0 / 255.0],
            2.0 / 255.0,
        ),
    ] {
        let image = only("a.png", &bytes).unwrap();
        for (channel, expected) in first.into_iter().enumerate() {
            let found = image.to_f64_vec()[channel * image.len() / 3];
            assert!((found - expected).abs() <= tolerance, "{found} {expected}");
        }
        let cut = &bytes[..bytes.len() / 2];
        assert!(message(only("a.png", cut)).contains("a.png"));
    }
}

#[test]
fn an_image_is_turned_as_its_orientation_says() {
    use image::ImageEncoder;
    use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
    let (white, black) = ([255, 255, 255], [0; 3]);
    let pixels = [[white; 8], [black; 8]].concat().repeat(8).concat();
    // 16 x 8 pixels: the left half is white.
    let exif = |orientation| {
        let entry = [0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
        [&b"II*\0\x08\0\0\0\x01\0"[..], &entry, &[0; 4]].concat()
    };
    // The side of the white half after the turn.
    let sides = [
        "left", "right", "right", "left", "top", "top", "bottom", "bottom",
    ];
    for (side, orientation) in sides.into_iter().zip(1..) {
        let (mut png, mut jpeg) = (Vec::new(), Vec::new());
        let mut encoder = PngEncoder::new(&mut png);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder
            .write_image(&pixels, 16, 8, image::ExtendedColorType::Rgb8)
            .unwrap();
        let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 100);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder
            .write_image(&pixels, 16, 8, image::ExtendedColorType::Rgb8)
            .unwrap();
        for (name, bytes) in [("a.png", png), ("a.jpg", jpeg)] {
            let image = only(name, &bytes).unwrap();
            let (half, shape) = match side {
                "left" => (image.narrow(2, 0, 8), [3, 8, 16]),
                "right" => (image.narrow(2, 8, 8), [3, 8, 16]),
                "top" => (image.narrow(1, 0, 8), [3, 16, 8]),
                _ => (image.narrow(1, 8, 8), [3, 16, 8]),
            };
            assert_eq!(image.shape(), shape, "{name} {orientation}");
            let bright = half.unwrap().to_f64_vec().iter().all(|&x| x > 0.9);
            assert!(bright, "{name} {orientation}");
        }
    }
}

#[test]
fn images_of_different_sizes_are_an_error_that_names_the_file() {
    let folder = folder();
    RgbImage::new(5, 3)
        .save(folder.path().join("dog/d.png"))
        .unwrap();
    let images = ImageFolder::open(folder.path()).unwrap();
    for workers in [0, 2] {
        let batches = Batches::new(images.clone(), 5).unwrap().workers(workers);
        let error = message(batches.epoch(0).next().unwrap());
        assert!(error.starts_with("sample 4: "), "{error}");
        assert!(
            error.contains("d.png") && error.contains("`resized`"),
            "{error}"
        );
    }
    let batches = Batches::new(images.resized(2, 2), 5).unwrap();
    assert_eq!(
        batches.epoch(0).next().unwrap().unwrap().0.shape(),
        [5, 3, 2, 2]
    );
}

#[test]
#[cfg(unix)]
fn links_and_names_of_any_bytes() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::copy(
        at("cat/a.png"),
        at("cat").join(OsStr::from_bytes(b"\xff.png")),
    )
    .unwrap();
    symlink(at("dog/c.bmp"), at("cat/c.bmp")).unwrap();
    symlink(at("dog"), at("wolf")).unwrap();
    let images = ImageFolder::open(folder.path()).unwrap();
    assert_eq!(images.classes(), ["cat", "dog", "wolf"]);
    assert_eq!(images.labels().as_slice(), [0, 0, 0, 0, 1, 1, 2, 2]);
    for position in 0..8 {
        assert_eq!(images.get(position).unwrap().0.rank(), 3);
    }
    fs::write(images.path(3).unwrap(), "damaged").unwrap();
    assert!(message(images.get(3)).contains(".png"));

    for (target, link) in [
        ("cat/b.png", "cat/b.png"),
        ("none", "dog/e.png"),
        ("x", "x"),
    ] {
        let folder = self::folder();
        let link = folder.path().join(link);
        let _ = fs::remove_file(&link);
        symlink(folder.path().join(target), &link).unwrap();
        match ImageFolder::open(folder.path()) {
            Err(Error::Io { path, .. }) => assert_eq!(path, link),
            other => panic!("expected an error, found {other:?}"),
        }
    }
    // A class that is the whole folder has no images of its own.
    symlink(folder.path(), at("zebra")).unwrap();
    let found = message(ImageFolder::open(folder.path()));
    assert!(found.contains("zebra") && found.contains("png"), "{found}");
    fs::remove_file(at("zebra")).unwrap();
    fs::create_dir(folder.path().join(OsStr::from_bytes(b"\xfe"))).unwrap();
    let found = message(ImageFolder::open(folder.path()));
    assert!(found.contains("UTF-8"), "{found}");
}
