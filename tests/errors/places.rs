//! An error has the path of the layer that raised it, also in hand-written layers.

use super::{rng, zeros};
use cotangent::gradcheck;
use cotangent::prelude::*;

/// A hand-written layer without code for errors.
#[derive(Module, Clone, Debug)]
struct Net {
    hidden: Linear,
    blocks: Vec<Block>,
    out: Box<Linear>,
}

#[derive(Module, Clone, Debug)]
struct Block {
    norm: BatchNorm,
    inner: Option<Inner>,
    bias: Param,
}

/// A derived layer inside a hand-written one.
#[derive(Module, Layer, Clone, Debug)]
struct Inner {
    flatten: Flatten,
    first: Linear,
    #[module(flatten)]
    rest: Rest,
}

#[derive(Module, Clone, Debug)]
struct Rest {
    last: Residual<Sequential>,
}

impl Layer for Net {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let mut x = self.hidden.forward(x, pass)?.relu();
        for block in &self.blocks {
            x = block.forward(&x, pass)?;
        }
        self.out.forward(&x, pass)
    }
}

impl Layer for Block {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let x = self.norm.forward(x, pass)?;
        self.inner.forward(&x, pass)?.add(&self.bias.read(pass))
    }
}

impl Layer for Rest {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.last.forward(x, pass)
    }
}

fn linear(inputs: usize, outputs: usize) -> Result<Linear> {
    Linear::new(inputs, outputs, &mut rng())
}

fn block() -> Result<Block> {
    let body = Sequential::new()
        .push(Relu)
        .named("narrow", linear(4, 4)?)?;
    Ok(Block {
        norm: BatchNorm::new(4)?,
        inner: Some(Inner {
            flatten: Flatten::default(),
            first: linear(4, 4)?,
            rest: Rest {
                last: Residual::new(body),
            },
        }),
        bias: Param::new(&zeros(&[4])),
    })
}

fn net() -> Result<Net> {
    Ok(Net {
        hidden: linear(3, 4)?,
        blocks: vec![block()?, block()?],
        out: Box::new(linear(4, 2)?),
    })
}

fn inner(net: &mut Net) -> &mut Inner {
    net.blocks[1].inner.as_mut().expect("a block has one")
}

/// Changes one layer of the net so that it fails, and returns its path.
type Fault = fn(&mut Net) -> Result<&'static str>;

const FAULTS: [Fault; 7] = [
    |net| {
        net.hidden = linear(9, 4)?;
        Ok("`hidden`: linear: ")
    },
    |net| {
        net.blocks[1].norm = BatchNorm::new(9)?;
        Ok("`blocks.1.norm`: batch_norm: ")
    },
    |net| {
        inner(net).flatten = Flatten { start_axis: 5 };
        Ok("`blocks.1.inner.flatten`: flatten: ")
    },
    |net| {
        inner(net).first = linear(9, 4)?;
        Ok("`blocks.1.inner.first`: linear: ")
    },
    |net| {
        let body = Sequential::new()
            .push(Relu)
            .named("narrow", linear(9, 4)?)?;
        inner(net).rest.last = Residual::new(body);
        Ok("`blocks.1.inner.last.body.narrow`: linear: ")
    },
    |net| {
        // An operation of the block itself.
        net.blocks[1].bias = Param::new(&zeros(&[9]));
        Ok("`blocks.1`: add: ")
    },
    |net| {
        *net.out = linear(9, 2)?;
        Ok("`out`: linear: ")
    },
];

#[test]
fn hand_written_layers_add_their_path_at_the_first_call() -> Result<()> {
    let x = zeros(&[5, 3]);
    for fault in FAULTS {
        for pass in [Pass::train(0), Pass::inference()] {
            let mut net = net()?;
            assert!(net.forward(&x, &pass).is_ok());
            let place = fault(&mut net)?;
            let error = net.forward(&x, &pass).expect_err(place);
            assert!(error.to_string().starts_with(place), "{place} {error}");
            let root = error.root();
            assert!(matches!(root, Error::Shape { .. }), "{root}");

            let error = net.predict(&x).expect_err(place);
            assert!(error.to_string().starts_with(place), "{place} {error}");
            // As a part of another model, in a box of a trait object, and as a clone.
            let whole = ("unused".len(), vec![Box::new(net.clone())]);
            let error = whole.1.forward(&x, &pass).expect_err(place);
            let inside = place.replacen('`', "`0.", 1);
            assert!(error.to_string().starts_with(&inside), "{inside} {error}");
            let whole = Sequential::new().named("net", net)?;
            let error = whole.predict(&x).expect_err(place);
            let inside = place.replacen('`', "`net.", 1);
            assert!(error.to_string().starts_with(&inside), "{inside} {error}");
        }
    }
    Ok(())
}

/// Not a `Layer`, because it takes two tensors.
#[derive(Module, Clone, Debug)]
struct Siamese {
    left: Net,
    right: Net,
    words: Embedding,
}

impl Siamese {
    fn new() -> Result<Self> {
        Ok(Self {
            left: net()?,
            right: net()?,
            words: Embedding::new(7, 2, &mut rng())?,
        })
    }

    fn score(&self, a: &Tensor, b: &Tensor, pass: &Pass) -> Result<Tensor> {
        let (a, b) = (self.left.forward(a, pass)?, self.right.forward(b, pass)?);
        Ok(a.mul(&b)?.sum())
    }

    fn look_up(&self, words: &[usize], pass: &Pass) -> Result<Tensor> {
        let words = Indices::from(words.to_vec());
        Ok(self.words.forward(&words, pass)?.sum())
    }
}

#[test]
fn placed_in_adds_the_path_for_a_forward_of_any_form() -> Result<()> {
    let (x, mut model) = (zeros(&[5, 3]), Siamese::new()?);
    inner(&mut model.right).first = linear(9, 4)?;
    let place = "`right.blocks.1.inner.first`: linear: ";
    let (inputs, pass) = ([x.clone(), x.clone()], Pass::train(0));

    let error = model.score(&x, &x, &pass).expect_err(place);
    let error = error.placed_in(&model).to_string();
    assert!(error.starts_with(place), "{error}");

    let checked = gradcheck::module(&model, &inputs, |model, x, pass| {
        model.score(&x[0], &x[1], pass)
    });
    let error = checked.expect_err(place).to_string();
    assert!(error.starts_with(place), "{error}");

    let report = signal::inspect(&model, |model, pass| model.score(&x, &x, pass));
    let error = report.expect_err(place).to_string();
    assert!(error.starts_with(place), "{error}");

    let batches = [x.clone()];
    let set = cotangent::nn::recalibrate(&model, &batches, |x, pass| model.score(x, x, pass));
    let error = set.expect_err(place).to_string();
    assert!(error.starts_with(place), "{error}");

    let error = model.look_up(&[1, 7], &pass).expect_err("7 words");
    let error = error.placed_in(&model).to_string();
    assert!(error.starts_with("`words`: embedding: row 7"), "{error}");
    Ok(())
}

#[test]
fn errors_of_layers_outside_the_model_keep_their_place() -> Result<()> {
    #[derive(Module)]
    struct Outer {
        own: Linear,
    }
    impl Layer for Outer {
        fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
            // A layer that is part of no model, and dropped before the error is placed.
            let other = Sequential::new().push(linear(9, 3)?);
            other.forward(&self.own.forward(x, pass)?, pass)
        }
    }
    let (x, pass) = (zeros(&[5, 3]), Pass::train(0));
    let outer = vec![Outer { own: linear(3, 3)? }];
    let error = outer.forward(&x, &pass).expect_err("9 features");
    assert_eq!(error.path().as_deref(), Some("0.0"), "{error}");

    // Placing an error again changes nothing, and neither does an unrelated model.
    let net = net()?;
    let error = net.predict(&zeros(&[5, 9])).expect_err("9 features");
    let text = error.to_string();
    let error = error.placed_in(&net).placed_in(&net);
    assert_eq!(error.to_string(), text);
    let error = error.placed_in(&linear(1, 1)?);
    assert_eq!(error.to_string(), text);

    // An error that no layer has raised is that of the model.
    let error = Error::argument("own", "no").placed_in(&net);
    assert_eq!(
        (error.path(), error.to_string()),
        (None, "own: no".to_owned())
    );
    let error = error.within("net");
    assert_eq!(error.to_string(), "`net`: own: no");
    Ok(())
}

#[test]
fn recurrent_layers_are_named() -> Result<()> {
    #[derive(Module)]
    struct Reader {
        cell: RnnCell,
        layer: Rnn,
    }
    let reader = Reader {
        cell: RnnCell::new(3, 4, &mut rng())?,
        layer: Rnn::new(3, 4, &mut rng())?,
    };
    let pass = Pass::train(0);
    let placed = |error: Error| error.placed_in(&reader).path();
    let error = reader.cell.step(&zeros(&[2, 9]), &zeros(&[2, 4]), &pass);
    assert_eq!(
        error.map_err(placed).err().flatten().as_deref(),
        Some("cell")
    );
    let error = reader.layer.run(&zeros(&[2, 5, 9]), None, &pass);
    assert_eq!(
        error.map_err(placed).err().flatten().as_deref(),
        Some("layer")
    );
    let error = reader.layer.forward(&zeros(&[2, 5, 9]), &pass);
    assert_eq!(
        error.map_err(placed).err().flatten().as_deref(),
        Some("layer")
    );
    Ok(())
}
