//! The metrics equal scikit-learn's, in batches of any sizes, also when their state is saved and
//! loaded between two batches.

use cotangent::prelude::*;
use cotangent::state::StateDict;
use cotangent::train::metrics::*;
use serde_json::Value;
use std::ops::Range;

/// Returns the batches of samples between the cuts.
fn batches(case: &Value, samples: usize) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    starts.extend(numbers(&case["cuts"]).iter().map(|&cut| cut as usize));
    let ends = starts[1..].iter().copied().chain([samples]);
    starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(start, end)| start..end)
        .collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().expect("a list").iter();
    values
        .map(|value| value.as_f64().expect("a number"))
        .collect()
}

/// Returns a metric after all batches. Before each its state is saved and loaded into a new one.
fn run<M: Metric>(
    new: impl Fn() -> M,
    batches: &[Range<usize>],
    update: impl Fn(&mut M, Range<usize>) -> Result<()>,
) -> Result<M> {
    let mut metric = new();
    for batch in batches {
        let state = StateDict::from_bytes(&metric.state()?.to_bytes()?)?;
        metric = new();
        metric.load_state(&state)?;
        update(&mut metric, batch.clone())?;
    }
    Ok(metric)
}

fn assert_close(name: &str, found: Option<f64>, expected: &Value) {
    let (found, expected) = (found.expect(name), expected.as_f64().expect(name));
    let scale = expected.abs().max(1e-9);
    assert!(
        (found - expected).abs() <= 1e-11 * scale,
        "{name}: {found}, expected {expected}"
    );
}

#[test]
fn metrics_equal_those_of_scikit_learn() -> Result<()> {
    let all: Value = serde_json::from_str(include_str!("metrics.json")).map_err(Error::other)?;
    for case in all["classes"].as_array().expect("cases") {
        classes(case)?;
    }
    for case in all["binary"].as_array().expect("cases") {
        let (scores, labels) = (numbers(&case["scores"]), indices(case));
        let area = run(RocAuc::new, &batches(case, scores.len()), |metric, rows| {
            metric.update(
                &Tensor::from(&scores[rows.clone()]),
                &Indices::from(&labels[rows]),
            )
        })?;
        assert_close("roc_auc", area.value(), &case["roc_auc"]);
    }
    for case in all["regression"].as_array().expect("cases") {
        regression(case)?;
    }
    Ok(())
}

fn indices(case: &Value) -> Vec<usize> {
    numbers(&case["labels"])
        .iter()
        .map(|&label| label as usize)
        .collect()
}

fn classes(case: &Value) -> Result<()> {
    let (scores, labels) = (numbers(&case["scores"]), indices(case));
    let count = case["classes"].as_u64().expect("a count") as usize;
    let batches = batches(case, labels.len());
    let batch = |rows: Range<usize>| -> Result<(Tensor, Indices)> {
        let scores = &scores[rows.start * count..rows.end * count];
        let scores = Tensor::from_vec(scores.to_vec(), [rows.len(), count])?;
        Ok((scores, Indices::from(&labels[rows])))
    };
    macro_rules! check {
        ($new:expr, $name:expr) => {{
            let metric = run(
                || $new,
                &batches,
                |metric, rows| {
                    let (scores, labels) = batch(rows)?;
                    metric.update(&scores, &labels)
                },
            )?;
            assert_close($name, metric.value(), &case[$name]);
            metric
        }};
    }
    check!(Accuracy::new(), "accuracy");
    check!(Perplexity::new(), "perplexity");
    if case["top_2"].is_number() {
        check!(TopK::new(2), "top_2");
    }
    if case["roc_auc"].is_number() {
        check!(RocAuc::new(), "roc_auc");
    }
    macro_rules! score {
        ($($score:ident $name:literal)*) => {$(
            check!($score::new(), concat!($name, "_macro"));
            check!($score::new().mean(ClassMean::Micro), concat!($name, "_micro"));
            let metric = check!(
                $score::new().mean(ClassMean::Weighted).by_class(),
                concat!($name, "_weighted")
            );
            let expected = numbers(&case[concat!($name, "_by_class")]);
            assert_eq!((metric.scores().len(), metric.parts().len()), (count, count));
            for ((found, expected), part) in
                metric.scores().iter().zip(&expected).zip(metric.parts())
            {
                assert!((found - expected).abs() < 1e-12 && part.1 == *found);
            }
        )*};
    }
    score! { Precision "precision" Recall "recall" F1 "f1" }
    let matrix = run(ConfusionMatrix::new, &batches, |metric, rows| {
        let (scores, labels) = batch(rows)?;
        metric.update(&scores, &labels)
    })?;
    let table = matrix.table().expect("a table");
    assert_eq!(table.values.to_f64_vec(), numbers(&case["confusion"]));
    assert_eq!(table.row_names.len(), count);
    Ok(())
}

fn regression(case: &Value) -> Result<()> {
    let (outputs, targets) = (numbers(&case["outputs"]), numbers(&case["targets"]));
    let width = case["width"].as_u64().expect("a count") as usize;
    let batches = batches(case, outputs.len() / width);
    let rows = |values: &[f64], rows: Range<usize>| {
        let values = values[rows.start * width..rows.end * width].to_vec();
        Tensor::from_vec(values, [rows.len(), width])
    };
    macro_rules! check {
        ($metric:ident $name:literal) => {
            let metric = run($metric::new, &batches, |metric, batch| {
                metric.update(&rows(&outputs, batch.clone())?, &rows(&targets, batch)?)
            })?;
            assert_close($name, metric.value(), &case[$name]);
        };
    }
    check!(MeanSquaredError "mean_squared_error");
    check!(RootMeanSquaredError "root_mean_squared_error");
    check!(MeanAbsoluteError "mean_absolute_error");
    check!(RSquared "r_squared");
    Ok(())
}

#[test]
fn metrics_without_samples_have_no_value() -> Result<()> {
    let (none, labels) = (
        Tensor::zeros([0, 3], DType::F32)?,
        Indices::from(Vec::new()),
    );
    macro_rules! check {
        ($($metric:expr, $outputs:expr, $targets:expr;)*) => {$(
            let mut metric = $metric;
            assert_eq!(metric.value(), None, "{}", metric.name());
            metric.update($outputs, $targets)?;
            assert_eq!(metric.value(), None, "{}", metric.name());
        )*};
    }
    check! {
        Accuracy::new(), &none, &labels;
        TopK::new(2), &none, &labels;
        Precision::new(), &none, &labels;
        Recall::new(), &none, &labels;
        F1::new(), &none, &labels;
        ConfusionMatrix::new(), &none, &labels;
        Perplexity::new(), &none, &labels;
        RocAuc::new(), &none, &labels;
        MeanSquaredError::new(), &none, &none;
        RootMeanSquaredError::new(), &none, &none;
        MeanAbsoluteError::new(), &none, &none;
        RSquared::new(), &none, &none;
    }
    Ok(())
}

#[test]
fn outputs_and_targets_must_fit() -> Result<()> {
    let logits = Tensor::zeros([2, 3], DType::F32)?;
    let [few, large] = [Indices::from([0]), Indices::from([0, 3])];
    macro_rules! check {
        ($($metric:expr;)*) => {$(
            let mut metric = $metric;
            for labels in [&few, &large] {
                let error = metric.update(&logits, labels).unwrap_err();
                let typed = matches!(error, Error::Shape { .. } | Error::Index { .. });
                assert!(typed, "{}: {error}", metric.name());
            }
            assert_eq!(metric.value(), None, "{}", metric.name());
        )*};
    }
    check! {
        Accuracy::new(); TopK::new(1); Precision::new(); Recall::new(); F1::new();
        ConfusionMatrix::new(); Perplexity::new(); RocAuc::new();
    }
    let other = Tensor::zeros([2, 2], DType::F32)?;
    assert!(MeanSquaredError::new().update(&logits, &other).is_err());
    assert!(RootMeanSquaredError::new().update(&logits, &other).is_err());
    assert!(MeanAbsoluteError::new().update(&logits, &other).is_err());
    assert!(RSquared::new().update(&logits, &other).is_err());
    assert!(
        TopK::new(0)
            .update(&logits, &Indices::from([0, 1]))
            .is_err()
    );
    let mut matrix = ConfusionMatrix::new().names(["a", "b"]);
    assert!(matrix.update(&logits, &Indices::from([0, 1])).is_err());
    let mut area = RocAuc::new();
    let nan = Tensor::from([0.5, f64::NAN]);
    assert!(area.update(&nan, &Indices::from([0, 1])).is_err());
    // A row with NaN is wrong, whatever its label.
    let nan = Tensor::from([[f64::NAN, 1.0], [0.0, 1.0]]);
    let mut top = TopK::new(2);
    top.update(&nan, &Indices::from([0, 1]))?;
    assert_eq!(top.value(), Some(0.5));
    Ok(())
}

#[test]
fn ignored_labels_do_not_count() -> Result<()> {
    let logits = Tensor::from([[1.0, 2.0, 0.0], [0.0, 5.0, 1.0]]);
    let mut whole = Perplexity::new();
    whole.update(&logits.narrow(0, 0, 1)?, &Indices::from([1]))?;
    let mut padded = Perplexity::new().ignore_label(9);
    padded.update(&logits, &Indices::from([1, 9]))?;
    assert_eq!(padded.value(), whole.value());
    Ok(())
}
