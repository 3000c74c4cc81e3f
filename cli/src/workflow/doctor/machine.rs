//! What a run needs of this machine: folders that can be written to, room on their disks, a umask.

use std::path::{Path, PathBuf};

use super::Check;
use crate::render::size;
use crate::settings::{Doctor, DoctorTarget, Settings};

/// With less room than this, in bytes, not even a small run fits: 1 GiB. A release takes about 20 GiB.
const LEAST_ROOM: u64 = 1 << 30;

/// Looks at this machine.
pub(super) fn checks(settings: &Settings, request: &Doctor) -> Vec<Check> {
    let common = &settings.common;
    let mut checks = vec![umask(common.env.umask)];
    if let Some(cache) = &common.cache {
        checks.push(folder("cache", cache, "choose another folder with --cache-dir"));
    }
    if let Some(DoctorTarget::Folder(path)) = &request.target {
        checks.push(folder("disk", path, "choose another folder"));
    }
    checks
}

fn umask(umask: u32) -> Check {
    let text = format!("{umask:04o}");
    if umask == 0o022 {
        return Check::ok("umask", text, "files get the usual permissions");
    }
    let message = "files of the workspace get other permissions than usual";
    Check::warning("umask", text, message, "if others have to read them, run `umask 0022` first")
}

/// A folder that a run writes to, or would make.
fn folder(check: &'static str, path: &Path, other: &str) -> Check {
    let subject = path.display().to_string();
    let existing = nearest(path);
    if !existing.is_dir() {
        let message = format!("`{}` is no folder", existing.display());
        return Check::failed(check, subject, message, other);
    }
    // Whether a folder takes files, only a file tells: permissions, a read-only mount, a quota.
    if let Err(error) = tempfile_in(&existing) {
        let message = format!("cannot be written to: {error}");
        return Check::failed(check, subject, message, &format!("give yourself the permission, or {other}"));
    }
    match mirror_engine::free_bytes(&existing) {
        Ok(free) if free < LEAST_ROOM => {
            let advice = format!("free some space, or {other}. A release takes about 20 GiB");
            Check::failed(check, subject, format!("only {} are free", size(free)), &advice)
        }
        Ok(free) => Check::ok(check, subject, format!("{} are free", size(free))),
        Err(error) => Check::failed(check, subject, format!("cannot tell how much is free: {error}"), other),
    }
}

/// The folder itself, or what is there of the way to it.
fn nearest(path: &Path) -> PathBuf {
    let existing = path.ancestors().find(|place| place.symlink_metadata().is_ok());
    existing.unwrap_or(Path::new("/")).to_owned()
}

/// Makes a file and takes it away.
fn tempfile_in(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".oc-mirror-doctor-{}", std::process::id()));
    std::fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
    std::fs::remove_file(path)
}
