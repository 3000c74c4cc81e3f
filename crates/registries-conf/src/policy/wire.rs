//! The JSON of policy.json as it is written. Strict everywhere: no unknown keys, no key twice, no list for an object.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use crate::object::Object;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) default: Vec<Object<Requirement>>,
    #[serde(default)]
    pub(super) transports: UniqueMap<UniqueMap<Vec<Object<Requirement>>>>,
}

/// A JSON object in which no key stands twice.
pub(super) struct UniqueMap<T>(pub(super) BTreeMap<String, T>);

impl<T> Default for UniqueMap<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for UniqueMap<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = UniqueMap<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut map = BTreeMap::new();
                while let Some(key) = access.next_key::<String>()? {
                    if map.contains_key(&key) {
                        return Err(A::Error::custom(format_args!("duplicate key `{key}`")));
                    }
                    let value = access.next_value()?;
                    map.insert(key, value);
                }
                Ok(UniqueMap(map))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

// The variants without fields are written with braces: only then does serde refuse unknown keys in them.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(super) enum Requirement {
    InsecureAcceptAnything {},
    Reject {},
    SignedBy {
        key_type: String,
        key_path: Option<String>,
        key_paths: Option<Vec<String>>,
        key_data: Option<String>,
        signed_identity: Option<Object<Identity>>,
    },
    SignedBaseLayer {
        base_layer_identity: Object<Identity>,
    },
    SigstoreSigned(Box<Sigstore>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Sigstore {
    pub(super) key_path: Option<String>,
    pub(super) key_paths: Option<Vec<String>>,
    pub(super) key_data: Option<String>,
    pub(super) key_datas: Option<Vec<String>>,
    pub(super) fulcio: Option<Object<Fulcio>>,
    pub(super) pki: Option<Object<Pki>>,
    pub(super) rekor_public_key_path: Option<String>,
    pub(super) rekor_public_key_paths: Option<Vec<String>>,
    pub(super) rekor_public_key_data: Option<String>,
    pub(super) rekor_public_key_datas: Option<Vec<String>>,
    pub(super) signed_identity: Option<Object<Identity>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Fulcio {
    pub(super) ca_path: Option<String>,
    pub(super) ca_data: Option<String>,
    pub(super) oidc_issuer: Option<String>,
    pub(super) subject_email: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Pki {
    pub(super) ca_roots_path: Option<String>,
    pub(super) ca_roots_data: Option<String>,
    pub(super) ca_intermediates_path: Option<String>,
    pub(super) ca_intermediates_data: Option<String>,
    pub(super) subject_hostname: Option<String>,
    pub(super) subject_email: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(super) enum Identity {
    MatchExact {},
    MatchRepoDigestOrExact {},
    MatchRepository {},
    ExactReference {
        docker_reference: String,
    },
    ExactRepository {
        docker_repository: String,
    },
    #[serde(rename = "remapIdentity")]
    Remap {
        prefix: String,
        signed_prefix: String,
    },
}
