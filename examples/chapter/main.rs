//! Tests of the claims in the textbook's chapter on training deep nets. Each sub-command trains or
//! measures nets on 1,797 real handwritten digits, draws the result, and says whether the claim
//! holds.
//!
//! ```sh
//! cargo run --release --example chapter -- vanishing --out target/chapter
//! ```

mod batchnorm;
mod dying_relu;
mod exploding;
mod initializers;
mod lab;
#[path = "../common/measure.rs"]
mod measure;
#[path = "../common/output.rs"]
mod output;
#[path = "../common/parallel.rs"]
mod parallel;
#[path = "../common/progress.rs"]
mod progress;
mod report;
mod selu;
mod vanishing;

use anyhow::Result;
use clap::{Parser, Subcommand};
use lab::Options;

/// Tests of the claims in a textbook's chapter on training deep nets.
///
/// Every claim is measured on 1,797 handwritten digits of 8x8 pixels, several times with different
/// seeds. The last line of the output says whether the claim holds in this run. The lines before it
/// list the criteria.
#[derive(Parser, Debug)]
struct Arguments {
    #[command(subcommand)]
    claim: Claim,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand, Debug)]
enum Claim {
    /// Gradients vanish on their way down a deep net of sigmoid units.
    ///
    /// The chapter: sigmoid units with weights from N(0, 1) saturate, and the slope of a saturated
    /// sigmoid is almost 0. Each layer makes the gradient smaller, so that the lower layers hardly
    /// change and the net does not learn. A better initialization with a better activation, or
    /// batch normalization, cures that.
    ///
    /// This run: 10 hidden layers. It measures the gradient of every layer's weights at the start,
    /// and the training by plain gradient descent.
    Vanishing(vanishing::Choices),
    /// SELU nets normalize themselves: 100 layers keep mean 0 and standard deviation 1.
    ///
    /// The chapter: with standardized inputs, weights from LeCun's initializer and dense layers
    /// only, the outputs of every SELU layer keep a mean close to 0 and a standard deviation close
    /// to 1, however deep the net. ReLU and ELU do not.
    ///
    /// This run: it measures the mean and the standard deviation of all outputs of each of 100
    /// layers at the start.
    Selu,
    /// Batch normalization allows larger learning rates and tolerates a bad initialization.
    ///
    /// The chapter: with batch normalization much larger learning rates can be used, and the net is
    /// much less sensitive to the initialization of its weights.
    ///
    /// This run: it measures the accuracy after a few epochs, for learning rates from 0.01 to 10,
    /// and for weights from a hundredth to thirty times those of He's initializer.
    Batchnorm,
    /// ReLU units die; leaky units do not.
    ///
    /// The chapter: a ReLU unit whose input is below 0 for every sample outputs 0, gets no
    /// gradient, and stays at 0. A large learning rate can do that to half of the units. Leaky ReLU
    /// and ELU have a slope below 0, so that silent units can recover.
    ///
    /// This run: it measures the share of units that are above 0 for no training image, after one
    /// epoch at a much too large learning rate, and if biases start far below 0.
    DyingRelu,
    /// Gradients explode in recurrent nets, and clipping lets the nets train.
    ///
    /// The chapter: gradients may grow on their way back, mostly in recurrent nets, until the
    /// updates are far too large and the training diverges. Clipping the gradients prevents that.
    ///
    /// This run: a net reads an image two pixels at a time, and its recurrent weight has a too
    /// large spectral radius. It measures the norm of the gradient by time step, and the training
    /// with and without clipping by the global norm.
    Exploding,
    /// The right initializer keeps the signal's variance from layer to layer, forwards and
    /// backwards.
    ///
    /// The chapter: the variance of a layer's outputs should equal that of its inputs, and
    /// gradients should have the same variance before and after a layer. Glorot's initializer does
    /// that for tanh, He's for ReLU, LeCun's for SELU; weights from a fixed distribution do not.
    ///
    /// This run: it measures both variances by depth at the start, for each initializer with each
    /// activation.
    Initializers,
}

fn main() -> Result<()> {
    let Arguments { claim, options } = Arguments::parse();
    let holds = match claim {
        Claim::Vanishing(choices) => vanishing::run(&choices, &options),
        Claim::Selu => selu::run(&options),
        Claim::Batchnorm => batchnorm::run(&options),
        Claim::DyingRelu => dying_relu::run(&options),
        Claim::Exploding => exploding::run(&options),
        Claim::Initializers => initializers::run(&options),
    }?;
    println!("claim holds: {}", if holds { "yes" } else { "no" });
    Ok(())
}
