//! Inputs with their class labels: the unit that is split, selected from and batched.

use cotangent_core::{Indices, Tensor};

use crate::error::{Error, Result};

/// Samples with a class label each.
///
/// `inputs` has the shape `(samples, …)`, whatever one sample looks like, and `labels` the shape
/// `(samples)`. Every label is below [`classes`](Self::classes). Subsets keep the number of
/// classes, so that a model that is made for a data set fits its parts even where one lacks a
/// class. Cloning is cheap: clones share the values.
///
/// ```
/// use cotangent_core::{Indices, Tensor};
/// use cotangent_data::Dataset;
///
/// # fn main() -> cotangent_data::Result<()> {
/// let inputs = Tensor::from_vec(vec![0.0_f32, 0.1, 1.0, 1.1, 2.0, 2.1], [3, 2])?;
/// let dataset = Dataset::new(inputs, Indices::from_vec(vec![0, 1, 0], [3])?)?;
/// assert_eq!((dataset.len(), dataset.features(), dataset.classes()), (3, 2, 2));
/// assert_eq!(dataset.class_counts(), [2, 1]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Dataset {
    inputs: Tensor,
    labels: Indices,
    classes: usize,
}

impl Dataset {
    /// The largest number of classes, some sixteen million: what is counted per class takes memory
    /// for each of them, and a label from a damaged file must not decide how much.
    pub const MAX_CLASSES: usize = 1 << 24;

    /// Pairs inputs with their labels. The number of classes is one more than the largest label;
    /// [`with_class_count`](Self::with_class_count) sets it for data that may lack the last class.
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

    /// The same labels with other inputs, for example in another shape, dtype or scale.
    ///
    /// ```
    /// # fn main() -> cotangent_data::Result<()> {
    /// let digits = cotangent_data::digits()?;
    /// let images = digits.inputs().reshape([digits.len(), 1, 8, 8])?;
    /// let digits = digits.with_inputs(images)?;
    /// assert_eq!((digits.inputs().shape()[1..].to_vec(), digits.features()), (vec![1, 8, 8], 64));
    /// # Ok(())
    /// # }
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

    /// The inputs, `(samples, …)`.
    pub fn inputs(&self) -> &Tensor {
        &self.inputs
    }

    /// The labels, `(samples)`, each below [`classes`](Self::classes).
    pub fn labels(&self) -> &Indices {
        &self.labels
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of values that one sample has: 64 for inputs of the shape `(samples, 8, 8)`.
    pub fn features(&self) -> usize {
        self.inputs.shape().iter().skip(1).product()
    }

    /// The number of classes, which is the number of outputs that a classifier needs.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The number of samples of each class.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for &label in self.labels.as_slice() {
            counts[label] += 1;
        }
        counts
    }

    /// The samples at `positions`, in that order; a position may occur more than once.
    ///
    /// ```
    /// # fn main() -> cotangent_data::Result<()> {
    /// let digits = cotangent_data::digits()?;
    /// assert_eq!(digits.select(&[5, 0, 5])?.labels().as_slice(), [5, 0, 5]);
    /// assert!(digits.select(&[1797]).is_err());
    /// # Ok(())
    /// # }
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

    /// The samples of the listed classes, in their order, with the labels that they have.
    ///
    /// Together with [`relabeled`](Self::relabeled) this makes the tasks of transfer learning:
    ///
    /// ```
    /// # fn main() -> cotangent_data::Result<()> {
    /// let digits = cotangent_data::digits()?;
    /// let old = digits.with_labels(&[0, 1, 2, 3, 4])?.relabeled(&[0, 1, 2, 3, 4])?;
    /// let new = digits.with_labels(&[5, 6, 7, 8, 9])?.relabeled(&[5, 6, 7, 8, 9])?;
    /// assert_eq!((old.len(), old.classes()), (901, 5));
    /// assert_eq!(new.class_counts(), [182, 181, 179, 174, 180]);
    /// # Ok(())
    /// # }
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

    /// Numbers the classes anew: a label becomes its position in `labels`, and there are as many
    /// classes as the list has entries.
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

    /// The inputs and labels at `positions`: one copy of the rows into a new tensor.
    pub(crate) fn gather(&self, positions: &[usize]) -> Result<(Tensor, Indices)> {
        let (all, samples) = (self.labels.as_slice(), self.len());
        let label = |&position: &usize| {
            all.get(position)
                .copied()
                .ok_or(Error::SampleOutOfRange { position, samples })
        };
        let labels = positions
            .iter()
            .map(label)
            .collect::<Result<Vec<usize>>>()?;
        let rows = Indices::from(positions.to_vec());
        let inputs = self.inputs.index_select(0, &rows)?;
        Ok((inputs, Indices::from(labels)))
    }

    /// For each class its position in a list of labels.
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
