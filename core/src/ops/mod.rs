//! Operations, a folder for each family. An operation is its `Tensor` method, the forward, a struct
//! of the values that it saves, and the vector-Jacobian product. Nothing here depends on
//! instruction sets or modules.

mod activation;
mod attention;
mod conv;
mod create;
mod display;
mod elementwise;
mod index;
mod linear;
mod loss;
mod norm;
mod pool;
mod random;
mod recurrent;
mod reduce;
mod shape;

pub use attention::dot_product::Attention;
pub use attention::rotary::RotaryPairs;
pub use conv::options::Convolution;
pub(crate) use elementwise::arithmetic::sum_of_some;
pub use elementwise::parts;
pub use index::order::Order;
pub use index::reduce::ScatterReduction;
pub use loss::bce::BceLoss;
pub use loss::bce_with_logits::BceWithLogitsLoss;
pub use loss::cross_entropy::{CrossEntropyLoss, Target};
pub use loss::ctc::CtcLoss;
pub use loss::distance::{HuberLoss, L1Loss, MseLoss};
pub use loss::focal::FocalLoss;
pub use loss::kl_div::KlDivLoss;
pub use loss::likelihood::{GaussianNllLoss, PoissonNllLoss};
pub use loss::multi_margin::{MultiMarginLoss, MultilabelMarginLoss, MultilabelSoftMarginLoss};
pub use loss::nll_loss::NllLoss;
pub use loss::ranking::{
    CosineEmbeddingLoss, HingeEmbeddingLoss, MarginRankingLoss, TripletMarginLoss,
};
pub use loss::reduction::Reduction;
pub use norm::batch_norm::BatchStatistics;
pub use pool::windows::Windows;
pub use recurrent::{Recurrence, RecurrentCell, Steps};
pub use reduce::counts::Unique;
pub use reduce::histogram::{Bins, Histogram};
pub use reduce::norms::{MatrixNorm, Norm};
pub use reduce::order_statistics::Interpolation;
pub use shape::padding::PaddingMode;
