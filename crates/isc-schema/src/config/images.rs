//! `additionalImages`: single images.

use image_ref::{ImageRef, Platform};

use crate::Span;

/// An entry of `additionalImages`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdditionalImage {
    /// `name`: the image. A registry reference written without tag and digest has got the tag `latest`, with a warning.
    pub name: ImageRef,
    /// `targetRepo`: another path at the destination.
    pub target_repo: Option<String>,
    /// `targetTag`: another tag at the destination.
    pub target_tag: Option<String>,
    /// `platforms`: the instances to take from a multi-architecture image.
    pub platforms: Vec<Platform>,
    /// Where the entry stands.
    pub span: Span,
}

impl AdditionalImage {
    /// The image `name` under its own path and tag.
    pub fn new(name: ImageRef) -> Self {
        Self { name, target_repo: None, target_tag: None, platforms: Vec::new(), span: Span::default() }
    }
}
