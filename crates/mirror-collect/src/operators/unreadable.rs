//! Why a catalog cannot be read.

use crate::fault::Fault;

/// What a message about a catalog's documents begins with, in a run that mirrors.
const LOADING: &str = "failed to load catalog config: ";

/// Why a catalog cannot be read: documents that make no catalog, or anything before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnreadableCatalog {
    /// Its documents are broken, or contradict each other; one reason each.
    Documents(Vec<String>),
    /// The image cannot be read, or holds no catalog.
    Image(String),
}

impl UnreadableCatalog {
    /// The bare reasons, for whoever says already that a catalog cannot be loaded.
    pub fn reasons(self) -> Vec<String> {
        match self {
            Self::Documents(reasons) => reasons,
            Self::Image(reason) => vec![reason],
        }
    }

    /// Whole messages.
    pub fn messages(self) -> Vec<String> {
        match self {
            Self::Documents(reasons) => reasons.iter().map(|reason| format!("{LOADING}{reason}")).collect(),
            Self::Image(reason) => vec![reason],
        }
    }
}

impl From<UnreadableCatalog> for Vec<Fault> {
    fn from(unreadable: UnreadableCatalog) -> Self {
        unreadable.messages().into_iter().map(Fault::from).collect()
    }
}

impl From<mirror_job::CopyError> for UnreadableCatalog {
    fn from(error: mirror_job::CopyError) -> Self {
        Self::Image(error.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_documents_fail_to_load() {
        let documents = UnreadableCatalog::Documents(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(documents.clone().reasons(), ["a", "b"]);
        assert_eq!(documents.messages(), ["failed to load catalog config: a", "failed to load catalog config: b"]);
        // Words of a publisher do not turn one into the other.
        let image = UnreadableCatalog::Image("failed to load catalog config: x".to_owned());
        assert_eq!(image.clone().reasons(), image.messages());
    }
}
