//! Eight programs as a newcomer writes them, from the docs alone. Each trains a small model and
//! asserts that it has learnt.

use cotangent::prelude::*;

#[path = "programs/autoencoder.rs"]
mod autoencoder;
#[path = "programs/characters.rs"]
mod characters;
#[path = "programs/convolution.rs"]
mod convolution;
#[path = "programs/folds.rs"]
mod folds;
#[path = "programs/inner_step.rs"]
mod inner_step;
#[path = "programs/regression.rs"]
mod regression;
#[path = "programs/transformer.rs"]
mod transformer;
#[path = "programs/two_heads.rs"]
mod two_heads;

#[test]
fn a_denoising_autoencoder_with_tied_weights() -> Result<()> {
    autoencoder::main()
}

#[test]
fn a_character_model_with_truncated_backpropagation() -> Result<()> {
    characters::main()
}

#[test]
fn a_convolution_by_hand() -> Result<()> {
    convolution::main()
}

#[test]
fn five_folds_on_threads() -> Result<()> {
    folds::main()
}

#[test]
fn an_inner_step_is_differentiated() -> Result<()> {
    inner_step::main()
}

#[test]
fn regression_with_early_stopping() -> Result<()> {
    regression::main()
}

#[test]
fn a_transformer_learns_to_copy() -> Result<()> {
    transformer::main()
}

#[test]
fn two_inputs_and_two_heads() -> Result<()> {
    two_heads::main()
}
