//! A denoising autoencoder with tied weights: the decoder is the transpose of the encoder.
use cotangent::prelude::*;

#[derive(Module, Clone, Debug)]
struct Tied {
    weight: Param,
    encoder_bias: Param,
    decoder_bias: Param,
}

impl Tied {
    fn new(visible: usize, hidden: usize, rng: &mut impl Rng) -> Result<Self> {
        Ok(Self {
            weight: Param::new(&init::glorot_uniform().draw(&[hidden, visible], rng)?),
            encoder_bias: Param::new(&Tensor::zeros([hidden], DType::F32)?),
            decoder_bias: Param::new(&Tensor::zeros([visible], DType::F32)?),
        })
    }

    fn encode(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        Ok(
            x.linear(&self.weight.read(pass), Some(&self.encoder_bias.read(pass)))?
                .tanh(),
        )
    }

    fn decode(&self, code: &Tensor, pass: &Pass) -> Result<Tensor> {
        let weight = self.weight.read(pass).transpose(0, 1)?;
        code.linear(&weight, Some(&self.decoder_bias.read(pass)))
    }
}

impl Layer for Tied {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.decode(&self.encode(x, pass)?, pass)
    }
}

/// Points near a curved surface of 3 dimensions in a space of 20.
fn clean(samples: usize, basis: &Tensor, rng: &mut impl Rng) -> Result<Tensor> {
    Tensor::normal([samples, 3], 0.0, 1.0, DType::F32, rng)?
        .matmul(basis)
        .map(|x| x.tanh())
}

pub fn main() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let basis = Tensor::normal([3, 20], 0.0, 0.6, DType::F32, &mut rng)?;
    let (train, test) = (
        clean(1000, &basis, &mut rng)?,
        clean(300, &basis, &mut rng)?,
    );
    let noisy_test = &test + &test.normal_like(0.0, 0.3, &mut rng)?;
    let mut net = Tied::new(20, 8, &mut rng)?;
    println!(
        "{} parameters: {:?}",
        net.param_count(),
        net.named_params()
            .iter()
            .map(|(path, _)| path.as_str())
            .collect::<Vec<_>>()
    );

    // The weight is read twice: its gradient must be the sum of both uses.
    let pair = [noisy_test.narrow(0, 0, 4)?, test.narrow(0, 0, 4)?];
    let loss = |net: &Tied, x: &[Tensor], pass: &Pass| net.forward(&x[0], pass)?.mse_loss(&x[1]);
    let report = gradcheck::module(&net, &pair, loss)?;
    println!("{report}");
    assert!(report.is_ok());

    let mut optimizer = Adam::new(5e-3).build()?;
    let pass = Pass::train(1);
    let before = net.predict(&noisy_test)?.mse_loss(&test)?.item()?;
    for epoch in 0..40 {
        let mut sum = 0.0;
        for start in (0..1000).step_by(50) {
            let target = train.narrow(0, start, 50)?;
            let noisy = &target + &target.normal_like(0.0, 0.3, &mut rng)?;
            let loss = net.forward(&noisy, &pass)?.mse_loss(&target)?;
            sum += loss.item()? / 20.0;
            optimizer.step(&mut net, loss.backward()?)?;
        }
        if epoch % 10 == 9 {
            println!("epoch {}: loss {sum:.4}", epoch + 1);
        }
    }
    let noise = noisy_test.mse_loss(&test)?.item()?;
    let after = net.predict(&noisy_test)?.mse_loss(&test)?.item()?;
    println!(
        "squared error on the test set: noisy {noise:.4}, before {before:.4}, denoised {after:.4}"
    );
    assert!(after < 0.5 * noise && after < 0.2 * before);
    Ok(())
}
