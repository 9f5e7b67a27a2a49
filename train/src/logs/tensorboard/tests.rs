//! Tests of the event files.

use super::super::rehearsal::Rehearsal;
use super::*;
use cotangent_core::Error;
use cotangent_core::module::{Param, Pass};
use cotangent_core::random::{ChaCha8Rng, RngExt, SeedableRng};
use std::fs::{read, write};

#[test]
fn a_killed_and_resumed_run_has_every_record_once() -> Result<()> {
    let (whole, killed) = (tempfile::tempdir()?, tempfile::tempdir()?);
    Rehearsal::whole(&mut TensorBoard::new(&whole), "")?;
    Rehearsal::killed(TensorBoard::new(&killed), || TensorBoard::new(&killed))?;
    let scalars = TensorBoard::read_scalars(&whole)?;
    assert_eq!(scalars, TensorBoard::read_scalars(&killed)?);
    let steps: Vec<i64> = scalars["step/loss"].iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, (1..=12).collect::<Vec<_>>());
    assert_eq!(scalars["epoch/validation_loss"][1], (6, f64::from(0.6f32)));
    // The text and the histograms are there once too.
    let lengths = [&whole, &killed].map(|folder| Some(read(folder.path().join(NAME)).ok()?.len()));
    assert_eq!(lengths[0], lengths[1]);
    Ok(())
}

#[test]
fn a_damaged_file_is_an_error_and_a_cut_one_is_not() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let board = TensorBoard::new(&folder);
    for step in 0..3 {
        board.scalar("loss", step, f64::INFINITY)?;
    }
    let path = folder.path().join(NAME);
    let mut bytes = read(&path)?;
    write(&path, &bytes[..bytes.len() - 1])?;
    let scalars = TensorBoard::read_scalars(&path)?;
    assert_eq!(scalars["loss"], [(0, f64::INFINITY), (1, f64::INFINITY)]);
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    write(&path, &bytes)?;
    let error = TensorBoard::read_scalars(&path).expect_err("an error");
    assert!(matches!(error, Error::Format { .. }), "{error}");
    write(&path, records::frame(&[0xff; 9]))?;
    let error = TensorBoard::read_scalars(&path).expect_err("an error");
    assert!(
        error.to_string().contains("a record is no event"),
        "{error}"
    );
    let missing = TensorBoard::read_scalars(folder.path().join("missing"));
    assert!(matches!(missing, Err(Error::Io { .. })));
    Ok(())
}

#[test]
fn records_of_any_bytes_are_events_or_errors() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(NAME);
    TensorBoard::new(&folder).signal(1, &Rehearsal::new("")?.signal)?;
    let good = read(&path)?;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..500 {
        let start = rng.random_range(0..good.len());
        let mut message = good[start..].to_vec();
        let place = rng.random_range(0..message.len());
        message[place] = rng.random();
        write(&path, records::frame(&message))?;
        let found = TensorBoard::read_scalars(&path);
        assert!(matches!(found, Ok(_) | Err(Error::Format { .. })));
    }
    Ok(())
}

#[test]
fn bins_of_any_distribution_increase() {
    for values in [
        &[][..],
        &[2.0],
        &[2.0, 2.0],
        &[f64::NAN],
        &[-1e300, 1e300, f64::INFINITY],
    ] {
        let value = histogram("", &Distribution::of(&Tensor::from(values)));
        let Some(Data::Histogram(histogram)) = value.data else {
            unreachable!()
        };
        assert!(histogram.bucket_limit.is_sorted(), "{values:?}");
        let finite = values.iter().filter(|value| value.is_finite()).count();
        assert_eq!(
            histogram.bucket.iter().sum::<f64>(),
            finite as f64,
            "{values:?}"
        );
    }
}

#[test]
fn a_handle_adds_to_the_run_s_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let board = TensorBoard::new(&folder);
    let mut log = board.clone();
    let mut run = Rehearsal::new("")?;
    run.begin(&mut log)?;
    run.epoch(&mut log)?;
    let graph = Dot::new(&Param::new(&Tensor::from([1.0])).read(&Pass::train(0)).exp());
    board.graph("graph", 3, &graph)?;
    board.scalar("mine", 3, 0.5)?;
    run.epoch(&mut log)?;
    let scalars = TensorBoard::read_scalars(&folder)?;
    assert_eq!((scalars["mine"].len(), scalars["step/loss"].len()), (1, 6));
    Ok(())
}

#[test]
fn a_fence_is_longer_than_those_in_the_text() {
    assert_eq!(fenced("a ``` b ````"), "`````\na ``` b ````\n`````");
}
