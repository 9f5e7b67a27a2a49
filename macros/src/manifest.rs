//! Finds the name that the facade crate has in the crate that derives: in its `Cargo.toml`.

use std::path::Path as File;

use syn::{Ident, Path, parse_quote};

/// The name of the facade's package.
const PACKAGE: &str = "cotangent";

/// Returns the path of the facade in the crate being compiled.
pub(crate) fn facade() -> Path {
    let renamed = renamed().and_then(|name| syn::parse_str::<Ident>(&name).ok());
    renamed.map_or_else(|| parse_quote!(::cotangent), |name| parse_quote!(::#name))
}

/// Returns the name that the crate being compiled gives to the facade, if it is another than the
/// package's. Whatever cannot be read counts as not renamed.
fn renamed() -> Option<String> {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR")?;
    let mut folders = File::new(&folder).ancestors();
    let read = |folder: &File| std::fs::read_to_string(folder.join("Cargo.toml")).ok();
    let own = read(folders.next()?)?;
    let keys = dependencies(&own);
    if keys.iter().any(|(key, _)| key == PACKAGE) {
        return None;
    }
    if let Some((key, _)) = keys.iter().find(|(_, package)| package == PACKAGE) {
        return Some(name(key));
    }
    // `nets.workspace = true`: the workspace says what it is.
    let workspace = folders
        .filter_map(read)
        .find(|text| text.contains("[workspace"))?;
    let all = dependencies(&workspace);
    let mut all = all.iter().filter(|(_, package)| package == PACKAGE);
    let (key, _) = all.find(|(key, _)| keys.iter().any(|(own, _)| own == key))?;
    Some(name(key))
}

/// Returns the name in Rust of a dependency.
fn name(key: &str) -> String {
    key.replace('-', "_")
}

/// Returns the dependencies of a manifest, of all kinds: the key of each, and its package, which is
/// the key unless the manifest says another.
fn dependencies(manifest: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let (mut is_list, mut is_one) = (false, false);
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or_default().trim();
            let (before, last) = header.rsplit_once('.').unwrap_or(("", header));
            is_list = last.ends_with("dependencies");
            is_one = before.ends_with("dependencies");
            if is_one {
                all.push((bare(last), bare(last)));
            }
        } else if let Some((key, value)) = line.split_once('=') {
            // `nets.package = "cotangent"` is a line of its own as well.
            let (key, option) = key.trim().split_once('.').unwrap_or((key.trim(), ""));
            if is_list && !line.starts_with('#') {
                let package = match option.trim() {
                    "package" => bare(value),
                    _ => package(value).unwrap_or_else(|| bare(key)),
                };
                all.push((bare(key), package));
            } else if let (true, "package", Some((_, known))) = (is_one, key, all.last_mut()) {
                *known = bare(value);
            }
        }
    }
    all
}

/// Returns the value of `package` in an inline table.
fn package(table: &str) -> Option<String> {
    let (_, rest) = table.split_once("package")?;
    let rest = rest.trim_start().strip_prefix('=')?;
    Some(bare(rest.split([',', '}']).next()?))
}

/// Returns a key or a value without quotation marks and comment.
fn bare(text: &str) -> String {
    let text = text.split('#').next().unwrap_or_default().trim();
    text.trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::dependencies;

    #[test]
    fn renames_are_found_in_every_form() {
        let manifest = r#"
            [package]
            name = "net"
            [dependencies]
            plain = "1"
            # comment = { package = "cotangent" }
            inline = { version = "0.1", package = "cotangent", features = ["a"] } # why
            "quoted" = { package='cotangent' }
            dotted.package = "cotangent"
            [target.'cfg(unix)'.dev-dependencies.table]
            version = "0.1"
            package = "cotangent"
            [features]
            package = ["cotangent"]
        "#;
        let found = dependencies(manifest);
        let found: Vec<_> = found.iter().map(|(a, b)| (&**a, &**b)).collect();
        assert_eq!(
            found,
            [
                ("plain", "plain"),
                ("inline", "cotangent"),
                ("quoted", "cotangent"),
                ("dotted", "cotangent"),
                ("table", "cotangent"),
            ]
        );
    }
}
