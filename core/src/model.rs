//! The methods that every model has, each a call of a plain function on the floors below.

use crate::error::Result;
use crate::module::{Buffer, Module, Param, Pattern, Summary, freeze, leaves, select};
use crate::state::{self, Loader};
use crate::tensor::DType;
use std::path::Path;

/// What can be done with every [`Module`]: naming, counting and selecting its parameters, freezing,
/// conversion to another precision, saving and loading.
pub trait ModuleExt: Module {
    /// The parameters in declaration order, frozen ones included.
    fn params(&self) -> Vec<&Param> {
        leaves::params(self)
    }

    /// As [`params`](Self::params), for changing them.
    fn params_mut(&mut self) -> Vec<&mut Param> {
        leaves::params_mut(self)
    }

    /// The parameters with their paths, in declaration order, frozen ones included.
    fn named_params(&self) -> Vec<(String, &Param)> {
        leaves::named_params(self)
    }

    /// As [`named_params`](Self::named_params), for changing them.
    fn named_params_mut(&mut self) -> Vec<(String, &mut Param)> {
        leaves::named_params_mut(self)
    }

    /// The buffers with their paths, in declaration order, frozen ones included.
    fn named_buffers(&self) -> Vec<(String, &Buffer)> {
        leaves::named_buffers(self)
    }

    /// The number of elements of all parameters, frozen ones included.
    fn param_count(&self) -> usize {
        leaves::param_count(self)
    }

    /// The parameters whose paths match the pattern; see [`Pattern`].
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if a regular expression is malformed, or if
    /// nothing matches.
    fn select(&self, pattern: impl Pattern) -> Result<Vec<(String, &Param)>> {
        select::select(self, pattern)
    }

    /// The model at a glance: every leaf with its path, layer, shape, size, and whether it is
    /// frozen.
    fn summary(&self) -> Summary {
        Summary::of(self)
    }

    /// Converts all parameters and buffers to another precision.
    fn convert(&mut self, dtype: DType) {
        leaves::convert(self, dtype);
    }

    /// A clone of another precision: its parameters are new ones. Counters keep their values.
    #[must_use]
    fn to_dtype(&self, dtype: DType) -> Self
    where
        Self: Sized + Clone,
    {
        let mut converted = self.clone();
        converted.convert(dtype);
        converted
    }

    /// Freezes all parameters and buffers: frozen parameters get no gradient and no update, frozen
    /// batch normalization runs in inference mode and its statistics stand still. Below the first
    /// parameter that is not frozen no graph is built, so that frozen lower layers cost a forward
    /// pass and nothing else. To freeze a part of a model for good, as a type, there is
    /// [`Frozen`](crate::module::Frozen).
    ///
    /// Dropout has nothing to freeze: under a training pass it goes on dropping.
    fn freeze(&mut self) {
        freeze::set_frozen(self, true);
    }

    /// The same, [frozen](Self::freeze): to build a model from parts that are trained already.
    ///
    /// ```
    /// use cotangent::{ModuleExt, Tensor, module::Param};
    /// let (body, head) = (Param::new(&Tensor::from([1.0f32])), Param::new(&Tensor::from([2.0f32])));
    /// let net = (body.frozen(), head);
    /// assert!(net.0.is_frozen() && !net.1.is_frozen());
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
    fn unfreeze(&mut self) {
        freeze::set_frozen(self, false);
    }

    /// Freezes the parameters and buffers whose paths match the pattern; returns how many these
    /// are. Frozen batch normalization is one whose parameters and buffers all are frozen:
    /// `"norm\\..*"` matches them all. Counters cannot be frozen, and so do not count.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if a regular expression is malformed, or if
    /// nothing matches; then nothing has changed.
    fn freeze_where(&mut self, pattern: impl Pattern) -> Result<usize> {
        freeze::set_frozen_where(self, pattern, true)
    }

    /// Undoes [`freeze_where`](Self::freeze_where). Leaves inside a
    /// [`Frozen`](crate::module::Frozen) stay frozen; those that match count all the same.
    ///
    /// # Errors
    /// As [`freeze_where`](Self::freeze_where).
    fn unfreeze_where(&mut self, pattern: impl Pattern) -> Result<usize> {
        freeze::set_frozen_where(self, pattern, false)
    }

    /// Writes all leaves to a safetensors file under their paths. An interruption leaves the old
    /// file whole; [`replace_file`](crate::replace_file) says how, and treats links, permissions
    /// and left-over temporary files.
    ///
    /// PyTorch reads the file with `safetensors.torch.load_file` and `load_state_dict`, where the
    /// modules' names and layers are the same. The file's metadata is `format: pt`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if writing fails, and as
    /// [`to_bytes`](crate::state::to_bytes); the old file is unchanged then.
    fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        state::module::save(self, path.as_ref())
    }

    /// Reads all leaves from a safetensors file. All or nothing: every name, shape and dtype is
    /// checked first, and nothing changes unless all fit. [`Loader`] loads parts, and under other
    /// names.
    ///
    /// Values are never rounded: F16, BF16 and F32 load into f32 and f64 alike, F64 into f64 only
    /// (for another precision, [`convert`](Self::convert) the model after loading). Integers load
    /// into counters only.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if reading fails, [`Error::Format`](crate::Error::Format)
    /// if it is no sound safetensors file, [`Error::State`](crate::Error::State) with every
    /// mismatch if it does not fit the model.
    fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        Loader::new().load(self, path).map(drop)
    }
}

impl<M: Module + ?Sized> ModuleExt for M {}
