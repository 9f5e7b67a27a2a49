//! Conversion from and to other formats: NumPy's files and `ndarray`'s arrays, each behind a
//! feature of its name.

#[cfg(feature = "ndarray")]
mod ndarray;
#[cfg(feature = "npy")]
pub mod npy;
