//! Tests of the summary of a model, and of patterns that select and freeze leaves.

// Expected texts are written as `UPDATE_EXPECT` writes them.
#![allow(clippy::needless_raw_string_hashes)]

#[path = "support/wrapped.rs"]
mod wrapped;

use cotangent::module::{LeafKind, RunSummary, Summary, SummaryRow};
use cotangent::prelude::*;
use cotangent::state::{load_bytes, to_bytes};
use expect_test::expect;
use std::collections::BTreeMap;
use wrapped::wrapped;

#[derive(Module, Layer, Clone, Debug)]
struct Block {
    linear: Linear,
    norm: Option<BatchNorm>,
}

#[derive(Module, Clone, Debug)]
struct Net {
    embedding: Frozen<Param>,
    hidden: Vec<Block>,
    head: Box<Linear>,
    steps: Counter,
}

fn net() -> Result<Net> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    Ok(Net {
        embedding: Frozen::new(Param::new(&Tensor::zeros([1000, 30], DType::F32)?)),
        hidden: vec![
            Block {
                linear: Linear::builder(30, 64).no_bias().build(&mut rng)?,
                norm: Some(BatchNorm::new(64)?),
            },
            Block {
                linear: Linear::new(64, 64, &mut rng)?,
                norm: None,
            },
        ],
        head: Box::new(Linear::new(64, 10, &mut rng)?),
        steps: Counter::new(3),
    })
}

#[test]
fn a_summary_is_a_table_with_totals() -> Result<()> {
    let mut net = net()?;
    net.freeze_where(r"hidden\.0\.norm\..*")?;
    net.head.convert(DType::F64);
    expect![[r#"
        path                               layer      shape       parameters  frozen    bytes
        embedding                          Net        (1000, 30)      30,000  yes     120,000
        hidden.0.linear.weight             Linear     (64, 30)         1,920            7,680
        hidden.0.norm.weight               BatchNorm  (64,)               64  yes         256
        hidden.0.norm.bias                 BatchNorm  (64,)               64  yes         256
        hidden.0.norm.running_mean         BatchNorm  (64,)           buffer  yes         256
        hidden.0.norm.running_var          BatchNorm  (64,)           buffer  yes         256
        hidden.0.norm.num_batches_tracked  BatchNorm  ()             counter                8
        hidden.1.linear.weight             Linear     (64, 64)         4,096           16,384
        hidden.1.linear.bias               Linear     (64,)               64              256
        head.weight                        Linear     (10, 64)           640            5,120
        head.bias                          Linear     (10,)               10               80
        steps                              Net        ()             counter                8
        36,858 parameters: 6,730 trainable, 30,128 frozen; 150,560 bytes"#]]
    .assert_eq(&net.summary().to_string());
    let summary = net.summary();
    let frozen = 30_000 + 2 * 64;
    let trained = 30 * 64 + 64 * 64 + 64 + 64 * 10 + 10;
    assert_eq!(summary.parameters(), frozen + trained);
    assert_eq!(summary.parameters(), net.param_count());
    assert_eq!(summary.trainable(), trained);
    // f32 with running statistics, the head in f64, and two counters.
    let bytes = 4 * (frozen + trained + 2 * 64) + 4 * 650 + 2 * 8;
    assert_eq!(summary.bytes(), bytes);
    assert_eq!(
        summary.rows.iter().map(SummaryRow::bytes).sum::<usize>(),
        bytes
    );
    assert_eq!(summary.rows[2].kind, LeafKind::Param);
    assert_eq!(summary.rows[4].kind, LeafKind::Buffer);
    assert_eq!(summary.rows[4].elements(), 64);
    assert_eq!(summary.rows[6].dtype, None);
    Ok(())
}

#[test]
fn an_empty_model_and_empty_leaves_have_a_summary() -> Result<()> {
    expect![[r#"
        path  layer  shape  parameters  frozen  bytes
        0 parameters: 0 trainable, 0 frozen; 0 bytes"#]]
    .assert_eq(&().summary().to_string());
    let leaves = (
        Param::new(&Tensor::zeros([0, 7], DType::F32)?),
        Buffer::new(&Tensor::scalar(1.0f64)),
    );
    expect![[r#"
        path  layer            shape   parameters  frozen  bytes
        0     (Param, Buffer)  (0, 7)           0              0
        1     (Param, Buffer)  ()          buffer              8
        0 parameters: 0 trainable, 0 frozen; 8 bytes"#]]
    .assert_eq(&leaves.summary().to_string());
    assert_eq!(
        Param::new(&Tensor::scalar(1.0f32)).summary().rows[0].path,
        ""
    );
    Ok(())
}

/// Returns the layer of each leaf, by path.
fn layers(model: &(impl Module + ?Sized)) -> Vec<String> {
    let rows = model.summary().rows.into_iter();
    rows.map(|row| format!("{}: {}", row.path, row.layer))
        .collect()
}

#[derive(Module, Clone, Debug)]
struct Wrapper<L, M> {
    inner: L,
    other: M,
    own: Param,
}

#[derive(Module)]
enum Choice {
    Linear(Linear),
    Flat(#[module(flatten)] Linear),
    Named { gate: Param },
}

#[test]
fn layers_are_named_by_their_types() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut linear = || Linear::builder(2, 2).no_bias().build(&mut rng);
    let param = || Param::new(&Tensor::scalar(1.0f32));
    // The layer is the type that has the leaf as a field, without wrappers.
    assert_eq!(layers(&linear()?), ["weight: Linear"]);
    assert_eq!(layers(&vec![linear()?]), ["0.weight: Linear"]);
    assert_eq!(layers(&[linear()?]), ["0.weight: Linear"]);
    assert_eq!(layers(&Some(linear()?)), ["weight: Linear"]);
    assert_eq!(layers(&None::<Linear>), [""; 0]);
    assert_eq!(
        layers(&Box::new(Some(Box::new(linear()?)))),
        ["weight: Linear"]
    );
    assert_eq!(
        layers(&(linear()?, [Some(linear()?)])),
        ["0.weight: Linear", "1.0.weight: Linear"]
    );
    let map = BTreeMap::from([("ä b".to_owned(), vec![linear()?])]);
    assert_eq!(layers(&map), ["ä b.0.weight: Linear"]);
    // With trait objects.
    let boxed: Box<dyn Module> = Box::new(linear()?);
    assert_eq!(layers(&boxed), ["weight: Linear"]);
    assert_eq!(layers(&*boxed), ["weight: Linear"]);
    let sequential = Sequential::new().push(linear()?).push(Relu).push(
        Sequential::new()
            .push(
                BatchNorm::builder(2)
                    .no_affine()
                    .no_running_statistics()
                    .build()?,
            )
            .push(linear()?),
    );
    assert_eq!(
        layers(&sequential),
        ["0.weight: Linear", "2.1.weight: Linear"]
    );
    let layer: Box<dyn DynLayer> = Box::new(sequential);
    assert_eq!(
        layers(&Wrapper {
            inner: layer,
            other: (),
            own: param()
        })[2],
        "own: Wrapper<Box<dyn DynLayer>, ()>"
    );
    // Generic types with their arguments.
    let wrapper = Wrapper {
        inner: vec![linear()?],
        other: Wrapper {
            inner: param(),
            other: Some(linear()?),
            own: param(),
        },
        own: param(),
    };
    assert_eq!(
        layers(&wrapper),
        [
            "inner.0.weight: Linear",
            "other.inner: Wrapper<Param, Option<Linear>>",
            "other.other.weight: Linear",
            "other.own: Wrapper<Param, Option<Linear>>",
            "own: Wrapper<Vec<Linear>, Wrapper<Param, Option<Linear>>>",
        ]
    );
    // The layer of a leaf in a container is the container.
    assert_eq!(layers(&vec![param()]), ["0: Vec<Param>"]);
    assert_eq!(layers(&[param()]), ["0: [Param; 1]"]);
    assert_eq!(
        layers(&(param(), Some(param()))),
        ["0: (Param, Option<Param>)", "1: (Param, Option<Param>)"]
    );
    assert_eq!(layers(&param()), [": "]);
    // The layer of a leaf in a flattened field is the struct around it.
    assert_eq!(layers(&Choice::Linear(linear()?)), ["0.weight: Linear"]);
    assert_eq!(layers(&Choice::Flat(linear()?)), ["weight: Choice"]);
    assert_eq!(layers(&Choice::Named { gate: param() }), ["gate: Choice"]);
    Ok(())
}

#[test]
fn differences_are_the_mismatches_of_loading() -> Result<()> {
    let a = net()?;
    assert_eq!(a.summary().differences(&a.clone().summary()), [""; 0]);
    // Values and frozen marks are not compared.
    let mut b = a.clone();
    b.freeze();
    b.steps.set(99);
    assert_eq!(a.summary().differences(&b.summary()), [""; 0]);
    let mut b = a.clone();
    b.head.convert(DType::F64);
    b.hidden[0].linear = b.hidden[1].linear.clone();
    b.hidden[0].norm = None;
    let (first, second) = (a.summary(), b.summary());
    let expected = expect![[r#"
        `hidden.0.linear.weight`: parameter f32 (64, 30) and parameter f32 (64, 64)
        `hidden.0.norm.weight`: only in the first
        `hidden.0.norm.bias`: only in the first
        `hidden.0.norm.running_mean`: only in the first
        `hidden.0.norm.running_var`: only in the first
        `hidden.0.norm.num_batches_tracked`: only in the first
        `head.weight`: parameter f32 (10, 64) and parameter f64 (10, 64)
        `head.bias`: parameter f32 (10,) and parameter f64 (10,)
        `hidden.0.linear.bias`: only in the second"#]];
    expected.assert_eq(&first.differences(&second).join("\n"));
    assert_eq!(
        first.differences(&second).len(),
        second.differences(&first).len()
    );
    assert!(load_bytes(&mut b, &to_bytes(&a)?).is_err());
    // A counter differs from a scalar parameter.
    let (param, buffer) = (
        Param::new(&Tensor::scalar(1.0f32)),
        Buffer::new(&Tensor::scalar(1.0f32)),
    );
    let differences = |a: Summary, b: Summary| a.differences(&b).join("\n");
    let model = (param.clone(), Counter::new(1));
    expect![[r#"
        `0`: parameter f32 () and counter ()
        `1`: counter () and buffer f32 ()"#]]
    .assert_eq(&differences(
        model.summary(),
        (Counter::new(1), buffer).summary(),
    ));
    Ok(())
}

/// Returns the paths of the frozen leaves.
fn frozen(model: &impl Module) -> Vec<String> {
    let rows = model.summary().rows.into_iter().filter(|row| row.frozen);
    rows.map(|row| row.path).collect()
}

#[test]
fn patterns_freeze_parameters_and_buffers() -> Result<()> {
    let mut net = net()?;
    assert_eq!(frozen(&net), ["embedding"]);
    assert_eq!(net.freeze_where(r"hidden\.\d\.linear\..*")?, 3);
    assert_eq!(
        frozen(&net),
        [
            "embedding",
            "hidden.0.linear.weight",
            "hidden.1.linear.weight",
            "hidden.1.linear.bias"
        ]
    );
    // Two parameters and two buffers. The counter is not counted.
    assert_eq!(net.freeze_where(|path: &str| path.contains("norm"))?, 4);
    assert_eq!(frozen(&net).len(), 8);
    assert_eq!(net.unfreeze_where(r"hidden\..*")?, 7);
    // `unfreeze` has no effect inside a `Frozen`.
    assert_eq!(net.unfreeze_where("embedding")?, 1);
    assert!(net.embedding.is_frozen());
    net.unfreeze();
    assert!(net.embedding.is_frozen());
    assert_eq!(frozen(&net), ["embedding"]);
    Ok(())
}

#[test]
fn batch_normalization_is_frozen_when_all_of_it_is() -> Result<()> {
    let mut norm = BatchNorm::new(2)?;
    let x = Tensor::from([[1.0f32, -2.0], [3.0, 8.0]]);
    let statistics = |norm: &BatchNorm| -> Result<_> {
        let state = to_bytes(norm)?;
        let _ = norm.forward(&x, &Pass::train(0))?;
        Ok(to_bytes(norm)? != state)
    };
    assert!(statistics(&norm)?);
    assert_eq!(norm.freeze_where("weight|bias")?, 2);
    assert!(statistics(&norm)?, "its buffers are not frozen");
    assert_eq!(norm.freeze_where("running_.*")?, 2);
    assert!(!statistics(&norm)?, "all of it is frozen");
    assert_eq!(norm.unfreeze_where("bias")?, 1);
    assert!(statistics(&norm)?);
    Ok(())
}

#[test]
fn frozen_parameters_have_no_gradients() -> Result<()> {
    let mut net = Linear::new(2, 1, &mut ChaCha8Rng::seed_from_u64(1))?;
    net.freeze_where("weight")?;
    let x = Tensor::from([[1.0f32, 2.0]]);
    let gradients = net.forward(&x, &Pass::train(0))?.sum().backward()?;
    let bias = net.bias.as_ref().expect("there is one");
    assert!(gradients.get(&net.weight).is_none() && gradients.get(bias).is_some());
    Ok(())
}

#[test]
fn patterns_that_match_nothing_are_errors() -> Result<()> {
    let mut net = net()?;
    let before = net.summary();
    for (result, expected) in [
        (
            net.freeze_where("hidden").map(drop),
            expect![[r#"
            freeze_where: the pattern `hidden` matches nothing among the model's parameters
            and buffers: patterns match whole paths; did you mean `hidden\..*`?"#]],
        ),
        (
            net.unfreeze_where("weight|bias").map(drop),
            expect![[r#"
            unfreeze_where: the pattern `weight|bias` matches nothing among the model's
            parameters and buffers: patterns match whole paths; did you mean
            `.*\.(weight|bias)`?"#]],
        ),
        (
            net.freeze_where("steps").map(drop),
            expect![[r#"
            freeze_where: the pattern `steps` matches nothing among the model's parameters
            and buffers: the nearest of 10 are `embedding`, `head.bias`, `head.weight`"#]],
        ),
        (
            net.freeze_where(|_: &str| false).map(drop),
            expect![[r#"
            freeze_where: the closure matches nothing among the model's parameters and
            buffers: the first of 10 are `embedding`, `hidden.0.linear.weight`,
            `hidden.0.norm.weight`"#]],
        ),
        (
            net.freeze_where("(").map(drop),
            expect!["pattern: `(`: found open group without closing ')'"],
        ),
        (
            net.select("hidden").map(drop),
            expect![[r#"
            select: the pattern `hidden` matches nothing among the model's parameters:
            patterns match whole paths; did you mean `hidden\..*`?"#]],
        ),
        (
            net.select("steps|.*running_mean").map(drop),
            expect![[r#"
            select: the pattern `steps|.*running_mean` matches nothing among the model's
            parameters: the nearest of 8 are `embedding`, `head.weight`, `head.bias`"#]],
        ),
        (
            net.select("[").map(drop),
            expect!["pattern: `[`: found unclosed character class"],
        ),
    ] {
        let text = result.expect_err("it matches nothing").to_string();
        expected.assert_eq(&wrapped(&text));
    }
    assert_eq!(net.summary(), before);
    Ok(())
}

#[test]
fn parameters_are_selected_and_buffers_are_named() -> Result<()> {
    let net = net()?;
    let paths = |params: Vec<(String, &Param)>| -> Vec<String> {
        params.into_iter().map(|(path, _)| path).collect()
    };
    assert_eq!(
        paths(net.select(r".*\.bias")?),
        ["hidden.0.norm.bias", "hidden.1.linear.bias", "head.bias"]
    );
    // The parameters themselves, not copies.
    assert!(std::ptr::eq(
        net.select("head.weight")?[0].1,
        &raw const net.head.weight
    ));
    let everything = net.select(|_: &str| true)?;
    assert_eq!(everything.len(), net.named_params().len());
    let buffers: Vec<String> = net
        .named_buffers()
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert_eq!(
        buffers,
        ["hidden.0.norm.running_mean", "hidden.0.norm.running_var"]
    );
    let mean = Tensor::full([64], 2.0, DType::F32)?;
    net.named_buffers()[0].1.set(&mean)?;
    let norm = net.hidden[0].norm.as_ref().expect("there is one");
    assert_eq!(
        norm.running_mean
            .as_ref()
            .map(|mean| mean.value().to_f64_vec()),
        Some(mean.to_f64_vec())
    );
    Ok(())
}

#[test]
fn a_model_of_another_dtype_has_new_parameters() -> Result<()> {
    let net = net()?;
    let twin = net.to_dtype(DType::F64);
    assert!(
        twin.summary()
            .rows
            .iter()
            .all(|row| row.dtype != Some(DType::F32))
    );
    assert!(
        net.summary()
            .rows
            .iter()
            .all(|row| row.dtype != Some(DType::F64))
    );
    assert_eq!(twin.steps.get(), 3);
    assert_eq!(frozen(&twin), ["embedding"]);
    assert_eq!(
        twin.head.weight.value().to_f64_vec(),
        net.head.weight.value().to_f64_vec()
    );
    // Converted back, the values are the same to the bit.
    assert_eq!(to_bytes(&twin.to_dtype(DType::F32))?, to_bytes(&net)?);
    // Gradients of the one model are not those of the other.
    let y = twin.head.predict(&Tensor::zeros([1, 64], DType::F64)?)?;
    assert_eq!(y.dtype(), DType::F64);
    let gradients = net.head.weight.read(&Pass::train(0)).sum().backward()?;
    assert!(
        gradients.get(&net.head.weight).is_some() && gradients.get(&twin.head.weight).is_none()
    );
    Ok(())
}

#[test]
fn a_run_summary_is_a_table_with_shapes_and_multiply_adds() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let net = Sequential::new()
        .push(Linear::new(784, 300, &mut rng)?.frozen())
        .push(BatchNorm::new(300)?)
        .push(Relu)
        .push(Dropout::new(0.5)?)
        .push(Linear::builder(300, 10).no_bias().build(&mut rng)?);
    let (x, before) = (Tensor::zeros([64, 784], DType::F32)?, to_bytes(&net)?);
    let summary = net.run_summary(|net, pass| net.forward(&x, pass))?;
    expect![[r#"
        path  layer      operations        shape      parameters  multiply-adds
        0     Linear     linear            (64, 300)     235,500     15,052,800
        1     BatchNorm  batch_norm, relu  (64, 300)         600              0
        4     Linear     linear            (64, 10)        3,000        192,000
        239,100 parameters; 15,244,800 multiply-adds"#]]
    .assert_eq(&summary.to_string());
    assert_eq!(summary.parameters(), net.param_count());
    let (first, second) = (64 * 784 * 300, 64 * 300 * 10);
    assert_eq!(summary.multiply_adds(), first + second);
    assert_eq!(summary.multiply_adds_of(""), first + second);
    assert_eq!(summary.multiply_adds_of("4"), second);
    assert_eq!(summary.multiply_adds_of("1"), 0);
    assert_eq!(to_bytes(&net)?, before, "the run is one of inference");
    Ok(())
}

/// The products of any `forward` are counted, whichever code calls them: raw parameters, broadcast
/// products, sums of products, products of two results, recomputed layers, tied weights.
#[test]
fn a_run_summary_counts_what_ran() -> Result<()> {
    #[derive(Module, Clone, Debug)]
    struct Block {
        linear: Linear,
        scale: Param,
    }

    impl Layer for Block {
        fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
            let y = self.linear.forward(x, pass)?;
            Ok(y.mul(&self.scale.read(pass))?.tanh())
        }
    }

    #[derive(Module)]
    struct Net {
        embedding: Embedding,
        blocks: Vec<Block>,
        factors: (Param, Param),
        unused: Param,
    }

    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut param = |shape: &[usize]| {
        init::he_normal()
            .draw(shape, &mut rng)
            .map(|w| Param::new(&w))
    };
    let factors = (param(&[8, 2])?, param(&[2, 8])?);
    let block = |scale: f32| -> Result<Block> {
        Ok(Block {
            linear: Linear::new(8, 8, &mut ChaCha8Rng::seed_from_u64(2))?,
            scale: Param::new(&Tensor::from([scale])),
        })
    };
    let net = Net {
        embedding: Embedding::new(20, 8, &mut ChaCha8Rng::seed_from_u64(2))?,
        blocks: vec![block(1.0)?, block(2.0)?],
        factors,
        unused: Param::new(&Tensor::from([1.0f32])),
    };
    let words = Indices::from([3, 1, 4, 1, 5, 9]);
    let summary = net.run_summary(|net, pass| {
        let x = net.embedding.forward(&words, pass)?;
        // A product of parameters of 8 · 8 · 2, and one with it of 6 · 8 · 8.
        let low_rank = net.factors.0.read(pass).matmul(&net.factors.1.read(pass))?;
        let x = x.matmul(&low_rank)?;
        // A recomputed layer, twice.
        let x = pass.recompute(&net.blocks[0], &x)?;
        let x = pass.recompute(&net.blocks[0], &x)?;
        let x = net.blocks[1].forward(&x, pass)?;
        // Attention between the words: two products of 6 · 6 · 8 without parameters.
        let x = x.matmul(&x.transpose(0, 1)?)?.softmax(-1)?.matmul(&x)?;
        // The table again, as the output layer: 6 · 20 · 8.
        x.linear(&net.embedding.weight.read(pass), None)
    })?;
    expect![[r#"
        path                 layer           operations       shape    parameters  multiply-adds
        embedding            Embedding       embedding        (6, 8)          160              0
        factors              (Param, Param)  matmul           (6, 8)           32            512
        blocks.0.linear × 2  Linear          linear           (6, 8)           72            768
        blocks.0 × 2         Block           mul, tanh        (6, 8)            1              0
        blocks.1.linear      Linear          linear           (6, 8)           72            384
        blocks.1             Block           mul, tanh        (6, 8)            1              0
                                             matmul, softmax  (6, 8)            0            576
        embedding            Embedding       linear           (6, 20)           0            960
        338 parameters; 3,200 multiply-adds"#]]
    .assert_eq(&summary.to_string());
    assert_eq!(summary.multiply_adds_of("blocks"), 3 * 6 * 8 * 8);
    assert_eq!(summary.multiply_adds_of("blocks.0.linear"), 2 * 6 * 8 * 8);
    let tied = 6 * 20 * 8;
    assert_eq!(summary.multiply_adds_of("embedding"), tied);
    let all = 8 * 8 * 2 + 6 * 8 * 8 + 3 * 6 * 8 * 8 + 2 * 6 * 6 * 8 + tied;
    assert_eq!(summary.multiply_adds(), all);
    assert_eq!(summary.parameters(), net.param_count() - 1);

    let batches = Tensor::zeros([3, 5, 4, 8], DType::F32)?;
    let weight = Param::new(&Tensor::zeros([5, 8, 2], DType::F32)?);
    let broadcast = weight.run_summary(|weight, pass| batches.matmul(&weight.read(pass)))?;
    assert_eq!(broadcast.multiply_adds(), 3 * 5 * 4 * 2 * 8);
    let sums = weight.run_summary(|weight, pass| {
        Tensor::einsum("abtk,bkn->abtn", &[&batches, &weight.read(pass)])
    })?;
    assert_eq!(sums.multiply_adds(), 3 * 5 * 4 * 2 * 8);
    let vector = Tensor::zeros([8], DType::F32)?;
    let vectors = weight.run_summary(|weight, pass| vector.matmul(&weight.read(pass)))?;
    assert_eq!(vectors.multiply_adds(), 5 * 2 * 8);

    let none = ().run_summary(|(), _| Ok(()))?;
    expect![[r#"
        path  layer  operations  shape  parameters  multiply-adds
        0 parameters; 0 multiply-adds"#]]
    .assert_eq(&none.to_string());
    let wrong = net.blocks[0].run_summary(|block, pass| block.forward(&batches.sum_over(3)?, pass));
    let text = wrong.expect_err("4 features").to_string();
    assert!(text.contains("linear"), "{text}");
    Ok(())
}

#[test]
fn a_run_summary_counts_recurrences() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (batch, time) = (4u64, 7u64);
    let x = Tensor::zeros([4, 7, 3], DType::F32)?;
    let of = |summary: RunSummary| (summary.multiply_adds(), summary.rows.len());
    let lstm = Lstm::builder(3, 5)
        .layers(2)
        .bidirectional()
        .build(&mut rng)?;
    let found = of(lstm.run_summary(|lstm, pass| lstm.run_lengths(&x, &[7, 1, 2, 3], None, pass))?);
    // Two directions of a layer with 3 inputs, and of one with 10.
    let gates = 4 * 5;
    assert_eq!(found, (batch * time * gates * 2 * (3 + 5 + 10 + 5), 1));
    let gru = Gru::builder(3, 5).last_only().build(&mut rng)?;
    let found = of(gru.run_summary(|gru, pass| gru.forward(&x, pass))?);
    assert_eq!(found, (batch * time * 3 * 5 * (3 + 5), 1));
    let rnn = Rnn::new(3, 5, &mut rng)?;
    let found = of(rnn.run_summary(|rnn, pass| rnn.forward(&x, pass))?);
    assert_eq!(found, (batch * time * 5 * (3 + 5), 1));
    // A hand-written loop is one row with its uses.
    let net = (LstmCell::new(3, 5, &mut rng)?, Linear::new(5, 2, &mut rng)?);
    let summary = net.run_summary(|net, pass| {
        let mut state = LstmState {
            h: Tensor::zeros([4, 5], DType::F32)?,
            c: Tensor::zeros([4, 5], DType::F32)?,
        };
        let mut outputs = Vec::new();
        for x in x.split(1, 1)? {
            state = net.0.step(&x.squeeze(1)?, &state, pass)?;
            outputs.push(net.1.forward(&state.h, pass)?);
        }
        Tensor::stack(&outputs, 1)
    })?;
    expect![[r#"
        path   layer     operations  shape   parameters  multiply-adds
        0 × 7  LstmCell  lstm        (4, 5)         200          4,480
        1 × 7  Linear    linear      (4, 2)          12            280
        212 parameters; 4,760 multiply-adds"#]]
    .assert_eq(&summary.to_string());
    assert_eq!(
        summary.multiply_adds_of("0"),
        batch * time * gates * (3 + 5)
    );
    assert_eq!(summary.multiply_adds_of("1"), batch * time * 5 * 2);
    Ok(())
}

/// Layers without parameters have rows if they change the shape.
#[test]
fn a_run_summary_has_the_shapes_of_images() -> Result<()> {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let features = Sequential::new()
        .push(Conv2d::new(1, 6, 3, rng)?)
        .push(BatchNorm::new(6)?)
        .push(Relu)
        .push(MaxPool2d::new(2))
        .push(Conv2d::builder(6, 8, 3).groups(2).build(rng)?)
        .push(Relu)
        .push(MaxPool2d::new(2));
    let head = Sequential::new().push(Flatten::new()).push(Linear::new(
        8 * 2 * 2,
        10,
        &mut ChaCha8Rng::seed_from_u64(1),
    )?);
    let net = (features, head);
    let x = Tensor::zeros([2, 1, 14, 14], DType::F32)?;
    let summary = net.run_summary(|net, pass| net.forward(&x, pass))?;
    expect![[r#"
        path  layer       operations        shape           parameters  multiply-adds
        0.0   Conv<2>     conv              (2, 6, 12, 12)          60         15,552
        0.1   BatchNorm   batch_norm, relu  (2, 6, 12, 12)          12              0
        0     MaxPool<2>  max_pool          (2, 6, 6, 6)             0              0
        0.4   Conv<2>     conv, relu        (2, 8, 4, 4)           224          6,912
              MaxPool<2>  max_pool          (2, 8, 2, 2)             0              0
              Flatten     reshape           (2, 32)                  0              0
        1.1   Linear      linear            (2, 10)                330            640
        626 parameters; 23,104 multiply-adds"#]]
    .assert_eq(&summary.to_string());
    let (first, second) = (2 * 6 * 12 * 12 * 9, 2 * 8 * 4 * 4 * 3 * 9);
    assert_eq!(summary.multiply_adds_of("0"), first + second);
    assert_eq!(summary.multiply_adds_of("1"), 2 * 32 * 10);
    // Each element of the input of a transposed convolution meets all filters of its group.
    let wider = ConvTranspose1d::builder(4, 6, 5)
        .groups(2)
        .stride(3)
        .build(rng)?;
    let x = Tensor::zeros([2, 4, 7], DType::F32)?;
    let summary = wider.run_summary(|wider, pass| wider.forward(&x, pass))?;
    assert_eq!(summary.rows[0].shape[..], [2, 6, 23]);
    assert_eq!(summary.multiply_adds(), 2 * 4 * 7 * 3 * 5);
    Ok(())
}

#[test]
fn a_run_summary_counts_attention() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (batch, time, features, hidden) = (2u64, 6, 8, 32);
    let x = Tensor::zeros([2, 6, 8], DType::F32)?;
    let layer = TransformerEncoderLayer::builder(8, 2).hidden(32);
    let layer = layer.build(&mut rng)?;
    let net = Sequential::new().push(layer.clone()).push(layer);
    let summary = net.run_summary(|net, pass| net.forward(&x, pass))?;
    let rows = summary.rows.iter().take(6);
    let rows = rows.map(|row| format!("{}: {} {}", row.path, row.shape, row.operations.join(" ")));
    expect![[r#"
        0.self_attn: (2, 6, 8) linear scaled_dot_product_attention
        0.self_attn.out_proj: (2, 6, 8) linear add
        0.norm1: (2, 6, 8) layer_norm
        0.linear1: (2, 6, 32) linear relu
        0.linear2: (2, 6, 8) linear add
        0.norm2: (2, 6, 8) layer_norm"#]]
    .assert_eq(&rows.collect::<Vec<_>>().join(
        "
",
    ));
    let pairs = batch * time * time * (features + features);
    let attention = batch * time * features * 3 * features + pairs;
    let layer = attention + batch * time * (features * features + 2 * features * hidden);
    assert_eq!(summary.multiply_adds(), 2 * layer);
    assert_eq!(summary.multiply_adds_of("1"), layer);
    let out = batch * time * features * features;
    assert_eq!(summary.multiply_adds_of("0.self_attn"), attention + out);
    Ok(())
}
