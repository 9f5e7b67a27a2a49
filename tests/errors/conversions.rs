//! `?` converts every kind of error to the prelude's `Error`, and a failing `main` prints its
//! message.

use cotangent::figure::{Chart, Charts, Figure};
use cotangent::prelude::*;
use std::path::Path;
use std::process::{Command, ExitCode, Termination};

/// A program that fails at one of its steps.
fn program(step: &str, folder: &Path) -> Result<()> {
    let text = match step {
        "missing" => std::fs::read_to_string(folder.join("missing"))?,
        _ => step.to_owned(),
    };
    match step {
        "float" => drop(text.parse::<f64>()?),
        "int" => drop(text.parse::<usize>()?),
        "data" => drop(cotangent::data::digits()?.split_stratified(2.0, 0)?),
        "data file" => drop(cotangent::data::mnist(folder)?),
        "data core" => {
            let digits = cotangent::data::digits()?;
            drop(digits.map_inputs(9, |x| x.reshape([1, 1]))?);
        }
        "idx" => drop(cotangent::data::idx::read(folder.join("missing.idx"))?),
        "figure" => Charts::new("Loss")
            .push(Chart::new("x", "y"))
            .save("loss.gif")?,
        "figure file" => Charts::new("Loss")
            .push(Chart::new("x", "y"))
            .save(folder.join("no folder").join("loss.svg"))?,
        "npy" => drop(cotangent::npy::read(folder.join("missing.npy"))?),
        "tensor" => drop(Tensor::from([1.0f32]).reshape([2])?),
        "other" => drop(text.parse::<bool>().map_err(Error::other)?),
        "boxed" => Err(Box::<dyn std::error::Error + Send + Sync>::from(
            "boxed text",
        ))?,
        _ => {}
    }
    Ok(())
}

#[test]
fn one_question_mark_for_every_kind_of_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let fails = |step: &str, part: &str| {
        let error = program(step, folder.path()).expect_err(step);
        assert!(error.to_string().contains(part), "{step}: {error}");
        // In the other direction: to error types of other crates.
        let boxed: Box<dyn std::error::Error> = error.into();
        assert!(boxed.to_string().contains(part));
        program(step, folder.path()).expect_err(step)
    };
    let path = |error: &Error| match error {
        Error::Io { path, .. } => path.clone(),
        error => panic!("{error}"),
    };
    assert_eq!(path(&fails("missing", "No such file")), Path::new(""));
    assert!(!fails("missing", "").to_string().starts_with(':'));
    assert!(path(&fails("idx", "missing.idx")).ends_with("missing.idx"));
    assert!(path(&fails("npy", "missing.npy")).ends_with("missing.npy"));
    assert!(path(&fails("figure file", "loss.svg")).ends_with("loss.svg"));
    assert!(matches!(
        fails("figure", ".svg or .png"),
        Error::Argument { .. }
    ));
    assert!(matches!(fails("tensor", "reshape"), Error::Shape { .. }));
    assert!(matches!(fails("data core", "reshape"), Error::Shape { .. }));
    for (step, part) in [
        ("float", "float"),
        ("int", "digit"),
        ("data", "split_stratified: the fraction must be"),
        ("data file", "has none of the files"),
        ("other", "`true`"),
        ("boxed", "boxed text"),
    ] {
        assert!(matches!(fails(step, part), Error::Other(_)), "{step}");
    }
    // The original error can be downcast.
    let Error::Other(inner) = fails("data", "") else {
        panic!("an error of another crate");
    };
    let inner = inner.downcast_ref::<cotangent::data::Error>();
    assert!(matches!(
        inner,
        Some(cotangent::data::Error::Fraction { .. })
    ));
    assert!(program("nothing", folder.path()).is_ok());
}

#[test]
fn debug_is_the_message() -> Result<()> {
    let net = Sequential::new().push(Flatten { start_axis: 3 });
    let error = net.predict(&Tensor::from([1.0f32])).expect_err("no axis 3");
    let text = "`0`: flatten: expected input with an axis 3 (shape (1,))";
    assert_eq!(error.to_string(), text);
    assert_eq!(
        (format!("{error:?}"), format!("{error:#?}")),
        (text.into(), text.into())
    );
    let digits = cotangent::data::digits()?;
    let error = digits
        .split_stratified(2.0, 0)
        .expect_err("a fraction of 2");
    assert_eq!(format!("{error:?}"), error.to_string());
    Ok(())
}

/// The variable that is set in the process whose `main` fails.
const FAILS: &str = "COTANGENT_TEST_FAILING_MAIN";

#[test]
fn a_failing_main_prints_the_message() {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "conversions::as_main", "--nocapture"])
        .env(FAILS, "1")
        .output()
        .expect("a program that runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let line = "Error: reshape: ";
    assert!(said.lines().any(|found| found.starts_with(line)), "{said}");
    assert!(!said.contains("Shape {"), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

/// Not a test by itself: the test above runs it in another process. It treats the result as the
/// runtime treats that of `main`.
#[test]
fn as_main() {
    if std::env::var_os(FAILS).is_some() {
        let code = program("tensor", Path::new("")).report();
        assert_eq!(code, ExitCode::FAILURE);
        std::process::exit(1);
    }
}
