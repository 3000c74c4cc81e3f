//! Signs what this program makes: rebuilt catalogs, which have no signature by nature.
//!
//! The signatures are cosign's, with a key of the user's own: the list and each of its instances, since some verifiers
//! look at the one and some at the others. The same catalog, name and key give the same bytes.

use archive_format::{Store, StoreError};
use image_signature::cosign::SigningKey;
use image_signature::{COSIGN_MEDIA_TYPE, Payload};
use oci_manifest::media_type::OCI_MANIFEST;
use oci_manifest::{Attached, Descriptor, ImageTree, Root, VerifiedManifest};
use oci_transport::Hasher;
use serde_json::json;

use super::cosign_tag;

const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Signs every manifest of an image under `name` (a repository, without tag) and keeps the signatures in the store,
/// where `cosign` would put them in a registry.
pub(crate) fn sign(
    store: &Store,
    repository: &str,
    tree: &ImageTree,
    name: &str,
    key: &SigningKey,
) -> Result<Vec<Attached>, StoreError> {
    tree.image_manifests().map(|manifest| sign_one(store, repository, manifest, name, key)).collect()
}

fn sign_one(
    store: &Store,
    repository: &str,
    signed: &VerifiedManifest,
    name: &str,
    key: &SigningKey,
) -> Result<Attached, StoreError> {
    let payload = Payload {
        manifest_digest: signed.digest().clone(),
        docker_reference: name.to_owned(),
        creator: None,
        timestamp: None,
    };
    let signature = key.sign(&payload);
    let mut layer = put(store, repository, COSIGN_MEDIA_TYPE, &signature.payload)?;
    layer.annotations = signature.annotations;
    let config = json!({
        "architecture": "",
        "config": {},
        "created": "0001-01-01T00:00:00Z",
        "history": [{"created": "0001-01-01T00:00:00Z"}],
        "os": "",
        "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
    });
    let config = put(store, repository, OCI_CONFIG, config.to_string().as_bytes())?;
    let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]});
    let root = VerifiedManifest::made(&manifest, OCI_MANIFEST);
    store.put_manifest(repository, &root)?;
    let tag = cosign_tag(signed.digest(), "sig");
    store.tag(repository, &tag, root.digest())?;
    let blobs = vec![config, layer];
    Ok(Attached { tag: Some(tag), tree: ImageTree::single(Root::made(root), blobs) })
}

fn put(store: &Store, repository: &str, media_type: &str, bytes: &[u8]) -> Result<Descriptor, StoreError> {
    let digest = Hasher::of(image_ref::Algorithm::Sha256, bytes);
    store.put_blob(&digest, bytes)?;
    store.link_layer(repository, &digest)?;
    Ok(Descriptor::new(media_type, digest, bytes.len() as u64))
}

#[cfg(test)]
mod tests {
    use image_ref::{ImageRef, Transport};
    use image_signature::policy::{Candidate, evaluate};
    use image_signature::{SignatureBlob, SigstoreSignature};
    use oci_manifest::ManifestView;
    use registries_conf::Policy;

    use super::*;

    const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0SzbFLppv1XxEhdC\n\
        0xrakAsZkuvrBD6HZc9n94yLj+ChRANCAARnE4imRke4SZSiSZLrR+VRn/y8jKiT\n\
        LbpYftsWbSrU2jpFVblOsFBe+YO0ADvQAvZLy4k9GLe+K/THb9qtQjIX\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn what_is_signed_satisfies_a_policy_and_is_the_same_twice() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let made = |document: &serde_json::Value| VerifiedManifest::made(document, OCI_MANIFEST);
        let root = Root::made(made(&json!({"schemaVersion": 2, "manifests": []})));
        let mut tree = ImageTree::single(root, Vec::new());
        tree.children.push(made(&json!({})));
        let key = SigningKey::from_pem(KEY).unwrap();
        let signed = sign(&store, "redhat/index", &tree, "registry.io/redhat/index", &key).unwrap();
        assert_eq!(signed.len(), 2);
        let again = sign(&store, "redhat/index", &tree, "registry.io/redhat/index", &key).unwrap();
        let key_file = key.public_pem();
        let text = r#"{"default": [{"type": "sigstoreSigned", "keyPath": "/k", "signedIdentity": {"type": "matchRepository"}}]}"#;
        let policy = Policy::parse("policy.json", text).unwrap();
        for (manifest, (attached, again)) in tree.image_manifests().zip(signed.iter().zip(&again)) {
            assert_eq!(attached.tree.root.bytes(), again.tree.root.bytes());
            let tag = attached.tag.clone().unwrap();
            assert_eq!(tag, format!("sha256-{}.sig", manifest.digest().hex()));
            assert_eq!(store.resolve_tag("redhat/index", &tag).unwrap().as_ref(), Some(attached.tree.root.digest()));
            let Ok(ManifestView::Image(image)) = attached.tree.root.view() else { panic!("no image") };
            let layer = &image.layers[0];
            let signature = SignatureBlob::Sigstore(SigstoreSignature {
                media_type: layer.media_type.clone(),
                payload: store.read_small_blob(&layer.digest, layer.size).unwrap(),
                annotations: layer.annotations.clone(),
            });
            let name = ImageRef::parse("registry.io/redhat/index:v4").unwrap();
            let candidate = Candidate {
                transport: &Transport::Docker,
                image: &name,
                manifest_digest: manifest.digest(),
                signatures: &[signature],
            };
            let read = |_: &std::path::Path| Ok(key_file.clone().into_bytes());
            evaluate(&policy, &candidate, jiff::Timestamp::UNIX_EPOCH, &read).unwrap();
        }
    }
}
