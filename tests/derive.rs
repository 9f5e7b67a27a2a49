//! Tests of `#[derive(Module)]` and `#[derive(Layer)]`: paths, the order of layers, and the place
//! of errors. The programs in `derive` compile without a warning and run. Those in `ui` have
//! mistakes.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use cotangent::prelude::*;

#[path = "derive/containers.rs"]
mod containers;
#[path = "derive/crate_path.rs"]
mod crate_path;
#[path = "derive/deprecated.rs"]
mod deprecated;
#[path = "derive/elementwise.rs"]
pub mod elementwise;
#[path = "derive/enums.rs"]
mod enums;
#[path = "derive/fields.rs"]
mod fields;
#[path = "derive/generics.rs"]
mod generics;
#[path = "derive/hygiene.rs"]
mod hygiene;
#[path = "derive/lints.rs"]
pub mod lints;
#[path = "derive/macros.rs"]
mod macros;
#[path = "derive/recursion.rs"]
mod recursion;
#[path = "derive/samples.rs"]
mod samples;
#[path = "derive/stateful.rs"]
mod stateful;

fn param() -> Param {
    Param::new(&Tensor::from_vec(vec![1.0f32], [1]).unwrap())
}

/// Returns the paths of all parameters, which are the same in both walks.
fn paths(module: &mut impl Module) -> Vec<String> {
    let shared: Vec<String> = module
        .named_params()
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    let mutable: Vec<String> = module
        .named_params_mut()
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert_eq!(shared, mutable);
    shared
}

#[derive(Module)]
struct Dense {
    weight: Param,
    bias: Option<Param>,
}

fn dense() -> Dense {
    Dense {
        weight: param(),
        bias: Some(param()),
    }
}

#[test]
fn paths_are_field_names_in_declaration_order() {
    #[derive(Module)]
    struct Net {
        second: Dense,
        first: Vec<Dense>,
        r#type: (Param, Dense),
        #[module(skip)]
        _name: String,
    }
    let mut net = Net {
        second: dense(),
        first: vec![
            dense(),
            Dense {
                weight: param(),
                bias: None,
            },
        ],
        r#type: (param(), dense()),
        _name: "net".to_owned(),
    };
    assert_eq!(
        paths(&mut net),
        [
            "second.weight",
            "second.bias",
            "first.0.weight",
            "first.0.bias",
            "first.1.weight",
            "type.0",
            "type.1.weight",
            "type.1.bias",
        ]
    );
}

#[test]
fn tuple_fields_are_numbered() {
    #[derive(Module)]
    struct Net(Param, #[module(skip)] &'static str, Dense);
    let mut net = Net(param(), "skipped", dense());
    assert_eq!(net.1, "skipped");
    assert_eq!(paths(&mut net), ["0", "2.weight", "2.bias"]);
}

#[test]
fn rename_and_flatten_change_paths() {
    #[derive(Module)]
    struct Net {
        #[module(rename = "fc1")]
        hidden: Dense,
        #[module(flatten)]
        flat: Dense,
        scale: Param,
    }
    let mut net = Net {
        hidden: dense(),
        flat: dense(),
        scale: param(),
    };
    assert_eq!(
        paths(&mut net),
        ["fc1.weight", "fc1.bias", "weight", "bias", "scale"]
    );
}

#[test]
fn frozen_fields_are_frozen() {
    #[derive(Module)]
    struct Net {
        backbone: Frozen<Dense>,
        head: Dense,
    }
    let mut net = Net {
        backbone: Frozen::new(dense()),
        head: dense(),
    };
    assert_eq!(
        paths(&mut net),
        [
            "backbone.weight",
            "backbone.bias",
            "head.weight",
            "head.bias"
        ]
    );
    let frozen: Vec<bool> = net
        .named_params()
        .iter()
        .map(|(_, param)| param.is_frozen())
        .collect();
    assert_eq!(frozen, [true, true, false, false]);
}

#[test]
fn an_enum_has_the_children_of_its_variant() {
    #[derive(Module)]
    enum Block {
        Identity,
        Dense(Dense),
        Gated { gate: Param, value: Param },
    }
    assert!(paths(&mut Block::Identity).is_empty());
    assert_eq!(paths(&mut Block::Dense(dense())), ["0.weight", "0.bias"]);
    assert_eq!(
        paths(&mut Block::Gated {
            gate: param(),
            value: param()
        }),
        ["gate", "value"]
    );
}

#[test]
fn variant_path_names_the_variant() {
    #[derive(Module)]
    #[module(variant_path)]
    enum Block {
        Dense(#[module(flatten)] Dense),
        Gated { gate: Param, r#in: Dense },
    }
    assert_eq!(
        paths(&mut Block::Dense(dense())),
        ["Dense.weight", "Dense.bias"]
    );
    let mut nested = vec![Block::Gated {
        gate: param(),
        r#in: dense(),
    }];
    assert_eq!(
        paths(&mut nested),
        ["0.Gated.gate", "0.Gated.in.weight", "0.Gated.in.bias"]
    );
}

#[test]
fn recursive_modules_have_the_paths_of_all_leaves() {
    #[derive(Module)]
    struct Tree<L> {
        layer: L,
        children: Vec<Tree<L>>,
    }
    let leaf = || Tree {
        layer: param(),
        children: Vec::new(),
    };
    let mut tree = Tree {
        layer: param(),
        children: vec![leaf(), leaf()],
    };
    assert_eq!(
        paths(&mut tree),
        ["layer", "children.0.layer", "children.1.layer"]
    );
}

#[test]
fn type_parameters_need_no_bound_unless_a_field_does() {
    struct NotAModule;

    #[derive(Module)]
    struct Marked<T> {
        weight: Param,
        marker: PhantomData<T>,
    }
    let mut marked = Marked {
        weight: param(),
        marker: PhantomData::<NotAModule>,
    };
    assert_eq!(paths(&mut marked), ["weight"]);
}

/// A layer that records when it runs.
#[derive(Module)]
struct Probe {
    #[module(skip)]
    log: Arc<Mutex<Vec<&'static str>>>,
    #[module(skip)]
    name: &'static str,
}

impl Layer for Probe {
    fn compute(&self, x: &Tensor, _: &Pass) -> Result<Tensor> {
        self.log.lock().unwrap().push(self.name);
        // One more element each time shows that the input is the output of the layer before.
        Tensor::from_vec(vec![0.0f32; x.shape()[0] + 1], [x.shape()[0] + 1])
    }
}

/// A layer that fails.
#[derive(Module)]
struct Failing;

impl Layer for Failing {
    fn compute(&self, _: &Tensor, _: &Pass) -> Result<Tensor> {
        Tensor::from_vec(vec![0.0f32; 3], [2, 2])
    }
}

fn input() -> Tensor {
    Tensor::from_vec(vec![0.0f32], [1]).unwrap()
}

#[test]
fn derived_layers_run_their_fields_in_order() {
    #[derive(Module, Layer)]
    struct Net {
        second: Probe,
        #[module(flatten)]
        first: Probe,
        #[module(skip)]
        _name: String,
        absent: Option<Probe>,
        many: Vec<Probe>,
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    let probe = |name| Probe {
        log: Arc::clone(&log),
        name,
    };
    let net = Net {
        second: probe("second"),
        first: probe("first"),
        _name: String::new(),
        absent: None,
        many: vec![probe("many.0"), probe("many.1")],
    };
    let output = net.forward(&input(), &Pass::inference()).unwrap();
    assert_eq!(
        *log.lock().unwrap(),
        ["second", "first", "many.0", "many.1"]
    );
    assert_eq!(output.shape(), [5]);
}

#[test]
fn an_enum_runs_its_variant() {
    #[derive(Module, Layer)]
    enum Block {
        One(Probe),
        Two { first: Probe, second: Probe },
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    let probe = |name| Probe {
        log: Arc::clone(&log),
        name,
    };
    let blocks = vec![
        Block::Two {
            first: probe("first"),
            second: probe("second"),
        },
        Block::One(probe("one")),
    ];
    let output = blocks.forward(&input(), &Pass::inference()).unwrap();
    assert_eq!(*log.lock().unwrap(), ["first", "second", "one"]);
    assert_eq!(output.shape(), [4]);
}

/// Returns the path at the beginning of the error of a failing layer.
fn place(layer: &impl Layer) -> String {
    let error = layer
        .forward(&input(), &Pass::inference())
        .unwrap_err()
        .to_string();
    match error
        .strip_prefix('`')
        .and_then(|error| error.split_once('`'))
    {
        Some((path, _)) => path.to_owned(),
        None => String::new(),
    }
}

#[test]
fn an_error_names_the_field_it_comes_from() {
    #[derive(Module, Layer)]
    struct Plain<L> {
        layer: L,
    }
    #[derive(Module, Layer)]
    struct Renamed(#[module(rename = "fc1")] Failing);
    #[derive(Module, Layer)]
    struct Flattened {
        #[module(flatten)]
        layer: Failing,
    }
    #[derive(Module, Layer)]
    #[module(variant_path)]
    enum Variants {
        Wide { layer: Failing },
    }
    assert_eq!(place(&Failing), "");
    assert_eq!(place(&Plain { layer: Failing }), "layer");
    assert_eq!(
        place(&Plain {
            layer: vec![Failing]
        }),
        "layer.0"
    );
    assert_eq!(
        place(&Plain {
            layer: Plain {
                layer: Renamed(Failing)
            }
        }),
        "layer.layer.fc1"
    );
    assert_eq!(
        place(&Plain {
            layer: Flattened { layer: Failing }
        }),
        "layer"
    );
    assert_eq!(place(&Variants::Wide { layer: Failing }), "Wide.layer");
}

#[test]
fn arrays_tuples_and_boxes_are_layers() -> Result<()> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let probe = |name| Probe {
        log: Arc::clone(&log),
        name,
    };
    let layers = (
        probe("first"),
        [probe("second"), probe("third")],
        Box::new(probe("fourth")),
    );
    let output = layers.forward(&input(), &Pass::inference())?;
    assert_eq!(*log.lock().unwrap(), ["first", "second", "third", "fourth"]);
    assert_eq!(output.shape(), [5]);
    assert_eq!(place(&(probe("first"), [probe("second")], Failing)), "2");
    assert_eq!(place(&(probe("first"), [Failing, Failing])), "1.0");
    let twelve = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, param());
    assert_eq!(twelve.named_params()[0].0, "11");
    Ok(())
}

#[test]
fn a_unit_variant_is_the_identity() -> Result<()> {
    #[derive(Module, Layer)]
    enum Block {
        Identity,
        Failing(Failing),
    }
    let output = Block::Identity.forward(&input(), &Pass::inference())?;
    assert_eq!(output.to_vec::<f32>()?, input().to_vec::<f32>()?);
    assert_eq!(place(&Block::Failing(Failing)), "0");
    Ok(())
}

/// A model of boxed layers can do everything that needs a clone.
#[test]
fn boxed_layers_are_cloned() -> Result<()> {
    #[derive(Clone, Debug, Module, Layer)]
    struct Net {
        hidden: Vec<Box<dyn DynLayer>>,
        out: Box<dyn DynLayer>,
    }
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut net = Net {
        hidden: vec![Box::new(Linear::new(2, 3, &mut rng)?), Box::new(Tanh)],
        out: Box::new(Linear::new(3, 1, &mut rng)?),
    };
    let x = Tensor::from([[0.5f32, -1.0], [2.0, 0.25]]);
    let copy = net.clone();
    assert_eq!(
        net.predict(&x)?.to_vec::<f32>()?,
        copy.predict(&x)?.to_vec::<f32>()?
    );
    // If the box were cloned, and not the layer in it, each clone would be one level deeper.
    assert_eq!(format!("{net:?}"), format!("{:?}", copy.clone()));
    let inputs = std::slice::from_ref(&x);
    gradcheck::module(&net, inputs, |net, x, pass| net.forward(&x[0], pass))?.assert_ok();
    let pass = Pass::train(0);
    let loss = pass.recompute(&net, &x)?.sum();
    assert_eq!(loss.backward()?.len(), 4);
    let bytes = cotangent::state::to_bytes(&copy)?;
    net.params_mut()[0].set(&Tensor::zeros([3, 2], DType::F32)?)?;
    cotangent::state::load_bytes(&mut net, &bytes)?;
    assert_eq!(cotangent::state::to_bytes(&net)?, bytes);
    Ok(())
}

#[test]
fn skipped_parameters_are_skipped_on_purpose() {
    #[derive(Module)]
    struct Net {
        weight: Param,
        #[module(skip(params))]
        fixed: Dense,
    }
    let mut net = Net {
        weight: param(),
        fixed: dense(),
    };
    assert_eq!(paths(&mut net), ["weight"]);
    assert_eq!(net.fixed.named_params().len(), 2);
}
