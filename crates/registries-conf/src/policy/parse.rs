//! From the JSON of policy.json to checked requirements.

use std::collections::BTreeMap;
use std::path::PathBuf;

use image_ref::{ImageRef, Repository};

use super::wire;
use super::{
    Fulcio, KeySource, KeyType, Pki, Policy, Requirement, SignedBy, SignedIdentity, SigstoreSigned, SigstoreTrust,
};
use crate::base64::base64_of;
use crate::layer::{Origin, Position};
use crate::object::Object;

/// A mistake in policy.json.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Not JSON, or not the shape of a policy.
    #[error("{origin}: invalid policy: {message}")]
    Shape {
        /// The file and the line.
        origin: Origin,
        /// What is wrong.
        message: String,
    },
    /// An entry that contradicts itself.
    #[error("{file}: invalid policy: {place}: {message}")]
    Requirement {
        /// The file.
        file: String,
        /// The entry, such as `transports.docker."quay.io"[0]`.
        place: String,
        /// What is wrong.
        message: String,
    },
}

pub(super) fn policy(name: &str, text: &str) -> Result<Policy, PolicyError> {
    let Object(file): Object<wire::File> = serde_json::from_str(text).map_err(|error| {
        let position = (error.line() > 0).then(|| Position { line: error.line(), column: error.column().max(1) });
        // serde_json repeats the position at the end of its message.
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        PolicyError::Shape { origin: Origin::new(name, position), message }
    })?;
    let mut transports = BTreeMap::new();
    for (transport, scopes) in file.transports.0 {
        let mut sections = BTreeMap::new();
        for (scope, requirements) in scopes.0 {
            let place = format!("transports.{transport}.{scope:?}");
            sections.insert(scope, section(name, &place, requirements)?);
        }
        transports.insert(transport, sections);
    }
    Ok(Policy { name: name.to_owned(), default: section(name, "default", file.default)?, transports })
}

fn section(file: &str, place: &str, raw: Vec<Object<wire::Requirement>>) -> Result<Vec<Requirement>, PolicyError> {
    let error = |place, message| PolicyError::Requirement { file: file.to_owned(), place, message };
    if raw.is_empty() {
        let message =
            "the list of requirements must not be empty; write `[{\"type\": \"reject\"}]` to refuse".to_owned();
        return Err(error(place.to_owned(), message));
    }
    raw.into_iter()
        .enumerate()
        .map(|(at, Object(raw))| requirement(raw).map_err(|message| error(format!("{place}[{at}]"), message)))
        .collect()
}

fn requirement(raw: wire::Requirement) -> Result<Requirement, String> {
    Ok(match raw {
        wire::Requirement::InsecureAcceptAnything {} => Requirement::InsecureAcceptAnything,
        wire::Requirement::Reject {} => Requirement::Reject,
        wire::Requirement::SignedBy { key_type, key_path, key_paths, key_data, signed_identity } => {
            let key_type = match key_type.as_str() {
                "GPGKeys" => KeyType::GpgKeys,
                "signedByGPGKeys" => KeyType::SignedByGpgKeys,
                "X509Certificates" => KeyType::X509Certificates,
                "signedByX509CAs" => KeyType::SignedByX509Cas,
                other => return Err(format!("unknown keyType `{other}`, expected `GPGKeys`")),
            };
            let mut sources = key_sources(["keyPath", "keyPaths", "keyData", ""], key_path, key_paths, key_data, None)?;
            let (Some(keys), None) = (sources.pop(), sources.pop()) else {
                return Err("exactly one of keyPath, keyPaths and keyData must be specified".to_owned());
            };
            Requirement::SignedBy(SignedBy { key_type, keys, signed_identity: optional_identity(signed_identity)? })
        }
        wire::Requirement::SignedBaseLayer { base_layer_identity } => {
            Requirement::SignedBaseLayer(identity(base_layer_identity.0)?)
        }
        wire::Requirement::SigstoreSigned(raw) => Requirement::SigstoreSigned(sigstore(*raw)?),
    })
}

fn sigstore(raw: wire::Sigstore) -> Result<SigstoreSigned, String> {
    let keys = key_sources(
        ["keyPath", "keyPaths", "keyData", "keyDatas"],
        raw.key_path,
        raw.key_paths,
        raw.key_data,
        raw.key_datas,
    )?;
    let mut trust: Vec<SigstoreTrust> = keys.into_iter().map(SigstoreTrust::Keys).collect();
    if let Some(Object(raw)) = raw.fulcio {
        trust.push(SigstoreTrust::Fulcio(fulcio(raw)?));
    }
    if let Some(Object(raw)) = raw.pki {
        trust.push(SigstoreTrust::Pki(pki(raw)?));
    }
    let (Some(trust), None) = (trust.pop(), trust.pop()) else {
        return Err("exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki must be specified".to_owned());
    };
    let mut rekor = key_sources(
        ["rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas"],
        raw.rekor_public_key_path,
        raw.rekor_public_key_paths,
        raw.rekor_public_key_data,
        raw.rekor_public_key_datas,
    )?;
    if rekor.len() > 1 {
        return Err("at most one of rekorPublicKeyPath, rekorPublicKeyPaths, rekorPublicKeyData and \
                    rekorPublicKeyDatas can be specified"
            .to_owned());
    }
    let rekor = rekor.pop();
    if matches!(trust, SigstoreTrust::Fulcio(_)) && rekor.is_none() {
        return Err("a rekorPublicKeyPath or one of its relatives must be specified with fulcio".to_owned());
    }
    if matches!(trust, SigstoreTrust::Pki(_)) && rekor.is_some() {
        return Err("rekorPublicKeyPath and its relatives are not supported with pki".to_owned());
    }
    Ok(SigstoreSigned { trust, rekor, signed_identity: optional_identity(raw.signed_identity)? })
}

fn fulcio(raw: wire::Fulcio) -> Result<Fulcio, String> {
    let ca = one_of("fulcio", "caPath", raw.ca_path, "caData", raw.ca_data)?
        .ok_or("exactly one of fulcio.caPath and fulcio.caData must be specified")?;
    let oidc_issuer = raw.oidc_issuer.filter(|text| !text.is_empty()).ok_or("fulcio.oidcIssuer must be specified")?;
    let subject_email =
        raw.subject_email.filter(|text| !text.is_empty()).ok_or("fulcio.subjectEmail must be specified")?;
    Ok(Fulcio { ca, oidc_issuer, subject_email })
}

fn pki(raw: wire::Pki) -> Result<Pki, String> {
    let roots = one_of("pki", "caRootsPath", raw.ca_roots_path, "caRootsData", raw.ca_roots_data)?
        .ok_or("exactly one of pki.caRootsPath and pki.caRootsData must be specified")?;
    let intermediates = one_of(
        "pki",
        "caIntermediatesPath",
        raw.ca_intermediates_path,
        "caIntermediatesData",
        raw.ca_intermediates_data,
    )?;
    let subject_hostname = raw.subject_hostname.filter(|text| !text.is_empty());
    let subject_email = raw.subject_email.filter(|text| !text.is_empty());
    if subject_hostname.is_none() && subject_email.is_none() {
        return Err("at least one of pki.subjectHostname and pki.subjectEmail must be specified".to_owned());
    }
    Ok(Pki { roots, intermediates, subject_hostname, subject_email })
}

/// A path or its content, never both.
fn one_of(
    section: &str,
    path_key: &str,
    path: Option<String>,
    data_key: &str,
    data: Option<String>,
) -> Result<Option<KeySource>, String> {
    let mut sources = key_sources([path_key, "", data_key, ""], path, None, data, None)?;
    if sources.len() > 1 {
        return Err(format!("{section}.{path_key} and {section}.{data_key} cannot both be specified"));
    }
    Ok(sources.pop())
}

/// All the ways of giving keys that are used at once; the callers know how many may be.
fn key_sources(
    names: [&str; 4],
    path: Option<String>,
    paths: Option<Vec<String>>,
    data: Option<String>,
    datas: Option<Vec<String>>,
) -> Result<Vec<KeySource>, String> {
    let mut sources = Vec::new();
    for (name, paths) in [(names[0], path.map(|path| vec![path])), (names[1], paths)] {
        let Some(paths) = paths else { continue };
        if paths.is_empty() || paths.iter().any(String::is_empty) {
            return Err(format!("{name} must not be empty"));
        }
        sources.push(KeySource::Paths(paths.into_iter().map(PathBuf::from).collect()));
    }
    for (name, datas) in [(names[2], data.map(|data| vec![data])), (names[3], datas)] {
        let Some(datas) = datas else { continue };
        if datas.is_empty() || datas.iter().any(String::is_empty) {
            return Err(format!("{name} must not be empty"));
        }
        let decoded: Result<_, _> = datas.iter().map(|data| base64_of(data)).collect();
        sources.push(KeySource::Data(decoded.map_err(|error| format!("{name} is not base64: {error}"))?));
    }
    Ok(sources)
}

fn optional_identity(raw: Option<Object<wire::Identity>>) -> Result<SignedIdentity, String> {
    raw.map_or(Ok(SignedIdentity::default()), |Object(raw)| identity(raw))
}

fn identity(raw: wire::Identity) -> Result<SignedIdentity, String> {
    Ok(match raw {
        wire::Identity::MatchExact {} => SignedIdentity::MatchExact,
        wire::Identity::MatchRepoDigestOrExact {} => SignedIdentity::MatchRepoDigestOrExact,
        wire::Identity::MatchRepository {} => SignedIdentity::MatchRepository,
        wire::Identity::ExactReference { docker_reference } => {
            let image = named(&docker_reference).map_err(|why| format!("dockerReference: {why}"))?;
            if image.tag().is_none() && image.digest().is_none() {
                return Err(format!("dockerReference `{docker_reference}` contains neither a tag nor a digest"));
            }
            SignedIdentity::ExactReference(image)
        }
        wire::Identity::ExactRepository { docker_repository } => {
            let image = named(&docker_repository).map_err(|why| format!("dockerRepository: {why}"))?;
            SignedIdentity::ExactRepository(image.repository().map_err(|error| error.to_string())?)
        }
        wire::Identity::Remap { prefix, signed_prefix } => {
            check_prefix("prefix", &prefix)?;
            check_prefix("signedPrefix", &signed_prefix)?;
            SignedIdentity::Remap { prefix, signed_prefix }
        }
    })
}

fn named(text: &str) -> Result<ImageRef, String> {
    if text.contains("://") {
        return Err(format!("`{text}` must stand without `://`"));
    }
    let image = ImageRef::parse_name(text).map_err(|error| error.to_string())?.normalized();
    image.repository().map_err(|error| error.to_string())?;
    Ok(image)
}

/// `host[:port]`, alone or with a path below it, but no tag and no digest.
fn check_prefix(key: &str, prefix: &str) -> Result<(), String> {
    let valid =
        if prefix.contains('/') { prefix.parse::<Repository>().is_ok() } else { Repository::new(prefix, "x").is_ok() };
    if valid { Ok(()) } else { Err(format!("{key} `{prefix}` must be `host[:port]` or `host[:port]/path`")) }
}
