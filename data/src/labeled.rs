//! Inputs with their class labels, which splits, selections and batches take apart.

use cotangent_core::{Indices, Result as CoreResult, Tensor};

use crate::batches::Batches;
use crate::dataset::{Dataset, positions_of, rows_of};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::sample::Sample;

/// A set of samples, each with a class label.
///
/// `inputs` has the shape `(samples, …)` with any shape of a sample, and `labels` the shape
/// `(samples)`. Every label is below [`classes`](Self::classes). A subset keeps the number of
/// classes, so that a model of the whole set fits it even if a class is missing. Clones share the
/// values.
///
/// For float targets, several inputs, or no targets use a [`Table`](crate::Table).
///
/// ```
/// use cotangent::{Indices, Tensor};
/// use cotangent::data::Labeled;
///
/// let inputs = Tensor::from_vec(vec![0.0_f32, 0.1, 1.0, 1.1, 2.0, 2.1], [3, 2])?;
/// let dataset = Labeled::new(inputs, Indices::from_vec(vec![0, 1, 0], [3])?)?;
/// assert_eq!((dataset.len(), dataset.features(), dataset.classes()), (3, 2, 2));
/// assert_eq!(dataset.class_counts(), [2, 1]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "TensorDataset")]
#[derive(Clone, Debug)]
pub struct Labeled {
    inputs: Tensor,
    labels: Indices,
    classes: usize,
}

impl Labeled {
    /// The largest number of classes, about sixteen million. Statistics by class take memory for
    /// each class, and a label from a damaged file must not decide how much.
    pub const MAX_CLASSES: usize = 1 << 24;

    /// Pairs inputs with their labels. The number of classes is the largest label plus one; call
    /// [`with_class_count`](Self::with_class_count) if the data may lack the last class.
    ///
    /// # Errors
    /// [`Error::ScalarInputs`] or [`Error::LabelShape`] if there is not one label per sample,
    /// [`Error::LabelOutOfRange`] for a label that is not below [`MAX_CLASSES`](Self::MAX_CLASSES).
    pub fn new(inputs: Tensor, labels: Indices) -> Result<Self> {
        check_shapes(&inputs, &labels)?;
        check_labels(&labels, Self::MAX_CLASSES)?;
        let classes = labels
            .as_slice()
            .iter()
            .max()
            .map_or(0, |largest| largest + 1);
        Ok(Self {
            inputs,
            labels,
            classes,
        })
    }

    /// Sets the number of classes.
    ///
    /// # Errors
    /// [`Error::LabelOutOfRange`] for a label that is not below `classes`, [`Error::ClassCount`]
    /// above [`MAX_CLASSES`](Self::MAX_CLASSES).
    pub fn with_class_count(mut self, classes: usize) -> Result<Self> {
        if classes > Self::MAX_CLASSES {
            return Err(Error::ClassCount {
                found: classes,
                limit: Self::MAX_CLASSES,
            });
        }
        check_labels(&self.labels, classes)?;
        self.classes = classes;
        Ok(self)
    }

    /// Returns the same labels with other inputs, for example in another shape, dtype or scale.
    ///
    /// ```
    /// let digits = cotangent::data::digits()?;
    /// let images = digits.inputs().reshape([digits.len(), 1, 8, 8])?;
    /// let digits = digits.with_inputs(images)?;
    /// assert_eq!((digits.inputs().shape()[1..].to_vec(), digits.features()), (vec![1, 8, 8], 64));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ScalarInputs`] or [`Error::LabelShape`] if there is not one label per sample.
    pub fn with_inputs(&self, inputs: Tensor) -> Result<Self> {
        check_shapes(&inputs, &self.labels)?;
        Ok(Self {
            inputs,
            labels: self.labels.clone(),
            classes: self.classes,
        })
    }

    /// Returns the inputs, `(samples, …)`.
    pub fn inputs(&self) -> &Tensor {
        &self.inputs
    }

    /// Returns the labels, `(samples)`, each below [`classes`](Self::classes).
    pub fn labels(&self) -> &Indices {
        &self.labels
    }

    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of values in a sample: 64 for inputs `(samples, 8, 8)`.
    pub fn features(&self) -> usize {
        self.inputs.shape().iter().skip(1).product()
    }

    /// Returns the number of classes, which a classifier needs as the number of its outputs.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Returns the number of samples of each class.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for &label in self.labels.as_slice() {
            counts[label] += 1;
        }
        counts
    }

    /// Returns the samples at `positions`, in that order. A position may occur more than once.
    ///
    /// ```
    /// let digits = cotangent::data::digits()?;
    /// assert_eq!(digits.select(&[5, 0, 5])?.labels().as_slice(), [5, 0, 5]);
    /// assert!(digits.select(&[1797]).is_err());
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::SampleOutOfRange`] for a position that is not below [`len`](Self::len).
    pub fn select(&self, positions: &[usize]) -> Result<Self> {
        let (inputs, labels) = self.gather(positions)?;
        Ok(Self {
            inputs,
            labels,
            classes: self.classes,
        })
    }

    /// Returns the samples of the listed classes, in their order and with their labels.
    ///
    /// ```
    /// let digits = cotangent::data::digits()?;
    /// let odd = digits.with_labels(&[1, 3, 5, 7, 9])?;
    /// assert_eq!((odd.len(), odd.classes()), (906, 10));
    /// assert_eq!(odd.relabeled(&[1, 3, 5, 7, 9])?.class_counts(), [182, 183, 182, 179, 180]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::LabelList`] if a label is listed twice or is not below [`classes`](Self::classes).
    pub fn with_labels(&self, labels: &[usize]) -> Result<Self> {
        let listed = self.positions_in_list("with_labels", labels)?;
        let kept = self.labels.as_slice().iter().enumerate();
        let kept: Vec<usize> = kept
            .filter(|&(_, &label)| listed[label].is_some())
            .map(|(sample, _)| sample)
            .collect();
        self.select(&kept)
    }

    /// Renumbers the classes: a label becomes its position in `labels`, and the number of classes
    /// is the length of the list.
    ///
    /// # Errors
    /// [`Error::LabelList`] if a sample has a label that is not listed, or a label is listed twice
    /// or is not below [`classes`](Self::classes).
    pub fn relabeled(&self, labels: &[usize]) -> Result<Self> {
        const OPERATION: &str = "relabeled";
        let listed = self.positions_in_list(OPERATION, labels)?;
        let renumbered = self.labels.as_slice().iter().map(|&label| {
            let problem = "has samples but is not listed";
            listed[label].ok_or(Error::LabelList {
                operation: OPERATION,
                label,
                problem,
            })
        });
        let renumbered = renumbered.collect::<Result<Vec<usize>>>()?;
        Ok(Self {
            inputs: self.inputs.clone(),
            labels: Indices::from(renumbered),
            classes: labels.len(),
        })
    }

    /// Returns a data set of the listed classes alone. The samples keep their order, and the labels
    /// are the positions in the list. The tasks of transfer learning are made so:
    ///
    /// ```
    /// let digits = cotangent::data::digits()?;
    /// let (old, new) = (digits.only_classes(0..5)?, digits.only_classes(5..10)?);
    /// assert_eq!((old.len(), old.classes()), (901, 5));
    /// assert_eq!(new.class_counts(), [182, 181, 179, 174, 180]);
    /// assert!(digits.only_classes(5..11).is_err());
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::LabelList`] if a class is listed twice or is not below [`classes`](Self::classes).
    pub fn only_classes(&self, classes: impl IntoIterator<Item = usize>) -> Result<Self> {
        let mut listed = Vec::new();
        for class in classes {
            listed.push(class);
            // The list has repetitions already, and it may be endless.
            if listed.len() > self.classes {
                break;
            }
        }
        let new_labels = self.positions_in_list("only_classes", &listed)?;
        let (mut kept, mut labels) = (Vec::new(), Vec::new());
        for (sample, &label) in self.labels.as_slice().iter().enumerate() {
            if let Some(label) = new_labels[label] {
                kept.push(sample);
                labels.push(label);
            }
        }
        let (inputs, _) = self.gather(&kept)?;
        Ok(Self {
            inputs,
            labels: Indices::from(labels),
            classes: listed.len(),
        })
    }

    /// Replaces the inputs by the results of `f`, which is called with `batch_size` samples at a
    /// time. The graph of a result, if it has one, is dropped.
    ///
    /// Use it to cache the outputs of frozen layers: they are computed once, and the layers above
    /// train on them in every epoch. `f` must treat each sample independently, as a model does in
    /// inference:
    ///
    /// ```
    /// use cotangent::Tensor;
    ///
    /// let digits = cotangent::data::digits()?;
    /// # struct Frozen;
    /// # impl Frozen {
    /// #     fn predict(&self, x: &Tensor) -> cotangent::Result<Tensor> { x.narrow(1, 0, 10) }
    /// # }
    /// # let frozen = Frozen;
    /// let features = digits.map_inputs(500, |images| frozen.predict(images))?;
    /// assert_eq!(features.inputs().shape(), [1797, 10]);
    /// assert_eq!(features.labels(), digits.labels());
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ZeroBatchSize`], [`Error::EmptyDataset`]; [`Error::MappedSamples`] if `f` returns
    /// another number of samples than it was called with; the errors of `f`, and those of
    /// [`Tensor::cat`] if the results of two batches do not fit together.
    pub fn map_inputs(
        &self,
        batch_size: usize,
        mut f: impl FnMut(&Tensor) -> cotangent_core::Result<Tensor>,
    ) -> Result<Self> {
        if self.is_empty() {
            return Err(Error::EmptyDataset {
                operation: "map_inputs",
            });
        }
        let mut outputs = Vec::new();
        for batch in Batches::new(self, batch_size)?.epoch(0) {
            let (inputs, labels) = batch?;
            let output = f(&inputs)?.detach();
            if output.shape().first() != Some(&labels.len()) {
                return Err(Error::MappedSamples {
                    samples: labels.len(),
                    output: output.shape().into(),
                });
            }
            outputs.push(output);
        }
        self.with_inputs(Tensor::cat(&outputs.iter().collect::<Vec<_>>(), 0)?)
    }

    /// Copies the inputs and labels at `positions` into new tensors.
    fn gather(&self, positions: &[usize]) -> Result<(Tensor, Indices)> {
        self.check(positions)?;
        let inputs = Sample::select(&self.inputs, positions)?;
        Ok((inputs, Sample::select(&self.labels, positions)?))
    }

    fn check(&self, positions: &[usize]) -> Result<()> {
        let samples = self.len();
        match positions.iter().find(|&&position| position >= samples) {
            None => Ok(()),
            Some(&position) => Err(Error::SampleOutOfRange { position, samples }),
        }
    }

    /// Returns for each class its position in a list of labels.
    fn positions_in_list(
        &self,
        operation: &'static str,
        labels: &[usize],
    ) -> Result<Vec<Option<usize>>> {
        let mut listed = vec![None; self.classes];
        for (position, &label) in labels.iter().enumerate() {
            let error = |problem| Error::LabelList {
                operation,
                label,
                problem,
            };
            let slot = listed
                .get_mut(label)
                .ok_or_else(|| error("is not a class of the data set"))?;
            if slot.replace(position).is_some() {
                return Err(error("is listed twice"));
            }
        }
        Ok(listed)
    }
}

impl Dataset for Labeled {
    type Sample = (Tensor, Indices);

    fn len(&self) -> usize {
        self.labels.len()
    }

    fn get(&self, position: usize) -> CoreResult<(Tensor, Indices)> {
        self.check(&[position])?;
        Ok((self.inputs.row(position)?, self.labels.row(position)?))
    }

    fn batch(&self, draws: &[(usize, Key)]) -> CoreResult<(Tensor, Indices)> {
        let positions = positions_of(draws, self.labels.len())?;
        let inputs = rows_of(&self.inputs, &positions)?;
        Ok((inputs, rows_of(&self.labels, &positions)?))
    }
}

fn check_shapes(inputs: &Tensor, labels: &Indices) -> Result<()> {
    let &[samples, ..] = inputs.shape() else {
        return Err(Error::ScalarInputs);
    };
    if labels.shape() != [samples] {
        return Err(Error::LabelShape {
            samples,
            labels: labels.shape().into(),
        });
    }
    Ok(())
}

fn check_labels(labels: &Indices, classes: usize) -> Result<()> {
    match labels.as_slice().iter().position(|&label| label >= classes) {
        None => Ok(()),
        Some(sample) => {
            let label = labels.as_slice()[sample];
            Err(Error::LabelOutOfRange {
                sample,
                label,
                classes,
            })
        }
    }
}
