//! Data sets and mini-batches.
//!
//! | item | contents |
//! |---|---|
//! | [`digits()`] | 1,797 handwritten digits that are embedded in the crate |
//! | [`moby_dick()`] | 217,000 characters of English prose, embedded too |
//! | [`diabetes()`] | a table of 442 patients for regression, embedded as well |
//! | [`mnist()`], [`idx`] | MNIST, Fashion-MNIST and other files in the IDX format |
//! | [`csv`] | CSV files with numbers, categories and missing values, as columns or row by row |
//! | [`lines()`] | the lines of a text file |
//! | `ImageFolder` | a folder of images for each class, decoded when needed (feature `images`) |
//! | `npy::Rows` | a `.npy` file that may be larger than memory (feature `npy`) |
//! | [`Labeled`] | inputs with class labels, subsets, [stratified splits](Labeled::split_stratified), [folds](Labeled::k_fold) |
//! | [`Table`] | samples with any parts: float targets, several inputs, none |
//! | [`Dataset`], [`Sample`](trait@Sample) | traits of your own data sets and samples, with views, maps and random changes |
//! | [`augment`] | random flips, crops, shifts and noise for images |
//! | [`Standardizer`] | features of mean 0 and standard deviation 1, measured on the training set |
//! | [`class_weights`] | weights of classes for a loss; [`Indices::one_hot`](crate::Indices::one_hot) encodes classes as inputs |
//! | [`Sequence`] | samples of unequal lengths, which a batch pads |
//! | [`split`] | positions of training and test sets: random, by class, by group, in folds |
//! | [`Batches`] | mini-batches in order, shuffled, weighted, balanced or by length, assembled by [workers](Batches::workers); an epoch depends on the seed and its number alone |
//! | [`Stream`], [`StreamBatches`] | samples from an iterator, which may be more than memory holds |
//! | [`Epochs`] | the trait of batches by epoch, which a training loop takes |
//! | [`Key`] | seeds of random changes of samples |
//!
//! Functions that build data sets and batches return this module's own [`Error`], on which a
//! program can match. `?` converts it to [`cotangent::Error`](crate::Error), the `Error` of the
//! prelude, which the traits and the batches of an epoch return.
//!
//! ```
//! use cotangent::data::{Batches, digits};
//!
//! let (train, test) = digits()?.split_stratified(0.2, 42)?;
//! assert_eq!((train.len(), test.len()), (1438, 359));
//!
//! let batches = Batches::new(&train, 32)?.shuffle(42);
//! for epoch in 0..2 {
//!     for batch in batches.epoch(epoch) {
//!         let (images, labels) = batch?;
//!         assert_eq!(images.shape(), [labels.len(), 64]);
//!     }
//! }
//! # Ok::<(), cotangent::Error>(())
//! ```

#[doc(inline)]
pub use cotangent_data::*;

// A type that a glob re-exports loses its aliases, by which the search of the docs finds it.
#[doc(alias = "DataLoader")]
#[doc(inline)]
pub use cotangent_data::Batches;
#[doc(alias = "StandardScaler")]
#[doc(inline)]
pub use cotangent_data::Standardizer;
#[doc(alias = "TensorDataset")]
#[doc(inline)]
pub use cotangent_data::Table;
#[doc(alias = "load_diabetes")]
#[doc(inline)]
pub use cotangent_data::diabetes;
#[doc(alias = "load_digits")]
#[doc(inline)]
pub use cotangent_data::digits;
