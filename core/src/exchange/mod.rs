//! Tensors to and from what others use: NumPy's files, `ndarray`'s arrays. Each behind a feature of
//! its name.

#[cfg(feature = "ndarray")]
mod ndarray;
#[cfg(feature = "npy")]
pub mod npy;
