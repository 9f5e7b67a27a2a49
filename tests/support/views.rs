//! Random views of a tensor beside the same views of a reference.

use super::reference::Naive;
use cotangent::{Result, Tensor};

/// One view of a tensor, and the same of the reference; what the random numbers do not allow is
/// left out.
pub fn view(step: [u32; 4], tensor: &Tensor, naive: &Naive) -> Result<(Tensor, Naive)> {
    let [kind, a, b, c] = step.map(|number| number as usize);
    let rank = naive.shape.len();
    let axis = |number: usize| {
        (
            number % rank,
            if number & 64 == 0 {
                (number % rank) as isize
            } else {
                (number % rank) as isize - rank as isize
            },
        )
    };
    match kind % 8 {
        0 => {
            let mut order: Vec<usize> = (0..rank).collect();
            (1..rank).for_each(|i| order.swap(i, (a >> (3 * i)) % (i + 1)));
            Ok((tensor.permute(&order)?, naive.permute(&order)))
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
        _ => Ok((tensor.clone(), naive.clone())),
    }
}
