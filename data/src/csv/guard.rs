//! Counts lines and bytes in front of the parser, which then needs no trust in the file.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::{Fault, LONGEST_ROW};

/// The place in the grammar behind a byte, as the parser of the crate `csv` sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    RowStart,
    Comment,
    CellStart,
    Cell,
    Quoted,
    /// Behind a quote in a quoted cell, which ends the cell unless another follows.
    Quote,
    /// Behind a closing quote and a space.
    Closed,
}

/// A row that has begun.
#[derive(Debug)]
struct Row {
    /// Its first line.
    line: u64,
    /// Whether a cell continues after its closing quote.
    continues: bool,
}

/// A source that notes where rows begin and whether their quotes are in order, and fails inside a
/// row that is too long.
///
/// The parser says neither: its line of a row is that of the empty lines and comments before it, it
/// reads an open quote to the end of the file, and it appends text behind a quoted cell to the
/// cell.
#[derive(Debug)]
pub(super) struct Guard<R> {
    source: R,
    delimiter: u8,
    comment: Option<u8>,
    state: State,
    line: u64,
    /// The rows that the parser has not returned yet.
    rows: VecDeque<Row>,
    /// The number of bytes that may be read before the next row is returned.
    left: usize,
    has_ended: bool,
}

impl<R: Read> Guard<R> {
    pub(super) fn new(source: R, delimiter: u8, comment: Option<u8>) -> Self {
        Self {
            source,
            delimiter,
            comment,
            state: State::RowStart,
            line: 1,
            rows: VecDeque::new(),
            left: LONGEST_ROW,
            has_ended: false,
        }
    }

    /// Returns the line of the row that the parser reads now.
    pub(super) fn line(&self) -> u64 {
        self.rows.front().map_or(self.line, |row| row.line)
    }

    /// Prepares for the next row.
    pub(super) fn row_read(&mut self) {
        self.rows.pop_front();
        self.left = LONGEST_ROW;
    }

    /// Returns whether the source ends in a quoted cell of the row that the parser reads now.
    pub(super) fn is_quote_open(&self) -> bool {
        self.has_ended && self.state == State::Quoted && self.rows.len() == 1
    }

    /// Returns whether a cell of the row that the parser reads now continues after its closing
    /// quote.
    pub(super) fn continues_after_quote(&self) -> bool {
        self.rows.front().is_some_and(|row| row.continues)
    }

    /// Takes the next byte. Returns whether the parser gets it: spaces before a cell would hide its
    /// quote.
    fn pass(&mut self, byte: u8) -> bool {
        use State::{Cell, CellStart, Closed, Comment, Quote, Quoted, RowStart};
        let is_blank = matches!(byte, b' ' | b'\t') && byte != self.delimiter;
        if is_blank && matches!(self.state, RowStart | CellStart) {
            return false;
        }
        let is_end = byte == b'\n' || byte == b'\r';
        if self.state == RowStart && !is_end && self.comment != Some(byte) {
            let (line, continues) = (self.line, false);
            self.rows.push_back(Row { line, continues });
        }
        self.state = match (self.state, byte) {
            (Comment, b'\n') => RowStart,
            (Comment, _) => Comment,
            (RowStart, byte) if self.comment == Some(byte) => Comment,
            (Quoted, b'"') => Quote,
            (Quoted, _) | (Quote | CellStart | RowStart, b'"') => Quoted,
            (_, byte) if byte == self.delimiter => CellStart,
            _ if is_end => RowStart,
            (Quote | Closed, _) if is_blank => Closed,
            (Quote | Closed, _) => {
                if let Some(row) = self.rows.back_mut() {
                    row.continues = true;
                }
                Cell
            }
            _ => Cell,
        };
        self.line += u64::from(byte == b'\n');
        true
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.left == 0 {
                let limit = LONGEST_ROW;
                return Err(io::Error::other(Fault::RowTooLong { limit }));
            }
            let len = out.len().min(self.left);
            let mut count = self.source.read(&mut out[..len])?;
            self.has_ended = count == 0;
            // The parser takes a comment without a line break at the end for a row.
            if self.has_ended && self.state == State::Comment && len > 0 {
                out[0] = b'\n';
                count = 1;
            }
            let mut kept = 0;
            for i in 0..count {
                if self.pass(out[i]) {
                    out[kept] = out[i];
                    kept += 1;
                }
            }
            self.left -= count;
            // 0 would be the end of the file.
            if kept > 0 || count == 0 {
                return Ok(kept);
            }
        }
    }
}
