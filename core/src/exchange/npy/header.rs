//! The header of a `.npy` file: a Python literal, written by any version of NumPy or by hand.

use super::invalid;
use super::number::Number;
use crate::tensor::Shape;
use std::io::{self, ErrorKind, Read};

/// The longest header that is read, in bytes; NumPy's own have a few hundred.
const LONGEST: usize = 64 * 1024;

/// The largest number of axes of an array of NumPy.
const MOST_AXES: usize = 64;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The description of an array, in front of its elements.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) number: Number,
    pub(super) big_endian: bool,
    /// Whether the first axis varies fastest, instead of the last.
    pub(super) column_major: bool,
    pub(super) shape: Shape,
    /// The length of the header in bytes.
    pub(super) len: usize,
    /// The length of all elements in bytes.
    pub(super) elements: usize,
}

impl Header {
    /// Reads a header, and no byte beyond it. Memory is allocated for bytes that were read, never
    /// for a length that the file states.
    pub(super) fn read(source: &mut dyn Read) -> io::Result<Self> {
        let mut start = [0; 8];
        exact(source, &mut start)?;
        let width = match start.strip_prefix(MAGIC) {
            Some([1, 0]) => 2,
            Some([2 | 3, 0]) => 4,
            Some([major, minor]) => {
                return Err(invalid(format!("unknown version {major}.{minor}")));
            }
            _ => return Err(invalid("expected a .npy file, found other contents")),
        };
        let mut len = [0; 4];
        exact(source, &mut len[..width])?;
        let len = u32::from_le_bytes(len) as usize;
        if len > LONGEST {
            return Err(invalid(format!(
                "expected a header of at most {LONGEST} bytes, found {len} bytes"
            )));
        }
        let mut text = vec![0; len];
        exact(source, &mut text)?;
        let mut header =
            Self::parse(&text).map_err(|reason| invalid(format!("the header: {reason}")))?;
        header.len = start.len() + width + len;
        Ok(header)
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        let mut text = Literal { rest: text };
        let (mut descr, mut order, mut shape) = (None, None, None);
        text.expect("{")?;
        while !text.accept("}") {
            let key = text.string()?;
            text.expect(":")?;
            let first = match key.as_str() {
                "descr" => descr.replace(text.string()?).is_none(),
                "fortran_order" => order.replace(text.truth()?).is_none(),
                "shape" => shape.replace(text.lengths()?).is_none(),
                _ => return Err(format!("unknown key '{key}'")),
            };
            if !first {
                return Err(format!("the key '{key}' occurs twice"));
            }
            if !text.accept(",") {
                text.expect("}")?;
                break;
            }
        }
        text.end()?;
        let missing = |key| format!("the key '{key}' is missing");
        let descr = descr.ok_or_else(|| missing("descr"))?;
        let column_major = order.ok_or_else(|| missing("fortran_order"))?;
        let shape = shape.ok_or_else(|| missing("shape"))?;
        let (number, big_endian) = Number::parse(&descr)
            .ok_or_else(|| format!("expected the type of a number, found '{descr}'"))?;
        // The other axes must fit even if one has length 0.
        let mut lengths = shape.iter().map(|&len| len.max(1));
        let elements = lengths
            .try_fold(number.size(), usize::checked_mul)
            .filter(|&bytes| isize::try_from(bytes).is_ok())
            .ok_or_else(|| format!("the shape {shape:?} has more elements than memory can hold"))?;
        let elements = if shape.contains(&0) { 0 } else { elements };
        Ok(Self {
            number,
            big_endian,
            column_major,
            shape: shape.into_iter().collect(),
            len: 0,
            elements,
        })
    }
}

fn exact(source: &mut dyn Read, bytes: &mut [u8]) -> io::Result<()> {
    source
        .read_exact(bytes)
        .map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => invalid("the file ends inside its header"),
            _ => error,
        })
}

/// Returns the bytes of a file up to its first element; `None` if there are more axes than NumPy
/// allows.
pub(super) fn bytes(descr: &str, shape: &[usize]) -> Option<Vec<u8>> {
    if shape.len() > MOST_AXES {
        return None;
    }
    let lengths: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let lengths = match &lengths[..] {
        [length] => format!("{length},"),
        lengths => lengths.join(", "),
    };
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({lengths}), }}");
    // The format aligns the elements at a multiple of 64 bytes, behind a newline.
    let before = MAGIC.len() + 4;
    let len = (before + text.len() + 1).next_multiple_of(64) - before;
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend(u16::try_from(len).ok()?.to_le_bytes());
    bytes.extend(format!("{text:<width$}\n", width = len - 1).bytes());
    Some(bytes)
}

/// The rest of a Python literal, a parser for strings, truth values, and tuples of numbers.
struct Literal<'a> {
    rest: &'a [u8],
}

impl Literal<'_> {
    fn accept(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_ascii_start();
        let rest = self.rest.strip_prefix(token.as_bytes());
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.accept(token) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`{token}`")))
    }

    fn end(&self) -> Result<(), String> {
        if self.rest.trim_ascii_start().is_empty() {
            return Ok(());
        }
        Err(self.unexpected("its end"))
    }

    /// Parses `'text'` or `"text"`, without escapes, with the string prefixes of Python 2 and 3.
    fn string(&mut self) -> Result<String, String> {
        let _ = self.accept("u") || self.accept("b");
        let quote = ["'", "\""].into_iter().find(|quote| self.accept(quote));
        let text = quote.and_then(|quote| {
            let end = self
                .rest
                .iter()
                .position(|&byte| byte == quote.as_bytes()[0])?;
            let (text, rest) = self.rest.split_at(end);
            self.rest = &rest[1..];
            std::str::from_utf8(text).ok().map(str::to_owned)
        });
        text.ok_or_else(|| self.unexpected("a string in quotes"))
    }

    fn truth(&mut self) -> Result<bool, String> {
        if self.accept("True") {
            return Ok(true);
        }
        if self.accept("False") {
            return Ok(false);
        }
        Err(self.unexpected("True or False"))
    }

    /// Parses `()`, `(2,)`, `(2, 3)` or `(2L, 3L)`.
    fn lengths(&mut self) -> Result<Vec<usize>, String> {
        self.expect("(")?;
        let mut lengths = Vec::new();
        while !self.accept(")") {
            lengths.push(self.length()?);
            if self.accept(",") {
                continue;
            }
            if lengths.len() == 1 {
                return Err(self.unexpected("`,`, which makes it a tuple"));
            }
            self.expect(")")?;
            break;
        }
        if lengths.len() > MOST_AXES {
            return Err(format!(
                "expected at most {MOST_AXES} axes, found {}",
                lengths.len()
            ));
        }
        Ok(lengths)
    }

    /// Parses digits, with the suffix `L` of Python 2's long integers.
    fn length(&mut self) -> Result<usize, String> {
        self.accept("");
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let (digits, rest) = self.rest.split_at(digits.count());
        // 010 is 8 in Python 2 and a syntax error in Python 3.
        let is_number = matches!(digits, [b'0'] | [b'1'..=b'9', ..]);
        let text = String::from_utf8_lossy(digits);
        if !is_number {
            return Err(self.unexpected("the length of an axis"));
        }
        let length = text.parse();
        let length = length
            .map_err(|_| format!("an axis of length {text} is longer than memory can hold"))?;
        self.rest = rest.strip_prefix(b"L").unwrap_or(rest);
        Ok(length)
    }

    fn unexpected(&self, expected: &str) -> String {
        let rest = self.rest.trim_ascii();
        let found = String::from_utf8_lossy(&rest[..rest.len().min(20)]);
        format!("expected {expected}, found `{found}`")
    }
}

#[cfg(test)]
mod tests {
    use super::{Header, bytes};
    use crate::exchange::npy::number::Number;

    #[test]
    fn spellings_that_python_reads_alike_are_read_alike() {
        let expected = Header {
            number: Number::F64,
            big_endian: false,
            column_major: true,
            shape: [3, 4].into(),
            len: 0,
            elements: 96,
        };
        for text in [
            "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 4), }    \n",
            "{'shape': (3L, 4L), 'fortran_order': True, 'descr': '<f8'}",
            "{\"descr\":\"<f8\",\"fortran_order\":True,\"shape\":(3,4)}",
            " \t\n{ u'shape' :\n( 3 , 4 , ) , b'descr' : u'<f8' ,\r\n\
             'fortran_order' : True } \t\r\n",
        ] {
            assert_eq!(
                Header::parse(text.as_bytes()).as_ref(),
                Ok(&expected),
                "{text}"
            );
        }
        for (tuple, shape) in [
            ("()", &[][..]),
            ("( )", &[]),
            ("(2,)", &[2]),
            ("(2L,)", &[2]),
            ("(0,)", &[0]),
            ("(1, 0, 65536L)", &[1, 0, 65536]),
        ] {
            let text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {tuple}}}");
            let header = Header::parse(text.as_bytes()).unwrap();
            assert_eq!(&header.shape[..], shape, "{tuple}");
        }
    }

    #[test]
    fn invalid_literals_are_errors() {
        let good = "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 4)}";
        for (from, to) in [
            ("(3, 4)", "(3)"),
            ("(3, 4)", "(,)"),
            ("(3, 4)", "(3, 4"),
            ("(3, 4)", "(3 4)"),
            ("(3, 4)", "(3,, 4)"),
            ("(3, 4)", "(03, 4)"),
            ("(3, 4)", "(3LL, 4)"),
            ("(3, 4)", "(L,)"),
            ("(3, 4)", "(-3, 4)"),
            ("(3, 4)", "(3.0, 4)"),
            ("(3, 4)", "((3, 4))"),
            ("(3, 4)", "[3, 4]"),
            ("(3, 4)", "3"),
            ("(3, 4)", "(3, 4), 'shape': (3, 4)"),
            ("(3, 4)", "(3, 4), 'other': 1"),
            ("True", "1"),
            ("True", "true"),
            ("True", "'True'"),
            ("'<f8'", "'<f8"),
            ("'<f8'", "'<f8\""),
            ("'<f8'", "f8"),
            ("'<f8'", "[('x', '<f8')]"),
            ("'<f8'", "'\\x3cf8'"),
            ("'descr': '<f8', ", ""),
            ("'fortran_order': True, ", ""),
            (", 'shape': (3, 4)", ""),
            ("{", ""),
            ("}", ""),
            ("}", "} x"),
            ("}", "}\0"),
            (good, ""),
        ] {
            let text = good.replace(from, to);
            assert!(Header::parse(text.as_bytes()).is_err(), "{text}");
        }
        let axes = good.replace("(3, 4)", &format!("({})", "1,".repeat(65)));
        assert!(Header::parse(axes.as_bytes()).is_err());
    }

    #[test]
    fn written_headers_are_read_back() {
        for shape in [&[][..], &[7], &[2, 3], &[0; 64], &[1_000_000; 3], &[1; 64]] {
            let bytes = bytes("<f4", shape).unwrap();
            assert_eq!(bytes.len() % 64, 0);
            let header = Header::read(&mut &bytes[..]).unwrap();
            assert_eq!((&header.shape[..], header.number), (shape, Number::F32));
            assert_eq!(header.len, bytes.len());
        }
        assert_eq!(bytes("<f4", &[1; 65]), None);
    }
}
