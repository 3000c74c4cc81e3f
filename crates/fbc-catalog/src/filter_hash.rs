//! The id of a filter: names the directory and the cache tag of a rebuilt catalog (`docs/behaviour/config-cli.md` 4.5).
//!
//! Caches and archives of oc-mirror v2 carry these ids, so the JSON they are taken of is reproduced to the byte.

use md5::{Digest as _, Md5};

/// An operator entry of the configuration, as far as the id depends on it. An empty text or list means "not set".
#[derive(Debug, Clone, Default)]
pub struct FilterSpec<'a> {
    /// The packages; `None` when the configuration does not say `packages` at all, which is not the same as none.
    pub packages: Option<Vec<FilterPackage<'a>>>,
    /// `name@sha256:digest` of the source catalog, without transport.
    pub catalog: &'a str,
    /// `full`.
    pub full: bool,
    /// `skipDependencies`, which does nothing else.
    pub skip_dependencies: bool,
    /// Operating system and architecture of each platform.
    pub platforms: Vec<(&'a str, &'a str)>,
}

/// A package of the entry.
#[derive(Debug, Clone, Default)]
pub struct FilterPackage<'a> {
    /// `name`.
    pub name: &'a str,
    /// `channels`.
    pub channels: Vec<FilterChannel<'a>>,
    /// `defaultChannel`.
    pub default_channel: &'a str,
    /// `minVersion`.
    pub min_version: &'a str,
    /// `maxVersion`.
    pub max_version: &'a str,
    /// `bundles`, which current upstream does not know; written last, so that ids without it stay the same.
    pub bundles: Vec<&'a str>,
}

/// A channel of a package.
#[derive(Debug, Clone, Default)]
pub struct FilterChannel<'a> {
    /// `name`.
    pub name: &'a str,
    /// `minVersion`.
    pub min_version: &'a str,
    /// `maxVersion`.
    pub max_version: &'a str,
}

/// The id: 32 lower-case hexadecimal digits.
///
/// ```
/// use fbc_catalog::filter_hash::{FilterSpec, filter_hash};
///
/// let catalog = format!("quay.io/ns/cat@sha256:{}", "1".repeat(64));
/// let spec = FilterSpec { catalog: &catalog, ..FilterSpec::default() };
/// assert_eq!(filter_hash(&spec), "7091f2c0560a3e04c77f3cfb4e2714e1");
/// ```
pub fn filter_hash(spec: &FilterSpec<'_>) -> String {
    use std::fmt::Write as _;
    Md5::digest(json(spec)).iter().fold(String::with_capacity(32), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn json(spec: &FilterSpec<'_>) -> String {
    let mut json = String::from("{\"packages\":");
    match &spec.packages {
        None => json.push_str("null"),
        Some(packages) => list(&mut json, packages, package),
    }
    text(&mut json, ",\"catalog\":", spec.catalog);
    if spec.full {
        json.push_str(",\"full\":true");
    }
    if spec.skip_dependencies {
        json.push_str(",\"skipDependencies\":true");
    }
    if !spec.platforms.is_empty() {
        json.push_str(",\"platforms\":");
        list(&mut json, &spec.platforms, |json, (os, architecture)| {
            text(json, "{\"os\":", os);
            text(json, ",\"architecture\":", architecture);
            json.push('}');
        });
    }
    json.push('}');
    json
}

fn package(json: &mut String, package: &FilterPackage<'_>) {
    text(json, "{\"name\":", package.name);
    if !package.channels.is_empty() {
        json.push_str(",\"channels\":");
        list(json, &package.channels, |json, channel| {
            text(json, "{\"name\":", channel.name);
            optional(json, ",\"minVersion\":", channel.min_version);
            optional(json, ",\"maxVersion\":", channel.max_version);
            json.push('}');
        });
    }
    optional(json, ",\"defaultChannel\":", package.default_channel);
    optional(json, ",\"minVersion\":", package.min_version);
    optional(json, ",\"maxVersion\":", package.max_version);
    if !package.bundles.is_empty() {
        json.push_str(",\"bundles\":");
        list(json, &package.bundles, |json, bundle| {
            text(json, "{\"name\":", bundle);
            json.push('}');
        });
    }
    json.push('}');
}

fn list<T>(json: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    json.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        write(json, item);
    }
    json.push(']');
}

fn optional(json: &mut String, key: &str, value: &str) {
    if !value.is_empty() {
        text(json, key, value);
    }
}

/// A key with its punctuation, and a text the way Go writes it: what could end a script element is escaped.
fn text(json: &mut String, key: &str, value: &str) {
    json.push_str(key);
    let mut plain = String::with_capacity(value.len() + 2);
    crate::yaml::push_string(&mut plain, value);
    for c in plain.chars() {
        match c {
            '<' => json.push_str("\\u003c"),
            '>' => json.push_str("\\u003e"),
            '&' => json.push_str("\\u0026"),
            '\u{2028}' => json.push_str("\\u2028"),
            '\u{2029}' => json.push_str("\\u2029"),
            c => json.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors() {
        let digest = "1".repeat(64);
        let (acme, ns) = (format!("quay.io/acme/catalog@sha256:{digest}"), format!("quay.io/ns/cat@sha256:{digest}"));
        let check = |spec: &FilterSpec<'_>, expected_json: &str, expected: &str| {
            assert_eq!(json(spec), expected_json.replace("1×64", &digest));
            assert_eq!(filter_hash(spec), expected);
        };
        let foo = FilterPackage { name: "foo", ..FilterPackage::default() };
        let beta = FilterChannel { name: "beta", min_version: "0.2.0", max_version: "0.3.1" };
        let foo_beta = FilterPackage { channels: vec![beta], default_channel: "beta", ..foo.clone() };
        let bar = FilterPackage { name: "bar", min_version: "1.0.0", ..FilterPackage::default() };
        let linux = vec![("linux", "amd64")];
        let spec = |catalog, packages: &[FilterPackage<'static>]| FilterSpec {
            packages: (!packages.is_empty()).then(|| packages.to_vec()),
            catalog,
            ..FilterSpec::default()
        };
        check(
            &spec(&acme, &[]),
            r#"{"packages":null,"catalog":"quay.io/acme/catalog@sha256:1×64"}"#,
            "8eb94e7f0b6dc8815f422e20021cb434",
        );
        check(
            &FilterSpec { full: true, ..spec(&acme, std::slice::from_ref(&foo)) },
            r#"{"packages":[{"name":"foo"}],"catalog":"quay.io/acme/catalog@sha256:1×64","full":true}"#,
            "a267dcc046b8f243393fd84c1552566b",
        );
        check(
            &FilterSpec { platforms: linux.clone(), ..spec(&acme, &[foo_beta.clone(), bar]) },
            r#"{"packages":[{"name":"foo","channels":[{"name":"beta","minVersion":"0.2.0","maxVersion":"0.3.1"}],"defaultChannel":"beta"},{"name":"bar","minVersion":"1.0.0"}],"catalog":"quay.io/acme/catalog@sha256:1×64","platforms":[{"os":"linux","architecture":"amd64"}]}"#,
            "28651e0114b5ea68225a17bc850be9e5",
        );
        check(
            &spec(&ns, std::slice::from_ref(&foo)),
            r#"{"packages":[{"name":"foo"}],"catalog":"quay.io/ns/cat@sha256:1×64"}"#,
            "dd79eded27b5d3d99b636604b79abe36",
        );
        check(
            &spec(&ns, &[foo_beta]),
            r#"{"packages":[{"name":"foo","channels":[{"name":"beta","minVersion":"0.2.0","maxVersion":"0.3.1"}],"defaultChannel":"beta"}],"catalog":"quay.io/ns/cat@sha256:1×64"}"#,
            "62cfbb2aee67507ee92d8b4131941973",
        );
        check(
            &spec(&ns, &[]),
            r#"{"packages":null,"catalog":"quay.io/ns/cat@sha256:1×64"}"#,
            "7091f2c0560a3e04c77f3cfb4e2714e1",
        );
        check(
            &FilterSpec {
                full: true,
                platforms: linux,
                ..spec("quay.io/ns/cat:v1", &[FilterPackage { min_version: "1.0.0", ..foo }])
            },
            r#"{"packages":[{"name":"foo","minVersion":"1.0.0"}],"catalog":"quay.io/ns/cat:v1","full":true,"platforms":[{"os":"linux","architecture":"amd64"}]}"#,
            "cb2e186d078948a5bfba250a101e594e",
        );
    }

    #[test]
    fn go_style_escapes_and_empty_lists() {
        let spec = FilterSpec { packages: Some(Vec::new()), catalog: "a<b>&\u{2028}\"", ..FilterSpec::default() };
        assert_eq!(json(&spec), r#"{"packages":[],"catalog":"a\u003cb\u003e\u0026\u2028\""}"#);
    }
}
