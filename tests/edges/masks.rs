//! A mask selects and does not multiply: 0 times infinity is nobody's gradient.
