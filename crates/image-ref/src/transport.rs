//! Where an image lies: the prefix of a reference (containers-transports(5)).

use std::fmt;

/// The transport of a reference. Text without `scheme://` is [`Transport::Docker`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// A registry, `docker://`.
    Docker,
    /// An OCI image layout in a directory, `oci://`.
    Oci,
    /// An OCI image layout in a tar file, `oci-archive://`.
    OciArchive,
    /// A `docker save` tar file, `docker-archive://`.
    DockerArchive,
    /// A plain directory of blobs, `dir://`.
    Dir,
    /// A local directory of oc-mirror archives, `file://`; never an image.
    File,
    /// Any other scheme (`containers-storage`, `docker-daemon`, …), without `://`.
    Other(String),
}

impl Transport {
    /// The transport with this scheme name.
    pub fn from_scheme(scheme: &str) -> Self {
        match scheme {
            "docker" => Self::Docker,
            "oci" => Self::Oci,
            "oci-archive" => Self::OciArchive,
            "docker-archive" => Self::DockerArchive,
            "dir" => Self::Dir,
            "file" => Self::File,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The scheme name, without `://`.
    pub fn scheme(&self) -> &str {
        match self {
            Self::Docker => "docker",
            Self::Oci => "oci",
            Self::OciArchive => "oci-archive",
            Self::DockerArchive => "docker-archive",
            Self::Dir => "dir",
            Self::File => "file",
            Self::Other(scheme) => scheme,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme())
    }
}
