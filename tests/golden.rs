//! Everything that PyTorch, Keras or Optax has too gives what they give: outputs, gradients, second
//! derivatives, running statistics, trajectories of optimizers.
//!
//! The values are in `tests/golden/data`, and the script that has written them stands beside it.
//! What a test allows, and where results are meant to differ, is in `tests/golden/table`.

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
#[path = "golden/operation.rs"]
mod operation;
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

/// A test for each golden file, and a test that there is one.
macro_rules! files {
    ($($file:ident $check:expr;)*) => {
        $(
            #[test]
            fn $file() {
                $check(stringify!($file));
            }
        )*

        #[test]
        fn every_file_has_a_test() {
            let files = std::fs::read_dir(read::directory()).unwrap();
            let mut found: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            let mut tested = [$(concat!(stringify!($file), ".safetensors")),*];
            found.sort();
            tested.sort_unstable();
            assert_eq!(found, tested);
        }
    };
}

files! {
    unary |file| run::check(file, &table::unary(), &table::differences());
    activation |file| run::check(file, &table::activation(), &table::differences());
    binary |file| run::check(file, &table::binary(), &table::binary_differences());
    reduce |file| run::check(file, &table::reduce(), &[]);
    product |file| run::check(file, &table::product(), &[]);
    extremes |file| run::check(file, &table::extremes(), &[]);
    statistics |file| run::check(file, &table::statistics(), &[]);
    shape |file| run::check(file, &table::shape(), &[]);
    indexing |file| run::check(file, &table::indexing(), &[]);
    creation creation::check;
    matmul |file| run::check(file, &table::matmul(), &[]);
    vectors |file| run::check(file, &table::vectors(), &[]);
    einsum |file| run::check(file, &table::einsum(), &[]);
    softmax |file| run::check(file, &table::softmax(), &[]);
    losses |file| run::check(file, &table::losses(), &table::loss_differences());
    batch_norm |file| run::check(file, &table::batch_norm(), &[]);
    layer_norm |file| run::check(file, &table::layer_norms(), &[]);
    rms_norm |file| run::check(file, &table::rms_norms(), &[]);
    other other::check;
    layers |file| layers::check(file, &table::layers());
    keras |file| layers::check(file, &table::keras());
    optimizers optimizers::check;
    averages optimizers::check_averages;
    clipping clipping::check;
    schedules schedules::check;
}
