//! The byte format of elements in files: little-endian, and the 16-bit formats that are only read.

use super::{Array, DType};

/// Returns the bytes of an array's elements in row-major order.
pub(crate) fn little_endian(array: &Array) -> Vec<u8> {
    fn bytes<T: Copy, const N: usize>(values: &[T], write: impl Fn(T) -> [u8; N]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(values.len() * N);
        for value in values {
            bytes.extend_from_slice(&write(*value));
        }
        bytes
    }
    match array.dtype() {
        DType::F32 => bytes(&array.to_vec(), f32::to_le_bytes),
        DType::F64 => bytes(&array.to_vec(), f64::to_le_bytes),
    }
}

/// Converts a number in IEEE 754's binary16 to `f32`, which is exact.
pub(crate) fn from_f16(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    let magnitude = match exponent {
        // 2^-24 is the distance between subnormal numbers.
        0 => (fraction as f32 / (1 << 24) as f32).to_bits(),
        // Infinities and NaN.
        0x1f => 0xff << 23 | fraction << 13,
        // The exponents are biased by 15 and by 127.
        _ => (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

/// Converts a number in bfloat16, whose bits are the upper half of those of an `f32`.
pub(crate) fn from_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::{from_bf16, from_f16};

    /// Computes the number from the definition of the formats, in `f64`.
    fn by_definition(bits: u16, exponent_bits: u32) -> f64 {
        let fraction_bits = 15 - exponent_bits;
        let bias = (1 << (exponent_bits - 1)) - 1;
        let fraction = f64::from(bits & ((1 << fraction_bits) - 1)) / f64::from(1 << fraction_bits);
        let exponent = i32::from(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
        let magnitude = match exponent {
            0 => fraction * 2f64.powi(1 - bias),
            _ if exponent == 2 * bias + 1 && fraction == 0.0 => f64::INFINITY,
            _ if exponent == 2 * bias + 1 => f64::NAN,
            _ => (1.0 + fraction) * 2f64.powi(exponent - bias),
        };
        if bits >> 15 == 1 {
            -magnitude
        } else {
            magnitude
        }
    }

    #[test]
    fn every_number_is_exact() {
        for bits in 0..=u16::MAX {
            for (found, expected) in [
                (from_f16(bits), by_definition(bits, 5)),
                (from_bf16(bits), by_definition(bits, 8)),
            ] {
                if expected.is_nan() {
                    assert!(found.is_nan(), "{bits:04x}: {found}");
                } else {
                    assert_eq!(
                        f64::from(found).to_bits(),
                        expected.to_bits(),
                        "{bits:04x}: {found}"
                    );
                }
            }
        }
    }
}
