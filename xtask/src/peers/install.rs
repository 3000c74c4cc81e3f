//! Programs of others, built from source at fixed versions.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::process::{complain, say};
use crate::tool;

/// A program of others.
struct Program {
    /// Go's name of the module.
    module: &'static str,
    /// The folder of the program inside the module.
    package: &'static str,
    version: &'static str,
}

impl Program {
    fn name(&self) -> &'static str {
        self.package.rsplit('/').next().unwrap_or(self.package)
    }
}

const PROGRAMS: [Program; 5] = [
    Program { module: "github.com/distribution/distribution/v3", package: "cmd/registry", version: "v3.1.2" },
    Program { module: "github.com/google/go-containerregistry", package: "cmd/crane", version: "v0.22.1" },
    Program { module: "github.com/regclient/regclient", package: "cmd/regctl", version: "v0.11.7" },
    Program { module: "github.com/operator-framework/operator-registry", package: "cmd/opm", version: "v1.73.0" },
    Program { module: "github.com/fullstorydev/grpcurl", package: "cmd/grpcurl", version: "v1.9.3" },
];

/// The judge of caches: a program of this repository on the library of `opm`.
const JUDGE: &str = include_str!("judge/main.go");

/// Build tags that spare C libraries: OpenPGP by gpgme, and btrfs.
const TAGS: &str = "containers_image_openpgp,exclude_graphdriver_btrfs";

/// The folder with the programs.
pub(super) struct Peers {
    folder: PathBuf,
}

impl Peers {
    /// Builds what is not there yet, below Cargo's target folder, and says what is used.
    pub(super) fn install() -> anyhow::Result<Self> {
        let folder = tool::target_folder()?.join("peers");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for program in PROGRAMS {
            // One folder for each version, so that a new version is built.
            let binary = folder.join(program.version).join(program.name());
            if !binary.is_file() {
                build(&program, &binary)?;
            }
            say(&format!("peer {}/{} {}", program.module, program.package, program.version));
        }
        let judge = folder.join("judge");
        // A judge of an earlier version of its source is built again.
        let source = judge.join("main.go");
        if !fs::read_to_string(&source).is_ok_and(|known| known == JUDGE) || !judge.join("judge").is_file() {
            let Program { module, version, .. } = library();
            build_judge(module, version, &judge.join("judge"))?;
            fs::write(&source, JUDGE)?;
        }
        Ok(Self { folder })
    }

    /// The judge of caches, and the version of operator-registry that it is built on.
    pub(super) fn judge(&self) -> (Command, &'static str) {
        let mut command = Command::new(self.folder.join("judge/judge"));
        command.env_clear();
        (command, library().version)
    }

    /// A call of one of the programs, which sees nothing of the user's environment.
    pub(super) fn program(&self, name: &str) -> Command {
        let found =
            PROGRAMS.iter().find(|program| program.name() == name).expect("only programs of the list are asked for");
        let mut command = Command::new(self.folder.join(found.version).join(name));
        command.env_clear().env("HOME", self.folder.join("home")).env("PATH", "/usr/bin:/bin");
        command
    }

    /// A call of `crane`.
    pub(super) fn crane(&self) -> Command {
        self.program("crane")
    }

    /// A call of `regctl` that may ask `host` without TLS.
    pub(super) fn regctl(&self, host: &str) -> anyhow::Result<Command> {
        fs::create_dir_all(self.folder.join("home")).context("cannot make a home for the peers")?;
        let mut command = self.program("regctl");
        command.args(["--host", &format!("reg={host},tls=disabled")]);
        Ok(command)
    }
}

/// `opm`, whose library judges.
fn library() -> &'static Program {
    PROGRAMS.iter().find(|program| program.name() == "opm").expect("opm is in the list")
}

/// Builds the judge on this version of the library.
fn build_judge(module: &str, version: &str, binary: &Path) -> anyhow::Result<()> {
    complain(&format!("+ go build judge, on {module} {version}"));
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    // The library replaces nothing, so its own requirements are those of the judge.
    fs::write(folder.path().join("go.mod"), format!("module judge\n\ngo 1.24\n\nrequire {module} {version}\n"))?;
    fs::write(folder.path().join("main.go"), JUDGE)?;
    let mut command = Command::new("go");
    command.current_dir(folder.path()).env("GOFLAGS", "-mod=mod").args(["build", "-tags", TAGS, "-o"]).arg(binary);
    ensure!(command.arg(".").status().context("cannot start go")?.success(), "cannot build the judge");
    Ok(())
}

/// Builds a program in a module of its own that requires just this version.
fn build(program: &Program, binary: &Path) -> anyhow::Result<()> {
    let Program { module, package, version } = program;
    complain(&format!("+ go build {module}/{package} {version}"));
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    fs::write(folder.path().join("go.mod"), format!("module peers\n\nrequire {module} {version}\n"))?;
    let mut command = Command::new("go");
    command.current_dir(folder.path()).env("GOFLAGS", "-mod=mod").args(["build", "-tags", TAGS, "-o"]).arg(binary);
    command.arg(format!("{module}/{package}"));
    ensure!(command.status().context("cannot start go")?.success(), "cannot build {module}/{package} {version}");
    Ok(())
}
