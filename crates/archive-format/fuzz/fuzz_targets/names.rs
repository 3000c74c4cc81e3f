//! Arbitrary names: what is confined is below, and what has a place in the layout is confined.

#![no_main]

use std::path::{Component, Path};

use archive_format::confine;
use archive_format::layout::{Place, blob_name, layer_link_name, revision_link_name, tag_current_name, tag_index_name};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|name: &str| {
    if let Ok(path) = confine(Path::new("/a/b"), name) {
        assert!(path.starts_with("/a/b") && path != Path::new("/a/b"));
        assert!(!path.components().any(|part| part == Component::ParentDir));
    }
    let Some(place) = Place::parse(name) else { return };
    let again = match &place {
        Place::Blob(digest) => blob_name(digest),
        Place::Layer { repository, digest } => layer_link_name(repository, digest),
        Place::Revision { repository, digest } => revision_link_name(repository, digest),
        Place::TagCurrent { repository, tag } => tag_current_name(repository, tag),
        Place::TagIndex { repository, tag, digest } => tag_index_name(repository, tag, digest),
        _ => return,
    };
    assert_eq!(again, name);
    assert!(confine(Path::new("/a/b"), name).is_ok());
});
