//! What is checked: a model with its inputs, or a function's inputs, as a list of tensors that can
//! be moved.

use crate::autograd::{Gradients, Tensor};
use crate::error::Result;
use crate::module::{Module, Param, Pass};
use crate::tensor::DType;

/// Something with `f64` tensors that can be moved and an output that depends on them.
pub(super) trait Subject {
    /// The tensors' paths and current values.
    fn tensors(&self) -> Vec<(String, Tensor)>;
    /// Moves tensor `index`.
    fn set(&mut self, index: usize, value: Tensor) -> Result<()>;
    /// The output.
    fn output(&self) -> Result<Tensor>;
    /// The output of a recorded run, and its gradients, contracted with `cotangent`, in the order
    /// of the tensors.
    fn gradients(&self, cotangent: &Tensor) -> Result<(Tensor, Vec<Option<Tensor>>)>;
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
        (self.f)(&self.inputs)
    }
    fn gradients(&self, cotangent: &Tensor) -> Result<(Tensor, Vec<Option<Tensor>>)> {
        let tracked: Vec<Tensor> = self.inputs.iter().map(Tensor::tracked).collect();
        let output = (self.f)(&tracked)?;
        let gradients = backward(&output, cotangent)?;
        Ok((
            output,
            tracked.iter().map(|x| gradients.get(x).cloned()).collect(),
        ))
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
        model.convert(DType::F64);
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

    fn params(&self) -> Vec<(String, &Param)> {
        let mut params = self.model.named_params();
        params.retain(|(_, param)| !param.is_frozen());
        params
    }
}

impl<M: Module + Clone, F: Fn(&M, &[Tensor], &Pass) -> Result<Tensor>> Subject for Model<M, F> {
    fn tensors(&self) -> Vec<(String, Tensor)> {
        let params = self
            .params()
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
        let mut params = self.model.named_params_mut();
        params.retain(|(_, param)| !param.is_frozen());
        match index.checked_sub(params.len()) {
            Some(input) => self.inputs[input] = value,
            None => params[index].1.set(&value)?,
        }
        Ok(())
    }
    fn output(&self) -> Result<Tensor> {
        (self.forward)(&self.model, &self.inputs, &self.pass().record(false))
    }
    fn gradients(&self, cotangent: &Tensor) -> Result<(Tensor, Vec<Option<Tensor>>)> {
        let tracked: Vec<Tensor> = self.inputs.iter().map(Tensor::tracked).collect();
        let output = (self.forward)(&self.model, &tracked, &self.pass())?;
        let gradients = backward(&output, cotangent)?;
        let params = self
            .params()
            .into_iter()
            .map(|(_, param)| gradients.get(param).cloned());
        let inputs = tracked.iter().map(|x| gradients.get(x).cloned());
        Ok((output, params.chain(inputs).collect()))
    }
}

/// Gradients of the output; none at all if it does not depend on anything tracked.
fn backward(output: &Tensor, cotangent: &Tensor) -> Result<Gradients> {
    if output.is_tracked() {
        output.backward_with(cotangent)
    } else {
        Ok(Gradients::default())
    }
}
