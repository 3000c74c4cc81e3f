//! What a policy is asked about, and the error of what it refuses.

use image_ref::ImageRef;
use mirror_job::failure::{Condition, CopyError};
use mirror_plan::PlannedImage;

/// The name that counts. With tag and digest, the digest is what is pulled.
pub(super) fn asked_for(image: &PlannedImage) -> ImageRef {
    match (image.source.digest(), image.source.repository()) {
        (Some(digest), Ok(repository)) => ImageRef::from_parts(&repository, None, Some(digest.clone())),
        _ => image.source.clone(),
    }
}

pub(super) fn refusal(message: String) -> CopyError {
    CopyError::permanent(Condition::Policy, message)
}
