//! Tar, gzip, Debian and RPM packages of a tree of files.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, bail};

use super::Tree;

/// When everything in an RPM package was made, since 1970. `rpmbuild` takes zero for no time.
const SECOND: Duration = Duration::from_secs(1);

/// One line that says what the package is.
const SUMMARY: &str = "Mirror OpenShift releases, operators and images into disconnected networks";

/// A tar archive of the tree, with the folders that its files are in.
pub(super) fn tar(tree: &Tree) -> anyhow::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut folders = std::collections::BTreeSet::new();
    for path in tree.keys() {
        let mut parents: Vec<&Path> = Path::new(path).ancestors().skip(1).collect();
        parents.retain(|parent| !parent.as_os_str().is_empty() && *parent != Path::new("."));
        for parent in parents.into_iter().rev() {
            if folders.insert(parent.to_owned()) {
                let mut header = header(0o755, 0);
                header.set_entry_type(tar::EntryType::Directory);
                builder.append_data(&mut header, parent, std::io::empty())?;
            }
        }
        let (mode, bytes) = &tree[path];
        builder.append_data(&mut header(*mode, bytes.len() as u64), path, bytes.as_slice())?;
    }
    Ok(builder.into_inner()?)
}

fn header(mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    let _ = header.set_username("root").and_then(|()| header.set_groupname("root"));
    header
}

/// What `gzip` makes of the bytes, without name and time.
pub(super) fn gzip(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut child = Command::new("gzip")
        .args(["-9", "--no-name", "--stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start gzip")?;
    let mut input = child.stdin.take().context("gzip has an input")?;
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output()?;
    writer.join().ok().context("the writer of gzip ended")??;
    if !output.status.success() {
        bail!("gzip failed ({})", output.status);
    }
    Ok(output.stdout)
}

/// A Debian package (deb(5)): an `ar` archive of the format's version, the control files and the tree.
pub(super) fn deb(tree: &Tree, version: &str, architecture: &str) -> anyhow::Result<Vec<u8>> {
    let size: usize = tree.values().map(|(_, bytes)| bytes.len().div_ceil(1024)).sum();
    let control = format!(
        "Package: oc-mirror\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: The oc-mirror maintainers <maintainers@example.com>\n\
         Installed-Size: {size}\nRecommends: ca-certificates\nSuggests: skopeo\nSection: admin\nPriority: optional\nDescription: {SUMMARY}\n"
    );
    let control = Tree::from([("control".to_owned(), (0o644, control.into_bytes()))]);
    let mut archive = b"!<arch>\n".to_vec();
    for (name, bytes) in [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", gzip(&tar(&control)?)?),
        ("data.tar.gz", gzip(&tar(tree)?)?),
    ] {
        archive.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, bytes.len()).bytes());
        archive.extend(&bytes);
        if bytes.len() % 2 == 1 {
            archive.push(b'\n');
        }
    }
    Ok(archive)
}

/// An RPM package, made by `rpmbuild` in a folder of its own, and moved to `out`.
pub(super) fn rpm(tree: &Tree, version: &str, architecture: &str, out: &Path) -> anyhow::Result<()> {
    let top = tempfile::tempdir()?;
    let files = top.path().join("files");
    for (path, (_, bytes)) in tree {
        let place = files.join(path);
        fs::create_dir_all(place.parent().unwrap_or(&files))?;
        fs::write(&place, bytes)?;
        // `rpmbuild` keeps the times of files.
        fs::File::options().write(true).open(&place)?.set_modified(UNIX_EPOCH + SECOND)?;
    }
    let mut list = String::new();
    for (path, (mode, _)) in tree {
        let _ = writeln!(list, "%attr({mode:o}, root, root) /{path}");
    }
    let spec = format!(
        "Name: oc-mirror\nVersion: {version}\nRelease: 1\nSummary: {SUMMARY}\nLicense: Apache-2.0\nAutoReqProv: no\n\
         %description\n{SUMMARY}.\n%install\ncp -a {}/. %{{buildroot}}/\n%files\n{list}",
        files.display()
    );
    let spec_file = top.path().join("oc-mirror.spec");
    fs::write(&spec_file, spec)?;
    let define = |name: &str, value: &str| ["--define".to_owned(), format!("{name} {value}")];
    let mut args = vec!["-bb".to_owned(), "--quiet".to_owned(), format!("--target={architecture}")];
    for (name, value) in [
        ("_topdir", top.path().join("build").display().to_string().as_str()),
        ("_rpmdir", top.path().join("rpms").display().to_string().as_str()),
        ("_buildhost", "localhost"),
        ("use_source_date_epoch_as_buildtime", "1"),
        ("clamp_mtime_to_source_date_epoch", "1"),
        ("debug_package", "%{nil}"),
        ("__os_install_post", "%{nil}"),
    ] {
        args.extend(define(name, value));
    }
    args.push(spec_file.display().to_string());
    let output =
        Command::new("rpmbuild").args(&args).env("SOURCE_DATE_EPOCH", "1").output().context("cannot start rpmbuild")?;
    if !output.status.success() {
        bail!("rpmbuild failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let name = format!("oc-mirror-{version}-1.{architecture}.rpm");
    let made = top.path().join("rpms").join(architecture).join(&name);
    fs::copy(&made, out.join(&name)).with_context(|| format!("rpmbuild made no {}", made.display()))?;
    Ok(())
}
