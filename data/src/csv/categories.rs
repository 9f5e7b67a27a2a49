//! The distinct texts of a column, numbered.

use std::collections::HashMap;

use crate::error::{Error, Result};

/// The names of the categories of a column, whose positions are their indices.
///
/// Take them from the training set by [`Columns::categories`](super::Columns::categories), and
/// encode every file with the same ones. An empty name is the category of missing cells.
///
/// ```
/// use cotangent::data::csv::Categories;
///
/// let colours = Categories::new(["red", "green", "blue"])?;
/// assert_eq!(colours.position("green"), Some(1));
/// assert_eq!(colours.position("grey"), None);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "LabelEncoder")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Categories {
    names: Vec<String>,
    positions: HashMap<String, usize>,
}

impl Categories {
    /// Numbers `names` in their order.
    ///
    /// # Errors
    /// [`Error::DuplicateCategory`] if a name occurs twice.
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Result<Self> {
        let (mut list, mut positions) = (Vec::new(), HashMap::new());
        for name in names {
            let name = name.into();
            if positions.insert(name.clone(), list.len()).is_some() {
                return Err(Error::DuplicateCategory { name });
            }
            list.push(name);
        }
        Ok(Self {
            names: list,
            positions,
        })
    }

    /// Returns the names, in the order of their indices.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the number of categories.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns whether there are no categories.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns the index of `name`, if it is one of the categories.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }
}
