//! Where a formula changes over to another: rounding, large angles, excluded bounds.
