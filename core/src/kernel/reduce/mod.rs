//! Reductions along axes: sums and extremes ([`fold`]), products ([`product`]), the indices of
//! extremes ([`extremes`]), and running results ([`scan`]). [`range`] handles sums of squares
//! beyond the range of their dtype.

pub(crate) mod extremes;
pub(crate) mod fold;
pub(crate) mod product;
pub(crate) mod range;
pub(crate) mod scan;
