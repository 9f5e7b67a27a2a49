//! The subjects of a check, as lists of tensors that can be moved: a model with its inputs, the
//! inputs of a function, or the gradients of one of these.

use crate::autograd::{Backward, Gradients, Leaf, LeafId, Tensor};
use crate::error::{Error, Result};
use crate::module::{Module, Param, Pass, leaves};
use crate::tensor::DType;

/// A function of `f64` tensors that can be moved.
pub(super) trait Subject {
    /// Returns the paths and current values of the tensors.
    fn tensors(&self) -> Vec<(String, Tensor)>;
    /// Sets tensor `index`.
    fn set(&mut self, index: usize, value: Tensor) -> Result<()>;
    /// Returns the output.
    fn output(&self) -> Result<Tensor>;
    /// Returns the output of a recorded run, and the identities of the tensors in their order.
    fn recorded(&self) -> Result<(Tensor, Vec<Option<LeafId>>)>;
}

/// Returns the output of a recorded run, and its gradients for `cotangent` in the order of the
/// tensors.
pub(super) fn gradients(
    subject: &dyn Subject,
    backward: &Backward,
    cotangent: &Tensor,
) -> Result<(Tensor, Vec<Option<Tensor>>)> {
    let (output, leaves) = subject.recorded()?;
    // There are none if the output does not depend on a tracked tensor.
    let gradients = if output.is_tracked() {
        backward.run_with(&output, cotangent)?
    } else {
        Gradients::default()
    };
    let found = leaves
        .into_iter()
        .map(|leaf| gradients.get(&leaf?).cloned());
    Ok((output, found.collect()))
}

/// The gradients of a subject as a subject: the sum of all its gradients for a cotangent, times
/// given weights. The cotangent is one more tensor that can be moved.
pub(super) struct Second<'a> {
    pub first: &'a mut dyn Subject,
    pub cotangent: Tensor,
    pub weights: Vec<Tensor>,
}

impl Second<'_> {
    fn contracted(&self, cotangent: &Tensor) -> Result<(Tensor, Vec<Option<LeafId>>)> {
        let (output, leaves) = self.first.recorded()?;
        let mut total = Tensor::scalar(0.0f64);
        if output.is_tracked() {
            let gradients = Backward::new()
                .create_graph()
                .run_with(&output, cotangent)?;
            for (leaf, weights) in leaves.iter().zip(&self.weights) {
                if let Some(gradient) = leaf.and_then(|leaf| gradients.get(&leaf)) {
                    total = total.add(&gradient.mul(weights)?.sum())?;
                }
            }
        }
        Ok((total, leaves))
    }
}

impl Subject for Second<'_> {
    fn tensors(&self) -> Vec<(String, Tensor)> {
        let mut tensors = self.first.tensors();
        tensors.push(("cotangent".to_owned(), self.cotangent.clone()));
        tensors
    }
    fn set(&mut self, index: usize, value: Tensor) -> Result<()> {
        if index == self.weights.len() {
            self.cotangent = value;
            return Ok(());
        }
        self.first.set(index, value)
    }
    fn output(&self) -> Result<Tensor> {
        Ok(self.contracted(&self.cotangent)?.0.detach())
    }
    fn recorded(&self) -> Result<(Tensor, Vec<Option<LeafId>>)> {
        let cotangent = self.cotangent.tracked();
        let (total, mut leaves) = self.contracted(&cotangent)?;
        leaves.push(cotangent.leaf_id());
        Ok((total, leaves))
    }
}

/// The inputs of a function.
pub(super) struct Inputs<F> {
    inputs: Vec<Tensor>,
    f: F,
}

impl<F: Fn(&[Tensor]) -> Result<Tensor>> Inputs<F> {
    pub(super) fn new(inputs: &[Tensor], f: F) -> Self {
        Self {
            inputs: inputs.iter().map(promote).collect(),
            f,
        }
    }
}

fn promote(tensor: &Tensor) -> Tensor {
    tensor.detach().to_dtype(DType::F64)
}

/// Adds to an error of a run in `f64` what to do about constants of a fixed dtype.
fn in_f64(error: Error) -> Error {
    error.remedied_by(
        "a gradient check runs in f64: pass the tensor as an input of the check, convert it with \
         `to_dtype(x.dtype())`, or make it with `zeros_like`",
    )
}

fn input_path(index: usize) -> String {
    format!("input {index}")
}

impl<F: Fn(&[Tensor]) -> Result<Tensor>> Subject for Inputs<F> {
    fn tensors(&self) -> Vec<(String, Tensor)> {
        self.inputs
            .iter()
            .enumerate()
            .map(|(i, x)| (input_path(i), x.clone()))
            .collect()
    }
    fn set(&mut self, index: usize, value: Tensor) -> Result<()> {
        self.inputs[index] = value;
        Ok(())
    }
    fn output(&self) -> Result<Tensor> {
        (self.f)(&self.inputs).map_err(in_f64)
    }
    fn recorded(&self) -> Result<(Tensor, Vec<Option<LeafId>>)> {
        let tracked: Vec<Tensor> = self.inputs.iter().map(Tensor::tracked).collect();
        let output = (self.f)(&tracked).map_err(in_f64)?;
        Ok((output, tracked.iter().map(Leaf::leaf_id).collect()))
    }
}

/// The parameters of a model that are not frozen, and its inputs.
pub(super) struct Model<M, F> {
    model: M,
    inputs: Vec<Tensor>,
    forward: F,
    seed: u64,
}

impl<M: Module + Clone, F: Fn(&M, &[Tensor], &Pass) -> Result<Tensor>> Model<M, F> {
    pub(super) fn new(model: &M, inputs: &[Tensor], forward: F, seed: u64) -> Self {
        let mut model = model.clone();
        leaves::convert(&mut model, DType::F64);
        Self {
            model,
            inputs: inputs.iter().map(promote).collect(),
            forward,
            seed,
        }
    }

    fn pass(&self) -> Pass {
        Pass::train(self.seed).hold_statistics()
    }

    /// Returns the output. An error has the path of the layer that raised it.
    fn run(&self, inputs: &[Tensor], pass: &Pass) -> Result<Tensor> {
        let output = (self.forward)(&self.model, inputs, pass);
        output.map_err(|error| in_f64(error.placed_in(&self.model)))
    }

    fn named_params(&self) -> Vec<(String, &Param)> {
        let mut params = leaves::named_params(&self.model);
        params.retain(|(_, param)| !param.is_frozen());
        params
    }

    fn params(&self) -> impl Iterator<Item = &Param> {
        let params = leaves::params(&self.model).into_iter();
        params.filter(|param| !param.is_frozen())
    }
}

impl<M: Module + Clone, F: Fn(&M, &[Tensor], &Pass) -> Result<Tensor>> Subject for Model<M, F> {
    fn tensors(&self) -> Vec<(String, Tensor)> {
        let params = self
            .named_params()
            .into_iter()
            .map(|(path, param)| (path, param.value().clone()));
        let inputs = self
            .inputs
            .iter()
            .enumerate()
            .map(|(i, x)| (input_path(i), x.clone()));
        params.chain(inputs).collect()
    }
    fn set(&mut self, index: usize, value: Tensor) -> Result<()> {
        let mut params = leaves::params_mut(&mut self.model);
        params.retain(|param| !param.is_frozen());
        match index.checked_sub(params.len()) {
            Some(input) => self.inputs[input] = value,
            None => params[index].set(&value)?,
        }
        Ok(())
    }
    fn output(&self) -> Result<Tensor> {
        self.run(&self.inputs, &self.pass().no_grad())
    }
    fn recorded(&self) -> Result<(Tensor, Vec<Option<LeafId>>)> {
        let tracked: Vec<Tensor> = self.inputs.iter().map(Tensor::tracked).collect();
        let output = self.run(&tracked, &self.pass())?;
        let params = self.params().map(Leaf::leaf_id);
        let inputs = tracked.iter().map(Leaf::leaf_id);
        Ok((output, params.chain(inputs).collect()))
    }
}
