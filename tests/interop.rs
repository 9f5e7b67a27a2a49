//! Exchange of models with PyTorch, in both directions. `tests/golden/interop.py` wrote the files
//! of PyTorch's models, with inputs and the outputs of PyTorch's predictions. It also loaded the
//! files that were saved here, with `load_state_dict(strict=True)`: see `saved_here`. To let
//! PyTorch load newly saved files:
//!
//! ```text
//! INTEROP_FOLDER=/tmp/interop cargo test -p cotangent-tests --test interop -- --ignored
//! python tests/golden/interop.py --check /tmp/interop
//! ```

use cotangent::module::{LeafMut, WalkMut};
use cotangent::prelude::*;
use cotangent::state::{Loader, to_bytes};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const DTYPES: [DType; 2] = [DType::F32, DType::F64];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/interop")
}

fn path(folder: &Path, name: &str, dtype: DType, kind: &str) -> PathBuf {
    folder.join(format!("{name}.{dtype}.{kind}safetensors"))
}

fn read(name: &str, dtype: DType, kind: &str) -> Vec<u8> {
    std::fs::read(path(&folder(), name, dtype, kind)).expect("it is in the repository")
}

/// `nn.Sequential`.
fn sequential(outputs: usize) -> Result<Sequential> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    Ok(Sequential::new()
        .push(Linear::new(5, 7, &mut rng)?)
        .push(BatchNorm::new(7)?)
        .push(Elu::default())
        .push(Linear::new(7, outputs, &mut rng)?))
}

#[derive(Module, Layer, Debug)]
struct Block {
    fc: Linear,
    norm: BatchNorm,
    #[module(flatten)]
    elu: Elu,
}

/// A custom module with the names of PyTorch's.
#[derive(Module, Layer, Debug)]
struct Custom {
    layers: Vec<Block>,
    head: Linear,
}

fn block(inputs: usize, norm: BatchNorm) -> Result<Block> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    Ok(Block {
        fc: Linear::builder(inputs, 6).no_bias().build(&mut rng)?,
        norm,
        elu: Elu::default(),
    })
}

fn custom() -> Result<Custom> {
    Ok(Custom {
        layers: vec![
            block(5, BatchNorm::builder(6).no_affine().build()?)?,
            block(6, BatchNorm::builder(6).cumulative().build()?)?,
        ],
        head: Linear::new(6, 3, &mut ChaCha8Rng::seed_from_u64(3))?,
    })
}

/// A model whose keys all begin with `model.`.
#[derive(Module, Layer, Debug)]
struct Wrapped {
    model: Sequential,
}

fn wrapped() -> Result<Wrapped> {
    Ok(Wrapped {
        model: sequential(3)?,
    })
}

/// A model that reads each feature as a step, with two recurrent layers in both directions.
#[derive(Module, Debug)]
struct Recurrent {
    lstm: Lstm,
    gru: Gru,
    head: Linear,
}

impl Layer for Recurrent {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let states = self.lstm.forward(&x.unsqueeze(-1)?, pass)?;
        self.head.forward(&self.gru.forward(&states, pass)?, pass)
    }
}

fn recurrent() -> Result<Recurrent> {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let lstm = Lstm::builder(1, 4).layers(2).bidirectional();
    Ok(Recurrent {
        lstm: lstm.build(&mut rng)?,
        gru: Gru::builder(8, 5).no_bias().last_only().build(&mut rng)?,
        head: Linear::new(5, 3, &mut rng)?,
    })
}

/// A language model as in the example `charlm`. It makes tokens of its input.
#[derive(Module, Debug)]
struct Language {
    embedding: Embedding,
    body: Lstm,
    out: Linear,
}

fn tokens(x: &Tensor) -> Result<Indices> {
    let numbers = x.to_f64_vec();
    let tokens = numbers.iter().map(|x| (x.abs() * 4.0) as usize % 11);
    Indices::from_vec(tokens.collect(), x.shape())
}

impl Layer for Language {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let x = self.embedding.forward(&tokens(x)?, pass)?;
        self.out.forward(&self.body.forward(&x, pass)?, pass)
    }
}

fn language() -> Result<Language> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    Ok(Language {
        embedding: Embedding::new(11, 4, &mut rng)?,
        body: Lstm::new(4, 5, &mut rng)?.last_only(),
        out: Linear::new(5, 3, &mut rng)?,
    })
}

/// The same with the transformer of the example.
#[derive(Module, Debug)]
struct Attending {
    embedding: Embedding,
    positions: LearntPositions,
    layers: Vec<TransformerEncoderLayer>,
    norm: LayerNorm,
    out: Linear,
}

impl Layer for Attending {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let x = self.embedding.forward(&tokens(x)?, pass)?;
        let x = self.positions.forward(&x, pass)?;
        let y = self.norm.forward(&self.layers.forward(&x, pass)?, pass)?;
        self.out.forward(&y.select(1, -1)?, pass)
    }
}

fn attending() -> Result<Attending> {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let layer = TransformerEncoderLayer::builder(8, 2)
        .norm_first()
        .causal()
        .activation(Gelu);
    let (first, second) = (layer.clone().build(&mut rng)?, layer.build(&mut rng)?);
    Ok(Attending {
        embedding: Embedding::new(11, 8, &mut rng)?,
        positions: LearntPositions::new(7, 8, &mut rng)?,
        layers: vec![first, second],
        norm: LayerNorm::new(8)?,
        out: Linear::new(8, 3, &mut rng)?,
    })
}

/// A net for images, with the names of `Sequential`. It makes images of its input.
#[derive(Module, Debug)]
struct Convolutional {
    conv_layers: Sequential,
    fc_layers: Sequential,
}

impl Layer for Convolutional {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let rows = x.unsqueeze(1)?.unsqueeze(-1)?;
        let columns = x.unsqueeze(1)?.unsqueeze(2)?;
        let features = self.conv_layers.forward(&rows.mul(&columns)?, pass)?;
        self.fc_layers.forward(&features.flatten_from(1)?, pass)
    }
}

fn convolutional() -> Result<Convolutional> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let grouped = Conv2d::builder(4, 6, 3).padding(1).groups(2).no_bias();
    Ok(Convolutional {
        conv_layers: Sequential::new()
            .push(Conv2d::builder(1, 4, 3).padding(1).build(&mut rng)?)
            .push(Relu)
            .push(MaxPool2d::new(2))
            .push(grouped.build(&mut rng)?)
            .push(BatchNorm::new(6)?)
            .push(Relu)
            .push(MaxPool2d::new(2)),
        fc_layers: Sequential::new()
            .push(Linear::new(6, 5, &mut rng)?)
            .push(Relu)
            .push(Linear::new(5, 3, &mut rng)?),
    })
}

/// An input and output of PyTorch, or saved for it.
struct Values {
    input: Tensor,
    output: Tensor,
}

impl Values {
    fn of(name: &str, dtype: DType, kind: &str) -> Result<Self> {
        let zeros = |shape| Ok::<_, Error>(Buffer::new(&Tensor::zeros(shape, dtype)?));
        let mut values = BTreeMap::from([
            ("input".to_owned(), zeros([6, 5])?),
            ("output".to_owned(), zeros([6, 3])?),
        ]);
        cotangent::state::load_bytes(&mut values, &read(name, dtype, kind))?;
        Ok(Self {
            input: values["input"].value(),
            output: values["output"].value(),
        })
    }
}

/// Asserts that outputs are equal up to rounding, relative to the largest.
#[track_caller]
fn assert_close(found: &Tensor, expected: &Tensor) {
    assert_eq!(
        (found.shape(), found.dtype()),
        (expected.shape(), expected.dtype())
    );
    let bound = if found.dtype() == DType::F32 {
        1e-6
    } else {
        1e-12
    };
    let (found, expected) = (found.to_f64_vec(), expected.to_f64_vec());
    let scale = expected
        .iter()
        .fold(1.0, |scale: f64, x| scale.max(x.abs()));
    for (found, expected) in found.iter().zip(&expected) {
        let difference = (found - expected).abs();
        assert!(
            difference <= bound * scale,
            "{found} and not {expected}: {difference:e}"
        );
    }
}

/// Loads PyTorch's file, which must set every leaf, and compares the predictions with PyTorch's.
fn reproduce(name: &str, dtype: DType, mut model: impl Layer, loader: &Loader) -> Result<()> {
    model.convert(dtype);
    let leaves = model.summary().rows.len();
    let set = loader.load(&mut model, path(&folder(), name, dtype, ""))?;
    assert_eq!(set.len(), leaves);
    let values = Values::of(name, dtype, "values.")?;
    assert_close(&model.predict(&values.input)?, &values.output);
    Ok(())
}

#[test]
fn models_of_pytorch_predict_the_same_here() -> Result<()> {
    for dtype in DTYPES {
        reproduce("sequential", dtype, sequential(3)?, &Loader::new())?;
        reproduce("custom", dtype, custom()?, &Loader::new())?;
        reproduce("wrapped", dtype, wrapped()?, &Loader::new())?;
        reproduce("recurrent", dtype, recurrent()?, &Loader::new())?;
        reproduce("convolutional", dtype, convolutional()?, &Loader::new())?;
        reproduce("attending", dtype, attending()?, &Loader::new())?;
        reproduce("language", dtype, language()?, &Loader::new())?;
    }
    Ok(())
}

#[test]
fn models_of_pytorch_in_half_precision_predict_the_same_here() -> Result<()> {
    for half in ["f16", "bf16"] {
        let file = |kind| folder().join(format!("sequential.{half}.{kind}safetensors"));
        let mut values = BTreeMap::from([
            (
                "input".to_owned(),
                Buffer::new(&Tensor::zeros([6, 5], DType::F32)?),
            ),
            (
                "output".to_owned(),
                Buffer::new(&Tensor::zeros([6, 3], DType::F32)?),
            ),
        ]);
        values.load(file("values."))?;
        for dtype in DTYPES {
            let mut model = sequential(3)?;
            model.convert(dtype);
            model.load(file(""))?;
            let output = model.predict(&values["input"].value().to_dtype(dtype))?;
            assert_close(&output.to_dtype(DType::F32), &values["output"].value());
            // All values are numbers of half precision.
            let weight = model.select(r"0\.weight")?[0].1.value().to_f64_vec();
            let digits = if half == "f16" { 11 } else { 8 };
            for x in weight {
                let unit = 2f64.powi(x.abs().log2().floor() as i32 + 1 - digits);
                assert_eq!(x % unit, 0.0, "{half} {x}");
            }
        }
    }
    Ok(())
}

#[test]
fn loaded_files_of_pytorch_are_saved_unchanged() -> Result<()> {
    fn again(name: &str, dtype: DType, mut model: impl Module) -> Result<()> {
        model.convert(dtype);
        model.load(path(&folder(), name, dtype, ""))?;
        assert!(to_bytes(&model)? == read(name, dtype, ""), "{name} {dtype}");
        Ok(())
    }
    for dtype in DTYPES {
        again("sequential", dtype, sequential(3)?)?;
        again("custom", dtype, custom()?)?;
        again("wrapped", dtype, wrapped()?)?;
        again("recurrent", dtype, recurrent()?)?;
        again("convolutional", dtype, convolutional()?)?;
        again("attending", dtype, attending()?)?;
        again("language", dtype, language()?)?;
    }
    Ok(())
}

#[test]
fn keys_of_pytorch_are_renamed_to_paths() -> Result<()> {
    #[derive(Module, Layer)]
    struct Dense {
        linear: Linear,
        batch_norm: BatchNorm,
        #[module(flatten)]
        elu: Elu,
    }
    #[derive(Module, Layer)]
    struct Renamed {
        first: Dense,
        second: Dense,
        out: Linear,
    }
    let dense = |Block { fc, norm, elu }| Dense {
        linear: fc,
        batch_norm: norm,
        elu,
    };
    let renamed = || -> Result<Renamed> {
        let Custom { layers, head } = custom()?;
        let mut layers = layers.into_iter().map(dense);
        let mut next = || layers.next().expect("there are two");
        Ok(Renamed {
            first: next(),
            second: next(),
            out: head,
        })
    };
    for dtype in DTYPES {
        // `model.0.weight` becomes `0.weight`, and back.
        let strip = Loader::new().strip_prefix("model.");
        reproduce("wrapped", dtype, sequential(3)?, &strip)?;
        let add = Loader::new().add_prefix("model.");
        reproduce("sequential", dtype, wrapped()?, &add)?;
        let rename = Loader::new()
            .rename(r"layers\.0\.(.*)", "first.$1")?
            .rename(r"layers\.1\.(.*)", "second.$1")?
            .rename(r"(\w+)\.fc\.(.*)", "$1.linear.$2")?
            .rename(r"(\w+)\.norm\.(.*)", "${1}.batch_norm.${2}")?
            .rename(r"head\.(.*)", "out.$1")?;
        reproduce("custom", dtype, renamed()?, &rename)?;
    }
    Ok(())
}

#[test]
fn lower_layers_of_pytorch_are_loaded_below_another_head() -> Result<()> {
    let (mut whole, mut other) = (sequential(3)?, sequential(11)?);
    let file = path(&folder(), "wrapped", DType::F32, "");
    let head = |model: &Sequential| -> Result<_> {
        let params = model.select(r"3\..*")?;
        Ok(params[0].1.value().to_f64_vec())
    };
    let before = head(&other)?;
    // The head has another shape.
    let all = Loader::new().strip_prefix("model.");
    let text = all
        .load(&mut other, &file)
        .expect_err("11 outputs and not 3")
        .to_string();
    assert!(text.contains("2 mismatches"), "{text}");
    assert!(
        text.contains(
            "`3.weight` (`model.3.weight` in the file): expected shape (11, 7), found (3, 7)"
        ),
        "{text}"
    );
    let lower = Loader::new()
        .strip_prefix("model.")
        .select(|path: &str| !path.starts_with("3."))?;
    assert_eq!(lower.load(&mut other, &file)?.len(), 7);
    assert_eq!(head(&other)?, before);
    // Below the heads the two models are equal.
    all.load(&mut whole, &file)?;
    let lower = |model: &Sequential| -> Result<Vec<Vec<f64>>> {
        let params = model.select(r"[01]\..*")?;
        Ok(params
            .iter()
            .map(|(_, param)| param.value().to_f64_vec())
            .collect())
    };
    assert_eq!(lower(&whole)?, lower(&other)?);
    Ok(())
}

#[test]
fn another_precision_is_an_error_or_converted_on_request() -> Result<()> {
    let mut model = custom()?;
    let before = to_bytes(&model)?;
    let text = model
        .load(path(&folder(), "custom", DType::F64, ""))
        .expect_err("the model is f32")
        .to_string();
    // Every entry except the two counters.
    assert!(text.contains("in 10 leaves"), "{text}");
    assert!(text.contains("call `convert(DType::F64)`"), "{text}");
    assert_eq!(to_bytes(&model)?, before);
    model.convert(DType::F64);
    model.load(path(&folder(), "custom", DType::F64, ""))?;
    model.convert(DType::F32);
    let values = Values::of("custom", DType::F64, "values.")?;
    let output = model.predict(&values.input.to_dtype(DType::F32))?;
    assert_close(&output, &values.output.to_dtype(DType::F32));
    Ok(())
}

#[test]
fn files_of_torch_save_are_loaded() -> Result<()> {
    let file = |name: &str| folder().join(format!("{name}.pth"));
    let load = |mut model: Box<dyn Layer>, dtype, loader: &Loader, name: &str, same: &str| {
        model.convert(dtype);
        let leaves = model.summary().rows.len();
        assert_eq!(loader.load(&mut *model, file(name))?.len(), leaves);
        let bytes = to_bytes(&*model)?;
        assert!(bytes == read(same, dtype, ""), "{name}");
        Ok::<_, Error>(())
    };
    load(
        Box::new(custom()?),
        DType::F32,
        &Loader::new(),
        "custom",
        "custom",
    )?;
    let net = Box::new(convolutional()?);
    load(
        net,
        DType::F32,
        &Loader::new(),
        "convolutional",
        "convolutional",
    )?;
    let part = Loader::new().strip_prefix("model.").allow_unused();
    for name in ["checkpoint", "checkpoint.protocol4"] {
        load(
            Box::new(sequential(3)?),
            DType::F64,
            &part,
            name,
            "sequential",
        )?;
    }
    // A whole file without rules, through the method of the model.
    let mut model = custom()?;
    model.load(file("custom"))?;
    assert!(to_bytes(&model)? == read("custom", DType::F32, ""));
    Ok(())
}

#[test]
fn other_files_of_torch_save_are_errors_that_say_what_to_do() -> Result<()> {
    let text = |name: &str, bytes: &[u8]| -> Result<String> {
        let mut model = sequential(3)?;
        let before = to_bytes(&model)?;
        let error = cotangent::state::load_bytes(&mut model, bytes).expect_err(name);
        assert!(to_bytes(&model)? == before, "{name}");
        Ok(error.to_string())
    };
    let file = |name: &str| std::fs::read(folder().join(name)).expect("it is in the repository");
    let whole = text("whole", &file("whole_model.pth"))?;
    assert!(
        whole.contains("`torch.nn.modules.activation.ELU`"),
        "{whole}"
    );
    assert!(whole.contains("save `model.state_dict()`"), "{whole}");
    // The pickle of a number with which the files before PyTorch 1.6 begin.
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";
    let old = text("old", magic)?;
    assert!(old.contains("PyTorch before 1.6"), "{old}");
    let checkpoint = text("checkpoint", &file("checkpoint.pth"))?;
    assert!(
        checkpoint.contains(r#"`Loader::new().strip_prefix("model.").allow_unused()`"#),
        "{checkpoint}"
    );
    let archive = text("archive", b"PK\x03\x04 and nothing else")?;
    assert!(archive.contains("no directory"), "{archive}");
    Ok(())
}

/// Files with damage at one place, and files that end too early.
#[test]
fn damaged_files_of_torch_save_are_refused_unless_only_numbers_change() -> Result<()> {
    let file = std::fs::read(folder().join("custom.pth")).expect("it is in the repository");
    let mut model = custom()?;
    let before = to_bytes(&model)?;
    for len in 0..file.len() {
        let loaded = cotangent::state::load_bytes(&mut model, &file[..len]);
        assert!(matches!(loaded, Err(Error::Format { .. })), "{len}");
    }
    assert!(to_bytes(&model)? == before);
    let mut loaded = 0;
    let mut damaged = file.clone();
    for place in 0..file.len() {
        damaged[place] ^= 1 << (place % 8);
        loaded += usize::from(cotangent::state::load_bytes(&mut model, &damaged).is_ok());
        damaged[place] = file[place];
    }
    // Only the numbers can be changed, and what is not read.
    assert!(loaded > file.len() / 10 && loaded < file.len(), "{loaded}");
    Ok(())
}

/// The model with values of a formula without rounding, which are the same on every machine.
fn filled(mut model: impl Layer, dtype: DType) -> Result<impl Layer> {
    model.convert(dtype);
    let mut number = 0;
    let mut result = Ok(());
    WalkMut::over(&mut model, |path, leaf| {
        number += 1;
        let values = |shape: &[usize]| {
            let len = shape.iter().product::<usize>();
            let value = |i: usize| ((i * 37 + number * 11) % 61) as f64 / 32.0 - 0.9375;
            // A variance must be positive.
            let value = |i: usize| match value(i) {
                x if path.ends_with("running_var") => x.abs() + 0.5,
                x => x,
            };
            let values: Vec<f64> = (0..len).map(value).collect();
            Ok::<_, Error>(Tensor::from_vec(values, shape)?.to_dtype(dtype))
        };
        let set = match leaf {
            LeafMut::Param(param) => values(param.shape()).and_then(|value| param.set(&value)),
            LeafMut::Buffer(buffer) => {
                values(buffer.value().shape()).and_then(|value| buffer.set(&value))
            }
            LeafMut::Counter(counter) => {
                counter.set(12_345_678_901);
                Ok(())
            }
            other => unreachable!("{other:?}"),
        };
        if let Err(error) = set {
            result = Err(error.within(path));
        }
    });
    result.map(|()| model)
}

/// The saved models, and the inputs of PyTorch with which they predict.
fn saved_here(mut each: impl FnMut(&str, DType, &dyn Layer, Vec<u8>) -> Result<()>) -> Result<()> {
    for dtype in DTYPES {
        let models: [(&str, Box<dyn Layer>); 7] = [
            ("sequential", Box::new(filled(sequential(3)?, dtype)?)),
            ("custom", Box::new(filled(custom()?, dtype)?)),
            ("wrapped", Box::new(filled(wrapped()?, dtype)?)),
            ("recurrent", Box::new(filled(recurrent()?, dtype)?)),
            ("language", Box::new(filled(language()?, dtype)?)),
            ("attending", Box::new(filled(attending()?, dtype)?)),
            ("convolutional", Box::new(filled(convolutional()?, dtype)?)),
        ];
        for (name, model) in &models {
            each(name, dtype, &**model, to_bytes(&**model)?)?;
        }
    }
    Ok(())
}

#[test]
fn saved_files_are_those_that_pytorch_loaded() -> Result<()> {
    saved_here(|name, dtype, model, bytes| {
        assert!(bytes == read(name, dtype, "saved."), "{name} {dtype}");
        // The outputs of PyTorch for this file.
        let values = Values::of(name, dtype, "saved.values.")?;
        assert_close(&model.predict(&values.input)?, &values.output);
        Ok(())
    })
}

#[test]
#[ignore = "writes to INTEROP_FOLDER what `interop.py --check` reads"]
fn save_for_pytorch() -> Result<()> {
    let folder = PathBuf::from(std::env::var_os("INTEROP_FOLDER").expect("INTEROP_FOLDER is set"));
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    saved_here(|name, dtype, model, bytes| {
        let write = |kind, bytes: &[u8]| {
            std::fs::write(path(&folder, name, dtype, kind), bytes)
                .expect("the folder is writable");
        };
        write("saved.", &bytes);
        let Values { input, .. } = Values::of(name, dtype, "values.")?;
        let output = model.predict(&input)?;
        let values = [("input", input), ("output", output)];
        let values = values.map(|(key, tensor)| (key.to_owned(), Buffer::new(&tensor)));
        write("saved.values.", &to_bytes(&BTreeMap::from(values))?);
        Ok(())
    })
}
