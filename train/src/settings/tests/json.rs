//! Errors of JSON are those of TOML.

use super::mistakes::{Row, check};
use super::*;

const JSON: &[Row] = &[
    (
        "0.001",
        "\"fast\"",
        "line 14, column 24, `task.optimizer.learning_rate`: must be a number, found \
                 \"fast\"",
    ),
    (
        "0.001",
        "null",
        "line 14, column 24, `task.optimizer.learning_rate`: must be a number, found null",
    ),
    (
        "0.001",
        "-1",
        "line 14, column 24, `task.optimizer.learning_rate`: must be finite and at least 0",
    ),
    (
        "0.001",
        "NaN",
        "line 14, column 24, `task.optimizer.learning_rate`: expected a value",
    ),
    (
        "0.001",
        "1e999",
        "line 14, column 28, `task.optimizer.learning_rate`: number out of range",
    ),
    (
        "\"learning_rate\": 0.001",
        "\"learning_rate\": 1, \"learning_rate\": 2",
        "line 14, column 41, `task.optimizer.learning_rate`: is set twice",
    ),
    (
        "\"learning_rate\": 0.001,",
        "",
        "line 12, column 5, `task.optimizer.learning_rate`: is missing",
    ),
    (
        "\"learning_rate\"",
        "\"learnin_rate\"",
        "line 14, column 7, `task.optimizer.learnin_rate`: unknown field `learnin_rate`, \
                 did you mean `learning_rate`?",
    ),
    (
        "adamw",
        "newton",
        "line 13, column 15, `task.optimizer.kind`: unknown name `newton`, expected one of",
    ),
    ("0.001,", "0.001", "line 15, column 7"),
    (
        "\"weight_decay\": 0.0",
        "\"weight_decay\": -1",
        "line 22, column 27, `task.optimizer.groups[0].weight_decay`: must be finite",
    ),
    (
        "\"at\": 100",
        "\"at\": 0",
        "line 36, column 17, `task.schedule.then[0].at`: must be at least 1, found 0",
    ),
    (
        "\"epochs\": 4",
        "\"epochs\": -4",
        "line 54, column 15, `fit.epochs`: must be a whole number from 0 on, found -4",
    ),
    (
        "\"epochs\": 4",
        "\"epochs\": 99999999999999999999",
        "line 54, column 15, `fit.epochs`: must be a whole number from 0 on, found \
         99999999999999999999",
    ),
    (
        "\"value\"",
        "\"value\\u0020\"",
        "line 57, column 7, `fit.best.value `: unknown field `value `, did you mean",
    ),
    (
        "\"kind\": \"constant\"",
        "\"kind\": \"one\"",
        "line 38, column 21, `task.schedule.then[0].schedule.kind`: unknown name `one`",
    ),
];

#[test]
fn json_has_the_same_errors() {
    let text = to_json(&from_toml::<All>(TEXT).unwrap()).unwrap();
    check(&text, from_json, JSON);
    for end in 0..text.len() {
        let error = from_json::<All>(&text[..end]).unwrap_err().to_string();
        assert!(error.contains("the text ends inside of"), "{end}: {error}");
    }
    for (text, expected) in [
        (
            "{\"\u{fc}\": 1, \"net\": 1}",
            "line 1, column 2, `\u{fc}`: unknown field `\u{fc}`, expected one of net, task, fit",
        ),
        ("3", "line 1, column 1: must be an object, found 3"),
        (
            "[]",
            "line 1, column 2: must be an object, found a list of 0",
        ),
        ("{}", "line 1, column 2, `net`: is missing"),
        ("\0", "line 1, column 1: expected a value"),
    ] {
        let error = from_json::<All>(text).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
    let error = from_json::<All>(&format!("{text} x"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("trailing characters"), "{error}");
    assert!(from_json::<All>(&"[".repeat(100_000)).is_err());
}
