//! Files that do not fit, or are not there.

use super::{net, rng, wrapped};
use cotangent::prelude::*;
use expect_test::{Expect, expect};
use std::path::Path;

/// Runs a program in an empty folder and compares the text of its error. The folder is shown as
/// `FOLDER`.
#[track_caller]
#[allow(clippy::needless_pass_by_value)] // `expect![…]` is a value.
fn says<T>(program: impl FnOnce(&Path) -> Result<T>, text: Expect) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let Err(error) = program(folder.path()) else {
        panic!("the program with the mistake runs");
    };
    let folder = folder.path().to_string_lossy();
    text.assert_eq(&wrapped(&error.to_string().replace(&*folder, "FOLDER")));
}

/// Mistake 22.
#[test]
fn a_file_of_another_architecture() {
    says(
        |folder| {
            let file = folder.join("net.safetensors");
            Mlp::builder([4, 8, 8, 3])
                .batch_norm()
                .build(&mut rng())?
                .save(&file)?;
            net()?.load(&file)
        },
        expect![[r#"
            FOLDER/net.safetensors: 12 mismatches, nothing was loaded:
              `hidden.0.linear.bias`: missing in the file
              `hidden.0.norm.bias`, `hidden.0.norm.num_batches_tracked`,
            `hidden.0.norm.running_mean` and 8 more: in the file, but not in the model"#]],
    );
}

/// Mistake 23.
#[test]
fn a_file_of_another_width() {
    says(
        |folder| {
            let file = folder.join("net.safetensors");
            Mlp::builder([4, 16, 3]).build(&mut rng())?.save(&file)?;
            net()?.load(&file)
        },
        expect![[r#"
            FOLDER/net.safetensors: 3 mismatches, nothing was loaded:
              `hidden.0.linear.weight`: expected shape (8, 4), found (16, 4)
              `hidden.0.linear.bias`: expected shape (8,), found (16,)
              `out.weight`: expected shape (3, 8), found (3, 16)"#]],
    );
}

/// Mistake 24.
#[test]
fn a_file_of_another_dtype() {
    says(
        |folder| {
            let file = folder.join("net.safetensors");
            net()?.to_dtype(DType::F64).save(&file)?;
            net()?.load(&file)
        },
        expect![[r#"
            FOLDER/net.safetensors: nothing was loaded: the file holds F64, but the model
            f32 (in 4 leaves), and loading never rounds: call `convert(DType::F64)` on the
            model before it, and `convert(DType::F32)` after it"#]],
    );
    // Values are never rounded, so this direction is no mistake.
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let file = folder.path().join("net.safetensors");
    net().expect("a net").save(&file).expect("a file");
    let mut double = net().expect("a net").to_dtype(DType::F64);
    double.load(&file).expect("f32 values fit into f64");
}

/// Mistake 25.
#[test]
fn a_file_that_is_missing() {
    says(
        |folder| net()?.load(folder.join("net.safetensors")),
        expect!["FOLDER/net.safetensors: No such file or directory (os error 2)"],
    );
}

/// Mistake 26.
#[test]
fn a_file_of_another_format() {
    says(
        |folder| {
            let file = folder.join("notes.txt");
            std::fs::write(&file, "not a model\n")?;
            net()?.load(&file)
        },
        expect!["FOLDER/notes.txt: not a valid safetensors file: header too large"],
    );
}

/// Mistake 27.
#[test]
fn a_folder_that_is_missing() {
    says(
        |folder| net()?.save(folder.join("runs").join("net.safetensors")),
        expect!["FOLDER/runs/net.safetensors: the folder `FOLDER/runs` does not exist"],
    );
}

/// Mistake 28.
#[test]
fn a_saved_model_loaded_as_a_checkpoint() {
    says(
        |folder| {
            let file = folder.join("net.safetensors");
            let (mut net, mut optimizer) = (net()?, Adam::new(0.01).build()?);
            net.save(&file)?;
            load_checkpoint(
                &file,
                &mut [("model", &mut net), ("optimizer", &mut optimizer)],
            )
        },
        expect![[r#"
            FOLDER/net.safetensors: nothing was loaded: the file holds one model, as `save`
            writes it, and is no checkpoint: call `load` of the part `model`"#]],
    );
    says(
        |folder| {
            let file = folder.join("run.safetensors");
            let (mut net, optimizer) = (net()?, Adam::new(0.01).build()?);
            save_checkpoint(&file, &[("model", &net), ("optimizer", &optimizer)])?;
            net.load(&file)
        },
        expect![[r#"
            FOLDER/run.safetensors: nothing was loaded: the file has the model's paths after
            `model.`: load a file of `save_checkpoint` with `load_checkpoint`, or this part
            of it with `Loader::new().strip_prefix("model.").allow_unused()`"#]],
    );
}

/// Mistake 51. One `?` carries it in the prelude's `Result`; the text is the system's.
#[test]
fn an_error_of_the_system() {
    says(
        |folder| Ok(std::fs::read_to_string(folder.join("names.txt"))?),
        expect!["No such file or directory (os error 2)"],
    );
}
