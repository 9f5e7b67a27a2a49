//! Two inputs (an image-like vector and a token), two heads (a class and a number), one sum of
//! losses.
use cotangent::prelude::*;

#[derive(Module, Clone, Debug)]
struct TwoHeads {
    vector: Linear,
    token: Embedding,
    trunk: Mlp,
    class: Linear,
    value: Linear,
}

impl TwoHeads {
    fn new(rng: &mut impl Rng) -> Result<Self> {
        Ok(Self {
            vector: Linear::new(6, 24, rng)?,
            token: Embedding::new(5, 8, rng)?,
            trunk: Mlp::builder([32, 48, 32]).activation(Gelu).build(rng)?,
            class: Linear::new(32, 3, rng)?,
            value: Linear::new(32, 1, rng)?,
        })
    }

    fn forward(&self, x: &Tensor, tokens: &Indices, pass: &Pass) -> Result<(Tensor, Tensor)> {
        let x = self.vector.forward(x, pass)?.tanh();
        let joined = Tensor::cat(&[x, self.token.forward(tokens, pass)?], 1)?;
        let h = self.trunk.forward(&joined, pass)?.tanh();
        Ok((
            self.class.forward(&h, pass)?,
            self.value.forward(&h, pass)?.squeeze(1)?,
        ))
    }
}

struct Samples {
    x: Tensor,
    tokens: Indices,
    labels: Indices,
    values: Tensor,
}

impl Samples {
    fn new(count: usize, rng: &mut impl Rng) -> Result<Self> {
        let x = Tensor::normal([count, 6], 0.0, 1.0, DType::F32, rng)?;
        let tokens: Indices = (0..count).map(|_| rng.random_range(0..5)).collect();
        let shift = tokens.to_tensor(DType::F32) * 0.5 - 1.0;
        // The class: the largest of three features, the first raised by the token.
        let scores = Tensor::stack(
            &[
                x.narrow(1, 0, 1)?.squeeze(1)? + &shift,
                x.narrow(1, 1, 1)?.squeeze(1)?,
                x.narrow(1, 2, 1)?.squeeze(1)?,
            ],
            1,
        )?;
        let labels = scores.argmax(1)?;
        let values = x.narrow(1, 3, 3)?.sum_over(1)?.sin() + shift;
        Ok(Self {
            x,
            tokens,
            labels,
            values,
        })
    }

    fn batch(&self, start: usize, len: usize) -> Result<Self> {
        Ok(Self {
            x: self.x.narrow(0, start, len)?,
            tokens: self.tokens.narrow(0, start, len)?,
            labels: self.labels.narrow(0, start, len)?,
            values: self.values.narrow(0, start, len)?,
        })
    }

    fn losses(&self, net: &TwoHeads, pass: &Pass) -> Result<(Tensor, Tensor)> {
        let (logits, values) = net.forward(&self.x, &self.tokens, pass)?;
        Ok((
            logits.cross_entropy(&self.labels)?,
            values.mse_loss(&self.values)?,
        ))
    }
}

pub fn main() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (train, test) = (Samples::new(2048, &mut rng)?, Samples::new(512, &mut rng)?);
    let mut net = TwoHeads::new(&mut rng)?;
    println!("{}", net.summary());

    // All gradients of the sum of both losses, on a few samples.
    let few = train.batch(0, 8)?;
    let report = gradcheck::module(
        &net,
        &[few.x.clone(), few.values.clone()],
        |net, x, pass| {
            let (logits, values) = net.forward(&x[0], &few.tokens, pass)?;
            logits
                .cross_entropy(&few.labels)?
                .add(&values.mse_loss(&x[1])?)
        },
    )?;
    println!("{report}");
    report.assert_ok();

    let mut optimizer = Adam::new(3e-3).build()?;
    let pass = Pass::train(1);
    for epoch in 0..20 {
        let mut sums = (0.0, 0.0);
        for start in (0..2048).step_by(64) {
            let (classification, regression) = train.batch(start, 64)?.losses(&net, &pass)?;
            sums = (
                sums.0 + classification.item()? / 32.0,
                sums.1 + regression.item()? / 32.0,
            );
            let grads = (classification + regression).backward()?;
            assert!(grads.audit(&net).is_complete());
            optimizer.step(&mut net, grads)?;
        }
        if epoch % 5 == 4 {
            println!(
                "epoch {}: cross-entropy {:.3}, squared error {:.3}",
                epoch + 1,
                sums.0,
                sums.1
            );
        }
    }
    let (logits, values) = net.forward(&test.x, &test.tokens, &Pass::inference())?;
    let (accuracy, mse) = (
        logits.accuracy(&test.labels)?,
        values.mse_loss(&test.values)?.item()?,
    );
    println!(
        "test: accuracy {accuracy:.3}, squared error {mse:.3}, variance {:.3}",
        test.values.var().item()?
    );
    assert!(accuracy > 0.9 && mse < 0.1);
    Ok(())
}
