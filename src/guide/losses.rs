//! The losses by kind.
//!
//! Each loss is a method of the prediction and returns the mean over the batch, a scalar that
//! `backward` can start from. A builder of the same name takes options: another
//! [`Reduction`](crate::Reduction), weights of classes, label smoothing, a label to ignore. A loss
//! does not broadcast: prediction and target have one shape, or the errors say which shape fits.
//!
//! # Classification
//!
//! The classes are the last axis of the logits, also for sequences: logits
//! `(batch, time, classes)` take labels `(batch, time)`. PyTorch has the classes in axis 1.
//!
//! | method | builder | prediction | target |
//! |---|---|---|---|
//! | [`cross_entropy`] | [`CrossEntropyLoss`] | logits `(…, classes)` | labels `(…)`; the builder also takes probabilities |
//! | [`nll_loss`] | [`NllLoss`] | logarithms of probabilities `(…, classes)` | labels `(…)` |
//! | [`bce_with_logits`] | [`BceWithLogitsLoss`] | logits of any shape | probabilities of the same shape |
//! | [`bce_loss`] | [`BceLoss`] | probabilities of any shape | probabilities of the same shape |
//! | [`focal_loss`] | [`FocalLoss`] | logits of any shape | probabilities of the same shape |
//! | [`multi_margin_loss`] | [`MultiMarginLoss`] | scores `(…, classes)` | labels `(…)` |
//! | [`multilabel_margin_loss`] | [`MultilabelMarginLoss`] | scores `(…, classes)` | a mask of the classes that apply, of the same shape |
//! | [`multilabel_soft_margin_loss`] | [`MultilabelSoftMarginLoss`] | logits `(…, classes)` | probabilities of the same shape |
//! | [`ctc_loss`] | [`CtcLoss`] | logarithms of probabilities `(batch, time, classes)` | labels `(batch, length)` that are not aligned with the time |
//!
//! [`accuracy`] is the share of rows whose largest element is at the label. It has no gradient.
//!
//! # Regression
//!
//! | method | builder | formula |
//! |---|---|---|
//! | [`mse_loss`] | [`MseLoss`] | `(x - t)²` |
//! | [`l1_loss`] | [`L1Loss`] | `\|x - t\|` |
//! | [`huber_loss`] | [`HuberLoss`] | quadratic for errors up to `delta`, linear beyond |
//!
//! # Similarity and order
//!
//! | method | builder | prediction | target |
//! |---|---|---|---|
//! | [`margin_ranking_loss`] | [`MarginRankingLoss`] | two scores | 1 if the first should be the larger one, else -1 |
//! | [`hinge_embedding_loss`] | [`HingeEmbeddingLoss`] | a distance | 1 for a similar pair, else -1 |
//! | [`cosine_embedding_loss`] | [`CosineEmbeddingLoss`] | two vectors `(…, features)` | 1 for a similar pair, else -1 |
//! | [`triplet_margin_loss`] | [`TripletMarginLoss`] | an anchor, a similar and a different vector `(…, features)` | |
//!
//! # Distributions and directions
//!
//! | method | builder | formula |
//! |---|---|---|
//! | [`kl_div`] | [`KlDivLoss`] | the Kullback-Leibler divergence `t (ln t - x)` of logarithms `x` |
//! | [`kl_div_log_target`] | [`KlDivLoss`] | the same for a target that is a logarithm |
//! | [`gaussian_nll_loss`] | [`GaussianNllLoss`] | the negative log-likelihood of targets under normal distributions |
//! | [`poisson_nll_loss`] | [`PoissonNllLoss`] | the same under Poisson distributions |
//! | [`cosine_similarity`] | | the cosine of the angle between two vectors; it broadcasts |
//!
//! # Custom losses
//!
//! A loss that works element by element is a function with
//! [`#[elementwise]`](crate::guide::elementwise#focal-loss) and the result `-> Mean`. It costs as
//! much as a built-in one.
//!
//! # Penalties
//!
//! L1, L2 and elastic-net penalties are in [`nn::regularize`](crate::nn::regularize). Add them to
//! the loss.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! let logits = Tensor::from([[2.0f32, 0.0], [0.0, 1.0]]).tracked();
//! let labels = Indices::from([0, 1]);
//! let mean = logits.cross_entropy(&labels)?;
//! let sum = CrossEntropyLoss::new().reduction(Reduction::Sum).loss(&logits, &labels)?;
//! assert!((2.0 * mean.item()? - sum.item()?).abs() < 1e-6);
//! # Ok::<(), Error>(())
//! ```
//!
//! [`cross_entropy`]: crate::Tensor::cross_entropy
//! [`nll_loss`]: crate::Tensor::nll_loss
//! [`bce_with_logits`]: crate::Tensor::bce_with_logits
//! [`accuracy`]: crate::Tensor::accuracy
//! [`mse_loss`]: crate::Tensor::mse_loss
//! [`l1_loss`]: crate::Tensor::l1_loss
//! [`huber_loss`]: crate::Tensor::huber_loss
//! [`kl_div`]: crate::Tensor::kl_div
//! [`kl_div_log_target`]: crate::Tensor::kl_div_log_target
//! [`cosine_similarity`]: crate::Tensor::cosine_similarity
//! [`bce_loss`]: crate::Tensor::bce_loss
//! [`focal_loss`]: crate::Tensor::focal_loss
//! [`multi_margin_loss`]: crate::Tensor::multi_margin_loss
//! [`multilabel_margin_loss`]: crate::Tensor::multilabel_margin_loss
//! [`multilabel_soft_margin_loss`]: crate::Tensor::multilabel_soft_margin_loss
//! [`ctc_loss`]: crate::Tensor::ctc_loss
//! [`margin_ranking_loss`]: crate::Tensor::margin_ranking_loss
//! [`hinge_embedding_loss`]: crate::Tensor::hinge_embedding_loss
//! [`cosine_embedding_loss`]: crate::Tensor::cosine_embedding_loss
//! [`triplet_margin_loss`]: crate::Tensor::triplet_margin_loss
//! [`gaussian_nll_loss`]: crate::Tensor::gaussian_nll_loss
//! [`poisson_nll_loss`]: crate::Tensor::poisson_nll_loss
//! [`BceLoss`]: crate::BceLoss
//! [`FocalLoss`]: crate::FocalLoss
//! [`MultiMarginLoss`]: crate::MultiMarginLoss
//! [`MultilabelMarginLoss`]: crate::MultilabelMarginLoss
//! [`MultilabelSoftMarginLoss`]: crate::MultilabelSoftMarginLoss
//! [`CtcLoss`]: crate::CtcLoss
//! [`MarginRankingLoss`]: crate::MarginRankingLoss
//! [`HingeEmbeddingLoss`]: crate::HingeEmbeddingLoss
//! [`CosineEmbeddingLoss`]: crate::CosineEmbeddingLoss
//! [`TripletMarginLoss`]: crate::TripletMarginLoss
//! [`GaussianNllLoss`]: crate::GaussianNllLoss
//! [`PoissonNllLoss`]: crate::PoissonNllLoss
//! [`CrossEntropyLoss`]: crate::CrossEntropyLoss
//! [`NllLoss`]: crate::NllLoss
//! [`BceWithLogitsLoss`]: crate::BceWithLogitsLoss
//! [`MseLoss`]: crate::MseLoss
//! [`L1Loss`]: crate::L1Loss
//! [`HuberLoss`]: crate::HuberLoss
//! [`KlDivLoss`]: crate::KlDivLoss
