//! Models of any shape: random trees of derived modules are saved and loaded to the bit.

use cotangent::module::{LeafMut, LeafRef, Walk, WalkMut};
use cotangent::prelude::*;
use cotangent::state::{Loader, to_bytes};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use std::collections::{BTreeMap, BTreeSet};

/// A module of any shape.
#[derive(Module, Clone, Debug)]
pub enum Tree {
    Empty,
    Param(Param),
    Buffer(Buffer),
    Counter(Counter),
    Layer {
        weight: Param,
        bias: Option<Param>,
        mean: Option<Buffer>,
        seen: Option<Counter>,
    },
    List(Vec<Tree>),
    Map(BTreeMap<String, Tree>),
    Pair(Box<(Tree, Option<Tree>)>),
    Array(Box<[Tree; 3]>),
    Flat(#[module(flatten)] Box<Tree>),
    Renamed {
        #[module(rename = "größe 1")]
        tree: Option<Box<Tree>>,
        frozen: Frozen<Box<Tree>>,
        #[module(skip)]
        _depth: usize,
    },
    Variant(Box<Variant<Tree>>),
}

#[derive(Module, Clone, Debug)]
#[module(variant_path)]
pub enum Variant<T> {
    Left(T),
    Right { tree: T },
}

/// The bits of one value: random ones, and often special ones.
fn bits() -> impl Strategy<Value = u64> {
    let special = [
        f64::NAN.to_bits(),
        f64::NAN.to_bits() | 0x000f_1234_5678_9abc,
        0x7ff0_0000_0000_0001,
        0xfff0_0000_0000_0001,
        f64::INFINITY.to_bits(),
        f64::NEG_INFINITY.to_bits(),
        (-0.0f64).to_bits(),
        1,
        f64::MIN_POSITIVE.to_bits() - 1,
        u64::from(f32::NAN.to_bits()),
        0x7fa0_0001,
        0xff80_0001,
        u64::from(f32::NEG_INFINITY.to_bits()),
        u64::from((-0.0f32).to_bits()),
        u64::from(f32::MIN_POSITIVE.to_bits() - 1),
    ];
    prop_oneof![2 => any::<u64>(), 1 => proptest::sample::select(special.to_vec())]
}

/// Tensors of rank 0 to 3, with lengths from 0 on; some are not contiguous.
fn tensor() -> impl Strategy<Value = Tensor> {
    let shape = proptest::collection::vec(0usize..4, 0..4);
    (shape, any::<bool>(), any::<bool>()).prop_flat_map(|(shape, double, transposed)| {
        let len = shape.iter().product::<usize>();
        proptest::collection::vec(bits(), len).prop_map(move |bits| {
            let tensor = if double {
                let values: Vec<f64> = bits.into_iter().map(f64::from_bits).collect();
                Tensor::from_vec(values, &shape[..])
            } else {
                let values: Vec<f32> = bits.into_iter().map(|x| f32::from_bits(x as u32)).collect();
                Tensor::from_vec(values, &shape[..])
            };
            let tensor = tensor.expect("so many values are drawn");
            if transposed && shape.len() > 1 {
                tensor.transpose(0, 1).expect("it has two axes")
            } else {
                tensor
            }
        })
    })
}

fn param() -> impl Strategy<Value = Param> {
    tensor().prop_map(|tensor| Param::new(&tensor))
}

fn buffer() -> impl Strategy<Value = Buffer> {
    tensor().prop_map(|tensor| Buffer::new(&tensor))
}

fn counter() -> impl Strategy<Value = Counter> {
    (0..=i64::MAX as u64).prop_map(Counter::new)
}

/// Any text that can be a key: letters of all scripts, spaces, quotes, control characters, but no
/// dots.
fn key() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        3 => any::<String>(),
        1 => "[ab\"\\\\\n\u{0} é\u{1f600}]{1,4}",
        1 => Just("__metadata__".to_owned()),
    ];
    text.prop_map(|text| match &*text.replace('.', "-") {
        "" => "-".to_owned(),
        text => text.to_owned(),
    })
}

pub fn tree() -> impl Strategy<Value = Tree> {
    use proptest::option::of;
    let leaf = prop_oneof![
        1 => Just(Tree::Empty),
        4 => param().prop_map(Tree::Param),
        2 => buffer().prop_map(Tree::Buffer),
        2 => counter().prop_map(Tree::Counter),
        3 => (param(), of(param()), of(buffer()), of(counter()))
            .prop_map(|(weight, bias, mean, seen)| Tree::Layer { weight, bias, mean, seen }),
    ];
    leaf.prop_recursive(4, 40, 5, |tree| {
        let boxed = tree.clone().prop_map(Box::new);
        prop_oneof![
            proptest::collection::vec(tree.clone(), 0..5).prop_map(Tree::List),
            proptest::collection::btree_map(key(), tree.clone(), 0..5).prop_map(Tree::Map),
            (tree.clone(), of(tree.clone())).prop_map(|pair| Tree::Pair(Box::new(pair))),
            [tree.clone(), tree.clone(), tree.clone()]
                .prop_map(|array| Tree::Array(Box::new(array))),
            boxed.clone().prop_map(Tree::Flat),
            (of(boxed.clone()), boxed.clone()).prop_map(|(tree, frozen)| Tree::Renamed {
                tree,
                frozen: Frozen::new(frozen),
                _depth: 0,
            }),
            tree.clone()
                .prop_map(|tree| Tree::Variant(Box::new(Variant::Left(tree)))),
            tree.prop_map(|tree| Tree::Variant(Box::new(Variant::Right { tree }))),
        ]
    })
}

/// A leaf with the bits of its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Leaf {
    path: String,
    dtype: Option<DType>,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

fn leaves(module: &impl Module) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    Walk::over(module, |path, leaf| {
        let of = |tensor: &Tensor| {
            let bytes = if tensor.dtype() == DType::F32 {
                let values = tensor.to_vec::<f32>().expect("it is f32");
                let bits = values.iter().map(|x| x.to_bits());
                bits.flat_map(u32::to_le_bytes).collect()
            } else {
                let values = tensor.to_vec::<f64>().expect("it is f64");
                let bits = values.iter().map(|x| x.to_bits());
                bits.flat_map(u64::to_le_bytes).collect()
            };
            (Some(tensor.dtype()), tensor.shape().to_vec(), bytes)
        };
        let (dtype, shape, bytes) = match leaf {
            LeafRef::Param(param) => of(param.value()),
            LeafRef::Buffer(buffer) => of(&buffer.value()),
            LeafRef::Counter(counter) => (None, vec![], counter.get().to_le_bytes().to_vec()),
            other => unreachable!("{other:?}"),
        };
        leaves.push(Leaf {
            path: path.to_owned(),
            dtype,
            shape,
            bytes,
        });
    });
    leaves
}

/// Returns a tree of the same structure with zeros.
pub fn blank(tree: &Tree) -> Tree {
    let mut blank = tree.clone();
    WalkMut::over(&mut blank, |_, leaf| {
        let zeros = |x: &Tensor| Tensor::zeros(x.shape(), x.dtype()).expect("as large as before");
        match leaf {
            LeafMut::Param(param) => param.set(&zeros(&param.value().clone())),
            LeafMut::Buffer(buffer) => buffer.set(&zeros(&buffer.value())),
            LeafMut::Counter(counter) => {
                counter.set(0);
                Ok(())
            }
            other => unreachable!("{other:?}"),
        }
        .expect("of the same shape");
    });
    blank
}

/// Returns whether all paths can be saved.
pub fn can_be_saved(tree: &Tree) -> bool {
    let mut paths = BTreeSet::new();
    let leaves = leaves(tree);
    leaves
        .iter()
        .all(|leaf| leaf.path != "__metadata__" && paths.insert(&leaf.path))
}

fn round_trip(saved: &Tree, folder: &std::path::Path) -> TestCaseResult {
    let path = folder.join("tree.safetensors");
    let mut loaded = blank(saved);
    if !can_be_saved(saved) {
        let error = saved
            .save(&path)
            .expect_err("two leaves have one path, or it is reserved");
        prop_assert!(matches!(error, Error::Format { .. }), "{}", error);
        return Ok(());
    }
    saved.save(&path)?;
    loaded.load(&path)?;
    let expected = leaves(saved);
    prop_assert_eq!(&leaves(&loaded), &expected);
    prop_assert!(saved.summary().differences(&loaded.summary()).is_empty());
    // Another reader of the format finds the same leaves, and saving again gives the same bytes.
    let bytes = std::fs::read(&path).expect("it was written");
    prop_assert_eq!(&to_bytes(&loaded)?, &bytes);
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("it was loaded");
    prop_assert_eq!(file.len(), expected.len());
    for leaf in &expected {
        let view = file.tensor(&leaf.path).expect("it was loaded");
        prop_assert_eq!(view.shape(), &leaf.shape[..]);
        prop_assert_eq!(view.data(), &leaf.bytes[..]);
    }
    Ok(())
}

fn settings(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[test]
fn any_tree_is_loaded_to_the_bit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    proptest!(settings(400), |(tree in tree())| {
        round_trip(&tree, folder.path())?;
    });
}

#[test]
fn a_selected_part_of_a_tree_is_loaded() {
    proptest!(settings(200), |(tree in tree(), choice in any::<u64>())| {
        let all = leaves(&tree);
        prop_assume!(can_be_saved(&tree));
        let chosen: BTreeSet<String> = (0..)
            .zip(&all)
            .filter(|(i, _)| choice >> (i % 64) & 1 == 1)
            .map(|(_, leaf)| leaf.path.clone())
            .collect();
        prop_assume!(!chosen.is_empty());
        let mut loaded = blank(&tree);
        let zeros = leaves(&loaded);
        let selection = chosen.clone();
        // Each name is changed and changed back.
        let loader = Loader::new()
            .add_prefix("elsewhere.")
            .rename("(?s)elsewhere\\.(.*)", "$1")?
            .select(move |path: &str| selection.contains(path))?;
        let paths = loader.load_bytes(&mut loaded, &to_bytes(&tree)?)?;
        let in_order = all.iter().map(|leaf| &leaf.path).filter(|path| chosen.contains(*path));
        prop_assert_eq!(paths.iter().collect::<Vec<_>>(), in_order.collect::<Vec<_>>());
        for ((found, zero), full) in leaves(&loaded).iter().zip(&zeros).zip(&all) {
            prop_assert_eq!(found, if chosen.contains(&found.path) { full } else { zero });
        }
    });
}
