//! What gradcheck says of functions at the edges.
