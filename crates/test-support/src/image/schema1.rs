//! Docker schema 1 manifests, unsigned and signed, as old registries still hold them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::builder::pretty;
use super::{Blob, Image, Layer};
use crate::media_type;

/// An unsigned schema 1 manifest.
pub fn schema1(name: &str, tag: &str, layers: &[Layer]) -> Image {
    with_layers(Image::new(pretty(&payload(name, tag, layers)), media_type::SCHEMA1), layers)
}

/// A signed schema 1 manifest: its digest is that of the payload without the signatures.
///
/// The signature has the right form; it is made of zeros, since nobody checks it.
pub fn schema1_signed(name: &str, tag: &str, layers: &[Layer]) -> Image {
    let payload = pretty(&payload(name, tag, layers));
    // The signatures go in front of the closing brace; `formatLength` and `formatTail` say how to take them out.
    let length = payload.len() - "\n}".len();
    let protected = json!({
        "formatLength": length,
        "formatTail": URL_SAFE_NO_PAD.encode("\n}"),
        "time": "2024-01-01T00:00:00Z",
    });
    let signature = json!([{
        "header": { "jwk": { "crv": "P-256", "kid": "TEST", "kty": "EC", "x": "AA", "y": "AA" }, "alg": "ES256" },
        "signature": URL_SAFE_NO_PAD.encode([0; 64]),
        "protected": URL_SAFE_NO_PAD.encode(protected.to_string()),
    }]);
    let signed = format!("{},\n   \"signatures\": {signature}\n}}", &payload[..length]);
    with_layers(Image::new(signed, media_type::SCHEMA1_SIGNED), layers)
}

fn payload(name: &str, tag: &str, layers: &[Layer]) -> Value {
    // Schema 1 lists the top layer first.
    let layers: Vec<Value> = layers.iter().rev().map(|layer| json!({ "blobSum": layer.digest() })).collect();
    let history: Vec<Value> = (0..layers.len())
        .map(|number| {
            let id = format!("{number:064x}");
            let compatible =
                json!({ "id": id, "created": "2024-01-01T00:00:00Z", "architecture": "amd64", "os": "linux" });
            json!({ "v1Compatibility": compatible.to_string() })
        })
        .collect();
    json!({
        "schemaVersion": 1,
        "name": name,
        "tag": tag,
        "architecture": "amd64",
        "fsLayers": layers,
        "history": history,
    })
}

fn with_layers(mut image: Image, layers: &[Layer]) -> Image {
    image.blobs = layers.iter().map(|layer| Blob::new(layer.bytes.clone())).collect();
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sha256;

    #[test]
    fn the_digest_of_a_signed_manifest_is_that_of_its_payload() {
        let layers = [Layer::random(1, 2000), Layer::random(2, 2000)];
        let unsigned = schema1("ns/app", "v1", &layers);
        let signed = schema1_signed("ns/app", "v1", &layers);
        assert_eq!(signed.digest, unsigned.digest);
        assert_ne!(signed.digest, sha256(&signed.bytes));
        let json: Value = serde_json::from_slice(&signed.bytes).unwrap();
        assert_eq!(json["signatures"].as_array().unwrap().len(), 1);
    }
}
