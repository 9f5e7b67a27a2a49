//! Files of earlier versions are loaded.
//!
//! They were written with the net below, in which an attribute froze the field `embedding`. Leaf
//! number n, from 1, has the values n, n - 1/8, n - 2/8 and so on, or the count n · 2⁴⁰.

use cotangent::module::{LeafRef, Walk};
use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    hidden: Vec<Block>,
    embedding: Frozen<Param>,
    head: Linear,
}

#[derive(Module)]
struct Block {
    linear: Linear,
    norm: Option<BatchNorm>,
}

/// In two dtypes.
fn net() -> Result<Net> {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut net = Net {
        hidden: vec![
            Block {
                linear: Linear::builder(3, 4).no_bias().build(&mut rng)?,
                norm: Some(BatchNorm::new(4)?),
            },
            Block {
                linear: Linear::new(4, 2, &mut rng)?,
                norm: None,
            },
        ],
        embedding: Frozen::new(Param::new(&Tensor::zeros([5, 2], DType::F32)?)),
        head: Linear::new(2, 2, &mut rng)?,
    };
    net.hidden[1].convert(DType::F64);
    net.hidden[0].norm.convert(DType::F64);
    Ok(net)
}

fn file(name: &str) -> String {
    format!("{}/state/earlier/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn assert_loaded(net: &Net) {
    let mut number = 0u32;
    Walk::over(net, |path, leaf| {
        number += 1;
        let value = match leaf {
            LeafRef::Param(param) => param.value().clone(),
            LeafRef::Buffer(buffer) => buffer.value(),
            LeafRef::Counter(counter) => {
                assert_eq!(counter.get(), u64::from(number) << 40, "{path}");
                return;
            }
            other => panic!("a leaf of another kind: {other:?}"),
        };
        let expected = (0..value.len()).map(|i| f64::from(number) - i as f64 / 8.0);
        assert_eq!(value.to_f64_vec(), expected.collect::<Vec<_>>(), "{path}");
    });
    assert_eq!(number, 11);
}

#[test]
fn models_of_0_1_0_load() -> Result<()> {
    let mut net = net()?;
    net.load(file("model.safetensors"))?;
    assert_loaded(&net);
    // Saved again, it is the same file.
    let saved = std::fs::read(file("model.safetensors")).expect("the file is there");
    assert_eq!(cotangent::state::to_bytes(&net)?, saved);
    Ok(())
}

#[test]
fn checkpoints_of_0_1_0_load() -> Result<()> {
    let (mut net, mut pass, mut epoch) = (net()?, Pass::train(0), Counter::new(0));
    load_checkpoint(
        file("checkpoint.safetensors"),
        &mut [
            ("model", &mut net),
            ("pass", &mut pass),
            ("epoch", &mut epoch),
        ],
    )?;
    assert_loaded(&net);
    let found = (pass.seed(), pass.draws(), epoch.get());
    assert_eq!(found, (u64::MAX - 5, 77, 12));
    Ok(())
}
