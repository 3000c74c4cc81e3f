//! Registries of others as tables: what each does otherwise than the in-process registry, and who says so.
//!
//! A profile holds documented habits only. `docs/compatibility.md` has the same table for readers.

use super::auth::{Auth, TokenAuth};
use super::fault::{Effect, Fault, When};
use super::target::Kind;

/// A registry of others whose habits the in-process registry takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Red Hat Quay and quay.io.
    Quay,
    /// Harbor.
    Harbor,
    /// Sonatype Nexus Repository 3.
    Nexus,
    /// Sonatype Nexus Repository 3 of 2018, before it knew OCI manifests.
    NexusOld,
    /// `JFrog` Artifactory.
    Artifactory,
    /// Amazon Elastic Container Registry.
    Ecr,
    /// GitHub Container Registry.
    Ghcr,
    /// GitLab Container Registry.
    GitLab,
    /// Docker Hub.
    DockerHub,
    /// Google Artifact Registry.
    Google,
}

/// One habit of a registry.
#[derive(Debug, Clone, Copy)]
pub struct Habit {
    /// What it does, in a sentence.
    pub what: &'static str,
    /// Who says so.
    pub source: &'static str,
    does: Does,
}

/// What a habit does to requests.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// The referrers API answers with this status.
    Referrers(u16),
    /// A mount is answered with this status; 202 begins an upload.
    Mount(u16),
    /// `HEAD` of a manifest tells neither digest nor media type.
    BareHead,
    /// No answer about a manifest tells its digest.
    NoDigest,
    /// `HEAD` of a manifest that is not there answers with this status.
    HeadOfNothing(u16),
    /// Manifests that are no images are refused with this status.
    Artifacts(u16),
    /// OCI manifests are refused with this status.
    OciManifests(u16),
    /// Uploads in one request are refused.
    NeedsPatch,
    /// `PATCH` is refused with this status.
    NoPatch(u16),
    /// A chunk has at most so many bytes.
    Chunk(u64),
    /// Uploads go on below this path.
    UploadsBelow(&'static str),
    /// Blobs are read from another host, which refuses `Authorization`.
    BlobsElsewhere,
    /// Manifests cannot be deleted.
    NoDelete,
    /// Tags cannot be deleted.
    NoDeleteOfTags,
    /// A manifest with a tag cannot be deleted.
    NoDeleteOfTagged,
    /// A manifest that a list names cannot be deleted.
    NoDeleteOfInstances,
    /// Repositories are made by their owner, not by a push.
    NoNewRepositories,
    /// The challenge is `BASIC`, in capitals.
    BasicInCapitals,
}

/// A habit of a table.
const fn habit(does: Does, what: &'static str, source: &'static str) -> Habit {
    Habit { what, source, does }
}

const QUAY: &[Habit] = &[
    habit(
        Does::Artifacts(400),
        "refuses manifests whose config type is not on its list: 400 `MANIFEST_INVALID`",
        "https://github.com/tektoncd/chains/issues/252",
    ),
    habit(
        Does::Referrers(404),
        "has no referrers API, unless its owner switches it on",
        "https://github.com/awslabs/soci-snapshotter/pull/512",
    ),
];

const HARBOR: &[Habit] = &[
    habit(
        Does::NoDeleteOfTags,
        "deletes manifests by digest only: a tag is answered with 405 `UNSUPPORTED`",
        "https://github.com/goharbor/harbor/pull/11971",
    ),
    habit(
        Does::Mount(202),
        "answers a mount that it cannot do with 202",
        "https://github.com/goharbor/harbor/issues/17097",
    ),
    habit(
        Does::BlobsElsewhere,
        "serves blobs from S3 where its storage is there, which takes no `Authorization` beside a signed address",
        "https://github.com/containerd/containerd/issues/10374",
    ),
];

const NEXUS: &[Habit] = &[
    habit(
        Does::BasicInCapitals,
        "asks for credentials with `BASIC` in capitals",
        "https://github.com/dotnet/sdk-container-builds/issues/527",
    ),
    habit(
        Does::UploadsBelow("/repository/docker-hosted"),
        "continues uploads below `/repository/NAME/v2/`",
        "https://github.com/sonatype/nexus-public/issues/967",
    ),
];

const NEXUS_OLD: &[Habit] = &[
    habit(
        Does::OciManifests(400),
        "does not know OCI manifests",
        "https://github.com/podman-container-tools/buildah/issues/575",
    ),
    habit(
        Does::BasicInCapitals,
        "asks for credentials with `BASIC` in capitals",
        "https://github.com/dotnet/sdk-container-builds/issues/527",
    ),
];

const ARTIFACTORY: &[Habit] = &[
    habit(Does::NeedsPatch, "takes blobs by `PATCH` only", "https://github.com/containerd/containerd/issues/3533"),
    habit(
        Does::BareHead,
        "answers `HEAD` of a manifest with `application/octet-stream` and no digest",
        "https://github.com/deitch/docker_registry2/issues/83",
    ),
    habit(
        Does::HeadOfNothing(403),
        "answers `HEAD` of a tag that is not there with 403, in virtual repositories",
        "https://github.com/google/go-containerregistry/pull/1691",
    ),
    habit(Does::Referrers(404), "had no referrers API in 2023", "https://github.com/awslabs/soci-snapshotter/pull/512"),
];

const ECR: &[Habit] = &[
    habit(
        Does::NoNewRepositories,
        "makes no repository by a push: 404 `NAME_UNKNOWN`",
        "https://github.com/regclient/regclient/issues/869",
    ),
    habit(
        Does::Artifacts(405),
        "refuses manifests with `artifactType` and `subject`: 405 `UNSUPPORTED`",
        "https://github.com/aws/containers-roadmap/issues/2783",
    ),
    habit(
        Does::NoDigest,
        "sends no `Docker-Content-Digest`",
        "https://github.com/distribution/distribution/issues/3792",
    ),
    habit(
        Does::BlobsElsewhere,
        "serves blobs from S3, which takes no `Authorization` beside a signed address",
        "https://github.com/open-policy-agent/opa/issues/6580",
    ),
];

const GHCR: &[Habit] = &[
    habit(
        Does::Chunk(4 << 20),
        "takes chunks of at most 4 MiB: larger ones are answered with 416",
        "https://github.com/wasmCloud/wash-archive/issues/268",
    ),
    habit(
        Does::Referrers(404),
        "has no referrers API: 404 `MANIFEST_UNKNOWN`",
        "https://github.com/NVIDIA/aicr/issues/1957",
    ),
    habit(
        Does::NoDelete,
        "deletes nothing by the registry API: 405 `UNSUPPORTED`",
        "https://github.com/podman-container-tools/skopeo/issues/1880",
    ),
    habit(
        Does::BlobsElsewhere,
        "serves blobs from S3, which takes no `Authorization` beside a signed address",
        "https://github.com/containerd/stargz-snapshotter/pull/167",
    ),
];

const GITLAB: &[Habit] = &[
    habit(
        Does::Artifacts(400),
        "refuses manifests with unknown media types: 400 `MANIFEST_INVALID`",
        "https://github.com/grimoire-rs/grimoire/issues/11",
    ),
    habit(
        Does::Mount(401),
        "answers a mount that it does not allow with 401",
        "https://github.com/estesp/manifest-tool/issues/53",
    ),
    habit(Does::Referrers(404), "has no referrers API", "https://github.com/sigstore/cosign/issues/4569"),
];

const DOCKER_HUB: &[Habit] = &[
    habit(
        Does::NoDelete,
        "deletes nothing by the registry API: 405 `UNSUPPORTED`",
        "https://github.com/docker/hub-feedback/issues/2360",
    ),
    habit(Does::Referrers(404), "has no referrers API", "https://github.com/docker/roadmap/issues/724"),
    habit(
        Does::Mount(401),
        "answers a mount that it does not allow with 401",
        "https://github.com/estesp/manifest-tool/issues/42",
    ),
];

const GOOGLE: &[Habit] = &[
    habit(
        Does::NoPatch(404),
        "takes no uploads in chunks",
        "https://cloud.google.com/artifact-registry/docs/reference/docker-api",
    ),
    habit(
        Does::UploadsBelow("/artifacts-uploads"),
        "continues uploads below `/artifacts-uploads/`",
        "https://github.com/podman-container-tools/skopeo/issues/1101",
    ),
    habit(
        Does::NoDeleteOfTagged,
        "deletes no manifest that a tag names: 400 `GOOGLE_MANIFEST_DANGLING_TAG`",
        "https://github.com/genuinetools/reg/issues/136",
    ),
    habit(
        Does::NoDeleteOfInstances,
        "deletes no manifest that a list names: 400 `GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE`",
        "https://github.com/GoogleCloudPlatform/gcr-cleaner/issues/118",
    ),
];

impl Profile {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Quay,
        Self::Harbor,
        Self::Nexus,
        Self::NexusOld,
        Self::Artifactory,
        Self::Ecr,
        Self::Ghcr,
        Self::GitLab,
        Self::DockerHub,
        Self::Google,
    ];

    /// The user whom a registry with a profile knows.
    pub const USER: &'static str = "user";

    /// The password of [`Profile::USER`].
    pub const PASSWORD: &'static str = "s3cret-word";

    /// Its name, such as `nexus-old`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quay => "quay",
            Self::Harbor => "harbor",
            Self::Nexus => "nexus",
            Self::NexusOld => "nexus-old",
            Self::Artifactory => "artifactory",
            Self::Ecr => "ecr",
            Self::Ghcr => "ghcr",
            Self::GitLab => "gitlab",
            Self::DockerHub => "docker-hub",
            Self::Google => "google",
        }
    }

    /// Its habits.
    pub fn habits(self) -> &'static [Habit] {
        match self {
            Self::Quay => QUAY,
            Self::Harbor => HARBOR,
            Self::Nexus => NEXUS,
            Self::NexusOld => NEXUS_OLD,
            Self::Artifactory => ARTIFACTORY,
            Self::Ecr => ECR,
            Self::Ghcr => GHCR,
            Self::GitLab => GITLAB,
            Self::DockerHub => DOCKER_HUB,
            Self::Google => GOOGLE,
        }
    }

    /// How it asks for credentials.
    pub(super) fn auth(self) -> Auth {
        match self {
            Self::Nexus | Self::NexusOld | Self::Artifactory | Self::Ecr => Auth::basic(Self::USER, Self::PASSWORD),
            _ => Auth::Token(TokenAuth::user(Self::USER, Self::PASSWORD)),
        }
    }

    /// Whether it has the referrers API.
    pub(super) fn has_referrers(self) -> bool {
        !self.habits().iter().any(|habit| matches!(habit.does, Does::Referrers(_)))
    }

    /// What the habits do to requests.
    pub(super) fn faults(self) -> Vec<Fault> {
        self.habits().iter().map(|habit| habit.does.fault()).collect()
    }
}

impl Does {
    fn fault(self) -> Fault {
        let manifests = || When::kind(Kind::Manifest);
        match self {
            Self::Referrers(status) => Fault::new(When::kind(Kind::Referrers), Effect::status(status)),
            Self::Mount(202) => Fault::new(When::kind(Kind::Upload), Effect::RefuseMount),
            Self::Mount(status) => {
                Fault::new(When::kind(Kind::Upload).method("POST").query("mount="), Effect::status(status))
            }
            Self::BareHead => Fault::new(manifests().method("HEAD"), Effect::BareHead),
            Self::NoDigest => Fault::new(manifests(), Effect::NoDigestHeader),
            Self::HeadOfNothing(status) => Fault::new(manifests().method("HEAD"), Effect::UnknownIs(status)),
            Self::Artifacts(status) => Fault::new(manifests().method("PUT"), Effect::RefuseArtifacts(status)),
            Self::OciManifests(status) => Fault::new(manifests().method("PUT"), Effect::RefuseOci(status)),
            Self::NeedsPatch => Fault::new(When::kind(Kind::Upload), Effect::RefuseMonolithic),
            Self::NoPatch(status) => Fault::new(When::kind(Kind::Upload).method("PATCH"), Effect::status(status)),
            Self::Chunk(bytes) => {
                Fault::new(When::kind(Kind::Upload).method("PATCH"), Effect::LargestBody { bytes, status: 416 })
            }
            Self::UploadsBelow(path) => Fault::new(When::kind(Kind::Upload), Effect::LocationBelow(path)),
            Self::BlobsElsewhere => Fault::new(When::kind(Kind::Blob).method("GET"), Effect::RedirectToCdn),
            Self::NoDelete => Fault::new(manifests().method("DELETE"), Effect::status(405)),
            Self::NoDeleteOfTags => Fault::new(When::path("/manifests/[^:]+$").method("DELETE"), Effect::status(405)),
            Self::NoDeleteOfTagged => Fault::new(manifests().method("DELETE"), Effect::KeepTagged),
            Self::NoDeleteOfInstances => Fault::new(manifests().method("DELETE"), Effect::KeepInstances),
            Self::NoNewRepositories => Fault::new(When::any(), Effect::RequireRepository),
            Self::BasicInCapitals => Fault::new(When::any(), Effect::BasicInCapitals),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_habit_stands_in_the_docs_with_its_source() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
        let text = std::fs::read_to_string(path).unwrap();
        for profile in Profile::ALL {
            for habit in profile.habits() {
                let row = format!("| {} | {} | <{}> |", profile.name(), habit.what, habit.source);
                assert!(text.contains(&row), "docs/compatibility.md lacks the row\n{row}");
            }
        }
        let rows = text.lines().filter(|line| line.contains("| <https://")).count();
        let habits: usize = Profile::ALL.iter().map(|profile| profile.habits().len()).sum();
        assert_eq!(rows, habits, "docs/compatibility.md has rows of habits that no profile has");
    }
}
