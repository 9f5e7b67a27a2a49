//! Event files of other programs: the scalars of PyTorch and of TensorFlow 2. `events/events.py`
//! has written them.

use cotangent::prelude::*;
use cotangent::train::TensorBoard;
use std::collections::BTreeMap;
use std::fs::{copy, write};
use std::path::Path;
use tempfile::tempdir;

const PYTORCH: &[u8] = include_bytes!("events/events.out.tfevents.pytorch");
const TENSORFLOW: &[u8] = include_bytes!("events/events.out.tfevents.tensorflow");

type Scalars = BTreeMap<String, Vec<(i64, f64)>>;

fn scalars<const N: usize>(tags: [(&str, &[(i64, f64)]); N]) -> Scalars {
    let tags = tags.into_iter();
    tags.map(|(tag, points)| (tag.to_owned(), points.to_vec()))
        .collect()
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/logs/events"))
}

#[test]
fn scalars_of_pytorch_and_tensorflow_are_read_in_the_order_of_the_file() -> Result<()> {
    let pytorch = scalars([
        ("accuracy", &[(3, 0.75)]),
        ("loss", &[(3, 0.5), (1, 2.5), (2, f64::INFINITY)]),
        ("rate", &[(3, 0.1)]),
    ]);
    // Tensors of integers and tensors with axes are no scalars.
    let tensorflow = scalars([
        ("loss", &[(5, 0.25), (4, 0.375)]),
        ("old", &[(7, 1.5)]),
        ("rate", &[(6, 0.5)]),
    ]);
    let read = |name| TensorBoard::read_scalars(folder().join(name));
    assert_eq!(read("events.out.tfevents.pytorch")?, pytorch);
    assert_eq!(read("events.out.tfevents.tensorflow")?, tensorflow);
    // The files of a folder follow each other by name.
    let mut both = pytorch;
    for (tag, points) in tensorflow {
        both.entry(tag).or_default().extend(points);
    }
    assert_eq!(TensorBoard::read_scalars(folder())?, both);
    Ok(())
}

#[test]
fn a_file_that_is_cut_anywhere_has_the_points_before_the_cut() -> Result<()> {
    let (folder, mut found) = (tempdir()?, Vec::new());
    for whole in [PYTORCH, TENSORFLOW] {
        let path = folder.path().join("cut");
        for len in 0..=whole.len() {
            write(&path, &whole[..len])?;
            let scalars = TensorBoard::read_scalars(&path)?;
            found.push(scalars.values().map(Vec::len).sum::<usize>());
        }
    }
    // Each point comes with a byte of its own, the last of its record.
    let steps = found.windows(2).filter(|pair| pair[1] != pair[0]);
    assert!(
        steps
            .clone()
            .all(|pair| pair[1] == pair[0] + 1 || pair[1] == 0)
    );
    assert_eq!(steps.count(), 5 + 1 + 4);
    Ok(())
}

#[test]
fn files_that_are_no_event_files_are_errors() -> Result<()> {
    let folder = tempdir()?;
    let refused = |path: &Path| match TensorBoard::read_scalars(path) {
        Err(error @ Error::Format { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    write(
        folder.path().join("notes.txt"),
        "no events, but a long enough text",
    )?;
    assert!(
        refused(folder.path()).ends_with("there is no event file, with `tfevents` in its name")
    );
    assert!(refused(&folder.path().join("notes.txt")).contains("checksum"));
    let whole = self::folder().join("events.out.tfevents.pytorch");
    copy(whole, folder.path().join("events.out.tfevents.1"))?;
    assert_eq!(TensorBoard::read_scalars(folder.path())?.len(), 3);
    Ok(())
}
