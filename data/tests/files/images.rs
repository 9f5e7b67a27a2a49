//! Folders of images: their classes, their values, and damaged files.

use std::fs;
use std::path::Path;

use cotangent_data::{Batches, Dataset, Error, ImageFolder};
use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use proptest::collection::vec;
use proptest::prelude::*;

/// Creates the classes `cat` and `dog` with two images each, of 4 x 3 pixels.
fn folder() -> tempfile::TempDir {
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

fn message<T: std::fmt::Debug>(result: Result<T, impl ToString>) -> String {
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

#[test]
fn a_huge_claim_allocates_nothing() {
    let folder = folder();
    let images = ImageFolder::open(folder.path()).unwrap();
    let path = folder.path().join("dog/c.bmp");
    let mut bytes = fs::read(&path).unwrap();
    for side in [12_000_i32, 1 << 20] {
        bytes[18..22].copy_from_slice(&side.to_le_bytes());
        bytes[22..26].copy_from_slice(&side.to_le_bytes());
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(
            images.get(2).map_err(|error| error.to_string()),
            Err(error) if error.contains("c.bmp")
        ));
    }
    fs::write(&path, "P5 12000 12000 255\n").unwrap();
    assert!(message(images.get(2)).contains("c.bmp"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn mutated_files_never_panic(
        format in prop::sample::select(vec![
            ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Pnm,
        ]),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        truncated: bool,
    ) {
        let folder = folder();
        let colours = RgbImage::from_fn(9, 5, |x, y| Rgb([x as u8 * 20, y as u8 * 40, 7]));
        let mut bytes = std::io::Cursor::new(Vec::new());
        colours.write_to(&mut bytes, format).unwrap();
        let mut bytes = bytes.into_inner();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if truncated {
            bytes.truncate(cut.index(bytes.len()));
        }
        fs::write(folder.path().join("cat/a.png"), bytes).unwrap();
        let images = ImageFolder::open(folder.path()).unwrap();
        match images.get(0) {
            Ok((image, _)) => {
                prop_assert!(image.to_f64_vec().iter().all(|x| (0.0..=1.0).contains(x)));
            }
            Err(error) => prop_assert!(error.to_string().contains("a.png"), "{}", error),
        }
    }
}
