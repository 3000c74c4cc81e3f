//! Puts simple-signing signatures where registries.d wants those of a destination: its `lookaside-staging`, else its
//! `lookaside`. Only folders can be written (containers-registries.d(5)).

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex};

use image_ref::Digest;
use image_signature::SignatureBlob;
use mirror_plan::PlannedImage;
use registries_conf::{Lookaside, RegistriesD};
use rooted_folder::RootedFolder;

use super::files::{MAX_SIGNATURES, file_name, folder_of, read_small};
use mirror_job::event::{Event, Observer};
use mirror_job::workdir::write_whole;

/// Writes signatures, and says once what keeps it from that.
#[derive(Default)]
pub struct Staging {
    /// What was said.
    told: Mutex<HashSet<String>>,
    /// Two tags of one image must not choose the same number.
    writing: Mutex<()>,
}

impl Staging {
    /// Adds the signatures `found` of a manifest of the image to those that its destination has; without a destination, or
    /// without signatures, nothing is to do.
    pub(super) fn write(
        &self,
        registries_d: &RegistriesD,
        image: &PlannedImage,
        digest: &Digest,
        found: &[(String, Vec<u8>)],
        observer: &Arc<dyn Observer>,
    ) {
        let Some(destination) = &image.destination else { return };
        let Ok(repository) = destination.repository() else { return };
        let mut signatures = Vec::new();
        for (place, bytes) in found {
            match SignatureBlob::parse(bytes) {
                Ok(_) => signatures.push(bytes.as_slice()),
                Err(error) => self.warn(observer, format!("signature `{place}` stays behind: {error}")),
            }
        }
        if signatures.is_empty() {
            return;
        }
        let registry = repository.registry();
        match registries_d.lookaside_staging(destination) {
            Ok(Some(Lookaside::Directory(base))) => {
                let folder = folder_of(&base, &repository, digest);
                let _one = self.writing.lock().expect("no holder panics");
                if let Err(error) = add(&folder, &signatures) {
                    let base = base.display();
                    self.warn(observer, format!("simple-signing signatures are not written below `{base}`: {error}"));
                }
            }
            Ok(Some(Lookaside::Web(url))) => self.warn(
                observer,
                format!(
                    "simple-signing signatures are not written for {registry}: registries.d says {url}, and only a folder \
                     (`lookaside-staging: file:///…`) can be written"
                ),
            ),
            Ok(None) => self.tell(
                observer,
                format!(
                    "simple-signing signatures are not written for {registry}: registries.d names no `lookaside-staging` \
                     for it"
                ),
                Event::Info,
            ),
            Err(error) => self.warn(observer, format!("simple-signing signatures are not written: {error}")),
        }
    }

    /// Warns, the first time.
    pub(super) fn warn(&self, observer: &Arc<dyn Observer>, text: String) {
        self.tell(observer, text, Event::Warning);
    }

    fn tell(&self, observer: &Arc<dyn Observer>, text: String, event: fn(String) -> Event) {
        if self.told.lock().expect("no holder panics").insert(text.clone()) {
            observer.event(event(text));
        }
    }
}

/// Adds what is not there yet under the next numbers: signatures of others stay.
fn add(folder: &Path, signatures: &[&[u8]]) -> std::io::Result<()> {
    // The operator has named this folder in registries.d, so it may be a link.
    let within = RootedFolder::at(folder);
    let mut there = Vec::new();
    loop {
        match read_small(&folder.join(file_name(there.len() + 1))) {
            Ok(bytes) => there.push(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        }
        if there.len() == MAX_SIGNATURES {
            break;
        }
    }
    for signature in signatures {
        if there.iter().any(|one| one == signature) {
            continue;
        }
        if there.len() == MAX_SIGNATURES {
            return Err(std::io::Error::other(format!("`{}` is full", folder.display())));
        }
        write_whole(&within, file_name(there.len() + 1).as_ref(), signature)?;
        there.push(signature.to_vec());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays_and_nothing_is_there_twice() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("ns/app@sha256=00");
        let check = |signatures: &[&[u8]], expected: &[&str]| {
            add(&folder, signatures).unwrap();
            let read = |number: usize| std::fs::read_to_string(folder.join(format!("signature-{number}"))).ok();
            let there: Vec<String> = (1..).map_while(read).collect();
            assert_eq!(there, expected);
        };
        check(&[b"a"], &["a"]);
        check(&[b"a"], &["a"]);
        check(&[b"b", b"a", b"b"], &["a", "b"]);
        let many: Vec<String> = (0..MAX_SIGNATURES).map(|number| number.to_string()).collect();
        let many: Vec<&[u8]> = many.iter().map(String::as_bytes).collect();
        assert!(add(&folder, &many).unwrap_err().to_string().ends_with("is full"));
    }
}
