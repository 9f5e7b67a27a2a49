//! Damaged image files: each is an error that names the file, or has the values of the whole one.

use std::fs;

use cotangent_data::{Dataset, ImageFolder};
use image::{ImageFormat, Rgb, RgbImage};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::images::{encoded, folder, message, only};

#[test]
fn a_file_that_was_cut_off_is_an_error() {
    use ImageFormat::{Bmp, Jpeg, Png, Pnm};
    for (format, name) in [
        (Png, "a.png"),
        (Jpeg, "a.jpg"),
        (Bmp, "a.bmp"),
        (Pnm, "a.ppm"),
    ] {
        let whole = encoded(format);
        let expected = only(name, &whole).unwrap().to_f64_vec();
        for part in 0..16 {
            let cut = &whole[..whole.len() * part / 16];
            let error = message(only(name, cut).map(|image| image.to_f64_vec()));
            assert!(error.contains(name), "{format:?} {part}: {error}");
        }
        // The last bytes of a PNG file are no part of the image.
        for missing in 1..24.min(whole.len()) {
            match only(name, &whole[..whole.len() - missing]) {
                Ok(image) => assert_eq!(image.to_f64_vec(), expected, "{format:?} {missing}"),
                Err(error) => assert!(error.to_string().contains(name), "{error}"),
            }
        }
        let longer = [&whole[..], b"more"].concat();
        assert_eq!(only(name, &longer).unwrap().to_f64_vec(), expected);
    }
}

#[test]
fn the_end_of_a_picture_inside_a_jpeg_file_is_not_its_end() {
    let whole = encoded(ImageFormat::Jpeg);
    let length = (whole.len() as u16 + 2).to_be_bytes();
    let with_preview = [&[0xff, 0xd8, 0xff, 0xe5][..], &length, &whole, &whole[2..]].concat();
    let expected = only("a.jpg", &whole).unwrap().to_f64_vec();
    let found = only("a.jpg", &with_preview).unwrap().to_f64_vec();
    assert_eq!(found, expected);
    for part in 1..32 {
        let cut = &with_preview[..with_preview.len() * part / 32];
        assert!(message(only("a.jpg", cut)).contains("a.jpg"));
    }
}

#[test]
fn files_without_an_image_are_errors() {
    let gif = b"GIF89a\x01\0\x01\0\0\0\0;";
    for (bytes, text) in [
        (&b""[..], "expected PNG, JPEG, BMP or PNM, found nothing"),
        (
            b"just some text",
            "expected PNG, JPEG, BMP or PNM, found something else",
        ),
        (b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "expected PNG"),
        (b"\xff\xd8\xff", "cut off"),
        (b"BM is how this text begins", "Bmp"),
        (b"P6 text", "P"),
        (gif, "Gif"),
    ] {
        for name in ["a.jpg", "a.png", "a.PNM"] {
            let found = message(only(name, bytes));
            assert!(found.contains(name) && found.contains(text), "{found}");
        }
    }
}

#[test]
fn changed_bytes_of_a_png_file_are_found() {
    let whole = encoded(ImageFormat::Png);
    let expected = only("a.png", &whole).unwrap().to_f64_vec();
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        match only("a.png", &bytes) {
            Ok(image) => assert_eq!(image.to_f64_vec(), expected, "byte {place}"),
            Err(error) => assert!(error.to_string().contains("a.png"), "{error}"),
        }
    }
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

    let mut png = encoded(ImageFormat::Png);
    let mut jpeg = encoded(ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]);
    let frame = frame.unwrap() + 5;
    for side in [12_000_u16, 16_384, u16::MAX] {
        for place in [16, 20] {
            png[place..][..4].copy_from_slice(&u32::from(side).to_be_bytes());
        }
        let mut checksum = flate2::Crc::new();
        checksum.update(&png[12..29]);
        png[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
        for place in [frame, frame + 2] {
            jpeg[place..][..2].copy_from_slice(&side.to_be_bytes());
        }
        for bytes in [&png, &jpeg] {
            let error = message(only("a.png", bytes));
            assert!(
                error.contains("a.png") && error.contains("limit"),
                "{error}"
            );
        }
    }
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
