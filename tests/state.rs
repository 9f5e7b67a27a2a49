//! Saved state: models are loaded to the bit, and errors name all mismatches and leave the model
//! unchanged.

#[path = "state/allocations.rs"]
mod allocations;
#[path = "state/deep.rs"]
mod deep;
#[path = "state/earlier.rs"]
mod earlier;
#[path = "state/faults.rs"]
mod faults;
#[path = "state/fuzz.rs"]
mod fuzz;
#[path = "state/trees.rs"]
mod trees;

use cotangent::prelude::*;
use cotangent::state::{load_bytes, to_bytes};

#[derive(Module, Clone, Debug)]
struct Net {
    hidden: Vec<Linear>,
    norm: BatchNorm,
    out: Linear,
}

fn net(seed: u64) -> Result<Net> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let hidden = vec![
        Linear::new(3, 4, &mut rng)?,
        Linear::builder(4, 4).no_bias().build(&mut rng)?,
    ];
    let net = Net {
        hidden,
        norm: BatchNorm::new(4)?,
        out: Linear::new(4, 2, &mut rng)?,
    };
    let x = Tensor::normal([8, 4], seed as f64, 1.0, DType::F32, &mut rng)?;
    let _ = net.norm.forward(&x, &Pass::train(0))?;
    Ok(net)
}

#[test]
fn a_saved_model_is_loaded_to_the_bit() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("net.safetensors");
    let (saved, mut loaded) = (net(1)?, net(2)?);
    assert_ne!(to_bytes(&saved)?, to_bytes(&loaded)?);
    saved.save(&path)?;
    loaded.load(&path)?;
    assert_eq!(to_bytes(&saved)?, to_bytes(&loaded)?);
    let names =
        safetensors::SafeTensors::deserialize(&std::fs::read(&path).expect("the file is there"))
            .map(|file| {
                let mut names: Vec<String> = file.names().into_iter().map(str::to_owned).collect();
                names.sort();
                names
            })
            .expect("a sound file");
    let expected = [
        "hidden.0.bias",
        "hidden.0.weight",
        "hidden.1.weight",
        "norm.bias",
        "norm.num_batches_tracked",
        "norm.running_mean",
        "norm.running_var",
        "norm.weight",
        "out.bias",
        "out.weight",
    ];
    assert_eq!(names, expected);
    // Saving again replaces the file and leaves no other file.
    loaded.save(&path)?;
    assert_eq!(
        std::fs::read_dir(folder.path())
            .expect("the folder is there")
            .count(),
        1
    );
    Ok(())
}

/// Returns a file with this header and so many bytes of data.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

#[test]
fn every_mismatch_is_listed_in_one_error() -> Result<()> {
    let mut model = Linear::new(2, 1, &mut ChaCha8Rng::seed_from_u64(0))?;
    let before = to_bytes(&model)?;
    let header = "{\"weight\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},\
                  \"extra\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}";
    let error = load_bytes(&mut model, &file(header, 12)).expect_err("it does not fit");
    let text = error.to_string();
    for part in [
        "3 mismatches",
        "nothing was loaded",
        "`weight`: expected shape (1, 2), found (2, 1)",
        "`bias`: missing in the file",
        "`extra`: in the file, but not in the model",
    ] {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
    let header = "{\"weight\":{\"dtype\":\"F64\",\"shape\":[1,2],\"data_offsets\":[0,16]},\
                  \"bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]}}";
    let error = load_bytes(&mut model, &file(header, 20)).expect_err("the dtype is another");
    assert!(
        error
            .to_string()
            .contains("`weight`: expected dtype f32, found F64"),
        "{error}"
    );
    assert_eq!(to_bytes(&model)?, before);
    Ok(())
}

#[test]
fn errors_name_missing_files_and_folders() -> Result<()> {
    let mut model = Linear::new(2, 1, &mut ChaCha8Rng::seed_from_u64(0))?;
    let text = model
        .load("no/such/file.safetensors")
        .expect_err("there is none")
        .to_string();
    assert!(text.starts_with("no/such/file.safetensors: "), "{text}");
    let text = model
        .save("no/such/file.safetensors")
        .expect_err("there is no such folder")
        .to_string();
    assert!(text.starts_with("no/such/file.safetensors: "), "{text}");
    Ok(())
}
