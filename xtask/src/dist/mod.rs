//! `cargo xtask dist`: what a release page holds, in `target/dist`.
//!
//! For each target: an archive with program, completions, manual pages and licences; a Debian and an RPM package; a container
//! image as an OCI layout. Beside them an SBOM, the licences of dependencies, and `SHA256SUMS`. The same sources give the same
//! bytes: times are zero, names are sorted, owners are root.

mod check;
mod image;
mod package;
mod sbom;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use image_ref::{Algorithm, Hasher};

use crate::files;
use crate::process::{self, cargo, on_path, root, run_with, say};
use crate::tool::target_folder;

/// What a program is built for.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    /// The target in Rust's words.
    rust: &'static str,
    /// The architecture in the words of Debian and of images.
    architecture: &'static str,
    /// The same in the words of RPM.
    rpm: &'static str,
}

const TARGETS: &[Target] = &[
    Target { rust: "x86_64-unknown-linux-musl", architecture: "amd64", rpm: "x86_64" },
    Target { rust: "aarch64-unknown-linux-musl", architecture: "arm64", rpm: "aarch64" },
];

/// What building needs.
const HOW_TO_BUILD: &str = "`rustup target add x86_64-unknown-linux-musl aarch64-unknown-linux-musl`, and \
                            `pip install ziglang cargo-zigbuild` for the C compiler and linker of both";

/// The version of the program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `oc` asks for completions of `oc mirror`.
const COMPLETE_PLUGIN: &str = include_str!("kubectl_complete-mirror");

/// Files by their path below `/`, without the first slash, with their mode.
pub(crate) type Tree = BTreeMap<String, (u32, Vec<u8>)>;

/// Makes everything. With a `binary`, that program is packed for this machine's architecture, and nothing is built.
pub(crate) fn run(options: &[&str]) -> anyhow::Result<()> {
    let (mut binary, mut out, mut is_checked) = (None, root().join("target/dist"), false);
    let mut words = options.iter();
    while let Some(word) = words.next() {
        if *word == "--check" {
            is_checked = true;
            continue;
        }
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        match *word {
            "--binary" => binary = Some(PathBuf::from(value)),
            "--out" => out = PathBuf::from(value),
            other => bail!("unknown option {other}: there are --binary PATH, --out DIR and --check"),
        }
    }
    let own = TARGETS.iter().find(|target| target.rust.starts_with(std::env::consts::ARCH));
    let mut programs: Vec<(&Target, PathBuf)> = Vec::new();
    if let Some(binary) = &binary {
        let own = own.context("no packages are made for this architecture")?;
        let program = fs::canonicalize(binary).with_context(|| format!("there is no `{}`", binary.display()))?;
        programs.push((own, program));
    } else {
        for target in TARGETS {
            programs.extend(build(target)?.map(|program| (target, program)));
        }
    }
    let teller = programs.iter().find(|(target, _)| own.is_some_and(|own| own.rust == target.rust));
    let (_, teller) = teller.with_context(|| format!("nothing was built that runs here; {HOW_TO_BUILD}"))?;
    let sums = write_all(&programs, teller, &out)?;
    let names: Vec<&str> = programs.iter().map(|(target, _)| target.architecture).collect();
    say(&format!("dist: {} for {}\n{sums}", out.display(), names.join(" and ")));
    if is_checked {
        let again = tempfile::tempdir()?;
        if write_all(&programs, teller, again.path())? != sums {
            bail!("packing the same programs again gave other bytes");
        }
        say("dist: packed again, with the same sums");
        for (target, program) in &programs {
            check::all(&out, target, program, binary.is_none())?;
        }
    }
    Ok(())
}

/// Writes everything into an empty folder; its sums.
fn write_all(programs: &[(&Target, PathBuf)], teller: &Path, out: &Path) -> anyhow::Result<String> {
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("cannot empty {}", out.display()))?;
    }
    fs::create_dir_all(out)?;
    let components = sbom::components()?;
    let licences = sbom::licences(&components)?;
    for (target, program) in programs {
        pack(program, teller, target, &licences, out)?;
    }
    fs::write(out.join("THIRD-PARTY-LICENSES.txt"), &licences)?;
    fs::write(out.join(format!("oc-mirror-{VERSION}.cdx.json")), sbom::cyclonedx(&components, VERSION))?;
    let sums = sums(out)?;
    fs::write(out.join("SHA256SUMS"), &sums)?;
    Ok(sums)
}

/// Builds the static program for a target; none when this machine cannot. `cargo zigbuild` compiles C against musl's own headers:
/// those of Debian's cross compiler are of another C library.
fn build(target: &Target) -> anyhow::Result<Option<PathBuf>> {
    let installed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let has_target = installed
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).lines().any(|line| line.trim() == target.rust));
    if !has_target || !on_path("cargo-zigbuild") {
        say(&format!("dist: left out {}: it needs {HOW_TO_BUILD}", target.rust));
        return Ok(None);
    }
    // `oc-mirror version` tells it.
    let commit = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root()).output();
    let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let args = ["zigbuild", "--profile", "dist", "--locked", "--package", "oc-mirror", "--target", target.rust];
    // Paths of this machine in messages of panics would make the bytes those of this machine.
    let flags = format!("--remap-path-prefix={}=/src --remap-path-prefix={}=/cargo", root().display(), cargo_home());
    let variables = [("OC_MIRROR_GIT_COMMIT", commit.as_str()), ("RUSTFLAGS", flags.as_str())];
    run_with(cargo(), &args, &variables)?;
    Ok(Some(target_folder()?.join(target.rust).join("dist/oc-mirror")))
}

#[expect(clippy::disallowed_methods, reason = "xtask is a program of its own and asks where cargo keeps sources")]
fn cargo_home() -> String {
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"))
}

/// Packs one program in every form. `teller` is the same program for this machine: it writes completions and pages.
fn pack(program: &Path, teller: &Path, target: &Target, licences: &str, out: &Path) -> anyhow::Result<()> {
    let tree = tree(program, teller, licences)?;
    let &Target { rust, architecture, rpm } = target;
    let stem = format!("oc-mirror-{VERSION}-{rust}");
    let mut archive = Tree::new();
    for (path, file) in &tree {
        archive.insert(format!("{stem}/{path}"), file.clone());
    }
    fs::write(out.join(format!("{stem}.tar.gz")), package::gzip(&package::tar(&archive)?)?)?;
    fs::write(
        out.join(format!("oc-mirror_{VERSION}_{architecture}.deb")),
        package::deb(&tree, VERSION, architecture)?,
    )?;
    if on_path("rpmbuild") {
        package::rpm(&tree, VERSION, rpm, out)?;
    } else {
        say("dist: no RPM package: Debian's `rpm` brings rpmbuild");
    }
    image::write(&tree, VERSION, architecture, &out.join(format!("oc-mirror-{VERSION}-{architecture}.oci")))
}

/// What is installed.
fn tree(program: &Path, teller: &Path, licences: &str) -> anyhow::Result<Tree> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let mut tree = Tree::new();
    tree.insert("usr/bin/oc-mirror".into(), (0o755, read(program)?));
    tree.insert("usr/bin/kubectl_complete-mirror".into(), (0o755, COMPLETE_PLUGIN.as_bytes().to_vec()));
    for (shell, path) in [
        ("bash", "usr/share/bash-completion/completions/oc-mirror"),
        ("zsh", "usr/share/zsh/vendor-completions/_oc-mirror"),
        ("fish", "usr/share/fish/vendor_completions.d/oc-mirror.fish"),
    ] {
        let output = Command::new(teller).args(["completion", shell]).output()?;
        if !output.status.success() {
            bail!("`{} completion {shell}` failed", teller.display());
        }
        tree.insert(path.into(), (0o644, output.stdout));
    }
    let pages = tempfile::tempdir()?;
    process::run(&teller.display().to_string(), &["man", &pages.path().display().to_string()])?;
    for page in fs::read_dir(pages.path())? {
        let page = page?;
        let name = page.file_name().to_string_lossy().into_owned();
        let section = name.rsplit('.').next().unwrap_or("1").to_owned();
        let packed = package::gzip(&fs::read(page.path())?)?;
        tree.insert(format!("usr/share/man/man{section}/{name}.gz"), (0o644, packed));
    }
    for (from, to) in [("LICENSE", "copyright"), ("README.md", "README.md"), ("CHANGELOG.md", "CHANGELOG.md")] {
        tree.insert(format!("usr/share/doc/oc-mirror/{to}"), (0o644, read(&root().join(from))?));
    }
    tree.insert("usr/share/doc/oc-mirror/THIRD-PARTY-LICENSES.txt".into(), (0o644, licences.as_bytes().to_vec()));
    Ok(tree)
}

/// The sums of every file below a folder, as `sha256sum` prints them.
fn sums(folder: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    for file in files::below(folder, |_| true)? {
        let digest = Hasher::of(Algorithm::Sha256, &fs::read(&file)?);
        let name = file.strip_prefix(folder).unwrap_or(&file);
        let _ = writeln!(text, "{}  {}", digest.hex(), name.display());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that answers as ours does to the two questions of packing.
    fn program(folder: &Path) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.join("oc-mirror");
        let text = "#!/bin/sh\ncase \"$1\" in\ncompletion) echo \"# $2\";;\nman) echo page > \"$2/oc-mirror.1\"; echo five > \"$2/oc-mirror-configuration.5\";;\nversion) echo fine;;\nesac\n";
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn the_same_program_gives_the_same_bytes_that_tools_take() {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path());
        let mut all = Vec::new();
        for name in ["one", "two"] {
            // A time in seconds that got into a file would be another one in the second run.
            std::thread::sleep(std::time::Duration::from_millis(1100));
            let out = folder.path().join(name);
            fs::create_dir(&out).unwrap();
            pack(&program, &program, &TARGETS[0], "licences\n", &out).unwrap();
            all.push(sums(&out).unwrap());
        }
        assert_eq!(all[0], all[1], "two runs, the same sums");
        assert!(all[0].contains(&format!("oc-mirror_{VERSION}_amd64.deb")), "{}", all[0]);

        let out = folder.path().join("one");
        let check = |tool: &str, args: &[&str], wanted: &[&str]| {
            if !on_path(tool) {
                say(&format!("skipped: {tool} is not installed"));
                return;
            }
            let output = Command::new(tool).args(args).current_dir(&out).output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{tool} {args:?}: {text}");
            for word in wanted {
                assert!(text.contains(word), "{tool} {args:?} says no {word}: {text}");
            }
        };
        let deb = format!("oc-mirror_{VERSION}_amd64.deb");
        check("dpkg-deb", &["--info", &deb], &["Package: oc-mirror", "Architecture: amd64"]);
        check(
            "dpkg-deb",
            &["--contents", &deb],
            &["-rwxr-xr-x root/root", "usr/bin/oc-mirror", "man5/oc-mirror-configuration.5.gz"],
        );
        let unpacked = folder.path().join("unpacked").display().to_string();
        check("dpkg-deb", &["--extract", &deb, &unpacked], &[]);
        if on_path("dpkg-deb") {
            let installed = Path::new(&unpacked).join("usr/bin/oc-mirror");
            let output = Command::new(installed).arg("version").output().unwrap();
            assert_eq!(output.stdout, b"fine\n");
        }
        if on_path("rpmbuild") {
            let rpm = format!("oc-mirror-{VERSION}-1.x86_64.rpm");
            check("rpm", &["-qlp", &rpm], &["/usr/bin/oc-mirror", "/usr/share/man/man1/oc-mirror.1.gz"]);
        }
        let layout = format!("oci:oc-mirror-{VERSION}-amd64.oci:{VERSION}");
        check("skopeo", &["inspect", &layout], &["\"Architecture\": \"amd64\"", "org.opencontainers.image.version"]);
        check("skopeo", &["--insecure-policy", "copy", "--quiet", &layout, "oci:copied:x"], &[]);
        check(
            "tar",
            &["-tzf", &format!("oc-mirror-{VERSION}-x86_64-unknown-linux-musl.tar.gz")],
            &["usr/bin/oc-mirror"],
        );
    }
}
