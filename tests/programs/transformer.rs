//! A transformer block written by hand learns to copy: tokens, a separator, the tokens again.
use cotangent::prelude::*;

const TOKENS: usize = 8; // 8 is the separator
const LENGTH: usize = 6;
const TIME: usize = 2 * LENGTH;
const IGNORED: usize = usize::MAX;

#[derive(Module, Clone, Debug)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    heads: usize, // a number is a module without parameters
}

impl Attention {
    fn new(width: usize, heads: usize, rng: &mut impl Rng) -> Result<Self> {
        let mut linear = || Linear::new(width, width, rng);
        Ok(Self {
            query: linear()?,
            key: linear()?,
            value: linear()?,
            out: linear()?,
            heads,
        })
    }
}

impl Layer for Attention {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let (batch, time, width) = (x.shape()[0], x.shape()[1], x.shape()[2]);
        let head = width / self.heads;
        // (batch, time, width) to (batch, heads, time, head)
        let split = |layer: &Linear| {
            layer
                .forward(x, pass)?
                .reshape([batch, time, self.heads, head])?
                .transpose(1, 2)
        };
        let (query, key, value) = (split(&self.query)?, split(&self.key)?, split(&self.value)?);
        let future = Tensor::ones([time, time], x.dtype())?
            .triu(1)?
            .gt_scalar(0.0);
        let scores = query.matmul(&key.transpose(-2, -1)?)? / (head as f64).sqrt();
        let weights = scores
            .masked_fill(&future, f64::NEG_INFINITY)?
            .softmax(-1)?;
        self.out.forward(
            &weights
                .matmul(&value)?
                .transpose(1, 2)?
                .reshape([batch, time, width])?,
            pass,
        )
    }
}

#[derive(Module, Layer, Clone, Debug)]
struct Block {
    attention: Residual<(LayerNorm, Attention)>,
    feed: Residual<(LayerNorm, Mlp)>,
}

#[derive(Module, Clone, Debug)]
struct Transformer {
    tokens: Embedding,
    positions: Param,
    blocks: Vec<Block>,
    norm: LayerNorm,
    out: Linear,
}

impl Transformer {
    fn new(width: usize, blocks: usize, rng: &mut impl Rng) -> Result<Self> {
        let mut block = || {
            let attention = Attention::new(width, 2, rng)?;
            let feed = Mlp::builder([width, 2 * width, width])
                .activation(Gelu)
                .build(rng)?;
            Ok(Block {
                attention: Residual::new((LayerNorm::new(width)?, attention)),
                feed: Residual::new((LayerNorm::new(width)?, feed)),
            })
        };
        let blocks = (0..blocks).map(|_| block()).collect::<Result<_>>()?;
        Ok(Self {
            tokens: Embedding::new(TOKENS + 1, width, rng)?,
            positions: Param::new(&Tensor::normal([TIME, width], 0.0, 1.0, DType::F32, rng)?),
            blocks,
            norm: LayerNorm::new(width)?,
            out: Linear::new(width, TOKENS, rng)?,
        })
    }

    /// Logits (batch, time, classes) for tokens (batch, time).
    fn forward(&self, tokens: &Indices, pass: &Pass) -> Result<Tensor> {
        let x = self
            .tokens
            .forward(tokens, pass)?
            .add(&self.positions.read(pass))?;
        let x = self.norm.forward(&self.blocks.forward(&x, pass)?, pass)?;
        self.out.forward(&x, pass)
    }
}

/// Inputs `a b c … | a b …` without the last, and labels, which count from the separator on.
fn batch(size: usize, rng: &mut impl Rng) -> Result<(Indices, Indices)> {
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..size {
        let word: Vec<usize> = (0..LENGTH).map(|_| rng.random_range(0..TOKENS)).collect();
        inputs.extend(word.iter().chain(&[TOKENS]).chain(&word[..LENGTH - 1]));
        labels.extend([IGNORED; LENGTH].iter().chain(&word));
    }
    Ok((
        Indices::from_vec(inputs, [size, TIME])?,
        Indices::from_vec(labels, [size, TIME])?,
    ))
}

pub fn main() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut net = Transformer::new(32, 2, &mut rng)?;
    let criterion = CrossEntropyLoss::new().ignore_label(IGNORED);
    let mut schedule = Schedule::warm_up(30)?;
    let (pass, mut optimizer) = (Pass::train(2), Adam::new(0.003).build()?);
    for step in 0..400 {
        let (inputs, labels) = batch(32, &mut rng)?;
        let loss = criterion.loss(&net.forward(&inputs, &pass)?, &labels)?;
        let mut grads = loss.backward()?;
        clip::global_norm(1.0).apply(&net, &mut grads)?;
        schedule.step(&mut optimizer)?;
        optimizer.step(&mut net, grads)?;
        _ = (step % 50 == 0).then(|| println!("step {step:3}: {loss:.4}"));
    }
    let (inputs, labels) = batch(200, &mut rng)?;
    let logits = net.forward(&inputs, &Pass::inference())?;
    let copies = logits.narrow(1, LENGTH, LENGTH)?;
    let accuracy = copies.accuracy(&labels.narrow(1, LENGTH, LENGTH)?)?;
    println!("accuracy of the copies: {accuracy:.3}");
    let (inputs, labels) = batch(2, &mut rng)?;
    let loss = |net: &_, _: &[_], pass: &_| {
        criterion.loss(&Transformer::forward(net, &inputs, pass)?, &labels)
    };
    gradcheck::Gradcheck::new()
        .fast()
        .module(&net, &[], loss)?
        .assert_ok();
    assert!(accuracy > 0.98);
    Ok(())
}
