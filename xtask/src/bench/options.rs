//! What every benchmark is told in the same way: options with a value each, and a folder for its data.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// Hands each `--name value` of `arguments` to `take`, which says whether it knows the name; `known` lists the names.
pub(super) fn each(
    arguments: &[&str],
    known: &str,
    mut take: impl FnMut(&str, &str) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    for pair in arguments.chunks(2) {
        let &[name, value] = pair else { bail!("`{}` wants a value", pair[0]) };
        if !take(name, value).with_context(|| format!("`{value}` is no value of `{name}`"))? {
            bail!("unknown option `{name}`; there are {known}");
        }
    }
    Ok(())
}

/// Where the data of a benchmark goes.
pub(super) enum Folder {
    /// Named by the caller; it stays.
    Given(PathBuf),
    /// Gone at the end.
    Temporary(TempDir),
}

impl Folder {
    /// The given folder, or a temporary one.
    pub(super) fn of(given: Option<&PathBuf>) -> anyhow::Result<Self> {
        match given {
            Some(folder) => Ok(Self::Given(folder.clone())),
            None => Ok(Self::Temporary(tempfile::tempdir().context("cannot make a temporary folder")?)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Given(folder) => folder,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_has_a_value_and_a_known_name() {
        let check = |arguments: &[&str], expected: Result<Option<u64>, &str>| {
            let mut runs = None;
            let result = each(arguments, "--runs", |name, value| {
                if name == "--runs" {
                    runs = Some(value.parse()?);
                }
                Ok(name == "--runs")
            });
            let told = result.map(|()| runs).map_err(|error| error.to_string());
            assert_eq!(told, expected.map_err(str::to_owned), "{arguments:?}");
        };
        check(&[], Ok(None));
        check(&["--runs", "3"], Ok(Some(3)));
        check(&["--runs", "3", "--runs", "4"], Ok(Some(4)));
        check(&["--runs"], Err("`--runs` wants a value"));
        check(&["--runs", "few"], Err("`few` is no value of `--runs`"));
        check(&["--pairs", "3"], Err("unknown option `--pairs`; there are --runs"));
    }
}
