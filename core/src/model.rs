//! The methods of every model. Each calls a function of a lower floor.

use crate::error::Result;
use crate::module::{
    Buffer, Module, Param, Pass, Pattern, RunSummary, Summary, freeze, leaves, select,
};
use crate::state::{self, Loader};
use crate::tensor::DType;
use std::path::Path;

/// The methods of every [`Module`]: lists, counts and selections of parameters, summaries,
/// freezing, conversion to another dtype, saving and loading.
pub trait ModuleExt: Module {
    /// Returns the parameters in declaration order, frozen ones included.
    #[doc(alias = "parameters")]
    fn params(&self) -> Vec<&Param> {
        leaves::params(self)
    }

    /// Returns the parameters in declaration order, to be changed.
    fn params_mut(&mut self) -> Vec<&mut Param> {
        leaves::params_mut(self)
    }

    /// Returns the parameters with their paths, in declaration order, frozen ones included.
    #[doc(alias = "named_parameters")]
    fn named_params(&self) -> Vec<(String, &Param)> {
        leaves::named_params(self)
    }

    /// Returns the parameters with their paths, to be changed.
    fn named_params_mut(&mut self) -> Vec<(String, &mut Param)> {
        leaves::named_params_mut(self)
    }

    /// Returns the buffers with their paths, in declaration order, frozen ones included.
    fn named_buffers(&self) -> Vec<(String, &Buffer)> {
        leaves::named_buffers(self)
    }

    /// Returns the number of elements of all parameters, frozen ones included.
    fn param_count(&self) -> usize {
        leaves::param_count(self)
    }

    /// Returns the parameters whose paths match the pattern, with their paths; see [`Pattern`].
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if a regular expression is malformed, or if
    /// nothing matches.
    fn select(&self, pattern: impl Pattern) -> Result<Vec<(String, &Param)>> {
        select::select(self, pattern)
    }

    /// Returns a table of the leaves: the path, layer, shape and size of each, and whether it is
    /// frozen.
    fn summary(&self) -> Summary {
        Summary::of(self)
    }

    /// Runs the model as the closure does, and returns a table of the modules that took part: the
    /// shapes of their results and their multiply-adds. See [`RunSummary`].
    ///
    /// The pass given to the closure is one of inference, so that the model does not change.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let net = Sequential::new()
    ///     .push(Linear::new(784, 100, &mut rng)?)
    ///     .push(Relu)
    ///     .push(Linear::new(100, 10, &mut rng)?);
    /// let x = Tensor::zeros([32, 784], DType::F32)?;
    ///
    /// let summary = net.run_summary(|net, pass| net.forward(&x, pass))?;
    /// assert_eq!(summary.rows[0].shape[..], [32, 100]);
    /// assert_eq!(summary.multiply_adds(), 32 * (784 * 100 + 100 * 10));
    /// println!("{summary}");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns the errors of the closure.
    #[doc(alias = "flops")]
    #[doc(alias = "macs")]
    #[doc(alias = "FlopCounterMode")]
    #[doc(alias = "torchinfo")]
    fn run_summary<T>(&self, run: impl FnOnce(&Self, &Pass) -> Result<T>) -> Result<RunSummary> {
        RunSummary::of(self, run)
    }

    /// Converts all parameters and buffers to another dtype, in place.
    #[doc(alias = "to")]
    fn convert(&mut self, dtype: DType) {
        leaves::convert(self, dtype);
    }

    /// Returns a clone with another dtype. Its parameters are new ones. Counters keep their values.
    #[doc(alias = "to")]
    #[doc(alias = "double")]
    #[doc(alias = "float")]
    #[must_use]
    fn to_dtype(&self, dtype: DType) -> Self
    where
        Self: Sized + Clone,
    {
        let mut converted = self.clone();
        converted.convert(dtype);
        converted
    }

    /// Freezes all parameters and buffers. Frozen parameters get no gradient and no update. Frozen
    /// batch normalization runs as in inference and keeps its statistics. Below the first parameter
    /// that is not frozen no graph is recorded, so that frozen lower layers cost only their forward
    /// pass. PyTorch: `requires_grad_(False)`, and `eval()` of batch normalization.
    ///
    /// To freeze a part of a model for good, use the type [`Frozen`](crate::module::Frozen).
    ///
    /// Dropout has nothing to freeze: under a training pass it still drops.
    #[doc(alias = "requires_grad_")]
    fn freeze(&mut self) {
        freeze::set_frozen(self, true);
    }

    /// Returns the model after [freezing](Self::freeze) it, to build a model from trained parts.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let (body, head) = (Linear::new(2, 3, &mut rng)?, Linear::new(3, 1, &mut rng)?);
    /// let net = (body.frozen(), head);
    /// assert!(net.0.weight.is_frozen() && !net.1.weight.is_frozen());
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    fn frozen(mut self) -> Self
    where
        Self: Sized,
    {
        self.freeze();
        self
    }

    /// Undoes [`freeze`](Self::freeze). Leaves inside a [`Frozen`](crate::module::Frozen) stay
    /// frozen.
    #[doc(alias = "requires_grad_")]
    fn unfreeze(&mut self) {
        freeze::set_frozen(self, false);
    }

    /// Freezes the parameters and buffers whose paths match the pattern, and returns their number.
    /// Batch normalization is frozen if all its parameters and buffers are: `"norm\\..*"` matches
    /// them all. Counters cannot be frozen and are not counted.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if a regular expression is malformed, or if
    /// nothing matches. Nothing has changed then.
    fn freeze_where(&mut self, pattern: impl Pattern) -> Result<usize> {
        freeze::set_frozen_where(self, pattern, true)
    }

    /// Undoes [`freeze_where`](Self::freeze_where), and returns the number of matching leaves.
    /// Leaves inside a [`Frozen`](crate::module::Frozen) are counted but stay frozen.
    ///
    /// # Errors
    /// Those of [`freeze_where`](Self::freeze_where).
    fn unfreeze_where(&mut self, pattern: impl Pattern) -> Result<usize> {
        freeze::set_frozen_where(self, pattern, false)
    }

    /// Saves all leaves under their paths to a safetensors file. If saving is interrupted, the old
    /// file stays whole: see [`replace_file`](crate::replace_file), also about links, permissions
    /// and temporary files.
    ///
    /// PyTorch loads the file with `safetensors.torch.load_file` and `load_state_dict` if the names
    /// and layers are the same. The metadata of the file is `format: pt`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if writing fails, and those of
    /// [`to_bytes`](crate::state::to_bytes). The old file is unchanged then.
    #[doc(alias = "state_dict")]
    fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        state::module::save(self, path.as_ref())
    }

    /// Loads all leaves from a safetensors file, or from a `state_dict` that PyTorch's `torch.save`
    /// wrote, or none: all names, shapes and dtypes are checked before anything changes. [`Loader`]
    /// loads a part of a file, or under other names.
    /// [`load_checkpoint`](crate::state::load_checkpoint) loads files of
    /// [`save_checkpoint`](crate::state::save_checkpoint).
    ///
    /// Values are never rounded. F16, BF16 and F32 load into f32 and f64. F64 loads into f64 only:
    /// to get f32, [`convert`](Self::convert) the model to f64 before loading and to f32 after it.
    /// Integers load into counters only.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if reading fails. [`Error::Format`](crate::Error::Format) if
    /// the file is not a valid file of these kinds. [`Error::State`](crate::Error::State) with all
    /// mismatches if it does not fit the model.
    #[doc(alias = "load_state_dict")]
    fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        Loader::new().load(self, path).map(drop)
    }
}

impl<M: Module + ?Sized> ModuleExt for M {}
