//! A 3x3 convolution by hand: nine shifted slices, each times one tap of the kernel.
use cotangent::prelude::*;

/// (batch, in, height, width) to (batch, out, height, width), with zeros around.
#[derive(Module, Clone, Debug)]
struct Conv3x3 {
    weight: Param, // (out, in, 3, 3)
    bias: Param,   // (out)
}

impl Conv3x3 {
    fn new(inputs: usize, outputs: usize, rng: &mut impl Rng) -> Result<Self> {
        Ok(Self {
            weight: Param::new(&init::he_normal().draw(&[outputs, inputs, 3, 3], rng)?),
            bias: Param::new(&Tensor::zeros([outputs], DType::F32)?),
        })
    }
}

impl Layer for Conv3x3 {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let &[_, _, height, width] = x.shape() else {
            return Err(Error::shape(
                "conv3x3",
                "expected (batch, in, height, width)",
                &[x.shape()],
            ));
        };
        let (weight, bias) = (self.weight.read(pass), self.bias.read(pass));
        let padded = x.pad(&[(0, 0), (0, 0), (1, 1), (1, 1)], 0.0)?;
        let mut sum = bias.reshape([1, INFER, 1, 1])?;
        for i in 0..3 {
            for j in 0..3 {
                let shifted = padded.narrow(2, i, height)?.narrow(3, j, width)?;
                let tap = weight
                    .narrow(2, i, 1)?
                    .narrow(3, j, 1)?
                    .squeeze(3)?
                    .squeeze(2)?;
                sum = sum.add(&Tensor::einsum("bihw,oi->bohw", &[shifted, tap])?)?;
            }
        }
        Ok(sum)
    }
}

#[derive(Module, Clone, Debug)]
struct Net {
    conv: Conv3x3,
    out: Linear,
}

impl Layer for Net {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let h = self.conv.forward(x, pass)?.relu();
        self.out.forward(&h.mean_over([2, 3])?, pass)
    }
}

/// Noisy images (count, 1, 8, 8) with a bar: label 0 if it lies, 1 if it stands.
fn bars(count: usize, rng: &mut impl Rng) -> Result<(Tensor, Indices)> {
    let mut pixels = Tensor::normal([count, 8, 8], 0.0, 0.2, DType::F32, rng)?.to_vec::<f32>()?;
    let labels: Indices = (0..count).map(|_| rng.random_range(0..2)).collect();
    for (image, &label) in pixels.chunks_mut(64).zip(labels.as_slice()) {
        let (place, start) = (rng.random_range(0..8), rng.random_range(0..4));
        for k in start..start + 5 {
            image[if label == 0 {
                place * 8 + k
            } else {
                k * 8 + place
            }] += 1.0;
        }
    }
    Ok((Tensor::from_vec(pixels, [count, 1, 8, 8])?, labels))
}

pub fn main() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let conv = Conv3x3::new(2, 3, &mut rng)?;
    let x = Tensor::normal([2, 2, 5, 4], 0.0, 1.0, DType::F32, &mut rng)?;
    let report = gradcheck::module(&conv, &[x], |conv, x, pass| conv.forward(&x[0], pass))?;
    println!("{report}");
    report.assert_ok();

    let (train, test) = (bars(512, &mut rng)?, bars(256, &mut rng)?);
    let mut net = Net {
        conv: Conv3x3::new(1, 6, &mut rng)?,
        out: Linear::new(6, 2, &mut rng)?,
    };
    let few = train.1.narrow(0, 0, 3)?;
    gradcheck::module(&net, &[train.0.narrow(0, 0, 3)?], |net, x, pass| {
        net.forward(&x[0], pass)?.cross_entropy(&few)
    })?
    .assert_ok();

    let batches = Batches::new(Labeled::new(train.0, train.1)?, 32)?.shuffle(1);
    let mut optimizer = Adam::new(0.02).build()?;
    let pass = Pass::train(1);
    for epoch in 0..15 {
        for batch in batches.epoch(epoch) {
            let (images, labels) = batch?;
            let loss = net.forward(&images, &pass)?.cross_entropy(&labels)?;
            optimizer.step(&mut net, loss.backward()?)?;
        }
        if epoch % 5 == 4 {
            println!(
                "epoch {}: accuracy {:.3}",
                epoch + 1,
                net.predict(&test.0)?.accuracy(&test.1)?
            );
        }
    }
    let accuracy = net.predict(&test.0)?.accuracy(&test.1)?;
    println!(
        "first kernel:\n{:.2}",
        net.conv.weight.value().narrow(0, 0, 1)?.reshape([3, 3])?
    );
    assert!(accuracy > 0.95, "accuracy {accuracy}");
    Ok(())
}
