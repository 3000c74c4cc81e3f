//! Running the `oc-mirror` binary in a world of its own: nothing of the user's environment or configuration reaches it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::process::{self, cargo};

/// Builds `oc-mirror` and gives the path of the binary, which lies beside ours.
pub(crate) fn build(release: bool) -> anyhow::Result<PathBuf> {
    let profile: &[&str] = if release { &["--release"] } else { &[] };
    process::run(cargo(), &[&["build", "--package", "oc-mirror"], profile].concat())?;
    Ok(target_folder()?.join(if release { "release" } else { "debug" }).join("oc-mirror"))
}

/// Cargo's target folder: that in which this program lies.
pub(crate) fn target_folder() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where xtask lies")?;
    let folder = own.parent().and_then(Path::parent).context("xtask lies outside of a target folder")?;
    Ok(folder.to_owned())
}

/// The binary with a home folder of its own.
#[derive(Debug)]
pub(crate) struct Tool {
    binary: PathBuf,
    home: PathBuf,
}

impl Tool {
    /// Uses `home`, which is made when it is missing, for its cache and all its configuration.
    pub(crate) fn new(binary: &Path, home: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(home).with_context(|| format!("cannot make {}", home.display()))?;
        let empty = home.join("registries.conf");
        fs::write(&empty, "").with_context(|| format!("cannot write {}", empty.display()))?;
        Ok(Self { binary: binary.to_owned(), home: home.to_owned() })
    }

    /// A call with these arguments, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .current_dir(&self.home)
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", "/usr/bin:/bin")
            .env("CONTAINERS_REGISTRIES_CONF", self.home.join("registries.conf"));
        command
    }

    /// A call with these arguments as a line for a shell: variables, program, arguments.
    pub(crate) fn shown(&self, arguments: &[&str], settle: impl Fn(&mut Command)) -> String {
        let mut command = self.command(arguments);
        settle(&mut command);
        let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"));
        let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let mut words = vec!["env".to_owned()];
        words.extend(variables.map(|(name, value)| format!("{}={}", name.to_string_lossy(), quoted(value))));
        words.push(quoted(command.get_program()));
        words.extend(command.get_args().map(quoted));
        words.join(" ")
    }

    /// The folder for its cache and configuration.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }
}

/// An ImageSetConfiguration of additional images.
pub(crate) fn configuration<'a>(images: impl IntoIterator<Item = &'a str>) -> String {
    let mut text =
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  additionalImages:\n"
            .to_owned();
    for image in images {
        text = text + "    - name: " + image + "\n";
    }
    text
}
