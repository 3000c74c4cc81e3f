//! Release signatures: kept ones first, then those of the signature server; all of them really verified
//! (`docs/behaviour/release.md` 4.1, 4.2).

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use image_ref::{Digest, ImageRef};
use image_signature::openpgp::{Keyring, MAX_MESSAGE_SIZE, MessageError, verify};
use image_signature::{Payload, PayloadError, PayloadKind};
use jiff::Timestamp;
use mirror_plan::release::signature;

use super::{Wanted, carried};
use crate::Collecting;
use mirror_job::event::Event;

/// Red Hat's release keys; see `keys/README.md`.
const RED_HAT_KEYS: &[u8] = include_bytes!("../../keys/redhat-release-pubkeys.asc");

/// How many signatures of one payload are tried; the public server has at most a handful.
const MAX_SIGNATURES: u32 = 32;

/// Verifies the releases of one run.
pub(super) struct Signatures<'a> {
    at: &'a Collecting<'a>,
    keyring: Keyring,
    base: String,
    /// Where the hop before has left its signatures; no server is asked then.
    carried: Option<PathBuf>,
}

impl<'a> Signatures<'a> {
    pub(super) fn new(at: &'a Collecting<'a>) -> Result<Self, String> {
        let base = match signature::base(at.job.options.signature_url.as_deref()) {
            Ok(base) => base.to_owned(),
            Err(error) => {
                at.tell(Event::Error(error.to_string()));
                signature::DEFAULT_BASE.to_owned()
            }
        };
        let carried = signature::local_place(at.job.options.signature_url.as_deref());
        let signatures = Self { at, keyring: keyring(at.job.options.signature_key.as_deref())?, base, carried };
        if !at.asks_nobody() {
            signatures.rename_older();
        }
        Ok(signatures)
    }

    /// Keeps signatures of oc-mirror up to 4.17, whose file names are bare digests, under the names of today as well: clusters
    /// get what has such a name. That holds for all releases that were ever mirrored here, not only for those of this run. The
    /// older files stay for the older version. What is not valid stays as it is: whoever selects its release is told.
    fn rename_older(&self) {
        let (folder, within) = (self.at.working_dir.signatures(), self.at.working_dir.folder());
        let names: Vec<String> = within
            .read_dir(&folder)
            .unwrap_or_default()
            .iter()
            .filter_map(|entry| entry.text().map(str::to_owned))
            .collect();
        for (name, digest) in names.iter().filter_map(|name| Some((name, signature::of_older_file_name(name)?))) {
            let is_named = |other: &String| signature::parse_file_name(other).is_some_and(|(_, known)| known == digest);
            if names.iter().any(is_named) {
                continue;
            }
            let Ok(message) = within.read_bounded(folder.join(name), MAX_MESSAGE_SIZE as u64) else { continue };
            let outcome = identity(&message, &self.keyring, name, self.at.job.started)
                .and_then(|payload| named(&payload, &digest, name))
                .and_then(|image| self.keep(&image, &digest, &message).map_err(|error| format!("writing {error}")));
            self.at.tell(Event::Debug(match outcome {
                Ok(()) => format!("the signature {name} of an older version is kept under its name of today as well"),
                Err(reason) => format!("the signature {name} of an older version is left alone: {reason}"),
            }));
        }
    }

    /// The name that a valid signature gives to the payload, with the tag it is known by from here on.
    pub(super) async fn signed_name(&self, wanted: &Wanted) -> Result<ImageRef, String> {
        let failed = |message: String| format!("[GenerateReleaseSignatures] {message}");
        let check = |message: &[u8]| check(message, &self.keyring, wanted, self.at.job.started);
        let mut problem = None;
        for (path, message) in self.kept(&wanted.digest).map_err(failed)? {
            match check(&message) {
                Ok(name) => return Ok(name),
                Err(reason) => problem = problem.or_else(|| Some(format!("{reason} (kept in {path})"))),
            }
        }
        if !self.at.asks_sources() {
            return Err(failed(problem.unwrap_or_else(|| {
                format!(
                    "no signature found for {} image {} in the archive; was it made with this configuration?",
                    wanted.digest.hex(),
                    wanted.payload
                )
            })));
        }
        if let Some(place) = &self.carried {
            for (path, message) in carried::find(place, &wanted.digest).map_err(failed)? {
                match check(&message) {
                    Ok(name) => {
                        self.at.tell(Event::Debug(format!("the signature of {name} is that of {}", path.display())));
                        self.keep(&name, &wanted.digest, &message)
                            .map_err(|error| failed(format!("writing {error}")))?;
                        return Ok(name);
                    }
                    Err(reason) => {
                        problem = problem.or_else(|| Some(format!("{reason} (found in {})", path.display())));
                    }
                }
            }
        }
        let numbers = if self.carried.is_some() { 0 } else { MAX_SIGNATURES };
        for number in 1..=numbers {
            let Some(message) = self.fetch(wanted, number).await.map_err(failed)? else { break };
            match check(&message) {
                Ok(name) => {
                    self.keep(&name, &wanted.digest, &message).map_err(|error| failed(format!("writing {error}")))?;
                    return Ok(name);
                }
                Err(reason) => problem = Some(problem.unwrap_or(reason)),
            }
        }
        Err(failed(problem.unwrap_or_else(|| {
            format!(
                "no signature found for {} image {} at {}; releases without signature are mirrored only by \
                 `platform.release` and `--ignore-release-signature`",
                wanted.digest.hex(),
                wanted.payload,
                self.base
            )
        })))
    }

    /// The kept signatures of a payload: paths and bytes.
    fn kept(&self, digest: &Digest) -> Result<Vec<(String, Vec<u8>)>, String> {
        let folder = self.at.working_dir.signatures();
        let unreadable = |path: &Path, error: &io::Error| format!("reading {}: {error}", path.display());
        let within = self.at.working_dir.folder();
        let entries = match within.read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&folder, &error)),
        };
        let names = entries.iter().filter_map(|entry| entry.text());
        let found = signature::find_kept(names, digest).into_iter().take(MAX_SIGNATURES as usize).map(|name| {
            let path = folder.join(name);
            let size = within.about(&path).map_err(|error| unreadable(&path, &error))?.len();
            if size > MAX_MESSAGE_SIZE as u64 {
                return Err(format!("{} has {size} bytes, more than any signature", path.display()));
            }
            let bytes = within.read_bounded(&path, MAX_MESSAGE_SIZE as u64);
            Ok((path.display().to_string(), bytes.map_err(|error| unreadable(&path, &error))?))
        });
        found.collect()
    }

    /// One signature from the server; none when there is no such number.
    async fn fetch(&self, wanted: &Wanted, number: u32) -> Result<Option<Vec<u8>>, String> {
        let url = signature::url(&self.base, &wanted.digest, number);
        let answer = self.at.job.source.get(&url, None, MAX_MESSAGE_SIZE).await.map_err(|error| {
            let advice = match self.at.job.options.signature_url {
                None => {
                    ". Inside an enclave, set OCP_SIGNATURE_URL to a server that has the release signatures, or to \
                     file:///DIR/working-dir of the hop before"
                }
                Some(_) => "",
            };
            format!(
                "http request for the signature of {} failed: {}{advice}",
                wanted.payload,
                mirror_job::failure::chain(&error)
            )
        })?;
        self.at.tell(Event::Debug(format!("{url}: {} ({} bytes)", answer.status, answer.body.len())));
        Ok((answer.status == 200).then(|| answer.body.to_vec()))
    }

    /// Keeps a verified signature under the tag it gives and the digest it was asked for. Only its owner may read it, as
    /// upstream has it.
    fn keep(&self, name: &ImageRef, digest: &Digest, message: &[u8]) -> io::Result<()> {
        let name = signature::file_name(name.tag().unwrap_or_default(), digest);
        self.at.working_dir.folder().write_whole_private(self.at.working_dir.signatures().join(name), message)
    }
}

/// The keys that count: those of `OCP_SIGNATURE_VERIFICATION_PK`, else Red Hat's.
fn keyring(armored: Option<&[u8]>) -> Result<Keyring, String> {
    let keys = armored.filter(|keys| !keys.trim_ascii().is_empty());
    Keyring::parse(keys.unwrap_or(RED_HAT_KEYS))
        .map_err(|error| format!("[GenerateReleaseSignatures] OCP_SIGNATURE_VERIFICATION_PK: {error}"))
}

/// Verifies one signature and gives the name it stands for.
fn check(message: &[u8], keyring: &Keyring, wanted: &Wanted, now: Timestamp) -> Result<ImageRef, String> {
    let image = &wanted.payload;
    let name = named(&identity(message, keyring, image, now)?, &wanted.digest, image)?;
    // Old releases stay signed. Without this, an update service could give one out for a newer one.
    let signed = name.tag().map(|tag| signature::version_of_tag(tag).unwrap_or(tag));
    if let Some(wanted) = wanted.version.as_deref()
        && signed != Some(wanted)
    {
        return Err(format!(
            "signature error for {image}: it is the signature of release {}, and release {wanted} was selected. Whoever \
             named this image for {wanted} gives out another release: check the update service and the registry",
            signed.unwrap_or("without a version")
        ));
    }
    Ok(name)
}

/// What a valid signature says; `image` is for messages.
fn identity(message: &[u8], keyring: &Keyring, image: impl Display, now: Timestamp) -> Result<Payload, String> {
    let verified = verify(message, keyring, now).map_err(|error| match &error {
        MessageError::NotSigned => format!("message was not signed for {image}"),
        MessageError::Malformed(_) | MessageError::TooLarge(_) => {
            format!("unable to read signature message for {image}: {error}")
        }
        MessageError::UnknownKey(_) => format!("invalid signature for {image}: {error}"),
        _ => format!("signature error for {image}: {error}"),
    })?;
    Payload::parse(&verified.payload, PayloadKind::SimpleSigning).map_err(|error| match error {
        PayloadError::Shape(_) => format!("unmarshal json of the signature for {image}: {error}"),
        _ => format!("signature error for {image}: {error}"),
    })
}

/// The name that a signature gives to the manifest with this digest.
fn named(payload: &Payload, digest: &Digest, image: impl Display) -> Result<ImageRef, String> {
    if payload.manifest_digest != *digest {
        return Err(format!("signature error for {image}: it signs {}", payload.manifest_digest));
    }
    signature::signed_name(&payload.docker_reference).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_keys() {
        let fingerprints: Vec<String> = keyring(None).unwrap().fingerprints().collect();
        assert_eq!(
            fingerprints,
            ["567E347AD0044ADE55BA8A5F199E2F91FD431D51", "B08B659EE86AF623BC90E8DB938A80CAF21541EB"]
        );
        // An empty file is no choice of keys; a file without keys must not become an empty ring.
        assert_eq!(keyring(Some(b" \n")).unwrap().fingerprints().count(), 2);
        assert!(keyring(Some(b"no key")).is_err());
    }
}
