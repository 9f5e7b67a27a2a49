//! The reader of CSV with valid, damaged, truncated and random files.

use cotangent_core::DType;
use cotangent_data::Error;
use cotangent_data::csv::{self, Categories, Fault, Options};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{file, gzip};

const HOUSES: &str = "\
area,rooms,city,price
50,2,Paris,410
72.5,3,\"Rome, centre\",395

64,,Paris,5e2
";

/// Returns the line, the column and the fault of an error of a CSV file.
fn fault<T: std::fmt::Debug>(
    result: cotangent_data::Result<T>,
) -> (Option<u64>, Option<String>, Fault) {
    match result {
        Err(Error::Csv {
            line,
            column,
            fault,
            ..
        }) => (line, column, fault),
        other => panic!("expected an error of a CSV file, found {other:?}"),
    }
}

fn message<T: std::fmt::Debug>(result: cotangent_data::Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn columns_are_numbers_categories_and_texts() {
    let table = csv::parse(HOUSES).unwrap();
    assert_eq!((table.len(), table.is_empty()), (3, false));
    assert_eq!(table.columns(), ["area", "rooms", "city", "price"]);
    let numbers = table.numbers(&["price", "area"]).unwrap();
    assert_eq!(
        (numbers.shape(), numbers.dtype()),
        (&[3, 2][..], DType::F32)
    );
    let expected = [410.0, 50.0, 395.0, 72.5, 500.0, 64.0];
    assert_eq!(numbers.to_f64_vec(), expected);
    assert_eq!(
        table.texts("city").unwrap(),
        ["Paris", "Rome, centre", "Paris"]
    );
    let cities = table.categories("city").unwrap();
    assert_eq!(cities.names(), ["Paris", "Rome, centre"]);
    assert_eq!(
        table.indices("city", &cities).unwrap().as_slice(),
        [0, 1, 0]
    );
    let none: [&str; 0] = [];
    assert_eq!(table.numbers(&none).unwrap().shape(), [3, 0]);
}

#[test]
fn missing_cells_are_filled_marked_or_refused() {
    let table = csv::parse(HOUSES).unwrap();
    let filled = table.numbers_or(&["rooms"], -1.0).unwrap();
    assert_eq!(filled.to_f64_vec(), [2.0, 3.0, -1.0]);
    let missing = table.missing(&["rooms", "area"]).unwrap();
    assert_eq!(missing.shape(), [3, 2]);
    assert_eq!(missing.count(), 1);
    let (line, column, found) = fault(table.numbers(&["area", "rooms"]));
    assert_eq!((line, column.as_deref()), (Some(5), Some("rooms")));
    assert_eq!(found, Fault::Missing);

    let options = Options::new().missing(["NA", "?"]);
    let table = options.parse("x,c\nNA,a\n2,?\n,\n").unwrap();
    let filled = table.numbers_or(&["x"], 0.5).unwrap();
    assert_eq!(filled.to_f64_vec(), [0.5, 2.0, 0.5]);
    let categories = table.categories("c").unwrap();
    assert_eq!(categories.names(), ["a"]);
    assert_eq!(fault(table.indices("c", &categories)).2, Fault::Missing);
    // A missing cell can be a category of its own.
    let categories = Categories::new(["a", "?", ""]).unwrap();
    let indices = table.indices("c", &categories).unwrap();
    assert_eq!(indices.as_slice(), [0, 1, 2]);
    // By default `NA` is a text like any other.
    let table = csv::parse("country\nNA\nDE\n").unwrap();
    assert_eq!(table.categories("country").unwrap().names(), ["DE", "NA"]);
}

#[test]
fn every_form_of_a_file_reads_alike() {
    let expected = csv::parse(HOUSES).unwrap().numbers(&["area"]).unwrap();
    let (_folder, path) = file(gzip(HOUSES.as_bytes()));
    let (_other, plain) = file(format!("\u{feff}{}", HOUSES.replace('\n', "\r\n")));
    let semicolons = HOUSES.replace("Rome, centre", "Rome").replace(',', " ;\t");
    let commented = format!("# by hand\n{}# end", HOUSES.replacen('\n', "\n#\"\n", 1));
    let options = Options::new();
    for table in [
        csv::read(&path),
        csv::read(&plain),
        csv::parse(HOUSES.replace('\n', "\r")),
        csv::parse(HOUSES.trim_end()),
        options.clone().delimiter(b';').parse(semicolons),
        options.clone().comment(b'#').parse(commented),
    ] {
        let table = table.unwrap();
        assert_eq!(table.columns().join(" "), "area rooms city price");
        let area = table.numbers(&["area"]).unwrap();
        assert_eq!(area.to_f64_vec(), expected.to_f64_vec());
    }
    let doubles = options.clone().dtype(DType::F64).parse("x\n0.1").unwrap();
    assert_eq!(
        doubles.numbers(&["x"]).unwrap().to_vec::<f64>().unwrap(),
        [0.1]
    );
    let unnamed = options.header(["x", "y"]).parse("1,2\n3,4").unwrap();
    assert_eq!(unnamed.numbers(&["y"]).unwrap().to_f64_vec(), [2.0, 4.0]);
}

#[test]
fn rows_are_read_one_by_one() {
    let (_folder, path) = file(HOUSES);
    let rows = csv::rows(&path).unwrap();
    assert_eq!(rows.columns().len(), 4);
    let rows = rows.collect::<Result<Vec<_>, _>>().unwrap();
    let lines: Vec<u64> = rows.iter().map(csv::Row::line).collect();
    assert_eq!(lines, [2, 3, 5]);
    let row = &rows[1];
    let numbers = row.numbers(&["area", "rooms"]).unwrap();
    assert_eq!(
        (numbers.shape(), numbers.to_f64_vec()),
        (&[2][..], vec![72.5, 3.0])
    );
    assert_eq!(row.number("price").unwrap(), 395.0);
    assert_eq!(row.text("city").unwrap(), "Rome, centre");
    let cities = Categories::new(["Paris", "Rome, centre"]).unwrap();
    assert_eq!(row.category("city", &cities).unwrap(), 1);
    let last = &rows[2];
    assert!(last.is_missing("rooms").unwrap() && !last.is_missing("area").unwrap());
    assert_eq!(
        last.numbers_or(&["rooms"], 9.0).unwrap().to_f64_vec(),
        [9.0]
    );
    assert!(last.number("rooms").is_err() && last.text("rooms").is_err());
    assert!(matches!(
        csv::rows(path.with_extension("none")),
        Err(Error::Io { .. })
    ));
}

#[test]
fn errors_name_file_line_and_column() {
    let (_folder, path) = file("x,y\n1,2\n3\n");
    let name = path.display();
    assert_eq!(
        message(csv::read(&path)),
        format!("`{name}`, line 3: expected 2 cells, as many as the header has, found 1")
    );
    let table = csv::parse("x,c\n\n1e999,a\n").unwrap();
    let prefix = "`text in memory`";
    for (error, expected) in [
        (
            message(table.numbers(&["x"])),
            ", line 3, column `x`: expected a finite number of the type f32, found `1e999`",
        ),
        (
            message(table.numbers(&["c"])),
            ", line 3, column `c`: expected a number, found `a`",
        ),
        (
            message(table.numbers(&["z"])),
            ", column `z`: there is no such column, the file has `x`, `c`",
        ),
        (
            message(table.indices("c", &Categories::new(["b", "c"]).unwrap())),
            ", line 3, column `c`: expected one of `b`, `c`, found `a`",
        ),
        (
            message(csv::parse("a,b,a\n")),
            ", line 1, column `a`: the columns 1 and 3 have the same name",
        ),
        (
            message(csv::parse("a,b\n1,2\n3,\"4\n5,6\n")),
            ", line 3: a quote is opened and not closed before the end of the file",
        ),
        (
            message(csv::parse(b"a,b\n1,2\n3,\xff\n")),
            ", line 3, column `b`: the text is not valid UTF-8",
        ),
        (
            message(csv::parse("")),
            ", line 1: expected a line with the names of the columns, found none",
        ),
    ] {
        assert_eq!(error, format!("{prefix}{expected}"));
    }
    assert_eq!(
        message(Categories::new(["a", "a"])),
        "categories: the name `a` occurs twice"
    );
    for options in [
        Options::new().delimiter(b'"'),
        Options::new().delimiter(0xe9),
        Options::new().comment(b'\n'),
        Options::new().comment(b','),
    ] {
        assert!(message(options.parse("x\n1")).contains("expected different ASCII characters"));
    }
}

#[test]
fn lines_are_counted_through_empty_lines_comments_and_quoted_line_breaks() {
    let text = "\n# note\r\nx,y\r\n\r\n\"a\n\nb\",1\n#\n\n2,\"\"\n3,q\"\n";
    let (_folder, path) = file(text);
    let rows = Options::new().comment(b'#').rows(&path).unwrap();
    let lines: Vec<u64> = rows.map(|row| row.unwrap().line()).collect();
    assert_eq!(lines, [5, 10, 11]);
}

#[test]
fn long_rows_and_large_tables_are_refused() {
    let endless = format!("x,y\n1,\"{}", "2\n".repeat(csv::LONGEST_ROW));
    let (line, _, found) = fault(csv::parse(&endless));
    let limit = csv::LONGEST_ROW;
    assert_eq!((line, found), (Some(2), Fault::RowTooLong { limit }));

    let bomb = gzip(format!("x\n{}", "0\n".repeat(100_000)).as_bytes());
    assert!(bomb.len() < 1000);
    let options = Options::new().limit(1000);
    let found = fault(options.parse(&bomb));
    assert_eq!(found.2, Fault::OverLimit { limit: 1000 });
    assert_eq!(csv::parse(&bomb).unwrap().len(), 100_000);
    for damaged in [
        &bomb[..bomb.len() / 2],
        &bomb[..11],
        &[&bomb[..], b"x"].concat(),
    ] {
        let (_, _, found) = fault(csv::parse(damaged));
        assert!(matches!(found, Fault::DamagedGzip { .. }), "{found:?}");
    }
}

/// Reads everything that a table offers; the outcome is not compared, only that there is one.
fn read_all(options: &Options, content: &[u8]) {
    let Ok(table) = options.parse(content) else {
        return;
    };
    for column in table.columns() {
        let texts = table.texts(column).unwrap();
        assert_eq!(texts.len(), table.len());
        if let Ok(numbers) = table.numbers(&[column]) {
            assert!(numbers.to_f64_vec().iter().all(|x| x.is_finite()));
        }
        let categories = table.categories(column).unwrap();
        match table.indices(column, &categories) {
            Ok(indices) => assert!(indices.as_slice().iter().all(|&i| i < categories.len())),
            Err(error) => assert!(error.to_string().contains("missing")),
        }
    }
}

proptest! {
    #[test]
    fn mutated_files_never_panic(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        gzipped: bool,
    ) {
        let mut content = HOUSES.as_bytes().to_vec();
        if gzipped {
            content = gzip(&content);
        }
        for (place, byte) in changes {
            let place = place.index(content.len());
            content[place] = byte;
        }
        read_all(&Options::new(), &content);
        read_all(&Options::new().comment(b'1'), &content[..cut.index(content.len())]);
    }

    /// Compares texts and lines with a slow reader that splits quoted text by hand.
    #[test]
    fn rows_and_lines_are_those_of_a_plain_reader(text in "[a,\"\n\r#]{0,24}") {
        let options = Options::new().comment(b'#').header(["x", "y"]);
        let expected = plain_rows(&text);
        let (_folder, path) = file(&text);
        let rows: Vec<_> = options.rows(&path).unwrap().collect();
        for (row, (line, cells, continues)) in rows.iter().zip(&expected) {
            match row {
                Ok(row) => {
                    prop_assert_eq!((row.line(), *continues), (*line, false));
                    let found = ["x", "y"].map(|name| row.text(name).unwrap_or_default());
                    prop_assert_eq!(&found[..], &cells[..]);
                }
                Err(Error::Csv { line: found, fault, .. }) => {
                    prop_assert_eq!(*found, Some(*line));
                    let is_right = match fault {
                        Fault::OpenQuote => true,
                        Fault::TextAfterQuote => *continues,
                        _ => cells.len() != 2,
};
prop_assert!(is_right);
                }
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
        let failed = rows.iter().any(Result::is_err);
        prop_assert!(failed || rows.len() == expected.len());
    }
}

/// Splits a text into rows of trimmed cells, each with its first line, and whether a cell continues
/// after its closing quote.
fn plain_rows(text: &str) -> Vec<(u64, Vec<String>, bool)> {
    let (mut rows, mut line) = (Vec::new(), 1);
    let mut rest = text.chars().peekable();
    while let Some(&first) = rest.peek() {
        if first == '\n' || first == '\r' {
            line += u64::from(first == '\n');
            rest.next();
            continue;
        }
        if first == '#' {
            for c in rest.by_ref().take_while(|&c| c != '\n') {
                let _ = c;
            }
            line += 1;
            continue;
        }
        let start = line;
        let (mut cells, mut cell, mut quoted, mut at_start) =
            (Vec::new(), String::new(), false, true);
        let (mut closed, mut continues) = (false, false);
        while let Some(c) = rest.next() {
            line += u64::from(c == '\n');
            match c {
                '"' if quoted && rest.peek() == Some(&'"') => {
                    rest.next();
                    cell.push('"');
                }
                '"' if quoted => (quoted, closed) = (false, true),
                '"' if at_start => quoted = true,
                ',' if !quoted => {
                    closed = false;
                    cells.push(std::mem::take(&mut cell));
                }
                '\n' | '\r' if !quoted => break,
                c => {
                    continues |= closed;
                    cell.push(c);
                }
            }
            at_start = c == ',' && !quoted;
        }
        cells.push(cell);
        let cells = cells.iter().map(|cell| cell.trim().to_owned());
        rows.push((start, cells.collect(), continues));
    }
    rows
}
