//! Long texts of errors as readable expected texts.

/// Wraps a text at 80 columns, so that expected texts are readable.
pub fn wrapped(text: &str) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for piece in text.split_inclusive(char::is_whitespace) {
        let len = piece.trim_end().chars().count();
        if column > 0 && column + len > 80 {
            wrapped.truncate(wrapped.trim_end().len());
            wrapped.push('\n');
            column = 0;
        }
        wrapped += piece;
        let broken = piece.ends_with('\n');
        column = if broken {
            0
        } else {
            column + piece.chars().count()
        };
    }
    wrapped
}
