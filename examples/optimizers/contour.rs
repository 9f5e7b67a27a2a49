//! Contour lines of a function on the plane, by marching squares.

use std::collections::HashMap;
use std::ops::RangeInclusive;

type Point = (f64, f64);

/// Values at the corners of a lattice over a part of the plane, `side` by `side`, row by row from
/// the bottom.
pub struct Lattice {
    pub window: [RangeInclusive<f64>; 2],
    pub side: usize,
    pub values: Vec<f64>,
}

/// An edge of the lattice: its lower or left corner, and whether it is vertical.
type Edge = (usize, usize, bool);

impl Lattice {
    /// Returns the coordinates of the corners along one axis.
    pub fn coordinates(range: &RangeInclusive<f64>, side: usize) -> Vec<f64> {
        let step = (range.end() - range.start()) / (side - 1) as f64;
        (0..side).map(|i| range.start() + step * i as f64).collect()
    }

    /// Returns the lines along which the value is `level`.
    pub fn contours(&self, level: f64) -> Vec<Vec<Point>> {
        // A line continues from a crossed edge in one or two ways, one for each square beside it.
        let mut ways: HashMap<Edge, Vec<Edge>> = HashMap::new();
        let mut edges = Vec::new();
        for j in 0..self.side - 1 {
            for i in 0..self.side - 1 {
                let around = [
                    (i, j, false),
                    (i + 1, j, true),
                    (i, j + 1, false),
                    (i, j, true),
                ];
                let crossed = around
                    .into_iter()
                    .filter(|&edge| self.is_crossed(edge, level));
                // If all four edges are crossed, two lines pass the corners. Either pairing is a
                // valid guess.
                let crossed: Vec<Edge> = crossed.collect();
                for pair in crossed.as_chunks::<2>().0 {
                    ways.entry(pair[0]).or_default().push(pair[1]);
                    ways.entry(pair[1]).or_default().push(pair[0]);
                    edges.extend(pair);
                }
            }
        }
        // Lines that end at the border start there. Closed lines come after them.
        let at_border = |edge: &Edge| ways[edge].len() == 1;
        let (mut starts, closed): (Vec<Edge>, Vec<Edge>) = edges.iter().partition(|e| at_border(e));
        starts.extend(closed);
        let mut lines = Vec::new();
        for start in starts {
            let mut line = vec![self.crossing(start, level)];
            let mut edge = start;
            while let Some(next) = ways.get_mut(&edge).and_then(Vec::pop) {
                if let Some(back) = ways.get_mut(&next)
                    && let Some(i) = back.iter().position(|&e| e == edge)
                {
                    back.swap_remove(i);
                }
                line.push(self.crossing(next, level));
                edge = next;
            }
            if line.len() > 1 {
                lines.push(line);
            }
        }
        lines
    }

    fn value(&self, i: usize, j: usize) -> f64 {
        self.values[j * self.side + i]
    }

    fn ends(&self, (i, j, up): Edge) -> (f64, f64) {
        let end = if up { (i, j + 1) } else { (i + 1, j) };
        (self.value(i, j), self.value(end.0, end.1))
    }

    fn is_crossed(&self, edge: Edge, level: f64) -> bool {
        let (from, to) = self.ends(edge);
        (from < level) != (to < level)
    }

    /// Returns the point of the edge at which the value is `level`.
    fn crossing(&self, edge: Edge, level: f64) -> Point {
        let (from, to) = self.ends(edge);
        let share = (level - from) / (to - from);
        let (i, j, up) = edge;
        let (across, along) = if up { (0.0, share) } else { (share, 0.0) };
        let place = |range: &RangeInclusive<f64>, at: f64| {
            range.start() + (range.end() - range.start()) * at / (self.side - 1) as f64
        };
        let [x, y] = &self.window;
        (place(x, i as f64 + across), place(y, j as f64 + along))
    }
}
