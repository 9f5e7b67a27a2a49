//! Memory layouts of an operand: contiguous, transposed, cut out of a larger tensor, broadcast,
//! with a stride of two, reversed.

use cotangent::{Axes, Result, Tensor};

/// A way to make an operand as a view of a base tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The base itself.
    Contiguous,
    /// The base with its axes in reverse order; a vector is a column of a matrix.
    Transposed,
    /// The inner part of a base that is larger at both ends of each axis.
    Narrowed,
    /// The first axis broadcast (stride 0).
    StretchedFirst,
    /// The last axis broadcast.
    StretchedLast,
    /// Every second element of each axis: backwards along the last axis (stride -2), forwards along
    /// the one before, and so on.
    Stepped,
}

impl Form {
    pub const ALL: [Self; 6] = [
        Self::Contiguous,
        Self::Transposed,
        Self::Narrowed,
        Self::StretchedFirst,
        Self::StretchedLast,
        Self::Stepped,
    ];

    /// Returns the shape of the base for a view of shape `shape`.
    pub fn base_shape(self, shape: &[usize]) -> Vec<usize> {
        let mut base = shape.to_vec();
        match (self, shape) {
            (Self::Contiguous, _) | (Self::StretchedFirst | Self::StretchedLast, []) => {}
            (Self::Transposed, []) => base = vec![2],
            (Self::Transposed, &[len]) => base = vec![len, 2],
            (Self::Transposed, _) => base.reverse(),
            (Self::Narrowed | Self::Stepped, []) => base = vec![3],
            (Self::Narrowed, _) => base.iter_mut().for_each(|len| *len += 2),
            (Self::Stepped, _) => base.iter_mut().for_each(|len| *len *= 2),
            (Self::StretchedFirst, _) => base[0] = 1,
            (Self::StretchedLast, [.., _]) => base[shape.len() - 1] = 1,
        }
        base
    }

    /// Returns the view of shape `shape`.
    pub fn view(self, base: &Tensor, shape: &[usize]) -> Result<Tensor> {
        match (self, shape) {
            (Self::Contiguous, _) => Ok(base.clone()),
            (Self::Transposed | Self::Narrowed, []) => base.narrow(0, 1, 1)?.reshape(shape),
            (Self::Transposed, &[_]) => base.narrow(1, 1, 1)?.reshape(shape),
            (Self::Transposed, _) => {
                base.permute((0..shape.len() as isize).rev().collect::<Axes>())
            }
            (Self::Narrowed, _) => shape
                .iter()
                .enumerate()
                .try_fold(base.clone(), |view, (axis, &len)| {
                    view.narrow(axis as isize, 1, len)
                }),
            (Self::StretchedFirst | Self::StretchedLast, _) => base.broadcast_to(shape),
            (Self::Stepped, []) => base.slice(0, None, None, -3)?.reshape(shape),
            (Self::Stepped, _) => (0..shape.len()).try_fold(base.clone(), |view, axis| {
                let from_last = shape.len() - 1 - axis;
                view.slice(
                    axis as isize,
                    None,
                    None,
                    if from_last.is_multiple_of(2) { -2 } else { 2 },
                )
            }),
        }
    }
}
