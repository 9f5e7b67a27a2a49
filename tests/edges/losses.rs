//! Losses, log-sum-exp and products where elements are infinite, NaN or far apart.
