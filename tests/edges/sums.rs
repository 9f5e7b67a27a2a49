//! Squares that leave the dtype's range though the result does not; variances where the mean is large.
