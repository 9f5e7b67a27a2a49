//! Reductions along axes: sums and extremes ([`fold`]), products ([`product`]), the indices of
//! extremes ([`extremes`]) and of other elements by their order ([`order`]), running results
//! ([`scan`]) and extremes ([`running`]), and distances of all pairs ([`distance`]). [`range`]
//! handles sums of squares beyond the range of their dtype.

pub(crate) mod distance;
pub(crate) mod extremes;
pub(crate) mod fold;
pub(crate) mod order;
pub(crate) mod product;
pub(crate) mod range;
pub(crate) mod running;
pub(crate) mod scan;
