//! Content descriptors (OCI image specification, "descriptor").

use std::collections::BTreeMap;

use image_ref::Digest;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// What a manifest says about a piece of content: enough to fetch and to verify it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type of the content. REQUIRED by the specification; empty when a registry omits it.
    #[serde(default)]
    pub media_type: String,
    /// Digest of the content. REQUIRED.
    pub digest: Digest,
    /// Size of the content in bytes. REQUIRED. At most what a file can have, 2^63 - 1.
    #[serde(deserialize_with = "size")]
    pub size: u64,
    /// Places outside the registry where the content may be downloaded. OPTIONAL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Arbitrary metadata. OPTIONAL.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What an artifact of an index or a referrers list is. OPTIONAL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// A descriptor with nothing but the three required properties; `size` in bytes.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            artifact_type: None,
        }
    }

    /// Whether the content may be left out when the source does not serve it: it names `urls` where its publisher offers
    /// it. The media type alone says nothing: registries hold most layers that are called foreign or non-distributable,
    /// and an image without such a layer does not run.
    pub fn may_be_left_out(&self) -> bool {
        !self.urls.is_empty()
    }
}

/// The sum of sizes that manifests tell, in bytes. Whoever made a manifest can write any number there, so a sum that is too large
/// stays at the largest number, which fits nowhere.
///
/// ```
/// assert_eq!(oci_manifest::total([1, 2]), 3);
/// assert_eq!(oci_manifest::total([u64::MAX, 2]), u64::MAX);
/// ```
pub fn total(sizes: impl IntoIterator<Item = u64>) -> u64 {
    sizes.into_iter().fold(0, u64::saturating_add)
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let size = u64::deserialize(deserializer)?;
    if i64::try_from(size).is_err() {
        return Err(D::Error::custom(format!("the size {size} is more than any content has")));
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_beyond_those_of_files_are_refused() {
        let read = |size: &str| {
            let text = format!(r#"{{"mediaType":"x","digest":"sha256:{}","size":{size}}}"#, "a".repeat(64));
            serde_json::from_str::<Descriptor>(&text)
                .map(|descriptor| descriptor.size)
                .map_err(|error| error.to_string())
        };
        assert_eq!(read("9223372036854775807"), Ok(u64::MAX / 2));
        assert!(read("9223372036854775808").unwrap_err().contains("9223372036854775808 is more than any content has"));
        for text in ["18446744073709551616", "-1", "1.5", "\"1\"", "null"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_layer_may_be_left_out_for_its_media_type_alone() {
        let digest: Digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
        for media_type in [
            "application/vnd.oci.image.layer.v1.tar+gzip",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        ] {
            let mut layer = Descriptor::new(media_type, digest.clone(), 1);
            assert!(!layer.may_be_left_out(), "{media_type}");
            layer.urls.push("https://downloads.lab/layer".to_owned());
            assert!(layer.may_be_left_out(), "{media_type}");
        }
    }
}
