//! Errors name the file, line, column and field, and say what was expected.

use super::*;

type Reader = fn(&str) -> cotangent_core::Result<All>;

/// The text that is replaced, the new one, and the beginning of the error.
pub(super) type Row = (&'static str, &'static str, &'static str);

/// Checks the texts of errors, for a text in which one piece is replaced.
#[track_caller]
pub(super) fn check(text: &str, read: Reader, rows: &[Row]) {
    for (from, to, expected) in rows {
        assert!(text.contains(from), "{from}");
        let error = read(&text.replacen(from, to, 1)).unwrap_err().to_string();
        let found = error.strip_prefix("bytes in memory: ").unwrap();
        assert!(
            found.starts_with(expected),
            "{to}\nexpected {expected}\nfound    {found}"
        );
    }
}

const NUMBERS: &[Row] = &[
    (
        "1e-3",
        "'fast'",
        "line 14, column 17, `task.optimizer.learning_rate`: must be a number, found \"fast\"",
    ),
    (
        "1e-3",
        "true",
        "line 14, column 17, `task.optimizer.learning_rate`: must be a number, found true",
    ),
    (
        "1e-3",
        "[1]",
        "line 14, column 17, `task.optimizer.learning_rate`: must be a number, found a list",
    ),
    (
        "1e-3",
        "-1",
        "line 14, column 17, `task.optimizer.learning_rate`: must be finite and at least 0, \
         found -1",
    ),
    (
        "1e-3",
        "nan",
        "line 14, column 17, `task.optimizer.learning_rate`: must be finite and at least 0, \
         found NaN",
    ),
    (
        "1e-3",
        "inf",
        "line 14, column 17, `task.optimizer.learning_rate`: must be finite and at least 0, \
         found inf",
    ),
    (
        "1e-3",
        "1e999",
        "line 14, column 17, `task.optimizer.learning_rate`: floating-point number overflowed",
    ),
    (
        "= 4",
        "= -4",
        "line 29, column 10, `fit.epochs`: must be a whole number from 0 on, found -4",
    ),
    (
        "= 4",
        "= 4.5",
        "line 29, column 10, `fit.epochs`: must be a whole number from 0 on, found 4.5",
    ),
    (
        "= 4",
        "= 99999999999999999999",
        "line 29, column 10, `fit.epochs`: must be a whole number from 0 on, found \
         99999999999999999999",
    ),
];

const VALUES: &[Row] = &[
    (
        "[0.9, 0.99]",
        "[0.9, 1.0]",
        "line 15, column 9, `task.optimizer.betas`: must be in [0, 1), found 1",
    ),
    (
        "[0.9, 0.99]",
        "[0.9, 0.99, 0.999]",
        "line 15, column 9, `task.optimizer.betas`: must be a list of two numbers, found \
                 [0.9, 0.99, 0.999]",
    ),
    (
        "[0.9, 0.99]",
        "0.9",
        "line 15, column 9, `task.optimizer.betas`: must be a list, found 0.9",
    ),
    (
        "0.99]",
        "'a']",
        "line 15, column 15, `task.optimizer.betas[1]`: must be a number, found \"a\"",
    ),
    (
        "'.*bias'",
        "'(bias'",
        "line 19, column 11, `task.optimizer.groups[0].pattern`: `(bias`: ",
    ),
    (
        "\nweight_decay = 0.0",
        "",
        "line 18, column 1, `task.optimizer.groups[0]`: the group needs one of",
    ),
    (
        "total = 100",
        "total = 0",
        "line 24, column 9, `task.schedule.total`: must be at least 1, found 0",
    ),
    (
        "at = 100",
        "at = 0",
        "line 26, column 16, `task.schedule.then[0].at`: must be at least 1, found 0",
    ),
    (
        "{ kind = 'constant' }",
        "{ kind = 'exponential', gamma = -1 }",
        "line 26, column 64, `task.schedule.then[0].schedule.gamma`: must be finite and at \
                 least 0, found -1",
    ),
    (
        "[3, 8, 1]",
        "[3]",
        "line 3, column 9, `net.sizes`: must be at least two numbers from 1 on, found [3]",
    ),
    (
        "[3, 8, 1]",
        "[3, -8, 1]",
        "line 3, column 13, `net.sizes[1]`: must be a whole number from 0 on, found -8",
    ),
    (
        "leaky_relu(0.2)",
        "leaky",
        "line 4, column 14, `net.activation`: expected one of identity, relu,",
    ),
    (
        "keep_best = true",
        "keep_best = 'true'",
        "line 30, column 13, `fit.keep_best`: must be true or false, found \"true\"",
    ),
    (
        "keep_best = true",
        "stop_early = 0",
        "line 30, column 14, `fit.stop_early`: must be at least 1, found 0",
    ),
    (
        "keep_best = true",
        "checkpoints = { folder = 'run', every_minutes = 1e300 }",
        "line 30, column 49, `fit.checkpoints.every_minutes`: must be from 1e-10 to 1e17, \
                 found 1e300",
    ),
    (
        "{ kind = 'lowest', value = 'loss' }",
        "'loss'",
        "line 31, column 8, `fit.best`: must be a table, found \"loss\"",
    ),
];

#[test]
fn values_of_toml() {
    check(TEXT, from_toml, NUMBERS);
    check(TEXT, from_toml, VALUES);
}

const NAMES: &[Row] = &[
    (
        "warm_up",
        "warmup",
        "line 25, column 1, `task.schedule.warmup`: unknown field `warmup`, did you mean \
                 `warm_up`?",
    ),
    (
        "learning_rate",
        "lr",
        "line 14, column 1, `task.optimizer.lr`: unknown field `lr`, did you mean \
                 `learning_rate`?",
    ),
    (
        "[task.schedule]",
        "[task.shedule]",
        "line 22, column 7, `task.shedule`: unknown field `shedule`, did you mean",
    ),
    (
        "[task.schedule]",
        "[plan]",
        "line 22, column 2, `plan`: unknown field `plan`, expected one of net, task, fit",
    ),
    (
        "adamw",
        "Adam-W",
        "line 13, column 8, `task.optimizer.kind`: unknown name `Adam-W`, did you mean \
                 `adamw`?",
    ),
    (
        "adamw",
        "newton",
        "line 13, column 8, `task.optimizer.kind`: unknown name `newton`, expected one of \
                 sgd, momentum, nesterov, adagrad, rmsprop, adadelta, adam, adamw, nadam, radam, \
                 adamax, lamb, lion, rprop, asgd, adafactor, muon",
    ),
    (
        "'cosine'",
        "'plateau'",
        "line 23, column 8, `task.schedule.kind`: unknown name `plateau`, did you mean \
                 `reduce_on_plateau`?",
    ),
    (
        "'cosine'",
        "3",
        "line 23, column 8, `task.schedule.kind`: must be a name in quotes",
    ),
    (
        "learning_rate = 1e-3",
        "",
        "line 12, column 7, `task.optimizer.learning_rate`: is missing",
    ),
    (
        "[fit]\nepochs = 4",
        "[fit]",
        "line 28, column 2, `fit.epochs`: is missing",
    ),
    (
        "betas = [0.9, 0.99]",
        "rho = 0.9",
        "line 15, column 7, `task.optimizer.rho`: this kind has no such option; it has \
                 betas, epsilon, ",
    ),
    (
        "exponential",
        "equal",
        "line 10, column 37, `task.average.decay`: this kind has no such option; it has \
                 none",
    ),
    (
        "total = 100",
        "",
        "line 23, column 8, `task.schedule.kind`: this kind needs the option `total`",
    ),
    (
        "'cosine'\ntotal = 100",
        "'piecewise_constant'\nboundaries = [1, 2]\nfactors = [1]",
        "line 25, column 11, `task.schedule.factors`: expected 3 factors, found 1",
    ),
    (
        "'cosine'\ntotal = 100",
        "'reduce_on_plateau'\nthreshold = 0.1\nabsolute_threshold = 0.1",
        "line 25, column 22, `task.schedule.absolute_threshold`: excludes the option \
                 `threshold`",
    ),
    (
        "then = [",
        "then = [{ at = 100, schedule = { kind = 'constant' } }, ",
        "line 26, column 8, `task.schedule.then`: `at` must be above 100, found 100",
    ),
    (
        "norm = 'layer'",
        "norm_after_activation = true",
        "line 5, column 25, `net.norm_after_activation`: needs the option `norm`",
    ),
    (
        "keep_best = true",
        "resume = true",
        "line 30, column 10, `fit.resume`: needs the option `checkpoints`",
    ),
    (
        "{ kind = 'lowest', value",
        "{ value",
        "line 31, column 1, `fit.best.kind`: is missing",
    ),
];

#[test]
fn names_and_combinations_of_toml() {
    check(TEXT, from_toml, NAMES);
}

#[test]
fn texts_that_are_not_toml() {
    check(
        TEXT,
        from_toml,
        &[
            (
                "= 1e-3",
                "= 1e-3\nlearning_rate = 1e-4",
                "line 15, column 1, `task.optimizer.learning_rate`: is set twice",
            ),
            ("[fit]", "[net]", "line 28, column 2, `net`: is set twice"),
            (
                "[task.schedule]",
                "[task.optimizer]",
                "line 22, column 7, `task.optimizer`: is set twice",
            ),
            (
                "bound = 5.0",
                "bound = 5.0, bound = 6.0",
                "line 9, column 45, `task.clip.bound`: is set twice",
            ),
            (
                "= 1e-3",
                "=",
                "line 14, column 16, `task.optimizer.learning_rate`: the value is missing",
            ),
            (
                "= 1e-3",
                "= fast",
                "line 14, column 17, `task.optimizer.learning_rate`: must be a number, true, \
                 false, or a text in quotes, found fast",
            ),
            (
                "= 1e-3",
                "= 1,5",
                "line 14, column 18, `task.optimizer.learning_rate`: unexpected key or value",
            ),
            (
                "'.*bias'",
                "\".*\\.bias\"",
                "line 19, column 15, `task.optimizer.groups.pattern`: a text in double quotes \
                 has a \
                 `\\` before another letter; single quotes allow it",
            ),
            (
                "1e-3",
                "1e-3x",
                "line 14, column 21, `task.optimizer.learning_rate`: invalid float, expected \
                 nothing, found x",
            ),
            ("[fit]", "[fit", "line 28, column 5"),
            ("'loss' }\n", "'lo", "line 31, column "),
            ("[net]", "\0\u{1}", "line 2, column 3"),
        ],
    );
    for (text, expected) in [
        ("", "line 1, column 1, `net`: is missing"),
        (
            "epochs",
            "line 1, column 7: key with no value, expected `=`",
        ),
    ] {
        let error = from_toml::<All>(text).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
    let deep = format!("x = {}", "[".repeat(100_000));
    assert!(from_toml::<All>(&deep).is_err());
}

#[test]
fn no_damage_is_an_error_without_a_place() {
    let json = to_json(&from_toml::<All>(TEXT).unwrap()).unwrap();
    let texts: [(&str, Reader); 2] = [(TEXT, from_toml), (&json, from_json)];
    for (text, read) in texts {
        let mut errors = 0;
        for at in 0..text.len() {
            let (before, after) = text.split_at(at);
            for damaged in [
                before.to_owned(),
                format!("{before}{}", &after[1..]),
                format!("{before}\u{e9}{after}"),
                format!("{before}]{after}"),
                format!("{before}\"{after}"),
                format!("{before}9{}", &after[1..]),
            ] {
                if let Err(error) = read(&damaged) {
                    let error = error.to_string();
                    assert!(
                        error.starts_with("bytes in memory: line "),
                        "{error}\n{damaged}"
                    );
                    errors += 1;
                }
            }
        }
        assert!(errors > 3 * text.len(), "{errors}");
    }
}

#[test]
fn errors_of_files_have_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        read::<FitSettings>(&path).unwrap_err().to_string()
    };
    let error = at("run.toml", b"\nepoch = 3");
    assert!(
        error.contains("run.toml: line 2, column 1, `epoch`: unknown field `epoch`, did you mean"),
        "{error}"
    );
    let error = at("run.json", b"{\"epochs\": true}");
    assert!(
        error.contains("run.json: line 1, column 12, `epochs`: must be a whole number"),
        "{error}"
    );
    let error = at("run.toml", b"epochs = 3\nseed = \xff");
    assert!(
        error.contains("run.toml: line 2, column 8: the text is not valid UTF-8"),
        "{error}"
    );
    let folder = read::<FitSettings>(folder.path()).unwrap_err();
    assert!(
        matches!(folder, cotangent_core::Error::Io { .. }),
        "{folder}"
    );
}
