//! Tests of the summary of a model, and of patterns that select and freeze leaves.

// Expected texts are written as `UPDATE_EXPECT` writes them.
#![allow(clippy::needless_raw_string_hashes)]

#[path = "support/wrapped.rs"]
mod wrapped;

use cotangent::module::{LeafKind, Summary, SummaryRow};
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
