//! Values of a program's own settings, which the parts of the library do not have.

use super::*;
use std::collections::BTreeMap;
use toml::value::Datetime;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    #[serde(default)]
    large: u128,
    #[serde(default)]
    low: i128,
    #[serde(default)]
    real: f64,
    #[serde(default)]
    pair: (f64, f64),
    #[serde(default)]
    by_number: BTreeMap<u64, bool>,
    #[serde(default)]
    data: Vec<Data>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<Datetime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    letter: Option<char>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    any: Option<serde_json::Value>,
}

/// Variants with and without content.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Data {
    Digits,
    Folder(String),
    Shares(f64, f64),
    File { path: String, rows: Option<u64> },
}

const OWN: &str = r"
large = 18446744073709551616
low = -9223372036854775809
real = 18446744073709551616
pair = [1, 2.5]
by_number = { 3 = true, 10 = false }
data = ['digits', { folder = 'a' }, { shares = [1, 2] }, { file = { path = 'b', rows = 7 } }]
start = 1979-05-27T07:32:00Z
letter = 'x'
any = { a = [1, -2, 0.5, 'b', true] }
";

#[test]
fn all_kinds_of_values_are_read_from_both_languages() {
    let own: Own = round_trip_by_json(OWN);
    assert_eq!(own.large, 1 << 64);
    assert_eq!(own.low, i128::from(i64::MIN) - 1);
    assert_eq!(own.real, 2f64.powi(64));
    assert_eq!(own.pair, (1.0, 2.5));
    assert_eq!(own.by_number, BTreeMap::from([(3, true), (10, false)]));
    let (path, rows) = ("b".to_owned(), Some(7));
    let file = Data::File { path, rows };
    let folder = Data::Folder("a".to_owned());
    let data = [Data::Digits, folder, Data::Shares(1.0, 2.0), file];
    assert_eq!(own.data, data);
    assert_eq!(own.start.unwrap().to_string(), "1979-05-27T07:32:00Z");
    assert_eq!(own.letter, Some('x'));
    let any = serde_json::json!({"a": [1, -2, 0.5, "b", true]});
    assert_eq!(own.any, Some(any));
    // As `serde_json` passes a number if a program selects its feature `arbitrary_precision`.
    for (text, number) in [
        ("7", 7),
        ("340282366920938463463374607431768211455", u128::MAX),
    ] {
        let text = format!(r#"{{"large": {{"$serde_json::private::Number": "{text}"}}}}"#);
        assert_eq!(from_json::<Own>(&text).unwrap().large, number);
    }
    assert_eq!(from_json::<Own>(r#"{"start": null}"#).unwrap().start, None);
}

#[test]
fn many_large_numbers_of_json_between_texts_are_read() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Many {
        texts: Vec<String>,
        numbers: Vec<i128>,
        #[serde(rename = "a \"-1\" \\")]
        last: u128,
    }
    let texts = ["", "12", "\"3\"", "4\\", "\\\"-5", "ü6", "\n7"];
    let texts = texts.iter().cycle().map(|&text| text.to_owned());
    let many = Many {
        texts: texts.take(40_000).collect(),
        numbers: (0..40_000).map(|i| (i - 9) << (60 + i % 40)).collect(),
        last: u128::MAX,
    };
    assert_eq!(from_json::<Many>(&to_json(&many).unwrap()).unwrap(), many);
}

/// Reads a text in TOML, and checks that JSON gives the same back. TOML's writer has no numbers
/// beyond 64 bits.
fn round_trip_by_json(text: &str) -> Own {
    let own: Own = from_toml(text).unwrap();
    let json = to_json(&own).unwrap();
    assert_eq!(from_json::<Own>(&json).unwrap(), own, "{json}");
    own
}

#[test]
fn errors_of_own_settings_have_their_places() {
    let toml: fn(&str) -> _ = from_toml::<Own>;
    let json: fn(&str) -> _ = from_json::<Own>;
    for (read, text, expected) in [
        (
            toml,
            "pair = [1, 2, 3]",
            "line 1, column 8, `pair`: must be a list of 2, found a list of 3",
        ),
        (
            toml,
            "real = 1979-05-27",
            "line 1, column 8, `real`: must be a number, found 1979-05-27",
        ),
        (
            toml,
            "large = 1e300",
            "line 1, column 9, `large`: must be a whole number from 0 on, found 1e300",
        ),
        (
            toml,
            "large = 340282366920938463463374607431768211456",
            "line 1, column 9, `large`: integer number overflowed",
        ),
        (
            toml,
            "by_number = { x = true }",
            "line 1, column 15, `by_number.x`: must be a whole number from 0 on, found \"x\"",
        ),
        (
            toml,
            "data = [{ file = { path = 'b', row = 7 } }]",
            "line 1, column 32, `data[0].file.row`: unknown field `row`, did you mean `rows`?",
        ),
        (
            toml,
            "data = [{ file = { rows = 7 } }]",
            "line 1, column 11, `data[0].file.path`: is missing",
        ),
        (
            toml,
            "data = [{ shares = [1, 'b'] }]",
            "line 1, column 24, `data[0].shares[1]`: must be a number, found \"b\"",
        ),
        (
            toml,
            "data = [{ fold = 'b' }]",
            "line 1, column 11, `data[0].fold`: unknown name `fold`, did you mean `folder`?",
        ),
        (
            toml,
            "data = [{ digits = 3 }]",
            "line 1, column 20, `data[0].digits`: must be an empty table, found 3",
        ),
        (
            toml,
            "data = [{}]",
            "line 1, column 9, `data[0]`: must be a table with one field, found 0",
        ),
        (
            toml,
            "data = [1979-05-27]",
            "line 1, column 9, `data[0]`: must be a name in quotes",
        ),
        (
            json,
            r#"{"by_number": {"3": true, "3": false}}"#,
            "line 1, column 29, `by_number.3`: is set twice",
        ),
        (
            json,
            r#"{"pair": [1, 2, 3]}"#,
            "line 1, column 10, `pair`: must be a list of 2, found a list of 3",
        ),
        (
            json,
            r#"{"data": [{"file": {"rows": null}}]}"#,
            "line 1, column 12, `data[0].file.path`: is missing",
        ),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert_eq!(error, format!("bytes in memory: {expected}"), "{text}");
    }
}

#[test]
fn deep_texts_are_errors() {
    let keys = vec!["a"; 20_000].join(".");
    let toml = [
        format!("any = {{ {keys} = 1 }}"),
        format!("any.{keys} = 1"),
        format!("[any.{keys}]"),
        format!("any = {}{}", "[".repeat(20_000), "]".repeat(20_000)),
    ];
    for text in &toml {
        assert!(from_toml::<Own>(text).is_err(), "{}", &text[..20]);
    }
    let json = format!("{}{}", r#"{"any":"#.repeat(20_000), "}".repeat(20_000));
    assert!(from_json::<Own>(&json).is_err());
}
