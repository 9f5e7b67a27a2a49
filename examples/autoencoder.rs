//! A denoising autoencoder with tied weights (Vincent, Larochelle, Bengio, Manzagol 2008,
//! Extracting and Composing Robust Features with Denoising Autoencoders) on the embedded digits:
//!
//! ```sh
//! cargo run --release --example autoencoder -- --out figures
//! ```

#[path = "common/picture.rs"]
mod picture;

use clap::Parser;
use cotangent::prelude::*;

/// The decoder has the transposed weights of the encoder.
#[derive(Module, Debug)]
struct Autoencoder {
    weight: Param,
    code_bias: Param,
    bias: Param,
}

impl Layer for Autoencoder {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let weight = self.weight.read(pass);
        let code = x.matmul(&weight)?.add(&self.code_bias.read(pass))?;
        let logits = code.elu(1.0).matmul(&weight.transpose(0, 1)?)?;
        Ok(logits.add(&self.bias.read(pass))?.sigmoid())
    }
}

fn noisy(x: &Tensor, seed: u64) -> Result<Tensor> {
    x.add(&x.normal_like(0.0, 0.3, &mut ChaCha8Rng::seed_from_u64(seed))?)
}

fn main() -> anyhow::Result<()> {
    let options = picture::Options::parse();
    let (train, test) = digits()?.split_stratified(0.2, 1)?;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let net = Autoencoder {
        weight: Param::new(&Tensor::normal([64, 48], 0.0, 0.1, DType::F32, &mut rng)?),
        code_bias: Param::new(&Tensor::zeros([48], DType::F32)?),
        bias: Param::new(&Tensor::zeros([64], DType::F32)?),
    };
    let loss = |net: &Autoencoder, x: &Tensor, step: &mut Step<'_>| {
        let noisy = noisy(x, step.pass().next_seed())?;
        net.forward(&noisy, step.pass())?.mse_loss(x)
    };
    let mut task = Supervised::new(net, Adam::new(3e-3).build()?, loss);
    let batches = Batches::new(Table::new(train.inputs().clone())?, 32)?.shuffle(1);
    let run = Fit::new(options.epochs).seed(1).run(&mut task, &batches)?;
    println!("loss by epoch {:.4?}", run.history().column("loss"));

    let (clean, noisy) = (test.inputs(), noisy(test.inputs(), 0)?);
    let restored = task.model().predict(&noisy)?;
    options.save(
        "autoencoder",
        &picture::images(&[clean, &noisy, &restored])?,
    )?;
    let error = |images: &Tensor| images.mse_loss(clean)?.item();
    println!(
        "error with noise {:.4}, restored {:.4}",
        error(&noisy)?,
        error(&restored)?
    );
    Ok(())
}
