//! The order of sums: a binary tree over the shards, whichever rank has them.

use std::collections::BTreeMap;

/// Adds up items that come in the order of the shards, as a binary tree does: 0 and 1, 2 and 3,
/// then both sums, and so on. Of `n` items the left side of the tree has the largest power of two
/// below `n`.
///
/// It keeps at most one item for each level of the tree.
pub(crate) struct Tree<T> {
    /// The sums of whole subtrees with their levels, which decrease.
    sums: Vec<(u32, T)>,
}

impl<T> Tree<T> {
    pub fn new() -> Self {
        Self { sums: Vec::new() }
    }

    /// Adds the item of the next shard.
    pub fn push<E>(&mut self, item: T, mut add: impl FnMut(T, T) -> Result<T, E>) -> Result<(), E> {
        let (mut level, mut item) = (0, item);
        while let Some((_, left)) = self.sums.pop_if(|(found, _)| *found == level) {
            item = add(left, item)?;
            level += 1;
        }
        self.sums.push((level, item));
        Ok(())
    }

    /// Returns the sum of all items, or none if there are none.
    pub fn sum<E>(mut self, mut add: impl FnMut(T, T) -> Result<T, E>) -> Result<Option<T>, E> {
        let Some((_, mut sum)) = self.sums.pop() else {
            return Ok(None);
        };
        while let Some((_, left)) = self.sums.pop() {
            sum = add(left, sum)?;
        }
        Ok(Some(sum))
    }
}

/// Adds up the items of `len` shards in the order of the [`Tree`], whatever the order in which they
/// come.
pub(crate) struct Ordered<T> {
    tree: Tree<T>,
    /// The next shard whose item goes to the tree.
    next: usize,
    len: usize,
    waiting: BTreeMap<usize, T>,
}

impl<T> Ordered<T> {
    pub fn new(len: usize) -> Self {
        Self {
            tree: Tree::new(),
            next: 0,
            len,
            waiting: BTreeMap::new(),
        }
    }

    /// Adds the item of a shard. Returns the sum if it was the last one.
    pub fn add<E>(
        &mut self,
        shard: usize,
        item: T,
        mut add: impl FnMut(T, T) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        self.waiting.insert(shard, item);
        while let Some(item) = self.waiting.remove(&self.next) {
            self.tree.push(item, &mut add)?;
            self.next += 1;
        }
        if self.next < self.len {
            return Ok(None);
        }
        std::mem::replace(&mut self.tree, Tree::new()).sum(add)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ordered, Tree};
    use std::convert::Infallible;

    #[test]
    fn items_in_any_order_have_the_sum_of_those_in_order() {
        let add = |left: String, right: String| Ok::<_, Infallible>(format!("({left}{right})"));
        let mut ordered = Ordered::new(4);
        for shard in [2, 0, 3] {
            assert_eq!(ordered.add(shard, shard.to_string(), add), Ok(None));
        }
        let sum = ordered.add(1, "1".to_owned(), add);
        assert_eq!(sum, Ok(Some("((01)(23))".to_owned())));
    }

    fn shape(items: std::ops::Range<usize>) -> String {
        let add = |left: String, right: String| Ok::<_, Infallible>(format!("({left}{right})"));
        let mut tree = Tree::new();
        for item in items {
            tree.push(item.to_string(), add).unwrap();
        }
        tree.sum(add).unwrap().unwrap_or_default()
    }

    #[test]
    fn sums_have_the_order_of_a_binary_tree() {
        assert_eq!(shape(0..0), "");
        assert_eq!(shape(0..1), "0");
        assert_eq!(shape(0..3), "((01)2)");
        assert_eq!(shape(0..7), "(((01)(23))((45)6))");
        assert_eq!(shape(0..8), "(((01)(23))((45)(67)))");
    }

    #[test]
    fn sums_of_aligned_parts_are_subtrees() {
        assert!(shape(0..8).contains(&shape(4..8)));
        assert!(shape(0..6).contains(&shape(2..4)));
        assert!(shape(0..6).contains(&shape(4..6)));
    }
}
