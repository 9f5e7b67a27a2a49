//! Malformed CSV, each with the right values or an error with its place.

use cotangent_core::DType;
use cotangent_data::csv::{self, Categories, LONGEST_ROW, Options};

/// Returns the numbers in the column `x`, or the place and the fault of the error.
fn numbers(content: impl AsRef<[u8]>) -> Result<Vec<f64>, String> {
    let options = Options::new().dtype(DType::F64);
    let table = options.parse(content).map_err(|error| error.to_string());
    let numbers = table.and_then(|table| table.numbers(&["x"]).map_err(|error| error.to_string()));
    numbers.map(|numbers| numbers.to_f64_vec())
}

#[test]
fn unusual_files_have_the_right_values() {
    for (content, expected) in [
        ("x", &[][..]),
        ("x\n", &[]),
        ("x\n\n\n", &[]),
        ("\u{feff}x\n1\n", &[1.0]),
        ("\u{feff}\"x\"\r\n\"1\"\r\n", &[1.0]),
        ("x\r1\r2\r", &[1.0, 2.0]),
        ("x\r\n1\n2\r3", &[1.0, 2.0, 3.0]),
        (" x ,y\n 1 ,2\n\t2\u{a0},2\n", &[1.0, 2.0]),
        ("\"x\"\n\" 1 \"\n", &[1.0]),
        ("x,\n1,a\n", &[1.0]),
        ("x,y\n1,\"a\nb\"\"\r\n,c\"\n2,\"\"\n", &[1.0, 2.0]),
        ("x,y\n1,\0\n", &[1.0]),
        ("x,y\n1,it\"s\n", &[1.0]),
        (
            "x , \"y\"\n \"1\", \"a, b\"\n\t\"2\",\t\"c\" \n  \n",
            &[1.0, 2.0],
        ),
        ("x,y\n\"1\" ,\"a\"\t\r\n\"2\"\t ,\n", &[1.0, 2.0]),
        (
            "x\n+1\n-0.5\n.5\n5.\n1E3\n1e-999\n",
            &[1.0, -0.5, 0.5, 5.0, 1000.0, 0.0],
        ),
        (
            "x\n123456789012345678901234567890\n",
            &[123_456_789_012_345_678_901_234_567_890.0],
        ),
    ] {
        assert_eq!(numbers(content), Ok(expected.to_vec()), "{content:?}");
    }
}

#[test]
fn spaces_before_a_quote_are_ignored() {
    let table = csv::parse("city, \"country\"\n Rome , \"Italy\"\n\"Lima\",   \"a, b\"  \n");
    let table = table.unwrap();
    assert_eq!(table.columns(), ["city", "country"]);
    assert_eq!(table.texts("city").unwrap(), ["Rome", "Lima"]);
    assert_eq!(table.texts("country").unwrap(), ["Italy", "a, b"]);
    let tabs = Options::new().delimiter(b'\t');
    let table = tabs.parse("a\tb\tc\n\t \"2\"\t\n").unwrap();
    assert_eq!(table.texts("a").unwrap(), [""]);
    assert_eq!(table.texts("b").unwrap(), ["2"]);
    let blank = format!("x\n1,{}", " ".repeat(LONGEST_ROW + 100));
    let error = csv::parse(blank).unwrap_err().to_string();
    assert!(error.contains("line 2: the row has more than"), "{error}");
}

#[test]
fn malformed_files_are_errors_with_their_place() {
    let huge = format!("x,y\n1,2\n3,{}\n", "4".repeat(LONGEST_ROW + (1 << 20)));
    let long = format!("x\n1{}\n", "0".repeat(10_000));
    let cell = |line, what: &str| format!(", line {line}, column `x`: {what}");
    let text = |found: &str| cell(2, &format!("expected a number, found `{found}`"));
    let infinite = |found: &str| {
        cell(
            2,
            &format!("expected a finite number of the type f64, found `{found}`"),
        )
    };
    let header = ", line 1: expected a line with the names of the columns, found none".to_owned();
    let length = |line, found| {
        format!(", line {line}: expected 2 cells, as many as the header has, found {found}")
    };
    let open = |line| {
        format!(", line {line}: a quote is opened and not closed before the end of the file")
    };
    let quote = |line| {
        format!(
            ", line {line}: a cell continues after its closing quote; \
             a quote inside a quoted cell is written twice"
        )
    };
    let cases: &[(&[u8], String)] = &[
        (b"", header.clone()),
        (b"\n\r\n", header.clone()),
        (b"\xef\xbb\xbf", header),
        (b"x,y\n1\n", length(2, 1)),
        (b"x,y\n1,2\n\n1,2,3\n", length(4, 3)),
        (b"x,y\n1,2,\n", length(2, 3)),
        (b"x,y\n1;2\n", length(2, 1)),
        (
            b"x,x\n",
            ", line 1, column `x`: the columns 1 and 2 have the same name".to_owned(),
        ),
        (
            b"a,x, x\n",
            ", line 1, column `x`: the columns 2 and 3 have the same name".to_owned(),
        ),
        (
            b"x;y\n1;2\n",
            ", column `x`: there is no such column, the file has `x;y`".to_owned(),
        ),
        (
            b"X\n1\n",
            ", column `x`: there is no such column, the file has `X`".to_owned(),
        ),
        (b"\"x\n1\n", open(1)),
        (b"x,y\n1,2\n\"3,4\n5,6\n", open(3)),
        (b"x,y\n1,2\n\"1\"2,3\n", quote(3)),
        (b"x,y\n1,2\n\n4,\"a \"good\" day\"\n", quote(4)),
        (b"x,y\n1,\"a\nb\"  c\n5,6\n", quote(2)),
        (b"\"x\"y\n1\n", quote(1)),
        (b"x\n1\n\xff\n", cell(3, "the text is not valid UTF-8")),
        (
            b"\xff\xfex\0\n\x001\0\n\0",
            ", line 1: the text is not valid UTF-8".to_owned(),
        ),
        (
            b"x\xc3\n1\n",
            ", line 1: the text is not valid UTF-8".to_owned(),
        ),
        (
            huge.as_bytes(),
            format!(
                ", line 3: the row has more than {LONGEST_ROW} bytes, \
                 perhaps because a quote is not closed"
            ),
        ),
        (long.as_bytes(), infinite(&format!("1{}…", "0".repeat(39)))),
        (b"x\n1e999\n", infinite("1e999")),
        (b"x\n-1e999\n", infinite("-1e999")),
        (b"x\nnan\n", infinite("nan")),
        (b"x\nNaN\n", infinite("NaN")),
        (b"x\n inf\n", infinite("inf")),
        (b"x\n-Infinity\n", infinite("-Infinity")),
        (b"x\n0x1F\n", text("0x1F")),
        (b"x\n1_000\n", text("1_000")),
        (b"x\n\"1,000\"\n", text("1,000")),
        (b"x\n1 000\n", text("1 000")),
        (b"x\n1.2.3\n", text("1.2.3")),
        (b"x\n1e\n", text("1e")),
        (b"x\n--1\n", text("--1")),
        (b"x\n5%\n", text("5%")),
        (b"x\ntrue\n", text("true")),
        (b"x\nNA\n", text("NA")),
        (b"x\n1\0\n", text("1\\0")),
        (b"x\n\"1\n2\"\n", text("1\\n2")),
        ("x\n−1\n".as_bytes(), text("−1")),
        ("x\n١\n".as_bytes(), text("١")),
        (b"x,y\n1,2\n,2\n", cell(3, "the value is missing")),
        (b"x,y\n1,2\n\" \",2\n", cell(3, "the value is missing")),
    ];
    for (content, expected) in cases {
        let found = numbers(content).unwrap_err();
        let start = String::from_utf8_lossy(&content[..content.len().min(40)]);
        assert_eq!(found, format!("`text in memory`{expected}"), "{start:?}");
    }
}

#[test]
fn a_missing_cell_is_an_error_for_every_kind_of_column() {
    let table = csv::parse("number,kind,text\n1,a,b\n,,\n").unwrap();
    let kinds = table.categories("kind").unwrap();
    let errors = [
        table.numbers(&["number"]).unwrap_err(),
        table.indices("kind", &kinds).unwrap_err(),
    ];
    for (error, column) in errors.iter().zip(["number", "kind"]) {
        let expected = format!("`text in memory`, line 3, column `{column}`: the value is missing");
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(table.texts("text").unwrap(), ["b", ""]);
    let filled = table.numbers_or(&["number"], f64::NAN).unwrap();
    assert!(filled.to_f64_vec()[1].is_nan());
}

#[test]
fn categories_of_the_training_set_are_those_of_every_file() {
    let train = csv::parse("kind\nb\na\nb\n").unwrap();
    let kinds = train.categories("kind").unwrap();
    let test = csv::parse("kind\na\nb\n").unwrap();
    assert_eq!(test.indices("kind", &kinds).unwrap().as_slice(), [0, 1]);
    let unseen = csv::parse("kind\na\n\nc\n").unwrap();
    assert_eq!(
        unseen.indices("kind", &kinds).unwrap_err().to_string(),
        "`text in memory`, line 4, column `kind`: expected one of `a`, `b`, found `c`"
    );
    let one_hot = train.indices("kind", &kinds).unwrap();
    let one_hot = one_hot.one_hot(kinds.len(), DType::F32).unwrap();
    assert_eq!(one_hot.shape(), [3, 2]);
    assert_eq!(one_hot.to_f64_vec(), [0.0, 1.0, 1.0, 0.0, 0.0, 1.0]);
    let none = Categories::new(Vec::<String>::new()).unwrap();
    let error = train.indices("kind", &none).unwrap_err().to_string();
    assert!(
        error.ends_with("expected one of none, found `b`"),
        "{error}"
    );
}
