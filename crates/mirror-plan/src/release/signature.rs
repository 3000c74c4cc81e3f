//! Where release signatures come from and where they are kept (`docs/behaviour/release.md` 4.1 and 4.3).
//!
//! Verification itself is the business of the crate `image-signature`.

use std::path::PathBuf;

use image_ref::{Algorithm, Digest, ImageRef, ParseError};
use url::Url;

/// Where the signatures of OpenShift releases are published.
pub const DEFAULT_BASE: &str = "https://mirror.openshift.com/pub/openshift-v4/signatures/openshift/release/";

/// The folder of kept signatures below the working directory.
pub const FOLDER: &str = "signatures";

/// The base address, from the value of `OCP_SIGNATURE_URL`: used as typed, so it has to end in `/`. Absent or empty
/// means [`DEFAULT_BASE`].
///
/// # Errors
/// When it is no absolute URL. Upstream reports that and goes on with [`DEFAULT_BASE`]; so may the caller.
pub fn base(ocp_signature_url: Option<&str>) -> Result<&str, InvalidBaseError> {
    match ocp_signature_url {
        None | Some("") => Ok(DEFAULT_BASE),
        Some(text) => match Url::parse(text) {
            Ok(_) => Ok(text),
            Err(source) => Err(InvalidBaseError { text: text.to_owned(), source }),
        },
    }
}

/// The place on this machine that `OCP_SIGNATURE_URL` names with `file://`; none when it names a server.
pub fn local_place(ocp_signature_url: Option<&str>) -> Option<PathBuf> {
    Url::parse(ocp_signature_url?).ok().filter(|url| url.scheme() == "file")?.to_file_path().ok()
}

/// `OCP_SIGNATURE_URL` is no URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no URL of signatures: {source}; using {DEFAULT_BASE}")]
pub struct InvalidBaseError {
    text: String,
    source: url::ParseError,
}

/// The address of the `number`th signature, counted from 1, of a payload: `<base>sha256=<hex>/signature-<number>`.
/// Numbers are tried upwards until one is missing.
pub fn url(base: &str, digest: &Digest, number: u32) -> String {
    format!("{base}{}={}/signature-{number}", digest.algorithm().as_str(), digest.hex())
}

/// Whether a release needs a signature at all: `--ignore-release-signature` counts for `platform.release` only, never
/// for channels.
pub fn is_required(ignore_release_signature: bool, is_direct: bool) -> bool {
    !(ignore_release_signature && is_direct)
}

/// The kept signatures of a payload among the files of [`FOLDER`], in name order: those whose name contains the hex digits of
/// its digest. When one of them is valid, no request is made.
pub fn find_kept<'a>(file_names: impl IntoIterator<Item = &'a str>, digest: &Digest) -> Vec<&'a str> {
    let mut found: Vec<&str> = file_names.into_iter().filter(|name| name.contains(digest.hex())).collect();
    found.sort_unstable();
    found
}

/// The digest that a file of oc-mirror up to 4.17 keeps the signature of: its name is the bare hex digits.
pub fn of_older_file_name(name: &str) -> Option<Digest> {
    Digest::sha256(name).ok()
}

/// The file that keeps a signature: `<tag>-sha256-<hex>`, with the tag of the signed name and the digest that was asked
/// for.
pub fn file_name(tag: &str, digest: &Digest) -> String {
    format!("{tag}-{}-{}", digest.algorithm().as_str(), digest.hex())
}

/// Takes a file name of [`FOLDER`] apart: the tag, and the digest's hex digits. `None` when it is no such name, which
/// is to be warned about.
pub fn parse_file_name(name: &str) -> Option<(&str, Digest)> {
    let (tag, hex) = name.rsplit_once("-sha256-")?;
    Some((tag, Digest::new(Algorithm::Sha256, hex).ok()?))
}

/// The name that a signature gives to the payload, which replaces the source from then on: payloads are pulled by
/// their signed name, also when the update service named another registry.
///
/// # Errors
/// When it is no reference with a tag.
pub fn signed_name(docker_reference: &str) -> Result<ImageRef, SignedNameError> {
    let image = ImageRef::parse(docker_reference)
        .map_err(|source| SignedNameError::Reference { text: docker_reference.to_owned(), source })?;
    if image.tag().is_none() {
        return Err(SignedNameError::NoTag(docker_reference.to_owned()));
    }
    Ok(image)
}

/// What ends the tags of releases, and the architecture of the payload in the words of the update service.
const TAG_ENDINGS: &[(&str, &str)] =
    &[("-x86_64", "amd64"), ("-aarch64", "arm64"), ("-ppc64le", "ppc64le"), ("-s390x", "s390x"), ("-multi", "multi")];

/// The version in the tag of a release, which is the version and the architecture: `4.16.0-rc.1` of `4.16.0-rc.1-x86_64`.
/// None when the tag does not begin with a version.
///
/// ```
/// use mirror_plan::release::signature::version_of_tag;
///
/// assert_eq!(version_of_tag("4.16.0-x86_64"), Some("4.16.0"));
/// assert_eq!(version_of_tag("4.16.0-rc.1-multi"), Some("4.16.0-rc.1"));
/// assert_eq!(version_of_tag("4.15.0-0.okd-2024-03-10-010116"), Some("4.15.0-0.okd-2024-03-10-010116"));
/// assert_eq!(version_of_tag("latest"), None);
/// assert_eq!(version_of_tag("4.16"), None);
/// ```
pub fn version_of_tag(tag: &str) -> Option<&str> {
    let mut version = tag;
    // A list of all architectures has instances of its own: `4.16.0-multi-x86_64`.
    while let Some(rest) = TAG_ENDINGS.iter().find_map(|(ending, _)| version.strip_suffix(ending)) {
        version = rest;
    }
    let core = version.split_once(['-', '+', '_']).map_or(version, |(core, _)| core);
    let numbers: Vec<&str> = core.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (numbers.len() == 3 && numbers.iter().all(is_number)).then_some(version)
}

/// The architecture in the tag of a release, in the words of the update service: `amd64` of `4.16.0-x86_64`. None when the
/// tag does not name one.
///
/// ```
/// use mirror_plan::release::signature::architecture_of_tag;
///
/// assert_eq!(architecture_of_tag("4.16.0-x86_64"), Some("amd64"));
/// assert_eq!(architecture_of_tag("4.16.0-multi-aarch64"), Some("arm64"));
/// assert_eq!(architecture_of_tag("4.15.0-0.okd-2024-03-10-010116"), None);
/// ```
pub fn architecture_of_tag(tag: &str) -> Option<&'static str> {
    TAG_ENDINGS.iter().find_map(|(ending, architecture)| tag.ends_with(ending).then_some(*architecture))
}

/// Why a signed name cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum SignedNameError {
    #[error("could not parse identity docker reference image {text}: {source}")]
    Reference { text: String, source: ParseError },
    #[error("could not parse identity docker reference image {0}: it has no tag")]
    NoTag(String),
}
