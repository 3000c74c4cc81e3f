//! From rows to documents.

use crate::document::Document;
use crate::mirrored::Mirrored;
use crate::request::{Notice, Request};
use crate::{catalog, mirror_set, signatures, update_service};

/// Documents, and what is worth telling about them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Emitted {
    /// The files, in the order they are announced.
    pub documents: Vec<Document>,
    /// What could not be done as asked.
    pub notices: Vec<Notice>,
}

/// Makes the documents. The order of `rows` does not matter.
pub fn emit(rows: &[Mirrored], request: &Request<'_>) -> Emitted {
    let mut notices = Vec::new();
    let mut documents = mirror_set::documents(rows, request);
    documents.extend(catalog::documents(rows, request, &mut notices));
    documents.extend(signatures::documents(rows, request, &mut notices));
    documents.extend(update_service::document(request));
    Emitted { documents, notices }
}
