//! Random views of a tensor and of a reference array.

use super::reference::{Naive, axes};
use cotangent::{Result, Tensor};

/// Returns a view of a tensor and the same view of the reference. If the random numbers give no
/// valid view, both are returned unchanged.
pub fn view(step: [u32; 4], tensor: &Tensor, naive: &Naive) -> Result<(Tensor, Naive)> {
    let [kind, a, b, c] = step.map(|number| number as usize);
    let rank = naive.shape.len();
    let axis = |number: usize| axis_of(number, rank);
    match kind % 12 {
        0 => {
            let mut order: Vec<usize> = (0..rank).collect();
            (1..rank).for_each(|i| order.swap(i, (a >> (3 * i)) % (i + 1)));
            Ok((tensor.permute(axes(&order))?, naive.permute(&order)))
        }
        1 if rank > 0 => {
            let mut order: Vec<usize> = (0..rank).collect();
            order.swap(axis(a).0, axis(b).0);
            Ok((
                tensor.transpose(axis(a).1, axis(b).1)?,
                naive.permute(&order),
            ))
        }
        2 | 3 if rank > 0 => {
            let len = naive.shape[axis(a).0];
            let start = b % (len + 1);
            let count = c % (len - start + 1);
            Ok((
                tensor.narrow(axis(a).1, start, count)?,
                naive.narrow(axis(a).0, start, count),
            ))
        }
        4 => {
            let len = naive.values.len();
            let first = (1..=len)
                .filter(|d| len.is_multiple_of(*d))
                .nth(a % 4)
                .unwrap_or(len);
            let rest = len.checked_div(first).unwrap_or(b % 3);
            let shape = [
                vec![len],
                vec![first, rest],
                vec![rest, 1, first],
                vec![1, first, rest, 1],
            ][c % 4]
                .clone();
            Ok((tensor.reshape(&shape[..])?, naive.reshape(&shape)))
        }
        5 if rank < 5 => {
            let stretch = |(i, &len): (usize, &usize)| {
                if len == 1 {
                    [1, 2, 3, 0][(a >> (2 * i)) % 4]
                } else {
                    len
                }
            };
            let mut shape: Vec<usize> = naive.shape.iter().enumerate().map(stretch).collect();
            if b % 2 == 0 {
                shape.insert(0, c % 3);
            }
            if shape.iter().product::<usize>() > 2000 {
                return Ok((tensor.clone(), naive.clone()));
            }
            Ok((tensor.broadcast_to(&shape[..])?, naive.broadcast_to(&shape)))
        }
        6 if rank < 5 => {
            let mut shape = naive.shape.clone();
            shape.insert(a % (rank + 1), 1);
            Ok((
                tensor.unsqueeze((a % (rank + 1)) as isize)?,
                naive.reshape(&shape),
            ))
        }
        7 => match naive.shape.iter().position(|&len| len == 1) {
            Some(axis) => {
                let mut shape = naive.shape.clone();
                shape.remove(axis);
                Ok((tensor.squeeze(axis as isize)?, naive.reshape(&shape)))
            }
            None => Ok((tensor.clone(), naive.clone())),
        },
        8.. => part(step, tensor, naive),
        _ => Ok((tensor.clone(), naive.clone())),
    }
}

/// Returns slices, flips and diagonals.
fn part(step: [u32; 4], tensor: &Tensor, naive: &Naive) -> Result<(Tensor, Naive)> {
    let [kind, a, b, c] = step.map(|number| number as usize);
    let rank = naive.shape.len();
    let axis = |number: usize| axis_of(number, rank);
    match kind % 4 {
        0 | 1 if rank > 0 => {
            let len = naive.shape[axis(a).0];
            let start = b % (len + 1);
            let end = start + c % (len - start + 1);
            let step: isize = [1, 2, 3, -1, -2, -3][(a >> 7) % 6];
            let from_end = |place: usize| {
                if place < len && c & 256 > 0 {
                    place as isize - len as isize
                } else {
                    place as isize
                }
            };
            let tensor = if step > 0 || start == end {
                tensor.slice(axis(a).1, from_end(start), from_end(end), step.abs())?
            } else {
                let behind = start.checked_sub(1).map(from_end);
                tensor.slice(axis(a).1, from_end(end - 1), behind, step)?
            };
            Ok((tensor, naive.slice(axis(a).0, start..end, step)))
        }
        2 => {
            let axes: Vec<usize> = (0..rank).filter(|axis| a >> axis & 1 == 1).collect();
            let signed: Vec<isize> = axes
                .iter()
                .map(|&axis| axis as isize - if b % 2 == 0 { 0 } else { rank as isize })
                .collect();
            Ok((tensor.flip(&signed)?, naive.flip(&axes)))
        }
        3 if rank > 1 => {
            let offset = (a % 7) as isize - 3;
            Ok((tensor.diagonal(offset)?, naive.diagonal(offset)))
        }
        _ => Ok((tensor.clone(), naive.clone())),
    }
}

/// Returns an axis drawn from a number, and one of its two names: counted from the front or the
/// end.
fn axis_of(number: usize, rank: usize) -> (usize, isize) {
    let axis = number % rank;
    if number & 64 == 0 {
        (axis, axis as isize)
    } else {
        (axis, axis as isize - rank as isize)
    }
}
