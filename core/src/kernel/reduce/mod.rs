//! Reductions over axes ([`fold`]: sums, extremes; [`product`]; [`extremes`]: where they stand),
//! running results along them ([`scan`]), and sums of squares beyond the range of their type
//! ([`range`]).

pub(crate) mod extremes;
pub(crate) mod fold;
pub(crate) mod product;
pub(crate) mod range;
pub(crate) mod scan;
