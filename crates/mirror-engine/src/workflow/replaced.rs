//! The archive of an earlier run that still lies in the folder of the new one, and what will be in no archive afterwards.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use archive_format::{Archive, ArchiveChunk, History, archive_file_name};
use image_ref::Digest;
use jiff::Timestamp;
use mirror_job::report::ArchiveFile;
use mirror_job::{listed, size};
use rooted_folder::RootedFolder;

/// How many files the warning names.
const NAMED: usize = 10;

/// An archive that makes room for the new one, although it holds content that the new one leaves out. Its text is a
/// warning.
#[derive(Debug)]
pub(super) struct Replaced {
    folder: PathBuf,
    files: Vec<ArchiveFile>,
    /// When the run that made the archive started.
    made: Option<Timestamp>,
    /// Bytes that the new archive leaves out, because the history says that an archive brought them.
    lost: u64,
    /// The day for `--since` with which the new archive holds these bytes again.
    since: Option<Timestamp>,
}

impl Replaced {
    /// Looks into the archive in `folder`; none when there is no archive, or when the new one may hold all of it again.
    pub(super) fn find(folder: &Path, carried: &HashSet<Digest>, working_dir: &RootedFolder) -> Option<Self> {
        if carried.is_empty() {
            return None;
        }
        // A damaged archive may still hold what no other holds.
        let archive = Archive::open_damaged(folder).ok()?;
        // Files with text in front of the name stay.
        let goes = |chunk: &ArchiveChunk| chunk.name.len() == archive_file_name(1).len();
        let left_out: Vec<_> = archive
            .blobs()
            .filter(|(digest, at)| carried.contains(digest) && archive.chunks().get(at.chunk).is_some_and(goes))
            .collect();
        if left_out.is_empty() {
            return None;
        }
        let origins = History::origins(working_dir).unwrap_or_default();
        let made = archive.configuration().and_then(|entry| entry.name.strip_prefix("isc_")?.parse().ok());
        let chunks = archive.chunks().iter().filter(|chunk| goes(chunk));
        Some(Self {
            folder: folder.to_owned(),
            files: chunks.map(|chunk| ArchiveFile { name: chunk.name.clone(), bytes: chunk.bytes }).collect(),
            made,
            lost: left_out.iter().map(|(_, at)| at.len).sum(),
            since: left_out.iter().filter_map(|(digest, _)| origins.get(*digest)).min().copied().or(made),
        })
    }
}

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<String> =
            self.files.iter().map(|file| format!("{} ({})", file.name, size(file.bytes))).collect();
        let made = self.made.map(|made| format!(" of {made}")).unwrap_or_default();
        let since = self.since.map_or("DATE".to_owned(), |since| since.strftime("%Y-%m-%d").to_string());
        write!(
            f,
            "The new archive replaces the archive{made} in `{}`: {}. The new archive leaves out {} of its content, because \
             an archive holds only what is new. If nobody has carried the earlier archive yet, press Ctrl-C and move it to \
             another folder, or run again with `--since {since}`: then the new archive holds that content again.",
            self.folder.display(),
            listed(&files, NAMED, ", ", |more| format!("{more} more files")),
            size(self.lost),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warning() {
        let files =
            (1..=12).map(|at| ArchiveFile { name: archive_file_name(at), bytes: u64::from(at) << 20 }).collect();
        let made: Timestamp = "2026-10-01T10:20:30Z".parse().unwrap();
        let since = "2026-09-30T23:59:59Z".parse().unwrap();
        let mut replaced =
            Replaced { folder: "/srv/mirror".into(), files, made: Some(made), lost: 380 << 20, since: Some(since) };
        let mut text = replaced.to_string();
        replaced.files.truncate(1);
        (replaced.made, replaced.since) = (None, None);
        text.push('\n');
        text.push_str(&replaced.to_string());
        insta::assert_snapshot!(text, @"
        The new archive replaces the archive of 2026-10-01T10:20:30Z in `/srv/mirror`: mirror_000001.tar (1.0 MiB), mirror_000002.tar (2.0 MiB), mirror_000003.tar (3.0 MiB), mirror_000004.tar (4.0 MiB), mirror_000005.tar (5.0 MiB), mirror_000006.tar (6.0 MiB), mirror_000007.tar (7.0 MiB), mirror_000008.tar (8.0 MiB), mirror_000009.tar (9.0 MiB), mirror_000010.tar (10.0 MiB), 2 more files. The new archive leaves out 380.0 MiB of its content, because an archive holds only what is new. If nobody has carried the earlier archive yet, press Ctrl-C and move it to another folder, or run again with `--since 2026-09-30`: then the new archive holds that content again.
        The new archive replaces the archive in `/srv/mirror`: mirror_000001.tar (1.0 MiB). The new archive leaves out 380.0 MiB of its content, because an archive holds only what is new. If nobody has carried the earlier archive yet, press Ctrl-C and move it to another folder, or run again with `--since DATE`: then the new archive holds that content again.
        ");
    }
}
