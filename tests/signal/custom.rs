//! Custom operations appear in the report by their kind, with the same rows, values and verdicts as
//! the library's operations.

use cotangent::nn::signal::Verdict::{Dead, Exploding, Healthy, Saturated, Vanishing};
use cotangent::nn::signal::{self, Report, Verdict};
use cotangent::prelude::*;
use cotangent::{Cotangents, Op, OpKind, Vjp};

type Function = fn(&[&Tensor]) -> Result<Tensor>;

/// A custom operation of a given kind. Its vector-Jacobian product runs the function again.
struct Custom {
    kind: OpKind,
    function: Function,
    operands: Vec<Tensor>,
}

impl Op for Custom {
    fn name(&self) -> &'static str {
        "custom"
    }
    fn kind(&self) -> OpKind {
        self.kind
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let operands = self.operands.iter().enumerate();
        let leaves: Vec<Tensor> = operands
            .map(|(i, x)| {
                if context.wants(i) {
                    x.detach().tracked()
                } else {
                    x.detach()
                }
            })
            .collect();
        let output = (self.function)(&leaves.iter().collect::<Vec<_>>())?;
        let grads = output.backward_with(&cotangent)?;
        Ok(leaves.iter().map(|x| grads.get(x).cloned()).collect())
    }
}

/// Runs the library's function, either directly or as a custom operation of a kind.
fn run(custom: Option<OpKind>, function: Function, operands: &[&Tensor]) -> Result<Tensor> {
    let Some(kind) = custom else {
        return function(operands);
    };
    let values: Vec<Tensor> = operands.iter().map(|x| x.detach()).collect();
    let output = function(&values.iter().collect::<Vec<_>>())?;
    Ok(Tensor::from_op(output, operands, || Custom {
        kind,
        function,
        operands: operands.iter().map(|&x| x.clone()).collect(),
    }))
}

fn product(x: &[&Tensor]) -> Result<Tensor> {
    x[0].linear(x[1], Some(x[2]))
}

fn normalization(x: &[&Tensor]) -> Result<Tensor> {
    x[0].rms_norm([20], Some(x[1]), 1e-6)
}

fn parametric(x: &[&Tensor]) -> Result<Tensor> {
    x[0].prelu(x[1])
}

fn tanh(x: &[&Tensor]) -> Result<Tensor> {
    Tanh.forward(x[0], &Pass::train(0))
}

fn relu(x: &[&Tensor]) -> Result<Tensor> {
    Relu.forward(x[0], &Pass::train(0))
}

/// The kind of each custom operation; `None` for the library's operation.
#[derive(Clone, Copy, Default)]
struct Kinds {
    product: Option<OpKind>,
    normalization: Option<OpKind>,
    activation: Option<OpKind>,
}

/// A net with raw parameters in place of layers.
#[derive(Module)]
struct Net {
    blocks: Vec<Block>,
    out: Linear,
}

#[derive(Module)]
struct Block {
    weight: Param,
    bias: Param,
    gamma: Option<Param>,
    slope: Option<Param>,
}

impl Net {
    fn new(normalized: bool, parametric: bool) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut blocks = Vec::new();
        for _ in 0..4 {
            blocks.push(Block {
                weight: Param::new(&init::he_normal().draw(&[20, 20], &mut rng)?),
                bias: Param::new(&Tensor::zeros([20], DType::F32)?),
                gamma: normalized.then(|| Param::new(&Tensor::from([1.0f32; 20]))),
                slope: parametric.then(|| Param::new(&Tensor::from([0.25f32]))),
            });
        }
        let out = Linear::new(20, 5, &mut rng)?;
        Ok(Self { blocks, out })
    }

    /// Multiplies the third block's weight by a factor, and adds to its bias.
    fn spoil(mut self, factor: f64, bias: f64) -> Result<Self> {
        let Block {
            weight, bias: b, ..
        } = &mut self.blocks[2];
        weight.set(&weight.value().mul_scalar(factor))?;
        b.set(&b.value().add_scalar(bias))?;
        Ok(self)
    }

    fn inspect(&self, activation: Function, kinds: Kinds) -> Result<Report> {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let input = Tensor::normal([64, 20], 0.0, 1.0, DType::F32, &mut rng)?;
        let labels = Indices::from((0..64).map(|i| i % 5).collect::<Vec<_>>());
        signal::inspect(self, |net, pass| {
            let mut x = input.clone();
            for block in &net.blocks {
                let (weight, bias) = (block.weight.read(pass), block.bias.read(pass));
                x = run(kinds.product, product, &[&x, &weight, &bias])?;
                if let Some(gamma) = &block.gamma {
                    x = run(kinds.normalization, normalization, &[&x, &gamma.read(pass)])?;
                }
                x = match &block.slope {
                    Some(slope) => run(kinds.activation, parametric, &[&x, &slope.read(pass)])?,
                    None => run(kinds.activation, activation, &[&x])?,
                };
            }
            net.out.forward(&x, pass)?.cross_entropy(&labels)
        })
    }
}

/// Returns the contents of a report, without the names of the operations.
fn contents(report: &Report) -> Vec<String> {
    let rows = report.layers.iter().map(|layer| {
        let values = [
            layer.dead,
            layer.saturated,
            layer.gradient.as_ref().map(|gradient| gradient.rms),
            layer.result_gradient,
            layer.weight_gradient,
            Some(layer.activation.rms),
            Some(layer.spread),
        ];
        let (name, kinds, inputs) = (layer.name(), &layer.kinds, &layer.inputs);
        format!("{name} {kinds:?} {values:?} of {inputs:?}")
    });
    rows.chain(report.findings.iter().map(ToString::to_string))
        .collect()
}

#[test]
fn custom_operations_have_the_same_rows_and_verdicts() -> Result<()> {
    let [plain, normalized, learnt] = [(false, false), (true, false), (false, true)];
    let net =
        |(normalized, learnt), factor, bias| Net::new(normalized, learnt)?.spoil(factor, bias);
    let third = "blocks.2";
    let cases: [(&str, Net, Function, Verdict, &str); 8] = [
        ("sound", net(plain, 1.0, 0.0)?, relu, Healthy, ""),
        ("dead", net(plain, 1.0, -100.0)?, relu, Dead, third),
        ("saturated", net(plain, 1.0, 50.0)?, tanh, Saturated, third),
        ("too small", net(plain, 1e-4, 0.0)?, relu, Vanishing, third),
        ("too large", net(plain, 1e5, 0.0)?, relu, Exploding, third),
        ("normalized", net(normalized, 1e5, 0.0)?, tanh, Healthy, ""),
        ("learnt", net(learnt, 1.0, 0.0)?, relu, Healthy, ""),
        ("too small", net(learnt, 1e-5, 0.0)?, relu, Vanishing, third),
    ];
    let custom = Kinds {
        product: Some(OpKind::Product),
        normalization: Some(OpKind::Normalization),
        activation: Some(OpKind::Activation),
    };
    for (case, net, activation, verdict, layer) in cases {
        let expected = net.inspect(activation, Kinds::default())?;
        let found = net.inspect(activation, custom)?;
        let first = found.findings.first().map_or("", |finding| &finding.layer);
        assert_eq!(
            (found.verdict(), first),
            (verdict, layer),
            "{case}\n{found}"
        );
        assert_eq!(contents(&found), contents(&expected), "{case}");
        let mut operations = found.layers[0]
            .operations
            .iter()
            .chain(&found.layers[1].operations);
        assert!(operations.all(|name| name == "custom"), "{found}");
    }
    Ok(())
}

/// An operation of unknown kind is neither an activation nor a normalization; its parameters still
/// belong to a layer.
#[test]
fn operations_of_other_kinds_have_rows_without_verdict_columns() -> Result<()> {
    let unknown = Kinds {
        product: Some(OpKind::Other),
        normalization: Some(OpKind::Other),
        activation: Some(OpKind::Other),
    };
    let report = Net::new(false, false)?
        .spoil(1.0, -100.0)?
        .inspect(relu, unknown)?;
    let layer = report.layer("blocks.2").expect("a row");
    assert_eq!(layer.operations, ["custom", "custom"]);
    assert_eq!((layer.dead, layer.saturated), (None, None));
    assert!(layer.gradient.is_some() && layer.weight_gradient.is_some());
    assert_eq!(report.layers.len(), 5, "{report}");
    // A normalization begins a row; an unknown operation continues the row of its module.
    let net = Net::new(true, false)?;
    assert_eq!(net.inspect(tanh, Kinds::default())?.layers.len(), 9);
    assert_eq!(net.inspect(tanh, unknown)?.layers.len(), 5);
    Ok(())
}

#[test]
fn a_lookup_makes_a_parameter_data_and_a_loss_ends_a_row() -> Result<()> {
    #[derive(Module)]
    struct Words {
        table: Param,
        out: Linear,
    }
    let rng = &mut ChaCha8Rng::seed_from_u64(6);
    let net = Words {
        table: Param::new(&Tensor::normal([5, 8], 0.0, 1.0, DType::F32, rng)?),
        out: Linear::new(8, 8, rng)?,
    };
    let targets = Tensor::normal([5, 8], 0.0, 1.0, DType::F32, rng)?;
    let rows = |lookup: OpKind, loss: OpKind| -> Result<Vec<String>> {
        let report = signal::inspect(&net, |net, pass| {
            let all = |x: &[&Tensor]| x[0].embedding(&Indices::from([4, 3, 2, 1, 0]));
            let squares =
                |x: &[&Tensor]| MseLoss::new().reduction(Reduction::None).loss(x[0], x[1]);
            let words = run(Some(lookup), all, &[&net.table.read(pass)])?;
            let y = net.out.forward(&words, pass)?;
            Ok(run(Some(loss), squares, &[&y, &targets])?.mean())
        })?;
        let row =
            |layer: &signal::LayerSignal| format!("{}: {}", layer.path, layer.operations.join(" "));
        Ok(report.layers.iter().map(row).collect())
    };
    let found = rows(OpKind::Lookup, OpKind::Loss)?;
    assert_eq!(found, ["table: custom", "out: linear"]);
    // A view of a parameter counts as a parameter, as does everything computed from parameters
    // alone. Only the targets are data.
    assert_eq!(rows(OpKind::Shape, OpKind::Loss)?, ["table: custom"]);
    let found = rows(OpKind::Lookup, OpKind::Other)?;
    assert_eq!(found, ["table: custom", "out: linear custom"]);
    Ok(())
}
