//! Compares everything that PyTorch, Keras or Optax has too with their values: outputs, gradients,
//! second derivatives, running statistics, and trajectories of optimizers.
//!
//! The values are in `tests/golden/data`; `generate.py` writes them. Tolerances and intended
//! differences are in the registry of operations (`tests/support/operations`), for layers and
//! optimizers in `tests/golden/table`.

#[path = "golden/clipping.rs"]
mod clipping;
#[path = "golden/compare.rs"]
mod compare;
#[path = "golden/coverage.rs"]
mod coverage;
#[path = "golden/creation.rs"]
mod creation;
#[path = "golden/layers.rs"]
mod layers;
#[path = "golden/lbfgs.rs"]
mod lbfgs;
#[path = "support/operations/mod.rs"]
mod operations;
#[path = "golden/optimizers.rs"]
mod optimizers;
#[path = "golden/other.rs"]
mod other;
#[path = "golden/read.rs"]
mod read;
#[path = "golden/run.rs"]
mod run;
#[path = "golden/schedules.rs"]
mod schedules;
#[path = "golden/table/mod.rs"]
mod table;

/// Defines a test for each golden file, and a test that no file is without one.
macro_rules! files {
    ($($(#[$attribute:meta])* $file:ident $check:expr;)*) => {
        $(
            #[test]
            $(#[$attribute])*
            fn $file() {
                $check(stringify!($file));
            }
        )*

        #[test]
        fn every_file_has_a_test() {
            let files = std::fs::read_dir(read::directory()).unwrap();
            let name = |file: std::io::Result<std::fs::DirEntry>| file.unwrap().file_name();
            let mut found: Vec<_> = files.map(|file| name(file).into_string().unwrap()).collect();
            let mut tested = [$(concat!(stringify!($file), ".safetensors")),*];
            found.sort();
            tested.sort_unstable();
            assert_eq!(found, tested);
        }
    };
}

files! {
    attention run::check;
    unary run::check;
    activation run::check;
    binary run::check;
    reduce run::check;
    product run::check;
    extremes run::check;
    statistics run::check;
    shape run::check;
    indexing run::check;
    creation creation::check;
    linalg run::check;
    matmul run::check;
    vectors run::check;
    einsum run::check;
    softmax run::check;
    losses run::check;
    pooling run::check;
    convolution run::check;
    batch_norm run::check;
    group_norm run::check;
    layer_norm run::check;
    rms_norm run::check;
    other other::check;
    layers |file| layers::check(file, &table::layers());
    transformer |file| layers::check(file, &table::transformer());
    spatial |file| layers::check(file, &table::spatial());
    convolutional |file| layers::check(file, &table::convolutional());
    keras |file| layers::check(file, &table::keras());
    optimizers optimizers::check;
    averages optimizers::check_averages;
    lbfgs lbfgs::check;
    clipping clipping::check;
    schedules schedules::check;
}

/// Prints the rows of the registry for `golden/generate.py`, as one line of JSON.
#[test]
#[ignore = "called by golden/generate.py"]
fn print_registry() {
    let rows = operations::registry()
        .into_iter()
        .flat_map(|entry| entry.golden);
    let row = |row: operations::golden::Golden| {
        serde_json::json!({
            "file": row.file,
            "name": row.name,
            "torch": row.torch,
            "cases": row.cases,
        })
    };
    let rows: serde_json::Value = rows.map(row).collect();
    println!("\n{rows}");
}
