//! Loading under other names and in parts: the leaves that are set, errors, and that an error
//! changes nothing.

// Expected texts are written as `UPDATE_EXPECT` writes them.
#![allow(clippy::needless_raw_string_hashes)]

#[path = "support/wrapped.rs"]
mod wrapped;

use cotangent::module::{Pattern, Walk, WalkMut};
use cotangent::prelude::*;
use cotangent::state::{Entry, Loader, StateDict, load_bytes, to_bytes};
use expect_test::{Expect, expect};
use std::collections::BTreeMap;
use wrapped::wrapped;

/// Parameters by path, each with another value. Unlike the keys of a map, the paths may have dots,
/// as those of nested modules.
#[derive(Clone)]
struct Net(BTreeMap<String, Param>);

impl Module for Net {
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
        for (path, param) in &self.0 {
            walk.field(path, param);
        }
    }
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
        for (path, param) in &mut self.0 {
            walk.field(path, param);
        }
    }
}

fn net(paths: &[&str], first: f32) -> Net {
    let values = (0u8..).map(|i| first + f32::from(i));
    let param = |value: f32| Param::new(&Tensor::from([value, -value]));
    let params = paths.iter().zip(values);
    Net(params
        .map(|(path, value)| ((*path).to_owned(), param(value)))
        .collect())
}

/// Returns the file of a net with these paths and the values 1, 2, 3, …
fn file(paths: &[&str]) -> Vec<u8> {
    to_bytes(&net(paths, 1.0)).expect("the paths are different")
}

/// Returns the paths with the first element of each parameter.
fn values(net: &Net) -> Vec<(&str, f64)> {
    net.0
        .iter()
        .map(|(path, param)| (path.as_str(), param.value().to_f64_vec()[0]))
        .collect()
}

/// Loads a file with the paths `from` into a net with the paths `to`, and returns the paths that
/// were set and the values of the net.
fn load(loader: &Loader, from: &[&str], to: &[&str]) -> Result<(Vec<String>, Vec<f64>)> {
    let mut model = net(to, 100.0);
    let paths = loader.load_bytes(&mut model, &file(from))?;
    let found = to
        .iter()
        .map(|path| model.0[*path].value().to_f64_vec()[0])
        .collect();
    Ok((paths, found))
}

/// Asserts that loading fails with the text `expected`, and that the model is unchanged.
#[track_caller]
fn refused(loader: &Loader, from: &[u8], mut model: impl Module, expected: &Expect) {
    let before = to_bytes(&model).expect("the model can be saved");
    let error = loader
        .load_bytes(&mut model, from)
        .expect_err("it does not fit");
    expected.assert_eq(&wrapped(&error.to_string()));
    assert_eq!(to_bytes(&model).expect("as before"), before);
}

#[test]
fn without_rules_all_leaves_are_loaded_in_the_order_of_the_model() -> Result<()> {
    #[derive(Module)]
    struct Net {
        second: Param,
        first: Param,
        count: Counter,
        mean: Buffer,
    }
    let build = |x: f32, count| Net {
        second: Param::new(&Tensor::from([x])),
        first: Param::new(&Tensor::scalar(x)),
        count: Counter::new(count),
        mean: Buffer::new(&Tensor::from([[x]])),
    };
    let (saved, mut loaded) = (build(1.5, u64::MAX >> 1), build(0.0, 0));
    let paths = Loader::new().load_bytes(&mut loaded, &to_bytes(&saved)?)?;
    assert_eq!(paths, ["second", "first", "count", "mean"]);
    assert_eq!(to_bytes(&saved)?, to_bytes(&loaded)?);
    // From a file, with the same result.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("net.safetensors");
    let mut other = build(0.0, 0);
    saved.save(&path)?;
    assert_eq!(Loader::new().load(&mut other, &path)?, paths);
    assert_eq!(to_bytes(&saved)?, to_bytes(&other)?);
    let text = Loader::new()
        .load(&mut other, folder.path().join("none"))
        .expect_err("there is none");
    assert!(matches!(text, Error::Io { .. }), "{text}");
    Ok(())
}

#[test]
fn rules_run_in_their_order() -> Result<()> {
    // The second rule gets the names after the first.
    let twice = Loader::new()
        .rename("a", "b")?
        .rename("b", "c")?
        .add_prefix("net.");
    assert_eq!(load(&twice, &["a"], &["net.c"])?.0, ["net.c"]);
    // The prefix is added first, so that `a` alone is not a whole name any more.
    let prefixed = Loader::new().add_prefix("net.").rename("net.a", "net.b")?;
    assert_eq!(load(&prefixed, &["a"], &["net.b"])?.0, ["net.b"]);
    // Two names are swapped through a third.
    let swap = Loader::new()
        .rename("a", "x")?
        .rename("b", "a")?
        .rename("x", "b")?;
    assert_eq!(load(&swap, &["a", "b"], &["a", "b"])?.1, [2.0, 1.0]);
    Ok(())
}

#[test]
fn groups_are_put_into_the_replacement() -> Result<()> {
    let loader = Loader::new()
        .strip_prefix("model.")
        .rename(r"layers\.(\d+)\.(?<leaf>.*)", "hidden.$1.${leaf}")?
        .rename(r"head\.(w|b).*", "out_${1}")?;
    let from = [
        "model.layers.0.weight",
        "model.layers.10.weight",
        "model.head.weight",
        "model.head.bias",
    ];
    // The values are numbered as the paths in `from`; a file is read by name, not by position.
    let to = ["hidden.0.weight", "hidden.10.weight", "out_w", "out_b"];
    let (paths, found) = load(&loader, &from, &to)?;
    assert_eq!(
        paths,
        ["hidden.0.weight", "hidden.10.weight", "out_b", "out_w"]
    );
    assert_eq!(found, [1.0, 2.0, 3.0, 4.0]);
    Ok(())
}

#[test]
fn patterns_match_whole_paths() -> Result<()> {
    let matches = |pattern: &str, path: &str| Ok::<_, Error>(pattern.matcher()?.matches(path));
    for (pattern, path, expected) in [
        ("hidden1", "hidden1", true),
        ("hidden1", "hidden10", false),
        ("hidden1", "hidden1.weight", false),
        ("hidden1", "a.hidden1", false),
        (r"hidden1\..*", "hidden1.weight", true),
        (r"hidden1\..*", "hidden10.weight", false),
        // Each side of an alternative too.
        ("a|ab", "ab", true),
        ("a|b", "ab", false),
        ("", "", true),
        ("", "a", false),
        ("^a$", "a", true),
        // A line break at the end is part of the name.
        ("a", "a\n", false),
        ("(?m)a$", "a\nb", false),
        ("(?i)WEIGHT", "weight", true),
        ("(?x) a b # the two", "ab", true),
        ("(?x) a b # the two", "abc", false),
        ("größe.", "größe\u{1f600}", true),
    ] {
        assert_eq!(matches(pattern, path)?, expected, "`{pattern}` `{path}`");
    }
    Ok(())
}

#[test]
fn hidden1_does_not_match_hidden10() -> Result<()> {
    let paths = ["hidden1.weight", "hidden10.weight", "hidden100.weight"];
    let renamed = Loader::new().rename(r"hidden1\.(.*)", "first.$1")?;
    let to = ["first.weight", "hidden10.weight", "hidden100.weight"];
    assert_eq!(load(&renamed, &paths, &to)?.1, [1.0, 2.0, 3.0]);
    let selected = Loader::new().select(r"hidden1\..*")?;
    let (set, found) = load(&selected, &paths, &paths)?;
    assert_eq!(set, ["hidden1.weight"]);
    assert_eq!(found, [1.0, 101.0, 102.0]);
    // A prefix is matched exactly.
    let stripped = Loader::new().strip_prefix("hidden1");
    let to = [".weight", "0.weight", "00.weight"];
    assert_eq!(load(&stripped, &paths, &to)?.1, [1.0, 2.0, 3.0]);
    // A prefix is not a regular expression.
    let text = load(&Loader::new().strip_prefix("hidden."), &paths, &paths).expect_err("no prefix");
    expect!["load: strip_prefix `hidden.` changes no name in the file"]
        .assert_eq(&text.to_string());
    Ok(())
}

#[test]
fn prefixes_are_removed_from_the_names_that_have_them() -> Result<()> {
    let strip = Loader::new().strip_prefix("model.");
    let (paths, found) = load(&strip, &["model.a", "b"], &["a", "b"])?;
    assert_eq!(
        (&paths[..], &found[..]),
        (&["a".to_owned(), "b".to_owned()][..], &[1.0, 2.0][..])
    );
    // The prefix is removed once.
    assert_eq!(
        load(&strip, &["model.model.a"], &["model.a"])?.0,
        ["model.a"]
    );
    let both = Loader::new().strip_prefix("model.").add_prefix("encoder.");
    assert_eq!(load(&both, &["model.a"], &["encoder.a"])?.0, ["encoder.a"]);
    Ok(())
}

#[test]
fn selections_apply_to_the_model_and_the_file() -> Result<()> {
    // The head has another name in the file and is not selected.
    let lower = Loader::new().select(r"lower\..*")?;
    let from = ["lower.0", "lower.1", "old_head"];
    let to = ["lower.0", "lower.1", "head"];
    let (paths, found) = load(&lower, &from, &to)?;
    assert_eq!(paths, ["lower.0", "lower.1"]);
    assert_eq!(found, [1.0, 2.0, 102.0]);
    // By closure, after renaming.
    let closure = Loader::new()
        .add_prefix("lower.")
        .select(|path: &str| path.ends_with('1'))?;
    assert_eq!(load(&closure, &["0", "1"], &to)?.0, ["lower.1"]);
    Ok(())
}

#[test]
fn selected_leaves_must_be_in_model_and_file() -> Result<()> {
    let select = || Loader::new().select(r"lower\..*");
    refused(
        &select()?,
        &file(&["lower.1", "lower.2", "head"]),
        net(&["lower.0", "lower.1", "head"], 100.0),
        &expect![[r#"
            bytes in memory: 2 mismatches, nothing was loaded:
              `lower.0`: missing in the file
              `lower.2`: in the file, but not in the model"#]],
    );
    let from = ["lower.1", "lower.2", "head"];
    let to = ["lower.0", "lower.1", "head"];
    let tolerant = select()?.allow_missing().allow_unused();
    let (paths, found) = load(&tolerant, &from, &to)?;
    assert_eq!(paths, ["lower.1"]);
    assert_eq!(found, [100.0, 1.0, 102.0]);
    Ok(())
}

#[test]
fn missing_and_unused_are_allowed_one_by_one() -> Result<()> {
    let (from, to) = (["a", "b"], ["b", "c"]);
    refused(
        &Loader::new(),
        &file(&from),
        net(&to, 100.0),
        &expect![[r#"
            bytes in memory: 2 mismatches, nothing was loaded:
              `c`: missing in the file
              `a`: in the file, but not in the model"#]],
    );
    refused(
        &Loader::new().allow_missing(),
        &file(&from),
        net(&to, 100.0),
        &expect!["bytes in memory: nothing was loaded: `a`: in the file, but not in the model"],
    );
    refused(
        &Loader::new().allow_unused(),
        &file(&from),
        net(&to, 100.0),
        &expect!["bytes in memory: nothing was loaded: `c`: missing in the file"],
    );
    let both = Loader::new().allow_missing().allow_unused();
    let (paths, found) = load(&both, &from, &to)?;
    assert_eq!(paths, ["b"]);
    assert_eq!(found, [2.0, 101.0]);
    Ok(())
}

#[test]
fn rules_and_selections_without_effect_are_errors() -> Result<()> {
    let model = || net(&["a", "b"], 100.0);
    let bytes = file(&["a", "b"]);
    let cases = [
        (
            Loader::new().rename("hidden", "a")?,
            expect!["load: rename `hidden` changes no name in the file"],
        ),
        (
            // The rule matches but changes nothing.
            Loader::new().rename("(a)", "$1")?,
            expect!["load: rename `(a)` changes no name in the file"],
        ),
        (
            // The rule before has renamed the names that it matches.
            Loader::new().rename("a", "c")?.rename("a", "d")?,
            expect!["load: rename `a` changes no name in the file"],
        ),
        (
            Loader::new().strip_prefix("model."),
            expect!["load: strip_prefix `model.` changes no name in the file"],
        ),
        (
            Loader::new().add_prefix(""),
            expect!["load: add_prefix `` changes no name in the file"],
        ),
        (
            Loader::new().select("hidden")?,
            expect![[r#"
            load: the pattern `hidden` matches nothing among the model's leaves: these are
            `a`, `b`"#]],
        ),
        (
            Loader::new().select(|_: &str| false)?,
            expect![
                "load: the closure matches nothing among the model's leaves: these are `a`, `b`"
            ],
        ),
        (
            // One selected name is only in the model, the other only in the file.
            Loader::new()
                .rename("a", "c")?
                .select("a|c")?
                .allow_missing()
                .allow_unused(),
            expect!["load: no name in the file is a path of the model"],
        ),
        (
            Loader::new()
                .add_prefix("x.")
                .allow_missing()
                .allow_unused(),
            expect!["load: no name in the file is a path of the model"],
        ),
    ];
    for (loader, expected) in cases {
        refused(&loader, &bytes, model(), &expected);
    }
    // An empty file loads into an empty model.
    assert!(
        Loader::new()
            .load_bytes(&mut net(&[], 0.0), &file(&[]))?
            .is_empty()
    );
    refused(
        &Loader::new().allow_missing(),
        &file(&[]),
        model(),
        &expect!["load: no name in the file is a path of the model"],
    );
    Ok(())
}

#[test]
fn malformed_regular_expressions_are_shown() {
    for (pattern, expected) in [
        (
            "(",
            expect!["pattern: `(`: found open group without closing ')'"],
        ),
        // Valid only between the parentheses that make it match whole names.
        (
            "a)(b",
            expect!["pattern: `a)(b`: found closing ')' without matching '('"],
        ),
        (
            "*",
            expect![
                "pattern: `*`: uncounted repetition operator must be applied to a sub-expression"
            ],
        ),
        (
            "[a",
            expect!["pattern: `[a`: non-empty character class has no closing bracket"],
        ),
        (
            "a\\",
            expect![[r#"
            pattern: `a\`: saw start of escape sequence, but saw end of pattern before it
            finished"#]],
        ),
    ] {
        let rename = Loader::new().rename(pattern, "b").expect_err(pattern);
        let select = Loader::new().select(pattern).expect_err(pattern);
        expected.assert_eq(&wrapped(&rename.to_string()));
        assert_eq!(rename.to_string(), select.to_string());
    }
}

#[test]
fn two_entries_cannot_get_the_same_name() -> Result<()> {
    refused(
        &Loader::new().rename(r"a\.\d", "a")?,
        &file(&["a.0", "a.1", "a.2", "b"]),
        net(&["a", "b"], 100.0),
        &expect![[r#"
            bytes in memory: 2 mismatches, nothing was loaded:
              `a`: both `a.0` and `a.1` are renamed to this
              `a`: both `a.1` and `a.2` are renamed to this"#]],
    );
    // A name that is kept can collide with a renamed one.
    refused(
        &Loader::new().strip_prefix("model."),
        &file(&["a", "model.a"]),
        net(&["a"], 100.0),
        &expect![[r#"
        bytes in memory: nothing was loaded: `a`: both `a` and `model.a` are renamed to
        this"#]],
    );
    // Names that are not selected cannot collide.
    let loader = Loader::new().rename(r"a\.\d", "a")?.select("b")?;
    assert_eq!(
        load(&loader, &["a.0", "a.1", "b"], &["a", "b"])?.1,
        [100.0, 3.0]
    );
    Ok(())
}

#[test]
fn every_mismatch_is_listed_under_both_names() -> Result<()> {
    #[derive(Module)]
    struct Other {
        shape: Param,
        dtype: Param,
        count: Param,
        extra: Param,
    }
    #[derive(Module)]
    struct Net {
        shape: Param,
        dtype: Buffer,
        count: Counter,
        missing: Param,
    }
    let other = Other {
        shape: Param::new(&Tensor::from([[1.0f32, 2.0]])),
        dtype: Param::new(&Tensor::from([1.0f64])),
        count: Param::new(&Tensor::scalar(3.0f32)),
        extra: Param::new(&Tensor::scalar(3.0f32)),
    };
    let model = || Net {
        shape: Param::new(&Tensor::from([[1.0f32], [2.0]])),
        dtype: Buffer::new(&Tensor::from([1.0f32])),
        count: Counter::new(7),
        missing: Param::new(&Tensor::from([1.0f32])),
    };
    refused(
        &Loader::new(),
        &to_bytes(&other)?,
        model(),
        &expect![[r#"
            bytes in memory: 5 mismatches, nothing was loaded:
              `shape`: expected shape (2, 1), found (1, 2)
              `dtype`: expected dtype f32, found F64
              `count`: expected a scalar of dtype I64, found F32 ()
              `missing`: missing in the file
              `extra`: in the file, but not in the model"#]],
    );
    let swapped = Loader::new()
        .rename("shape", "x")?
        .rename("dtype", "shape")?
        .rename("x", "dtype")?
        .rename("(extra)", "an_$1")?;
    refused(
        &swapped,
        &to_bytes(&other)?,
        model(),
        &expect![[r#"
        bytes in memory: 5 mismatches, nothing was loaded:
          `shape` (`dtype` in the file): expected dtype f32, found F64
          `dtype` (`shape` in the file): expected shape (1,), found (1, 2)
          `count`: expected a scalar of dtype I64, found F32 ()
          `missing`: missing in the file
          `an_extra` (`extra` in the file): in the file, but not in the model"#]],
    );
    Ok(())
}

#[test]
fn two_leaves_with_the_same_path_are_an_error() {
    #[derive(Module)]
    struct Twice {
        #[module(flatten)]
        a: Net,
        #[module(flatten)]
        b: Net,
    }
    let mut model = Twice {
        a: net(&["x", "y"], 1.0),
        b: net(&["x"], 5.0),
    };
    // The second has another shape, which must be found before the first is set.
    model
        .b
        .0
        .insert("x".to_owned(), Param::new(&Tensor::from([5.0f32])));
    let text = to_bytes(&model).expect_err("there are two").to_string();
    expect!["bytes in memory: two leaves of the model have the path `x`"].assert_eq(&text);
    let text = model
        .save("never-written")
        .expect_err("as above")
        .to_string();
    expect!["never-written: two leaves of the model have the path `x`"].assert_eq(&text);
    let bytes = file(&["x", "y"]);
    for loader in [Loader::new(), Loader::new().allow_missing().allow_unused()] {
        let text = loader
            .load_bytes(&mut model, &bytes)
            .expect_err("there are two");
        expect!["bytes in memory: nothing was loaded: `x`: two leaves of the model have this path"]
            .assert_eq(&text.to_string());
        assert_eq!(values(&model.a), [("x", 1.0), ("y", 2.0)]);
        assert_eq!(values(&model.b), [("x", 5.0)]);
    }
}

#[test]
fn the_reserved_name_of_the_format_is_an_error() -> Result<()> {
    let text = to_bytes(&net(&["__metadata__"], 1.0)).expect_err("it could not be read again");
    expect!["bytes in memory: the path `__metadata__` is reserved by the safetensors format"]
        .assert_eq(&text.to_string());
    // As a part of a path it is a usual name.
    let bytes = file(&["__metadata__.weight"]);
    load_bytes(&mut net(&["__metadata__.weight"], 1.0), &bytes)
}

#[test]
fn loading_keeps_frozen_marks_and_identities() -> Result<()> {
    let mut model = net(&["a"], 100.0);
    model.freeze();
    Loader::new().load_bytes(&mut model, &file(&["a"]))?;
    assert!(model.0["a"].is_frozen());
    model.unfreeze();
    // The parameter is the same one to gradients before and after loading.
    let pass = Pass::train(0);
    let gradients = model.0["a"].read(&pass).sum().backward()?;
    load_bytes(&mut model, &file(&["a"]))?;
    assert!(gradients.get(&model.0["a"]).is_some());
    Ok(())
}

/// Returns a file with an F32 parameter `a` and entries of types that no leaf has.
fn foreign() -> Vec<u8> {
    use safetensors::tensor::{Dtype, TensorView, serialize};
    let entries: [(&str, Dtype, &[usize], &[u8]); 4] = [
        ("a", Dtype::F32, &[2], &[0, 0, 128, 63, 0, 0, 128, 63]),
        ("position_ids", Dtype::I64, &[2], &[0; 16]),
        ("mask", Dtype::BOOL, &[2], &[0, 1]),
        ("scale", Dtype::F8_E4M3, &[1], &[0]),
    ];
    let views = entries.map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(dtype, shape.to_vec(), bytes).expect("sound entries");
        (name, view)
    });
    serialize(views, None).expect("sound entries")
}

#[test]
fn entries_of_other_types_are_skipped_unless_selected() -> Result<()> {
    for loader in [Loader::new().allow_unused(), Loader::new().select("a")?] {
        let mut model = net(&["a"], 100.0);
        assert_eq!(loader.load_bytes(&mut model, &foreign())?, ["a"]);
        assert_eq!(model.0["a"].value().to_f64_vec(), [1.0, 1.0]);
    }
    refused(
        &Loader::new(),
        &foreign(),
        net(&["a"], 100.0),
        &expect![[r#"
            bytes in memory: 3 mismatches, nothing was loaded:
              `mask`: in the file, but not in the model
              `position_ids`: in the file, but not in the model
              `scale`: in the file, but not in the model"#]],
    );
    refused(
        &Loader::new()
            .rename("mask", "b")?
            .rename("position_ids", "c")?,
        &foreign(),
        net(&["a", "b", "c", "scale"], 100.0),
        &expect![[r#"
            bytes in memory: 3 mismatches, nothing was loaded:
              `b` (`mask` in the file): expected dtype f32, found BOOL
              `c` (`position_ids` in the file): expected dtype f32, found I64
              `scale`: expected dtype f32, found F8_E4M3"#]],
    );
    Ok(())
}

#[test]
fn states_in_memory_load_as_files_do() -> Result<()> {
    let mut state = StateDict::new();
    state.insert("model.a", Entry::Tensor(Tensor::from([1.0f32, 2.0])));
    state.insert("model.b", Entry::Tensor(Tensor::from([3.0f64, 4.0])));
    state.insert("model.n", Entry::Count(u64::MAX));
    state.insert("other", Entry::Tensor(Tensor::from([5.0f32])));
    let param = |x: f64| Param::new(&Tensor::from([x, x]));
    let mut model: BTreeMap<String, Param> = BTreeMap::new();
    model.insert("a".to_owned(), param(0.0));
    model.insert("b".to_owned(), param(0.0));
    let stripped = || Loader::new().strip_prefix("model.");
    // The dtype of the file may be narrower than that of the model, but not wider.
    let loaded = stripped().select("a|b")?.load_state(&mut model, &state)?;
    assert_eq!(loaded, ["a", "b"]);
    assert_eq!(model["a"].value().to_f64_vec(), [1.0, 2.0]);
    assert_eq!(model["a"].value().dtype(), DType::F64);
    model.convert(DType::F32);
    let error = stripped().load_state(&mut model, &state).unwrap_err();
    expect![[r#"
        bytes in memory: 3 mismatches, nothing was loaded:
          `b` (`model.b` in the file): expected dtype f32, found F64
          `n` (`model.n` in the file): in the file, but not in the model
          `other`: in the file, but not in the model"#]]
    .assert_eq(&error.to_string());
    // A count does not load into a parameter, nor a tensor into a counter.
    let mut swapped = (Counter::new(7), param(0.0));
    let rules = stripped()
        .rename("a", "0")?
        .rename("n", "1")?
        .allow_unused();
    let error = rules.load_state(&mut swapped, &state).unwrap_err();
    expect![[r#"
        bytes in memory: 2 mismatches, nothing was loaded:
          `0` (`model.a` in the file): expected a scalar of dtype I64, found F32 (2,)
          `1` (`model.n` in the file): expected dtype f64, found I64"#]]
    .assert_eq(&error.to_string());
    assert_eq!(swapped.0.get(), 7);
    // A state may contain tracked tensors, but the value of a parameter is never tracked.
    let mut tracked = StateDict::new();
    tracked.insert("", Entry::Tensor(Tensor::from([1.0f64, 2.0]).tracked()));
    let mut model = param(0.0);
    model.load_state(&tracked)?;
    assert!(!model.value().is_tracked());
    Ok(())
}

#[test]
fn boxed_layers_load_as_layers_without_a_box() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let plain = vec![Linear::new(2, 2, &mut rng)?, Linear::new(2, 2, &mut rng)?];
    let mut boxed: Box<dyn Module> = Box::new((
        Linear::new(2, 2, &mut rng)?,
        Some(Box::new(Linear::new(2, 2, &mut rng)?)),
    ));
    let paths = Loader::new().load_bytes(&mut *boxed, &to_bytes(&plain)?)?;
    assert_eq!(paths, ["0.weight", "0.bias", "1.weight", "1.bias"]);
    assert_eq!(to_bytes(&plain)?, to_bytes(&*boxed)?);
    Ok(())
}

/// Returns the text of the error, wrapped.
fn text<T: std::fmt::Debug>(result: Result<T>) -> String {
    wrapped(&result.expect_err("it is refused").to_string())
}

#[test]
fn keys_of_maps_are_names() -> Result<()> {
    let map = |keys: &[&str]| -> BTreeMap<String, Param> { net(keys, 1.0).0 };
    // Numbers and spaces are allowed.
    let good = (map(&["0", "left half", "é"]), Counter::new(0));
    good.save(
        tempfile::tempdir()
            .expect("a temporary folder")
            .path()
            .join("net"),
    )?;
    for (key, expected) in [
        ("", expect!["`0`: module: the name `` is empty"]),
        (
            "b.x",
            expect![[r#"
            `0`: module: the name `b.x` has a dot in it, but dots separate the names in a
            path"#]],
        ),
    ] {
        let mut net = (map(&["a", key]), Param::new(&Tensor::from([1.0f32])));
        let bytes = to_bytes(&good)?;
        expected.assert_eq(&text(to_bytes(&net)));
        expected.assert_eq(&text(load_bytes(&mut net, &bytes)));
        expected.assert_eq(&text(net.state()));
        expected.assert_eq(&text(net.select("1").map(drop)));
        expected.assert_eq(&text(net.freeze_where("1")));
        expected.assert_eq(&text(Loader::new().load_from(&mut good.clone(), &net)));
        let gradients = net.1.read(&Pass::train(0)).sum().backward()?;
        let mut optimizer = Sgd::new(0.1).build()?;
        expected.assert_eq(&text(optimizer.step(&mut net, gradients)));
        assert!(Sequential::new().named(key, Relu).is_err());
    }
    Ok(())
}

#[test]
fn a_file_of_another_kind_is_explained_in_one_line() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (plain, checkpoint) = (folder.path().join("net"), folder.path().join("checkpoint"));
    let mut net = net(&["hidden.weight", "hidden.bias", "out.weight"], 1.0);
    let mut pass = Pass::train(1);
    net.save(&plain)?;
    save_checkpoint(&checkpoint, &[("model", &net), ("pass", &pass)])?;
    let named = |result: Result<()>| {
        let error = result.expect_err("it is refused").to_string();
        wrapped(&error.replace(&folder.path().display().to_string(), "folder"))
    };

    let parts: &mut [(&str, &mut dyn Stateful)] = &mut [("model", &mut net), ("pass", &mut pass)];
    expect![[r#"
        folder/net: nothing was loaded: the file holds one model, as `save` writes it,
        and is no checkpoint: call `load` of the part `model`"#]]
    .assert_eq(&named(load_checkpoint(&plain, parts)));
    expect![[r#"
        folder/net: nothing was loaded: expected the parts `pass` of a checkpoint, found
        `hidden`, `out` (to load a file of `save`, call `load`)"#]]
    .assert_eq(&named(load_checkpoint(&plain, &mut parts[1..])));
    expect![[r#"
        folder/checkpoint: nothing was loaded: the file has the model's paths after
        `model.`: load a file of `save_checkpoint` with `load_checkpoint`, or this part
        of it with `Loader::new().strip_prefix("model.").allow_unused()`"#]]
    .assert_eq(&named(net.load(&checkpoint)));
    // The call that the error suggests.
    let loader = Loader::new().strip_prefix("model.").allow_unused();
    assert_eq!(loader.load(&mut net, &checkpoint)?.len(), 3);

    let mut one = folder.path().join("one");
    save_checkpoint(&one, &[("model", &net)])?;
    let parts: &mut [(&str, &mut dyn Stateful)] = &mut [("model", &mut net), ("pass", &mut pass)];
    expect!["folder/one: nothing was loaded: `pass`: the file has no such part"]
        .assert_eq(&named(load_checkpoint(&one, parts)));
    expect![[r#"
        folder/one: nothing was loaded: the file has the model's paths after `model.`:
        load a file of `save_checkpoint` with `load_checkpoint`, or this part of it with
        `Loader::new().strip_prefix("model.")`"#]]
    .assert_eq(&named(net.load(&one)));
    one = folder.path().join("none");
    assert!(
        text(load_checkpoint(&one, &mut [("model", &mut net)]))
            .starts_with(&*one.to_string_lossy())
    );
    Ok(())
}

#[test]
fn a_file_of_another_precision_is_explained_in_one_line() -> Result<()> {
    let paths = ["a", "b", "c", "d"];
    let wide = to_bytes(&net(&paths, 1.0).to_dtype(DType::F64))?;
    refused(
        &Loader::new(),
        &wide,
        net(&paths, 0.0),
        &expect![[r#"
        bytes in memory: nothing was loaded: the file holds F64, but the model f32 (in 4
        leaves), and loading never rounds: call `convert(DType::F64)` on the model
        before it, and `convert(DType::F32)` after it"#]],
    );
    // The calls that the error suggests.
    let mut model = net(&paths, 0.0);
    model.convert(DType::F64);
    load_bytes(&mut model, &wide)?;
    model.convert(DType::F32);
    assert_eq!(values(&model)[3], ("d", 4.0));
    // f32 fits into f64.
    load_bytes(&mut model.to_dtype(DType::F64), &file(&paths))
}

#[test]
fn long_lists_of_mismatches_are_grouped() {
    fn borrowed(names: &[String]) -> Vec<&str> {
        names.iter().map(String::as_str).collect()
    }
    let names = |from: usize, to: usize| -> Vec<String> {
        (from..to).map(|i| format!("layers.{i}.weight")).collect()
    };
    let (from, to) = (names(0, 20), names(10, 26));
    let mut model = net(&borrowed(&to), 1.0);
    model
        .0
        .insert(to[0].clone(), Param::new(&Tensor::from([1.0f32])));
    refused(
        &Loader::new(),
        &file(&borrowed(&from)),
        model,
        &expect![[r#"
            bytes in memory: 17 mismatches, nothing was loaded:
              `layers.10.weight`: expected shape (1,), found (2,)
              `layers.20.weight`, `layers.21.weight`, `layers.22.weight` and 3 more: missing
            in the file
              `layers.0.weight`, `layers.1.weight`, `layers.2.weight` and 7 more: in the
            file, but not in the model"#]],
    );
}
