//! The reader of lines with valid, damaged and long files.

use cotangent_data::{Error, LineFault, lines};

use crate::{file, gzip};

#[test]
fn text_is_read_line_by_line() {
    let read = |content: &[u8]| {
        let (_folder, path) = file(content);
        lines(&path).unwrap().collect::<Vec<_>>()
    };
    let text = "one\r\n\ntwo\rthree\nlast";
    for content in [text.as_bytes(), &gzip(text.as_bytes())] {
        let found = read(content).into_iter().collect::<Result<Vec<_>, _>>();
        assert_eq!(found.unwrap(), ["one", "", "two\rthree", "last"]);
    }
    let marked = read("\u{feff}one\n\u{feff}two".as_bytes());
    let marked = marked.into_iter().collect::<Result<Vec<_>, _>>();
    assert_eq!(marked.unwrap(), ["one", "\u{feff}two"]);
    assert!(read("\u{feff}".as_bytes()).is_empty());
    assert!(read(b"").is_empty());
    assert_eq!(read(b"\n").len(), 1);

    let found = read(b"good\nb\xff\nnever read");
    assert_eq!(found.len(), 2);
    let Err(Error::Line { line, fault, .. }) = &found[1] else {
        panic!("{found:?}");
    };
    assert_eq!((*line, fault), (2, &LineFault::NotUtf8 { valid: 1 }));
    let found = read(&vec![b'x'; 9 << 20]);
    assert!(
        found[0]
            .as_ref()
            .unwrap_err()
            .to_string()
            .contains("8388608")
    );
    let found = read(&gzip(text.as_bytes())[..20]);
    let error = found.last().unwrap().as_ref().unwrap_err();
    assert!(error.to_string().contains("gzip"), "{error}");
    assert!(matches!(lines("no such file"), Err(Error::Io { .. })));
}
