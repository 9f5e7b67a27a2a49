//! Data sets and mini-batches.
//!
//! | item | contents |
//! |---|---|
//! | [`digits()`] | 1,797 handwritten digits that are embedded in the crate |
//! | [`moby_dick()`] | 217,000 characters of English prose, embedded too |
//! | [`mnist()`], [`idx`] | MNIST, Fashion-MNIST and other files in the IDX format |
//! | [`Dataset`] | inputs with class labels, subsets, [stratified splits](Dataset::split_stratified), [folds](Dataset::k_fold) |
//! | [`Standardizer`] | features of mean 0 and standard deviation 1, measured on the training set |
//! | [`Batches`] | shuffled mini-batches; an epoch depends on the seed and its number alone |
//!
//! A data set with float targets does not exist yet: see [regression in
//! mini-batches](crate::guide::recipes#regression-in-mini-batches).
//!
//! Functions of this module return their own [`Error`], on which a program can match. `?` converts
//! it to [`cotangent::Error`](crate::Error), the `Error` of the prelude.
//!
//! ```
//! use cotangent::data::{Batches, digits};
//!
//! let (train, test) = digits()?.split_stratified(0.2, 42)?;
//! assert_eq!((train.len(), test.len()), (1438, 359));
//!
//! let batches = Batches::new(&train, 32, 42)?;
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
#[doc(alias = "TensorDataset")]
#[doc(inline)]
pub use cotangent_data::Dataset;
#[doc(alias = "StandardScaler")]
#[doc(inline)]
pub use cotangent_data::Standardizer;
#[doc(alias = "load_digits")]
#[doc(inline)]
pub use cotangent_data::digits;
