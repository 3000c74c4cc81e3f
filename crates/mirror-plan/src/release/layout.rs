//! Finding the payload's manifests in an image: which files to keep (`docs/behaviour/release.md` 3.1).

/// How many indexes inside each other are followed.
pub const MAX_INDEX_DEPTH: usize = 5;

/// Where a file of the payload's file system is kept below the directory that the payload is extracted to; `None` for
/// files that are not kept. Kept is what has `release-manifests` in its path.
///
/// # Errors
/// When the path would leave that directory.
pub fn extracted_path(path: &str) -> Result<Option<String>, LayoutError> {
    if !path.contains("release-manifests") {
        return Ok(None);
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(LayoutError::Leaves(path.to_owned())),
            part if part.contains(['\\', '\0']) => return Err(LayoutError::Leaves(path.to_owned())),
            part => parts.push(part),
        }
    }
    Ok(Some(parts.join("/")))
}

/// Why the payload's manifests cannot be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum LayoutError {
    #[error("path `{0}` of the release image leaves its directory")]
    Leaves(String),
}
