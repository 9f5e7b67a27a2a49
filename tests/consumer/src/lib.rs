//! A user's crate, which depends on the facade alone and under another name.

pub mod prelude;

use nets::prelude::*;

/// Two dense layers. The attribute gives the name of the facade.
#[derive(Module, Clone, Debug)]
#[module(crate = "nets")]
pub struct Encoder<const N: usize> {
    layers: [Linear; N],
    scale: f64,
}

impl<const N: usize> Layer for Encoder<N> {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let encode = |x: Tensor, layer: &Linear| Ok(layer.forward(&x, pass)?.tanh() * self.scale);
        self.layers.iter().try_fold(x.clone(), encode)
    }
}

/// Swish with a slope. The attribute finds the name of the facade in `Cargo.toml`.
#[elementwise(check(x = -6.0..6.0, beta = 0.5..2.0))]
pub fn swish(x: Tensor, beta: f64) -> Tensor {
    x * sigmoid(beta * x)
}

/// The mean square. The attribute gives the name of the facade.
#[elementwise(crate = "nets", check(x = -2.0..2.0, t = -2.0..2.0))]
pub fn mean_square(x: Tensor, t: Tensor) -> Mean {
    square(swish(x, 1.0) - t)
}

/// A pipeline. The derive finds the name of the facade in `Cargo.toml`.
#[derive(Module, Layer, Clone, Debug)]
pub struct Net {
    encoder: Encoder<2>,
    head: Linear,
}

impl Net {
    /// Creates a net from 4 features to 3 classes.
    ///
    /// # Errors
    /// None: the sizes fit.
    pub fn new(rng: &mut impl Rng) -> Result<Self> {
        let layers = [Linear::new(4, 8, rng)?, Linear::new(8, 8, rng)?];
        Ok(Self {
            encoder: Encoder { layers, scale: 1.5 },
            head: Linear::new(8, 3, rng)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_find_the_renamed_facade() -> Result<()> {
        let x = Tensor::from([0.0f64, 2.0]).tracked();
        assert_eq!(swish(&x, 1.5).to_vec::<f64>()?[0], 0.0);
        let loss = mean_square(&x, &x.silu().detach())?;
        assert_eq!(loss.item()?, 0.0);
        Ok(())
    }

    #[test]
    fn a_derived_net_trains_and_its_gradients_are_right() -> Result<()> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut net = Net::new(&mut rng)?;
        let paths: Vec<String> = net
            .named_params()
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        assert_eq!(
            paths[..2],
            ["encoder.layers.0.weight", "encoder.layers.0.bias"]
        );
        let (x, labels) = (
            Tensor::uniform([6, 4], -1.0, 1.0, DType::F32, &mut rng)?,
            Indices::from([0, 1, 2, 0, 1, 2]),
        );
        let loss =
            |net: &Net, x: &Tensor, pass: &Pass| net.forward(x, pass)?.cross_entropy(&labels);
        gradcheck::module(&net, std::slice::from_ref(&x), |net, x, pass| {
            loss(net, &x[0], pass)
        })?
        .assert_ok();
        let (pass, mut optimizer) = (Pass::train(1), Adam::new(0.05).build()?);
        let before = loss(&net, &x, &Pass::inference())?.item()?;
        for _ in 0..50 {
            let grads = loss(&net, &x, &pass)?.backward()?;
            optimizer.step(&mut net, grads)?;
        }
        let after = loss(&net, &x, &Pass::inference())?.item()?;
        assert!(after < 0.5 * before, "{before} {after}");
        Ok(())
    }
}
