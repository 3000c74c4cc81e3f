//! The kubevirt boot images of a payload (`docs/behaviour/release.md` 8.1).

use std::collections::BTreeMap;

use image_ref::Platform;
use serde::Deserialize;

use super::{Component, MAX_PAYLOAD_FILE_BYTES};

/// Where the boot images are listed, below the directory that a payload is extracted to.
pub const BOOTIMAGES_FILE: &str = "release-manifests/0000_50_installer_coreos-bootimages.yaml";

/// The boot images of a payload, as far as they are container images: architecture key to image reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootimages {
    kubevirt: BTreeMap<String, String>,
}

impl Bootimages {
    /// Reads the file: a `ConfigMap`, YAML or JSON, whose `data.stream` is JSON in a string.
    ///
    /// # Errors
    /// When either of the two is not of this shape.
    pub fn parse(yaml: &str) -> Result<Self, BootimagesError> {
        if yaml.len() > MAX_PAYLOAD_FILE_BYTES {
            return Err(BootimagesError::TooLong(yaml.len()));
        }
        let map: WireConfigMap =
            serde_saphyr::from_str(yaml).map_err(|error| BootimagesError::ConfigMap(error.to_string()))?;
        let stream = map.data.and_then(|data| data.stream).unwrap_or_default();
        if stream.is_empty() {
            return Err(BootimagesError::NoStream);
        }
        let stream: WireStream = serde_json::from_str(&stream).map_err(BootimagesError::Stream)?;
        let kubevirt = stream.architectures.unwrap_or_default().into_iter().filter_map(|(key, architecture)| {
            let digest_ref = architecture?.images?.kubevirt?.digest_ref?;
            (!digest_ref.is_empty()).then_some((key, digest_ref))
        });
        Ok(Self { kubevirt: kubevirt.collect() })
    }

    /// The boot images of the asked keys, as components of the payload. Keys without an image are passed over.
    ///
    /// The name carries the key as soon as more than one key is asked for, also when only one has an image.
    ///
    /// # Errors
    /// When none of the keys has an image.
    pub fn kubevirt(&self, keys: &KubevirtKeys) -> Result<Vec<Component>, NoKubevirtImageError> {
        let found: Vec<Component> = keys
            .asked
            .iter()
            .filter_map(|&key| {
                let name = match keys.asked.len() {
                    1 => "kube-virt-container".to_owned(),
                    _ => format!("kube-virt-container-{key}"),
                };
                Some(Component { name, image: self.kubevirt.get(key)?.clone(), annotations: BTreeMap::new() })
            })
            .collect();
        if found.is_empty() { Err(NoKubevirtImageError { asked: keys.asked.clone() }) } else { Ok(found) }
    }
}

/// Which architecture keys are looked up, and why these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubevirtKeys {
    /// The keys, in the order of the configuration, each once.
    pub asked: Vec<&'static str>,
    /// Configured architectures without a boot image, to be warned about.
    pub skipped: Vec<String>,
    /// Where the keys come from.
    pub reason: KubevirtKeysReason,
}

/// Where the keys of [`KubevirtKeys`] come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KubevirtKeysReason {
    /// The configured platforms or architectures.
    Configured,
    /// All keys: `multi` is configured, or none of the platforms has a boot image.
    All,
    /// `x86_64`: nothing is configured, or none of the architectures has a boot image.
    Default,
}

impl KubevirtKeys {
    const ALL: [&str; 2] = ["x86_64", "s390x"];

    /// The keys for a configuration's `platforms`, which win, and `architectures`.
    pub fn new(platforms: &[Platform], architectures: &[String]) -> Self {
        let configured: Vec<&str> = if platforms.is_empty() {
            architectures.iter().map(String::as_str).collect()
        } else {
            platforms.iter().map(|platform| platform.architecture.as_str()).collect()
        };
        let all = |skipped| Self { asked: Self::ALL.to_vec(), skipped, reason: KubevirtKeysReason::All };
        if platforms.is_empty() && configured.contains(&"multi") {
            return all(Vec::new());
        }
        let (mut asked, mut skipped) = (Vec::new(), Vec::new());
        for arch in configured {
            let key = match arch {
                "amd64" => "x86_64",
                "s390x" => "s390x",
                other => {
                    skipped.push(other.to_owned());
                    continue;
                }
            };
            if !asked.contains(&key) {
                asked.push(key);
            }
        }
        match (asked.is_empty(), platforms.is_empty()) {
            (false, _) => Self { asked, skipped, reason: KubevirtKeysReason::Configured },
            (true, false) => all(skipped),
            (true, true) => Self { asked: vec!["x86_64"], skipped, reason: KubevirtKeysReason::Default },
        }
    }
}

#[derive(Deserialize)]
struct WireConfigMap {
    data: Option<WireData>,
}

#[derive(Deserialize)]
struct WireData {
    stream: Option<String>,
}

#[derive(Deserialize)]
struct WireStream {
    architectures: Option<BTreeMap<String, Option<WireArchitecture>>>,
}

#[derive(Deserialize)]
struct WireArchitecture {
    images: Option<WireImages>,
}

#[derive(Deserialize)]
struct WireImages {
    kubevirt: Option<WireKubevirt>,
}

#[derive(Deserialize)]
struct WireKubevirt {
    #[serde(rename = "digest-ref")]
    digest_ref: Option<String>,
}

/// Why a file lists no boot images.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message is the documentation")]
pub enum BootimagesError {
    #[error("the boot images file has {0} bytes, more than the {MAX_PAYLOAD_FILE_BYTES} that are read")]
    TooLong(usize),
    #[error("the boot images file is no ConfigMap: {0}")]
    ConfigMap(String),
    #[error("the boot images file has no `data.stream`")]
    NoStream,
    #[error("`data.stream` of the boot images file is not the expected JSON: {0}")]
    Stream(serde_json::Error),
}

/// None of the asked keys has a kubevirt image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "could not find kubevirt image in this release: none for {}; remove `kubeVirtContainer` from the configuration or \
     configure another architecture",
    asked.join(", ")
)]
pub struct NoKubevirtImageError {
    asked: Vec<&'static str>,
}
